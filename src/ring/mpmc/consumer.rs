//! The consumer of an `mpmc` ring: claims runs of items, and keeps those in hand that the caller has not asked for yet.
#![allow(unsafe_code)]

use std::{
    fmt,
    mem::{self, ManuallyDrop},
    ptr,
};

use super::{
    super::{
        Closes, PopError, Remaining,
        distance::{self, Distance},
        sealed::{MakesRoom, Sealed},
        stamped::{Stamped, State},
        stash::Stash,
    },
    Left, Storage,
};
use crate::sync::{Arc, Backoff, Ordering, into_last};

/// The end that takes items out of an [`mpmc()`](super::mpmc()) ring; `Clone` it for more. Its calls are those of
/// [`Consumer`](crate::ring::Consumer).
///
/// Batches, and `peek`, take a short run of items into this end's hands first, so that no slot waits for the caller's code.
/// What a panicking closure left there is this end's to pop next. An end that is dropped with items in hand leaves them to the
/// others: whoever finds nothing in the ring takes them up. So they come late, and not to an end that was told
/// [`Closed`](PopError::Closed) before, nor to a clone of that: if there is no other they stay inside, for
/// [`into_remaining`](crate::ring::Consumer::into_remaining).
pub struct Consumer<T> {
    shared: Arc<Storage<T>>,
    stash: Stash<T>,
    distance: Distance,
    /// Whether this end was told `Closed`: then that stays so, whatever others leave behind.
    told_end: bool,
}

impl<T> Consumer<T> {
    /// For a consumer that has been counted.
    pub(super) fn new(shared: Arc<Storage<T>>) -> Self {
        Self { shared, stash: Stash::new(), distance: Distance::at(0), told_end: false }
    }

    /// Claims up to `max` items from the head on, at least one; returns the first sequence and how many.
    #[inline(always)]
    fn take(&mut self, max: u64) -> Result<(u64, u64), PopError> {
        let (shared, stamped) = (&*self.shared, &self.shared.stamped);
        let backoff = Backoff::new();
        let mut head = shared.head();
        loop {
            match stamped.slot(head).state(head) {
                State::Full => {
                    if Stamped::<T>::IS_LARGE {
                        let ahead = head + distance::AHEAD as u64;
                        let is_near = || matches!(stamped.slot(ahead).state(ahead), State::Free | State::Behind);
                        self.distance.keep(head, stamped.capacity(), is_near);
                    }
                    let mut run = 1;
                    while run < max && stamped.slot(head + run).state(head + run) == State::Full {
                        run += 1;
                    }
                    match shared.take(head, run) {
                        Ok(()) => return Ok((head, run)),
                        Err(seen) => head = seen,
                    }
                }
                State::Hole => {
                    match shared.take(head, 1) {
                        Ok(()) => {
                            stamped.slot(head).free(head + stamped.lap());
                            stamped.skipped.add(1);
                            head += 1;
                        }
                        Err(seen) => head = seen,
                    }
                    continue;
                }
                State::Ahead => head = shared.head(),
                State::Free | State::Behind => {
                    self.distance = Distance::at(head);
                    return Err(if stamped.ends_at(head) { PopError::Closed } else { PopError::Empty });
                }
            }
            backoff.snooze();
        }
    }

    /// Takes up to `max` items into this end's hands, at least one.
    #[inline]
    fn fill_stash(&mut self, max: usize) -> Result<(), PopError> {
        let (start, run) = match self.take(max.min(self.stash.capacity()) as u64) {
            Ok(run) => run,
            Err(nothing) => return self.take_up(nothing),
        };
        let shared = &self.shared;
        let empty = |nth: usize, place: *mut T| {
            let sequence = start + nth as u64;
            let slot = shared.stamped.slot(sequence);
            // SAFETY: `take` made these committed slots this thread's. The item moves from place to place without passing
            // over the stack, and the slot is freed behind it.
            unsafe { slot.cell().for_read().copy_to_nonoverlapping(place, 1) };
            slot.free(sequence + shared.stamped.lap());
        };
        // SAFETY: `empty` writes the place it is given.
        unsafe { self.stash.fill(run as usize, empty) };
        Ok(())
    }

    /// Nothing is in the ring: takes into this end's hands, which are empty, what another was dropped with.
    #[cold]
    fn take_up(&mut self, nothing: PopError) -> Result<(), PopError> {
        if self.told_end {
            return Err(nothing);
        }
        self.stash = self.shared.abandoned.take().ok_or(nothing)?;
        Ok(())
    }

    /// The answer of a call that has no item: every `Closed` is said through here.
    #[inline]
    fn tell(&mut self, nothing: PopError) -> PopError {
        self.told_end |= nothing == PopError::Closed;
        nothing
    }

