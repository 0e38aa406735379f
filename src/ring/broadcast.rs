//! One producer, many consumers, and each of them sees every item, by reference.
//!
//! An item is written once. A consumer lends it out in place and keeps its slot from being overwritten until its next
//! call; the slowest consumer gates the producer. Consumers join ([`Producer::join`], or `Clone` of a consumer, which
//! starts where the clone's origin stands) and leave (drop) while the ring runs. An item is dropped by the producer, when it
//! overwrites the slot, or with the ring.
//!
//! # Progress
//! Consumers are wait-free. A push is wait-free but for the look at the gates, once half a lap: it walks all
//! consumers, again if one joins meanwhile. A consumer that stops gates the producer, which says `Full`; it stops no other.
//!
//! # What `Full` and `Empty` mean
//! `Full`: the slowest consumer has not given back at least [`capacity`](super::Producer::capacity) items. `Empty`: nothing
//! was published. Without consumers nothing gates: pushes go through, and items are dropped as they are overwritten.
//!
//! # Source
//! LMAX Disruptor: one ring, a cursor for each consumer, the producer gated by the slowest.
#![allow(unsafe_code)]

use std::{fmt, mem, mem::ManuallyDrop, ptr};

use super::{
    Capacity, CapacityError, Kind, PushError, Remaining,
    gates::Gates,
    leftover::{drop_all, drop_next, finish},
    sealed::{Leftover, Sealed, Slots},
    track::{Track, Writer},
};
use crate::sync::{Arc, AtomicU64, Ordering, into_last};

mod consumer;

pub use self::consumer::Consumer;

/// A ring of which every consumer sees every item.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, PopError, Producer, broadcast};
///
/// let (mut prices, mut book) = broadcast::<(&str, f64)>(Capacity::at_least(64))?;
/// let mut log = book.clone();
/// prices.try_push(("BTC", 58_710.2))?;
/// assert_eq!(book.try_next()?.1, 58_710.2);
/// drop(prices);
/// assert_eq!(log.try_next()?.0, "BTC"); // each at its own pace
/// assert_eq!(log.try_next(), Err(PopError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn broadcast<T: Send + Sync>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    let track = Track::new(capacity)?;
    let vacated = track.slots();
    let shared = Arc::new(Storage { track, gates: Gates::new(), vacated: AtomicU64::new(vacated), next: 0 });
    let writer = Writer::resume(&shared.track);
    let consumer = Consumer::join(Arc::clone(&shared), 0);
    Ok((Producer { writer, vacated, shared }, consumer))
}

/// [`broadcast()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast;

impl Sealed for Broadcast {}

impl<T: Clone + Send + Sync> Kind<T> for Broadcast {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        broadcast(capacity)
    }
}

/// What the ends share.
pub struct Storage<T> {
    track: Track<T>,
    gates: Gates,
    /// The producer's own count, left here when it is gone.
    vacated: AtomicU64,
    /// First sequence that a walk over what is left has not come to.
    next: u64,
}

// SAFETY: items lie in the track until every consumer has passed them; `&Storage` lends out `&T` and lets the last end drop
// `T`s.
unsafe impl<T: Send + Sync> Send for Storage<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Storage<T> {}

impl<T> Storage<T> {
    /// Drops what lies before `sequence`, which whoever asks for the rest has seen.
    fn skip_to(&mut self, sequence: u64) {
        finish(|| self.oldest() < sequence.min(self.track.left_at()) && drop_next(self));
    }

    /// The oldest item that was not overwritten or taken.
    fn oldest(&self) -> u64 {
        // ORDER: Relaxed; every end is gone, and the drop of its pointer ordered its last words.
        self.next.max(self.vacated.load(Ordering::Relaxed) - self.track.slots())
    }
}

impl<T> Leftover for Storage<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        let oldest = self.oldest();
        if oldest == self.track.left_at() {
            return None;
        }
        self.next = oldest + 1;
        Some(self.track.item(oldest))
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

/// The end that puts items into a [`broadcast()`] ring. Its calls are those of [`Producer`](super::Producer).
pub struct Producer<T> {
    writer: Writer<T>,
    /// The slots of sequences below it hold no item of the lap before.
    vacated: u64,
    shared: Arc<Storage<T>>,
}

