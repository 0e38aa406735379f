//! What the publishers of queues and of topics have in common: whose turn a shard is, and what follows when there is no room.

use std::{collections::VecDeque, time::Instant};

use super::{Key, PublishError, roll::Sheet, shard_of};
use crate::ring::PushError;

/// A publisher, by what it does to one shard.
pub(super) trait Publishing<T> {
    fn shards(&self) -> usize;

    /// The shard whose turn it is for an item without a key.
    fn next(&mut self) -> &mut usize;

    fn sheet(&self) -> &Sheet;

    /// Puts an item in if there is room, whatever is to be done where there is none.
    fn push(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>>;

    /// Puts an item in without waiting.
    fn put(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>>;

    /// There was no room: waits for it, if that is to be done.
    fn put_later(&mut self, shard: usize, item: T, until: Option<Instant>) -> Result<(), PublishError<T>>;

    #[inline(always)]
    fn try_publish_to<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        let shard = shard_of(key, self.shards());
        self.put(shard, item).inspect_err(|_| self.sheet().refused.add(1))
    }

    #[inline(always)]
    fn publish_to<K: Key + ?Sized>(&mut self, key: &K, item: T, until: Option<Instant>) -> Result<(), PublishError<T>> {
        let shard = shard_of(key, self.shards());
        self.put_waiting(shard, item, until)
    }

    fn try_publish_next(&mut self, item: T) -> Result<(), PublishError<T>> {
        let Err((shard, item)) = self.push_past_full(item) else { return Ok(()) };
        self.put(shard, item).inspect_err(|_| self.sheet().refused.add(1))
    }

    fn publish_next(&mut self, item: T) -> Result<(), PublishError<T>> {
        let Err((shard, item)) = self.push_past_full(item) else { return Ok(()) };
        self.put_waiting(shard, item, None)
    }

    #[inline(always)]
    fn put_waiting(&mut self, shard: usize, item: T, until: Option<Instant>) -> Result<(), PublishError<T>> {
        match self.put(shard, item) {
            Ok(()) => Ok(()),
            Err(PublishError::Full(item)) => {
                self.put_later(shard, item, until).inspect_err(|_| self.sheet().refused.add(1))
            }
            Err(closed) => {
                self.sheet().refused.add(1);
                Err(closed)
            }
        }
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
    fn push_past_full(&mut self, mut item: T) -> Result<(), (usize, T)> {
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
