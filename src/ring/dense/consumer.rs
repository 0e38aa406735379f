//! The consumer of a `dense` ring: pops items, or lends out runs of them.
#![allow(unsafe_code)]

use std::{
    cmp::min,
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr, slice,
};

use super::{
    super::{
        Closes, PopError, Remaining,
        end::Reached,
        sealed::{MakesRoom, Sealed},
    },
    Run, Storage,
};
use crate::sync::{Arc, Ordering, into_last};

/// The end that takes items out of a [`dense()`](super::dense()) ring. Its calls are those of
/// [`Consumer`](crate::ring::Consumer).
pub struct Consumer<T> {
    pub(super) shared: Arc<Storage<T>>,
    /// Sequence of the next item, and where it lies.
    head: u64,
    pub(super) index: usize,
    /// The producer's tail as last seen.
    tail: u64,
    /// When `head` gets here, slots are given back.
    give_back_at: u64,
    /// Whether slots were given back since somebody asked.
    gave_back: bool,
    /// Whether the end was reached: what the cursor says after that is not for this side.
    ended: bool,
}

impl<T> Consumer<T> {
    pub(super) fn new(shared: Arc<Storage<T>>) -> Self {
        let give_back_at = shared.batch;
        Self { shared, head: 0, index: 0, tail: 0, give_back_at, gave_back: false, ended: false }
    }

    /// Items that can be popped now, of which the caller wants `wanted`: looks at the producer's cursor only if it must.
    #[inline(always)]
    fn ready(&mut self, wanted: usize) -> Result<usize, PopError> {
        let ready = (self.tail - self.head) as usize;
        if ready >= wanted {
            return Ok(ready);
        }
        if !self.ended {
            // ORDER: Acquire; the items below are visible. Partner: the Release in `Producer::publish`.
            self.tail = self.shared.tail.load(Ordering::Acquire);
        }
        if self.tail != self.head { Ok((self.tail - self.head) as usize) } else { self.ready_at_end() }
    }

    #[cold]
    fn ready_at_end(&mut self) -> Result<usize, PopError> {
        if self.ended {
            return Err(PopError::Closed);
        }
        // Whoever waits asks again and again, and the producer looks at this cursor.
        if self.head + self.shared.batch != self.give_back_at {
            self.give_back();
        }
        let tail = &self.shared.tail;
        // ORDER: Relaxed; only whether there is more. What there is, is loaded again below.
        match self.shared.end.reached(self.head, || tail.load(Ordering::Relaxed) != self.head) {
            Reached::NotYet => Err(PopError::Empty),
            Reached::End => {
                self.ended = true;
                Err(PopError::Closed)
            }
            Reached::More => {
                // ORDER: Acquire; as in `ready`.
                self.tail = tail.load(Ordering::Acquire);
                Ok((self.tail - self.head) as usize)
            }
        }
    }

    /// Counts `items` as popped; their slots are given back when enough have come together.
    #[inline(always)]
    pub(super) fn advance(&mut self, items: usize) {
        self.index = self.shared.wrap(self.index, items);
        self.head += items as u64;
        if self.head >= self.give_back_at {
            self.give_back();
        }
    }

    #[inline]
    fn give_back(&mut self) {
        self.give_back_at = self.head + self.shared.batch;
        self.gave_back = true;
        // ORDER: Release; the reads of those slots are over. Partner: the Acquire in `Producer::free`.
        self.shared.head.store(self.head, Ordering::Release);
    }

    /// The first `items` items, which are ready, as slices.
    #[inline(always)]
    pub(super) fn slices(&self, items: usize) -> (&[T], &[T]) {
        let first = min(items, self.shared.slab.len() - self.index);
        let second = items - first;
        let (left, right) = (self.shared.slab.for_read(self.index, first), self.shared.slab.for_read(0, second));
        // SAFETY: published, and they stay until this consumer, borrowed meanwhile, moves on.
        let left = unsafe { slice::from_raw_parts(left, first) };
        // SAFETY: as above.
        let right = unsafe { slice::from_raw_parts(right, second) };
        (left, right)
    }

