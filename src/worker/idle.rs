//! What a worker does when nothing is there.

use std::{thread, time::Duration};

/// Spins, lets others run, then parks for longer and longer moments.
#[derive(Default)]
pub(crate) struct Idler {
    step: u32,
}

const SPINS: u32 = 64;
const YIELDS: u32 = 128;
const NAP_MAX: Duration = Duration::from_millis(1);

impl Idler {
    pub(crate) fn reset(&mut self) {
        self.step = 0;
    }

    pub(crate) fn idle(&mut self) {
        self.step = self.step.saturating_add(1);
        if self.step < SPINS {
            std::hint::spin_loop();
        } else if self.step < SPINS + YIELDS {
            thread::yield_now();
        } else {
            let nap = Duration::from_micros(10) * (self.step - SPINS - YIELDS).min(100);
            thread::park_timeout(nap.min(NAP_MAX));
        }
    }
}
