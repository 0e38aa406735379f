//! The ends of a shard's ring, whichever ring the queue's order asks for.

use crate::ring::{Closes, Consumer, Displace, DisplaceError, PopError, Producer, PushError, lanes, mpmc};

/// What a shard's publishers get their ends from. It keeps the ring open.
pub(super) enum Template<T> {
    Total(mpmc::Producer<T>),
    PerPublisher(lanes::Template<T>),
}

impl<T: Send> Template<T> {
    pub(super) fn inlet(&self) -> Inlet<T> {
        match self {
            Self::Total(producer) => Inlet::Total(producer.clone()),
            Self::PerPublisher(template) => Inlet::PerPublisher(template.producer()),
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Total(producer) => producer.close(),
            Self::PerPublisher(template) => template.close(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Total(producer) => producer.bytes(),
            Self::PerPublisher(template) => template.bytes(),
        }
    }
}

/// A shard's end for one publisher.
pub(super) enum Inlet<T> {
    Total(mpmc::Producer<T>),
    PerPublisher(lanes::Producer<T>),
}

impl<T: Send> Inlet<T> {
    #[inline(always)]
    pub(super) fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        match self {
            Self::Total(producer) => producer.try_push(item),
            Self::PerPublisher(producer) => producer.try_push(item),
        }
    }

    pub(super) fn push_iter(&mut self, items: &mut impl Iterator<Item = T>) -> Result<usize, PushError<()>> {
        match self {
            Self::Total(producer) => producer.push_iter(items),
            Self::PerPublisher(producer) => producer.push_iter(items),
        }
    }

    /// Takes the oldest item out to make room. Only where all publishers share one order.
    pub(super) fn displace(&mut self, item: T) -> Result<Option<T>, DisplaceError<T>> {
        match self {
            Self::Total(producer) => producer.displace(item),
            Self::PerPublisher(_) => Err(DisplaceError::Busy(item)),
        }
    }
}

/// A shard's end for one handler.
pub(crate) enum Intake<T> {
    Total(mpmc::Consumer<T>),
    PerPublisher(lanes::Consumer<T>),
}

impl<T: Send> Intake<T> {
    #[inline(always)]
    pub(crate) fn pop_each(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        match self {
            Self::Total(consumer) => consumer.pop_each(max, each),
            Self::PerPublisher(consumer) => consumer.pop_each(max, each),
        }
    }

    /// Gives the end up; what a panic left in its hands goes to `each`.
    pub(super) fn leave_stash(self, each: impl FnMut(T)) {
        match self {
            Self::Total(consumer) => consumer.into_remaining().into_iter().flatten().for_each(each),
            // A lane's consumer takes nothing into its hands.
            Self::PerPublisher(_) => {}
        }
    }

    pub(crate) fn close(&mut self) {
        match self {
            Self::Total(consumer) => consumer.close(),
            Self::PerPublisher(consumer) => consumer.close(),
        }
    }

    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Total(consumer) => consumer.depth(),
            Self::PerPublisher(consumer) => consumer.depth(),
        }
    }
}

impl<T: Send> Clone for Intake<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Total(consumer) => Self::Total(consumer.clone()),
            Self::PerPublisher(consumer) => Self::PerPublisher(consumer.clone()),
        }
    }
}
