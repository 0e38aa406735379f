//! The consumer of a `broadcast` ring: lends each item out in place, and gates the producer.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop, ptr, ptr::NonNull};

use super::{
    super::{
        PopError, Remaining, Shows,
        gates::Gate,
        members::Member,
        sealed::{MakesRoom, Sealed},
        track::{Reader, Track},
    },
    Storage,
};
use crate::sync::{Arc, AtomicU64, into_last};

/// An end that sees every item of a [`broadcast()`](super::broadcast()) ring; `Clone` it for more, which start at the same
/// item.
///
/// For payloads that are `Clone` it also is a [`Consumer`](crate::ring::Consumer), whose pops clone the item.
pub struct Consumer<T> {
    reader: Reader<T>,
    gate: NonNull<Member<Gate>>,
    shared: Arc<Storage<T>>,
}

// SAFETY: the gate lives in the storage that the end keeps alive. Items are seen by several threads at once, and dropped by
// whichever end goes last.
unsafe impl<T: Send + Sync> Send for Consumer<T> {}
impl<T> Consumer<T> {
    pub(super) fn join(shared: Arc<Storage<T>>, head: u64) -> Self {
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
