//! Waiting by sleeping, after looking as long as that has paid off lately.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{Caller, Deadline, Signal, Sleepers, Terms, Wait, Waiter, sealed::Sealed};
use crate::sync::{POLLS, cpus_for_crowd, park, park_timeout, spin, usable_cpus, yield_now};

/// Looks for some microseconds, lets others run for a moment, then sleeps until it is called.
///
/// How long it looks it learns: as long as the answer keeps coming in that time, up to about 30 µs, which is what a sleep
/// and its wake-up cost; down to under a microsecond where it has not come several times in a row, and where eight sleeps in a
/// row were long, not at all: it sleeps at once. Where more ends than usable CPUs share the work it does not look either, but
/// yields: whoever will make it ready may be waiting for this very CPU. Else it yields only while its sleeps are short, and
/// where a yield comes back late, because strangers keep the CPU busy, not for some hundred waits: a sleeper that is woken
/// gets its CPU sooner.
///
/// Usable are the CPUs that any thread of the process may use. They are counted when the process makes its first channel, and
/// now and then by an end that has more company than there are CPUs: some thread may have been pinned elsewhere meanwhile.
///
/// # Cost
/// Nothing, while it sleeps. Falling asleep interrupts the process's other running threads once (`membarrier`, 0.4 to
/// 10 µs). Whoever notifies pays one relaxed load while nobody sleeps, and a system call for each sleeper it wakes. To count
/// the CPUs again looks at every thread of the process, and allocates: a few dozen times in a process's life at the most.
pub struct Park {
    /// Looks that it takes before it yields.
    looks: u32,
    /// Whether the last wait's looks were for nothing.
    missed: bool,
    /// Waits without yields that are still to come, since one has come back late.
    no_yields: u32,
    /// Whether the last sleep was so short that a yield might have done instead.
    slept_briefly: bool,
    /// Long sleeps in a row, up to `SLEEPS_LONG`; a brief one takes two away, since a stream that comes at its own pace has
    /// some when it was held up.
    slept_long: u32,
    waiter: Waiter,
}

/// One look with its pause takes about 0.2 µs, one of the first about 0.04.
const LOOKS_MIN: u32 = 16;
const LOOKS_MAX: u32 = 128;
/// Pauses between two looks, at the most: a look takes the line away that the other side is about to write.
const PAUSES_MAX: u32 = 8;
/// Looks with the shortest pause: an answer that is on its way comes within them.
const LOOKS_CLOSE: u32 = 16;
pub(crate) const YIELDS: u32 = 8;
/// A yield that takes longer has let a busy thread run, not one of a channel. A sleeper gets its CPU sooner: it is woken, where
/// one that has yielded waits for its turn.
pub(crate) const YIELD_LATE: Duration = Duration::from_micros(200);
pub(crate) const WAITS_WITHOUT_YIELDS: u32 = 256;
const SLEEP_BRIEF: Duration = Duration::from_micros(100);
/// After so many long sleeps the next is taken to be long, too.
const SLEEPS_LONG: u32 = 8;

impl Park {
    pub(crate) fn waiter(&mut self) -> &mut Waiter {
        &mut self.waiter
    }

    pub(crate) fn waiter_ref(&self) -> &Waiter {
        &self.waiter
    }

    /// Looks without sleeping, as long as that may pay off.
    fn look<R>(&mut self, terms: Terms, ready: &mut impl FnMut() -> Option<R>) -> Option<R> {
        if !POLLS || self.slept_long == SLEEPS_LONG {
            return None;
        }
        let crowded = terms.ends > usable_cpus() && terms.ends > cpus_for_crowd();
        if !crowded {
            for look in 0..self.looks {
                spin(if look < LOOKS_CLOSE { 1 } else { PAUSES_MAX });
                if let Some(answer) = ready() {
                    if look >= self.looks / 2 {
                        self.looks = (2 * self.looks).min(LOOKS_MAX);
                    }
                    self.missed = false;
                    self.slept_long = 0;
                    return Some(answer);
                }
                if look % 16 == 15 && terms.until.is_over() {
                    return None;
                }
            }
            // Not after a single miss: where items come at random, one gap in twenty is three times as long as they are on average.
            if self.missed {
                self.looks = (self.looks / 2).max(LOOKS_MIN);
            }
            self.missed = true;
        }
        self.yield_for(crowded, ready)
    }

