//! From an open input to rows with keys and due times, and a count of all that is none.

use crate::{args, fault::Fault, show};

use super::{
    bad::Bad,
    input::Input,
    lines::{Lines, Next},
    pick::{self, Picker},
    row::Row,
    shape::{self, Shape},
};

/// Rows that travel together from the reader to the publisher.
pub(crate) const BATCH: usize = 256;
/// Bad lines that are kept to be shown.
const BAD_SHOWN: u64 = 5;
/// Characters of a bad line that are shown.
const BAD_WIDTH: usize = 48;

/// When rows are published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrivals {
    /// As soon as there is room.
    FlatOut,
    /// At their recorded times, so many times as fast.
    Recorded { speed: f64 },
    /// Evenly.
    Even { each_second: f64 },
}

/// Every line is one of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    pub(crate) header: u64,
    pub(crate) blank: u64,
    pub(crate) bad: u64,
    pub(crate) rows: u64,
    /// Rows whose recorded time is before that of an earlier row; they are due with that one.
    pub(crate) backwards: u64,
}

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    pub(crate) number: u64,
    pub(crate) why: Bad,
    pub(crate) excerpt: String,
}

/// Some rows, and what was counted up to the last of them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    pub(crate) tally: Tally,
    /// The first few bad lines of all, where they are new.
    pub(crate) bad: Vec<BadLine>,
    /// Set when nothing comes after this batch, with what broke the input, if it did.
    pub(crate) end: Option<Result<(), Fault>>,
}

/// The rows of an input.
pub(crate) struct Rows {
    name: String,
    is_gzip: bool,
    lines: Lines,
    picker: Picker,
    schedule: Schedule,
    rows_max: u64,
    tally: Tally,
}

/// Due times, computed ahead.
struct Schedule {
    arrivals: Arrivals,
    first: Option<i64>,
    due_ns: u64,
}

impl Rows {
    /// Looks at the first lines of `input`, and decides how to read it.
    ///
    /// # Errors
    /// A [`Fault`], if it can't be read, is empty, or has not what is asked for.
    pub(crate) fn open(input: Input, told: &args::Replay, rows_max: u64) -> Result<Self, Fault> {
        let Input { name, bytes, is_gzip, .. } = input;
        let mut lines = Lines::new(bytes);
        let head = lines.head().map_err(|error| Input::fault(&name, is_gzip, &error))?;
        if head.trim_ascii().is_empty() {
            return Err(Fault::new(format!("{name} holds no rows")));
        }
        // The tape has its keys where everybody looks for them.
        let is_tape = told.file.is_none();
        let key = told.key.as_deref().or((is_tape && told.key_regex.is_none()).then_some("symbol"));
        let has_pace = told.speed.is_some() && told.time_regex.is_none();
        let time = told.time.as_deref().or((is_tape && has_pace).then_some("ts_ms"));
        let named = |text: Fault| Fault::new(format!("{name}: {text}"));
        let shape = Shape::of(
            head,
            shape::Told {
                format: told.format,
                delimiter: told.delimiter,
                header: told.header,
                names: [key, time],
                is_named_csv: name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv"),
            },
        )
        .map_err(named)?;
        let places = [
            pick::Told { name: key, regex: told.key_regex.as_deref() },
            pick::Told { name: time, regex: told.time_regex.as_deref() },
        ];
        let picker = Picker::new(shape, head, places, told.time_unit).map_err(named)?;
        let arrivals = match (told.rate, told.speed, picker.time()) {
            (Some(each_second), ..) => Arrivals::Even { each_second },
            (None, speed, Some(_)) => Arrivals::Recorded { speed: speed.unwrap_or(1.0) },
            (None, None, None) => Arrivals::FlatOut,
            (None, Some(_), None) => {
                return Err(Fault::new(
                    "--speed needs the recorded times: say where they are with --time, or use --rate",
                ));
            }
        };
        let schedule = Schedule { arrivals, first: None, due_ns: 0 };
        Ok(Self { name, is_gzip, lines, picker, schedule, rows_max, tally: Tally::default() })
    }

