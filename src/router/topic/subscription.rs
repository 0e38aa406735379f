//! What sees a topic's items.

use std::{fmt, sync::Arc};

use super::{Leaving, Record, Seen, Topic};
use crate::ring::{Closes, Consumer, PopError, broadcast_multi, mpmc};
use crate::router::{Bells, Missed, Name, conflate, side::Progress};
use crate::sync::Tally;
use crate::wait::{Signal, Sleepers};

/// What a subscription meets on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a, T> {
    /// The next item.
    Item(&'a T),
    /// What it did not see of the items before the next.
    Missed(Missed),
}

/// A named interest in a topic, with a contract. [`poll`](Self::poll) it on a thread of your own, or give it to an engine.
///
/// Dropping it detaches: it holds nobody back from then on.
pub struct Subscription<T: Send + Sync + 'static> {
    /// One a shard; `None` where a worker has it.
    readers: Vec<Option<Reader<T>>>,
    /// The shard whose turn it is.
    turn: usize,
    membership: Arc<Membership<T>>,
}

/// Ends the subscription when whoever reads for it is gone.
pub(crate) struct Membership<T: Send + Sync + 'static> {
    topic: Topic<T>,
    record: Arc<Record>,
}

impl<T: Send + Sync + 'static> Drop for Membership<T> {
    fn drop(&mut self) {
        self.topic.unsubscribe(self.record.id);
    }
}

impl<T: Send + Sync + 'static> Membership<T> {
    /// Who waits at a shard.
    pub(crate) fn bells(&self, shard: usize) -> &Bells {
        self.topic.bells(shard)
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// As [`Reader::next_each`], for a reader of this shard; and finds the end of a ring beside a topic that is closed.
    #[inline(always)]
    pub(crate) fn next_each(
        &self,
        shard: usize,
        reader: &mut Reader<T>,
        max: usize,
        mut each: impl FnMut(Event<'_, T>),
    ) -> Result<usize, PopError> {
        let mut has_ended = false;
        loop {
            match reader.next_each(max, &mut each) {
                Err(PopError::Empty) if !has_ended && reader.is_beside() && self.topic.has_ended(shard) => {
                    has_ended = true;
                    // Looks again: for what has come since it found nothing, and for the end.
                    reader.close();
                }
                shown => return shown,
            }
        }
    }
}

/// A reader at work. Where it has come to is told at the end, and publishers that wait for room are; also if the caller's code
/// panics.
struct Polling<'a, T: Send + Sync> {
    reader: &'a mut Reader<T>,
    seen: &'a Seen,
    room: &'a Sleepers,
}

impl<T: Send + Sync> Drop for Polling<'_, T> {
    fn drop(&mut self) {
        self.reader.tell(&self.seen.position);
        self.room.notify_all();
    }
}

impl<T: Send + Sync + 'static> Subscription<T> {
    pub(super) fn new(topic: Topic<T>, record: Arc<Record>, readers: Vec<Reader<T>>) -> Self {
        let membership = Arc::new(Membership { topic, record });
        Self { readers: readers.into_iter().map(Some).collect(), turn: 0, membership }
    }

    /// Shows up to `max` items to `each`, oldest first within a shard, and what was missed before one; returns how many items,
    /// at least one. Shards have their turns.
    ///
    /// # Errors
    /// [`PopError::Empty`]: nothing to see now. [`PopError::Closed`]: nothing, and nothing will come: the topic is closed, or
    /// this subscription was [evicted](Self::is_evicted).
    ///
    /// # Panics
    /// Only if `each` does. The item it was shown counts as seen.
    pub fn poll(&mut self, max: usize, mut each: impl FnMut(Event<'_, T>)) -> Result<usize, PopError> {
        let (mut shown, mut ended) = (0, 0);
        for _ in 0..self.readers.len() {
            let shard = self.turn;
            self.turn = (shard + 1) % self.readers.len();
            let Some(reader) = &mut self.readers[shard] else { continue };
            let seen = &self.membership.record.shards[shard];
            let polling = Polling { reader, seen, room: &self.membership.topic.bells(shard).room };
            let result = self.membership.next_each(shard, polling.reader, max - shown, |event| {
                // Before the call: if it panics, the item counts as seen.
                seen.items.add(u64::from(matches!(event, Event::Item(_))));
                each(event);
            });
            drop(polling);
            match result {
                Ok(items) => shown += items,
                Err(PopError::Closed) => ended += 1,
                Err(PopError::Empty) => {}
            }
            if shown == max {
                break;
            }
        }
        match shown {
            0 if ended == self.readers.len() => Err(PopError::Closed),
            0 => Err(PopError::Empty),
            shown => Ok(shown),
        }
    }

    /// Whether a publisher evicted it from some shard, because it was in the way there for too long.
    pub fn is_evicted(&self) -> bool {
        self.membership.record.is_evicted()
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.membership.record.name
    }

    /// Items published and not seen yet, in all shards.
    pub fn lag(&self) -> usize {
        self.readers.iter().flatten().map(Reader::lag).sum()
    }

    pub(crate) fn membership(&self) -> &Arc<Membership<T>> {
        &self.membership
    }

    /// Takes the readers out, for workers.
    pub(crate) fn take_readers(&mut self) -> Vec<Reader<T>> {
        self.readers.iter_mut().filter_map(Option::take).collect()
    }
}

impl<T: Send + Sync + 'static> Drop for Subscription<T> {
    fn drop(&mut self) {
        for (shard, reader) in self.readers.iter_mut().enumerate() {
            let Some(mut reader) = reader.take() else { continue };
            let seen = &self.membership.record.shards[shard];
            reader.tell(&seen.position);
            seen.ended.set(1);
            reader.close();
            let record = Arc::clone(&self.membership.record);
            self.membership.topic.count_leaving(Leaving { reader, record, shard });
            self.membership.topic.bells(shard).room.notify_all();
        }
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("name", self.name()).field("lag", &self.lag()).finish_non_exhaustive()
    }
}

