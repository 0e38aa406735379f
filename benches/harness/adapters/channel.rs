//! ringway's channels, by the constructors that its documentation would send a user to.

use std::marker::PhantomData;

use ringway::{
    channel::{self, Receiver, Sender},
    ring::{Capacity, Kind, lanes::Lanes, mpmc::Mpmc as MpmcRing, spsc::Spsc as SpscRing},
    wait::Wait,
};

use super::clones;
use crate::harness::queue::{BlockingPush, BlockingTake, Ended, Payload, Queue, Shape};

/// `channel::spsc`.
pub(crate) struct Spsc;

/// `channel::mpsc`, a lane a sender.
pub(crate) struct Mpsc;

/// `channel::mpmc`.
pub(crate) struct Mpmc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = Sender<T, SpscRing>;
    type Rx = Receiver<T, SpscRing>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = channel::spsc(shape.capacity).expect(CAPACITY);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Queue<T> for Mpsc {
    type Tx = Sender<T, Lanes>;
    type Rx = Receiver<T, Lanes>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = channel::mpsc(shape.lane_capacity()).expect(CAPACITY);
        (clones(tx, shape.producers), vec![rx])
    }
}

impl<T: Payload> Queue<T> for Mpmc {
    type Tx = Sender<T, MpmcRing>;
    type Rx = Receiver<T, MpmcRing>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = channel::mpmc(shape.capacity).expect(CAPACITY);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

const CAPACITY: &str = "the row's capacity is allowed";

/// A channel of one ring and one way to wait.
pub(crate) struct Channel<K, W>(PhantomData<(K, W)>);

impl<T: Payload, K, W: Wait> Queue<T> for Channel<K, W>
where
    K: Kind<T, Producer: 'static, Consumer: 'static> + 'static,
    W::Signal: 'static,
{
    type Tx = Sender<T, K, W>;
    type Rx = Receiver<T, K, W>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = channel::channel(Capacity::at_least(shape.capacity)).expect(CAPACITY);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload, K, W: Wait> BlockingPush<T> for Sender<T, K, W>
where
    K: Kind<T, Producer: 'static, Consumer: 'static> + 'static,
{
    #[inline(always)]
    fn push_waiting(&mut self, item: T) -> Result<(), Ended> {
        self.send(item).map_err(|_| Ended)
    }
}

impl<T: Payload, K, W: Wait> BlockingTake<T> for Receiver<T, K, W>
where
    K: Kind<T, Producer: 'static, Consumer: 'static> + 'static,
{
    #[inline(always)]
    fn take_waiting(&mut self) -> Result<T, Ended> {
        self.recv().map_err(|_| Ended)
    }
}
