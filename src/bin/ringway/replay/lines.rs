//! A stream of bytes as lines, without a copy or an allocation for each.

use std::io::{self, Read};

use memchr::memchr;

/// Bytes asked for at a time.
const BLOCK: usize = 256 * 1024;
/// Bytes of the longest line that is taken for one.
pub(crate) const LINE_MAX: usize = 1 << 20;

/// The lines of a stream, numbered from 1.
pub(crate) struct Lines {
    source: Box<dyn Read + Send>,
    block: Vec<u8>,
    /// What of the block is read and not handed out: `block[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
    number: u64,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'l> {
    /// A line without its end (`\n` or `\r\n`).
    Line(&'l [u8]),
    /// A line longer than [`LINE_MAX`], which was skipped.
    TooLong,
    /// The next line is not read yet, and to wait for it was not asked for.
    Pending,
    /// No more.
    End,
}

impl Lines {
    pub(crate) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, block: vec![0; BLOCK], start: 0, end: 0, ended: false, number: 0 }
    }

    /// The first bytes, to guess from: whole lines if there are any, at least two if the stream has them. Call it first;
    /// nothing is handed out by it. A byte order mark is dropped.
    pub(crate) fn head(&mut self) -> io::Result<&[u8]> {
        while memchr::memchr_iter(b'\n', self.unread()).nth(1).is_none() && self.end < LINE_MAX && self.fill()? {}
        if self.unread().starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
        }
        let head = self.unread();
        let whole = if self.ended { head.len() } else { memchr::memrchr(b'\n', head).map_or(head.len(), |at| at + 1) };
        Ok(&head[..whole])
    }

    /// The next line; waits for it only if `may_wait`.
    pub(crate) fn next(&mut self, may_wait: bool) -> io::Result<Next<'_>> {
        let mut searched = 0;
        let length = loop {
            if let Some(found) = memchr(b'\n', &self.block[self.start + searched..self.end]) {
                break searched + found;
            }
            searched = self.unread().len();
            if self.ended && searched == 0 {
                return Ok(Next::End);
            } else if self.ended {
                break searched;
            } else if searched > LINE_MAX {
                return self.skip();
            } else if !may_wait {
                return Ok(Next::Pending);
            }
            self.fill()?;
        };
        self.number += 1;
        let line = self.start..self.start + length;
        self.start = (line.end + 1).min(self.end);
        if length > LINE_MAX {
            return Ok(Next::TooLong);
        }
        let line = &self.block[line];
        Ok(Next::Line(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// Number of the line that was handed out last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    fn unread(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    /// Reads more behind what is unread; false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.block.len() {
            self.block.resize(self.block.len() * 2, 0);
        }
        let read = loop {
            match self.source.read(&mut self.block[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.end += read;
        self.ended = read == 0;
        Ok(read > 0)
    }

    /// Drops the rest of a line that is too long.
    fn skip(&mut self) -> io::Result<Next<'_>> {
        self.number += 1;
        loop {
            if let Some(found) = memchr(b'\n', self.unread()) {
                self.start += found + 1;
                return Ok(Next::TooLong);
            }
            self.start = self.end;
            if !self.fill()? {
                return Ok(Next::TooLong);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read};

    use super::{BLOCK, LINE_MAX, Lines, Next};

    /// Hands out so many bytes at a time, and one error in between if wanted.
    struct Dribble(Cursor<Vec<u8>>, usize);

    impl Read for Dribble {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = into.len().min(self.1);
            self.0.read(&mut into[..most])
        }
    }

    fn lines(text: impl Into<Vec<u8>>, step: usize) -> Lines {
        Lines::new(Box::new(Dribble(Cursor::new(text.into()), step)))
    }

    fn all(mut lines: Lines) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            match lines.next(true).expect("readable") {
                Next::Line(line) => all.push(line.to_vec()),
                Next::TooLong => all.push(b"TOO LONG".to_vec()),
                Next::Pending => panic!("waiting was allowed"),
                Next::End => break,
            }
        }
        assert_eq!(lines.number(), all.len() as u64);
        assert_eq!(lines.next(true).expect("readable"), Next::End, "the end stays");
        all
    }

    #[test]
    fn every_line_comes_whole_however_it_is_read() {
        for text in ["", "a", "a\n", "a\nbc", "a\r\n\r\nb\n", "\n\n", "long line\nx\n"] {
            let mut wanted: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
            if wanted.last() == Some(&"") {
                wanted.pop();
            }
            for step in [1, 2, 3, 100] {
                assert_eq!(all(lines(text, step)), wanted.iter().map(|line| line.as_bytes()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn lines_across_blocks_are_joined() {
        let text: String = (0..40_000).map(|nth| format!("row {nth} {}\n", "x".repeat(nth % 50))).collect();
        assert!(text.len() > 3 * BLOCK);
        let read = all(lines(text.as_str(), 100_000));
        assert!(read.iter().map(Vec::as_slice).eq(text.lines().map(str::as_bytes)));
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_and_the_next_is_whole() {
        for extra in [0, 1, 5, BLOCK, 2 * LINE_MAX] {
            let text = format!("a\n{}\nb", "x".repeat(LINE_MAX + extra));
            let middle = if extra == 0 { "x".repeat(LINE_MAX) } else { "TOO LONG".into() };
            assert_eq!(all(lines(text, 50_000)), [b"a".to_vec(), middle.into_bytes(), b"b".to_vec()], "{extra}");
        }
        assert_eq!(all(lines("x".repeat(LINE_MAX + 1), 50_000)), [b"TOO LONG".to_vec()]);
    }

    #[test]
    fn the_head_is_whole_lines_and_stays_to_be_read() {
        let mut read = lines("\u{feff}one\ntwo\nthree", 5);
        assert_eq!(read.head().expect("readable"), b"one\ntwo\n");
        assert_eq!(all(read), [&b"one"[..], b"two", b"three"]);
        assert_eq!(lines("only", 1).head().expect("readable"), b"only");
        assert_eq!(lines("", 1).head().expect("readable"), b"");
    }

    #[test]
    fn what_is_not_read_yet_is_pending() {
        let mut read = lines("a\nb\n", 3);
        assert_eq!(read.next(false).expect("readable"), Next::Pending);
        assert_eq!(read.next(true).expect("readable"), Next::Line(b"a"));
        assert_eq!(read.next(false).expect("readable"), Next::Pending);
        assert_eq!(read.next(true).expect("readable"), Next::Line(b"b"));
        assert_eq!(read.next(false).expect("readable"), Next::Pending, "the end is not known yet");
        assert_eq!(read.next(true).expect("readable"), Next::End);
    }
}
