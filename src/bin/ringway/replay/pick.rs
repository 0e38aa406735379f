//! From a line to its key and its time.

use std::{borrow::Cow, fmt};

use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

use crate::{args::Unit, fault::Fault, show};

use super::{
    bad::{Bad, What},
    csv, json,
    moment::Notation,
    shape::{Shape, sample},
};

/// How the user said where something stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'t> {
    pub(crate) name: Option<&'t str>,
    pub(crate) regex: Option<&'t str>,
}

/// Where something stands in a line.
enum Place {
    /// The nth cell, from 0.
    Cell(usize),
    /// The nth word between white space, from 0.
    Word(usize),
    /// A field by its path.
    Field(String),
    /// What an expression finds.
    Find(Box<(Regex, CaptureLocations)>),
}

/// What a row is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked<'l> {
    /// Empty where rows have no key.
    pub(crate) key: Cow<'l, [u8]>,
    /// Nanoseconds, where rows have a time.
    pub(crate) time: Option<i64>,
}

/// Takes lines of one shape apart.
pub(crate) struct Picker {
    shape: Shape,
    /// Of the key and of the time.
    places: [Option<Place>; 2],
    notation: Option<Notation>,
}

const WHAT: [What; 2] = [What::Key, What::Time];

impl Picker {
    /// Finds out how to take apart lines of this `shape`, of which the first are in `head`.
    ///
    /// # Errors
    /// A [`Fault`], if something is asked for that is not there.
    pub(crate) fn new(shape: Shape, head: &[u8], told: [Told<'_>; 2], unit: Option<Unit>) -> Result<Self, Fault> {
        let [key, time] = told;
        let places = [Place::of(key, What::Key, &shape)?, Place::of(time, What::Time, &shape)?];
        let mut picker = Self { shape, places, notation: None };
        let rows: Vec<&[u8]> = sample(head).skip(usize::from(picker.shape.has_header())).collect();
        picker.check_fields(&rows)?;
        if picker.places[1].is_some() {
            picker.notation = Some(picker.notation_of(&rows, unit)?);
        }
        Ok(picker)
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Where the key is, for the user.
    pub(crate) fn key(&self) -> Option<String> {
        Some(self.named(self.places[0].as_ref()?))
    }

    /// Where the time is and how it is written, for the user.
    pub(crate) fn time(&self) -> Option<String> {
        Some(format!("{} in {}", self.named(self.places[1].as_ref()?), self.notation?))
    }

    /// Takes a line apart.
    ///
    /// # Errors
    /// Why it is no row.
    pub(crate) fn pick<'l>(&mut self, line: &'l [u8]) -> Result<Picked<'l>, Bad> {
        let [key, time] = self.find(line)?;
        let time = match (time, self.notation) {
            (Some(time), Some(notation)) => Some(notation.nanos(&time).ok_or(Bad::NoTime)?),
            _ => None,
        };
        Ok(Picked { key: key.unwrap_or_default(), time })
    }

