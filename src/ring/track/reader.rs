//! A reader's side of a track: the consumer of an `spsc` ring, whoever has a lane's turn, or one consumer of a broadcast.
#![allow(unsafe_code)]

use std::cmp::min;

use super::{
    super::{
        PopError,
        distance::{self, Distance},
        end::Reached,
        lines::{Lines, Place},
    },
    Track,
};
use crate::sync::{AtomicU64, Ordering};

/// One reader's own knowledge. Every call takes its [`Track`], and the gate that this reader moves.
pub(in crate::ring) struct Reader<T> {
    place: Place<T>,
    /// The header as last seen, if it is of this lap; else the place's own stamp.
    seen: u64,
    /// Sequence at which slots are given back.
    give_back_at: u64,
    /// Stamp of the line at which there is more to do than to read: its end, or `give_back_at`.
    stop: u64,
    distance: Distance,
    /// Whether slots were given back since somebody asked.
    gave_back: bool,
    /// Whether the end was reached. The place looks at [`Track::nothing`] then.
    ended: bool,
}

// SAFETY: as for `Writer`.
unsafe impl<T: Send> Send for Reader<T> {}

impl<T> Reader<T> {
    /// Items from turn to turn, at most.
    pub(in crate::ring) const PER_TURN: usize = Lines::<T>::PER_LINE as usize;

    /// A reader of the items from `head` on.
    pub(in crate::ring) fn at(track: &Track<T>, head: u64) -> Self {
        let place = Place::of(&track.lines, head);
        let mut reader = Self {
            seen: place.stamp(),
            place,
            give_back_at: head + track.batch,
            stop: 0,
            distance: Distance::at(head),
            gave_back: false,
            ended: false,
        };
        reader.set_stop();
        reader
    }

    /// Sequence of the next item.
    #[inline(always)]
    pub(in crate::ring) fn head(&self) -> u64 {
        self.place.sequence()
    }

