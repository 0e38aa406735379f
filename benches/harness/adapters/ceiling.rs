//! What stands above every queue: the line that carries one item, the stream that carries many, and the loops alone.

#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    hint::black_box,
    marker::PhantomData,
    mem::MaybeUninit,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crossbeam_utils::CachePadded;

use crate::harness::queue::{Payload, Push, PushMany, Queue, Shape, Take};

/// The loops with no queue between them: the producer's items go nowhere, the consumer's come from nowhere.
pub(crate) struct NoQueue;

/// Swallows items.
pub(crate) struct Nowhere<T>(PhantomData<T>);

/// Makes the items that the check expects.
pub(crate) struct FromNowhere<T> {
    next: u64,
    item: PhantomData<T>,
}

impl<T: Payload> Queue<T> for NoQueue {
    type Tx = Nowhere<T>;
    type Rx = FromNowhere<T>;

    fn open(_shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        (vec![Nowhere(PhantomData)], vec![FromNowhere { next: 1, item: PhantomData }])
    }
}

impl<T: Payload> Push<T> for Nowhere<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        black_box(&item);
        Ok(())
    }
}

impl<T: Payload> Take<T> for FromNowhere<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        each(black_box(&T::new(self.next)));
        self.next += 1;
        1
    }
}

/// The same in bulk: each side writes a batch of its own memory, over and over, and the consumer reads it.
pub(crate) struct NoQueueBulk;

/// Writes a batch that nobody reads.
pub(crate) struct OwnBatchTx<T>(Vec<T>);

/// Writes the batch that it reads.
pub(crate) struct OwnBatchRx<T> {
    next: u64,
    items: Vec<T>,
}

impl<T: Payload> Queue<T> for NoQueueBulk {
    type Tx = OwnBatchTx<T>;
    type Rx = OwnBatchRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let items = vec![T::default(); shape.batch];
        (vec![OwnBatchTx(items.clone())], vec![OwnBatchRx { next: 1, items }])
    }
}

impl<T: Payload> PushMany<T> for OwnBatchTx<T> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        let count = items.len();
        self.0.iter_mut().zip(items).for_each(|(place, item)| *place = item);
        black_box(&mut self.0);
        count
    }
}

impl<T: Payload> Take<T> for OwnBatchRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        let words = self.next..;
        self.items.iter_mut().zip(words).for_each(|(place, word)| *place = T::new(word));
        self.next += self.items.len() as u64;
        black_box(&mut self.items).iter().for_each(each);
        self.items.len()
    }
}

/// One line, which holds one item and says so by not being what it was. For round trips, where one item is in flight.
pub(crate) struct RawLine;

/// Writes the line.
pub(crate) struct LineTx(Arc<CachePadded<AtomicU64>>);

/// Watches the line.
pub(crate) struct LineRx {
    line: Arc<CachePadded<AtomicU64>>,
    seen: u64,
}

impl<T: Payload> Queue<T> for RawLine {
    type Tx = LineTx;
    type Rx = LineRx;

    fn open(_shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let line = Arc::new(CachePadded::new(AtomicU64::new(0)));
        (vec![LineTx(Arc::clone(&line))], vec![LineRx { line, seen: 0 }])
    }
}

impl<T: Payload> Push<T> for LineTx {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        // ORDER: Release pairs with the Acquire in `try_take`, as in a queue.
        self.0.store(item.word(), Ordering::Release);
        Ok(())
    }
}

impl<T: Payload> Take<T> for LineRx {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        // ORDER: Acquire, as above.
        let word = self.line.load(Ordering::Acquire);
        if word == self.seen {
            return 0;
        }
        self.seen = word;
        each(&T::new(word));
        1
    }
}

/// A ring of lines with one counter a side, moved a whole batch at a time: how fast the memory system carries lines from
/// core to core. No queue that hands over single items can beat it.
pub(crate) struct RawStream;

#[repr(align(64))]
struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

struct Ring<T> {
    slots: Box<[Slot<T>]>,
    written: CachePadded<AtomicUsize>,
    read: CachePadded<AtomicUsize>,
}

// SAFETY: a slot is touched by one side at a time: by the producer from `read` on to a lap later, by the consumer up to
// `written`; the counters hand slots over by Release and Acquire. `T` moves between threads, hence `Send`.
unsafe impl<T: Send> Sync for Ring<T> {}

/// The end that writes lines. Not `Clone`, so `&mut self` is the only writer.
pub(crate) struct StreamTx<T> {
    ring: Arc<Ring<T>>,
    at: usize,
    free_until: usize,
}

/// The end that reads lines.
pub(crate) struct StreamRx<T> {
    ring: Arc<Ring<T>>,
    at: usize,
    batch: usize,
}

impl<T: Payload> Queue<T> for RawStream {
    type Tx = StreamTx<T>;
    type Rx = StreamRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        assert!(shape.capacity.is_power_of_two() && shape.capacity >= shape.batch, "batches fit into the ring");
        let ring = Arc::new(Ring {
            slots: (0..shape.capacity).map(|_| Slot(UnsafeCell::new(MaybeUninit::new(T::default())))).collect(),
            written: CachePadded::default(),
            read: CachePadded::default(),
        });
        let tx = StreamTx { ring: Arc::clone(&ring), at: 0, free_until: shape.capacity };
        (vec![tx], vec![StreamRx { ring, at: 0, batch: shape.batch }])
    }
}

impl<T: Payload> PushMany<T> for StreamTx<T> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        let (ring, count) = (&*self.ring, items.len());
        if self.free_until - self.at < count {
            // ORDER: Acquire pairs with the consumer's Release: it has read what is overwritten now.
            self.free_until = ring.read.load(Ordering::Acquire) + ring.slots.len();
            if self.free_until - self.at < count {
                return 0;
            }
        }
        for (nth, item) in items.enumerate() {
            let slot = ring.slots[(self.at + nth) & (ring.slots.len() - 1)].0.get();
            // SAFETY: the slot is before `free_until`, so the consumer is through with it, and this is the only producer.
            unsafe { slot.write(MaybeUninit::new(item)) };
        }
        self.at += count;
        // ORDER: Release publishes the slots to the Acquire in `try_take`.
        ring.written.store(self.at, Ordering::Release);
        count
    }
}

impl<T: Payload> Take<T> for StreamRx<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        let ring = &*self.ring;
        // ORDER: Acquire pairs with the Release above.
        let taken = (ring.written.load(Ordering::Acquire) - self.at).min(self.batch);
        for nth in 0..taken {
            let slot = ring.slots[(self.at + nth) & (ring.slots.len() - 1)].0.get();
            // SAFETY: the slot is before `written`, so the producer leaves it alone until `read` has passed it.
            let slot = unsafe { &*slot };
            // SAFETY: every slot holds an item from the start.
            each(unsafe { slot.assume_init_ref() });
        }
        if taken > 0 {
            self.at += taken;
            // ORDER: Release gives the slots back to the Acquire in `try_push_many`.
            ring.read.store(self.at, Ordering::Release);
        }
        taken
    }
}
