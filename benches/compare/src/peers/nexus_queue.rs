//! nexus-queue: a queue for each topology that it has.

use nexus_queue::{Full, mpsc, spmc, spsc};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{Payload, Push, Queue, Shape, Take};

/// One producer, one consumer.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = spsc::Producer<T>;
    type Rx = spsc::Consumer<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spsc::ring_buffer(shape.capacity);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Push<T> for spsc::Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item).map_err(Full::into_inner)
    }
}

impl<T: Payload> Take<T> for spsc::Consumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop(), each)
    }
}

/// Many producers, one consumer.
pub(crate) struct Mpsc;

impl<T: Payload> Queue<T> for Mpsc {
    type Tx = mpsc::Producer<T>;
    type Rx = mpsc::Consumer<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpsc::ring_buffer(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> Push<T> for mpsc::Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item).map_err(Full::into_inner)
    }
}

impl<T: Payload> Take<T> for mpsc::Consumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop(), each)
    }
}

/// One producer, many consumers.
pub(crate) struct Spmc;

impl<T: Payload> Queue<T> for Spmc {
    type Tx = spmc::Producer<T>;
    type Rx = spmc::Consumer<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spmc::ring_buffer(shape.capacity);
        (vec![tx], clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for spmc::Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item).map_err(Full::into_inner)
    }
}

impl<T: Payload> Take<T> for spmc::Consumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop(), each)
    }
}
