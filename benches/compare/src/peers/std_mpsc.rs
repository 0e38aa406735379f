//! The standard library's bounded channel.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take};

/// `std::sync::mpsc::sync_channel`.
pub(crate) struct SyncChannel;

impl<T: Payload> Queue<T> for SyncChannel {
    type Tx = SyncSender<T>;
    type Rx = Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = sync_channel(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> Push<T> for SyncSender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(|(TrySendError::Full(item) | TrySendError::Disconnected(item))| item)
    }
}

impl<T: Payload> Take<T> for Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

impl<T: Payload> BlockingPush<T> for SyncSender<T> {
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
