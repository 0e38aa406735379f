//! tokio: mpsc, by threads and by tasks, and broadcast.

use tokio::{
    sync::{broadcast, mpsc},
    task::yield_now,
};

use crate::harness::adapters::clones;
use crate::harness::queue::{AsyncPush, AsyncTake, BlockingPush, BlockingTake, Ended, Payload, Queue, Shape};

/// `tokio::sync::mpsc::channel`.
pub(crate) struct Mpsc;

impl<T: Payload> Queue<T> for Mpsc {
    type Tx = mpsc::Sender<T>;
    type Rx = mpsc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpsc::channel(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> BlockingPush<T> for mpsc::Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.blocking_send(item).map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingTake<T> for mpsc::Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.blocking_recv().ok_or(Ended)
    }
}

impl<T: Payload> AsyncPush<T> for mpsc::Sender<T> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).await.map_err(|_| Ended)
    }
}

impl<T: Payload> AsyncTake<T> for mpsc::Receiver<T> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv().await.ok_or(Ended)
    }
}

/// `tokio::sync::broadcast::channel`, which loses what a slow receiver has not seen: the sender watches how far the slowest
/// is behind, and yields while that is the whole capacity. It asks only when what it knew to be free is used up.
pub(crate) struct Broadcast;

/// The end that sends.
pub(crate) struct BroadcastTx<T> {
    tx: broadcast::Sender<T>,
    capacity: usize,
    free: usize,
}

impl<T: Payload> Queue<T> for Broadcast {
    type Tx = BroadcastTx<T>;
    type Rx = broadcast::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, _) = broadcast::channel(shape.capacity);
        let rxs = (0..shape.consumers).map(|_| tx.subscribe()).collect();
        (vec![BroadcastTx { tx, capacity: shape.capacity, free: 0 }], rxs)
    }
}

impl<T: Payload> AsyncPush<T> for BroadcastTx<T> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        while self.free == 0 {
            self.free = self.capacity - self.tx.len();
            if self.free == 0 {
                yield_now().await;
            }
        }
        self.free -= 1;
        self.tx.send(item).map(|_| ()).map_err(|_| Ended)
    }
}

impl<T: Payload> AsyncTake<T> for broadcast::Receiver<T> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv().await.map_err(|_| Ended)
    }
}