    pub(crate) fn picker(&self) -> &Picker {
        &self.picker
    }

    pub(crate) fn arrivals(&self) -> Arrivals {
        self.schedule.arrivals
    }

    /// Fills an empty batch. It comes short where the next line has not arrived yet, or nothing comes any more.
    pub(crate) fn fill(&mut self, batch: &mut Batch) {
        while batch.rows.len() < BATCH && batch.end.is_none() {
            if self.tally.rows == self.rows_max {
                batch.end = Some(Ok(()));
                break;
            }
            let number = self.lines.number() + 1;
            let line = match self.lines.next(batch.rows.is_empty()) {
                Ok(Next::Line(line)) => Some(line),
                Ok(Next::TooLong) => None,
                Ok(Next::Pending) => break,
                Ok(Next::End) => {
                    batch.end = Some(Ok(()));
                    break;
                }
                Err(error) => {
                    batch.end = Some(Err(Input::fault(&self.name, self.is_gzip, &error)));
                    break;
                }
            };
            self.tally.lines += 1;
            if line.is_some_and(|line| line.trim_ascii().is_empty()) {
                self.tally.blank += 1;
                continue;
            }
            // Blank lines before the header do not make the header a row.
            if self.picker.shape().has_header() && self.tally.header + self.tally.rows + self.tally.bad == 0 {
                self.tally.header = 1;
                continue;
            }
            match line.ok_or(Bad::TooLong).and_then(|line| Ok((line, self.picker.pick(line)?))) {
                Ok((line, picked)) => {
                    let due_ns = self.schedule.due(self.tally.rows, picked.time, &mut self.tally.backwards);
                    batch.rows.push(Row::new(number, due_ns, &picked.key, line));
                    self.tally.rows += 1;
                }
                Err(why) => {
                    self.tally.bad += 1;
                    if self.tally.bad <= BAD_SHOWN {
                        let excerpt = show::excerpt(line.unwrap_or_default(), BAD_WIDTH);
                        batch.bad.push(BadLine { number, why, excerpt });
                    }
                }
            }
        }
        batch.tally = self.tally;
    }
}

