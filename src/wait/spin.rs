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

impl Sealed for Spin {}

impl Wait for Spin {
    type Signal = ();

    fn wait<R>(&mut self, (): &(), terms: Terms, mut ready: impl FnMut() -> Option<R>) -> Option<R> {
        for look in 0_u32.. {
            if let Some(answer) = ready() {
                return Some(answer);
            }
            if look % 32 == 0 && terms.until.is_over() {
                return None;
            }
            spin(1);
        }
        None
    }

    fn leave(&mut self, (): &()) {}
}
