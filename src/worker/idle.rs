//! What a worker does when nothing is there: polls again as long as that has paid off lately, then sleeps at all its shards
//! at once.

use std::{
    mem,
    time::{Duration, Instant},
};

use super::{Polled, Worker};
use crate::wait::{Caller, Deadline, Fence, Sleepers, Terms, sleep};

/// A worker that sleeps shows that it lives once in so long.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// A handler that can't take more is asked again after so long: nobody else knows when it can.
const HOLD: Duration = Duration::from_micros(200);

impl Worker {
    pub(super) fn poll_or_sleep(&mut self, until: Deadline) -> Polled {
        loop {
            let polled = self.poll();
            if polled != Polled::Idle || until.is_over() {
                return polled;
            }
            let polled = self.look(until).unwrap_or_else(|| self.sleep(until));
            if polled != Polled::Idle {
                return polled;
            }
        }
    }

    fn look(&mut self, until: Deadline) -> Option<Polled> {
        let mut looks = mem::take(&mut self.looks);
        let terms = Terms { ends: self.ends, ..Terms::until(until) };
        let polled = looks.look(terms, || Some(self.poll()).filter(|&polled| polled != Polled::Idle));
        self.looks = looks;
        let expects_long = self.looks.expects_long();
        self.bells(|sleepers| sleepers.expect_long(expects_long));
        polled
    }

    /// Goes to the lists of those who are called, polls once more, and sleeps if nothing is there even then.
    fn sleep(&mut self, until: Deadline) -> Polled {
        let asks = self.asks;
        // Whoever can't take more leaves the calls to others, and looks again soon.
        let held = self.holds();
        self.enlist();
        // Whoever made something ready before this cycle is seen in it; whoever does later calls. It has not been to the
        // lists of duties that came in this cycle.
        let polled = self.poll();
        if polled != Polled::Idle {
            self.looks.has_not_slept();
        } else if self.asks == asks {
            let longest = until.min(Deadline::after(if held || self.holds() { HOLD } else { SLEEP_MAX }));
            let until = self.next_at().map_or(longest, |at| Deadline::at(at).min(longest));
            let before = Instant::now();
            sleep(until, || self.place.was_called());
            self.looks.has_slept(before);
        }
        self.strike();
        polled
    }

    /// When the first of its duties wants a turn although nothing comes.
    fn next_at(&self) -> Option<Instant> {
        self.duties.iter().filter_map(|assigned| assigned.duty.next_at()).min()
    }

    /// Goes to all lists. After this the worker looks once more, and then may sleep.
    fn enlist(&self) {
        self.place.reset();
        let mut fence = Fence::NONE;
        let mut enlist = |sleepers: &Sleepers| {
            let also = sleepers.enlist(&self.place, 0, Caller::this_thread());
            fence = mem::replace(&mut fence, Fence::NONE).and(also);
        };
        enlist(&self.desk.bell);
        let called = self.duties.iter().filter(|assigned| !assigned.holds);
        called.for_each(|assigned| assigned.duty.bells(&mut enlist));
        fence.take();
    }

    /// Goes off all lists.
    fn strike(&self) {
        self.bells(|sleepers| _ = sleepers.strike(&self.place));
    }

    /// The lists of all who may call.
    fn bells(&self, mut each: impl FnMut(&Sleepers)) {
        each(&self.desk.bell);
        self.duties.iter().for_each(|assigned| assigned.duty.bells(&mut each));
    }

    /// Whether some handler could not take more in the last cycle.
    fn holds(&self) -> bool {
        self.duties.iter().any(|assigned| assigned.holds)
    }
}
