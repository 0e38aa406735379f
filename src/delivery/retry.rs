//! Retries as data: how long to wait after each failure, and when to give up.

use std::time::Duration;

use super::random::Random;

/// How often an item is tried, and how long to wait in between.
///
/// | | called |
/// |---|---|
/// | SQS | `maxReceiveCount` of the redrive policy; the wait is the visibility timeout |
/// | JetStream | `MaxDeliver` and `BackOff` of a consumer |
/// | Kafka | retry topics; `retry.backoff.ms` |
/// | RabbitMQ | `x-delivery-limit` of a quorum queue |
/// | Sidekiq | `retry` and `sidekiq_retry_in` |
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::delivery::{Backoff, Jitter, Retry};
///
/// let retry = Retry {
///     backoff: Backoff::Exponential { base: Duration::from_millis(100), cap: Duration::from_secs(20) },
///     jitter: Jitter::None,
///     ..Retry::default()
/// };
/// let waits: Vec<_> = retry.schedule(1).take(4).map(|wait| wait.as_millis()).collect();
/// assert_eq!(waits, [100, 200, 400, 800]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The wait before jitter.
    pub backoff: Backoff,
    /// What chance does to it.
    pub jitter: Jitter,
    /// Attempts in all, the first included; then the item is a dead letter. 0 counts as 1.
    pub attempts_max: u32,
    /// An attempt that would start later than this after the first one is not made.
    pub total_max: Duration,
}

impl Default for Retry {
    /// Ten attempts, at most 10 s apart, exponential from 10 ms with full jitter, for as long as they take.
    fn default() -> Self {
        Self {
            backoff: Backoff::Exponential { base: Duration::from_millis(10), cap: Duration::from_secs(10) },
            jitter: Jitter::Full,
            attempts_max: 10,
            total_max: Duration::MAX,
        }
    }
}

/// How the wait grows with the number of attempts that failed, `n` = 1, 2, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backoff {
    /// The same each time.
    Fixed(Duration),
    /// `n × step`, at most `cap`.
    Linear {
        /// The first wait, and what each adds.
        step: Duration,
        /// The longest wait.
        cap: Duration,
    },
    /// `base × 2ⁿ⁻¹`, at most `cap`.
    Exponential {
        /// The first wait.
        base: Duration,
        /// The longest wait.
        cap: Duration,
    },
    /// Sidekiq's `(n-1)⁴ + 15` seconds, and its own chance on top: up to 9 times `n` seconds, whole ones. 25 of these are
    /// about three weeks.
    ///
    /// Source: `delay_for` of Sidekiq's `JobRetry`, `(count ** 4) + 15 + rand(10) * (count + 1)`, whose count starts at 0.
    Sidekiq,
}

/// What chance does to the wait, so that what failed together does not come back together.
///
/// Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog (2015), for all but `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// Nothing.
    None,
    /// Anything between 0 and the wait.
    Full,
    /// At least half of the wait, the other half by chance.
    Equal,
    /// Between the first wait and three times the last one, at most the cap. The growth is the jitter's own: of the
    /// backoff only the first wait and the cap count.
    Decorrelated,
}

impl Backoff {
    /// The wait after `failures` failures, in nanoseconds.
    fn wait(self, failures: u32) -> u64 {
        let failures = failures.max(1);
        let (wait, cap) = match self {
            Self::Fixed(wait) => (wait.as_nanos(), wait),
            Self::Linear { step, cap } => (step.as_nanos().saturating_mul(u128::from(failures)), cap),
            Self::Exponential { base, cap } => {
                let factor = 1_u128.checked_shl(failures - 1).unwrap_or(u128::MAX);
                (base.as_nanos().saturating_mul(factor), cap)
            }
            Self::Sidekiq => {
                let count = u128::from(failures - 1);
                ((count.saturating_pow(4) + 15).saturating_mul(SECOND), Duration::MAX)
            }
        };
        u64::try_from(wait.min(cap.as_nanos())).unwrap_or(u64::MAX)
    }
}

const SECOND: u128 = 1_000_000_000;

impl Retry {
    /// The wait after `failures` failures, of which the last waited `previous` nanoseconds; what chance there is comes from
    /// `random`.
    pub(super) fn wait(&self, failures: u32, previous: u64, random: &mut Random) -> u64 {
        let mut wait = self.backoff.wait(failures);
        if self.backoff == Backoff::Sidekiq {
            let extra = u128::from(random.between(0, 9)) * u128::from(failures.max(1)) * SECOND;
            wait = wait.saturating_add(u64::try_from(extra).unwrap_or(u64::MAX));
        }
        match self.jitter {
            Jitter::None => wait,
            Jitter::Full => random.between(0, wait),
            Jitter::Equal => wait - wait / 2 + random.between(0, wait / 2),
            Jitter::Decorrelated => {
                let base = self.backoff.wait(1);
                random.between(base, previous.max(base).saturating_mul(3)).min(self.cap())
            }
        }
    }

    fn cap(&self) -> u64 {
        match self.backoff {
            Backoff::Fixed(cap) | Backoff::Linear { cap, .. } | Backoff::Exponential { cap, .. } => {
                u64::try_from(cap.as_nanos()).unwrap_or(u64::MAX)
            }
            Backoff::Sidekiq => u64::MAX,
        }
    }

    /// The waits between the attempts of one item, as they come out for a seed.
    pub fn schedule(&self, seed: u64) -> impl Iterator<Item = Duration> + use<> {
        let (retry, mut random, mut previous) = (*self, Random::new(seed), 0);
        (1..retry.attempts_max.max(1)).map(move |failures| {
            previous = retry.wait(failures, previous, &mut random);
            Duration::from_nanos(previous)
        })
    }
}

/// What a failure means for its item: the answer of the closure that looks at errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// Try again, by the subscription's rules.
    Retry,
    /// Try again, by these rules.
    RetryBy(Retry),
    /// Try again after so long, if attempts are left.
    After(Duration),
    /// Never try again: a dead letter.
    Reject,
}
