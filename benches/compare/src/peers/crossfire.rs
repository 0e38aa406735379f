//! crossfire: the array flavour of each topology.

use crossfire::{
    AsyncRx, MAsyncTx, MRx, MTx, Rx, TrySendError, Tx, detect_backoff_cfg, flavor::Flavor, mpmc, mpsc, spsc,
};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{
    AsyncPush, AsyncTake, BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take,
};

impl<T: Payload, F: Flavor<Item = T>> Push<T> for Tx<F> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(refused)
    }
}

impl<T: Payload, F: Flavor<Item = T>> Push<T> for MTx<F> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_send(item).map_err(refused)
    }
}

impl<T: Payload, F: Flavor<Item = T>> Take<T> for Rx<F> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

impl<T: Payload, F: Flavor<Item = T>> Take<T> for MRx<F> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok(), each)
    }
}

fn refused<T>(error: TrySendError<T>) -> T {
    match error {
        TrySendError::Full(item) | TrySendError::Disconnected(item) => item,
    }
}

/// One producer, one consumer.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = Tx<spsc::Array<T>>;
    type Rx = Rx<spsc::Array<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        // Its documentation asks for this at the start of a program; it acts once.
        detect_backoff_cfg();
        let (tx, rx) = spsc::bounded_blocking(shape.capacity);
        (vec![tx], vec![rx])
    }
}

/// Many producers, one consumer.
pub(crate) struct Mpsc;

impl<T: Payload> Queue<T> for Mpsc {
    type Tx = MTx<mpsc::Array<T>>;
    type Rx = Rx<mpsc::Array<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        detect_backoff_cfg();
        let (tx, rx) = mpsc::bounded_blocking(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

/// Many producers, many consumers.
pub(crate) struct Mpmc;

impl<T: Payload> Queue<T> for Mpmc {
    type Tx = MTx<mpmc::Array<T>>;
    type Rx = MRx<mpmc::Array<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        detect_backoff_cfg();
        let (tx, rx) = mpmc::bounded_blocking(shape.capacity);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload, F: Flavor<Item = T>> BlockingPush<T> for Tx<F> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload, F: Flavor<Item = T>> BlockingTake<T> for Rx<F> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}

impl<T: Payload, F: Flavor<Item = T>> BlockingPush<T> for MTx<F> {
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload, F: Flavor<Item = T>> BlockingTake<T> for MRx<F> {
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}

/// Many producers, one consumer, all of them tasks.
pub(crate) struct MpscAsync;

impl<T: Payload> Queue<T> for MpscAsync {
    type Tx = MAsyncTx<mpsc::Array<T>>;
    type Rx = AsyncRx<mpsc::Array<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        detect_backoff_cfg();
        let (tx, rx) = mpsc::bounded_async(shape.capacity);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload, F: Flavor<Item = T>> AsyncPush<T> for MAsyncTx<F> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).await.map_err(|_| Ended)
    }
}

impl<T: Payload, F: Flavor<Item = T>> AsyncTake<T> for AsyncRx<F> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv().await.map_err(|_| Ended)
    }
}
