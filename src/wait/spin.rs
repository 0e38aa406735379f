//! Waiting by looking all the time.

use super::{Terms, Wait, sealed::Sealed};
use crate::sync::spin;

/// Looks again at once, for as long as it takes: for a CPU that this end owns.
///
/// With fewer CPUs than spinning threads each waits for the others' time slices, milliseconds each; [`Park`](super::Park)
/// is the choice for everybody else.
///
/// # Cost
/// Nobody is woken, so nobody pays for waking. A deadline is looked at every 32nd time.
#[derive(Debug, Default, Clone, Copy)]
pub struct Spin;

/// Looks for each one at the clock.
const LOOKS: u32 = 32;

impl Sealed for Spin {}

impl Wait for Spin {
    type Signal = ();

    fn wait<R>(&mut self, (): &(), terms: Terms, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        loop {
            if let Some(answer) = ready() {
                return Some(answer);
            }
            if terms.until.is_over() {
                return None;
            }
            for _ in 1..LOOKS {
                spin(1);
                if let Some(answer) = ready() {
                    return Some(answer);
                }
            }
            spin(1);
        }
    }

    fn leave(&mut self, (): &()) {}
}
