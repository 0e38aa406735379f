//! multiqueue2: its broadcast queue with a stream for each consumer, and its many-to-many queue. The wait strategy that
//! asks nothing of producers: nobody here waits inside a call.

use std::sync::mpsc::TrySendError;

use multiqueue2::{
    BroadcastSender, BroadcastUniReceiver, MPMCReceiver, MPMCSender, broadcast_queue_with, mpmc_queue_with,
    wait::BusyWait,
};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{Payload, Push, Queue, Shape, Take};

fn item<T>(refused: TrySendError<T>) -> T {
    match refused {
        TrySendError::Full(item) | TrySendError::Disconnected(item) => item,
    }
}

/// One producer, a stream for each consumer, seen in place.
pub(crate) struct Broadcast;

impl<T: Payload> Queue<T> for Broadcast {
    type Tx = BroadcastSender<T>;
    type Rx = BroadcastUniReceiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, first) = broadcast_queue_with(shape.capacity as u64, BusyWait::new());
        let others: Vec<_> = (1..shape.consumers).map(|_| first.add_stream()).collect();
        let streams = others.into_iter().chain([first]);
        let alone = |stream: multiqueue2::BroadcastReceiver<T>| stream.into_single().ok().expect("a stream of its own");
        (vec![tx], streams.map(alone).collect())
    }
}

impl<T: Payload> Push<T> for BroadcastSender<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), T> {
        self.try_send(value).map_err(item)
    }
}

impl<T: Payload> Take<T> for BroadcastUniReceiver<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        usize::from(self.try_recv_view(|item| each(item)).is_ok())
    }
}

/// Many producers, many consumers of one stream.
pub(crate) struct Mpmc;

impl<T: Payload> Queue<T> for Mpmc {
    type Tx = MPMCSender<T>;
    type Rx = MPMCReceiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpmc_queue_with(shape.capacity as u64, BusyWait::new());
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for MPMCSender<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), T> {
        self.try_send(value).map_err(item)
    }
}

impl<T: Payload> Take<T> for MPMCReceiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}