    /// As `pop_each`, for one that may keep to itself that nothing will come.
    #[inline(always)]
    fn pop_run(&mut self, max: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        let mut popped = 0;
        while popped < max {
            if self.stash.is_empty() {
                match self.fill_stash(max - popped) {
                    Ok(()) => {}
                    Err(_) if popped > 0 => break,
                    Err(nothing) => return Err(nothing),
                }
            }
            while popped < max
                && let Some(item) = self.stash.pop()
            {
                popped += 1;
                each(item);
            }
        }
        Ok(popped)
    }

    /// Takes the oldest item out, with its sequence. Whoever is alone at this side learns from a jump how many items were
    /// [displaced](crate::ring::Displace) before it.
    ///
    /// # Errors
    /// As [`try_pop`](crate::ring::Consumer::try_pop).
    ///
    /// # Panics
    /// If a batch or `peek` left items in this end's hands: their sequences are forgotten.
    #[inline(always)]
    pub fn try_pop_sequenced(&mut self) -> Result<(u64, T), PopError> {
        assert!(self.stash.is_empty(), "items in hand have no sequence");
        let (sequence, _) = self.take(1).map_err(|nothing| self.tell(nothing))?;
        // SAFETY: `take` made this committed slot this thread's.
        Ok((sequence, unsafe { self.shared.empty(sequence) }))
    }

    fn leave(&mut self) {
        // ORDER: Relaxed; the count decides who closes, and the tail's own order what the close covers.
        if self.shared.consumers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.stamped.close();
        }
    }
}

impl<T> Sealed for Consumer<T> {}

impl<T: Send> MakesRoom for Consumer<T> {
    /// Every pop makes room at once, and may have skipped tombstones if it finds nothing.
    #[inline(always)]
    fn made_room(&mut self, mut tell: impl FnMut(usize)) {
        tell(0);
    }

    fn end(&mut self) {
        self.shared.stamped.close();
    }

    fn in_hand(&self) -> usize {
        self.stash.len()
    }
}

impl<T: Send> crate::ring::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Left<T>;

    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        if let Some(item) = self.stash.pop() {
            return Ok(item);
        }
        match self.take(1) {
            // SAFETY: `take` made this committed slot this thread's.
            Ok((sequence, _)) => Ok(unsafe { self.shared.empty(sequence) }),
            Err(nothing) => {
                self.take_up(nothing).map_err(|nothing| self.tell(nothing))?;
                self.stash.pop().ok_or(nothing)
            }
        }
    }

    #[inline(always)]
    fn pop_each(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        self.pop_run(max, each).map_err(|nothing| self.tell(nothing))
    }

    #[inline(always)]
    fn pop_more(&mut self, max: usize, each: impl FnMut(T)) -> usize {
        self.pop_run(max, each).unwrap_or(0)
    }

    fn peek(&mut self) -> Result<&T, PopError> {
        if self.stash.is_empty() {
            self.fill_stash(1).map_err(|nothing| self.tell(nothing))?;
        }
        self.stash.peek().ok_or(PopError::Empty)
    }

    /// Tombstones that the consumers of this ring have skipped so far.
    fn skipped(&self) -> u64 {
        self.shared.stamped.skipped.get()
    }

    fn capacity(&self) -> usize {
        self.shared.stamped.capacity() as usize
    }

    /// Items inside, open claims included, those in this end's hands, and those that were left by others, whether they will
    /// come to this end or not.
    fn depth(&self) -> usize {
        self.shared.depth() + self.shared.abandoned.items() + self.stash.len()
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn is_closed(&self) -> bool {
        self.shared.stamped.is_closed()
    }

    fn into_remaining(self) -> Option<Remaining<Left<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once.
        let shared = unsafe { ptr::read(&this.shared) };
        // SAFETY: as above, for the stash; nothing else in it owns anything.
        let stash = unsafe { ptr::read(&this.stash) };
        Left::of(Some(stash), into_last(shared))
    }
}

impl<T: Send> Closes for Consumer<T> {
    fn close(&mut self) {
        self.shared.stamped.close();
    }
}

impl<T> Clone for Consumer<T> {
    /// Another consumer of the same items; what is in this end's hands stays there.
    fn clone(&self) -> Self {
        // ORDER: Relaxed; this end keeps the count above zero meanwhile.
        self.shared.consumers.fetch_add(1, Ordering::Relaxed);
        let mut clone = Self::new(Arc::clone(&self.shared));
        clone.told_end = self.told_end;
        clone
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        if !self.stash.is_empty() {
            self.shared.abandoned.put(mem::replace(&mut self.stash, Stash::none()));
        }
        self.leave();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("mpmc::Consumer").field("depth", &self.shared.depth()).finish_non_exhaustive()
    }
}
