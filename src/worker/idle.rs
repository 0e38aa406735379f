//! What a worker does when nothing is there: looks again as long as that has paid off lately, then sleeps at all its shards
//! at once.

use std::time::{Duration, Instant};

use crate::sync::{Arc, spin, usable_cpus, yield_now};
use crate::wait::{Caller, Deadline, Fence, Place, Sleepers, WAITS_WITHOUT_YIELDS, YIELD_LATE, YIELDS, sleep};

/// How one worker idles.
pub(super) struct Idler {
    /// Threads that may want a CPU for the same work.
    ends: usize,
    looks: u32,
    step: u32,
    /// Whether the last yield took long.
    came_late: bool,
    /// Sleeps without yields before them that are still to come, since a yield took long and nothing had come meanwhile.
    no_yields: u32,
    place: Arc<Place>,
}

/// A look is a whole cycle: some tenths of a microsecond.
const LOOKS_MIN: u32 = 16;
const LOOKS_MAX: u32 = 128;
/// A worker that sleeps shows that it lives once in so long.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// A handler that can't take more is asked again after so long: nobody else knows when it can.
const HOLD: Duration = Duration::from_micros(200);

impl Idler {
    /// For one of `workers`, by whose place it is called.
    pub(super) fn new(workers: usize, place: Arc<Place>) -> Self {
        Self { ends: workers + 1, looks: LOOKS_MAX, step: 0, came_late: false, no_yields: 0, place }
    }

    /// There was something.
    pub(super) fn reset(&mut self) {
        if self.step > self.looks / 2 {
            self.looks = (2 * self.looks).min(LOOKS_MAX);
        }
        self.step = 0;
        self.came_late = false;
    }

    /// Lets a moment pass; `false` if it is time to sleep instead.
    pub(super) fn looks_again(&mut self) -> bool {
        let looks = if self.ends <= usable_cpus() { self.looks } else { 0 };
        if std::mem::take(&mut self.came_late) {
            self.no_yields = WAITS_WITHOUT_YIELDS;
        }
        let yields = if self.no_yields > 0 { 0 } else { YIELDS };
        self.step += 1;
        if self.step <= looks {
            spin(4);
        } else if self.step <= looks + yields {
            let before = Instant::now();
            yield_now();
            self.came_late = before.elapsed() > YIELD_LATE;
        } else {
            self.no_yields = self.no_yields.saturating_sub(1);
            self.looks = (self.looks / 2).max(LOOKS_MIN);
            self.step = 0;
            return false;
        }
        true
    }

    /// Goes to the lists of all `bells`. After this the worker looks once more, and then may [`sleep`](Self::sleep).
    pub(super) fn enlist(&self, bells: impl FnOnce(&mut dyn FnMut(&Sleepers))) {
        self.place.reset();
        let mut fence = Fence::NONE;
        bells(&mut |sleepers| {
            let also = sleepers.enlist(&self.place, 0, Caller::this_thread());
            fence = std::mem::replace(&mut fence, Fence::NONE).and(also);
        });
        fence.take();
    }

    /// Sleeps until somebody calls, or until `next_at`, but not past `until`.
    pub(super) fn sleep(&self, until: Deadline, holds: bool, next_at: Option<Instant>) {
        let longest = until.min(Deadline::after(if holds { HOLD } else { SLEEP_MAX }));
        let until = next_at.map_or(longest, |at| Deadline::at(at).min(longest));
        sleep(until, || self.place.was_called());
    }
}
