//! The consumer of a `broadcast_multi` ring: lends each item out in place, and gates the producers.
#![allow(unsafe_code)]

use std::{
    fmt,
    mem::{self, ManuallyDrop},
    ptr,
    ptr::NonNull,
};

use super::{
    super::{
        PopError, Remaining, Shows,
        gates::Gate,
        members::Member,
        sealed::{MakesRoom, Sealed},
        stamped::State,
        track::give_back_batch,
    },
    Storage,
};
use crate::sync::{Arc, Ordering, into_last};

/// An end that sees every item of a [`broadcast_multi()`](super::broadcast_multi()) ring; `Clone` it for more, which start at
/// the same item.
///
/// For payloads that are `Clone` it also is a [`Consumer`](crate::ring::Consumer), whose pops clone the item.
pub struct Consumer<T> {
    shared: Arc<Storage<T>>,
    gate: NonNull<Member<Gate>>,
    /// Sequence of the next item.
    head: u64,
    /// When `head` gets here, slots are given back.
    give_back_at: u64,
    /// Whether slots were given back since somebody asked.
    gave_back: bool,
}

// SAFETY: the gate lives in the storage that the end keeps alive. Items are seen by several threads at once, and dropped by
// whichever end goes last.
unsafe impl<T: Send + Sync> Send for Consumer<T> {}

impl<T> Consumer<T> {
    pub(super) fn join(shared: Arc<Storage<T>>, head: u64) -> Self {
        let gate = shared.gates.join(head).as_ptr();
        let give_back_at = head + give_back_batch(shared.stamped.capacity());
        Self { shared, gate, head, give_back_at, gave_back: false }
    }

    pub(super) fn move_to(&mut self, head: u64) {
        self.head = head;
        self.give_back();
    }

    fn gate(&self) -> &Member<Gate> {
        // SAFETY: places live as long as the storage, which this end keeps alive.
        unsafe { self.gate.as_ref() }
    }

    fn give_back(&mut self) {
        self.give_back_at = self.head + give_back_batch(self.shared.stamped.capacity());
        self.gave_back = true;
        // ORDER: Release; the reads of those slots are over. Partner: the Acquire in `Gates::slowest`.
        self.gate().value().store(self.head, Ordering::Release);
    }

    /// Gives slots back if enough have come together. Nothing must be lent out.
    #[inline(always)]
    fn release(&mut self) {
        if self.head >= self.give_back_at {
            self.give_back();
        }
    }

    /// Goes to the next item, past tombstones.
    #[inline(always)]
    fn find(&mut self) -> Result<(), PopError> {
        self.release();
        loop {
            match self.shared.stamped.slot(self.head).state(self.head) {
                State::Full => return Ok(()),
                State::Hole => {
                    self.shared.stamped.skipped.add(1);
                    self.head += 1;
                    // Now, so that who has looked has given back whatever a second look would.
                    self.release();
                }
                State::Free | State::Behind | State::Ahead => return Err(self.nothing()),
            }
        }
    }

    #[cold]
    fn nothing(&mut self) -> PopError {
        if self.head + give_back_batch(self.shared.stamped.capacity()) != self.give_back_at {
            self.give_back();
        }
        if self.shared.stamped.ends_at(self.head) { PopError::Closed } else { PopError::Empty }
    }

    /// Lends out the next item, until this end's next call.
    ///
    /// # Errors
    /// [`PopError::Empty`]: nothing to see now. [`PopError::Closed`]: nothing, and nothing will come.
    #[inline(always)]
    pub fn try_next(&mut self) -> Result<&T, PopError> {
        self.find()?;
        self.head += 1;
        let cell = self.shared.stamped.slot(self.head - 1).cell();
        // SAFETY: committed; the gate stays before it until a later call, and this end is borrowed meanwhile.
        Ok(unsafe { &*cell.for_read() })
    }

    /// Shows up to `max` items to `each`, oldest first; returns how many, at least one.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next), if there was not one item.
    ///
    /// # Panics
    /// Only if `each` does. The item it was shown counts as seen; those after it are still to be had.
    #[inline(always)]
    pub fn next_each(&mut self, max: usize, mut each: impl FnMut(&T)) -> Result<usize, PopError> {
        for seen in 0..max {
            match self.try_next() {
                Ok(item) => each(item),
                Err(error) if seen == 0 => return Err(error),
                Err(_) => return Ok(seen),
            }
        }
        Ok(max)
    }

    /// Looks at the next item without moving on.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn peek(&mut self) -> Result<&T, PopError> {
        self.find()?;
        let cell = self.shared.stamped.slot(self.head).cell();
        // SAFETY: as in `try_next`.
        Ok(unsafe { &*cell.for_read() })
    }

    /// The sequence that this end looks at next.
    pub fn sequence(&self) -> u64 {
        self.head
    }

    /// Items claimed by producers and not seen by this end.
    pub fn lag(&self) -> usize {
        self.shared.tail().saturating_sub(self.head) as usize
    }

    fn leave(&mut self) {
        self.shared.gates.leave(self.gate(), self.head);
    }
}

/// A call after which nothing is lent out: slots are given back, if it is time, without waiting for the next one, also when
/// the caller's code panics.
struct Releasing<'a, T>(&'a mut Consumer<T>);

impl<T> Drop for Releasing<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<T> Sealed for Consumer<T> {}

impl<T> MakesRoom for Consumer<T> {
    #[inline(always)]
    fn made_room(&mut self, mut tell: impl FnMut(usize)) {
        if mem::take(&mut self.gave_back) {
            tell(0);
        }
    }

    /// Others may join.
    fn end(&mut self) {}
}

impl<T: Send + Sync> Shows for Consumer<T> {
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

impl<T: Clone + Send + Sync> crate::ring::Consumer for Consumer<T> {
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

    /// Tombstones that the consumers of this ring have skipped so far, each for itself.
    fn skipped(&self) -> u64 {
        self.shared.stamped.skipped.get()
    }

    fn capacity(&self) -> usize {
        self.shared.stamped.capacity() as usize
    }

    fn depth(&self) -> usize {
        self.lag()
    }

    fn bytes(&self) -> usize {
        self.shared.stamped.bytes()
    }

    fn is_closed(&self) -> bool {
        self.shared.stamped.is_closed()
    }

    /// Gives this end up; if it was the ring's last end, returns what it had not seen.
    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        let head = this.head;
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
        Self::join(Arc::clone(&self.shared), self.head)
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast_multi::Consumer").field("lag", &self.lag()).finish_non_exhaustive()
    }
}
