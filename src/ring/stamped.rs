//! Slots with a stamp each, claimed by compare-and-swap: what `mpmc` and `broadcast_multi` store items in, and how their
//! producers take slots.
//!
//! ```text
//! slot:  | stamp 8 B | item |                      unpadded: padding was measured up to two times slower
//! stamp: sequence << 2 | FREE 0, FULL 1, HOLE 2    "free for", "holds", "was left unwritten by" that sequence
//! tail:  sequence << 1 | CLOSED 1                  so that closing makes every later claim fail, exactly
//! ```
//!
//! # Source
//! D. Vyukov, "Bounded MPMC queue" (2010); the closed bit and the holes are added.
#![allow(unsafe_code)]

use super::{Capacity, CapacityError, PushError, capacity::boxed};
use crate::sync::{AtomicBool, AtomicU64, Backoff, Cell, Counter, Ordering, Padded};

pub(super) struct Slot<T> {
    stamp: AtomicU64,
    cell: Cell<T>,
}

/// What a slot says of a sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Claimed by nobody, or not committed yet.
    Free,
    /// Holds its item.
    Full,
    /// Was claimed and left unwritten: a tombstone.
    Hole,
    /// Still belongs to a sequence of an earlier lap.
    Behind,
    /// Belongs to a later lap: whoever asks is late.
    Ahead,
}

const FREE: u64 = 0;
const FULL: u64 = 1;
const HOLE: u64 = 2;

impl<T> Slot<T> {
    /// What the slot says of `sequence`, which must be one of its own.
    #[inline(always)]
    pub(super) fn state(&self, sequence: u64) -> State {
        // ORDER: Acquire; the item, or the end of its reading, is visible. Partners: the Release in `fill`, `leave_hole`
        // and `free`.
        let stamp = self.stamp.load(Ordering::Acquire);
        match stamp.wrapping_sub(sequence << 2) {
            FREE => State::Free,
            FULL => State::Full,
            HOLE => State::Hole,
            _ if stamp < sequence << 2 => State::Behind,
            _ => State::Ahead,
        }
    }

    #[inline(always)]
    pub(super) fn cell(&self) -> &Cell<T> {
        &self.cell
    }

    /// The claimant has written the item of `sequence`.
    #[inline(always)]
    pub(super) fn fill(&self, sequence: u64) {
        // ORDER: Release publishes the item to the Acquire in `state`.
        self.stamp.store(sequence << 2 | FULL, Ordering::Release);
    }

    /// The claimant of `sequence` will not write.
    pub(super) fn leave_hole(&self, sequence: u64) {
        // ORDER: Release; what the claimant did to the cell is over. Partner: the Acquire in `state`.
        self.stamp.store(sequence << 2 | HOLE, Ordering::Release);
    }

    /// The cell is empty, and free for `sequence`.
    #[inline(always)]
    pub(super) fn free(&self, sequence: u64) {
        // ORDER: Release; the reading of the item is over. Partner: the Acquire in `state`.
        self.stamp.store(sequence << 2 | FREE, Ordering::Release);
    }
}

pub(super) struct Stamped<T> {
    slots: Box<[Slot<T>]>,
    capacity: u64,
    /// `sequence << 1 | CLOSED`: what is claimed, and whether more may be.
    tail: Padded<AtomicU64>,
    /// The tail's closed bit again, on a line that is written once.
    closed: Padded<AtomicBool>,
    /// Tombstones that consumers have skipped.
    pub(super) skipped: Counter,
}

const CLOSED: u64 = 1;

/// A tail as read: where the stream stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail(u64);

impl Tail {
    #[inline(always)]
    pub(super) fn sequence(self) -> u64 {
        self.0 >> 1
    }

    #[inline(always)]
    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }
}

impl<T> Stamped<T> {
    /// Whether an item is so large that a consumer at the producers' heels disturbs them with each.
    pub(super) const IS_LARGE: bool = size_of::<Slot<T>>() > 16;

