//! Rings beside a topic's own: what publishers feed for subscriptions that must not hold them back.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    conflate,
    contract::{Contract, Way},
    topic::Reader,
};
use crate::ring::{Capacity, CapacityError, Displace, DisplaceError, Producer, PushError, broadcast_multi, mpmc};
use crate::sync::{Counter, Tally};

/// What publishers did for one subscription.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// Items that were meant for it.
    pub(crate) offered: Counter,
    /// Of these, those that sampling passed over.
    pub(crate) passed_over: Counter,
    /// Of these, those that were displaced, or for which there was no room.
    pub(crate) lost: Counter,
    /// Of these, those that a newer item of the same key replaced.
    pub(crate) merged: Counter,
    /// Above 0: evicted.
    pub(crate) evicted: Counter,
}

/// A publisher's end of one shard of one subscription.
pub(super) struct Feeder<T> {
    copy: fn(&T) -> T,
    fed: Arc<Fed>,
    feed: Feed<T>,
}

enum Feed<T> {
    GateFor {
        producer: mpmc::Producer<T>,
        patience: Duration,
        progress: Arc<Progress>,
        /// Since when the ring was full, and what the reader had taken then.
        full: Option<(Instant, u64)>,
    },
    Latest(mpmc::Producer<T>),
    Sample {
        producer: mpmc::Producer<T>,
        every: u64,
        pass: u64,
    },
    Conflate(conflate::Feeder<T>),
}

/// What the ends of a ring with a patience tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Items that the reader has taken.
    pub(super) taken: Tally,
    /// 1: a publisher has ended it.
    pub(super) evicted: Tally,
}

/// The ends of one shard's ring.
type Ends<T> = (Feeder<T>, Reader<T>);

/// Builds one shard's ends for a contract; `None` for [`Way::Gate`], which needs none.
pub(super) fn side<T: Send>(
    contract: &Contract<T>,
    capacity: usize,
    fed: &Arc<Fed>,
) -> Result<Option<Ends<T>>, CapacityError> {
    let ring = || mpmc::<T>(Capacity::at_least(contract.capacity.unwrap_or(capacity)));
    let (copy, feed, reader) = match contract.way {
        Way::Gate => return Ok(None),
        Way::GateFor { patience, copy } => {
            let (producer, consumer) = ring()?;
            let progress = Arc::new(Progress::default());
            let reader = Reader::GateFor { consumer, progress: Arc::clone(&progress) };
            (copy, Feed::GateFor { producer, patience, progress, full: None }, reader)
        }
        Way::Latest { copy } => {
            let (producer, consumer) = ring()?;
            (copy, Feed::Latest(producer), Reader::Latest { consumer, next: 0 })
        }
        Way::Sample { every, copy } => {
            let (producer, consumer) = ring()?;
            (copy, Feed::Sample { producer, every, pass: 0 }, Reader::Latest { consumer, next: 0 })
        }
        Way::Conflate { key, keys_max, copy } => {
            let (feeder, reader) = conflate::conflate(key, keys_max)?;
            (copy, Feed::Conflate(feeder), Reader::Conflate(reader))
        }
    };
    Ok(Some((Feeder { copy, fed: Arc::clone(fed), feed }, reader)))
}

/// What is to be dropped when all is counted, because its drop may panic.
pub(super) struct Lost<T>(Vec<T>);

impl<T> Lost<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Keeps what there is to drop.
    fn keep(&mut self, items: impl IntoIterator<Item = T>) {
        if mem::needs_drop::<T>() {
            self.0.extend(items);
        }
    }

    /// Drops all of it, also what follows one whose drop panics.
    pub(super) fn drop_all(&mut self) {
        self.0.clear();
    }
}

/// Whether there is room in a topic's shard and in all rings beside it where publishers wait.
///
/// Asked before [`push_all`]: what is claimed beside a topic that then refuses leaves tombstones.
pub(super) fn room_for_all<T: Send + Sync>(
    main: &broadcast_multi::Producer<T>,
    feeders: &mut [Feeder<T>],
) -> Result<(), PushError<()>> {
    if main.is_closed() {
        return Err(PushError::Closed(()));
    }
    if main.room() == 0 || !feeders.iter_mut().all(Feeder::has_room) {
        return Err(PushError::Full(()));
    }
    Ok(())
}

