//! What follows from an event: the answers of a tracker.

use std::fmt;

use crate::time::{Instant, slab::Handle};

use super::{dead_letter::LetterId, envelope::Envelope};

/// Names one accepted item, for ever: to cancel it.
///
/// SQS: message id; JetStream: stream sequence; Sidekiq: `jid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemId(pub(super) Handle);

/// The right to answer one delivery of an item, until a time. It may be sent to another thread, whose answer comes home
/// through a ring to the tracker that gave it.
///
/// SQS: receipt handle; JetStream: the reply subject of a message; RabbitMQ: delivery tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(super) item: Handle,
    pub(super) attempt: u32,
}

impl Lease {
    /// The item that is leased.
    pub fn item(self) -> ItemId {
        ItemId(self.item)
    }

    /// Which attempt this is, from 1.
    pub fn attempt(self) -> u32 {
        self.attempt
    }
}

/// What a handler says of a delivery. A `Result` is one, too: `Ok` is [`Ack`](Self::Ack) and `Err` is [`Nack`](Self::Nack); and
/// so is nothing, `()`: an [`Ack`](Self::Ack), of a handler that can't fail.
///
/// | | ack | nack | reject |
/// |---|---|---|---|
/// | SQS | `DeleteMessage` | visibility timeout 0, or letting it run out | — |
/// | JetStream | `Ack` | `Nak`, `NakWithDelay` | `Term` |
/// | Kafka | commit of the offset | seek back | — |
/// | RabbitMQ | `basic.ack` | `basic.nack` with requeue | `basic.reject` without |
/// | Sidekiq | returning | raising | `discard`, `kill` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<E> {
    /// Done.
    Ack,
    /// Not done: again, by the rules of the subscription and the class of the error.
    Nack(E),
    /// Not done: again after so long, if attempts are left.
    NackAfter(E, std::time::Duration),
    /// Never: a dead letter.
    Reject(E),
}

impl<E> From<()> for Answer<E> {
    fn from((): ()) -> Self {
        Self::Ack
    }
}

impl<E> From<Result<(), E>> for Answer<E> {
    fn from(result: Result<(), E>) -> Self {
        match result {
            Ok(()) => Self::Ack,
            Err(error) => Self::Nack(error),
        }
    }
}

/// Why a delivery failed, or an item was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The handler answered with an error.
    Failed,
    /// The handler, or the class of its error, said never.
    Rejected,
    /// The delivery was dropped without an answer, as by a panic.
    Unanswered,
    /// No answer came before the lease ended.
    LeaseExpired,
    /// It was not delivered in time.
    Expired,
    /// Too much waits already; see [`AtBound`](super::AtBound).
    TooMuchParked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "its handler failed",
            Self::Rejected => "it was rejected",
            Self::Unanswered => "its handler panicked, or gave no answer",
            Self::LeaseExpired => "no answer came before its lease ended",
            Self::Expired => "it was not delivered in time",
            Self::TooMuchParked => "too much waits already",
        })
    }
}

/// What an event had for a consequence.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect<T> {
    /// The item is done.
    Acked,
    /// The item will be delivered again.
    Retry {
        /// The item.
        item: ItemId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// When it is due.
        at: Instant,
        /// Why it failed.
        reason: Reason,
    },
    /// The item is a dead letter.
    Dead {
        /// Where to find it.
        letter: LetterId,
        /// Why it was given up.
        reason: Reason,
    },
    /// The item is given up, and waits in hand for room among the dead letters.
    Held {
        /// The item.
        item: ItemId,
        /// Why it was given up.
        reason: Reason,
    },
    /// The item was not delivered in time; here it is.
    Expired(Envelope<T>),
    /// A policy dropped the item; here it is.
    Dropped {
        /// The item.
        envelope: Envelope<T>,
        /// Which policy.
        by: DroppedBy,
    },
    /// A dead letter was accepted again.
    Redriven {
        /// Which one it was.
        letter: LetterId,
        /// What it is now.
        item: ItemId,
    },
}

/// The policies that drop accepted items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DroppedBy {
    /// [`AtBound::Drop`](super::AtBound::Drop).
    AtBound,
    /// [`WhenFull::DropNewest`](super::WhenFull::DropNewest) of the dead letters.
    DeadLettersFull,
    /// The caller cancelled it.
    Cancel,
}

impl fmt::Display for DroppedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtBound => "as many keys, or items of its key, wait as may",
            Self::DeadLettersFull => "it was given up, and there was no room among the dead letters",
            Self::Cancel => "it was cancelled",
        })
    }
}

impl<T> fmt::Debug for Effect<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acked => f.write_str("Acked"),
            Self::Retry { attempt, at, reason, .. } => write!(f, "Retry(attempt {attempt} {reason:?}, due at {at:?})"),
            Self::Dead { reason, .. } => write!(f, "Dead({reason:?})"),
            Self::Held { reason, .. } => write!(f, "Held({reason:?})"),
            Self::Expired(envelope) => f.debug_tuple("Expired").field(envelope).finish(),
            Self::Dropped { envelope, by } => write!(f, "Dropped({by:?}, {envelope:?})"),
            Self::Redriven { item, .. } => write!(f, "Redriven({item:?})"),
        }
    }
}

/// Why an item was not accepted; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Refused<T> {
    /// As many items are in hand as fit.
    Full(Envelope<T>),
    /// Its id was accepted before, within the window.
    Duplicate(Envelope<T>),
    /// It says more than [`Rules::headers`](super::Rules::headers) keeps.
    Header(Envelope<T>),
}

impl<T> Refused<T> {
    /// The item.
    pub fn into_inner(self) -> Envelope<T> {
        match self {
            Self::Full(envelope) | Self::Duplicate(envelope) | Self::Header(envelope) => envelope,
        }
    }
}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Duplicate(_) => "Duplicate(..)",
            Self::Header(_) => "Header(..)",
        })
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "as many items are in hand as fit: settle some, or raise Rules::capacity",
            Self::Duplicate(_) => "an item with this id was accepted before: drop it, or give it an id of its own",
            Self::Header(_) => "the item's header says more than is kept: see Rules::headers",
        })
    }
}

impl<T> std::error::Error for Refused<T> {}

/// The lease does not stand any more: it was answered, it ran out, or the item is gone.
///
/// SQS: `ReceiptHandleIsInvalid`; RabbitMQ: unknown delivery tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lease was answered or has run out: answer once, in time, or extend it")
    }
}

impl std::error::Error for Stale {}

/// Why an item could not be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelError {
    /// It is settled, and gone; or there was none of this name.
    Gone,
    /// It is in a handler's hands.
    Leased,
    /// It is not in hand, but its queue holds more than its worker has room for: it may be there. Of an engine only.
    OutOfReach,
}

impl fmt::Display for CancelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "no such item is in hand: there is nothing to cancel",
            Self::Leased => "the item is leased to a handler: wait for its answer",
            Self::OutOfReach => {
                "the queue holds more than is in hand, maybe the item: try again, or raise Rules::capacity"
            }
        })
    }
}

impl std::error::Error for CancelError {}
