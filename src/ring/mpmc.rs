//! Many producers, many consumers, each item to one of them, in one total order.
//!
//! Both ends are `Clone`. Every push and pop is one compare-and-swap on a shared cursor and one store to the slot; batches
//! and claims pay the compare-and-swap once for all their slots.
//!
//! # Progress
//! No locks, but not lock-free: a thread stopped between its claim and its commit (tens of nanoseconds wide, or as long as
//! a [`Claim`](super::Claim) is kept open) blocks consumers at that slot, and producers a lap later. A thread stopped in
//! the middle of a pop blocks producers when they come to that slot, a lap later. Nobody else is blocked, and nobody
//! spins inside a call for it: the calls answer `Empty` and `Full`. A call that loses the race for a cursor pauses before it
//! tries again, and after some microseconds of that yields the CPU.
//!
//! # What `Full` and `Empty` mean
//! `Full`: the slot for the next item is not free. `Empty`: the oldest slot holds no committed item. With a thread in the
//! middle of an operation at that very slot, both may be said although later operations have completed, so they are not
//! linearizable; [`depth`](super::Producer::depth) counts open claims, and [`Closed`](super::PopError::Closed) is exact.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop, ptr};

use super::{
    Capacity, CapacityError, Displace, DisplaceError, Kind, PushError, Remaining,
    leftover::drop_all,
    sealed::{Leftover, Sealed, Slots},
    stamped::{Held, Stamped, State},
    stash::{Abandoned, Stash},
};
use crate::sync::{Arc, AtomicU64, AtomicUsize, Backoff, Ordering, Padded, into_last};

mod consumer;

pub use self::consumer::Consumer;

/// A ring for any number of producers and consumers.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, Consumer, PopError, Producer, mpmc};
///
/// let (mut tx, rx) = mpmc(Capacity::at_least(64))?;
/// let workers: Vec<_> = (0..2)
///     .map(|_| {
///         let mut rx = rx.clone();
///         std::thread::spawn(move || {
///             let mut done = 0;
///             loop {
///                 match rx.try_pop() {
///                     Ok(job) => done += job,
///                     Err(PopError::Empty) => std::thread::yield_now(),
///                     Err(PopError::Closed) => return done,
///                 }
///             }
///         })
///     })
///     .collect();
/// for job in 1..=50_u64 {
///     tx.try_push(job).expect("64 slots hold 50 jobs");
/// }
/// drop(tx);
/// assert_eq!(workers.into_iter().map(|w| w.join().unwrap()).sum::<u64>(), 1275);
/// # Ok::<(), ringway::ring::CapacityError>(())
/// ```
pub fn mpmc<T: Send>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    let shared = Arc::new(Storage {
        stamped: Stamped::new(capacity, |_| 0)?,
        head: Padded::new(AtomicU64::new(0)),
        producers: AtomicUsize::new(1),
        consumers: AtomicUsize::new(1),
        abandoned: Abandoned::default(),
    });
    Ok((Producer::new(Arc::clone(&shared)), Consumer::new(shared)))
}

/// [`mpmc()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct Mpmc;

impl Sealed for Mpmc {}

impl<T: Send> Kind<T> for Mpmc {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        mpmc(capacity)
    }
}

/// What the ends share.
pub struct Storage<T> {
    stamped: Stamped<T>,
    /// Sequences below it are claimed by consumers.
    head: Padded<AtomicU64>,
    producers: AtomicUsize,
    consumers: AtomicUsize,
    abandoned: Abandoned<T>,
}

impl<T> Storage<T> {
    fn head(&self) -> u64 {
        // ORDER: Relaxed; a guess, which a compare-and-swap confirms, or a figure.
        self.head.load(Ordering::Relaxed)
    }

    /// Moves the head on by `slots`. Whoever succeeds owns them, still stamped for their sequences.
    #[inline(always)]
    fn take(&self, head: u64, slots: u64) -> Result<(), u64> {
        // ORDER: Relaxed both ways; it decides who owns the slots, and their stamps carry all visibility.
        self.head.compare_exchange_weak(head, head + slots, Ordering::Relaxed, Ordering::Relaxed).map(drop)
    }

