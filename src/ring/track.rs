//! One producer writing line-track items: what `spsc`, each of `lanes` and `broadcast` are built on.
//!
//! The track knows how items are laid down, published, found, and where the stream ends. It does not know who holds the
//! producer back: every call takes a *gate* for that, the sequence below which slots have been given back.
//!
//! # Source
//! FastForward for publishing inside the payload's line; MCRingBuffer (Lee, Bu, Chandranmenon, IPDPS 2010) for giving
//! slots back in batches.
#![allow(unsafe_code)]

use super::{
    Capacity, CapacityError,
    end::End,
    lines::{Lines, Place},
};
use crate::sync::{AtomicU64, Ordering, prepare_fences};

mod reader;
mod writer;

pub(super) use self::{reader::Reader, writer::Writer};

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
    end: End,
    /// The header of a line in which nothing is published, for a reader that has come to the end.
    nothing: AtomicU64,
}

impl<T> Track<T> {
    pub(super) fn new(capacity: Capacity) -> Result<Self, CapacityError> {
        prepare_fences();
        let capacity = capacity.slots()? as u64;
        let batch = give_back_batch(capacity);
        let hold = capacity + kept_back(capacity);
        Ok(Self {
            // The producer must not come to a line again before every reader has left it, header and all.
            lines: Lines::for_slots(hold + Lines::<T>::PER_LINE - 1)?,
            capacity,
            hold,
            batch,
            tail: AtomicU64::new(0),
            end: End::new(),
            nothing: AtomicU64::new(0),
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
    /// full, up to the one that the producer has come to, which a binary search finds. Where slots were given back and
    /// filled anew meanwhile, every line looks full.
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
        count(full).min(self.hold)
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

/// Slots that a reader collects before it gives them back: half the ring, so that a producer that waits for room then has
/// a long run of it, and the two rarely touch the cursor's line. An eighth was measured 20 to 30 % slower.
pub(super) fn give_back_batch(capacity: u64) -> u64 {
    (capacity / 2).max(1)
}

/// Slots beyond the capacity, so that it is free for certain whatever a reader keeps back. One more than could be kept
/// back, because an even number keeps the batches of a dense ring apart at cache lines.
pub(super) fn kept_back(capacity: u64) -> u64 {
    match give_back_batch(capacity) {
        1 => 0,
        batch => batch,
    }
}
