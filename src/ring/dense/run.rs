//! Items of a dense ring, lent out in place.
#![allow(unsafe_code)]

use std::{fmt, marker::PhantomData};

use super::Consumer;

/// Items of a [`dense()`](super::dense()) ring, in place. Dropping it leaves them all; [`consume`](Self::consume) takes some
/// off.
#[must_use = "a run that is not consumed stays in the ring"]
pub struct Run<'a, T> {
    pub(super) consumer: &'a mut Consumer<T>,
    pub(super) items: usize,
    /// It lends items out by `&self`, so it may be shared only if they may.
    pub(super) lent: PhantomData<T>,
}

impl<T> Run<'_, T> {
    /// The items, oldest first: two slices where the ring wraps.
    #[inline]
    pub fn slices(&self) -> (&[T], &[T]) {
        self.consumer.slices(self.items)
    }

    /// Drops the first `items` items and gives their slots back.
    ///
    /// # Panics
    /// If there are fewer; nothing is consumed then. If the drop of an item panics, the items after it stay.
    #[inline]
    pub fn consume(self, items: usize) {
        assert!(items <= self.items, "a run of {} items can't give {items}", self.items);
        if !std::mem::needs_drop::<T>() {
            return self.consumer.advance(items);
        }
        for _ in 0..items {
            let place = self.consumer.shared.slab.for_read(self.consumer.index, 1);
            // SAFETY: published; read once, because it counts as popped before its drop runs.
            let item = unsafe { place.read() };
            self.consumer.advance(1);
            drop(item);
        }
    }
}

impl<T> fmt::Debug for Run<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("items", &self.items).finish_non_exhaustive()
    }
}
