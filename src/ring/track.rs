//! One producer writing line-track items: what `spsc`, each of `lanes` and `broadcast` are built on.
//!
//! The track knows how items are laid down, published, found, and where the stream ends. It does not know who holds the
//! producer back: every call takes a *gate* for that, the sequence below which slots have been given back.
//!
//! # Source
//! FastForward for publishing inside the payload's line; MCRingBuffer (Lee, Bu, Chandranmenon, IPDPS 2010) for giving
//! slots back in batches.
#![allow(unsafe_code)]

use std::cmp::min;

use super::{
    Capacity, CapacityError, PopError, PushError,
    end::{End, Reached},
    lines::{Lines, Place},
};
use crate::sync::{AtomicU64, Ordering, Padded, prefetch_for_write, prepare_fences, spin};

/// What both sides share.
pub(super) struct Track<T> {
    lines: Lines<T>,
    /// Slots that are always usable.
    capacity: u64,
    /// Slots that may be taken beyond the gate: the capacity, and what a reader may be keeping back.
    hold: u64,
    /// A reader gives slots back in batches of so many.
    batch: u64,
    /// Where the producer stopped, once it is gone.
    tail: AtomicU64,
    end: Padded<End>,
}

impl<T> Track<T> {
    pub(super) fn new(capacity: Capacity) -> Result<Self, CapacityError> {
        prepare_fences();
        let capacity = capacity.slots()? as u64;
        let batch = give_back_batch(capacity);
        let hold = capacity + batch - 1;
        Ok(Self {
            // The producer must not come to a line again before every reader has left it, header and all.
            lines: Lines::for_slots(hold + Lines::<T>::PER_LINE - 1)?,
            capacity,
            hold,
            batch,
            tail: AtomicU64::new(0),
            end: Padded::new(End::new()),
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Slots that there are. The item of a sequence lies where the one so many sequences earlier lay.
    pub(super) fn slots(&self) -> u64 {
        self.lines.slots()
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines.bytes() + size_of::<Self>()
    }

    pub(super) fn is_open(&self) -> bool {
        self.end.is_open()
    }

    pub(super) fn ask_for_end(&self) {
        self.end.ask();
    }

    /// Items published from `sequence` on, of which nothing before it has been given back; as far as this thread can see.
    ///
    /// No word says so: the producer does not pay for the question. The lines do: from the one of `sequence` on they are
    /// full, up to the one that the producer has come to, which a binary search finds.
    pub(super) fn published_from(&self, sequence: u64) -> u64 {
        let start = Place::of(&self.lines, sequence);
        let lines = self.lines.count() as u64;
        let count = |line: u64| {
            // The first line counts from `sequence` on, the others from their start.
            let first =
                if line == 0 { sequence } else { sequence + start.left_in_line() + (line - 1) * Lines::<T>::PER_LINE };
            let place = Place::of(&self.lines, first);
            // SAFETY: headers live as long as the lines.
            let header = unsafe { &*place.header() };
            // ORDER: Relaxed; a figure for people.
            let stamp = header.load(Ordering::Relaxed);
            (first - sequence) + stamp.saturating_sub(place.stamp()).min(place.left_in_line())
        };
        let (mut full, mut beyond) = (0, lines);
        while beyond - full > 1 {
            let middle = full + (beyond - full) / 2;
            let before = sequence + start.left_in_line() + (middle - 1) * Lines::<T>::PER_LINE;
            if count(middle) > before - sequence { full = middle } else { beyond = middle }
        }
        count(full)
    }

    /// Where the producer stopped, once it is gone.
    pub(super) fn left_at(&self) -> u64 {
        // ORDER: Relaxed; whoever asks was handed the track by the producer, or by the drop of its pointer.
        self.tail.load(Ordering::Relaxed)
    }

    /// The place of the item of `sequence`. The caller takes it over: the item has been published and not read, and nobody
    /// else touches its slot, because it has been given back, or both sides are gone.
    pub(super) fn item(&self, sequence: u64) -> *mut T {
        // SAFETY: cells live as long as the lines.
        unsafe { &*Place::of(&self.lines, sequence).cell(0) }.for_write()
    }
}

/// Slots that a reader collects before it gives them back: an eighth of the ring, so that a producer that waits for room
/// then has a run of it, and the two don't fight for the cursor's line at every item.
pub(super) fn give_back_batch(capacity: u64) -> u64 {
    (capacity / 8).max(1)
}

/// The producer's own knowledge. Every call takes the [`Track`] that it is the one writer of.
pub(super) struct Writer<T> {
    /// Of the next item.
    place: Place<T>,
    /// Sequence up to which slots are free, by the gate as last seen; the next one, while a claim is open.
    until: u64,
    /// What `until` is again when the open claim ends as it should.
    claimed_until: u64,
}

// SAFETY: a place points into lines that the holder keeps alive; what is written through it are `T`s of that thread.
unsafe impl<T: Send> Send for Writer<T> {}

impl<T> Writer<T> {
    /// The first writer, or the next after one that [left](Self::leave).
    pub(super) fn resume(track: &Track<T>) -> Self {
        let tail = track.left_at();
        // The gate is asked before the first push, unless not so many slots have ever been taken.
        let until = tail.max(track.hold);
        Self { place: Place::of(&track.lines, tail), until, claimed_until: until }
    }

    /// Says where this writer stopped. Nothing may be pushed through it afterwards.
    pub(super) fn leave(&mut self, track: &Track<T>) {
        // ORDER: Relaxed; published by whoever hands the lane on, or drops the ring.
        track.tail.store(self.tail(), Ordering::Relaxed);
        track.end.end_claim();
    }

    /// Ends a claim that was forgotten.
    pub(super) fn end_claim(&mut self, track: &Track<T>) {
        track.end.end_claim();
    }

    /// Ends the stream here.
    pub(super) fn finish(&mut self, track: &Track<T>) {
        track.end.end_claim();
        track.end.settle(self.tail());
    }

    /// Pushes to a track of which anybody may ask the end.
    #[inline(always)]
    pub(super) fn push(&mut self, track: &Track<T>, gate: impl Fn() -> u64, item: T) -> Result<(), PushError<T>> {
        if !track.end.is_open() {
            track.end.settle(self.tail());
            return Err(PushError::Closed(item));
        }
        if !self.has_room(track, gate) {
            return Err(PushError::Full(item));
        }
        // SAFETY: there is room.
        unsafe { self.put(track, item) };
        if track.end.was_open() { Ok(()) } else { self.settle_in_flight(track) }
    }

    /// Somebody asked for the end while an item was being published: it is in, or it comes back.
    #[cold]
    fn settle_in_flight(&mut self, track: &Track<T>) -> Result<(), PushError<T>> {
        let last = self.tail() - 1;
        if track.end.settle(self.tail()) == self.tail() {
            return Ok(());
        }
        self.place = Place::of(&track.lines, last);
        // SAFETY: this item was written last; the stream ends before it, so the reader never touches it.
        Err(PushError::Closed(unsafe { track.item(last).read() }))
    }

    /// Whether the next slot is free.
    #[inline(always)]
    pub(super) fn has_room(&mut self, track: &Track<T>, gate: impl Fn() -> u64) -> bool {
        self.tail() != self.until || self.ask_gate(track, gate)
    }

    #[cold]
    #[inline(never)]
    fn ask_gate(&mut self, track: &Track<T>, gate: impl Fn() -> u64) -> bool {
        // A claim that is still open here was forgotten.
        track.end.end_claim();
        self.until = gate() + track.hold;
        self.tail() != self.until
    }

    /// Writes the next slot and publishes it.
    ///
    /// # Safety
    /// * There is room: [`has_room`](Self::has_room) said so last.
    #[inline(always)]
    pub(super) unsafe fn put(&mut self, track: &Track<T>, item: T) {
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*self.place.cell(0) };
        // SAFETY: the slot is free by the caller's word, and the producer is alone on free slots.
        unsafe { cell.for_write().write(item) };
        self.publish(track, 1);
    }

    /// Makes the next `items` slots, which are written and in this line, visible.
    #[inline(always)]
    fn publish(&mut self, track: &Track<T>, items: u64) {
        self.place.advance(items);
        // SAFETY: headers live as long as the lines.
        let header = unsafe { &*self.place.header() };
        // ORDER: Release publishes the items to the Acquire in `Reader::look`.
        header.store(self.place.stamp(), Ordering::Release);
        if self.place.left_in_line() == 0 {
            self.place.next_line(&track.lines);
            if Lines::<T>::PER_LINE > 1 {
                // The reader has had these lines last: ask for them before they are written. Two lines ahead was measured
                // best, and 17 % faster than none; no gain where each item has a header of its own.
                prefetch_for_write(self.place.header_ahead(&track.lines, 2));
            }
        }
    }

    #[inline]
    pub(super) fn push_iter(
        &mut self,
        track: &Track<T>,
        gate: impl Fn() -> u64,
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
            if !self.has_room(track, &gate) {
                let pushed = (self.tail() - start) as usize;
                return if pushed > 0 { Ok(pushed) } else { Err(PushError::Full(())) };
            }
            if !self.fill_line(track, items) {
                return Ok((self.tail() - start) as usize);
            }
        }
    }

    /// Fills the free slots of this line and publishes them; returns whether the iterator lasted.
    #[inline(always)]
    fn fill_line(&mut self, track: &Track<T>, items: &mut impl Iterator<Item = T>) -> bool {
        /// Publishes what was written, also when the iterator panics.
        struct Written<'a, T>(&'a mut Writer<T>, &'a Track<T>, u64);
        impl<T> Drop for Written<'_, T> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.publish(self.1, self.2);
            }
        }

