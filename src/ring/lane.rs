//! One lane of a `lanes` ring: a producer's track, and the turn to read it.
#![allow(unsafe_code)]

use super::{Capacity, CapacityError, packed::Packed, track::Reader};
use crate::sync::{AtomicBool, AtomicU64, Cell, Ordering, Padded};

/// One producer's track, and what the consumers know of it.
pub(super) struct Lane<T> {
    pub(super) packed: Packed<T>,
    turn: Padded<Taken>,
    /// Touched by whoever has the turn, or is alone.
    reader: Cell<Reader<T>>,
}

/// What is told of a lane's turn; on one line, which whoever has the turn writes anyway.
struct Taken {
    /// Whether a consumer is reading. Not used by a lone consumer, except to keep what it peeked at.
    now: AtomicBool,
    /// Whether a consumer came by meanwhile, maybe called for an item that came after the reader had looked.
    passed_by: AtomicBool,
    /// Where the reader stood after the last turn, or [`ENDED`]: a figure for those who have not got it.
    head: AtomicU64,
}

/// What a reader tells that has seen the end: what still shows in the lines was taken back.
const ENDED: u64 = u64::MAX;

impl<T> Lane<T> {
    pub(super) fn new(capacity: Capacity) -> Result<Self, CapacityError> {
        let packed = Packed::new(capacity)?;
        let reader = Cell::of(Reader::at(&packed.track, 0));
        let turn = Taken { now: AtomicBool::new(false), passed_by: AtomicBool::new(false), head: AtomicU64::new(0) };
        Ok(Self { packed, turn: Padded::new(turn), reader })
    }

    /// Items that lie here, as far as consumers have told. It takes no turn: a consumer that came by meanwhile would sleep on
    /// an item that nobody takes.
    pub(super) fn depth(&self) -> usize {
        // ORDER: Relaxed; a figure.
        match self.turn.head.load(Ordering::Relaxed) {
            ENDED => 0,
            told => self.packed.track.published_from(told.max(self.packed.gate())) as usize,
        }
    }

    /// A consumer passes by, since the turn is another's: whoever finds nothing after that turn looks again.
    pub(super) fn pass_by(&self) {
        // ORDER: Release; what this consumer was called for is visible. Partner: the Acquire in `was_passed_by`.
        self.turn.passed_by.store(true, Ordering::Release);
    }

    /// Whether a consumer passed by, and nobody reads any more; tells it once. Behind a `full_fence`.
    pub(super) fn was_passed_by(&self) -> bool {
        // ORDER: Relaxed; the fence before it orders both after this end's own turn, and after its own `pass_by`.
        let told = !self.turn.now.load(Ordering::Relaxed) && self.turn.passed_by.load(Ordering::Relaxed);
        // ORDER: Acquire; what the last who passed by was called for is visible. Partner: the Release in `pass_by`.
        told && self.turn.passed_by.swap(false, Ordering::Acquire)
    }
}

// SAFETY: the reader is touched under the turn only, and a track hands its items to one thread at a time.
unsafe impl<T: Send> Sync for Lane<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Lane<T> {}

/// A lane whose reader is this consumer's, until it is dropped.
pub(super) struct Turn<'a, T> {
    lane: &'a Lane<T>,
    /// Whether the turn was taken, and must be given up.
    taken: bool,
}

impl<'a, T> Turn<'a, T> {
    /// The turn of a consumer that is alone.
    ///
    /// # Safety
    /// * There is no other consumer.
    #[inline(always)]
    pub(super) unsafe fn of_lone(lane: &'a Lane<T>) -> Self {
        Self { lane, taken: false }
    }

    /// The turn that this consumer [kept](Self::keep).
    ///
    /// # Safety
    /// * It has not been ended since.
    pub(super) unsafe fn kept(lane: &'a Lane<T>) -> Self {
        Self { lane, taken: true }
    }

    /// Tells where the reader stands.
    pub(super) fn tell(&mut self) {
        let reader = self.reader().0;
        let head = if reader.has_ended() { ENDED } else { reader.head() };
        // ORDER: Relaxed; a figure.
        self.lane.turn.head.store(head, Ordering::Relaxed);
    }

    /// The turn, unless it is another's.
    #[inline(always)]
    pub(super) fn take(lane: &'a Lane<T>) -> Option<Self> {
        // ORDER: Acquire; the last reader's words are visible. Partner: the Release in `drop`. The load, and a failure,
        // only say that somebody else reads.
        let taken = !lane.turn.now.load(Ordering::Relaxed)
            && lane.turn.now.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        taken.then(|| Self { lane, taken })
    }

    #[inline(always)]
    pub(super) fn reader(&mut self) -> (&mut Reader<T>, &Packed<T>) {
        // SAFETY: the reader was initialised with the lane, and is this consumer's for as long as the turn lasts.
        (unsafe { &mut *self.lane.reader.for_write() }, &self.lane.packed)
    }

    /// Leaves the turn taken, beyond this call.
    pub(super) fn keep(self) -> (&'a mut Reader<T>, &'a Packed<T>) {
        if !self.taken {
            // ORDER: Relaxed; a lone consumer's own note. Another that comes later is cloned from it, after this.
            self.lane.turn.now.store(true, Ordering::Relaxed);
        }
        let lane = std::mem::ManuallyDrop::new(self).lane;
        // SAFETY: as in `reader`; the turn lasts until the consumer takes it up again.
        (unsafe { &mut *lane.reader.for_write() }, &lane.packed)
    }
}

impl<T> Drop for Turn<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.taken {
            self.tell();
            // ORDER: Release; this reader's words are over. Partner: the Acquire in `take`.
            self.lane.turn.now.store(false, Ordering::Release);
        }
    }
}
