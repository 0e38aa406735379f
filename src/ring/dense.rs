//! One producer, one consumer, items side by side: for bytes, slices and whoever always works in batches.
//!
//! Nothing but items lies in the buffer, so both ends may lend it out as slices; a published cursor stands beside it. In
//! batches it runs near the speed of the memory itself, and two of them make a round trip as short as bare cache lines do.
//! For a stream item by item [`spsc`](mod@super::spsc) is faster.
//!
//! # Progress
//! Every `try_` call of either end is wait-free.
//!
//! # What `Full` and `Empty` mean
//! As on [`spsc`](mod@super::spsc): exact for the end that asks, with freed slots coming back by the half.
//!
//! # Source
//! Lamport's ring (1983) with each end keeping the other's cursor as last seen (B. Mathew; MCRingBuffer), and slots given
//! back in batches.
#![allow(unsafe_code)]

use std::{
    cmp::min,
    fmt,
    mem::{ManuallyDrop, MaybeUninit},
    ptr, slice,
};

use super::{
    Capacity, CapacityError, Claim, Kind, PushError, Remaining,
    capacity::boxed,
    end::End,
    leftover::drop_all,
    sealed::{Leftover, Sealed, Slots},
    track::{give_back_batch, kept_back},
};
use crate::sync::{Arc, AtomicU64, Cell, Ordering, Padded, Slab, into_last, prepare_fences};

mod consumer;
mod run;

pub use self::{consumer::Consumer, run::Run};

/// A ring for one producer and one consumer that work in slices.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, Consumer, Producer, dense};
///
/// let (mut tx, mut rx) = dense::<u8>(Capacity::at_least(4096))?;
/// assert_eq!(tx.push_slice(b"GET / HTTP/1.1\r\n")?, 16);
///
/// let run = rx.try_run(100)?; // in place
/// let (text, wrapped) = run.slices();
/// assert_eq!((text, wrapped), (&b"GET / HTTP/1.1\r\n"[..], &b""[..]));
/// run.consume(5); // give five bytes back, keep the rest
/// assert_eq!(rx.try_pop()?, b' ');
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dense<T: Send>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    prepare_fences();
    let capacity = capacity.slots()?;
    let batch = give_back_batch(capacity as u64);
    // SAFETY: the place is not shared yet.
    let init = |_, place| unsafe { Cell::init(place) };
    let slots = capacity + kept_back(capacity as u64) as usize;
    // SAFETY: `init` makes a cell.
    let cells = unsafe { boxed(slots + Slab::<T>::SPARE, init) }?;
    let slab = Slab::new(cells, slots);
    let cursor = || Padded::new(AtomicU64::new(0));
    let shared = Storage { slab, capacity, batch, tail: cursor(), head: cursor(), end: End::new() };
    let shared = Arc::new(shared);
    let producer = Producer { shared: Arc::clone(&shared), tail: 0, index: 0, head: 0, claimed_head: 0 };
    Ok((producer, Consumer::new(shared)))
}

/// [`dense()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct Dense;

impl Sealed for Dense {}

impl<T: Send> Kind<T> for Dense {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        dense(capacity)
    }
}

/// What the two ends share.
pub struct Storage<T> {
    slab: Slab<T>,
    capacity: usize,
    /// The consumer gives slots back in batches of so many.
    batch: u64,
    /// Items below it are published.
    tail: Padded<AtomicU64>,
    /// Sequences below it were popped, and their slots given back.
    head: Padded<AtomicU64>,
    end: End,
}

impl<T> Storage<T> {
    fn bytes(&self) -> usize {
        self.slab.len() * size_of::<Cell<T>>() + size_of::<Self>()
    }

    /// `index` moved on by `items`, of which there are no more than slots.
    #[inline(always)]
    fn wrap(&self, index: usize, items: usize) -> usize {
        let moved = index + items;
        if moved >= self.slab.len() { moved - self.slab.len() } else { moved }
    }
}

