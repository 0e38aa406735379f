//! flume, bounded: blocking and async calls on the same ends.

use flume::{Receiver, Sender, bounded};

use crate::harness::adapters::clones;
use crate::harness::queue::{AsyncPush, AsyncTake, BlockingPush, BlockingTake, Ended, Payload, Queue, Shape};

/// `flume::bounded`.
pub(crate) struct Bounded;

impl<T: Payload> Queue<T> for Bounded {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = bounded(shape.capacity);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
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

impl<T: Payload> AsyncPush<T> for Sender<T> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        self.send_async(item).await.map_err(|_| Ended)
    }
}

impl<T: Payload> AsyncTake<T> for Receiver<T> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv_async().await.map_err(|_| Ended)
    }
}
