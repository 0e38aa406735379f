//! What the rows of an input are: given, or guessed from its first lines and then said.

use std::{borrow::Cow, fmt};

use crate::{args, fault::Fault};

use super::{csv, json};

/// Separators that are tried, in this order.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that a guess is made from.
const SAMPLE: usize = 100;

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Cells; `names` is empty where the first line is a row already.
    Csv { delimiter: u8, columns: usize, names: Vec<String> },
    /// An object, with these fields in the first one.
    Ndjson { names: Vec<String> },
    /// Text.
    Lines,
}

/// What the user said about the shape.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'t> {
    pub(crate) format: Option<args::Format>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) header: Option<bool>,
    /// Columns or fields that are asked for; one that stands in the first line makes that a header.
    pub(crate) names: [Option<&'t str>; 2],
    /// Whether the input is called a CSV file: what else can't be guessed is one.
    pub(crate) is_named_csv: bool,
}

impl Shape {
    /// The shape of an input that starts with `head`.
    ///
    /// # Errors
    /// A [`Fault`], if what was told can't be, or if this is no text.
    pub(crate) fn of(head: &[u8], told: Told<'_>) -> Result<Self, Fault> {
        let lines: Vec<&[u8]> = sample(head).collect();
        if told.format.is_none() && head.contains(&0) {
            return Err(Fault::new("this is no text (it holds zero bytes); --format lines takes it all the same"));
        }
        let is_csv = told.delimiter.is_some() || told.header.is_some();
        if is_csv && told.format.is_some_and(|format| format != args::Format::Csv) {
            return Err(Fault::new("--delimiter and --header need --format csv, or none"));
        }
        match told.format {
            Some(args::Format::Lines) => Ok(Self::Lines),
            Some(args::Format::Ndjson) => Ok(Self::ndjson(&lines)),
            Some(args::Format::Csv) => Self::csv(&lines, told),
            None if is_csv => Self::csv(&lines, told),
            None if lines.first().is_some_and(|line| json::names(line).is_some()) => Ok(Self::ndjson(&lines)),
            None if told.is_named_csv || guess_delimiter(&lines, told.names).is_some() => Self::csv(&lines, told),
            None => Ok(Self::Lines),
        }
    }

    /// Whether the first line names the columns.
    pub(crate) fn has_header(&self) -> bool {
        matches!(self, Self::Csv { names, .. } if !names.is_empty())
    }

    fn ndjson(lines: &[&[u8]]) -> Self {
        Self::Ndjson { names: lines.iter().find_map(|line| json::names(line)).unwrap_or_default() }
    }

    fn csv(lines: &[&[u8]], told: Told<'_>) -> Result<Self, Fault> {
        let delimiter = told.delimiter.or_else(|| guess_delimiter(lines, told.names)).unwrap_or(b',');
        let Some(first) = lines.first() else { return Ok(Self::Csv { delimiter, columns: 1, names: Vec::new() }) };
        let cells =
            csv::cells(first, delimiter).map_err(|bad| Fault::new(format!("the first line is no CSV: {bad}")))?;
        let mut rows = lines[1..].iter().filter_map(|line| csv::cells(line, delimiter).ok());
        let as_long = rows.find(|row| row.len() == cells.len()).unwrap_or_default();
        let has_header = told.header.unwrap_or_else(|| {
            let is_asked_for =
                |cell: &Cow<'_, [u8]>| told.names.iter().flatten().any(|name| name.as_bytes() == &cell[..]);
            let names = |cell: &Cow<'_, [u8]>| !cell.is_empty() && !is_number(cell);
            let has_numbers = as_long.iter().any(|cell| is_number(cell));
            // A number can be asked for by `--key 2`, so only names tell.
            cells.iter().any(|cell| is_asked_for(cell) && names(cell)) || cells.iter().all(names) && has_numbers
        });
        let name = |cell: &Cow<'_, [u8]>| String::from_utf8_lossy(cell).trim().to_owned();
        let names = if has_header { cells.iter().map(name).collect() } else { Vec::new() };
        Ok(Self::Csv { delimiter, columns: cells.len(), names })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv { delimiter, columns, names } => {
                match delimiter {
                    b',' => f.write_str("CSV")?,
                    b'\t' => f.write_str("CSV with tabs")?,
                    other => write!(f, "CSV with `{}`", char::from(*other))?,
                }
                let plural = if *columns == 1 { "" } else { "s" };
                let header = if names.is_empty() { "no header" } else { "header" };
                write!(f, ", {columns} column{plural}, {header}")
            }
            Self::Ndjson { .. } => f.write_str("NDJSON"),
            Self::Lines => f.write_str("plain lines"),
        }
    }
}