    /// Hands out the next `run` items, which are ready and lie side by side.
    #[inline(always)]
    fn take_run(&mut self, run: usize, each: &mut impl FnMut(T)) {
        /// Counts what was taken as popped, also when the caller's code panics.
        struct Taken<'a, T>(&'a mut Consumer<T>, usize);
        impl<T> Drop for Taken<'_, T> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.advance(self.1);
            }
        }

        let first = self.shared.slab.for_read(self.index, run);
        let mut taken = Taken(self, 0);
        while taken.1 < run {
            // SAFETY: the run lies in the slab.
            let place = unsafe { first.add(taken.1) };
            taken.1 += 1;
            // SAFETY: published by the caller's word; read once, because it counts as taken from here on.
            each(unsafe { place.read() });
        }
    }

    /// Up to `max` items, at least one, to be read in place.
    ///
    /// # Errors
    /// As [`try_pop`](crate::ring::Consumer::try_pop).
    ///
    /// # Cost
    /// Looks at the producer's cursor only if fewer than `max` items are known: ask for what you will take.
    #[inline(always)]
    pub fn try_run(&mut self, max: usize) -> Result<Run<'_, T>, PopError> {
        let items = min(self.ready(max)?, max);
        Ok(Run { consumer: self, items, lent: PhantomData })
    }

    fn leave(&mut self) {
        self.give_back();
        self.shared.end.ask();
    }
}

impl<T> Sealed for Consumer<T> {}

impl<T: Send> MakesRoom for Consumer<T> {
    #[inline(always)]
    fn made_room(&mut self, mut tell: impl FnMut(usize)) {
        if std::mem::take(&mut self.gave_back) {
            tell(0);
        }
    }

    fn end(&mut self) {
        self.shared.end.ask();
    }
}

impl<T: Send> crate::ring::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        self.ready(1)?;
        let place = self.shared.slab.for_read(self.index, 1);
        // SAFETY: published; read once, because the next line moves past it.
        let item = unsafe { place.read() };
        self.advance(1);
        Ok(item)
    }

    #[inline(always)]
    fn pop_each(&mut self, max: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        let run = min(self.ready(max)?, max);
        let mut left = run;
        while left > 0 {
            // Not more at once than is given back at once: a long batch makes room on the way.
            let side_by_side = min(self.shared.slab.len() - self.index, self.shared.batch as usize);
            let now = min(left, side_by_side);
            self.take_run(now, &mut each);
            left -= now;
        }
        Ok(run)
    }

    #[inline(always)]
    fn pop_slice(&mut self, items: &mut [MaybeUninit<T>]) -> Result<usize, PopError> {
        let run = min(self.ready(items.len())?, items.len());
        let (left, right) = self.slices(run);
        let (into, rest) = items[..run].split_at_mut(left.len());
        // SAFETY: two buffers of equal length that can't overlap; the items move, since `advance` forgets the originals.
        unsafe { ptr::copy_nonoverlapping(left.as_ptr(), into.as_mut_ptr().cast(), left.len()) };
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(right.as_ptr(), rest.as_mut_ptr().cast(), right.len()) };
        self.advance(run);
        Ok(run)
    }

    fn peek(&mut self) -> Result<&T, PopError> {
        self.ready(1)?;
        Ok(&self.slices(1).0[0])
    }

    /// Always 0: what a single producer abandons is never seen.
    fn skipped(&self) -> u64 {
        0
    }

    fn capacity(&self) -> usize {
        self.shared.capacity
    }

    fn depth(&self) -> usize {
        // ORDER: Relaxed; a figure for people.
        self.shared.tail.load(Ordering::Relaxed).saturating_sub(self.head) as usize
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn is_closed(&self) -> bool {
        !self.shared.end.is_open()
    }

    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: as for the producer.
        into_last(unsafe { ptr::read(&this.shared) }).map(Remaining::new)
    }
}

impl<T: Send> Closes for Consumer<T> {
    fn close(&mut self) {
        self.shared.end.ask();
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("dense::Consumer").field("head", &self.head).finish_non_exhaustive()
    }
}
