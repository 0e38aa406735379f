//! What the user reads: numbers with their units, tables that line up, and output that survives a closed pipe.

use std::io::{self, Write};

use crate::fault::Fault;

/// Columns that everything fits into.
pub(crate) const WIDTH: usize = 80;

const TIMES: &[(f64, &str)] = &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const BYTES: &[(f64, &str)] = &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")];
const PLAIN: &[(f64, &str)] = &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")];

/// Writes to standard output. A reader that went away (`| head`) has seen what it wanted: that is no error.
pub(crate) fn print(text: &str) -> Result<(), Fault> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new(format!("standard output can't be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// `1295699` as `1,295,699`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Nanoseconds in the unit that leaves one to three digits before the point: `1.23 µs`.
pub(crate) fn time(nanos: f64) -> String {
    scaled(nanos, TIMES)
}

/// Bytes, by thousands: `4.53 MB`.
pub(crate) fn bytes(number: f64) -> String {
    scaled(number, BYTES)
}

/// So many a second: `4.61 M rows/s`.
pub(crate) fn rate(each_second: f64, of: &str) -> String {
    format!("{} {of}/s", scaled(each_second, PLAIN))
}

/// A part in percent: `69.0 %`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / whole.max(1) as f64)
}

/// A share in percent, to the hundredth: `0.02 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Three digits that tell something, with the unit that they belong to.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    // A value that would be rounded up to a thousand is one of the next unit.
    let unit = units.iter().rev().find(|&&(factor, _)| value.abs() >= factor * 0.9995).unwrap_or(&units[0]);
    let number = value / unit.0;
    let decimals = match number.abs() {
        _ if number == number.trunc() && unit.0 == 1.0 => 0,
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$} {}", unit.1).trim_end().to_owned()
}

/// Numbers as the kernel lists them: `0-3,8`.
pub(crate) fn cpus(cpus: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &cpu in cpus {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => runs.push((cpu, cpu)),
        }
    }
    let run = |(first, last): (usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    runs.into_iter().map(run).collect::<Vec<_>>().join(",")
}

/// Which way the cells of a column lean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lean {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a header, each column as wide as its widest cell.
pub(crate) struct Table {
    leans: Vec<Lean>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(header: &[(&str, Lean)]) -> Self {
        Self {
            leans: header.iter().map(|&(_, lean)| lean).collect(),
            rows: vec![header.iter().map(|&(name, _)| name.to_owned()).collect()],
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.leans.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// The text, each line ended, with `indent` spaces before it.
    pub(crate) fn text(&self, indent: usize) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.leans.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for (nth, cell) in row.iter().enumerate() {
                let gap = if nth == 0 { "" } else { "  " };
                let width = widths[nth];
                line += &match self.leans[nth] {
                    Lean::Left => format!("{gap}{cell:<width$}"),
                    Lean::Right => format!("{gap}{cell:>width$}"),
                };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// `text` beside `head`, in a column that starts after `indent` and is broken at spaces before [`WIDTH`]; ends its lines.
pub(crate) fn beside(head: &str, indent: usize, text: &str) -> String {
    let mut lines = format!("{head:<indent$}");
    let mut column = lines.chars().count();
    let mut is_first = true;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !is_first && column + 1 + length > WIDTH {
            lines += &format!("\n{:indent$}", "");
            column = indent;
        } else if !is_first {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += length;
        is_first = false;
    }
    lines.push('\n');
    lines
}

/// Bytes of a row that are fit for a terminal: at most `max` characters, nothing that moves the cursor.
pub(crate) fn excerpt(bytes: &[u8], max: usize) -> String {
    // A character has up to four bytes; one more tells whether something was cut off.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(max * 4 + 4)]);
    let clean = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    let mut shown: String = text.chars().take(max).map(clean).collect();
    if text.chars().nth(max).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// As [`excerpt`], but what is cut out is the middle: names tend to differ at their ends.
pub(crate) fn name(bytes: &[u8], max: usize) -> String {
    let all: Vec<char> = excerpt(bytes, bytes.len()).chars().collect();
    if all.len() <= max {
        return all.into_iter().collect();
    }
    let (start, end) = (max / 2, max - max / 2 - 1);
    all[..start].iter().chain(&['…']).chain(&all[all.len() - end..]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Lean, Table, beside, bytes, count, cpus, excerpt, name, rate, share, time};

    #[test]
    fn numbers_carry_three_digits_and_their_unit() {
        for (nanos, text) in [
            (0.0, "0 ns"),
            (0.456, "0.46 ns"),
            (95.0, "95 ns"),
            (95.12, "95.1 ns"),
            (999.4, "999 ns"),
            (999.7, "1.00 µs"),
            (1234.0, "1.23 µs"),
            (99_960.0, "100 µs"),
            (45_100_000.0, "45.1 ms"),
            (61e9, "61.0 s"),
            (5000e9, "5000 s"),
        ] {
            assert_eq!(time(nanos), text, "{nanos}");
        }
        assert_eq!(bytes(4_531_699.0), "4.53 MB");
        assert_eq!(rate(4_612_345.0, "rows"), "4.61 M rows/s");
        assert_eq!(rate(27.0, "rows"), "27 rows/s");
        assert_eq!(rate(27.71, "rows"), "27.7 rows/s");
        assert_eq!(share(69, 100), "69.0 %");
        assert_eq!(share(0, 0), "0.0 %");
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_295_699, "1,295,699")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn cpus_are_listed_as_the_kernel_does() {
        assert_eq!(cpus(&[0, 1, 2, 3, 8, 10, 11]), "0-3,8,10-11");
        assert_eq!((cpus(&[]), cpus(&[7])), (String::new(), "7".into()));
    }

    #[test]
    fn tables_line_up() {
        let mut table = Table::new(&[("name", Lean::Left), ("p50", Lean::Right)]);
        table.row(["a longer one".into(), "1.2 µs".into()]);
        table.row(["b".into(), "10 ns".into()]);
        assert_eq!(table.text(2), "  name             p50\n  a longer one  1.2 µs\n  b              10 ns\n");
    }

    #[test]
    fn lines_break_before_the_edge() {
        let text = beside("head", 10, "word ".repeat(40).trim_end());
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("head      word word"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("          word")), "{text}");
        assert_eq!(beside("a longer head ", 4, "text"), "a longer head text\n");
        let long = "x".repeat(100);
        assert_eq!(beside("", 2, &format!("a {long}")), format!("  a\n  {long}\n"));
    }

    #[test]
    fn excerpts_leave_the_terminal_alone() {
        assert_eq!(excerpt(b"plain", 10), "plain");
        assert_eq!(excerpt(b"\x1b[2Jgone", 10), "\u{fffd}[2Jgone");
        assert_eq!(excerpt(b"0123456789A", 10), "012345678…");
        assert_eq!(excerpt("äöü".repeat(9).as_bytes(), 4), "äöü…");
        assert_eq!(excerpt(&[0xff, 0xfe], 4), "\u{fffd}\u{fffd}");
        assert_eq!((name(b"0123456789", 10), name(b"0123456789A", 10)), ("0123456789".into(), "01234…789A".into()));
    }
}
