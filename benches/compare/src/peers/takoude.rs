//! takoude: its capacity is part of the type, so each capacity is an entry.

use takoude::{Consumer, Full, Producer, spsc_channel};

use crate::harness::adapters::hand_over;
use crate::harness::queue::{Payload, Push, Queue, Shape, Take};

/// One producer, one consumer, `N` slots.
pub(crate) struct Spsc<const N: usize>;

impl<T: Payload, const N: usize> Queue<T> for Spsc<N> {
    type Tx = Producer<T, N>;
    type Rx = Consumer<T, N>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        assert_eq!(shape.capacity, N, "the entry's capacity");
        let (tx, rx) = spsc_channel();
        (vec![tx], vec![rx])
    }
}

impl<T: Payload, const N: usize> Push<T> for Producer<T, N> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        Producer::try_push(self, item).map_err(Full::into_inner)
    }
}

impl<T: Payload, const N: usize> Take<T> for Consumer<T, N> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        hand_over(self.try_pop(), &mut each)
    }
}
