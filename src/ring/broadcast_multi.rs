//! Many producers, many consumers, and each of the latter sees every item, by reference, in one total order.
//!
//! As [`broadcast`](mod@super::broadcast), with producers that are `Clone` and claim their slots by compare-and-swap.
//!
//! # Progress
//! Consumers are wait-free. Producers take no locks, but are not lock-free: one that is stopped between claim and commit
//! (tens of nanoseconds wide, or as long as a [`Claim`](super::Claim) is kept open) blocks every consumer at that slot, and
//! the producers a lap later; they say `Empty` and `Full` meanwhile.
//!
//! # What `Full` and `Empty` mean
//! `Full`: the slowest consumer has not given back [`capacity`](super::Producer::capacity) slots, or the slot for the next
//! item is an open claim of the lap before. `Empty`: the next slot holds no committed item, though later ones may.
#![allow(unsafe_code)]

use std::{fmt, mem, mem::ManuallyDrop, ptr};

use super::{
    Capacity, CapacityError, Kind, PushError, Remaining,
    gates::Gates,
    leftover::{drop_all, finish},
    sealed::{Leftover, Sealed, Slots},
    stamped::{Held, Stamped, State},
    track::kept_back,
};
use crate::sync::{Arc, AtomicUsize, Ordering, into_last};

mod consumer;
mod joining;

pub use self::consumer::Consumer;

/// A ring for any number of producers, of which every consumer sees every item.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, PopError, Producer, broadcast_multi};
///
/// let (mut left, mut rx) = broadcast_multi::<u32>(Capacity::at_least(64))?;
/// let mut right = left.clone();
/// left.try_push(1)?;
/// right.try_push(2)?;
/// drop((left, right));
/// assert_eq!(rx.try_next(), Ok(&1));
/// assert_eq!(rx.try_next(), Ok(&2));
/// assert_eq!(rx.try_next(), Err(PopError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn broadcast_multi<T: Send + Sync>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    let stamped = Stamped::new(capacity, kept_back)?;
    let shared = Arc::new(Storage { stamped, gates: Gates::new(), producers: AtomicUsize::new(1), next: 0 });
    let consumer = Consumer::join(Arc::clone(&shared), 0);
    Ok((Producer::new(shared), consumer))
}

/// [`broadcast_multi()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct BroadcastMulti;

impl Sealed for BroadcastMulti {}

impl<T: Clone + Send + Sync> Kind<T> for BroadcastMulti {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        broadcast_multi(capacity)
    }
}

/// What the ends share.
pub struct Storage<T> {
    stamped: Stamped<T>,
    gates: Gates,
    producers: AtomicUsize,
    /// First sequence that a walk over what is left has not come to.
    next: u64,
}

// SAFETY: items lie in their slots until every consumer has passed them; `&Storage` lends out `&T` and lets the last end
// drop `T`s.
unsafe impl<T: Send + Sync> Send for Storage<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Storage<T> {}

impl<T> Storage<T> {
    fn tail(&self) -> u64 {
        self.stamped.tail().sequence()
    }

    /// Slots that may be taken beyond the gate: the capacity, and what a consumer may be keeping back.
    fn hold(&self) -> u64 {
        self.stamped.capacity() + kept_back(self.stamped.capacity())
    }

    /// The sequence below which every slot may be overwritten.
    fn gate(&self) -> u64 {
        self.gates.slowest(|| self.tail())
    }

    /// What the slot of `sequence` says to a producer that may write if every consumer is at `gate` at the least.
    #[inline(always)]
    fn state(&self, sequence: u64, gate: &mut u64) -> State {
        let hold = self.hold();
        // Another producer may have passed the gate that this one saw, hence also the tail that it comes from.
        if sequence.saturating_sub(*gate) >= hold {
            *gate = self.gates.slowest_to_pass(|| self.tail());
            if sequence.saturating_sub(*gate) >= hold {
                return State::Behind;
            }
        }
        let slot = self.stamped.slot(sequence);
        match slot.state(sequence) {
            // What it held a lap ago is committed, and all consumers are past it.
            State::Behind if matches!(slot.state(sequence - self.stamped.lap()), State::Full | State::Hole) => {
                State::Free
            }
            // An open claim of the lap before; or another producer has claimed and committed it between the two looks.
            State::Behind => slot.state(sequence),
            state => state,
        }
    }

    /// Takes the item of the lap before out of the slot of `sequence`, if there is one.
    ///
    /// # Safety
    /// * The caller has claimed `sequence`, and neither written it nor vacated it before.
    #[inline(always)]
    unsafe fn vacate(&self, sequence: u64) -> Option<T> {
        let before = sequence.checked_sub(self.stamped.lap())?;
        let slot = self.stamped.slot(sequence);
        // SAFETY: the stamp says that the item is there; every consumer is past it, and the slot is the caller's.
        (slot.state(before) == State::Full).then(|| unsafe { slot.cell().for_read().read() })
    }

    /// Drops what lies before `sequence`, which whoever asks for the rest has seen.
    fn skip_to(&mut self, sequence: u64) {
        let mut seen = sequence.min(self.tail()).saturating_sub(self.oldest());
        finish(|| {
            let Some(left) = seen.checked_sub(1) else { return false };
            seen = left;
            if let Some(place) = self.place_here() {
                // SAFETY: the place holds an item, and the storage has given it up.
                unsafe { place.drop_in_place() };
            }
            true
        });
    }

