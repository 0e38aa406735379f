//! thingbuf: its channel for threads, and that for tasks.

use thingbuf::mpsc::{self, blocking};

use crate::harness::adapters::clones;
use crate::harness::queue::{AsyncPush, AsyncTake, BlockingPush, BlockingTake, Ended, Payload, Queue, Shape};

/// `thingbuf::mpsc::blocking::channel`.
pub(crate) struct Blocking;

impl<T: Payload> Queue<T> for Blocking {
    type Tx = blocking::Sender<T>;
    type Rx = blocking::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = blocking::channel(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> BlockingPush<T> for blocking::Sender<T> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload> BlockingTake<T> for blocking::Receiver<T> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().ok_or(Ended)
    }
}

/// `thingbuf::mpsc::channel`.
pub(crate) struct Async;

impl<T: Payload> Queue<T> for Async {
    type Tx = mpsc::Sender<T>;
    type Rx = mpsc::Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = mpsc::channel(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
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