    /// The texts of key and time; `None` only for what was not asked for.
    fn find<'l>(&mut self, line: &'l [u8]) -> Result<[Option<Cow<'l, [u8]>>; 2], Bad> {
        let mut found = [None, None];
        match self.shape {
            Shape::Csv { delimiter, columns, .. } => {
                let cells = self.places.each_ref().map(|place| match place {
                    Some(Place::Cell(nth)) => Some(*nth),
                    _ => None,
                });
                let (texts, count) = csv::pick(line, delimiter, cells)?;
                if count != columns {
                    return Err(Bad::Columns { found: count, wanted: columns });
                }
                found = texts;
            }
            Shape::Ndjson { .. } => {
                let paths = self.places.each_ref().map(|place| match place {
                    Some(Place::Field(path)) => Some(path.as_str()),
                    _ => None,
                });
                for ((found, value), what) in found.iter_mut().zip(json::pick(line, paths)?).zip(WHAT) {
                    *found = value.map(|value| value.text().ok_or(Bad::NoValue(what))).transpose()?;
                }
            }
            Shape::Lines => {}
        }
        for ((found, place), what) in found.iter_mut().zip(&mut self.places).zip(WHAT) {
            let Some(place) = place else { continue };
            let text = match place {
                Place::Cell(_) => found.take().ok_or(Bad::Empty(what))?,
                Place::Field(_) => found.take().ok_or(Bad::NoField(what))?,
                Place::Word(nth) => {
                    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                    Cow::Borrowed(words.nth(*nth).ok_or(Bad::NoWord(what))?)
                }
                Place::Find(find) => Cow::Borrowed(matched(&mut *find, line).ok_or(Bad::NoMatch(what))?),
            };
            if text.is_empty() {
                return Err(Bad::Empty(what));
            }
            *found = Some(text);
        }
        Ok(found)
    }

    /// Refuses a field that none of the first rows has.
    fn check_fields(&self, rows: &[&[u8]]) -> Result<(), Fault> {
        let Shape::Ndjson { names } = &self.shape else { return Ok(()) };
        for (place, what) in self.places.iter().zip(WHAT) {
            let Some(Place::Field(path)) = place else { continue };
            let has = |row: &&&[u8]| json::pick(row, [Some(path.as_str())]).is_ok_and(|[value]| value.is_some());
            let sound = rows.iter().any(|row| json::names(row).is_some());
            if sound && !rows.iter().any(|row| has(&row)) {
                return Err(Fault::new(format!(
                    "{}: none of the first {} rows has a field `{path}`; the first one has {}",
                    what.option(),
                    rows.len(),
                    list(names),
                )));
            }
        }
        Ok(())
    }

    /// The notation of the first time that is one.
    fn notation_of(&mut self, rows: &[&[u8]], unit: Option<Unit>) -> Result<Notation, Fault> {
        let name = self.places[1].as_ref().map(|place| self.name(place)).unwrap_or_default();
        let mut seen = None;
        for row in rows {
            let Ok([_, Some(text)]) = self.find(row) else { continue };
            match Notation::guess(&text, &name) {
                Some(Notation::Number(guessed)) => return Ok(Notation::Number(unit.unwrap_or(guessed))),
                Some(calendar) => return Ok(calendar),
                None => seen = seen.or(Some(show::excerpt(&text, 40))),
            }
        }
        match (unit, seen) {
            (_, Some(seen)) => Err(Fault::new(format!(
                "--time: `{seen}` is no time; a number, RFC 3339 or an access log's stamp is needed"
            ))),
            // No row to guess from: an empty input, or one of bad rows only.
            (unit, None) => Ok(Notation::Number(unit.unwrap_or(Unit::S))),
        }
    }

    /// The plain name of a place, where it has one.
    fn name(&self, place: &Place) -> String {
        match (place, &self.shape) {
            (Place::Cell(nth), Shape::Csv { names, .. }) => names.get(*nth).cloned().unwrap_or_default(),
            (Place::Field(path), _) => path.clone(),
            _ => String::new(),
        }
    }

    fn named(&self, place: &Place) -> String {
        match place {
            Place::Cell(nth) => match self.name(place) {
                name if name.is_empty() => format!("column {}", nth + 1),
                name => name,
            },
            Place::Word(nth) => format!("word {}", nth + 1),
            Place::Field(path) => path.clone(),
            Place::Find(find) => format!("/{}/", find.0),
        }
    }
}

impl fmt::Debug for Picker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picker({}, key {:?}, time {:?})", self.shape, self.key(), self.time())
    }
}

impl Place {
    fn of(told: Told<'_>, what: What, shape: &Shape) -> Result<Option<Self>, Fault> {
        let option = what.option();
        if let Some(text) = told.regex {
            return Self::regex(text, option).map(Some);
        }
        let Some(name) = told.name else { return Ok(None) };
        let number = name.parse::<usize>().ok();
        let place = match shape {
            Shape::Ndjson { .. } => Self::Field(name.to_owned()),
            Shape::Lines => {
                let nth = number.and_then(|number| number.checked_sub(1)).ok_or_else(|| {
                    Fault::new(format!(
                        "{option}: plain lines have no `{name}`; say the number of a word (from 1), or {option}-regex"
                    ))
                })?;
                Self::Word(nth)
            }
            Shape::Csv { columns, names, .. } => {
                let named = names.iter().position(|found| found == name);
                let numbered = number.filter(|number| (1..=*columns).contains(number)).map(|number| number - 1);
                Self::Cell(named.or(numbered).ok_or_else(|| no_column(option, name, *columns, names))?)
            }
        };
        Ok(Some(place))
    }

    fn regex(text: &str, option: &str) -> Result<Self, Fault> {
        let regex = RegexBuilder::new(text).unicode(false).build().map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            Fault::new(format!("{option}-regex `{text}`: {}", last.trim_start_matches("error: ")))
        })?;
        let locations = regex.capture_locations();
        Ok(Self::Find(Box::new((regex, locations))))
    }
}

/// The first group of an expression that has one, or all that it matches.
fn matched<'l>((regex, locations): &mut (Regex, CaptureLocations), line: &'l [u8]) -> Option<&'l [u8]> {
    if locations.len() == 1 {
        return regex.find(line).map(|found| found.as_bytes());
    }
    regex.captures_read(locations, line)?;
    let (start, end) = locations.get(1)?;
    Some(&line[start..end])
}

fn no_column(option: &str, name: &str, columns: usize, names: &[String]) -> Fault {
    Fault::new(if names.is_empty() {
        format!(
            "{option}: there is no column `{name}`, and no header; say a number from 1 to {columns}, or --header yes"
        )
    } else {
        format!("{option}: there is no column `{name}`; there are {}, or say a number from 1 to {columns}", list(names))
    })
}

