//! Whether a stream arrived whole: count, checksum and each producer's order. A sample that fails is a fault, not a
//! number.

use std::ops::Range;

use crate::harness::queue::Payload;

/// Bits of a word that hold the place in the stream; the producer's number is above them.
const SEQUENCE_BITS: u32 = 48;
/// Producers that a check can tell apart.
pub(crate) const PRODUCERS_MAX: usize = 8;

/// The words that one producer sends in one phase.
pub(crate) fn words(producer: usize, first: u64, items: u64) -> Range<u64> {
    let base = (producer as u64) << SEQUENCE_BITS;
    base + first..base + first + items
}

/// What those words add up to.
pub(crate) fn sum(words: Range<u64>) -> u64 {
    let count = u128::from(words.end - words.start);
    let pairs = count * (u128::from(words.start) + u128::from(words.end - 1));
    // The check adds modulo 2^64; so does the cast.
    (pairs / 2) as u64
}

/// What one thread saw of a phase.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Items.
    pub(crate) count: u64,
    /// Their words, added.
    pub(crate) sum: u64,
    /// Not 0: an item out of its producer's order.
    pub(crate) disorder: u64,
    /// Not 0: an item that is a mix of two.
    pub(crate) torn: u64,
    /// Clock ticks of each round trip, or of each batch, if the phase timed some.
    pub(crate) trips: Vec<u64>,
    /// ns since the sample's epoch of each send or receive, if the phase noted some.
    pub(crate) stamps: Vec<u64>,
}

/// Looks at every item that arrives.
pub(crate) trait Check {
    /// A check of a phase whose streams start at `first`.
    fn new(first: u64) -> Self;

    /// Looks at the next item.
    fn see<T: Payload>(&mut self, item: &T);

    /// The verdict over `count` items.
    fn tally(self, count: u64) -> Tally;
}

/// For one consumer of one producer: each item must be the very next. Nothing is looked up, so it costs the fastest rings
/// a fraction of a nanosecond.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    next: u64,
    sum: u64,
    disorder: u64,
    torn: u64,
}

impl Check for Exact {
    fn new(first: u64) -> Self {
        Self { next: first, sum: 0, disorder: 0, torn: 0 }
    }

    #[inline(always)]
    fn see<T: Payload>(&mut self, item: &T) {
        let word = item.word();
        self.disorder |= word ^ self.next;
        self.next += 1;
        self.sum = self.sum.wrapping_add(word);
        self.torn |= item.torn();
    }

    fn tally(self, count: u64) -> Tally {
        Tally { count, sum: self.sum, disorder: self.disorder, torn: self.torn, ..Tally::default() }
    }
}

/// For many producers or competing consumers: what one consumer sees of one producer must grow.
#[derive(Debug, Clone)]
pub(crate) struct Growing {
    last: [u64; PRODUCERS_MAX],
    sum: u64,
    disorder: u64,
    torn: u64,
}

impl Check for Growing {
    fn new(first: u64) -> Self {
        let mut last = [0; PRODUCERS_MAX];
        for (producer, last) in last.iter_mut().enumerate() {
            *last = words(producer, first, 0).start - 1;
        }
        Self { last, sum: 0, disorder: 0, torn: 0 }
    }

    #[inline(always)]
    fn see<T: Payload>(&mut self, item: &T) {
        let word = item.word();
        let last = &mut self.last[(word >> SEQUENCE_BITS) as usize % PRODUCERS_MAX];
        self.disorder |= u64::from(word <= *last);
        *last = word;
        self.sum = self.sum.wrapping_add(word);
        self.torn |= item.torn();
    }

    fn tally(self, count: u64) -> Tally {
        Tally { count, sum: self.sum, disorder: self.disorder, torn: self.torn, ..Tally::default() }
    }
}

/// What is wrong with what the consumers saw, if anything: together they must have `expected`, or each of them if each is
/// to see every item.
pub(crate) fn fault(seen: &[&Tally], expected: &[Range<u64>], each_sees_all: bool) -> Option<String> {
    if seen.iter().any(|tally| tally.torn != 0) {
        return Some("an item arrived torn".into());
    }
    if seen.iter().any(|tally| tally.disorder != 0) {
        return Some("items of one producer arrived out of order, twice or not at all".into());
    }
    let expected_count: u64 = expected.iter().map(|words| words.end - words.start).sum();
    let expected_sum = expected.iter().fold(0u64, |total, words| total.wrapping_add(sum(words.clone())));
    let compare = |count: u64, total: u64| {
        if count != expected_count {
            Some(format!("{count} items arrived, {expected_count} were sent"))
        } else if total != expected_sum {
            Some("the checksum differs".into())
        } else {
            None
        }
    };
    if each_sees_all {
        seen.iter().find_map(|tally| compare(tally.count, tally.sum))
    } else {
        let total = seen.iter().fold(0u64, |total, tally| total.wrapping_add(tally.sum));
        compare(seen.iter().map(|tally| tally.count).sum(), total)
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Exact, Growing, Tally, fault, sum, words};

    fn run<C: Check>(items: &[u64]) -> Tally {
        let mut check = C::new(1);
        items.iter().for_each(|item| check.see(item));
        check.tally(items.len() as u64)
    }

    #[test]
    fn a_whole_stream_passes() {
        let sent = [words(0, 1, 3)];
        assert_eq!(fault(&[&run::<Exact>(&[1, 2, 3])], &sent, false), None);
        assert_eq!(fault(&[&run::<Growing>(&[1, 3]), &run::<Growing>(&[2])], &sent, false), None);
        let twice = [&run::<Exact>(&[1, 2, 3]), &run::<Exact>(&[1, 2, 3])];
        assert_eq!(fault(&twice, &sent, true), None);
    }

    #[test]
    fn each_way_to_break_a_stream_is_seen() {
        let sent = [words(0, 1, 3)];
        for broken in [&[1, 3, 2][..], &[1, 2], &[1, 2, 2], &[1, 2, 4], &[1, 2, 3, 4]] {
            assert!(fault(&[&run::<Exact>(broken)], &sent, false).is_some(), "exact: {broken:?}");
            assert!(fault(&[&run::<Growing>(broken)], &sent, false).is_some(), "growing: {broken:?}");
        }
    }

    #[test]
    fn the_sum_is_the_sum() {
        let words = words(3, 5, 1000);
        assert_eq!(sum(words.clone()), words.fold(0, u64::wrapping_add));
    }
}
