//! The shards of a queue that one handler takes from: its own, or all of them with its own first.

use super::End;
use crate::router::{PopError, Queue, Sharing, queue::Intake};
use crate::wait::{Signal, Sleepers};

pub(crate) struct Intakes<T: Send + 'static> {
    pub(super) queue: Queue<T>,
    /// Its own first; empty when they were given back.
    pub(super) open: Vec<(usize, Intake<T>)>,
    pub(super) turns: Turns,
    shards: Vec<usize>,
}

/// Where a batch is looked for first: at its own shard, and every other time at another, one after the other, so that none
/// starves beside one that always has something.
#[derive(Default)]
pub(super) struct Turns(usize);

impl Turns {
    /// All of them, for one batch.
    pub(super) fn order<'a, I>(&mut self, open: &'a mut [I]) -> impl Iterator<Item = &'a mut I> + use<'a, I> {
        let is_own = self.0.is_multiple_of(2) || open.is_empty();
        let first = if is_own { 0 } else { (1 + self.0 / 2) % open.len() };
        self.0 = self.0.wrapping_add(1);
        let (last, first) = open.split_at_mut(first);
        first.iter_mut().chain(last)
    }
}

impl<T: Send + 'static> Intakes<T> {
    pub(crate) fn new(queue: Queue<T>, open: Vec<(usize, Intake<T>)>) -> Self {
        queue.enlist();
        let shards = open.iter().map(|(shard, _)| *shard).collect();
        Self { queue, open, turns: Turns::default(), shards }
    }

    pub(super) fn bells(&self, each: &mut dyn FnMut(&Sleepers)) {
        self.shards.iter().for_each(|&shard| each(&self.queue.bells(shard).items));
    }

    /// Calls the publishers that wait for room.
    pub(super) fn tell_of_room(&self) {
        self.open.iter().for_each(|(shard, _)| self.queue.bells(*shard).room.notify_all());
    }

    /// Takes nothing more to handle. A shard that somebody else serves, or may serve later, goes on; another closes.
    pub(super) fn end(&mut self, end: End) {
        let is_shared = self.queue.plan().sharing == Sharing::Shared;
        if end == End::Detached || (end == End::Stopped && is_shared) {
            self.back();
        } else {
            self.open.iter_mut().for_each(|(_, intake)| intake.close());
            self.tell_of_room();
        }
    }

    /// Leaves what closed shards hold to whoever takes it back; whether that was all.
    pub(super) fn leave_rest(&mut self) -> bool {
        let queue = &self.queue;
        self.open.iter_mut().fold(true, |closed, (_, intake)| {
            closed
                & loop {
                    if let Err(error) = intake.pop_each(usize::MAX, |item| queue.leave(item)) {
                        break error == PopError::Closed;
                    }
                }
        })
    }

    /// The handler goes.
    pub(super) fn retire(&mut self, end: End) {
        self.back();
        if end == End::Closed && self.queue.plan().sharing == Sharing::Shared {
            // Who found this one at a shard does not know that it has come to its end.
            self.bells(&mut |sleepers| sleepers.notify_all());
        }
        self.queue.retire(end == End::Stopped);
    }

    /// Of a shared queue: calls a sleeper for each shard that has something, but for the first `own` of those. The call for it
    /// may have gone to this worker, which can't take everything at once.
    pub(super) fn call_others(&self, own: usize) {
        if self.queue.plan().sharing == Sharing::Keyed {
            return;
        }
        let items = |shard: usize| &self.queue.bells(shard).items;
        let asleep = self.open.iter().filter(|(shard, _)| items(*shard).sleepers() > 0);
        let waiting = asleep.filter(|(_, intake)| intake.depth() > 0).skip(own);
        waiting.for_each(|(shard, _)| items(*shard).notify(1, 0));
    }

    fn back(&mut self) {
        self.call_others(0);
        for (shard, intake) in self.open.drain(..) {
            self.queue.give_back(shard, intake);
        }
    }
}
