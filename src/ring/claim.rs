//! Slots taken to be written in place.
#![allow(unsafe_code)]

use std::{fmt, marker::PhantomData, mem, mem::MaybeUninit};

use super::{Producer, PushError, leftover, sealed::Slots};

/// Slots of a ring that are this claim's to write: first [`push`](Self::push) or [`slot`](Self::slot) for each, then
/// [`commit`](Self::commit).
///
/// Dropping it abandons the claim: what was written is dropped, and the slots become tombstones on a ring with several
/// producers, or are free again on one with a single producer. Forgetting it does the same as soon as its producer is used
/// again or dropped, except that what was written is leaked.
#[must_use = "a claim that is dropped without a `commit` puts nothing in"]
pub struct Claim<'a, P: Producer> {
    producer: &'a mut P,
    slots: usize,
    written: usize,
    /// Items are written through it, so it must not be shared or sent more freely than they.
    items: PhantomData<P::Item>,
}

impl<'a, P: Producer> Claim<'a, P> {
    #[track_caller]
    pub(super) fn open(producer: &'a mut P, max: usize) -> Result<Self, PushError<()>> {
        assert!(max > 0, "a claim is of one slot at the least");
        let slots = producer.claim(max)?;
        debug_assert!(slots > 0 && slots <= max);
        Ok(Self::of(producer, slots))
    }

    /// The open claim of a producer that has just made it, by [`Slots::claim`], of so many slots.
    pub(crate) fn of(producer: &'a mut P, slots: usize) -> Self {
        Self { producer, slots, written: 0, items: PhantomData }
    }

    /// Slots of this claim.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Slots written so far.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Writes an item to the next slot.
    ///
    /// # Errors
    /// Hands the item back if every slot is written.
    #[inline]
    pub fn push(&mut self, item: P::Item) -> Result<(), P::Item> {
        match self.slot() {
            Some(place) => {
                place.write(item);
                self.written += 1;
                Ok(())
            }
            None => Err(item),
        }
    }

    /// The next slot, to be written in place; then say so by [`assume_written`](Self::assume_written).
    #[inline]
    pub fn slot(&mut self) -> Option<&mut MaybeUninit<P::Item>> {
        if self.written == self.slots {
            return None;
        }
        let place = self.producer.slot(self.written).cast::<MaybeUninit<P::Item>>();
        // SAFETY: the slot is claimed by the producer that this claim borrows exclusively, hence nobody else's.
        Some(unsafe { &mut *place })
    }

    /// Counts the slot that [`slot`](Self::slot) returns as written.
    ///
    /// # Safety
    /// * That slot holds a valid item.
    ///
    /// # Panics
    /// If every slot is written already.
    #[inline]
    pub unsafe fn assume_written(&mut self) {
        assert!(self.written < self.slots, "every slot of the claim is written");
        self.written += 1;
    }

    /// Counts every slot of the claim as written.
    ///
    /// # Safety
    /// * All its slots hold valid items.
    #[inline]
    pub unsafe fn assume_all_written(&mut self) {
        self.written = self.slots;
    }

    /// The end that the claim was made through.
    pub(super) fn producer(&self) -> &P {
        self.producer
    }

    /// Takes the item written last out of its slot.
    pub fn take_back(&mut self) -> Option<P::Item> {
        self.written = self.written.checked_sub(1)?;
        let place = self.producer.slot(self.written);
        // SAFETY: that slot was written and is not committed, and the count no longer covers it: it is read once.
        Some(unsafe { place.read() })
    }

    /// Makes the written slots visible to consumers, in order; returns how many. The others are abandoned.
    ///
    /// It can't be refused: a claim opened before the ring was closed is accepted after it.
    #[inline]
    pub fn commit(self) -> usize {
        let mut claim = mem::ManuallyDrop::new(self);
        let written = claim.written;
        claim.producer.commit(written);
        written
    }

    /// Gives the slots up; the same as dropping the claim.
    pub fn abandon(self) {}
}

impl<P: Producer> Drop for Claim<'_, P> {
    fn drop(&mut self) {
        // The slots must be given back even if the drop of an item panics, and not before the items are gone.
        struct GiveBack<'b, P: Producer>(&'b mut P);
        impl<P: Producer> Drop for GiveBack<'_, P> {
            fn drop(&mut self) {
                self.0.commit(0);
            }
        }

        let back = GiveBack(&mut *self.producer);
        let written = &mut self.written;
        leftover::finish(|| {
            let Some(last) = written.checked_sub(1) else { return false };
            *written = last;
            let place = back.0.slot(last);
            // SAFETY: as in `take_back`: written, not committed, and no longer counted.
            unsafe { place.drop_in_place() };
            true
        });
    }
}

impl<P: Producer> fmt::Debug for Claim<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("slots", &self.slots).field("written", &self.written).finish()
    }
}

/// The most slots that a batch claims at once: a long claim stands in the way of the others.
const BATCH_SLOTS: usize = 64;

/// Pushes from an iterator by claims of as many slots as it says it needs.
#[inline]
pub(super) fn push_iter<P: Producer>(
    producer: &mut P,
    items: &mut impl Iterator<Item = P::Item>,
) -> Result<usize, PushError<()>> {
    let mut pushed = 0;
    loop {
        let (at_least, at_most) = items.size_hint();
        if at_most == Some(0) {
            return Ok(pushed);
        }
        let slots = match producer.claim(at_least.clamp(1, BATCH_SLOTS)) {
            Ok(slots) => slots,
            Err(_) if pushed > 0 => return Ok(pushed),
            Err(refused) => return Err(refused),
        };
        let written = producer.fill(slots, items);
        pushed += written;
        if written < slots {
            return Ok(pushed);
        }
    }
}

/// [`Slots::fill`] for any ring: writes, then commits.
pub(super) fn fill<P: Slots + ?Sized>(
    producer: &mut P,
    slots: usize,
    items: &mut impl Iterator<Item = P::Item>,
) -> usize {
    struct Written<'a, P: Slots + ?Sized>(&'a mut P, usize);
    impl<P: Slots + ?Sized> Drop for Written<'_, P> {
        fn drop(&mut self) {
            self.0.commit(self.1);
        }
    }

    let mut written = Written(producer, 0);
    while written.1 < slots {
        let Some(item) = items.next() else { break };
        let place = written.0.slot(written.1);
        // SAFETY: the slot is claimed, so nobody else touches it.
        unsafe { place.write(item) };
        written.1 += 1;
    }
    written.1
}
