//! A number that many threads add to and anybody may read.

use super::{AtomicU64, Ordering, Padded};

/// A statistic: counts up, and never takes part in a protocol.
///
/// # Cost
/// One read-modify-write to add, one load to read; on a cache line of its own.
#[derive(Debug, Default)]
pub(crate) struct Counter(Padded<AtomicU64>);

impl Counter {
    /// Adds `n`. Wait-free.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        // ORDER: Relaxed; the number publishes nothing, and a late reader sees a smaller true past value.
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What was added so far. Wait-free.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // ORDER: Relaxed; a statistic may lag.
        self.0.load(Ordering::Relaxed)
    }
}
