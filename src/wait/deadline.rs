//! When to give up.

use std::time::{Duration, Instant};

/// A point in time, or never: when a wait gives up.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::wait::Deadline;
///
/// assert!(!Deadline::after(Duration::from_secs(3600)).is_over());
/// assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER); // beyond what the clock can say
/// assert!(Deadline::now().is_over());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for ever.
    pub const NEVER: Self = Self(None);

    /// At that instant.
    pub const fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }

    /// So long from now; [`NEVER`](Self::NEVER), if the clock can't say when that is.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// Over already: looks once, and does not wait.
    pub fn now() -> Self {
        Self(Some(Instant::now()))
    }

    /// Whether its time has come.
    #[inline]
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|instant| instant <= Instant::now())
    }

    /// What is left until then; `None`, if that is for ever.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|instant| instant.saturating_duration_since(Instant::now()))
    }

    /// When that is; `None`, if never.
    pub(crate) fn instant(self) -> Option<Instant> {
        self.0
    }

    /// Whichever comes first.
    pub fn min(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(two)) => Self(Some(one.min(two))),
            (one, two) => Self(one.or(two)),
        }
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Self {
        Self::at(instant)
    }
}
