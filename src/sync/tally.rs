//! A number that one thread counts and anybody may read.

use super::{AtomicU64, Ordering};

/// A statistic with one writer, who keeps the count and tells it here: a plain store, where a
/// [`Counter`](super::Counter) pays a read-modify-write.
///
/// # Cost
/// One store to tell, one load to read. Not padded: the tallies of one writer lie side by side.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    /// Tells the total. Wait-free.
    #[inline]
    pub(crate) fn set(&self, total: u64) {
        // ORDER: Relaxed; the number publishes nothing, and a late reader sees an earlier true value.
        self.0.store(total, Ordering::Relaxed);
    }

    /// Adds to the total. Only its one writer may. Wait-free.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.set(self.get() + n);
    }

    /// The total as told last. Wait-free.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        // ORDER: Relaxed; a statistic may lag.
        self.0.load(Ordering::Relaxed)
    }
}