impl Record {
    pub(crate) fn is_evicted(&self) -> bool {
        self.fed.as_ref().is_some_and(|fed| fed.evicted.get() > 0)
    }
}

/// One shard's end of a subscription.
pub(crate) enum Reader<T> {
    Gate(broadcast_multi::Consumer<T>),
    GateFor {
        consumer: mpmc::Consumer<T>,
        progress: Arc<Progress>,
    },
    Latest {
        consumer: mpmc::Consumer<T>,
        /// The sequence that comes next if nothing is lost.
        next: u64,
    },
    Conflate(conflate::Reader<T>),
}

impl<T: Send + Sync> Reader<T> {
    /// Shows up to `max` items, and what was missed before each; returns how many items, at least one.
    #[inline(always)]
    pub(crate) fn next_each(&mut self, max: usize, mut each: impl FnMut(Event<'_, T>)) -> Result<usize, PopError> {
        match self {
            Self::Gate(consumer) => consumer.next_each(max, |item| each(Event::Item(item))),
            Self::GateFor { consumer, progress } => consumer.pop_each(max, |item| {
                progress.taken.add(1);
                each(Event::Item(&item));
            }),
            Self::Latest { consumer, next } => repeat(max, || {
                let (sequence, item) = consumer.try_pop_sequenced()?;
                let from = std::mem::replace(next, sequence + 1);
                if from < sequence {
                    each(Event::Missed(Missed::Gap { from, to: sequence }));
                }
                each(Event::Item(&item));
                Ok(())
            }),
            Self::Conflate(reader) => repeat(max, || {
                let (item, merged) = reader.next()?;
                if merged > 0 {
                    each(Event::Missed(Missed::Merged { count: merged }));
                }
                each(Event::Item(&item));
                Ok(())
            }),
        }
    }

    /// Tells where a gating reader has come to.
    #[inline]
    pub(crate) fn tell(&self, position: &Tally) {
        if let Self::Gate(consumer) = self {
            position.set(consumer.sequence());
        }
    }

    /// Whether it has a ring of its own.
    fn is_beside(&self) -> bool {
        !matches!(self, Self::Gate(_))
    }

    /// Whether a publisher ended it.
    pub(crate) fn is_evicted(&self) -> bool {
        matches!(self, Self::GateFor { progress, .. } if progress.evicted.get() > 0)
    }

    /// Refuses what publishers would feed from now on; a gating reader just goes.
    pub(crate) fn close(&mut self) {
        match self {
            Self::Gate(_) => {}
            Self::GateFor { consumer, .. } | Self::Latest { consumer, .. } => consumer.close(),
            Self::Conflate(reader) => reader.close(),
        }
    }

    /// Takes out what is left; returns whether nothing will follow. A ring of its own is closed by now, and what is in it is
    /// lost with the reader. A gating reader that just goes has nothing left: it is offered nothing after its position.
    pub(crate) fn count_rest(&mut self, just_goes: bool, mut left: impl FnMut(u64)) -> bool {
        let is_gate = matches!(self, Self::Gate(_));
        if is_gate && just_goes {
            return true;
        }
        loop {
            match self.next_each(usize::MAX, |event| left(u64::from(matches!(event, Event::Item(_))))) {
                Ok(_) => {}
                Err(error) => return is_gate || error == PopError::Closed,
            }
        }
    }

    pub(crate) fn lag(&self) -> usize {
        match self {
            Self::Gate(consumer) => consumer.lag(),
            Self::GateFor { consumer, .. } | Self::Latest { consumer, .. } => consumer.depth(),
            Self::Conflate(reader) => reader.depth(),
        }
    }
}

/// Calls `one` up to `max` times, until it fails; returns how often it did not, at least once.
#[inline(always)]
fn repeat(max: usize, mut one: impl FnMut() -> Result<(), PopError>) -> Result<usize, PopError> {
    for done in 0..max {
        match one() {
            Ok(()) => {}
            Err(error) if done == 0 => return Err(error),
            Err(_) => return Ok(done),
        }
    }
    Ok(max)
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        thread,
        time::{Duration, Instant},
    };

    use crate::router::{Contract, Name, Start, Topic, TopicPlan};
    use crate::wait::Signal;

    /// A closure panics in the middle of a batch: a publisher that waits learns of the room that the items before it made.
    #[test]
    fn room_made_by_a_poll_that_panics_is_told() {
        let name = |text| Name::new(text).unwrap();
        let events = Topic::<u64>::open(name("events"), TopicPlan { shards: 1, capacity: 4 }).unwrap();
        let mut gate = events.subscribe(name("gate"), &Contract::gate(), Start::Newest).unwrap();
        let mut publisher = events.publisher();
        let fit = (0..).take_while(|&item| publisher.try_publish(&0_u32, item).is_ok()).count() as u64;
        let until = Instant::now() + Duration::from_secs(20);
        let waiting = thread::spawn(move || publisher.publish_until(&0_u32, fit, until));
        while events.bells(0).room.sleepers() == 0 {
            thread::yield_now();
        }
        let mut seen = 0;
        let died = catch_unwind(AssertUnwindSafe(|| {
            gate.poll(usize::MAX, |_| {
                seen += 1;
                assert!(seen < fit, "a closure that was told to panic");
            })
        }));
        assert!(died.is_err());
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert!(Instant::now() < until, "it slept until its own time was over");
        assert_eq!(gate.membership().record().shards[0].position.get(), fit, "what it was shown counts as seen");
    }
}
