//! What a handler of `replay` does with a row: prove that rows of a key come in order, and how late they are.

use std::{
    collections::HashMap,
    hint,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::row::Row;

/// Keys that one witness follows; the rows of further ones are counted as unproved.
const KEYS_MAX: usize = 1 << 20;

/// What one subscription saw of one shard.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    start: Instant,
    cost: Duration,
    keys: HashMap<Box<[u8]>, Seen>,
    /// Rows that were handled, and the bytes of their lines.
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Rows whose order was not proved, because there are too many keys.
    pub(crate) unproved: u64,
    /// Rows that came after a later one of their key, and the first of them.
    pub(crate) disordered: u64,
    pub(crate) first_disorder: Option<Disorder>,
    /// From when a row was due until its handler had it, in ns.
    pub(crate) latency: Histogram<u64>,
}

/// A key's rows so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    rows: u64,
    last: u64,
}

/// Two rows of one key in the wrong order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disorder {
    pub(crate) key: Box<[u8]>,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Witness {
    /// A witness of a run that began at `start`, whose handler takes `cost` for each row; so many digits of a latency hold.
    pub(crate) fn new(start: Instant, cost: Duration, digits: u8) -> Self {
        Self {
            start,
            cost,
            keys: HashMap::new(),
            rows: 0,
            bytes: 0,
            unproved: 0,
            disordered: 0,
            first_disorder: None,
            latency: Histogram::new(digits).expect("the digits are allowed"),
        }
    }

    /// Handles a row.
    pub(crate) fn see(&mut self, row: &Row) {
        let now = self.start.elapsed();
        self.note(row, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
        if !self.cost.is_zero() {
            let end = now + self.cost;
            while self.start.elapsed() < end {
                hint::spin_loop();
            }
        }
    }

    fn note(&mut self, row: &Row, now_ns: u64) {
        self.rows += 1;
        self.bytes += row.line().len() as u64;
        self.latency
            .record(now_ns.saturating_sub(row.due_ns))
            .expect("a histogram that resizes itself takes every value");
        let has_room = self.keys.len() < KEYS_MAX;
        match self.keys.get_mut(row.key()) {
            Some(seen) => {
                if row.number <= seen.last {
                    self.disordered += 1;
                    let (key, before, after) = (row.key().into(), seen.last, row.number);
                    self.first_disorder.get_or_insert(Disorder { key, before, after });
                }
                *seen = Seen { rows: seen.rows + 1, last: row.number };
            }
            None if has_room => {
                self.keys.insert(row.key().into(), Seen { rows: 1, last: row.number });
            }
            None => self.unproved += 1,
        }
    }

    /// Keys that were followed.
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The keys with most rows, at most `max`.
    pub(crate) fn top(&self, max: usize) -> Vec<(&[u8], u64)> {
        let mut keys: Vec<(&[u8], u64)> = self.keys.iter().map(|(key, seen)| (&key[..], seen.rows)).collect();
        keys.sort_unstable_by_key(|&(key, rows)| (std::cmp::Reverse(rows), key));
        keys.truncate(max);
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Disorder, Row, Witness};

    fn row(number: u64, key: &[u8]) -> Row {
        Row::new(number, 1000, key, b"a line")
    }

    #[test]
    fn order_is_proved_key_by_key() {
        let mut witness = Witness::new(Instant::now(), Duration::ZERO, 3);
        for (number, key) in [(1, b"A"), (5, b"B"), (2, b"A"), (6, b"B"), (3, b"A")] {
            witness.note(&row(number, key), 2000);
        }
        assert_eq!((witness.rows, witness.disordered, witness.keys()), (5, 0, 2));
        assert_eq!(witness.top(1), [(&b"A"[..], 3)]);
        assert_eq!((witness.latency.max(), witness.bytes), (1000, 30));
        // A repeated row is as wrong as an earlier one.
        witness.note(&row(3, b"A"), 2000);
        witness.note(&row(2, b"B"), 2000);
        assert_eq!(witness.disordered, 2);
        let first = Disorder { key: b"A"[..].into(), before: 3, after: 3 };
        assert_eq!(witness.first_disorder, Some(first));
    }

    #[test]
    fn a_handler_takes_the_time_it_is_told_to() {
        let start = Instant::now();
        let mut witness = Witness::new(start, Duration::from_micros(300), 3);
        witness.see(&row(1, b"A"));
        assert!(start.elapsed() >= Duration::from_micros(300));
        assert_eq!(witness.latency.len(), 1);
    }

    #[test]
    fn early_rows_are_not_late() {
        let mut witness = Witness::new(Instant::now(), Duration::ZERO, 3);
        witness.note(&row(1, b"A"), 10);
        assert_eq!(witness.latency.max(), 0);
    }
}
