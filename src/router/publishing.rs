//! What the publishers of queues and of topics have in common: whose turn a shard is, and what follows when there is no room.

use std::{
    collections::VecDeque,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Bells, Key, PublishError,
    bells::{Bed, poll_for_room, put_when_room},
    roll::Sheet,
    sealed::Publishes,
    shard_of,
};
use crate::ring::PushError;
use crate::wait::{Alarm, Deadline, Park};

/// A publisher, by what it does to one shard.
pub(crate) trait Publishing: Publishes {
    fn shards(&self) -> usize;

    /// The shard whose turn it is for an item without a key.
    fn next(&mut self) -> &mut usize;

    fn sheet(&self) -> &Sheet;

    fn bells(&self, shard: usize) -> &Arc<Bells>;

    fn bed(&mut self) -> &mut Bed;

    /// Publishers that are there.
    fn publishers(&self) -> usize;

    /// Puts an item in if there is room, whatever is to be done where there is none.
    fn push(&mut self, shard: usize, item: Self::Item) -> Result<(), PublishError<Self::Item>>;

    /// Puts an item in without waiting.
    fn put(&mut self, shard: usize, item: Self::Item) -> Result<(), PublishError<Self::Item>>;

    /// Up to when it waits for room, if `until` is what the caller says; `None`: not at all.
    fn patience(&self, until: Deadline) -> Option<Deadline>;

    /// Whether there may be room in a shard soon that nobody calls for.
    fn looks_again(&self, shard: usize) -> bool;

    /// Its wait at a shard is over, and its item may be in.
    fn has_waited(&self, shard: usize);

    #[inline(always)]
    fn counted(&self, answer: Result<(), PublishError<Self::Item>>) -> Result<(), PublishError<Self::Item>> {
        answer.inspect_err(|_| self.sheet().refused.add(1))
    }

    #[inline(always)]
    fn try_publish_to<K: Key + ?Sized>(&mut self, key: &K, item: Self::Item) -> Result<(), PublishError<Self::Item>> {
        let shard = shard_of(key, self.shards());
        let answer = self.put(shard, item);
        self.counted(answer)
    }

    #[inline(always)]
    fn publish_to<K: Key + ?Sized>(
        &mut self,
        key: &K,
        item: Self::Item,
        until: Deadline,
    ) -> Result<(), PublishError<Self::Item>> {
        let shard = shard_of(key, self.shards());
        self.put_waiting(shard, item, until)
    }

    fn try_publish_next(&mut self, item: Self::Item) -> Result<(), PublishError<Self::Item>> {
        let Err((shard, item)) = self.push_past_full(item) else { return Ok(()) };
        let answer = self.put(shard, item);
        self.counted(answer)
    }

    fn publish_next(&mut self, item: Self::Item) -> Result<(), PublishError<Self::Item>> {
        let Err((shard, item)) = self.push_past_full(item) else { return Ok(()) };
        self.put_waiting(shard, item, Deadline::NEVER)
    }

    #[inline(always)]
    fn put_waiting(&mut self, shard: usize, item: Self::Item, until: Deadline) -> Result<(), PublishError<Self::Item>> {
        let answer = match self.put(shard, item) {
            Ok(()) => return Ok(()),
            Err(PublishError::Full(item)) => self.put_later(shard, item, until),
            closed => closed,
        };
        self.counted(answer)
    }

    /// There was no room: waits for it, if that is to be done.
    #[cold]
    #[inline(never)]
    fn put_later(&mut self, shard: usize, item: Self::Item, until: Deadline) -> Result<(), PublishError<Self::Item>> {
        let Some(until) = self.patience(until) else { return Err(PublishError::Full(item)) };
        // Besides, one at least that makes room.
        let ends = self.publishers() + 1;
        let answer = self.wait_at(shard, |publisher, park, bells| {
            let put = |item| (publisher.put(shard, item), publisher.looks_again(shard));
            put_when_room(park, bells, until, ends, item, put)
        });
        self.has_waited(shard);
        answer
    }

    /// The same for a task: one look for room. The item is in its place while it is not in.
    fn poll_later(
        &mut self,
        shard: usize,
        item: &mut Option<Self::Item>,
        until: Deadline,
        task: (&mut Alarm, &Context<'_>),
    ) -> Poll<Result<(), PublishError<Self::Item>>> {
        let polled = self.wait_at(shard, |publisher, park, bells| {
            let put = |item| (publisher.put(shard, item), publisher.looks_again(shard));
            poll_for_room(park, bells, until, task, item, put)
        });
        if polled.is_ready() {
            self.has_waited(shard);
        }
        polled
    }

    /// Waits at a shard, by what that takes.
    fn wait_at<R>(&mut self, shard: usize, wait: impl FnOnce(&mut Self, &mut Park, &Bells) -> R) -> R {
        let mut bed = mem::take(self.bed());
        let (park, bells) = bed.at(self.bells(shard));
        let answer = wait(self, park, bells);
        *self.bed() = bed;
        answer
    }

    fn turn(&mut self) -> usize {
        let shards = self.shards();
        let next = self.next();
        let shard = *next;
        *next = if shard + 1 == shards { 0 } else { shard + 1 };
        shard
    }

    /// Pushes to the next shard in turn that has room. If there is none, says where there may be some later: in the last of
    /// those that are only full.
    fn push_past_full(&mut self, mut item: Self::Item) -> Result<(), (usize, Self::Item)> {
        let mut full = 0;
        for _ in 0..self.shards() {
            let shard = self.turn();
            item = match self.push(shard, item) {
                Ok(()) => return Ok(()),
                Err(PublishError::Full(item)) => {
                    full = shard;
                    item
                }
                Err(PublishError::Closed(item)) => item,
            };
        }
        Err((full, item))
    }
}

/// The front of a deque as an iterator that says how long it is, and counts what it gave.
pub(super) struct Front<'a, T, C: FnMut(u64)> {
    pub(super) items: &'a mut VecDeque<T>,
    pub(super) taken: C,
}

impl<T, C: FnMut(u64)> Iterator for Front<'_, T, C> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        (self.taken)(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}

pub(super) fn told<T>(refused: PushError<T>) -> PublishError<T> {
    match refused {
        PushError::Full(item) => PublishError::Full(item),
        PushError::Closed(item) => PublishError::Closed(item),
    }
}
