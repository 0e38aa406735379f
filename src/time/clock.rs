//! Where `now` comes from: the machine, or a test.

use std::{fmt, time::Duration};

use crate::sync::{Arc, Counter};

use super::{Instant, instant::nanos};

/// A source of `now` that never goes back.
///
/// The trait is sealed: there is the machine's clock and one turned by hand. Whoever has another source passes its
/// numbers as [`Instant`]s.
pub trait Clock: Clone + Send + sealed::Sealed {
    /// What time it is.
    fn now(&self) -> Instant;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Monotonic {}
    impl Sealed for super::Manual {}
}

/// The machine's monotonic clock, counted from when this value was made. Clones share the start.
///
/// # Cost
/// One [`std::time::Instant::now`]: ask once a batch.
#[derive(Debug, Clone, Copy)]
pub struct Monotonic {
    start: std::time::Instant,
}

impl Monotonic {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }

    /// A reading of the standard library's clock, as this clock counts.
    #[inline]
    pub fn at(&self, instant: std::time::Instant) -> Instant {
        Instant::START + instant.saturating_duration_since(self.start)
    }
}

impl Default for Monotonic {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Monotonic {
    #[inline]
    fn now(&self) -> Instant {
        self.at(std::time::Instant::now())
    }
}

/// A clock that stands until somebody turns it. Clones are the same clock, also in other threads.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::time::{Clock, Instant, Manual};
///
/// let clock = Manual::new();
/// let same = clock.clone();
/// same.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - Instant::START, Duration::from_secs(3600));
/// ```
#[derive(Clone)]
pub struct Manual {
    nanos: Arc<Counter>,
}

impl Manual {
    /// A clock that stands at [`Instant::START`].
    pub fn new() -> Self {
        Self { nanos: Arc::new(Counter::default()) }
    }

    /// Turns the clock forward, to [`Instant::FAR`] at the most.
    pub fn advance(&self, by: Duration) {
        self.nanos.add(nanos(by).min(u64::MAX - self.nanos.get()));
    }
}

impl Default for Manual {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Manual {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.get())
    }
}

/// Either clock, chosen at run time.
#[derive(Debug, Clone)]
pub(crate) enum AnyClock {
    Machine(Monotonic),
    Manual(Manual),
}

impl AnyClock {
    /// What time it is, when the machine's clock says `instant`.
    #[inline]
    pub(crate) fn at(&self, instant: std::time::Instant) -> Instant {
        match self {
            Self::Machine(clock) => clock.at(instant),
            Self::Manual(clock) => clock.now(),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Machine(clock) => clock.now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// When the machine's clock will say `at`; `None` if that can't be told.
    pub(crate) fn alarm(&self, at: Instant) -> Option<std::time::Instant> {
        match self {
            Self::Machine(clock) if at != Instant::FAR => clock.start.checked_add(at - Instant::START),
            _ => None,
        }
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manual").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_never_goes_back() {
        let clock = Manual::new();
        clock.advance(Duration::from_nanos(5));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Instant::FAR);
        clock.advance(Duration::from_nanos(5));
        assert_eq!(clock.now(), Instant::FAR);
    }
}
