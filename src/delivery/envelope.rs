//! An item with its header: what the publisher said about it.

use std::fmt;

use crate::time::Instant;

/// An item with its header.
///
/// Only the payload is required: without a key it is in nobody's order, without an id nobody's duplicate.
///
/// | | called |
/// |---|---|
/// | SQS | message; `MessageGroupId`, `MessageDeduplicationId`, `DelaySeconds` |
/// | JetStream | message; subject, `Nats-Msg-Id` |
/// | Kafka | record; key |
/// | RabbitMQ | message; `priority`, `expiration` |
/// | Sidekiq | job; `jid`, `perform_at`, `expires_in` |
///
/// # Examples
/// ```
/// use ringway::{delivery::Envelope, time::Instant};
///
/// let order = Envelope { key: Some(42), expires_at: Instant::from_nanos(5_000), ..Envelope::new("buy") };
/// assert_eq!((order.payload, order.priority), ("buy", 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Envelope<T> {
    /// What the caller gave.
    pub payload: T,
    /// Items of the same partition key are handled in order.
    pub key: Option<u64>,
    /// The caller's name for the item: a second one with the same id is a duplicate.
    pub id: Option<Id>,
    /// Not delivered before. [`START`](Instant::START) once the item is tried again: what it waits for then is its retry.
    pub not_before: Instant,
    /// Not delivered at or after.
    pub expires_at: Instant,
    /// Which shard it came from, and its place there.
    pub origin: Origin,
    /// 0 is the most urgent.
    pub priority: u8,
    /// How often it was brought back from the dead letters; stays at 255.
    pub redrives: u8,
}

impl<T> Envelope<T> {
    /// An item without key and id, deliverable at once and for ever, of the most urgent priority.
    #[inline]
    pub const fn new(payload: T) -> Self {
        Self {
            payload,
            key: None,
            id: None,
            not_before: Instant::START,
            expires_at: Instant::FAR,
            origin: Origin { shard: 0, sequence: 0 },
            priority: 0,
            redrives: 0,
        }
    }
}

impl<T> fmt::Debug for Envelope<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("key", &self.key)
            .field("id", &self.id)
            .field("not_before", &self.not_before)
            .field("expires_at", &self.expires_at)
            .field("origin", &self.origin)
            .field("priority", &self.priority)
            .field("redrives", &self.redrives)
            .finish_non_exhaustive()
    }
}

/// 128 bits that name an item: a UUID, a number, or a hash of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u64; 2]);

impl From<u128> for Id {
    fn from(number: u128) -> Self {
        Self([(number >> 64) as u64, number as u64])
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self([0, number])
    }
}

impl Id {
    /// The halves, the high one first.
    pub(super) fn words(self) -> [u64; 2] {
        self.0
    }
}

/// Where an item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The shard that carried it.
    pub shard: u32,
    /// Its position in that shard's stream.
    pub sequence: u64,
}
