//! Recurring ticks.

use std::time::Duration;

use crate::time::{Instant, nanos};

/// Something that is due again and again, at the same distance whatever the handling takes.
///
/// Sidekiq: periodic jobs (Enterprise); SQS, JetStream, Kafka and RabbitMQ leave this to a scheduler.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::{delivery::{Every, Missed}, time::Instant};
///
/// let at = |secs| Instant::START + Duration::from_secs(secs);
/// let mut report = Every::new(at(60), Duration::from_secs(60), Missed::Skip);
/// assert_eq!(report.due(at(59)), None);
/// assert_eq!(report.due(at(61)).map(|tick| (tick.at, tick.missed)), Some((at(60), 0)));
/// // The machine slept for an hour: one tick, and it tells how many there were not.
/// assert_eq!(report.due(at(3_670)).map(|tick| (tick.at, tick.missed)), Some((at(3_660), 59)));
/// assert_eq!(report.next_at(), at(3_720));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    next_at: Instant,
    period: u64,
    missed: Missed,
}

/// What happens to ticks whose time passed unnoticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// The last of them comes, and tells how many there were before it.
    Skip,
    /// Each of them comes, one after the other.
    CatchUp,
}

/// One tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// When it should have come.
    pub at: Instant,
    /// Ticks before it that are skipped.
    pub missed: u64,
}

impl Every {
    /// First at `first`, then each `period`, which is at least a nanosecond.
    pub fn new(first: Instant, period: Duration, missed: Missed) -> Self {
        Self { next_at: first, period: nanos(period).max(1), missed }
    }

    /// The tick that is due, if one is. Call until there is none.
    pub fn due(&mut self, now: Instant) -> Option<Tick> {
        if now < self.next_at || self.next_at == Instant::FAR {
            return None;
        }
        let missed = match self.missed {
            Missed::Skip => (now.as_nanos() - self.next_at.as_nanos()) / self.period,
            Missed::CatchUp => 0,
        };
        let at = self.next_at.as_nanos() + missed * self.period;
        self.next_at = Instant::from_nanos(at.saturating_add(self.period));
        Some(Tick { at: Instant::from_nanos(at), missed })
    }

    /// When the next tick is due.
    pub fn next_at(&self) -> Instant {
        self.next_at
    }
}