impl<T> Leftover for Storage<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        // ORDER: Relaxed; `&mut self`: both ends are gone, and the drop of their shared pointers ordered their last words.
        let (head, tail) = (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Relaxed));
        if head == tail {
            return None;
        }
        // ORDER: Relaxed; as above.
        self.head.store(head + 1, Ordering::Relaxed);
        Some(self.slab.for_write((head % self.slab.len() as u64) as usize, 1))
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

/// The end that puts items into a [`dense()`] ring. Its calls are those of [`Producer`](super::Producer).
pub struct Producer<T> {
    shared: Arc<Storage<T>>,
    /// Sequence of the next item, and where it goes.
    tail: u64,
    index: usize,
    /// The consumer's head as last seen; while a claim is open, as if there were no free slot.
    head: u64,
    /// What `head` is again when the open claim ends as it should.
    claimed_head: u64,
}

impl<T> Producer<T> {
    /// Free slots, of which the caller wants `wanted`: looks at the consumer's cursor only if it must.
    #[inline(always)]
    fn free(&mut self, wanted: usize) -> usize {
        let slots = self.shared.slab.len();
        let free = slots - self.tail.wrapping_sub(self.head) as usize;
        if free >= wanted {
            return free;
        }
        // A claim that is still open here was forgotten.
        self.shared.end.end_claim();
        // ORDER: Acquire; the consumer is done with the slots below. Partner: the Release in `Consumer::give_back`.
        self.head = self.shared.head.load(Ordering::Acquire);
        slots - (self.tail - self.head) as usize
    }

    /// Makes the next `items` slots, which are written, visible.
    #[inline(always)]
    fn publish(&mut self, items: usize) {
        self.index = self.shared.wrap(self.index, items);
        self.tail += items as u64;
        // ORDER: Release publishes the items to the Acquire in `Consumer::ready`.
        self.shared.tail.store(self.tail, Ordering::Release);
    }

    /// Somebody asked for the end while an item was being published: it is in, or it comes back.
    #[cold]
    fn settle_in_flight(&mut self) -> Result<(), PushError<T>> {
        if self.shared.end.settle(self.tail) == self.tail {
            return Ok(());
        }
        self.tail -= 1;
        self.index = self.index.checked_sub(1).unwrap_or(self.shared.slab.len() - 1);
        // ORDER: Relaxed; the stream has ended, so this is for the drop of the ring, which the last pointer orders.
        self.shared.tail.store(self.tail, Ordering::Relaxed);
        let place = self.shared.slab.for_read(self.index, 1);
        // SAFETY: this item was written last; the stream ends before it, so the consumer never touches it.
        Err(PushError::Closed(unsafe { place.read() }))
    }

    fn leave(&mut self) {
        self.shared.end.end_claim();
        self.shared.end.settle(self.tail);
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send> Slots for Producer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    #[inline(always)]
    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        // In this order: room that the consumer made after it had closed must not be used.
        let free = self.free(max);
        if free == 0 && self.shared.end.is_open() {
            return Err(PushError::Full(()));
        }
        if !self.shared.end.begin_claim() {
            self.leave();
            return Err(PushError::Closed(()));
        }
        self.claimed_head = self.head;
        self.head = self.tail.wrapping_sub(self.shared.slab.len() as u64);
        let slots = min(free, max);
        self.shared.slab.prefetch_ahead(self.index, slots);
        Ok(slots)
    }

    #[inline]
    fn slot(&mut self, nth: usize) -> *mut T {
        self.shared.slab.for_write(self.shared.wrap(self.index, nth), 1)
    }

    #[inline(always)]
    fn fill(&mut self, slots: usize, items: &mut impl Iterator<Item = T>) -> usize {
        let first = min(slots, self.shared.slab.len() - self.index);
        let mut written = Written { producer: self, count: 0 };
        written.fill(0, first, items);
        if written.count == first {
            written.fill(first, slots, items);
        }
        written.count
    }

    #[inline]
    fn commit(&mut self, written: usize) {
        self.head = self.claimed_head;
        if written > 0 {
            self.publish(written);
        }
        self.shared.end.end_claim();
    }
}

