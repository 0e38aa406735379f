//! The consumers of a broadcast: the cursor of each, and the slowest of them.

use super::members::{Member, Members};
use crate::sync::{AtomicU64, AtomicUsize, Ordering, Padded, full_fence};

/// One consumer's cursor: items below it are seen, and may be overwritten.
pub(super) type Gate = Padded<AtomicU64>;

pub(super) struct Gates {
    members: Members<Gate>,
    /// Counts the joins: a walk during which somebody joined may have missed them.
    joins: Padded<AtomicU64>,
    consumers: AtomicUsize,
    /// The latest gate that one of several producers went by.
    floor: AtomicU64,
    /// Where the consumer that left last had come to.
    left_at: AtomicU64,
}

/// The cursor of a place that nobody owns: it holds nobody back.
const GONE: u64 = u64::MAX;

impl Gates {
    pub(super) fn new() -> Self {
        Self {
            members: Members::new(),
            joins: Padded::new(AtomicU64::new(0)),
            consumers: AtomicUsize::new(0),
            floor: AtomicU64::new(0),
            left_at: AtomicU64::new(0),
        }
    }

    /// Adds a gate at `sequence`. When it returns, no producer can have found room that this gate forbids, unless the
    /// producer had found it before and `sequence` has been claimed since.
    pub(super) fn join(&self, sequence: u64) -> &Member<Gate> {
        // ORDER: Relaxed; a figure for people.
        self.consumers.fetch_add(1, Ordering::Relaxed);
        let member = match self.members.rejoin() {
            Some(member) => {
                // ORDER: Release; it hides the last owner's word that its reads were over, so it passes that on. Partner: the
                // Acquire in `slowest`.
                member.value().store(sequence, Ordering::Release);
                member
            }
            None => self.members.join(Padded::new(AtomicU64::new(sequence))),
        };
        // ORDER: Release; whoever sees the join sees the gate. Partner: the Acquire in `slowest`.
        self.joins.fetch_add(1, Ordering::Release);
        full_fence();
        member
    }

    /// Removes a gate; its consumer had come to `sequence`.
    pub(super) fn leave(&self, member: &Member<Gate>, sequence: u64) {
        // ORDER: Relaxed; read when every end is gone.
        self.left_at.store(sequence, Ordering::Relaxed);
        // ORDER: Release; this consumer's reads are over. Partner: the Acquire in `slowest`.
        member.value().store(GONE, Ordering::Release);
        member.leave();
        // ORDER: Relaxed; a figure for people.
        self.consumers.fetch_sub(1, Ordering::Relaxed);
    }

    /// The sequence below which every consumer has seen everything; `tail`, if there is no consumer.
    pub(super) fn slowest(&self, tail: impl Fn() -> u64) -> u64 {
        self.slowest_noted(tail, |_| ())
    }

    /// The same, for a producer that goes by it, beside others: raises the [`floor`](Self::floor).
    #[cold]
    pub(super) fn slowest_to_pass(&self, tail: impl Fn() -> u64) -> u64 {
        self.slowest_noted(tail, |slowest| {
            // ORDER: Relaxed; the fence after it orders it, with the one in `join` as partner.
            self.floor.fetch_max(slowest, Ordering::Relaxed);
        })
    }

    /// Whoever joins here, and then moves on to the floor as it is after that, finds nothing overwritten: no producer has
    /// gone by a later gate without seeing the join.
    pub(super) fn floor(&self) -> u64 {
        // ORDER: Relaxed; before the join a guess, and after it the fence in `join` orders it.
        self.floor.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn slowest_noted(&self, tail: impl Fn() -> u64, note: impl Fn(u64)) -> u64 {
        loop {
            // ORDER: Acquire; the gates of those who joined are visible. Partner: the Release in `join`.
            let joins = self.joins.load(Ordering::Acquire);
            let tail = tail();
            // ORDER: Acquire; the reads of the slots below are over. Partner: the Release in `Reader::give_back`, `join` and
            // `leave`.
            let cursors = self.members.iter().map(|member| member.value().load(Ordering::Acquire));
            let slowest = cursors.min().unwrap_or(GONE).min(tail);
            note(slowest);
            // With the one in `join`: either this sees the join, or the joiner sees what was noted, and a tail no lower than
            // the one above.
            full_fence();
            // ORDER: Relaxed; the fence orders it.
            if self.joins.load(Ordering::Relaxed) == joins {
                return slowest;
            }
        }
    }

    /// Consumers that are in.
    pub(super) fn consumers(&self) -> usize {
        // ORDER: Relaxed; a figure for people.
        self.consumers.load(Ordering::Relaxed)
    }

    /// Where the consumer that left last had come to.
    pub(super) fn left_at(&self) -> u64 {
        // ORDER: Relaxed; every end is gone, and the drop of its pointer ordered its last words.
        self.left_at.load(Ordering::Relaxed)
    }
}
