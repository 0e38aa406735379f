//! A point in time, as a plain number.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A point in time: nanoseconds since its clock started.
///
/// Unlike [`std::time::Instant`] it can be made from a number, so that time can be a parameter. Arithmetic saturates:
/// nothing comes before [`START`](Self::START), and [`FAR`](Self::FAR) (584 years on) is never reached, so a
/// [`Duration::MAX`] added to anything means "never".
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::time::Instant;
///
/// let now = Instant::from_nanos(5_000);
/// assert_eq!(now + Duration::from_micros(1), Instant::from_nanos(6_000));
/// assert_eq!(now + Duration::MAX, Instant::FAR);
/// assert_eq!(Instant::START - now, Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// When the clock started.
    pub const START: Self = Self(0);
    /// Later than anything that happens.
    pub const FAR: Self = Self(u64::MAX);

    /// So many nanoseconds after the clock's start.
    #[inline]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

/// The nanoseconds of a duration; 584 years if it has more.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time since `earlier`; zero if that is later.
    #[inline]
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FAR { f.write_str("never") } else { Duration::from_nanos(self.0).fmt(f) }
    }
}