/// The first few names.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|name| show::excerpt(name.as_bytes(), 30)).collect::<Vec<_>>();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    if text.is_empty() { "none".into() } else { text.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{Picker, Told};
    use crate::replay::{bad::Bad, shape::Shape};

    fn name(name: &str) -> Told<'_> {
        Told { name: Some(name), regex: None }
    }

    fn regex(regex: &str) -> Told<'_> {
        Told { name: None, regex: Some(regex) }
    }

    fn picker(head: &str, told: [Told<'_>; 2]) -> Result<Picker, String> {
        let shape = Shape::of(head.as_bytes(), Default::default()).map_err(|fault| fault.to_string())?;
        Picker::new(shape, head.as_bytes(), told, None).map_err(|fault| fault.to_string())
    }

    /// Key and time of the last line of `head`.
    fn last(head: &str, told: [Told<'_>; 2]) -> Result<(String, Option<i64>), Bad> {
        let mut picker = picker(head, told).expect("sound");
        let picked = picker.pick(head.trim_end().lines().last().expect("a line").as_bytes())?;
        Ok((String::from_utf8_lossy(&picked.key).into_owned(), picked.time))
    }

    const TRADES: &str = "ts_ms,symbol,price_1e4\n1381219217034,SPY,1674200\n";
    const EVENTS: &str = "{\"at\":\"2013-10-08T08:00:17Z\",\"who\":{\"id\":7}}\n";
    const LOG: &str = "83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 20\n";

    #[test]
    fn keys_and_times_are_found() {
        let none = Told::default();
        assert_eq!(last(TRADES, [name("symbol"), name("ts_ms")]), Ok(("SPY".into(), Some(1_381_219_217_034_000_000))));
        assert_eq!(last(TRADES, [name("2"), none]), Ok(("SPY".into(), None)));
        assert_eq!(last(TRADES, [regex("S.Y"), name("1")]), Ok(("SPY".into(), Some(1_381_219_217_034_000_000))));
        assert_eq!(last(EVENTS, [name("who.id"), name("at")]), Ok(("7".into(), Some(1_381_219_217_000_000_000))));
        assert_eq!(last(LOG, [name("1"), none]), Ok(("83.149.9.216".into(), None)));
        let told = [regex(r"^\S+"), regex(r"\[([^\]]+)\]")];
        assert_eq!(last(LOG, told), Ok(("83.149.9.216".into(), Some(1_431_857_103_000_000_000))));
        assert_eq!(last(LOG, [none, none]), Ok((String::new(), None)));
    }

    #[test]
    fn bad_lines_say_why() {
        let mut trades = picker(TRADES, [name("symbol"), name("ts_ms")]).expect("sound");
        for (line, bad) in [
            ("1,SPY", Bad::Columns { found: 2, wanted: 3 }),
            ("1,SPY,2,3", Bad::Columns { found: 4, wanted: 3 }),
            ("soon,SPY,2", Bad::NoTime),
            ("1,,2", Bad::Empty(super::What::Key)),
            (",SPY,2", Bad::Empty(super::What::Time)),
            ("1,\"SPY,2", Bad::OpenQuote),
        ] {
            assert_eq!(trades.pick(line.as_bytes()), Err(bad), "{line}");
        }
        let mut log = picker(LOG, [name("3"), regex(r"\[(.*)\]")]).expect("sound");
        assert_eq!(log.pick(b"one two"), Err(Bad::NoWord(super::What::Key)));
        assert_eq!(log.pick(b"one two three"), Err(Bad::NoMatch(super::What::Time)));
        let mut events = picker(EVENTS, [name("who.id"), name("at")]).expect("sound");
        assert_eq!(events.pick(b"{\"who\":{\"id\":7}}"), Err(Bad::NoField(super::What::Time)));
        assert_eq!(events.pick(b"{\"at\":1,\"who\":{\"id\":[]}}"), Err(Bad::NoValue(super::What::Key)));
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let none = Told::default();
        for (head, told, words) in [
            (
                TRADES,
                [name("sym"), none],
                "--key: there is no column `sym`; there are ts_ms, symbol, price_1e4, or say a number from 1 to 3",
            ),
            (TRADES, [name("4"), none], "from 1 to 3"),
            (TRADES, [name("0"), none], "from 1 to 3"),
            ("1,2\n3,4\n", [name("a"), none], "no header; say a number from 1 to 2, or --header yes"),
            (TRADES, [none, name("symbol")], "--time: `SPY` is no time"),
            (EVENTS, [name("who.name"), none], "has a field `who.name`; the first one has at, who"),
            (LOG, [name("client"), none], "--key-regex"),
            (LOG, [regex("(a"), none], "--key-regex `(a`: unclosed group"),
        ] {
            let fault = picker(head, told).expect_err(words);
            assert!(fault.contains(words), "{fault}");
        }
    }
}