    fn has_slept(&mut self, time: Duration) {
        self.slept_briefly = time < SLEEP_BRIEF;
        self.slept_long = match self.slept_briefly {
            true => self.slept_long.saturating_sub(2),
            false => (self.slept_long + 1).min(SLEEPS_LONG),
        };
    }

    /// Lets others run for a moment. Where the ends are more than the CPUs, a yield that takes long has let one of them run.
    fn yield_for<R>(&mut self, crowded: bool, ready: &mut impl FnMut() -> Option<R>) -> Option<R> {
        if !crowded && (!self.slept_briefly || self.slept_long > 0) {
            return None;
        }
        if self.no_yields > 0 {
            self.no_yields -= 1;
            return None;
        }
        let mut before = Instant::now();
        for _ in 0..YIELDS {
            yield_now();
            let answer = ready();
            let now = Instant::now();
            if !crowded && now - before > YIELD_LATE {
                self.no_yields = WAITS_WITHOUT_YIELDS;
                return answer;
            }
            before = now;
            if answer.is_some() {
                self.slept_long = 0;
                return answer;
            }
        }
        None
    }
}

/// Sleeps until it is called, or the time is over.
pub(crate) fn sleep(until: Deadline, was_called: impl Fn() -> bool) {
    while !was_called() {
        match until.left() {
            None => park(),
            Some(left) if left.is_zero() => return,
            Some(left) => park_timeout(left),
        }
    }
}

impl Sealed for Park {}

impl Wait for Park {
    type Signal = Sleepers;

    fn wait<R>(&mut self, signal: &Sleepers, terms: Terms, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        if let Some(answer) = ready() {
            return Some(answer);
        }
        if terms.until.is_over() {
            return None;
        }
        if let Some(answer) = self.look(terms, &mut ready) {
            return Some(answer);
        }
        loop {
            self.waiter.enlist(signal, terms.key, Caller::this_thread()).take();
            let mut answer = ready();
            if answer.is_none() {
                let before = Instant::now();
                sleep(terms.until, || self.waiter.was_called());
                self.has_slept(before.elapsed());
            } else {
                // Nothing would have been briefer.
                self.has_slept(Duration::ZERO);
            }
            let called = self.waiter.strike(signal);
            if answer.is_none() {
                answer = ready();
            }
            if answer.is_some() {
                return answer;
            }
            if terms.until.is_over() {
                if called {
                    // The call was for something, and this end will not look again.
                    signal.notify(1, terms.key);
                }
                return None;
            }
        }
    }

    fn leave(&mut self, signal: &Sleepers) {
        self.waiter.give_up(signal);
    }
}

impl Default for Park {
    fn default() -> Self {
        Self {
            looks: LOOKS_MAX,
            missed: false,
            no_yields: 0,
            slept_briefly: false,
            slept_long: 0,
            waiter: Waiter::default(),
        }
    }
}

impl fmt::Debug for Park {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Park").field("looks", &self.looks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wait that sleeps at once asks before, on the list, and after the sleep. One that looks or yields was seen to stall
    /// paced streams for the time slice of a busy thread.
    #[test]
    fn after_long_sleeps_it_sleeps_at_once() {
        let (mut park, signal) = (Park::default(), Sleepers::default());
        let mut asked_in_a_wait = || {
            let mut asked = 0;
            park.wait(&signal, Terms::until(Deadline::after(Duration::from_millis(2))), || {
                asked += 1;
                None::<()>
            });
            asked
        };
        // A thread that is held up may find its time over before it looks, or sleeps.
        assert!((0..4).any(|_| asked_in_a_wait() > 3), "it looks at first");
        assert!((0..100).any(|_| asked_in_a_wait() == 3));
    }
}