    /// Empties the slot of `sequence` and frees it for the next lap.
    ///
    /// # Safety
    /// * The slot holds the item of `sequence`.
    /// * The caller owns it, by [`take`](Self::take).
    #[inline(always)]
    unsafe fn empty(&self, sequence: u64) -> T {
        let slot = self.stamped.slot(sequence);
        // SAFETY: committed and owned, by the caller's word; read once, because the slot is freed behind it.
        let item = unsafe { slot.cell().for_read().read() };
        slot.free(sequence + self.stamped.lap());
        item
    }

    fn bytes(&self) -> usize {
        self.stamped.bytes() + size_of::<Self>() - size_of::<Stamped<T>>()
    }

    fn depth(&self) -> usize {
        // The head first: the tail can only have moved on by then.
        let head = self.head();
        (self.stamped.tail().sequence().saturating_sub(head)).min(self.stamped.capacity()) as usize
    }
}

impl<T> Leftover for Storage<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        loop {
            if let Some(place) = self.abandoned.next_place() {
                return Some(place);
            }
            // `&mut self`: every end is gone, so the cursors stand still.
            let head = self.head();
            if head == self.stamped.tail().sequence() {
                return None;
            }
            // ORDER: Relaxed; as above.
            self.head.store(head + 1, Ordering::Relaxed);
            let slot = self.stamped.slot(head);
            if slot.state(head) == State::Full {
                return Some(slot.cell().for_write());
            }
        }
    }
}

impl<T> Drop for Storage<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

/// What was left when an end was given up: the items in its hands, then, for the last end, those in the ring.
pub struct Left<T> {
    stash: Option<Stash<T>>,
    ring: Option<Storage<T>>,
}

impl<T> Leftover for Left<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        self.stash.as_mut().and_then(Stash::next_place).or_else(|| self.ring.as_mut()?.next_place())
    }
}

impl<T> Left<T> {
    fn of(stash: Option<Stash<T>>, ring: Option<Storage<T>>) -> Option<Remaining<Self>> {
        let stash = stash.filter(|stash| !stash.is_empty());
        (stash.is_some() || ring.is_some()).then(|| Remaining::new(Self { stash, ring }))
    }
}

/// The end that puts items into an [`mpmc()`] ring; `Clone` it for more. Its calls are those of
/// [`Producer`](super::Producer) and [`Displace`].
pub struct Producer<T> {
    shared: Arc<Storage<T>>,
    /// The open claim, or a forgotten one.
    held: Held,
}

impl<T> Producer<T> {
    /// For a producer that has been counted.
    fn new(shared: Arc<Storage<T>>) -> Self {
        Self { shared, held: Held::default() }
    }

    /// Claims up to `max` slots, after tombstoning those of a forgotten claim.
    #[inline(always)]
    fn hold(&mut self, max: u64) -> Result<Held, PushError<()>> {
        let stamped = &self.shared.stamped;
        if self.held.len > 0 {
            stamped.commit(&mut self.held, 0);
        }
        stamped.claim(max, |sequence| stamped.slot(sequence).state(sequence))
    }

    /// Pushes beside the claim that this end may hold, so threads may share it.
    #[inline]
    pub(crate) fn push_shared(&self, item: T) -> Result<(), PushError<T>> {
        let stamped = &self.shared.stamped;
        self.put_into(stamped.claim(1, |sequence| stamped.slot(sequence).state(sequence)), item)
    }

    /// Puts an item into the one slot that this thread has just claimed, if it has.
    #[inline(always)]
    fn put_into(&self, claimed: Result<Held, PushError<()>>, item: T) -> Result<(), PushError<T>> {
        match claimed {
            Ok(Held { start, .. }) => {
                let slot = self.shared.stamped.slot(start);
                // SAFETY: the slot was free for `start`, and the claim made it this thread's.
                unsafe { slot.cell().for_write().write(item) };
                slot.fill(start);
                Ok(())
            }
            Err(refused) => Err(refused.map(|()| item)),
        }
    }

