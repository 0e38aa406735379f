//! ringbuf: the heap ring with caching ends, by item and by slices.

#![allow(unsafe_code)]

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer, Producer, Raw, Split},
};

use crate::harness::adapters::hand_over;
use crate::harness::queue::{Payload, Push, PushMany, Queue, Shape, Take};

/// One item a call.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = HeapProd<T>;
    type Rx = HeapCons<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = HeapRb::new(shape.capacity).split();
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Push<T> for HeapProd<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        Producer::try_push(self, item)
    }
}

impl<T: Payload> Take<T> for HeapCons<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_pop(), each)
    }
}

/// Written in place from an iterator, read in place as slices.
pub(crate) struct Slices;

/// The end that reads slices.
pub(crate) struct SlicesRx<T> {
    rx: HeapCons<T>,
    batch: usize,
}

impl<T: Payload> Queue<T> for Slices {
    type Tx = HeapProd<T>;
    type Rx = SlicesRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = HeapRb::new(shape.capacity).split();
        (vec![tx], vec![SlicesRx { rx, batch: shape.batch }])
    }
}

impl<T: Payload> PushMany<T> for HeapProd<T> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        self.push_iter(items)
    }
}

impl<T: Payload> Take<T> for SlicesRx<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        let (left, right) = self.rx.as_slices();
        let from_left = left.len().min(self.batch);
        let from_right = right.len().min(self.batch - from_left);
        left[..from_left].iter().for_each(&mut each);
        right[..from_right].iter().for_each(&mut each);
        let taken = from_left + from_right;
        // SAFETY: the slices held `taken` items or more, nobody else consumes, and a payload is `Copy`: nothing to drop.
        unsafe { self.rx.advance_read_index(taken) };
        taken
    }
}