/// Publishes one item to a topic's shard and to the rings beside it: to all that want it, or to none.
///
/// Secures a slot wherever publishers wait, then pushes, then feeds where they don't. The caller's code, which may panic, runs
/// before the push only: what the push overwrites is kept in `lost`.
pub(super) fn push_all<T: Send + Sync>(
    main: &mut broadcast_multi::Producer<T>,
    feeders: &mut [Feeder<T>],
    item: T,
    lost: &mut Lost<T>,
) -> Result<(), PushError<T>> {
    let Some((feeder, rest)) = feeders.split_first_mut() else {
        return main.push_over(item).map(|overwritten| lost.keep(overwritten));
    };
    let Feeder { copy, fed, feed } = feeder;
    match feed {
        Feed::GateFor { producer, full, .. } => match producer.try_claim(1) {
            Ok(mut claim) => {
                let refused = claim.push(copy(&item)).is_err();
                debug_assert!(!refused, "one slot for one item");
                push_all(main, rest, item, lost)?;
                claim.commit();
                *full = None;
                fed.offered.add(1);
            }
            Err(PushError::Full(())) => return Err(PushError::Full(item)),
            // Evicted or detached.
            Err(PushError::Closed(())) => return push_all(main, rest, item, lost),
        },
        Feed::Latest(producer) => {
            let copied = copy(&item);
            push_all(main, rest, item, lost)?;
            displace(producer, copied, fed, lost);
        }
        Feed::Sample { producer, every, pass } => {
            if *pass > 0 {
                push_all(main, rest, item, lost)?;
                fed.passed_over.add(1);
                fed.offered.add(1);
            } else {
                let copied = copy(&item);
                push_all(main, rest, item, lost)?;
                displace(producer, copied, fed, lost);
            }
            *pass = (*pass + 1) % *every;
        }
        Feed::Conflate(feeder) => {
            let copied = feeder.keyed(copy(&item));
            push_all(main, rest, item, lost)?;
            fed.offered.add(1);
            match feeder.feed(copied) {
                conflate::Fed::New => {}
                conflate::Fed::Merged(older) => {
                    fed.merged.add(1);
                    lost.keep([older]);
                }
                conflate::Fed::Lost(item) => {
                    fed.lost.add(1);
                    lost.keep(item);
                }
            }
        }
    }
    Ok(())
}

fn displace<T: Send>(producer: &mut mpmc::Producer<T>, item: T, fed: &Fed, lost: &mut Lost<T>) {
    fed.offered.add(1);
    let gone = match producer.displace(item) {
        Ok(displaced) => [displaced, None],
        Err(DisplaceError::Busy(item)) => [Some(item), None],
        Err(DisplaceError::Closed { item, displaced }) => [displaced, Some(item)],
    };
    fed.lost.add(gone.iter().flatten().count() as u64);
    lost.keep(gone.into_iter().flatten());
}

impl<T: Send> Feeder<T> {
    /// Whether the next item fits. Evicts a reader that has been in the way for too long.
    fn has_room(&mut self) -> bool {
        let Feed::GateFor { producer, patience, progress, full } = &mut self.feed else { return true };
        if producer.is_closed() || producer.room() > 0 {
            *full = None;
            return true;
        }
        let (now, moved) = (Instant::now(), progress.taken.get());
        match *full {
            Some((since, stood)) if stood == moved => {
                if now.duration_since(since) < *patience {
                    return false;
                }
                // Before the close, which the reader then knows the reason of.
                self.fed.evicted.add(1);
                progress.evicted.set(1);
                producer.close();
                true
            }
            _ => {
                *full = Some((now, moved));
                false
            }
        }
    }

    /// Whether both feed the same subscription.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fed, &other.fed)
    }

    /// Items on their way.
    pub(super) fn depth(&self) -> usize {
        match &self.feed {
            Feed::GateFor { producer, .. } | Feed::Latest(producer) | Feed::Sample { producer, .. } => producer.depth(),
            Feed::Conflate(feeder) => feeder.depth(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match &self.feed {
            Feed::GateFor { producer, .. } | Feed::Latest(producer) | Feed::Sample { producer, .. } => producer.bytes(),
            Feed::Conflate(feeder) => feeder.bytes(),
        }
    }
}

impl<T: Send> Clone for Feeder<T> {
    fn clone(&self) -> Self {
        let feed = match &self.feed {
            Feed::GateFor { producer, patience, progress, .. } => {
                let (producer, progress) = (producer.clone(), Arc::clone(progress));
                Feed::GateFor { producer, patience: *patience, progress, full: None }
            }
            Feed::Latest(producer) => Feed::Latest(producer.clone()),
            Feed::Sample { producer, every, .. } => Feed::Sample { producer: producer.clone(), every: *every, pass: 0 },
            Feed::Conflate(feeder) => Feed::Conflate(feeder.clone()),
        };
        Self { copy: self.copy, fed: Arc::clone(&self.fed), feed }
    }
}
