//! Where the threads of a sample meet, how they wait for a queue, and how they give up.

use std::{
    hint,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use crossbeam_utils::CachePadded;

/// Failed tries with a pause between them before a thread yields. The policy moves results more than any algorithm does,
/// so there is one for everybody, and the report states it.
pub(crate) const SPINS: u32 = 64;
/// The same for a closed loop, which polls without a pause: its threads never contend, they wait for one line.
pub(crate) const SPINS_TIGHT: u32 = 4096;
/// Polls of a barrier before it yields.
const SPINS_AT_BARRIER: u32 = 16_384;

/// A barrier that can be abandoned.
#[derive(Debug)]
pub(crate) struct Gate {
    seats: usize,
    /// More threads than CPUs: whoever waits must let another thread run.
    crowded: bool,
    arrived: CachePadded<AtomicUsize>,
    generation: CachePadded<AtomicUsize>,
    aborted: CachePadded<AtomicBool>,
}

impl Gate {
    pub(crate) fn new(seats: usize, crowded: bool) -> Self {
        Self {
            seats,
            crowded,
            arrived: CachePadded::new(AtomicUsize::new(0)),
            generation: CachePadded::new(AtomicUsize::new(0)),
            aborted: CachePadded::new(AtomicBool::new(false)),
        }
    }

    /// Waits until every seat is here; `None` if the sample was given up.
    ///
    /// It spins: a futex would wake the threads tens of microseconds apart, and the time runs from the first one's start.
    pub(crate) fn wait(&self) -> Option<()> {
        // ORDER: Acquire, so that this generation is read before the arrival that may end it.
        let generation = self.generation.load(Ordering::Acquire);
        // ORDER: AcqRel chains the arrivals, so that the last one has seen what each thread did before.
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.seats {
            // ORDER: Relaxed; the store below publishes it.
            self.arrived.store(0, Ordering::Relaxed);
            // ORDER: Release publishes all of that to the Acquire in the loop.
            self.generation.store(generation.wrapping_add(1), Ordering::Release);
            return self.go_on();
        }
        let mut polls = 0u32;
        // ORDER: Acquire pairs with the Release above.
        while self.generation.load(Ordering::Acquire) == generation {
            if self.is_aborted() {
                return None;
            }
            polls = polls.saturating_add(1);
            if self.crowded || polls > SPINS_AT_BARRIER {
                thread::yield_now();
            } else {
                hint::spin_loop();
            }
        }
        self.go_on()
    }

    /// A thread whose loop ended because of an abort has seen the flag before it came here, so it never passes as one
    /// that went through.
    fn go_on(&self) -> Option<()> {
        (!self.is_aborted()).then_some(())
    }

    /// Sends everybody home.
    pub(crate) fn abort(&self) {
        // ORDER: Relaxed; the flag carries nothing but itself, and a late reader only leaves later.
        self.aborted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        // ORDER: Relaxed, as in `abort`.
        self.aborted.load(Ordering::Relaxed)
    }

    /// How the loops of this sample wait.
    pub(crate) fn retry(&self, tight: bool) -> Retry<'_> {
        let spins = match (self.crowded, tight) {
            (true, _) => 0,
            (false, true) => SPINS_TIGHT,
            (false, false) => SPINS,
        };
        Retry { gate: self, spins, pause: !tight }
    }
}

/// What a loop does after a failed try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry<'g> {
    gate: &'g Gate,
    spins: u32,
    pause: bool,
}

impl Retry<'_> {
    /// Whether the sample was given up.
    #[inline(always)]
    pub(crate) fn is_aborted(&self) -> bool {
        self.gate.is_aborted()
    }

    /// Waits a moment after the failed try that makes `failed` in a row; false if the sample was given up.
    #[inline(always)]
    pub(crate) fn again(&self, failed: &mut u32) -> bool {
        *failed += 1;
        if *failed <= self.spins {
            if self.pause {
                hint::spin_loop();
            }
            return true;
        }
        // The counter stays here: once a thread yields it goes on yielding, and can't overflow.
        *failed = self.spins;
        thread::yield_now();
        !self.is_aborted()
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, SPINS};
    use std::{sync::Arc, thread};

    #[test]
    fn an_aborted_gate_lets_everybody_go() {
        let gate = Arc::new(Gate::new(2, true));
        let waiter = thread::spawn({
            let gate = Arc::clone(&gate);
            move || gate.wait()
        });
        gate.abort();
        assert_eq!(waiter.join().expect("the waiter returns"), None);
        let mut failed = SPINS;
        assert!(!gate.retry(false).again(&mut failed));
    }

    #[test]
    fn a_full_gate_opens_each_time() {
        let gate = Gate::new(1, false);
        assert_eq!(gate.wait(), Some(()));
        assert_eq!(gate.wait(), Some(()));
    }
}