        let (first, free) = (self.place.cell(0), min(self.place.left_in_line(), self.until - self.tail()));
        let mut written = Written(self, track, 0);
        while written.2 < free {
            let Some(item) = items.next() else { return false };
            // SAFETY: cells live as long as the lines, and this one is in the same line as the first.
            let cell = unsafe { &*first.wrapping_add(written.2 as usize) };
            // SAFETY: the slots up to `until` are free, and the producer is alone on free slots.
            unsafe { cell.for_write().write(item) };
            written.2 += 1;
        }
        true
    }

    pub(super) fn claim(
        &mut self,
        track: &Track<T>,
        gate: impl Fn() -> u64,
        max: usize,
    ) -> Result<usize, PushError<()>> {
        if !track.end.is_open() {
            track.end.settle(self.tail());
            return Err(PushError::Closed(()));
        }
        if !self.has_room(track, &gate) {
            return Err(PushError::Full(()));
        }
        if ((self.until - self.tail()) as usize) < max {
            self.until = gate() + track.hold;
        }
        if !track.end.begin_claim() {
            track.end.end_claim();
            return Err(PushError::Closed(()));
        }
        self.claimed_until = self.until;
        self.until = self.tail();
        Ok(min(self.claimed_until - self.tail(), max as u64) as usize)
    }

    /// The `nth` slot of the open claim.
    #[inline]
    pub(super) fn slot(&mut self, track: &Track<T>, nth: usize) -> *mut T {
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
    pub(super) fn commit(&mut self, track: &Track<T>, written: usize) {
        self.until = self.claimed_until;
        let mut written = written as u64;
        while written > 0 {
            let now = min(written, self.place.left_in_line());
            self.publish(track, now);
            written -= now;
        }
        track.end.end_claim();
    }

    /// Sequence of the next item.
    #[inline(always)]
    pub(super) fn tail(&self) -> u64 {
        self.place.sequence()
    }

    pub(super) fn depth(&self, gate: u64) -> usize {
        (self.tail() - gate) as usize
    }

    pub(super) fn room(&self, track: &Track<T>, gate: u64) -> usize {
        (track.hold - (self.tail() - gate)) as usize
    }
}

