//! The end that publishes to a queue.

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use super::{Policy, Queue, ends::Inlet};
use crate::ring::DisplaceError;
use crate::router::{
    Bells, Key, PublishError,
    bells::Bed,
    publishing::{Front, Publishing, told},
    roll::{Accepted, Sheet},
    sealed::Publishes,
    shard_of,
};
use crate::wait::{Deadline, Signal};

/// The end that publishes to a [`Queue`]; `Clone` it for more.
pub struct Publisher<T: Send + 'static> {
    lines: Box<[Line<T>]>,
    sheet: Arc<Sheet>,
    /// The shard whose turn it is for an item without a key.
    next: usize,
    bed: Bed,
    queue: Queue<T>,
}

/// A shard's end, who waits there, and what went in.
struct Line<T> {
    inlet: Inlet<T>,
    bells: Arc<Bells>,
    accepted: Accepted,
}

impl<T: Send + 'static> Publisher<T> {
    pub(super) fn new(queue: Queue<T>, inlets: impl Iterator<Item = Inlet<T>>, sheet: Arc<Sheet>) -> Self {
        let line = |(shard, inlet)| {
            let (bells, accepted) = (Arc::clone(&queue.core.bells[shard]), Arc::clone(&sheet.accepted[shard]));
            Line { inlet, bells, accepted }
        };
        Self { lines: inlets.enumerate().map(line).collect(), sheet, next: 0, bed: Bed::default(), queue }
    }

    /// Publishes to the shard of `key`, without waiting.
    ///
    /// # Errors
    /// [`PublishError`]; the item comes back in it. With [`Policy::DropNewest`] and [`Policy::DropOldest`] hardly ever
    /// `Full`: only while another thread stands in the middle of taking the oldest item.
    ///
    /// # Cost
    /// One hash of the key (none for a single shard), and one push to the ring. No lock, no allocation.
    #[inline(always)]
    pub fn try_publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        self.try_publish_to(key, item)
    }

    /// Publishes to the shard of `key`; waits for room, if that is the queue's policy. It blocks the thread: tasks, whose runtime
    /// has other things to do there, have [`publish_async`](Self::publish_async).
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish); with [`Policy::Block`] `Full` only on a thread that runs handlers, with
    /// [`Policy::BlockFor`] also when that time is over.
    #[inline(always)]
    pub fn publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        self.publish_to(key, item, Deadline::NEVER)
    }

    /// As [`publish`](Self::publish), and gives up at `until`.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Full` when the time is over.
    pub fn publish_until<K: Key + ?Sized>(&mut self, key: &K, item: T, until: Instant) -> Result<(), PublishError<T>> {
        self.publish_to(key, item, Deadline::at(until))
    }

    /// Publishes an item without a key to the next shard in turn, or to one after it that has room.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish), if every shard refuses.
    pub fn try_publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        self.try_publish_next(item)
    }

    /// As [`try_publish_unkeyed`](Self::try_publish_unkeyed); where no shard has room it waits at the last one, if that is the
    /// queue's policy.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        self.publish_next(item)
    }

    /// Publishes items from the front of `items` to the shard of `key`, as many as there is room for; returns how many. The
    /// others stay where they are, whatever the queue's [`Policy`] says.
    ///
    /// # Errors
    /// [`PublishError`], if not one of several went in.
    ///
    /// # Cost
    /// One claim of slots for up to 64 items.
    pub fn try_publish_batch<K: Key + ?Sized>(
        &mut self,
        key: &K,
        items: &mut VecDeque<T>,
    ) -> Result<usize, PublishError<()>> {
        let shard = shard_of(key, self.lines.len());
        let Line { inlet, bells, accepted } = &mut self.lines[shard];
        let mut front = Front { items, taken: |items| accepted.add(items) };
        let pushed = inlet.push_iter(&mut front);
        // A lane whose producer stands in a claim is not at its end: who looked at it meanwhile looks again.
        bells.items.notify(*pushed.as_ref().unwrap_or(&1), 0);
        pushed.map_err(told)
    }

    /// The queue that it publishes to.
    pub fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    #[cold]
    #[inline(never)]
    fn put_into_full(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        let dropped = match self.queue.plan().full {
            Policy::DropNewest => {
                self.sheet.dropped_newest.add(1);
                Some(item)
            }
            Policy::DropOldest => match self.lines[shard].inlet.displace(item) {
                Ok(oldest) => {
                    self.sheet.dropped_oldest.add(u64::from(oldest.is_some()));
                    oldest
                }
                Err(DisplaceError::Busy(item)) => return Err(PublishError::Full(item)),
                Err(DisplaceError::Closed { item, displaced }) => {
                    self.sheet.dropped_oldest.add(u64::from(displaced.is_some()));
                    drop(displaced);
                    return Err(PublishError::Closed(item));
                }
            },
            _ => return Err(PublishError::Full(item)),
        };
        self.lines[shard].accepted.add(1);
        // Last, since its drop may panic: everything is counted by now.
        drop(dropped);
        Ok(())
    }
}

impl<T: Send + 'static> Publishes for Publisher<T> {
    type Item = T;
}

impl<T: Send + 'static> Publishing for Publisher<T> {
    #[inline(always)]
    fn shards(&self) -> usize {
        self.lines.len()
    }

    fn next(&mut self) -> &mut usize {
        &mut self.next
    }

    #[inline(always)]
    fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    fn bells(&self, shard: usize) -> &Arc<Bells> {
        &self.lines[shard].bells
    }

    fn bed(&mut self) -> &mut Bed {
        &mut self.bed
    }

    fn publishers(&self) -> usize {
        self.queue.core.roll.publishers()
    }

    #[inline(always)]
    fn push(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        let Line { inlet, bells, accepted } = &mut self.lines[shard];
        match inlet.try_push(item) {
            Ok(()) => {
                bells.items.notify(1, 0);
                accepted.add(1);
                Ok(())
            }
            Err(refused) => Err(told(refused)),
        }
    }

    #[inline(always)]
    fn put(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        match self.push(shard, item) {
            Err(PublishError::Full(item)) => self.put_into_full(shard, item),
            done => done,
        }
    }

    fn patience(&self, until: Deadline) -> Option<Deadline> {
        match self.queue.plan().full {
            Policy::Reject => None,
            Policy::BlockFor(time) => Some(until.min(Deadline::after(time))),
            _ => Some(until),
        }
    }

    /// Nobody calls when the thread that takes the oldest item out just now has done so.
    fn looks_again(&self, _shard: usize) -> bool {
        self.queue.plan().full == Policy::DropOldest
    }

    /// Whoever makes room in a queue calls everybody.
    fn has_waited(&self, _shard: usize) {}
}

impl<T: Send + 'static> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        self.queue.publisher()
    }
}

impl<T: Send + 'static> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.queue.core.roll.leave(&self.sheet);
    }
}

impl<T: Send + 'static> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("queue::Publisher").field("queue", self.queue.name()).finish_non_exhaustive()
    }
}