    /// The oldest sequence that was not overwritten or taken.
    fn oldest(&self) -> u64 {
        self.next.max(self.tail().saturating_sub(self.stamped.lap()))
    }

    /// The place of the oldest sequence, unless that is a hole, and moves past it.
    fn place_here(&mut self) -> Option<*mut T> {
        let oldest = self.oldest();
        self.next = oldest + 1;
        let slot = self.stamped.slot(oldest);
        (slot.state(oldest) == State::Full).then(|| slot.cell().for_write())
    }
}

impl<T> Leftover for Storage<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        while self.oldest() < self.tail() {
            if let Some(place) = self.place_here() {
                return Some(place);
            }
        }
        None
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

/// The end that puts items into a [`broadcast_multi()`] ring; `Clone` it for more. Its calls are those of
/// [`Producer`](super::Producer).
pub struct Producer<T> {
    shared: Arc<Storage<T>>,
    /// The open claim, or a forgotten one.
    held: Held,
    /// The gate as last seen.
    gate: u64,
}

impl<T> Producer<T> {
    /// For a producer that has been counted.
    fn new(shared: Arc<Storage<T>>) -> Self {
        Self { shared, held: Held::default(), gate: 0 }
    }

    /// Claims up to `max` slots, after tombstoning those of a forgotten claim.
    #[inline(always)]
    fn hold(&mut self, max: u64) -> Result<Held, PushError<()>> {
        let (shared, gate) = (&*self.shared, &mut self.gate);
        if self.held.len > 0 {
            shared.stamped.commit(&mut self.held, 0);
        }
        shared.stamped.claim(max, |sequence| shared.state(sequence, gate))
    }

    /// Puts one item in, and takes out the one that it overwrites, whose drop may panic: it is the caller's, who may have
    /// something to tell first.
    #[inline(always)]
    pub(crate) fn push_over(&mut self, item: T) -> Result<Option<T>, PushError<T>> {
        let start = match self.hold(1) {
            Ok(held) => held.start,
            Err(refused) => return Err(refused.map(|()| item)),
        };
        let overwritten = if mem::needs_drop::<T>() {
            // SAFETY: just claimed.
            unsafe { self.shared.vacate(start) }
        } else {
            None
        };
        let slot = self.shared.stamped.slot(start);
        // SAFETY: every consumer is past what was in the slot, and the claim made it this thread's.
        unsafe { slot.cell().for_write().write(item) };
        slot.fill(start);
        Ok(overwritten)
    }

    fn leave(&mut self) {
        self.shared.stamped.commit(&mut self.held, 0);
        // ORDER: Relaxed; the count decides who closes, and the tail's own order what the close covers.
        if self.shared.producers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.stamped.close();
        }
    }
}

/// A producer whose claim is abandoned when this is dropped.
struct Abandoning<'a, T>(&'a mut Producer<T>);

impl<T> Drop for Abandoning<'_, T> {
    fn drop(&mut self) {
        self.0.shared.stamped.commit(&mut self.0.held, 0);
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send + Sync> Slots for Producer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    const SHOWN_TO_ALL: bool = true;
    const STOPS_OTHERS: bool = true;

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        self.held = self.hold(max as u64)?;
        if mem::needs_drop::<T>() {
            // Ends the claim if the drop of an item panics: it would stand in everybody's way.
            let claim = Abandoning(self);
            let mut claimed = claim.0.held.start..claim.0.held.start + claim.0.held.len;
            // SAFETY: just claimed, and each is visited once.
            finish(|| claimed.next().map(|sequence| drop(unsafe { claim.0.shared.vacate(sequence) })).is_some());
            mem::forget(claim);
        }
        Ok(self.held.len as usize)
    }

    #[inline]
    fn slot(&mut self, nth: usize) -> *mut T {
        debug_assert!((nth as u64) < self.held.len);
        self.shared.stamped.slot(self.held.start + nth as u64).cell().for_write()
    }

    #[inline]
    fn fill(&mut self, _slots: usize, items: &mut impl Iterator<Item = T>) -> usize {
        self.shared.stamped.fill(&mut self.held, items)
    }

    #[inline]
    fn commit(&mut self, written: usize) {
        self.shared.stamped.commit(&mut self.held, written as u64);
    }
}

impl<T: Send + Sync> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        // Dropped when the ring is in order.
        self.push_over(item).map(drop)
    }

    fn capacity(&self) -> usize {
        self.shared.stamped.capacity() as usize
    }

    fn depth(&self) -> usize {
        // The gate first: the tail can only have moved on by then, and the gate with it.
        let gate = self.shared.gate();
        (self.shared.tail() - gate).min(self.shared.hold()) as usize
    }

    fn room(&self) -> usize {
        (self.shared.hold() as usize).saturating_sub(self.depth())
    }

    fn bytes(&self) -> usize {
        self.shared.stamped.bytes()
    }

    fn close(&mut self) {
        self.shared.stamped.commit(&mut self.held, 0);
        self.shared.stamped.close();
    }

    fn is_closed(&self) -> bool {
        self.shared.stamped.is_closed()
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

impl<T> Clone for Producer<T> {
    fn clone(&self) -> Self {
        // ORDER: Relaxed; this end keeps the count above zero meanwhile.
        self.shared.producers.fetch_add(1, Ordering::Relaxed);
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast_multi::Producer").field("tail", &self.shared.tail()).finish_non_exhaustive()
    }
}