impl Schedule {
    /// When the nth row is due, in ns since the start. It never runs backwards.
    fn due(&mut self, nth: u64, time: Option<i64>, backwards: &mut u64) -> u64 {
        let due = match (self.arrivals, time) {
            (Arrivals::Even { each_second }, _) => (nth as f64 * 1e9 / each_second) as u64,
            (Arrivals::Recorded { speed }, Some(time)) => {
                let first = *self.first.get_or_insert(time);
                let since = i128::from(time) - i128::from(first);
                // A fraction of a ns more or less is no matter; whole ones are kept up to 104 days.
                let due = if speed == 1.0 { since.max(0) as u64 } else { (since.max(0) as f64 / speed) as u64 };
                *backwards += u64::from(due < self.due_ns || since < 0);
                due
            }
            _ => 0,
        };
        self.due_ns = self.due_ns.max(due);
        self.due_ns
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use clap::Parser;
    use proptest::prelude::*;

    use super::{Arrivals, Batch, Input, Rows, Schedule, Tally};
    use crate::{
        args::{Arguments, Command},
        fault::Fault,
    };

    fn rows(text: &str, arguments: &[&str]) -> Rows {
        open(text, arguments).expect("sound")
    }

    fn open(text: &str, arguments: &[&str]) -> Result<Rows, Fault> {
        let input = Input {
            name: "test".into(),
            bytes: Box::new(Cursor::new(text.to_owned().into_bytes())),
            is_gzip: false,
            progress: None,
        };
        let all = ["ringway", "replay", "test"].iter().chain(arguments);
        let Command::Replay(told) = Arguments::try_parse_from(all).expect("sound").command else { panic!("replay") };
        Rows::open(input, &told, told.rows.map_or(u64::MAX, u64::from))
    }

    #[test]
    fn every_line_is_counted_as_one_thing() {
        let text = "\nts_ms,symbol\n1,A\n\n2\n3,B\r\nx,y,z\n4,\n5,A";
        let mut rows = rows(text, &["--key", "symbol"]);
        let (mut batch, mut read) = (Batch::default(), Vec::new());
        // The last line has no end, so the first batch comes without it.
        while batch.end.is_none() {
            rows.fill(&mut batch);
            read.append(&mut batch.rows);
        }
        let found: Vec<_> = read.iter().map(|row| (row.number, row.key(), row.line())).collect();
        assert_eq!(found, [(3, &b"A"[..], &b"1,A"[..]), (6, b"B", b"3,B"), (9, b"A", b"5,A")]);
        let tally = Tally { lines: 9, header: 1, blank: 2, bad: 3, rows: 3, backwards: 0 };
        assert_eq!(batch.tally, tally);
        assert_eq!(batch.end, Some(Ok(())));
        let bad: Vec<_> = batch.bad.iter().map(|bad| format!("{} {} {}", bad.number, bad.why, bad.excerpt)).collect();
        assert_eq!(bad, ["5 1 column instead of 2 2", "7 3 columns instead of 2 x,y,z", "8 the key is empty 4,"]);
    }

    proptest! {
        /// Whatever the bytes are, every line is one thing, and a row is a line of the input as it stood there.
        #[test]
        fn no_input_is_lost_or_changed(
            text in "([a,;{}\\[\\]\"\\\\:0-9 .\\t\r\u{e9}-]{0,12}\n?){0,20}",
            told in prop::sample::select(vec![
                &[][..],
                &["--format", "csv", "--key", "1"],
                &["--format", "csv", "--header", "no", "--delimiter", ";", "--key", "1"],
                &["--format", "ndjson", "--key", "a"],
                &["--format", "lines", "--key", "2"],
                &["--format", "lines", "--key-regex", "a(.)"],
            ]),
        ) {
            let Ok(mut rows) = open(&text, told) else { return Ok(()) };
            let (mut batch, mut read) = (Batch::default(), Vec::new());
            while batch.end.is_none() {
                rows.fill(&mut batch);
                read.append(&mut batch.rows);
            }
            let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
            let Tally { header, blank, bad, rows, .. } = batch.tally;
            prop_assert_eq!(batch.tally.lines, lines.len() as u64);
            prop_assert_eq!(header + blank + bad + rows, batch.tally.lines);
            prop_assert_eq!(rows, read.len() as u64);
            let mut last = 0;
            for row in &read {
                prop_assert!(row.number > last);
                last = row.number;
                let line = lines[row.number as usize - 1];
                prop_assert_eq!(row.line(), line.strip_suffix('\r').unwrap_or(line).as_bytes());
                prop_assert!(told.is_empty() || !row.key().is_empty());
            }
        }
    }

    #[test]
    fn the_wanted_number_of_rows_is_read() {
        let mut rows = rows("a\nb\nc\n", &["--rows", "2"]);
        let mut batch = Batch::default();
        rows.fill(&mut batch);
        assert_eq!((batch.rows.len(), batch.end), (2, Some(Ok(()))));
    }

    #[test]
    fn due_times_keep_the_recorded_gaps() {
        let mut backwards = 0;
        let mut schedule = Schedule { arrivals: Arrivals::Recorded { speed: 100.0 }, first: None, due_ns: 0 };
        let times = [1_723_161_255_030_314_667, 1_723_161_255_030_314_667, 1_723_161_256_030_314_667, 5, i64::MIN];
        let due: Vec<u64> = times.iter().map(|&time| schedule.due(0, Some(time), &mut backwards)).collect();
        assert_eq!(due, [0, 0, 10_000_000, 10_000_000, 10_000_000]);
        assert_eq!(backwards, 2);
        let mut even = Schedule { arrivals: Arrivals::Even { each_second: 4.0 }, first: None, due_ns: 0 };
        let due: Vec<u64> = (0..4).map(|nth| even.due(nth, None, &mut backwards)).collect();
        assert_eq!(due, [0, 250_000_000, 500_000_000, 750_000_000]);
    }
}
