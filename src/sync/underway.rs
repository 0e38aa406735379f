//! What one thread is in the middle of, for others that must know for certain when it is not.

use super::{AtomicU64, Ordering, fence_point, full_fence, light_fence_is_free};

/// A word that its one thread writes around each of its doings.
///
/// Who asks has first made sure that the next doing comes to nothing (what it looks at is closed), then takes a
/// [`heavy_fence`](super::heavy_fence), then asks: a doing that began before is seen, and one that begins later finds the way
/// closed.
///
/// # Cost
/// Two stores around a doing.
#[derive(Debug, Default)]
pub(crate) struct Underway(AtomicU64);

impl Underway {
    /// Something begins, known by a number above 0.
    #[inline]
    pub(crate) fn begin(&self, doing: u64) {
        // ORDER: Release; the doing before is visible also to who sees only that the next has begun. Partner: the Acquire in
        // `is_at`. The fence puts it before whatever the doing looks at, with the `heavy_fence` of who asks as partner.
        self.0.store(doing, Ordering::Release);
        if light_fence_is_free() { fence_point() } else { full_fence() }
    }

    /// It is over.
    #[inline]
    pub(crate) fn end(&self) {
        // ORDER: Release; what was done is visible to who sees that it is over. Partner: the Acquire in `is_at`.
        self.0.store(0, Ordering::Release);
    }

    /// Whether the thread is in the middle of this.
    pub(crate) fn is_at(&self, doing: u64) -> bool {
        // ORDER: Acquire; partner: the Release in `end`.
        self.0.load(Ordering::Acquire) == doing
    }
}