/// What a batch has written so far; commits it when dropped, also when the iterator panics.
struct Written<'a, T: Send> {
    producer: &'a mut Producer<T>,
    count: usize,
}

impl<T: Send> Written<'_, T> {
    /// Writes the slots `from..until` of the open claim, which lie side by side, as long as there are items.
    #[inline(always)]
    fn fill(&mut self, from: usize, until: usize, items: &mut impl Iterator<Item = T>) {
        let storage = &*self.producer.shared;
        let first = storage.slab.for_write(storage.wrap(self.producer.index, from), until - from);
        while self.count < until {
            let Some(item) = items.next() else { return };
            // SAFETY: the slots lie in the slab.
            let place = unsafe { first.add(self.count - from) };
            // SAFETY: claimed, so nobody else touches it.
            unsafe { place.write(item) };
            self.count += 1;
        }
    }
}

impl<T: Send> Drop for Written<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.producer.commit(self.count);
    }
}

impl<T: Send> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        // In this order: room that the consumer made after it had closed must not be used.
        let free = self.free(1);
        if !self.shared.end.is_open() {
            self.shared.end.settle(self.tail);
            return Err(PushError::Closed(item));
        }
        if free == 0 {
            return Err(PushError::Full(item));
        }
        let place = self.shared.slab.for_write(self.index, 1);
        // SAFETY: the slot is free, and this is the one producer.
        unsafe { place.write(item) };
        self.publish(1);
        if self.shared.end.was_open() { Ok(()) } else { self.settle_in_flight() }
    }

    #[inline(always)]
    fn push_slice(&mut self, items: &[T]) -> Result<usize, PushError<()>>
    where
        T: Copy,
    {
        if items.is_empty() {
            return Ok(0);
        }
        let mut claim = Claim::open(self, items.len())?;
        let (first, second) = claim.slices();
        let (left, right) = items[..first.len() + second.len()].split_at(first.len());
        // SAFETY: two buffers of equal length that can't overlap, since the caller's is borrowed.
        unsafe { ptr::copy_nonoverlapping(left.as_ptr(), first.as_mut_ptr().cast(), left.len()) };
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(right.as_ptr(), second.as_mut_ptr().cast(), right.len()) };
        // SAFETY: both slices, which are all slots of the claim, were written by the two copies above.
        unsafe { claim.assume_all_written() };
        Ok(claim.commit())
    }

    fn capacity(&self) -> usize {
        self.shared.capacity
    }

    fn depth(&self) -> usize {
        // ORDER: Relaxed; a figure for people.
        (self.tail - self.shared.head.load(Ordering::Relaxed)) as usize
    }

    fn room(&self) -> usize {
        self.shared.slab.len() - self.depth()
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn close(&mut self) {
        self.leave();
    }

    fn is_closed(&self) -> bool {
        !self.shared.end.is_open()
    }

    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once; nothing else in it owns anything.
        into_last(unsafe { ptr::read(&this.shared) }).map(Remaining::new)
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("dense::Producer").field("tail", &self.tail).finish_non_exhaustive()
    }
}

impl<T: Send> Claim<'_, Producer<T>> {
    /// The slots not written yet, in order: two slices where the ring wraps.
    ///
    /// Write them, then say so by [`assume_all_written`](Self::assume_all_written).
    #[inline]
    pub fn slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        let (written, slots) = (self.written(), self.slots());
        let producer = self.producer();
        let storage = &producer.shared;
        let start = storage.wrap(producer.index, written);
        let first = min(slots - written, storage.slab.len() - start);
        let second = slots - written - first;
        let (left, right) = (storage.slab.for_write(start, first), storage.slab.for_write(0, second));
        // SAFETY: the slots are claimed by the producer that this claim borrows exclusively, hence nobody else's.
        let left = unsafe { slice::from_raw_parts_mut(left.cast(), first) };
        // SAFETY: as above; the two ranges are disjoint, since a claim is not longer than the ring.
        let right = unsafe { slice::from_raw_parts_mut(right.cast(), second) };
        (left, right)
    }
}
