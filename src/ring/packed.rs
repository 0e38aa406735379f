//! A track with one reader, whose head is the gate: what an `spsc` ring is, and each of `lanes`.
use super::{Capacity, CapacityError, leftover::drop_all, sealed::Leftover, track::Track};
use crate::sync::{AtomicU64, Ordering, Padded};

/// What the two sides share.
pub struct Packed<T> {
    pub(super) track: Track<T>,
    /// Sequences below it were read, and their slots given back.
    pub(super) head: Padded<AtomicU64>,
}

impl<T> Packed<T> {
    pub(super) fn new(capacity: Capacity) -> Result<Self, CapacityError> {
        Ok(Self { track: Track::new(capacity)?, head: Padded::new(AtomicU64::new(0)) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.track.bytes() + size_of::<Self>() - size_of::<Track<T>>()
    }

    /// The gate, as the producer asks for it.
    #[inline(always)]
    pub(super) fn gate(&self) -> u64 {
        // ORDER: Acquire; the reader is done with the slots below. Partner: the Release in `Reader::give_back`.
        self.head.load(Ordering::Acquire)
    }
}

impl<T> Leftover for Packed<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        // Both sides are gone, and have said where they stopped.
        let head = self.gate();
        if head == self.track.left_at() {
            return None;
        }
        // ORDER: Relaxed; `&mut self`.
        self.head.store(head + 1, Ordering::Relaxed);
        Some(self.track.item(head))
    }
}

impl<T> Drop for Packed<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}