    fn leave(&mut self) {
        self.shared.stamped.commit(&mut self.held, 0);
        // ORDER: Relaxed; the count decides who closes, and the tail's own order what the close covers.
        if self.shared.producers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.stamped.close();
        }
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send> Slots for Producer<T> {
    type Item = T;
    type Leftover = Left<T>;

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        self.held = self.hold(max as u64)?;
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

impl<T: Send> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        let claimed = self.hold(1);
        self.put_into(claimed, item)
    }

    fn capacity(&self) -> usize {
        self.shared.stamped.capacity() as usize
    }

    fn depth(&self) -> usize {
        self.shared.depth()
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn close(&mut self) {
        self.shared.stamped.commit(&mut self.held, 0);
        self.shared.stamped.close();
    }

    fn is_closed(&self) -> bool {
        self.shared.stamped.is_closed()
    }

    fn into_remaining(self) -> Option<Remaining<Left<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once; nothing else in it owns anything.
        let shared = unsafe { ptr::read(&this.shared) };
        Left::of(None, into_last(shared))
    }
}

impl<T: Send> Displace for Producer<T> {
    /// Puts one item in, and takes the oldest one out if the ring is full; returns that one.
    ///
    /// # Errors
    /// [`DisplaceError`]; the item comes back in it.
    ///
    /// # Cost
    /// As a push; on a full ring two compare-and-swaps.
    ///
    /// # Progress
    /// Waits, yielding, a few times for a thread that is in the middle of popping the oldest item or of displacing it
    /// itself, then says `Busy`.
    fn displace(&mut self, mut item: T) -> Result<Option<T>, DisplaceError<T>> {
        let patience = Backoff::new();
        loop {
            item = match super::Producer::try_push(self, item) {
                Ok(()) => return Ok(None),
                Err(PushError::Closed(item)) => return Err(DisplaceError::Closed { item, displaced: None }),
                Err(PushError::Full(item)) => item,
            };
            item = match self.replace_oldest(item) {
                Ok(displaced) => return displaced,
                Err(item) => item,
            };
            if patience.is_completed() {
                return Err(DisplaceError::Busy(item));
            }
            patience.snooze();
        }
    }
}

impl<T> Producer<T> {
    /// On a full ring: takes the oldest item, whose slot is the next one's, and claims that slot before it is freed.
    /// Hands the item back if the oldest slot is not to be had.
    #[allow(clippy::type_complexity)]
    fn replace_oldest(&mut self, item: T) -> Result<Result<Option<T>, DisplaceError<T>>, T> {
        let stamped = &self.shared.stamped;
        let mut tail = stamped.tail();
        let sequence = tail.sequence();
        let oldest = match sequence.checked_sub(stamped.lap()) {
            Some(oldest) if !tail.is_closed() => oldest,
            _ => return Err(item),
        };
        let slot = stamped.slot(oldest);
        let state = slot.state(oldest);
        if !matches!(state, State::Full | State::Hole) || self.shared.take(oldest, 1).is_err() {
            return Err(item);
        }
        let displaced = if state == State::Full {
            // SAFETY: committed, and the head has just been moved past it by this thread; read once, because the stamp
            // that said so is overwritten below.
            Some(unsafe { slot.cell().for_read().read() })
        } else {
            stamped.skipped.add(1);
            None
        };
        // Until the slot is stamped anew nobody else can claim `sequence`: only a close can come between.
        while let Err(seen) = stamped.take(tail, 1) {
            if seen.is_closed() {
                slot.free(sequence);
                return Ok(Err(DisplaceError::Closed { item, displaced }));
            }
            tail = seen;
        }
        // SAFETY: emptied above, and claimed by the `take` that ended the loop.
        unsafe { slot.cell().for_write().write(item) };
        slot.fill(sequence);
        Ok(Ok(displaced))
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
        f.debug_struct("mpmc::Producer").field("depth", &self.shared.depth()).finish_non_exhaustive()
    }
}
