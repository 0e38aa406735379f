//! What a subscription asks of delivery, as data.

use std::time::Duration;

use super::{
    breaker::BreakerRules, columns::Headers, dead_letter::DeadLetterRules, dedup::DedupWindow, lanes::Priorities,
    rate::Rate, retry::Retry,
};

/// What a subscription asks of delivery. The [default](Self::default) settles, retries and keeps dead letters; everything
/// else is off.
///
/// These are the rules of one [`Tracker`](super::Tracker). In an engine each shard of a keyed queue has one, and each worker of
/// a shared queue: capacity, credit, rates, dead letters and the window of duplicates are of each. So a duplicate is told
/// where it comes by the same shard: publish both by the same key, or keep to one shard. A shared queue, whose workers know
/// nothing of each other's keys and ids, takes no rules that go by them.
///
/// | | called |
/// |---|---|
/// | SQS | queue attributes (visibility timeout, redrive policy, FIFO) |
/// | JetStream | consumer configuration (`AckWait`, `MaxDeliver`, `MaxAckPending`, `BackOff`) |
/// | Kafka | consumer and topic configuration |
/// | RabbitMQ | queue arguments, prefetch count |
/// | Sidekiq | `sidekiq_options` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Items in hand at once, in whatever state; what does not fit is refused. Memory for so many is taken at the start.
    pub capacity: usize,
    /// What their headers may say. Memory for it is taken at the start, too.
    pub headers: Headers,
    /// In-flight credit: deliveries that may be unanswered at once. JetStream: `MaxAckPending`; RabbitMQ: prefetch count;
    /// SQS: messages in flight.
    pub in_flight_max: usize,
    /// How long a deferred delivery may stay unanswered. SQS: visibility timeout; JetStream: `AckWait`; RabbitMQ:
    /// consumer timeout; Kafka: `max.poll.interval.ms`.
    pub lease: Duration,
    /// What happens after a failure.
    pub retry: Retry,
    /// Whether a failing item holds up those of its key.
    pub order: Order,
    /// What becomes of an item that is not delivered in time.
    pub expired: Expired,
    /// Where items end that are given up.
    pub dead_letters: DeadLetterRules,
    /// Lanes, and how they take turns.
    pub priorities: Priorities,
    /// Ids within this window are accepted once only.
    pub dedup: Option<DedupWindow>,
    /// Deliveries a time, in all.
    pub rate: Option<Rate>,
    /// Deliveries a time of each key, with so many keys at once.
    pub key_rate: Option<(Rate, usize)>,
    /// When to stop for a while.
    pub breaker: Option<BreakerRules>,
    /// How late a timer may fire.
    pub resolution: Duration,
    /// What the jitter of retries starts from.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            capacity: 4096,
            headers: Headers::ALL,
            in_flight_max: 1024,
            lease: Duration::from_secs(30),
            retry: Retry::default(),
            order: Order::Unordered,
            expired: Expired::Drop,
            dead_letters: DeadLetterRules::default(),
            priorities: Priorities::One,
            dedup: None,
            rate: None,
            key_rate: None,
            breaker: None,
            resolution: Duration::from_millis(1),
            seed: 0,
        }
    }
}

/// What a failing or unanswered item means for the later items of its key.
///
/// | | called |
/// |---|---|
/// | SQS | standard or FIFO queue: a message group waits for its first message |
/// | Kafka | the whole partition waits |
/// | JetStream | `MaxAckPending = 1` orders, and stops everything |
/// | RabbitMQ | single active consumer; a redelivery loses its place |
/// | Sidekiq | none |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing: items of one key may overtake each other.
    Unordered,
    /// They are parked behind it, and everybody else's flow. Items of one key are delivered in the order in which they
    /// were accepted (within a priority), one at a time.
    Keyed {
        /// Keys that may be held up at once. A deferred item holds its key, too, and is never refused that: more than may be
        /// in flight leaves failing ones their room.
        keys_max: usize,
        /// Items that may be parked behind one key.
        parked_per_key_max: usize,
        /// What happens when there would be more.
        at_bound: AtBound,
    },
}

/// What happens when more keys, or more items of one key, would have to wait than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBound {
    /// Nothing new is delivered until there is room: only items that were tried before, or wait behind such. This is how a
    /// Kafka partition waits.
    Stall,
    /// The item that would wait becomes a dead letter: the failing one if there are too many keys, the one that would be
    /// parked if there are too many items of its key.
    DeadLetter,
    /// That item is dropped, and counted.
    Drop,
}

/// What becomes of an item that is not delivered in time: when its time is over, or, of one never tried that waits in its lane,
/// when its turn comes.
///
/// RabbitMQ dead-letters it; SQS, JetStream and Kafka drop it (retention, `MaxAge`); Sidekiq drops it (`expires_in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// It is handed to the owner in an effect, to be dropped.
    Drop,
    /// It becomes a dead letter.
    DeadLetter,
}