    /// Slots for `capacity` items, and for at least `spare` more.
    pub(super) fn new(capacity: Capacity, spare: impl FnOnce(u64) -> u64) -> Result<Self, CapacityError> {
        let capacity = capacity.slots()? as u64;
        let slots = (capacity + spare(capacity)).next_power_of_two() as usize;
        let init = |index: usize, slot: *mut Slot<T>| {
            // SAFETY: inside the slot.
            let stamp = unsafe { &raw mut (*slot).stamp };
            // SAFETY: as above.
            let cell = unsafe { &raw mut (*slot).cell };
            // SAFETY: as above, and the slot is not shared yet.
            unsafe { stamp.write(AtomicU64::new((index as u64) << 2 | FREE)) };
            // SAFETY: as above.
            unsafe { Cell::init(cell) };
        };
        // SAFETY: `init` makes both fields of a slot.
        let slots = unsafe { boxed(slots, init) }?;
        Ok(Self {
            slots,
            capacity,
            tail: Padded::new(AtomicU64::new(0)),
            closed: Padded::new(AtomicBool::new(false)),
            skipped: Counter::default(),
        })
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Slots that there are. The slot of a sequence is that of the one so many earlier.
    #[inline(always)]
    pub(super) fn lap(&self) -> u64 {
        self.slots.len() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot<T>>() + size_of::<Self>()
    }

    #[inline(always)]
    pub(super) fn slot(&self, sequence: u64) -> &Slot<T> {
        let index = sequence as usize & (self.slots.len() - 1);
        // SAFETY: the length is a power of two, so the mask keeps the index below it.
        unsafe { self.slots.get_unchecked(index) }
    }

    #[inline(always)]
    pub(super) fn tail(&self) -> Tail {
        // ORDER: Relaxed; a guess, which a compare-and-swap confirms, or a figure. Of a closed tail only the number counts:
        // the items below it are published by their stamps.
        Tail(self.tail.load(Ordering::Relaxed))
    }

    pub(super) fn close(&self) {
        // ORDER: Relaxed; claims and the end fight for this one word, and its own order decides.
        self.tail.fetch_or(CLOSED, Ordering::Relaxed);
        // ORDER: Relaxed; who sees the flag looks at the tail, and who does not yet will.
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Moves an open tail on by `slots`. Whoever succeeds owns them.
    #[inline(always)]
    pub(super) fn take(&self, tail: Tail, slots: u64) -> Result<(), Tail> {
        // ORDER: Relaxed both ways; it decides who owns the slots, and their stamps carry all visibility.
        match self.tail.compare_exchange_weak(tail.0, tail.0 + (slots << 1), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(seen) => Err(Tail(seen)),
        }
    }
}

/// One producer's hold on slots that it has claimed and not committed: `len` of them from `start` on.
#[derive(Default)]
pub(super) struct Held {
    pub(super) start: u64,
    pub(super) len: u64,
}

impl<T> Stamped<T> {
    /// Claims up to `max` slots from the tail on, at least one, for which `state` says [`State::Free`].
    ///
    /// "Full" rests on the stamp alone: of a tail that was read too long ago the slot says something else.
    #[inline(always)]
    pub(super) fn claim(&self, max: u64, mut state: impl FnMut(u64) -> State) -> Result<Held, PushError<()>> {
        let backoff = Backoff::new();
        let mut tail = self.tail();
        loop {
            if tail.is_closed() {
                return Err(PushError::Closed(()));
            }
            let start = tail.sequence();
            match state(start) {
                State::Free => {
                    let mut len = 1;
                    while len < max && state(start + len) == State::Free {
                        len += 1;
                    }
                    match self.take(tail, len) {
                        Ok(()) => return Ok(Held { start, len }),
                        Err(seen) => tail = seen,
                    }
                }
                // The tail was read too long ago: that sequence has been claimed, and more has happened since.
                State::Full | State::Hole | State::Ahead => tail = self.tail(),
                State::Behind => return Err(PushError::Full(())),
            }
            backoff.snooze();
        }
    }

    /// Ends a hold: its first `written` slots hold items, the others are holes.
    #[inline]
    pub(super) fn commit(&self, held: &mut Held, written: u64) {
        let Held { start, len } = std::mem::take(held);
        for sequence in start..start + written {
            self.slot(sequence).fill(sequence);
        }
        for sequence in start + written..start + len {
            self.slot(sequence).leave_hole(sequence);
        }
    }

    /// Writes and commits the slots of a hold one by one, as long as there are items; the others are holes, also when the
    /// iterator panics. Returns how many were written.
    #[inline]
    pub(super) fn fill(&self, held: &mut Held, items: &mut impl Iterator<Item = T>) -> usize {
        struct Rest<'a, T>(&'a Stamped<T>, &'a mut Held);
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.0.commit(self.1, 0);
            }
        }

        let (start, end) = (held.start, held.start + held.len);
        let rest = Rest(self, held);
        for sequence in start..end {
            let Some(item) = items.next() else { break };
            let slot = self.slot(sequence);
            // SAFETY: claimed, so nobody else touches it.
            unsafe { slot.cell().for_write().write(item) };
            (rest.1.start, rest.1.len) = (sequence + 1, end - sequence - 1);
            slot.fill(sequence);
        }
        (rest.1.start - start) as usize
    }

    /// Whether `sequence`, at which a consumer found nothing, is where a closed stream ends.
    #[inline]
    pub(super) fn ends_at(&self, sequence: u64) -> bool {
        // ORDER: Relaxed; the flag only spares the tail's line, which the producers fight for.
        self.closed.load(Ordering::Relaxed) && {
            let tail = self.tail();
            tail.is_closed() && tail.sequence() == sequence
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        // ORDER: Relaxed; nothing is read on the strength of it.
        self.closed.load(Ordering::Relaxed)
    }
}
