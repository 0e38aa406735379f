//! Waiting by sleeping, after looking as long as that has paid off lately.

use std::{fmt, time::Instant};

use super::{Caller, Deadline, Looks, Signal, Sleepers, Terms, Wait, Waiter, sealed::Sealed};
use crate::sync::{park, park_timeout};

/// Looks for some microseconds, lets others run for a moment, then sleeps until it is called.
///
/// How long it looks it learns. At first for about 25 µs, which is what a sleep and its wake-up cost; for up to 100 µs
/// where answers keep coming in the later half of that time, as they do now and then in a stream of some ten thousand items
/// a second that come at random; down to under a microsecond where none has come several times in a row, and where eight
/// sleeps in a row were long, not at all: it sleeps at once. Where more ends than usable CPUs share the work it does not
/// look either, but yields: whoever will make it ready may be waiting for this very CPU. Else it yields only while its
/// sleeps are short, and where a yield comes back late, because strangers keep the CPU busy, not for some hundred waits: a
/// sleeper that is woken gets its CPU sooner.
///
/// Usable are the CPUs that any thread of the process may use. They are counted when the process makes its first channel, and
/// now and then by an end that has more company than there are CPUs: some thread may have been pinned elsewhere meanwhile.
///
/// # Cost
/// Nothing, while it sleeps. Falling asleep interrupts the process's other running threads once (`membarrier`, 0.4 to
/// 10 µs), but not where it sleeps at once: then whoever notifies takes a full fence each time. Else that one pays one relaxed
/// load while nobody sleeps, and a system call for each sleeper it wakes. To count the CPUs again looks at every thread of the
/// process, and allocates: a few dozen times in a process's life at the most.
#[derive(Default)]
pub struct Park {
    looks: Looks,
    waiter: Waiter,
}

impl Park {
    pub(crate) fn waiter(&mut self) -> &mut Waiter {
        &mut self.waiter
    }

    pub(crate) fn waiter_ref(&self) -> &Waiter {
        &self.waiter
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
        let looked = self.looks.look(terms, &mut ready);
        signal.expect_long(self.looks.expects_long());
        if looked.is_some() {
            return looked;
        }
        loop {
            self.waiter.enlist(signal, terms.key, Caller::this_thread()).take();
            let mut answer = ready();
            if answer.is_none() {
                let before = Instant::now();
                sleep(terms.until, || self.waiter.was_called());
                self.looks.has_slept(before);
            } else {
                self.looks.has_not_slept();
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

impl fmt::Debug for Park {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Park").field("looks", &self.looks).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A wait that sleeps at once asks before, on the list, and after the sleep. One that looks or yields was seen to stall
    /// paced streams for the time slice of a busy thread.
    #[test]
    fn after_long_sleeps_it_sleeps_at_once() {
        let (mut park, signal) = (Park::default(), Sleepers::default());
        let asked_in_a_wait = |park: &mut Park, time_ms| {
            let mut asked = 0;
            park.wait(&signal, Terms::until(Deadline::after(Duration::from_millis(time_ms))), || {
                asked += 1;
                None::<()>
            });
            asked
        };
        // A thread that is held up may find its time over before it looks, or sleeps: then it has more of it.
        assert!((0..4).any(|_| asked_in_a_wait(&mut park, 2) > 3), "it looks at first");
        let mut times = (1..10).flat_map(|doubled| [1 << doubled; 20]);
        assert!(times.any(|time_ms| asked_in_a_wait(&mut park, time_ms) == 3));
        park.leave(&signal);
        assert!(signal.expects_long(), "it interrupts nobody, and the end of a wait changes nothing");
        let mut wait = || {
            let mut asked = 0;
            park.wait(&signal, Terms::until(Deadline::NEVER), || {
                asked += 1;
                (asked > 1).then_some(())
            })
        };
        assert_eq!(wait().and_then(|()| wait()), Some(()));
        assert!(!signal.expects_long(), "notifiers take no fence again");
    }
}
