//! How long an end looks and yields before it sleeps, as learned from its waits before.

use std::time::{Duration, Instant};

use super::Terms;
use crate::sync::{POLLS, cpus_for_crowd, spin, usable_cpus, yield_now};

/// How long an end looks and yields before it sleeps: as long as that has paid off lately.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Looks before it yields.
    limit: u32,
    /// Whether the last wait's looks were for nothing.
    missed: bool,
    /// Waits without yields that are still to come, since one has come back late.
    no_yields: u32,
    /// Whether the last sleep was so short that a yield might have done instead.
    slept_briefly: bool,
    /// Long sleeps in a row, up to `SLEEPS_LONG`; a brief one takes two away, since a stream that comes at its own pace has
    /// some when it was held up.
    slept_long: u32,
}

/// One look with its pause takes about 0.2 µs, one of the first about 0.04: this is about what a sleep and its wake-up cost.
const LOOKS_FIRST: u32 = 128;
const LOOKS_MIN: u32 = 16;
/// Where items come at random, one gap in twelve is two and a half times as long as they are on average: as long as most come
/// within the first looks, to sleep through the others costs more than it saves.
const LOOKS_MAX: u32 = 512;
/// Pauses between two looks, at the most: a look takes the line away that the other side is about to write.
const PAUSES_MAX: u32 = 8;
/// Looks with the shortest pause: an answer that is on its way comes within them.
const LOOKS_CLOSE: u32 = 16;
const YIELDS: u32 = 8;
/// A yield that takes longer has let a busy thread run, not one of a channel. A sleeper gets its CPU sooner: it is woken, where
/// one that has yielded waits for its turn.
const YIELD_LATE: Duration = Duration::from_micros(200);
const WAITS_WITHOUT_YIELDS: u32 = 256;
const SLEEP_BRIEF: Duration = Duration::from_micros(100);
/// After so many long sleeps the next is taken to be long, too. In a model every sleep is long, and one is enough.
const SLEEPS_LONG: u32 = if POLLS { 8 } else { 1 };

impl Looks {
    /// Looks without sleeping, as long as that may pay off.
    pub(crate) fn look<R>(&mut self, terms: Terms, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        if !POLLS || self.expects_long() {
            return None;
        }
        let crowded = terms.ends > usable_cpus() && terms.ends > cpus_for_crowd();
        if !crowded {
            for look in 0..self.limit {
                spin(if look < LOOKS_CLOSE { 1 } else { PAUSES_MAX });
                if let Some(answer) = ready() {
                    if look >= self.limit / 2 {
                        self.limit = (2 * self.limit).min(LOOKS_MAX);
                    }
                    self.missed = false;
                    self.slept_long = 0;
                    return Some(answer);
                }
                if look % 16 == 15 && terms.until.is_over() {
                    return None;
                }
            }
            // A single gap says little.
            if self.missed {
                self.limit = (self.limit / 2).max(LOOKS_MIN);
            }
            self.missed = true;
        }
        self.yield_for(crowded, ready)
    }

    /// The end has slept since.
    pub(crate) fn has_slept(&mut self, since: Instant) {
        if POLLS && since.elapsed() < SLEEP_BRIEF {
            self.has_not_slept();
        } else {
            self.slept_briefly = false;
            self.slept_long = (self.slept_long + 1).min(SLEEPS_LONG);
        }
    }

    /// The end would have slept, but there was an answer: nothing would have been briefer.
    pub(crate) fn has_not_slept(&mut self) {
        self.slept_briefly = true;
        self.slept_long = self.slept_long.saturating_sub(2);
    }

    /// Whether the next sleep is taken to be long, so that it comes without a look.
    pub(crate) fn expects_long(&self) -> bool {
        self.slept_long == SLEEPS_LONG
    }

    /// Lets others run for a moment. Where the ends are more than the CPUs, a yield that takes long has let one of them run.
    fn yield_for<R>(&mut self, crowded: bool, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
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

impl Default for Looks {
    fn default() -> Self {
        Self { limit: LOOKS_FIRST, missed: false, no_yields: 0, slept_briefly: false, slept_long: 0 }
    }
}
