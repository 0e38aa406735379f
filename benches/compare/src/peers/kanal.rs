//! kanal, bounded.

use kanal::{AsyncReceiver, AsyncSender, Receiver, Sender, bounded, bounded_async};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{
    AsyncPush, AsyncTake, BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take,
};

/// `kanal::bounded`.
pub(crate) struct Bounded;

impl<T: Payload> Queue<T> for Bounded {
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
        // A refused item is dropped; it is a copy.
        if self.try_send(item) == Ok(true) { Ok(()) } else { Err(item) }
    }
}

impl<T: Payload> Take<T> for Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok().flatten(), each)
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

/// `kanal::bounded_async`.
pub(crate) struct BoundedAsync;

impl<T: Payload> Queue<T> for BoundedAsync {
    type Tx = AsyncSender<T>;
    type Rx = AsyncReceiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = bounded_async(shape.capacity);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> AsyncPush<T> for AsyncSender<T> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).await.map_err(|_| Ended)
    }
}

impl<T: Payload> AsyncTake<T> for AsyncReceiver<T> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv().await.map_err(|_| Ended)
    }
}
