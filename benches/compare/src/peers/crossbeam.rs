//! crossbeam: the array queue, and the bounded channel.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use crossbeam_queue::ArrayQueue;

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take};

/// `crossbeam_queue::ArrayQueue`.
pub(crate) struct Array;

impl<T: Payload> Queue<T> for Array {
    type Tx = Arc<ArrayQueue<T>>;
    type Rx = Arc<ArrayQueue<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let queue = Arc::new(ArrayQueue::new(shape.capacity));
        (clones(Arc::clone(&queue), shape.producers), clones(queue, shape.consumers))
    }
}

impl<T: Payload> Push<T> for Arc<ArrayQueue<T>> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item)
    }
}

impl<T: Payload> Take<T> for Arc<ArrayQueue<T>> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop(), each)
    }
}

/// `crossbeam_channel::bounded`.
pub(crate) struct Channel;

impl<T: Payload> Queue<T> for Channel {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = bounded(shape.capacity);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(TrySendError::into_inner)
    }
}

impl<T: Payload> Take<T> for Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

impl<T: Payload> BlockingPush<T> for Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingTake<T> for Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}
