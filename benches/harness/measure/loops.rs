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
    drive::{Get, Put},
};
use crate::harness::queue::{Payload, PushMany};

/// Items between two looks at whether the sample was given up.
const LOOK_EVERY: u64 = 1024;

/// Pushes a producer's words one by one.
#[inline(never)]
pub(crate) fn produce<T: Payload, P: Put<T>>(tx: &mut P, producer: usize, phase: &Phase<'_>) {
    let mut left = words(producer, phase.first, phase.items);
    while left.start < left.end && !phase.retry.is_aborted() {
        let end = left.end.min(left.start + LOOK_EVERY);
        for word in left.start..end {
            if !tx.put(T::new(word), &phase.retry) {
                return;
            }
        }
        left.start = end;
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
pub(crate) fn consume<T: Payload, C: Get<T>, K: Check>(rx: &mut C, quota: u64, phase: &Phase<'_>) -> Tally {
    let mut check = K::new(phase.first);
    let mut count = 0;
    while count < quota {
        let mut failed = 0;
        let taken = rx.get(|item| check.see(item), || phase.retry.again(&mut failed));
        if taken == 0 {
            break;
        }
        count += taken as u64;
    }
    check.tally(count)
}

/// What tells a consumer that waits, in competition with others, that nothing will come any more; one for each.
const STOP: u64 = u64::MAX;

/// Sends a [`STOP`] to each consumer. Queues of many consumers that wait are first in, first out: all items are before it.
pub(crate) fn stop<T: Payload, P: Put<T>>(tx: &mut P, consumers: usize, phase: &Phase<'_>) {
    for _ in 0..consumers {
        tx.put(T::new(STOP), &phase.retry);
    }
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

    /// One producer is through; whether it is the last.
    pub(crate) fn produced(&self) -> bool {
        // ORDER: Release pairs with the Acquire in `is_over`: who sees 0 sees every push. Acquire, so that the last comes
        // after the others.
        self.producing.fetch_sub(1, Ordering::AcqRel) == 1
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
pub(crate) fn compete<T: Payload, C: Get<T>, K: Check>(
    rx: &mut C,
    consumer: usize,
    quota: u64,
    drain: &Drain,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = K::new(phase.first);
    let mut count = 0;
    loop {
        let (mut failed, mut stopped) = (0, false);
        let see = |item: &T| match C::WAITS && item.word() == STOP {
            true => stopped = true,
            false => check.see(item),
        };
        let taken = rx.get(see, || !drain.is_over(consumer, count, quota) && phase.retry.again(&mut failed));
        if taken == 0 || stopped {
            break;
        }
        count += taken as u64;
    }
    check.tally(count)
}

/// Pushes and pops by turns on one thread.
#[inline(never)]
pub(crate) fn alternate<T: Payload, P: Put<T>, C: Get<T>>(tx: &mut P, rx: &mut C, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut count = 0;
    for word in words(0, phase.first, phase.items) {
        // The optimiser must not see through the queue from one end to the other.
        if !tx.put(black_box(T::new(word)), &phase.retry) || catch(rx, &mut check, phase).is_none() {
            break;
        }
        count += 1;
    }
    check.tally(count)
}

/// Sends by `batch`, and notes how long each batch took; takes out what was sent before the next.
#[inline(never)]
pub(crate) fn fill<T: Payload, P: Put<T>, C: Get<T>>(
    tx: &mut P,
    rx: &mut C,
    batch: usize,
    clock: &Clock,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut trips = Vec::with_capacity((phase.items / batch as u64) as usize);
    let mut count = 0;
    let mut left = words(0, phase.first, phase.items);
    while left.start < left.end {
        let end = left.end.min(left.start + batch as u64);
        let before = clock.raw();
        let sent = (left.start..end).all(|word| tx.put(black_box(T::new(word)), &phase.retry));
        trips.push(clock.raw().wrapping_sub(before));
        let taken = (left.start..end).take_while(|_| catch(rx, &mut check, phase).is_some()).count() as u64;
        count += taken;
        if !sent || taken < end - left.start {
            break;
        }
        left.start = end;
    }
    Tally { trips, ..check.tally(count) }
}

/// Sends an item and waits for it to come back, again and again; notes how long each trip took.
#[inline(never)]
pub(crate) fn serve<T: Payload, P: Put<T>, C: Get<T>>(
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
        let gone = phase.retry.is_aborted() || !tx.put(T::new(word), &phase.retry);
        if gone || catch(rx, &mut check, phase).is_none() {
            break;
        }
        let now = clock.raw();
        trips.push(now.wrapping_sub(before));
        before = now;
    }
    let count = trips.len() as u64;
    Tally { trips, ..check.tally(count) }
}

/// Sends back what comes.
#[inline(never)]
pub(crate) fn strike_back<T: Payload, P: Put<T>, C: Get<T>>(tx: &mut P, rx: &mut C, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut count = 0;
    for _ in 0..phase.items {
        let Some(item) = catch(rx, &mut check, phase) else { break };
        count += 1;
        if !tx.put(item, &phase.retry) {
            break;
        }
    }
    check.tally(count)
}

/// The next item, seen by the check; `None` if the sample was given up.
#[inline(always)]
pub(super) fn catch<T: Payload, C: Get<T>, K: Check>(rx: &mut C, check: &mut K, phase: &Phase<'_>) -> Option<T> {
    let mut failed = 0;
    let mut caught = T::default();
    let see = |item: &T| {
        check.see(item);
        caught = *item;
    };
    let taken = rx.get(see, || phase.retry.again(&mut failed));
    (taken > 0).then_some(caught)
}