/// The first lines that are not blank.
pub(crate) fn sample(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.trim_ascii().is_empty()).take(SAMPLE)
}

/// The separator that makes a column of a name that is asked for; else the one that gives nine lines of ten as many cells
/// as the first line has, the one with most cells if there are several.
fn guess_delimiter(lines: &[&[u8]], asked: [Option<&str>; 2]) -> Option<u8> {
    let first = *lines.first()?;
    let cells = |line, delimiter| csv::cells(line, delimiter).unwrap_or_default();
    let is_asked = |cell: &Cow<'_, [u8]>| asked.iter().flatten().any(|name| name.as_bytes() == &cell[..]);
    let mut best = (1, None);
    for delimiter in DELIMITERS {
        let names = cells(first, delimiter);
        if names.len() > 1 && names.iter().any(is_asked) {
            return Some(delimiter);
        }
        let agree = lines.iter().filter(|line| cells(line, delimiter).len() == names.len()).count();
        if names.len() > best.0 && agree * 10 >= lines.len() * 9 {
            best = (names.len(), Some(delimiter));
        }
    }
    best.1
}

fn is_number(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite))
}

#[cfg(test)]
mod tests {
    use super::{Shape, Told};
    use crate::args::Format;

    fn shape(head: &str, told: Told<'_>) -> Shape {
        Shape::of(head.as_bytes(), told).unwrap_or_else(|fault| panic!("{head}: {fault}"))
    }

    fn said(head: &str) -> String {
        shape(head, Told::default()).to_string()
    }

    #[test]
    fn shapes_are_guessed() {
        for (head, wanted) in [
            ("ts_ms,symbol,price\n1381219217034,SPY,1674200\n", "CSV, 3 columns, header"),
            ("1381219217034,SPY,1674200\n1381219217035,SPY,1674200\n", "CSV, 3 columns, no header"),
            ("name;city\na;b\n", "CSV with `;`, 2 columns, no header"),
            ("a\tb\n1\t2\n", "CSV with tabs, 2 columns, header"),
            ("{\"a\":1}\n{\"a\":2}\n", "NDJSON"),
            ("{not json\n", "plain lines"),
            ("one word\nand, a comma\n", "plain lines"),
            ("83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 203023\n", "plain lines"),
            ("", "plain lines"),
            ("\n\na,b\r\n1,2\r\n", "CSV, 2 columns, header"),
        ] {
            assert_eq!(said(head), wanted, "{head}");
        }
    }

    #[test]
    fn a_few_ragged_rows_do_not_change_the_guess() {
        let mut head = "1,2,3\n".repeat(30);
        head += "ragged\n1,2\n";
        assert_eq!(said(&head), "CSV, 3 columns, no header");
    }

    #[test]
    fn what_is_told_counts() {
        let named = |name| Told { names: [Some(name), None], ..Told::default() };
        assert!(shape("name,city\na,b\n", named("city")).has_header());
        assert!(!shape("name,city\na,b\n", named("1")).has_header());
        assert!(!shape("1,2\n3,4\n", named("2")).has_header());
        let told = Told { header: Some(false), ..Told::default() };
        assert!(!shape("a,b\n1,2\n", told).has_header());
        let told = Told { format: Some(Format::Lines), ..Told::default() };
        assert_eq!(shape("a,b\n1,2\n", told), Shape::Lines);
        let told = Told { is_named_csv: true, ..Told::default() };
        assert_eq!(shape("a,b\n1\n1,2,3\n\"1,2\"\n", told).to_string(), "CSV, 2 columns, no header");
        assert_eq!(shape("a,b\n1\n1,2,3\n1,2\n", told).to_string(), "CSV, 2 columns, header");
        assert_eq!(shape("{\"a\":1}\n", told).to_string(), "NDJSON");
        let told = Told { delimiter: Some(b' '), ..Told::default() };
        assert_eq!(shape("a b\n1 2\n", told).to_string(), "CSV with ` `, 2 columns, header");
        let told = Told { format: Some(Format::Ndjson), header: Some(true), ..Told::default() };
        assert!(Shape::of(b"{}", told).is_err());
        assert!(Shape::of(b"\0\x01", Told::default()).is_err());
    }
}
