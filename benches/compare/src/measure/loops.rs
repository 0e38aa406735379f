//! The hot loops, the same for every contender: never inlined into their callers, so that each contender's copy of a
//! loop is compiled alone, and none profits from what another loop around it would hoist.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crossbeam_utils::CachePadded;
use quanta::Clock;

use super::{
    check::{Check, Exact, Tally, words},
    crew::Phase,
};
use crate::queue::{Payload, Push, PushMany, Take};

/// Pushes a producer's words one by one.
#[inline(never)]
pub(crate) fn produce<T: Payload, P: Push<T>>(tx: &mut P, producer: usize, phase: &Phase<'_>) {
    for word in words(producer, phase.first, phase.items) {
        let mut item = T::new(word);
        let mut failed = 0;
        while let Err(refused) = tx.try_push(item) {
            item = refused;
            if !phase.retry.again(&mut failed) {
                return;
            }
        }
    }
}

/// Pushes a producer's words by `batch`.
#[inline(never)]
pub(crate) fn produce_many<T: Payload, P: PushMany<T>>(tx: &mut P, batch: usize, phase: &Phase<'_>) {
    let mut left = words(0, phase.first, phase.items);
    let mut failed = 0;
    while left.start < left.end {
        let offered = (left.end - left.start).min(batch as u64) as usize;
        let first = left.start;
        let pushed = tx.try_push_many((0..offered).map(|nth| T::new(first + nth as u64)));
        left.start += pushed as u64;
        if pushed > 0 {
            failed = 0;
        } else if !phase.retry.again(&mut failed) {
            return;
        }
    }
}

/// Takes until `quota` items have come.
#[inline(never)]
pub(crate) fn consume<T: Payload, C: Take<T>, K: Check>(rx: &mut C, quota: u64, phase: &Phase<'_>) -> Tally {
    let mut check = K::new(phase.first);
    let mut count = 0;
    let mut failed = 0;
    while count < quota {
        let taken = rx.try_take(|item| check.see(item));
        if taken > 0 {
            count += taken as u64;
            failed = 0;
        } else if !phase.retry.again(&mut failed) {
            break;
        }
    }
    check.tally(count)
}

/// How consumers that compete for items learn that all have come.
#[derive(Debug)]
pub(crate) struct Drain {
    producing: CachePadded<AtomicUsize>,
    taken: Box<[CachePadded<AtomicU64>]>,
}

impl Drain {
    pub(crate) fn new(producers: usize, consumers: usize) -> Self {
        Self {
            producing: CachePadded::new(AtomicUsize::new(producers)),
            taken: (0..consumers).map(|_| CachePadded::default()).collect(),
        }
    }

    /// One producer is through.
    pub(crate) fn produced(&self) {
        // ORDER: Release pairs with the Acquire in `is_over`: who sees 0 sees every push.
        self.producing.fetch_sub(1, Ordering::Release);
    }

    /// Whether the consumers together have all `quota` items; asked only when there was nothing to take. While producers
    /// are at work it reads one line that nobody writes, so it costs the run nothing.
    fn is_over(&self, consumer: usize, count: u64, quota: u64) -> bool {
        // ORDER: Acquire, as in `produced`.
        if self.producing.load(Ordering::Acquire) != 0 {
            return false;
        }
        // ORDER: Relaxed; a stale count only means another look.
        self.taken[consumer].store(count, Ordering::Relaxed);
        let taken = self.taken.iter().map(|taken| taken.load(Ordering::Relaxed)).sum::<u64>();
        taken >= quota
    }
}

/// Takes, in competition with others, until all `quota` items have come to one of them.
#[inline(never)]
pub(crate) fn compete<T: Payload, C: Take<T>, K: Check>(
    rx: &mut C,
    consumer: usize,
    quota: u64,
    drain: &Drain,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = K::new(phase.first);
    let mut count = 0;
    let mut failed = 0;
    loop {
        let taken = rx.try_take(|item| check.see(item));
        if taken > 0 {
            count += taken as u64;
            failed = 0;
        } else if drain.is_over(consumer, count, quota) || !phase.retry.again(&mut failed) {
            break;
        }
    }
    check.tally(count)
}

/// Pushes and pops by turns on one thread.
#[inline(never)]
pub(crate) fn alternate<T: Payload, P: Push<T>, C: Take<T>>(tx: &mut P, rx: &mut C, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut count = 0;
    for word in words(0, phase.first, phase.items) {
        // The optimiser must not see through the queue from one end to the other.
        let mut item = black_box(T::new(word));
        let mut failed = 0;
        while let Err(refused) = tx.try_push(item) {
            item = refused;
            if !phase.retry.again(&mut failed) {
                return check.tally(count);
            }
        }
        loop {
            let taken = rx.try_take(|item| check.see(item));
            if taken > 0 {
                count += taken as u64;
                break;
            }
            if !phase.retry.again(&mut failed) {
                return check.tally(count);
            }
        }
    }
    check.tally(count)
}

/// Sends an item and waits for it to come back, again and again; notes how long each trip took.
#[inline(never)]
pub(crate) fn serve<T: Payload, P: Push<T>, C: Take<T>>(
    tx: &mut P,
    rx: &mut C,
    clock: &Clock,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = Exact::new(phase.first);
    // Written once, so that no page of it is first touched inside a trip.
    let mut trips = vec![u64::MAX; phase.items as usize];
    trips.clear();
    let mut before = clock.raw();
    for word in words(0, phase.first, phase.items) {
        if hit(tx, T::new(word), phase).is_none() || catch(rx, &mut check, phase).is_none() {
            break;
        }
        let now = clock.raw();
        trips.push(now.wrapping_sub(before));
        before = now;
    }
    let mut tally = check.tally(trips.len() as u64);
    tally.trips = trips;
    tally
}

/// Sends back what comes.
#[inline(never)]
pub(crate) fn strike_back<T: Payload, P: Push<T>, C: Take<T>>(tx: &mut P, rx: &mut C, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut count = 0;
    for _ in 0..phase.items {
        let Some(item) = catch(rx, &mut check, phase) else { break };
        count += 1;
        if hit(tx, item, phase).is_none() {
            break;
        }
    }
    check.tally(count)
}

#[inline(always)]
fn hit<T: Payload, P: Push<T>>(tx: &mut P, mut item: T, phase: &Phase<'_>) -> Option<()> {
    let mut failed = 0;
    while let Err(refused) = tx.try_push(item) {
        item = refused;
        if !phase.retry.again(&mut failed) {
            return None;
        }
    }
    Some(())
}

#[inline(always)]
fn catch<T: Payload, C: Take<T>, K: Check>(rx: &mut C, check: &mut K, phase: &Phase<'_>) -> Option<T> {
    let mut failed = 0;
    let mut caught = T::default();
    loop {
        let taken = rx.try_take(|item| {
            check.see(item);
            caught = *item;
        });
        if taken > 0 {
            return Some(caught);
        }
        if !phase.retry.again(&mut failed) {
            return None;
        }
    }
}