impl<T> Producer<T> {
    /// Takes the item of the lap before out of the next slot that has one.
    ///
    /// # Safety
    /// * `sequence` is free: every consumer has passed the item that is in its slot.
    #[inline(always)]
    unsafe fn vacate(&mut self, sequence: u64) -> Option<T> {
        if !mem::needs_drop::<T>() || sequence < self.vacated {
            return None;
        }
        debug_assert_eq!(sequence, self.vacated);
        self.vacated = sequence + 1;
        // SAFETY: written a lap ago, passed by everybody, and not vacated before.
        Some(unsafe { self.shared.track.item(sequence - self.shared.track.slots()).read() })
    }

    #[inline(always)]
    fn gate(shared: &Storage<T>, tail: u64) -> u64 {
        shared.gates.slowest(|| tail)
    }

    /// Another consumer, which sees what is pushed from now on.
    ///
    /// # Cost
    /// Takes over the gate of a consumer that is gone, if there is one; else allocates one.
    pub fn join(&mut self) -> Consumer<T>
    where
        T: Send + Sync,
    {
        Consumer::join(Arc::clone(&self.shared), self.writer.tail())
    }

    /// Consumers that are in. Without any, nothing gates the producer.
    pub fn consumers(&self) -> usize {
        self.shared.gates.consumers()
    }

    fn leave(&mut self) {
        // Pushes of items that need no drop are not counted.
        let vacated = self.vacated.max(self.writer.tail());
        // ORDER: Relaxed; read when every end is gone.
        self.shared.vacated.store(vacated, Ordering::Relaxed);
        self.writer.leave(&self.shared.track);
        self.writer.finish(&self.shared.track);
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send + Sync> Slots for Producer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    const SHOWN_TO_ALL: bool = true;

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        let (shared, tail) = (&*self.shared, self.writer.tail());
        let slots = self.writer.claim(&shared.track, |tail| Self::gate(shared, tail), max)?;
        if mem::needs_drop::<T>() {
            let mut free = tail..tail + slots as u64;
            // SAFETY: claimed, hence free.
            finish(|| free.next().map(|sequence| drop(unsafe { self.vacate(sequence) })).is_some());
        }
        // Also items that need no drop are gone from these slots, whether or not others are committed.
        self.vacated = self.vacated.max(tail + slots as u64);
        Ok(slots)
    }

    #[inline]
    fn slot(&mut self, nth: usize) -> *mut T {
        self.writer.slot(&self.shared.track, nth)
    }

    #[inline]
    fn commit(&mut self, written: usize) {
        self.writer.commit(&self.shared.track, written);
    }
}

impl<T: Send + Sync> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        let (shared, tail) = (&*self.shared, self.writer.tail());
        if !shared.track.is_open() {
            return Err(PushError::Closed(item));
        }
        if !self.writer.has_room(&shared.track, |tail| Self::gate(shared, tail)) {
            return Err(PushError::Full(item));
        }
        // SAFETY: there is room, so the slot is free.
        let overwritten = unsafe { self.vacate(tail) };
        // SAFETY: there is room.
        unsafe { self.writer.put(item) };
        // Last, since its drop may panic: the ring is in order by now.
        drop(overwritten);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.shared.track.capacity()
    }

    fn depth(&self) -> usize {
        self.writer.depth(Self::gate(&self.shared, self.writer.tail()))
    }

    fn room(&self) -> usize {
        self.writer.room(&self.shared.track, Self::gate(&self.shared, self.writer.tail()))
    }

    fn bytes(&self) -> usize {
        self.shared.track.bytes()
    }

    fn close(&mut self) {
        self.writer.finish(&self.shared.track);
    }

    fn is_closed(&self) -> bool {
        !self.shared.track.is_open()
    }

    /// Gives this end up; if it was the ring's last end, returns what the consumer that left last had not seen.
    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once; nothing else in it owns anything.
        into_last(unsafe { ptr::read(&this.shared) }).map(|mut storage| {
            storage.skip_to(storage.gates.left_at());
            Remaining::new(storage)
        })
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Producer").field("tail", &self.writer.tail()).finish_non_exhaustive()
    }
}
