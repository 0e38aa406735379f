//! What travels through the engine: a line, its number, its key, and when it was due.

use std::sync::Arc;

/// Bytes of key and line that travel inside a row; longer ones lie on the heap. It makes a row two cache lines.
const INSIDE: usize = 102;

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Number of its line, from 1.
    pub(crate) number: u64,
    /// When it was to be published, in ns since the start of the run.
    pub(crate) due_ns: u64,
    key_length: u32,
    text: Text,
}

/// The key, then the line.
#[derive(Debug, Clone)]
enum Text {
    Inside { length: u8, bytes: [u8; INSIDE] },
    Outside(Arc<[u8]>),
}

const _: () = assert!(size_of::<Row>() == 128, "a row is two cache lines");

impl Row {
    /// A row of its own; copies `key` and `line`.
    ///
    /// # Panics
    /// If `key` has 4 GiB or more; lines are far shorter.
    pub(crate) fn new(number: u64, due_ns: u64, key: &[u8], line: &[u8]) -> Self {
        let key_length = u32::try_from(key.len()).expect("keys are parts of lines, and those have a limit");
        let length = key.len() + line.len();
        let text = if length <= INSIDE {
            let mut bytes = [0; INSIDE];
            bytes[..key.len()].copy_from_slice(key);
            bytes[key.len()..length].copy_from_slice(line);
            Text::Inside { length: length as u8, bytes }
        } else {
            Text::Outside([key, line].concat().into())
        };
        Self { number, due_ns, key_length, text }
    }

    /// What picks its shard; empty where rows have none.
    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes()[..self.key_length as usize]
    }

    /// The line as it stood in the file, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.bytes()[self.key_length as usize..]
    }

    fn bytes(&self) -> &[u8] {
        match &self.text {
            Text::Inside { length, bytes } => &bytes[..usize::from(*length)],
            Text::Outside(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{INSIDE, Row};

    #[test]
    fn rows_keep_key_and_line_inside_and_outside() {
        for length in [0, 1, INSIDE - 4, INSIDE - 3, INSIDE - 2, 1000] {
            let line: Vec<u8> = (0..length).map(|nth| nth as u8).collect();
            let row = Row::new(7, 9, b"SPY", &line);
            assert_eq!((row.number, row.due_ns, row.key(), row.line()), (7, 9, &b"SPY"[..], &line[..]), "{length}");
            assert_eq!(row.clone().line(), line);
        }
        assert_eq!(Row::new(1, 0, b"", b"line").key(), b"");
    }
}
