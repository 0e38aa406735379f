//! A handler that checks the stream, and tells what it saw after each batch.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ringway::{
    router::{Held, Queue, Topic},
    worker::Handler,
};

use crate::harness::measure::{Check, Tally};

/// What a handler has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    count: AtomicU64,
    sum: AtomicU64,
    disorder: AtomicU64,
}

/// Looks at each item.
#[derive(Debug, Clone)]
pub(super) struct Checking<K> {
    check: K,
    count: u64,
    told: Arc<Told>,
}

impl Told {
    /// So far.
    pub(super) fn tally(&self) -> Tally {
        // ORDER: Acquire pairs with the Release in `tell`: the sum is at least that of the count.
        let count = self.count.load(Ordering::Acquire);
        // ORDER: Relaxed, as above; nothing is told any more when it is read for the check.
        let [sum, disorder] = [&self.sum, &self.disorder].map(|word| word.load(Ordering::Relaxed));
        Tally { count, sum, disorder, ..Tally::default() }
    }

    /// Items so far.
    pub(super) fn count(&self) -> u64 {
        // ORDER: Acquire, as in `tally`.
        self.count.load(Ordering::Acquire)
    }

    fn tell(&self, tally: &Tally) {
        // ORDER: Relaxed; the count publishes them.
        self.sum.store(tally.sum, Ordering::Relaxed);
        self.disorder.store(tally.disorder, Ordering::Relaxed);
        // ORDER: Release pairs with the Acquire in `tally`.
        self.count.store(tally.count, Ordering::Release);
    }
}

impl<K: Check> Checking<K> {
    /// With the first item at place 1.
    pub(super) fn new(told: Arc<Told>) -> Self {
        Self { check: K::new(1), count: 0, told }
    }

    #[inline(always)]
    fn see(&mut self, item: u64) {
        self.check.see(&item);
        self.count += 1;
    }
}

impl<K: Check + Clone + Send + 'static> Handler<Queue<u64>> for Checking<K> {
    #[inline]
    fn handle(&mut self, item: Held<'_, u64>) {
        self.see(*item);
    }

    fn batch(&mut self) {
        self.told.tell(&self.check.clone().tally(self.count));
    }
}

impl<K: Check + Clone + Send + 'static> Handler<Topic<u64>> for Checking<K> {
    #[inline]
    fn handle(&mut self, item: &u64) {
        self.see(*item);
    }

    fn batch(&mut self) {
        self.told.tell(&self.check.clone().tally(self.count));
    }
}

/// What came between two looks.
pub(super) fn since(before: &Tally, after: &Tally) -> Tally {
    Tally {
        count: after.count - before.count,
        sum: after.sum.wrapping_sub(before.sum),
        disorder: after.disorder,
        ..Tally::default()
    }
}
