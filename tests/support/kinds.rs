//! The ring kinds as the suites see them: one row a kind.

use std::fmt::Debug;

use ringway::ring::{
    Capacity, Closes, Displace, DisplaceError, Kind, broadcast::Broadcast, broadcast_multi::BroadcastMulti,
    dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
};

/// What is promised of a kind beyond the traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    /// Slots come back by the half, so that a ring may hold so much more than its capacity.
    pub(crate) by_the_half: bool,
    /// What a claim leaves unwritten stays in the stream as a tombstone.
    pub(crate) tombstones: bool,
    /// Items of different producers may overtake each other.
    pub(crate) lanes: bool,
    /// What a consumer peeks at, or has left of a batch that panicked, is in its own hands until it is dropped.
    pub(crate) hands: bool,
    /// Every consumer sees every item, as a clone; none of them keeps the stream open or closes it.
    pub(crate) broadcast: bool,
}

impl Facts {
    const PLAIN: Self =
        Self { name: "", by_the_half: false, tombstones: false, lanes: false, hands: false, broadcast: false };

    /// The most items that may be inside.
    pub(crate) fn hold(&self, capacity: usize) -> usize {
        if self.by_the_half { capacity + if capacity < 4 { 0 } else { capacity / 2 } } else { capacity }
    }
}

/// A kind with its facts, and with the abilities that only some have as values: `None` where it has not.
pub(crate) trait Subject<T>: Kind<T, Producer: Debug, Consumer: Debug> + 'static {
    const FACTS: Facts;

    fn clone_producer(_: &Self::Producer) -> Option<Self::Producer> {
        None
    }

    fn clone_consumer(_: &Self::Consumer) -> Option<Self::Consumer> {
        None
    }

    /// Whether the consumer was able to.
    fn close_consumer(_: &mut Self::Consumer) -> bool {
        false
    }

    fn displace(_: &mut Self::Producer, item: T) -> Result<Result<Option<T>, DisplaceError<T>>, T> {
        Err(item)
    }
}

impl<T: Send + 'static> Subject<T> for Spsc {
    const FACTS: Facts = Facts { name: "spsc", by_the_half: true, ..Facts::PLAIN };

    fn close_consumer(consumer: &mut Self::Consumer) -> bool {
        consumer.close();
        true
    }
}

impl<T: Send + 'static> Subject<T> for Dense {
    const FACTS: Facts = Facts { name: "dense", by_the_half: true, ..Facts::PLAIN };

    fn close_consumer(consumer: &mut Self::Consumer) -> bool {
        consumer.close();
        true
    }
}

impl<T: Send + 'static> Subject<T> for Lanes {
    const FACTS: Facts = Facts { name: "lanes", by_the_half: true, lanes: true, ..Facts::PLAIN };

    fn clone_producer(producer: &Self::Producer) -> Option<Self::Producer> {
        Some(producer.clone())
    }

    fn clone_consumer(consumer: &Self::Consumer) -> Option<Self::Consumer> {
        Some(consumer.clone())
    }

    fn close_consumer(consumer: &mut Self::Consumer) -> bool {
        consumer.close();
        true
    }
}

impl<T: Send + 'static> Subject<T> for Mpmc {
    const FACTS: Facts = Facts { name: "mpmc", tombstones: true, hands: true, ..Facts::PLAIN };

    fn clone_producer(producer: &Self::Producer) -> Option<Self::Producer> {
        Some(producer.clone())
    }

    fn clone_consumer(consumer: &Self::Consumer) -> Option<Self::Consumer> {
        Some(consumer.clone())
    }

    fn close_consumer(consumer: &mut Self::Consumer) -> bool {
        consumer.close();
        true
    }

    fn displace(producer: &mut Self::Producer, item: T) -> Result<Result<Option<T>, DisplaceError<T>>, T> {
        Ok(producer.displace(item))
    }
}

impl<T: Clone + Send + Sync + 'static> Subject<T> for Broadcast {
    const FACTS: Facts = Facts { name: "broadcast", by_the_half: true, broadcast: true, ..Facts::PLAIN };

    fn clone_consumer(consumer: &Self::Consumer) -> Option<Self::Consumer> {
        Some(consumer.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Subject<T> for BroadcastMulti {
    const FACTS: Facts =
        Facts { name: "broadcast_multi", by_the_half: true, tombstones: true, broadcast: true, ..Facts::PLAIN };

    fn clone_producer(producer: &Self::Producer) -> Option<Self::Producer> {
        Some(producer.clone())
    }

    fn clone_consumer(consumer: &Self::Consumer) -> Option<Self::Consumer> {
        Some(consumer.clone())
    }
}

/// Both ends of a ring with `slots` slots.
#[track_caller]
pub(crate) fn ring<K: Kind<T>, T>(slots: usize) -> (K::Producer, K::Consumer) {
    K::ring(Capacity::exactly(slots)).expect("a power of two of slots")
}
