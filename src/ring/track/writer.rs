//! The producer's side of a track.
#![allow(unsafe_code)]

use std::cmp::min;

use super::{
    super::{
        PushError,
        lines::{Lines, Place},
    },
    Track,
};
use crate::sync::{Ordering, prefetch_for_write};

/// The producer's own knowledge. Every call takes the [`Track`] that it is the one writer of.
pub(in crate::ring) struct Writer<T> {
    /// Of the next item.
    place: Place<T>,
    /// Stamp up to which slots of this line are free.
    until: u64,
    /// Sequence up to which slots are free, by the gate as last seen; the next one, while a claim is open.
    limit: u64,
    /// What `limit` is again when the open claim ends as it should.
    claimed_limit: u64,
}

// SAFETY: a place points into lines that the holder keeps alive; what is written through it are `T`s of that thread.
unsafe impl<T: Send> Send for Writer<T> {}

impl<T> Writer<T> {
    /// The first writer, or the next after one that [left](Self::leave).
    pub(in crate::ring) fn resume(track: &Track<T>) -> Self {
        let tail = track.left_at();
        // The gate is asked before the first push, unless not so many slots have ever been taken.
        let (place, limit) = (Place::of(&track.lines, tail), tail.max(track.hold));
        Self { until: place.stamp(), place, limit, claimed_limit: limit }
    }

    /// Says where this writer stopped. Nothing may be pushed through it afterwards.
    pub(in crate::ring) fn leave(&mut self, track: &Track<T>) {
        // ORDER: Relaxed; published by whoever hands the lane on, or drops the ring.
        track.tail.store(self.tail(), Ordering::Relaxed);
        track.end.end_claim();
    }

    /// Ends a claim that was forgotten.
    pub(in crate::ring) fn end_claim(&mut self, track: &Track<T>) {
        track.end.end_claim();
    }

    /// Ends the stream here.
    pub(in crate::ring) fn finish(&mut self, track: &Track<T>) {
        track.end.end_claim();
        track.end.settle(self.tail());
    }

    /// Pushes to a track of which anybody may ask the end.
    #[inline(always)]
    pub(in crate::ring) fn push(
        &mut self,
        track: &Track<T>,
        gate: impl Fn(u64) -> u64,
        item: T,
    ) -> Result<(), PushError<T>> {
        // In this order: room that a consumer made after it had closed must not be used.
        if !self.has_room(track, gate) {
            return Err(self.refusal(track).map(|()| item));
        }
        // SAFETY: there is room.
        match unsafe { self.put_if(item, || track.end.is_open()) } {
            Ok(()) if track.end.was_open() => Ok(()),
            Ok(()) => self.settle_in_flight(track),
            Err(item) => Err(self.refusal(track).map(|()| item)),
        }
    }

    /// Why nothing was put in, after room was looked for.
    #[cold]
    #[inline(never)]
    fn refusal(&mut self, track: &Track<T>) -> PushError<()> {
        if track.end.is_open() {
            return PushError::Full(());
        }
        track.end.settle(self.tail());
        PushError::Closed(())
    }

