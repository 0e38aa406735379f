//! omango: its bounded one-to-one and many-to-many queues.

use omango::queue::{mpmc, spsc};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take};

/// One producer, one consumer.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = spsc::BSender<T>;
    type Rx = spsc::BReceiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spsc::bounded(shape.capacity as u32);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Push<T> for spsc::BSender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(|refused| refused.into_inner())
    }
}

impl<T: Payload> Take<T> for spsc::BReceiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

/// Many producers, many consumers.
pub(crate) struct Mpmc;

impl<T: Payload> Queue<T> for Mpmc {
    type Tx = mpmc::BSender<T>;
    type Rx = mpmc::BReceiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpmc::bounded(shape.capacity as u32);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for mpmc::BSender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(|refused| refused.into_inner())
    }
}

impl<T: Payload> Take<T> for mpmc::BReceiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

impl<T: Payload> BlockingPush<T> for spsc::BSender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingTake<T> for spsc::BReceiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingPush<T> for mpmc::BSender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingTake<T> for mpmc::BReceiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}
