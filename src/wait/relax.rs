//! Waiting by looking less and less often.

use std::time::Duration;

use super::{Terms, Wait, sealed::Sealed};
use crate::sync::{park_timeout, spin, yield_now};

/// Looks again, lets others run, then naps: 20 µs at first, twice as long each time, a millisecond at the most.
///
/// For ends that have time, and must cost their peers nothing: nobody is woken, so nobody pays for waking, not even the
/// one load that [`Park`](super::Park) asks for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Relax;

const SPINS: u32 = 64;
const YIELDS: u32 = 32;
const FIRST_NAP: Duration = Duration::from_micros(20);
const LONGEST_NAP: Duration = Duration::from_millis(1);

impl Sealed for Relax {}

impl Wait for Relax {
    type Signal = ();

    fn wait<R>(&mut self, (): &(), terms: Terms, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        let (mut looks, mut nap) = (0, FIRST_NAP);
        loop {
            if let Some(answer) = ready() {
                return Some(answer);
            }
            if looks % 32 == 0 && terms.until.is_over() {
                return None;
            }
            if looks < SPINS && terms.ends <= crate::sync::usable_cpus() {
                spin(1);
            } else if looks < SPINS + YIELDS {
                yield_now();
            } else {
                // A nap is a sleep from which nobody has to wake this thread; being woken does no harm.
                park_timeout(terms.until.left().map_or(nap, |left| nap.min(left)));
                nap = (2 * nap).min(LONGEST_NAP);
                looks -= 1;
            }
            looks += 1;
            if looks >= SPINS + YIELDS && terms.until.is_over() {
                return ready();
            }
        }
    }

    fn leave(&mut self, (): &()) {}
}