    /// Somebody asked for the end while an item was being published: it is in, or it comes back.
    #[cold]
    #[inline(never)]
    fn settle_in_flight(&mut self, track: &Track<T>) -> Result<(), PushError<T>> {
        let last = self.tail() - 1;
        if track.end.settle(self.tail()) == self.tail() {
            return Ok(());
        }
        self.place = Place::of(&track.lines, last);
        self.until = self.place.stamp();
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*self.place.header() };
        // ORDER: Relaxed; the reader is at the end and looks at no header any more: this is for who asks for the depth.
        header.store(self.place.stamp(), Ordering::Relaxed);
        // SAFETY: this item was written last; the stream ends before it, so the reader never touches it.
        Err(PushError::Closed(unsafe { track.item(last).read() }))
    }

    /// Whether the next slot is free; if so it is in the current line.
    #[inline(always)]
    pub(in crate::ring) fn has_room(&mut self, track: &Track<T>, gate: impl Fn(u64) -> u64) -> bool {
        self.place.stamp() != self.until || self.find_room(track) || self.find_room_anew(track, gate)
    }

    /// As [`has_room`](Self::has_room), in the middle of a claim, which stays open.
    #[inline(always)]
    fn has_room_in_claim(&mut self, track: &Track<T>, gate: impl Fn(u64) -> u64) -> bool {
        self.place.stamp() != self.until || self.find_room(track) || self.ask_gate(track, gate)
    }

    /// Finds free slots, in the next line if this one is full, as far as the gate last seen allows.
    #[inline(always)]
    fn find_room(&mut self, track: &Track<T>) -> bool {
        if self.place.left_in_line() == 0 {
            self.next_line(track);
        }
        self.until = self.place.stamp() + min(self.place.left_in_line(), self.limit - self.tail());
        self.place.stamp() != self.until
    }

    #[inline(always)]
    fn next_line(&mut self, track: &Track<T>) {
        self.place.next_line(&track.lines);
        // The reader has had these lines last: ask for them before they are written. Eight items ahead, and two lines at the
        // least, was measured best: none is 17 % slower with the smallest items, and 12 % with those of 64 bytes.
        const ITEMS_AHEAD: usize = 8;
        let ahead = (ITEMS_AHEAD / Lines::<T>::PER_LINE as usize).max(2);
        prefetch_for_write(self.place.header_ahead(&track.lines, ahead));
    }

    #[cold]
    #[inline(never)]
    fn find_room_anew(&mut self, track: &Track<T>, gate: impl Fn(u64) -> u64) -> bool {
        // A claim that is still open here was forgotten.
        track.end.end_claim();
        self.ask_gate(track, gate)
    }

    #[cold]
    fn ask_gate(&mut self, track: &Track<T>, gate: impl Fn(u64) -> u64) -> bool {
        self.limit = gate(self.tail()) + track.hold;
        self.find_room(track)
    }

    /// Writes the next slot and publishes it.
    ///
    /// # Safety
    /// * There is room: [`has_room`](Self::has_room) said so last.
    #[inline(always)]
    pub(in crate::ring) unsafe fn put(&mut self, item: T) {
        // SAFETY: the caller's word.
        let _ = unsafe { self.put_if(item, || true) };
    }

    /// The same, unless `may` says no: then the item comes back.
    ///
    /// # Safety
    /// * As for [`put`](Self::put).
    #[inline(always)]
    unsafe fn put_if(&mut self, item: T, may: impl FnOnce() -> bool) -> Result<(), T> {
        // Read before `may`, whose atomic load has the compiler forget what it knows of this writer.
        let (header, cell, published) = (self.place.header(), self.place.cell(0), self.place.stamp() + 1);
        if !may() {
            return Err(item);
        }
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*cell };
        // SAFETY: the slot is free by the caller's word, and the producer is alone on free slots.
        unsafe { cell.for_write().write(item) };
        self.place.step_to(published);
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*header };
        // ORDER: Release publishes the item to the Acquire in `Reader::look`.
        header.store(published, Ordering::Release);
        Ok(())
    }

    /// Makes the next `items` slots, which are written and in this line, visible.
    #[inline(always)]
    fn publish(&mut self, items: u64) {
        self.place.advance(items);
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*self.place.header() };
        // ORDER: Release publishes the items to the Acquire in `Reader::look`.
        header.store(self.place.stamp(), Ordering::Release);
    }

    #[inline]
    pub(in crate::ring) fn push_iter(
        &mut self,
        track: &Track<T>,
        gate: impl Fn(u64) -> u64,
        items: &mut impl Iterator<Item = T>,
    ) -> Result<usize, PushError<()>> {
        /// Ends the claim, also when the iterator panics.
        struct Claiming<'a, T>(&'a Track<T>);
        impl<T> Drop for Claiming<'_, T> {
            fn drop(&mut self) {
                self.0.end.end_claim();
            }
        }

        if items.size_hint().1 == Some(0) {
            return Ok(0);
        }
        let open = track.end.begin_claim();
        let _claiming = Claiming(track);
        if !open {
            return Err(PushError::Closed(()));
        }
        let start = self.tail();
        loop {
            if !self.has_room_in_claim(track, &gate) {
                let pushed = (self.tail() - start) as usize;
                return if pushed > 0 { Ok(pushed) } else { Err(PushError::Full(())) };
            }
            // As in `push`: room made after a close is not for a batch that has none yet.
            if self.tail() == start && !track.end.is_open() {
                return Err(PushError::Closed(()));
            }
            if !self.fill_line(items) {
                return Ok((self.tail() - start) as usize);
            }
        }
    }

    /// Fills the free slots of this line and publishes them; returns whether the iterator lasted.
    #[inline(always)]
    fn fill_line(&mut self, items: &mut impl Iterator<Item = T>) -> bool {
        /// Publishes what was written, also when the iterator panics.
        struct Written<'a, T>(&'a mut Writer<T>, u64);
        impl<T> Drop for Written<'_, T> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.publish(self.1);
            }
        }

        let (first, free) = (self.place.cell(0), self.until - self.place.stamp());
        let mut written = Written(self, 0);
        while written.1 < free {
            let Some(item) = items.next() else { return false };
            // SAFETY: cells live as long as the lines, and this one is in the same line as the first.
            let cell = unsafe { &*first.wrapping_add(written.1 as usize) };
            // SAFETY: the slots up to `until` are free, and the producer is alone on free slots.
            unsafe { cell.for_write().write(item) };
            written.1 += 1;
        }
        true
    }

    pub(in crate::ring) fn claim(
        &mut self,
        track: &Track<T>,
        gate: impl Fn(u64) -> u64,
        max: usize,
    ) -> Result<usize, PushError<()>> {
        if !track.end.is_open() {
            track.end.settle(self.tail());
            return Err(PushError::Closed(()));
        }
        if !self.has_room(track, &gate) {
            return Err(PushError::Full(()));
        }
        if ((self.limit - self.tail()) as usize) < max {
            self.limit = gate(self.tail()) + track.hold;
        }
        if !track.end.begin_claim() {
            track.end.end_claim();
            return Err(PushError::Closed(()));
        }
        self.claimed_limit = self.limit;
        (self.limit, self.until) = (self.tail(), self.place.stamp());
        Ok(min(self.claimed_limit - self.tail(), max as u64) as usize)
    }

    /// The `nth` slot of the open claim.
    #[inline]
    pub(in crate::ring) fn slot(&mut self, track: &Track<T>, nth: usize) -> *mut T {
        let nth = nth as u64;
        let cell = if nth < self.place.left_in_line() {
            self.place.cell(nth)
        } else {
            Place::of(&track.lines, self.tail() + nth).cell(0)
        };
        // SAFETY: cells live as long as the lines.
        unsafe { &*cell }.for_write()
    }

    /// Ends the open claim with its first `written` slots published.
    #[inline]
    pub(in crate::ring) fn commit(&mut self, track: &Track<T>, written: usize) {
        self.limit = self.claimed_limit;
        let mut written = written as u64;
        while written > 0 {
            if self.place.left_in_line() == 0 {
                self.next_line(track);
            }
            let now = min(written, self.place.left_in_line());
            self.publish(now);
            written -= now;
        }
        self.until = self.place.stamp();
        track.end.end_claim();
    }

    /// Sequence of the next item.
    #[inline(always)]
    pub(in crate::ring) fn tail(&self) -> u64 {
        self.place.sequence()
    }

    pub(in crate::ring) fn depth(&self, gate: u64) -> usize {
        (self.tail() - gate) as usize
    }

    pub(in crate::ring) fn room(&self, track: &Track<T>, gate: u64) -> usize {
        (track.hold - (self.tail() - gate)) as usize
    }
}
