//! One line of CSV after RFC 4180, but that a line is a row: a quoted line break is an open quote here.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use super::bad::Bad;

/// Cells that were looked for, where they were found.
pub(crate) type Cells<'l, const N: usize> = [Option<Cow<'l, [u8]>>; N];

/// Finds the `wanted` columns, counted from 0, and how many columns there are.
pub(crate) fn pick<'l, const N: usize>(
    line: &'l [u8],
    delimiter: u8,
    wanted: [Option<usize>; N],
) -> Result<(Cells<'l, N>, usize), Bad> {
    let mut found = [const { None }; N];
    let columns = each(line, delimiter, |nth, cell| {
        for (found, wanted) in found.iter_mut().zip(wanted) {
            if wanted == Some(nth) {
                *found = Some(cell.text());
            }
        }
    })?;
    Ok((found, columns))
}

/// All cells of a line.
pub(crate) fn cells(line: &[u8], delimiter: u8) -> Result<Vec<Cow<'_, [u8]>>, Bad> {
    let mut cells = Vec::new();
    each(line, delimiter, |_, cell| cells.push(cell.text()))?;
    Ok(cells)
}

/// A cell: as it stands in the line, quotes inside doubled if it is quoted.
#[derive(Clone, Copy)]
struct Cell<'l> {
    bytes: &'l [u8],
    has_doubled: bool,
}

impl<'l> Cell<'l> {
    fn text(self) -> Cow<'l, [u8]> {
        if !self.has_doubled {
            return Cow::Borrowed(self.bytes);
        }
        let mut text = Vec::with_capacity(self.bytes.len());
        let mut bytes = self.bytes.iter();
        while let Some(&byte) = bytes.next() {
            text.push(byte);
            if byte == b'"' {
                // Its double.
                bytes.next();
            }
        }
        Cow::Owned(text)
    }
}

/// Hands each cell to `with`; returns how many.
fn each<'l>(line: &'l [u8], delimiter: u8, mut with: impl FnMut(usize, Cell<'l>)) -> Result<usize, Bad> {
    if memchr(b'"', line).is_some() {
        return each_quoted(line, delimiter, with);
    }
    let (mut nth, mut start) = (0, 0);
    for end in memchr_iter(delimiter, line) {
        with(nth, Cell { bytes: &line[start..end], has_doubled: false });
        (nth, start) = (nth + 1, end + 1);
    }
    with(nth, Cell { bytes: &line[start..], has_doubled: false });
    Ok(nth + 1)
}

#[cold]
fn each_quoted<'l>(line: &'l [u8], delimiter: u8, mut with: impl FnMut(usize, Cell<'l>)) -> Result<usize, Bad> {
    let (mut nth, mut rest) = (0, line);
    loop {
        let (cell, length) = if rest.first() == Some(&b'"') {
            quoted(&rest[1..])?
        } else {
            let length = memchr(delimiter, rest).unwrap_or(rest.len());
            (Cell { bytes: &rest[..length], has_doubled: false }, length)
        };
        with(nth, cell);
        nth += 1;
        match rest.get(length) {
            None => return Ok(nth),
            Some(&next) if next == delimiter => rest = &rest[length + 1..],
            Some(_) => return Err(Bad::AfterQuote),
        }
    }
}

/// A cell from behind its opening quote, and its length with both quotes.
fn quoted(text: &[u8]) -> Result<(Cell<'_>, usize), Bad> {
    let (mut end, mut has_doubled) = (0, false);
    loop {
        end += memchr(b'"', &text[end..]).ok_or(Bad::OpenQuote)?;
        if text.get(end + 1) != Some(&b'"') {
            return Ok((Cell { bytes: &text[..end], has_doubled }, end + 2));
        }
        has_doubled = true;
        end += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::{cells, pick};
    use crate::replay::bad::Bad;

    #[test]
    fn lines_are_taken_apart() {
        for (line, wanted) in [
            ("a,b,c", &["a", "b", "c"][..]),
            ("", &[""]),
            (",", &["", ""]),
            ("a,,c,", &["a", "", "c", ""]),
            (r#""a","b,b",c"#, &["a", "b,b", "c"]),
            (r#""",x"#, &["", "x"]),
            (r#""say ""no""",x"#, &[r#"say "no""#, "x"]),
            (r#""""""#, &[r#"""#]),
            (r#"a"b,c"#, &[r#"a"b"#, "c"]),
        ] {
            let cells = cells(line.as_bytes(), b',').unwrap_or_else(|bad| panic!("{line}: {bad}"));
            assert!(
                cells.iter().map(|cell| &cell[..]).eq(wanted.iter().map(|cell| cell.as_bytes())),
                "{line}: {cells:?}"
            );
        }
        for (line, wrong) in [
            ("\"a,b", Bad::OpenQuote),
            ("x,\"a", Bad::OpenQuote),
            ("\"", Bad::OpenQuote),
            ("\"a\"\",b", Bad::OpenQuote),
            ("\"a\"b,c", Bad::AfterQuote),
        ] {
            assert_eq!(cells(line.as_bytes(), b','), Err(wrong), "{line}");
        }
    }

    #[test]
    fn wanted_columns_are_found() {
        let (found, columns) = pick(b"ts;SPY;1", b';', [Some(1), None, Some(7), Some(0)]).expect("sound");
        let found = found.map(|cell| cell.map(|cell| String::from_utf8_lossy(&cell).into_owned()));
        assert_eq!((found, columns), ([Some("SPY".into()), None, None, Some("ts".into())], 3));
    }

    /// A cell that is written and read again is the same, whatever is in it.
    #[test]
    fn quoting_is_undone() {
        let letters = [b'"', b',', b'a', b' '];
        for code in 0..4_usize.pow(5) {
            let cell: Vec<u8> = (0..5).map(|nth| letters[code / 4_usize.pow(nth) % 4]).collect();
            let mut line = b"x,\"".to_vec();
            line.extend(cell.iter().flat_map(|&byte| std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 })));
            line.extend(b"\",y");
            let cells = cells(&line, b',').expect("quoted by the rules");
            assert_eq!(cells.iter().map(|cell| &cell[..]).collect::<Vec<_>>(), [b"x", &cell[..], b"y"]);
        }
    }
}
