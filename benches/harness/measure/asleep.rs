//! The loops in which somebody sleeps: an item for a receiver that is asleep, items by a plan made beforehand, none at all.

use std::{
    hint::{self, black_box},
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;

use super::{
    check::{Check, Exact, Tally, words},
    crew::Phase,
    drive::{Get, Put},
    loops::catch,
};
use crate::harness::{
    queue::Payload,
    rows::{PACE, WAKE_PAUSE},
    threads::{self, Task},
};

/// How long a look into /proc is put off after the last one.
const LOOK_EVERY: Duration = Duration::from_micros(10);
/// How long a thread sleeps before it looks whether the sample was given up.
const NAP: Duration = Duration::from_millis(20);

/// What a sender knows of the receiver that it is to wake.
#[derive(Debug, Default)]
pub(crate) struct Sleeper {
    /// The receiver's thread; 0 until it has begun.
    thread: AtomicU32,
    /// The item that it waits for.
    awaited: CachePadded<AtomicU64>,
}

impl Sleeper {
    /// Waits until the receiver sleeps for want of that item; false if the sample was given up.
    fn await_sleep(&self, word: u64, phase: &Phase<'_>) -> bool {
        let mut task = None;
        // ORDER: Acquire pairs with the Release in `receive_waking`: who sees the item sees the thread.
        while self.awaited.load(Ordering::Acquire) != word
            || !task.get_or_insert_with(|| Task::open(self.thread.load(Ordering::Relaxed))).is_asleep()
        {
            if phase.retry.is_aborted() {
                return false;
            }
            spin_for(LOOK_EVERY);
        }
        true
    }
}

/// Sends each item when the receiver sleeps, and notes when.
#[inline(never)]
pub(crate) fn send_waking<T: Payload, P: Put<T>>(
    tx: &mut P,
    sleeper: &Sleeper,
    epoch: Instant,
    phase: &Phase<'_>,
) -> Tally {
    let mut stamps = Vec::with_capacity(phase.items as usize);
    for word in words(0, phase.first, phase.items) {
        if !sleeper.await_sleep(word, phase) {
            break;
        }
        spin_for(WAKE_PAUSE);
        stamps.push(nanos(epoch.elapsed()));
        if !tx.put(T::new(word), &phase.retry) {
            break;
        }
    }
    Tally { stamps, ..Tally::default() }
}

/// Receives each item, and notes when.
#[inline(never)]
pub(crate) fn receive_waking<T: Payload, C: Get<T>>(
    rx: &mut C,
    sleeper: &Sleeper,
    epoch: Instant,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut stamps = Vec::with_capacity(phase.items as usize);
    // ORDER: Relaxed; published with the item.
    sleeper.thread.store(threads::thread_id(), Ordering::Relaxed);
    for word in words(0, phase.first, phase.items) {
        // ORDER: Release publishes the thread to the Acquire in `await_sleep`.
        sleeper.awaited.store(word, Ordering::Release);
        if catch(rx, &mut check, phase).is_none() {
            break;
        }
        stamps.push(nanos(epoch.elapsed()));
    }
    let count = stamps.len() as u64;
    Tally { stamps, ..check.tally(count) }
}

/// Sends an item every [`PACE`], by a plan that no delay shifts, and notes the plan.
#[inline(never)]
pub(crate) fn send_paced<T: Payload, P: Put<T>>(tx: &mut P, epoch: Instant, phase: &Phase<'_>) -> Tally {
    threads::sleep_exactly();
    let mut stamps = Vec::with_capacity(phase.items as usize);
    let mut planned = epoch.elapsed();
    for word in words(0, phase.first, phase.items) {
        planned += PACE;
        thread::sleep(planned.saturating_sub(epoch.elapsed()));
        stamps.push(nanos(planned));
        if phase.retry.is_aborted() || !tx.put(T::new(word), &phase.retry) {
            break;
        }
    }
    Tally { stamps, ..Tally::default() }
}

/// Receives, and notes when; then tells those who make the CPUs busy to stop.
#[inline(never)]
pub(crate) fn receive_paced<T: Payload, C: Get<T>>(
    rx: &mut C,
    over: &AtomicBool,
    epoch: Instant,
    phase: &Phase<'_>,
) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut stamps = Vec::with_capacity(phase.items as usize);
    while (stamps.len() as u64) < phase.items && catch(rx, &mut check, phase).is_some() {
        stamps.push(nanos(epoch.elapsed()));
    }
    // ORDER: Relaxed; the flag carries nothing but itself.
    over.store(true, Ordering::Relaxed);
    let count = stamps.len() as u64;
    Tally { stamps, ..check.tally(count) }
}

/// Keeps a CPU busy, as other work of the same machine would, until the receiver is through.
#[inline(never)]
pub(crate) fn burn(over: &AtomicBool, phase: &Phase<'_>) {
    let mut number = 1u64;
    // ORDER: Relaxed, as in `receive_paced`.
    while !over.load(Ordering::Relaxed) && !phase.retry.is_aborted() {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Sends nothing for so long, then each item.
#[inline(never)]
pub(crate) fn send_late<T: Payload, P: Put<T>>(tx: &mut P, after: Duration, phase: &Phase<'_>) {
    let start = Instant::now();
    for word in words(0, phase.first, phase.items) {
        while start.elapsed() < after && !phase.retry.is_aborted() {
            thread::sleep(NAP.min(after.saturating_sub(start.elapsed())));
        }
        if !tx.put(T::new(word), &phase.retry) {
            return;
        }
    }
}

/// Receives, and notes the CPU time, in ns, that each item took.
#[inline(never)]
pub(crate) fn receive_late<T: Payload, C: Get<T>>(rx: &mut C, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut stamps = Vec::with_capacity(phase.items as usize);
    for _ in 0..phase.items {
        let before = threads::thread_time();
        if catch(rx, &mut check, phase).is_none() {
            break;
        }
        stamps.push(nanos(threads::thread_time().saturating_sub(before)));
    }
    let count = stamps.len() as u64;
    Tally { stamps, ..check.tally(count) }
}

/// A pause in which this CPU stays awake.
fn spin_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}