    /// The next item. Calls `after_turn` with [`gave_back`](Self::gave_back) where slots may have been given back, which is
    /// not with every item.
    #[inline(always)]
    pub(in crate::ring) fn pop(
        &mut self,
        track: &Track<T>,
        gate: &AtomicU64,
        mut after_turn: impl FnMut(&mut bool),
    ) -> Result<T, PopError> {
        // Read before the atomic load in `look`, which has the compiler forget what it knows of this reader.
        let (cell, next) = (self.place.cell(0), self.place.stamp() + 1);
        // A line's only item is looked for each time.
        if Lines::<T>::PER_LINE == 1 || next > self.seen {
            self.look(track, gate, &mut after_turn)?;
        }
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*cell };
        // SAFETY: `stamp < seen`: published; read once, because the next line moves past it.
        let item = unsafe { cell.for_read().read() };
        self.place.step_to(next);
        if Lines::<T>::PER_LINE == 1 || next == self.stop {
            self.turn(track, gate);
            after_turn(&mut self.gave_back);
        }
        Ok(item)
    }

    /// The next item, left in place.
    pub(in crate::ring) fn peek(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<&T, PopError> {
        if self.place.stamp() == self.stop {
            self.turn(track, gate);
        }
        if self.place.stamp() == self.seen {
            self.look(track, gate, |_| ())?;
        }
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*self.place.cell(0) };
        // SAFETY: published, and it stays until this reader, borrowed meanwhile, reads it.
        Ok(unsafe { &*cell.for_read() })
    }

    #[inline]
    pub(in crate::ring) fn pop_each(
        &mut self,
        track: &Track<T>,
        gate: &AtomicU64,
        max: usize,
        mut each: impl FnMut(T),
    ) -> Result<usize, PopError> {
        let mut left = max as u64;
        while left > 0 {
            if self.place.stamp() == self.seen {
                match self.look(track, gate, |_| ()) {
                    Ok(()) => {}
                    Err(error) if left == max as u64 => return Err(error),
                    Err(_) => break,
                }
            }
            let run = min(self.seen - self.place.stamp(), left);
            left -= run;
            self.take_run(track, gate, run, &mut each);
        }
        Ok(max - left as usize)
    }

    /// Hands out the next `run` items, which are published and in this line.
    #[inline(always)]
    fn take_run(&mut self, track: &Track<T>, gate: &AtomicU64, run: u64, each: &mut impl FnMut(T)) {
        /// Counts what was taken as read, also when the caller's code panics.
        struct Taken<'a, T>(&'a mut Reader<T>, &'a Track<T>, &'a AtomicU64, u64);
        impl<T> Drop for Taken<'_, T> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.place.advance(self.3);
                self.0.turn(self.1, self.2);
            }
        }

        let first = self.place.cell(0);
        let mut taken = Taken(self, track, gate, 0);
        while taken.3 < run {
            // SAFETY: cells live as long as the lines, and this one is in the same line as the first.
            let cell = unsafe { &*first.wrapping_add(taken.3 as usize) };
            taken.3 += 1;
            // SAFETY: published by the caller's word; read once, because it counts as taken from here on.
            each(unsafe { cell.for_read().read() });
        }
    }

    /// The next item, in place, and moves past it. Its slot is given back by a later call at the earliest.
    #[inline(always)]
    pub(in crate::ring) fn next(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<&T, PopError> {
        if self.place.stamp() == self.stop {
            self.turn(track, gate);
        }
        let (cell, next) = (self.place.cell(0), self.place.stamp() + 1);
        if next > self.seen {
            self.look(track, gate, |_| ())?;
        }
        // Not into the next line yet: what is due there waits for the next call.
        self.place.step_to(next);
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*cell };
        // SAFETY: published; the gate stays before it until a later call, and this reader is borrowed meanwhile.
        Ok(unsafe { &*cell.for_read() })
    }

    pub(in crate::ring) fn next_each(
        &mut self,
        track: &Track<T>,
        gate: &AtomicU64,
        max: usize,
        mut each: impl FnMut(&T),
    ) -> Result<usize, PopError> {
        let mut left = max as u64;
        while left > 0 {
            if self.place.stamp() == self.stop {
                self.turn(track, gate);
            }
            if self.place.stamp() == self.seen {
                match self.look(track, gate, |_| ()) {
                    Ok(()) => {}
                    Err(error) if left == max as u64 => return Err(error),
                    Err(_) => break,
                }
            }
            let run = min(min(self.seen, self.stop) - self.place.stamp(), left);
            left -= run;
            self.show_run(run, &mut each);
        }
        Ok(max - left as usize)
    }

    /// Shows the next `run` items, which are published and before `stop`.
    #[inline(always)]
    fn show_run(&mut self, run: u64, each: &mut impl FnMut(&T)) {
        /// Counts what was shown as seen, also when the caller's code panics.
        struct Shown<'a, T>(&'a mut Reader<T>, u64);
        impl<T> Drop for Shown<'_, T> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.place.advance(self.1);
            }
        }

        let first = self.place.cell(0);
        let mut shown = Shown(self, 0);
        while shown.1 < run {
            // SAFETY: cells live as long as the lines, and this one is in the same line as the first.
            let cell = unsafe { &*first.wrapping_add(shown.1 as usize) };
            shown.1 += 1;
            // SAFETY: published by the caller's word; the gate stays before it until the run is over.
            each(unsafe { &*cell.for_read() });
        }
    }

    /// Does what is due at `stop`.
    #[inline(always)]
    fn turn(&mut self, track: &Track<T>, gate: &AtomicU64) {
        self.release(track, gate);
        if Lines::<T>::PER_LINE == 1 || self.place.left_in_line() == 0 {
            let due = self.give_back_at - self.head();
            self.place.next_line(&track.lines);
            self.seen = self.place.stamp();
            self.stop = self.seen + min(Lines::<T>::PER_LINE, due);
        }
    }

    #[inline(always)]
    fn set_stop(&mut self) {
        self.stop = self.place.stamp() + min(self.place.left_in_line(), self.give_back_at - self.head());
    }

    /// Looks for items behind `head`.
    #[inline(always)]
    fn look(&mut self, track: &Track<T>, gate: &AtomicU64, after_turn: impl FnOnce(&mut bool)) -> Result<(), PopError> {
        let now = self.place.stamp();
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*self.place.header() };
        // ORDER: Acquire; the items up to the count are visible. Partner: the Release in `Writer::publish`.
        let stamp = header.load(Ordering::Acquire);
        if stamp <= now {
            let found = self.look_again(track, gate);
            after_turn(&mut self.gave_back);
            return found;
        }
        self.seen = stamp;
        if Lines::<T>::FEW_PER_LINE {
            let (place, stamp) = (&self.place, self.place.stamp());
            self.distance.keep(place.sequence(), track.capacity, || {
                // SAFETY: headers live as long as the lines.
                let ahead = unsafe { &*place.header_ahead(&track.lines, distance::AHEAD) };
                // ORDER: Relaxed; only how far the producer is.
                ahead.load(Ordering::Relaxed) < stamp
            });
        }
        Ok(())
    }

    #[cold]
    fn look_again(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<(), PopError> {
        if self.ended {
            return Err(PopError::Closed);
        }
        self.distance = Distance::at(self.head());
        if self.head() + track.batch != self.give_back_at {
            self.give_back(track, gate);
        }
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*self.place.header() };
        let now = self.place.stamp();
        // ORDER: Relaxed; only whether there is more. What there is, is loaded again below.
        match track.end.reached(self.head(), || header.load(Ordering::Relaxed) > now) {
            Reached::NotYet => Err(PopError::Empty),
            Reached::End => {
                self.ended = true;
                // An item that the producer took back may still show in the line's header.
                self.place.look_elsewhere(&track.nothing);
                Err(PopError::Closed)
            }
            Reached::More => {
                // ORDER: Acquire; as in `look`.
                self.seen = header.load(Ordering::Acquire);
                debug_assert!(self.seen > now);
                Ok(())
            }
        }
    }

    /// Gives slots back if enough have come together.
    #[inline(always)]
    pub(in crate::ring) fn release(&mut self, track: &Track<T>, gate: &AtomicU64) {
        if self.head() >= self.give_back_at {
            self.give_back(track, gate);
        }
    }

    /// Gives the slots of all items read back to the producer.
    #[cold]
    #[inline(never)]
    pub(in crate::ring) fn give_back(&mut self, track: &Track<T>, gate: &AtomicU64) {
        self.give_back_at = self.head() + track.batch;
        self.gave_back = true;
        // ORDER: Release; the reads of those slots are over. Partner: the Acquire with which the producer asks the gate.
        gate.store(self.head(), Ordering::Release);
        self.set_stop();
    }

    /// Whether slots were given back since this was cleared.
    #[inline(always)]
    pub(in crate::ring) fn gave_back(&mut self) -> &mut bool {
        &mut self.gave_back
    }

    /// Whether it has come to the end of the stream.
    pub(in crate::ring) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(in crate::ring) fn depth(&self, track: &Track<T>) -> usize {
        // What shows in the lines after the end was taken back.
        if self.ended { 0 } else { track.published_from(self.head()) as usize }
    }
}
