//! gil: a queue for each topology, its sharded variants, and the buffers of its one-to-one queue.
//!
//! Its calls that wait spin and yield: they never sleep, and never learn that the other side is gone.

#![allow(unsafe_code)]

use std::num::NonZeroUsize;

use gil::{mpmc, mpsc, spmc, spsc};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Push, PushMany, Queue, Shape, Take};

fn at_least_one(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

/// One producer, one consumer.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = spsc::Sender<T>;
    type Rx = spsc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spsc::channel(at_least_one(shape.capacity));
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Push<T> for spsc::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for spsc::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

/// The one-to-one queue, written and read in place.
pub(crate) struct Buffers;

/// The end that reads in place.
pub(crate) struct BuffersRx<T> {
    rx: spsc::Receiver<T>,
    batch: usize,
}

impl<T: Payload> Queue<T> for Buffers {
    type Tx = spsc::Sender<T>;
    type Rx = BuffersRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spsc::channel(at_least_one(shape.capacity));
        (vec![tx], vec![BuffersRx { rx, batch: shape.batch }])
    }
}

impl<T: Payload> PushMany<T> for spsc::Sender<T> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        let mut written = 0;
        for (place, item) in self.write_buffer().iter_mut().zip(items) {
            place.write(item);
            written += 1;
        }
        // SAFETY: the loop wrote the first `written` places of the buffer, and no more than it has.
        unsafe { self.commit(written) };
        written
    }
}

impl<T: Payload> Take<T> for BuffersRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        let mut guard = self.rx.read_guard();
        let taken = guard.len().min(self.batch);
        guard.as_slice()[..taken].iter().for_each(each);
        guard.advance(taken);
        taken
    }
}

/// Many producers, one consumer.
pub(crate) struct Mpsc;

impl<T: Payload> Queue<T> for Mpsc {
    type Tx = mpsc::Sender<T>;
    type Rx = mpsc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpsc::channel(at_least_one(shape.capacity));
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> Push<T> for mpsc::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for mpsc::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

/// A one-to-one queue for each producer.
pub(crate) struct MpscSharded;

impl<T: Payload> Queue<T> for MpscSharded {
    type Tx = mpsc::sharded::Sender<T>;
    type Rx = mpsc::sharded::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpsc::sharded::channel(at_least_one(shape.producers), at_least_one(shape.lane_capacity()));
        let others: Vec<_> = (1..shape.producers).map(|_| tx.clone().expect("a shard for each producer")).collect();
        (others.into_iter().chain([tx]).collect(), vec![rx])
    }
}

impl<T: Payload> Push<T> for mpsc::sharded::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for mpsc::sharded::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

/// One producer, many consumers.
pub(crate) struct Spmc;

impl<T: Payload> Queue<T> for Spmc {
    type Tx = spmc::Sender<T>;
    type Rx = spmc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = spmc::channel(at_least_one(shape.capacity));
        (vec![tx], clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for spmc::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for spmc::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

/// Many producers, many consumers.
pub(crate) struct Mpmc;

impl<T: Payload> Queue<T> for Mpmc {
    type Tx = mpmc::Sender<T>;
    type Rx = mpmc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpmc::channel(at_least_one(shape.capacity));
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for mpmc::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for mpmc::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

/// A one-to-one queue for each producer; consumers lock the one they read.
pub(crate) struct MpmcSharded;

impl<T: Payload> Queue<T> for MpmcSharded {
    type Tx = mpmc::sharded::Sender<T>;
    type Rx = mpmc::sharded::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        // It allows no more consumers than shards.
        let shards = shape.producers.max(shape.consumers);
        let (tx, rx) = mpmc::sharded::channel(at_least_one(shards), at_least_one(shape.capacity / shards));
        let txs: Vec<_> = (1..shape.producers).map(|_| tx.try_clone().expect("a shard for each producer")).collect();
        let rxs: Vec<_> = (1..shape.consumers).map(|_| rx.try_clone().expect("as many as shards")).collect();
        (txs.into_iter().chain([tx]).collect(), rxs.into_iter().chain([rx]).collect())
    }
}

impl<T: Payload> Push<T> for mpmc::sharded::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item)
    }
}

impl<T: Payload> Take<T> for mpmc::sharded::Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv(), each)
    }
}

impl<T: Payload> BlockingPush<T> for spsc::Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item);
        Ok(())
    }
}

impl<T: Payload> BlockingTake<T> for spsc::Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        Ok(self.recv())
    }
}

impl<T: Payload> BlockingPush<T> for mpsc::Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item);
        Ok(())
    }
}

impl<T: Payload> BlockingTake<T> for mpsc::Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        Ok(self.recv())
    }
}

impl<T: Payload> BlockingPush<T> for mpmc::Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item);
        Ok(())
    }
}

impl<T: Payload> BlockingTake<T> for mpmc::Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        Ok(self.recv())
    }
}
