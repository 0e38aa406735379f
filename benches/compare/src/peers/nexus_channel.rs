//! nexus-channel: one sender, one receiver, which park.

use nexus_channel::{Receiver, Sender, channel};

use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Queue, Shape};

/// `nexus_channel::channel`.
pub(crate) struct Channel;

impl<T: Payload> Queue<T> for Channel {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = channel(shape.capacity);
        (vec![tx], vec![rx])
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
