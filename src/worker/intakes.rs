//! The shards of a queue that one handler takes from: its own, or all of them with its own first.

use super::End;
use crate::router::{PopError, Queue, Sharing, queue::Intake};
use crate::wait::{Signal, Sleepers};

pub(crate) struct Intakes<T: Send + 'static> {
    pub(super) queue: Queue<T>,
    /// Its own first; empty when they were given back.
    pub(super) open: Vec<(usize, Intake<T>)>,
    shards: Vec<usize>,
}

impl<T: Send + 'static> Intakes<T> {
    pub(crate) fn new(queue: Queue<T>, open: Vec<(usize, Intake<T>)>) -> Self {
        queue.enlist();
        let shards = open.iter().map(|(shard, _)| *shard).collect();
        Self { queue, open, shards }
    }

    pub(super) fn bells(&self, each: &mut dyn FnMut(&Sleepers)) {
        self.shards.iter().for_each(|&shard| each(&self.queue.bells(shard).items));
    }

    /// Takes nothing more to handle. A shard that somebody else serves, or may serve later, goes on; another closes.
    pub(super) fn end(&mut self, end: End) {
        let is_shared = self.queue.plan().sharing == Sharing::Shared;
        if end == End::Detached || (end == End::Stopped && is_shared) {
            self.back();
        } else {
            for (shard, intake) in &mut self.open {
                intake.close();
                self.queue.bells(*shard).room.notify_all();
            }
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
