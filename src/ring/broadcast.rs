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

use std::{fmt, mem, mem::ManuallyDrop, ptr, ptr::NonNull};

use super::{
    Capacity, CapacityError, Kind, PopError, PushError, Remaining,
    gates::{Gate, Gates},
    leftover::{drop_all, drop_next, finish},
    members::Member,
    sealed::{Leftover, MakesRoom, Sealed, Slots},
    track::{Reader, Track, Writer},
};
use crate::sync::{Arc, AtomicU64, Ordering, into_last};

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

/// An end that sees every item of a [`broadcast()`] ring; `Clone` it for more, which start at the same item.
///
/// For payloads that are `Clone` it also is a [`Consumer`](super::Consumer), whose pops clone the item.
pub struct Consumer<T> {
    reader: Reader<T>,
    gate: NonNull<Member<Gate>>,
    shared: Arc<Storage<T>>,
}

// SAFETY: the gate lives in the storage that the end keeps alive. Items are seen by several threads at once, and dropped by
// whichever end goes last.
unsafe impl<T: Send + Sync> Send for Consumer<T> {}
// SAFETY: items lie in the track until every consumer has passed them; `&Storage` lends out `&T` and lets the last end drop `T`s.
unsafe impl<T: Send + Sync> Send for Storage<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Storage<T> {}

impl<T> Consumer<T> {
    fn join(shared: Arc<Storage<T>>, head: u64) -> Self {
        let gate = shared.gates.join(head).as_ptr();
        Self { reader: Reader::at(&shared.track, head), gate, shared }
    }

    #[inline(always)]
    fn parts(&mut self) -> (&mut Reader<T>, &Track<T>, &AtomicU64) {
        // SAFETY: places live as long as the storage, which this end keeps alive.
        let member = unsafe { self.gate.as_ref() };
        (&mut self.reader, &self.shared.track, member.value())
    }

    /// Lends out the next item, until this end's next call.
    ///
    /// # Errors
    /// [`PopError::Empty`]: nothing to see now. [`PopError::Closed`]: nothing, and nothing will come.
    #[inline(always)]
    pub fn try_next(&mut self) -> Result<&T, PopError> {
        let (reader, track, gate) = self.parts();
        reader.next(track, gate)
    }

    /// Shows up to `max` items to `each`, oldest first; returns how many, at least one.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next), if there was not one item.
    ///
    /// # Panics
    /// Only if `each` does. The item it was shown counts as seen; those after it are still to be had.
    #[inline(always)]
    pub fn next_each(&mut self, max: usize, each: impl FnMut(&T)) -> Result<usize, PopError> {
        let (reader, track, gate) = self.parts();
        reader.next_each(track, gate, max, each)
    }

    /// Looks at the next item without moving on.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn peek(&mut self) -> Result<&T, PopError> {
        let (reader, track, gate) = self.parts();
        reader.peek(track, gate)
    }

    /// Items published and not seen by this end.
    pub fn lag(&self) -> usize {
        self.reader.depth(&self.shared.track)
    }

    fn leave(&mut self) {
        // SAFETY: as in `parts`.
        self.shared.gates.leave(unsafe { self.gate.as_ref() }, self.reader.head());
    }
}

/// A call after which nothing is lent out: slots are given back, if it is time, without waiting for the next one, also when
/// the caller's code panics.
struct Releasing<'a, T>(&'a mut Consumer<T>);

impl<T> Drop for Releasing<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let (reader, track, gate) = self.0.parts();
        reader.release(track, gate);
    }
}

impl<T> Sealed for Consumer<T> {}

impl<T> MakesRoom for Consumer<T> {
    #[inline(always)]
    fn made_room(&mut self, mut tell: impl FnMut(usize)) {
        if *self.reader.gave_back() {
            *self.reader.gave_back() = false;
            tell(0);
        }
    }

    /// Others may join.
    fn end(&mut self) {}
}

impl<T: Send + Sync> super::Shows for Consumer<T> {
    type Item = T;

    #[inline(always)]
    fn try_next(&mut self) -> Result<&T, PopError> {
        Self::try_next(self)
    }

    #[inline(always)]
    fn peek_next(&mut self) -> Result<&T, PopError> {
        self.peek()
    }
}

impl<T: Clone + Send + Sync> super::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    /// Clones the next item. If its `clone` panics, the item counts as seen.
    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        Ok(Releasing(self).0.try_next()?.clone())
    }

    #[inline(always)]
    fn pop_each(&mut self, max: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        Releasing(self).0.next_each(max, |item| each(item.clone()))
    }

    fn peek(&mut self) -> Result<&T, PopError> {
        Self::peek(self)
    }

    /// Always 0: what a single producer abandons is never seen.
    fn skipped(&self) -> u64 {
        0
    }

    fn capacity(&self) -> usize {
        self.shared.track.capacity()
    }

    fn depth(&self) -> usize {
        self.lag()
    }

    fn bytes(&self) -> usize {
        self.shared.track.bytes()
    }

    fn is_closed(&self) -> bool {
        !self.shared.track.is_open()
    }

    /// Gives this end up; if it was the ring's last end, returns what it had not seen.
    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        let head = this.reader.head();
        this.leave();
        // SAFETY: as for the producer.
        into_last(unsafe { ptr::read(&this.shared) }).map(|mut storage| {
            storage.skip_to(head);
            Remaining::new(storage)
        })
    }
}

impl<T> Clone for Consumer<T> {
    /// Another consumer, which sees everything that this one has still to see.
    fn clone(&self) -> Self {
        Self::join(Arc::clone(&self.shared), self.reader.head())
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Consumer").field("lag", &self.lag()).finish_non_exhaustive()
    }
}
