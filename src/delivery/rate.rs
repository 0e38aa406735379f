//! Rate limits: a token bucket for a queue, and one for each key.

use std::time::Duration;

use crate::time::{CapacityError, Instant, checked, nanos};

use super::table::Table;

/// So many deliveries in a time, and how many of them may come at once.
///
/// A token bucket: it holds `burst` tokens and gets one each `interval`; a delivery takes one.
///
/// | | called |
/// |---|---|
/// | JetStream | `RateLimit` of a push consumer (bits a second) |
/// | Kafka | client quotas (bytes a second) |
/// | Sidekiq | `Limiter.bucket` (Enterprise) |
/// | SQS, RabbitMQ | none |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time between two deliveries in the long run. Of 584 years and more nothing ever comes.
    pub interval: Duration,
    /// Deliveries that may come at once. 0 counts as 1.
    pub burst: u32,
}

impl Rate {
    /// So many a second, and as many at once. Of 0 a second nothing ever comes.
    pub const fn per_second(count: u32) -> Self {
        let interval = match count {
            0 => Duration::MAX,
            _ => Duration::from_nanos(1_000_000_000 / count as u64),
        };
        Self { interval, burst: count }
    }

    fn interval(self) -> u64 {
        nanos(self.interval)
    }
}

/// A token bucket as one number: the time at which it will be full again.
///
/// Source: the generic cell rate algorithm of ITU-T I.371, virtual scheduling form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    full_at: u64,
}

impl Bucket {
    pub(super) const FULL: Self = Self { full_at: 0 };

    /// When the next token is there; in the past if it is there now, and never if the bucket would not be full again.
    #[inline]
    pub(super) fn next_at(self, rate: Rate) -> Instant {
        if self.full_at.saturating_add(rate.interval()) == u64::MAX {
            return Instant::FAR;
        }
        let rest = rate.interval().saturating_mul(u64::from(rate.burst.max(1) - 1));
        Instant::from_nanos(self.full_at.saturating_sub(rest))
    }

    #[inline]
    pub(super) fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now.as_nanos()).saturating_add(rate.interval());
    }

    /// Takes a token, or tells when there is one.
    fn try_take(&mut self, rate: Rate, now: Instant) -> Result<(), Instant> {
        let next_at = self.next_at(rate);
        if next_at > now {
            return Err(next_at);
        }
        self.take(rate, now);
        Ok(())
    }

    fn is_full(self, now: Instant) -> bool {
        self.full_at <= now.as_nanos()
    }
}

/// The buckets of keys that took tokens lately; a full bucket is not kept.
#[derive(Debug)]
pub(super) struct KeyRates {
    rate: Rate,
    buckets: Table<u64, Bucket>,
    /// The place from which full buckets are looked for.
    hand: usize,
}

/// Places looked at for full buckets, at each delivery and when there is no room.
const LOOKS: usize = 4;
const LOOKS_WHEN_FULL: usize = 64;

impl KeyRates {
    pub(super) fn new(rate: Rate, keys_max: usize) -> Result<Self, CapacityError> {
        checked(keys_max)?;
        Ok(Self { rate, buckets: Table::new(keys_max)?, hand: 0 })
    }

    pub(super) fn bytes(&self) -> usize {
        self.buckets.bytes()
    }

    /// Takes a token of `key`'s, or tells when to ask again. If there is no room for another bucket the key waits for one,
    /// so that no key ever gets more than its rate.
    pub(super) fn take(&mut self, key: u64, now: Instant) -> Result<(), Instant> {
        self.look(LOOKS, now);
        if let Some(bucket) = self.buckets.get_mut(key) {
            return bucket.try_take(self.rate, now);
        }
        if self.buckets.is_full() {
            self.look(LOOKS_WHEN_FULL, now);
        }
        if self.buckets.is_full() {
            return Err(now + self.rate.interval.max(Duration::from_nanos(1)));
        }
        let mut bucket = Bucket::FULL;
        bucket.try_take(self.rate, now)?;
        self.buckets.insert(key, bucket);
        Ok(())
    }

    fn look(&mut self, places: usize, now: Instant) {
        for _ in 0..places {
            match self.buckets.at(self.hand) {
                // What follows moves up into this place: look here again.
                Some(&(key, bucket)) if bucket.is_full(now) => drop(self.buckets.remove(key)),
                _ => self.hand = (self.hand + 1) & (self.buckets.places() - 1),
            }
        }
    }
}
