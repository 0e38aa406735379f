//! How a publisher waits for room, and where it must not.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

thread_local! {
    /// Whether this thread runs handlers now.
    static IN_HANDLERS: Cell<bool> = const { Cell::new(false) };
}

/// Until it is dropped, nothing on this thread waits for room: the handlers that would make it may be this thread's.
pub(crate) struct InHandlers {
    before: bool,
}

pub(crate) fn enter_handlers() -> InHandlers {
    InHandlers { before: IN_HANDLERS.replace(true) }
}

impl Drop for InHandlers {
    fn drop(&mut self) {
        IN_HANDLERS.set(self.before);
    }
}

/// Waits between two attempts: first spinning, then letting others run, then parked for a moment.
pub(super) struct Patience {
    until: Option<Instant>,
    step: u32,
}

const SPINS: u32 = 64;
const YIELDS: u32 = 64;
const NAP: Duration = Duration::from_micros(50);

impl Patience {
    pub(super) fn until(until: Option<Instant>) -> Self {
        Self { until, step: 0 }
    }

    /// Lets some time pass; `false` if there is none left, or this thread must not wait.
    #[cold]
    pub(super) fn wait(&mut self) -> bool {
        if IN_HANDLERS.get() || self.until.is_some_and(|until| Instant::now() >= until) {
            return false;
        }
        self.step = self.step.saturating_add(1);
        if self.step < SPINS {
            std::hint::spin_loop();
        } else if self.step < SPINS + YIELDS {
            thread::yield_now();
        } else {
            thread::park_timeout(NAP);
        }
        true
    }
}
