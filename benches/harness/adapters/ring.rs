//! ringway, by the calls that its own documentation would have a user write for the workload.

#![allow(unsafe_code)]

use std::marker::PhantomData;

use ringway::ring::{Capacity, Consumer, Kind, Producer, PushError, broadcast, broadcast_multi, dense, lanes};

use super::{clones, hand_over};
use crate::harness::queue::{Payload, Push, PushMany, Queue, Shape, Take};

/// The end that pushes.
pub(crate) struct Tx<P>(P);

/// The end that pops one item a call.
pub(crate) struct Rx<C>(C);

/// The end that pops up to so many items a call.
pub(crate) struct EachRx<C> {
    rx: C,
    max: usize,
}

impl<T: Payload, P: Producer<Item = T> + 'static> Push<T> for Tx<P> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.0.try_push(item).map_err(PushError::into_inner)
    }
}

impl<T: Payload, P: Producer<Item = T> + 'static> PushMany<T> for Tx<P> {
    #[inline(always)]
    fn try_push_many(&mut self, mut items: impl ExactSizeIterator<Item = T>) -> usize {
        self.0.push_iter(&mut items).unwrap_or(0)
    }
}

impl<T: Payload, C: Consumer<Item = T> + 'static> Take<T> for Rx<C> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.0.try_pop().ok(), each)
    }
}

impl<T: Payload, C: Consumer<Item = T> + 'static> Take<T> for EachRx<C> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        self.rx.pop_each(self.max, |item| each(&item)).unwrap_or(0)
    }
}

/// A ring of one producer and one consumer.
pub(crate) struct OneToOne<K>(PhantomData<K>);

impl<T: Payload, K: Kind<T> + 'static> Queue<T> for OneToOne<K>
where
    K::Producer: 'static,
    K::Consumer: 'static,
{
    type Tx = Tx<K::Producer>;
    type Rx = Rx<K::Consumer>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, K>(shape.capacity);
        (vec![Tx(tx)], vec![Rx(rx)])
    }
}

/// The same, popped many at a time: up to a batch, or all there is where the row has no batches.
pub(crate) struct Each<K>(PhantomData<K>);

impl<T: Payload, K: Kind<T> + 'static> Queue<T> for Each<K>
where
    K::Producer: 'static,
    K::Consumer: 'static,
{
    type Tx = Tx<K::Producer>;
    type Rx = EachRx<K::Consumer>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, K>(shape.capacity);
        let max = if shape.batch > 1 { shape.batch } else { usize::MAX };
        (vec![Tx(tx)], vec![EachRx { rx, max }])
    }
}

/// A dense ring, written and read in place.
pub(crate) struct DenseRuns;

/// The end that writes slices.
pub(crate) struct SlicesTx<T>(dense::Producer<T>);

/// The end that reads slices.
pub(crate) struct RunRx<T> {
    rx: dense::Consumer<T>,
    batch: usize,
}

impl<T: Payload> Queue<T> for DenseRuns {
    type Tx = SlicesTx<T>;
    type Rx = RunRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, dense::Dense>(shape.capacity);
        (vec![SlicesTx(tx)], vec![RunRx { rx, batch: shape.batch }])
    }
}

impl<T: Payload> PushMany<T> for SlicesTx<T> {
    #[inline(always)]
    fn try_push_many(&mut self, mut items: impl ExactSizeIterator<Item = T>) -> usize {
        let Ok(mut claim) = self.0.try_claim(items.len()) else { return 0 };
        let (left, right) = claim.slices();
        left.iter_mut().zip(&mut items).for_each(|(place, item)| _ = place.write(item));
        right.iter_mut().zip(&mut items).for_each(|(place, item)| _ = place.write(item));
        // SAFETY: a claim has no more slots than were asked for, so there was an item for each.
        unsafe { claim.assume_all_written() };
        claim.commit()
    }
}

impl<T: Payload> Take<T> for RunRx<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        let Ok(run) = self.rx.try_run(self.batch) else { return 0 };
        let (left, right) = run.slices();
        let items = left.len() + right.len();
        left.iter().chain(right).for_each(&mut each);
        run.consume(items);
        items
    }
}

/// A ring whose ends are cloned.
pub(crate) struct Shared<K>(PhantomData<K>);

impl<T: Payload, K: Kind<T> + 'static> Queue<T> for Shared<K>
where
    K::Producer: Clone + 'static,
    K::Consumer: Clone + 'static,
{
    type Tx = Tx<K::Producer>;
    type Rx = Rx<K::Consumer>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, K>(shape.capacity);
        (
            clones(tx, shape.producers).into_iter().map(Tx).collect(),
            clones(rx, shape.consumers).into_iter().map(Rx).collect(),
        )
    }
}

/// A lane a producer.
pub(crate) struct ByLane;

impl<T: Payload> Queue<T> for ByLane {
    type Tx = Tx<lanes::Producer<T>>;
    type Rx = Rx<lanes::Consumer<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, lanes::Lanes>(shape.lane_capacity());
        let txs = clones(tx, shape.producers).into_iter().map(Tx).collect();
        (txs, clones(rx, shape.consumers).into_iter().map(Rx).collect())
    }
}

/// One producer, consumers that each look at every item in place, one by one.
pub(crate) struct Broadcast;

/// The same, all there is by one call.
pub(crate) struct BroadcastEach;

/// The same, one by one, on the ring that would take more producers.
pub(crate) struct BroadcastMulti;

/// A consumer of [`Broadcast`].
pub(crate) struct NextRx<T>(broadcast::Consumer<T>);

/// A consumer of [`BroadcastEach`].
pub(crate) struct NextEachRx<T>(broadcast::Consumer<T>);

/// A consumer of [`BroadcastMulti`].
pub(crate) struct MultiRx<T>(broadcast_multi::Consumer<T>);

impl<T: Payload> Queue<T> for Broadcast {
    type Tx = Tx<broadcast::Producer<T>>;
    type Rx = NextRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, broadcast::Broadcast>(shape.capacity);
        (vec![Tx(tx)], clones(rx, shape.consumers).into_iter().map(NextRx).collect())
    }
}

impl<T: Payload> Queue<T> for BroadcastEach {
    type Tx = Tx<broadcast::Producer<T>>;
    type Rx = NextEachRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, broadcast::Broadcast>(shape.capacity);
        (vec![Tx(tx)], clones(rx, shape.consumers).into_iter().map(NextEachRx).collect())
    }
}

impl<T: Payload> Queue<T> for BroadcastMulti {
    type Tx = Tx<broadcast_multi::Producer<T>>;
    type Rx = MultiRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = ring::<T, broadcast_multi::BroadcastMulti>(shape.capacity);
        (
            clones(tx, shape.producers).into_iter().map(Tx).collect(),
            clones(rx, shape.consumers).into_iter().map(MultiRx).collect(),
        )
    }
}

impl<T: Payload> Take<T> for NextRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        usize::from(self.0.try_next().map(each).is_ok())
    }
}

impl<T: Payload> Take<T> for NextEachRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        self.0.next_each(usize::MAX, each).unwrap_or(0)
    }
}

impl<T: Payload> Take<T> for MultiRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        usize::from(self.0.try_next().map(each).is_ok())
    }
}

fn ring<T: Payload, K: Kind<T>>(capacity: usize) -> (K::Producer, K::Consumer) {
    K::ring(Capacity::at_least(capacity)).expect("the row's capacity is allowed")
}