/// One reader's own knowledge. Every call takes its [`Track`], and the gate that this reader moves.
pub(super) struct Reader<T> {
    place: Place<T>,
    /// The header as last seen, if it is of this lap; else the place's own stamp.
    seen: u64,
    /// When `head` gets here, slots are given back.
    give_back_at: u64,
    /// Where this reader last found nothing.
    found_nothing_at: u64,
    /// Whether the end was reached: what the header says after that is not for this side.
    ended: bool,
}

// SAFETY: as for `Writer`.
unsafe impl<T: Send> Send for Reader<T> {}

impl<T> Reader<T> {
    /// A reader of the items from `head` on.
    pub(super) fn at(track: &Track<T>, head: u64) -> Self {
        let place = Place::of(&track.lines, head);
        Self { seen: place.stamp(), place, give_back_at: head + track.batch, found_nothing_at: head, ended: false }
    }

    /// Sequence of the next item.
    #[inline(always)]
    pub(super) fn head(&self) -> u64 {
        self.place.sequence()
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<T, PopError> {
        if self.place.stamp() == self.seen {
            self.look(track, gate)?;
        }
        // SAFETY: `stamp < seen`: published and not read.
        let item = unsafe { self.read(track) };
        self.release(track, gate);
        Ok(item)
    }

    /// The next item, left in place.
    pub(super) fn peek(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<&T, PopError> {
        if self.place.stamp() == self.seen {
            self.look(track, gate)?;
        }
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*self.place.cell(0) };
        // SAFETY: published, and it stays until this reader, borrowed meanwhile, reads it.
        Ok(unsafe { &*cell.for_read() })
    }

    #[inline]
    pub(super) fn pop_each(
        &mut self,
        track: &Track<T>,
        gate: &AtomicU64,
        max: usize,
        mut each: impl FnMut(T),
    ) -> Result<usize, PopError> {
        let mut left = max as u64;
        while left > 0 {
            if self.place.stamp() == self.seen {
                match self.look(track, gate) {
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
                self.0.advance(self.1, self.3);
                self.0.release(self.1, self.2);
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
    pub(super) fn next(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<&T, PopError> {
        self.release(track, gate);
        if self.place.stamp() == self.seen {
            self.look(track, gate)?;
        }
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*self.place.cell(0) };
        self.advance(track, 1);
        // SAFETY: published; the gate stays before it until a later call, and this reader is borrowed meanwhile.
        Ok(unsafe { &*cell.for_read() })
    }

    pub(super) fn next_each(
        &mut self,
        track: &Track<T>,
        gate: &AtomicU64,
        max: usize,
        mut each: impl FnMut(&T),
    ) -> Result<usize, PopError> {
        for seen in 0..max {
            match self.next(track, gate) {
                Ok(item) => each(item),
                Err(error) if seen == 0 => return Err(error),
                Err(_) => return Ok(seen),
            }
        }
        Ok(max)
    }

    /// Moves past `items` of this line.
    #[inline(always)]
    fn advance(&mut self, track: &Track<T>, items: u64) {
        self.place.advance(items);
        if self.place.left_in_line() == 0 {
            self.place.next_line(&track.lines);
            self.seen = self.place.stamp();
        }
    }

    /// # Safety
    /// * `stamp < seen`.
    #[inline(always)]
    unsafe fn read(&mut self, track: &Track<T>) -> T {
        // SAFETY: cells live as long as the lines.
        let cell = unsafe { &*self.place.cell(0) };
        self.advance(track, 1);
        // SAFETY: published by the caller's word; read once, because the place is past it.
        unsafe { cell.for_read().read() }
    }

    /// Looks for items behind `head`.
    #[inline]
    fn look(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<(), PopError> {
        // After the end an item that the producer took back may still show in the header.
        if !self.ended {
            // SAFETY: headers live as long as the lines.
            let header = unsafe { &*self.place.header() };
            // ORDER: Acquire; the items up to the count are visible. Partner: the Release in `Writer::publish`.
            let stamp = header.load(Ordering::Acquire);
            if stamp > self.place.stamp() {
                self.seen = stamp;
                if Lines::<T>::PER_LINE == 1 {
                    self.keep_distance(track);
                }
                return Ok(());
            }
        }
        self.look_again(track, gate)
    }

    /// Lets the producer of a stream run ahead when this reader is at its heels.
    ///
    /// Large items share cache lines with their neighbours. Right behind the producer every read takes a line away from it
    /// that it is about to write; a pause of some hundred nanoseconds, once it has run on for 16 items without finding
    /// nothing, makes both of them run: near, 64 B, 10 to 3.6 ns an item. Where items come one by one nothing pauses.
    #[inline(always)]
    fn keep_distance(&mut self, track: &Track<T>) {
        const STREAM: u64 = 16;
        const LINES_AHEAD: usize = 8;
        const PAUSES: u32 = 16;

        if self.head() - self.found_nothing_at >= STREAM {
            // SAFETY: headers live as long as the lines.
            let ahead = unsafe { &*self.place.header_ahead(&track.lines, LINES_AHEAD) };
            // ORDER: Relaxed; only how far the producer is.
            if ahead.load(Ordering::Relaxed) < self.place.stamp() {
                spin(PAUSES);
            }
        }
    }

    #[cold]
    fn look_again(&mut self, track: &Track<T>, gate: &AtomicU64) -> Result<(), PopError> {
        if self.ended {
            return Err(PopError::Closed);
        }
        self.found_nothing_at = self.head();
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
    pub(super) fn release(&mut self, track: &Track<T>, gate: &AtomicU64) {
        if self.head() >= self.give_back_at {
            self.give_back(track, gate);
        }
    }

    /// Gives the slots of all items read back to the producer.
    #[inline]
    pub(super) fn give_back(&mut self, track: &Track<T>, gate: &AtomicU64) {
        self.give_back_at = self.head() + track.batch;
        // ORDER: Release; the reads of those slots are over. Partner: the Acquire with which the producer asks the gate.
        gate.store(self.head(), Ordering::Release);
    }

    pub(super) fn depth(&self, track: &Track<T>) -> usize {
        track.published_from(self.head()) as usize
    }
}
