//! What stays in a ring when its ends are gone.

#![allow(unsafe_code)]

use std::{fmt, mem};

use super::sealed::Leftover;

/// The items that were left in a ring, oldest first. Dropping it drops those not taken.
pub struct Remaining<L: Leftover>(L);

impl<L: Leftover> Remaining<L> {
    pub(super) fn new(storage: L) -> Self {
        Self(storage)
    }
}

impl<L: Leftover> Iterator for Remaining<L> {
    type Item = L::Item;

    fn next(&mut self) -> Option<L::Item> {
        // SAFETY: the place holds an item, and the storage has given it up.
        self.0.next_place().map(|place| unsafe { place.read() })
    }
}

impl<L: Leftover> fmt::Debug for Remaining<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remaining { .. }")
    }
}

/// Calls `step` until it returns `false`, also if it panics on the way; a second panic aborts, as in a vector's drop.
pub(super) fn finish(mut step: impl FnMut() -> bool) {
    struct Rest<'a, F: FnMut() -> bool>(&'a mut F);

    impl<F: FnMut() -> bool> Drop for Rest<'_, F> {
        fn drop(&mut self) {
            while (self.0)() {}
        }
    }

    let rest = Rest(&mut step);
    while (rest.0)() {}
    mem::forget(rest);
}

/// Drops every item left in `storage`, where it lies.
pub(super) fn drop_all<L: Leftover>(storage: &mut L) {
    if mem::needs_drop::<L::Item>() {
        finish(|| drop_next(storage));
    }
}

/// Drops the oldest item where it lies; returns whether there was one.
pub(super) fn drop_next<L: Leftover>(storage: &mut L) -> bool {
    let Some(place) = storage.next_place() else { return false };
    // SAFETY: the place holds an item, and the storage has given it up.
    unsafe { place.drop_in_place() };
    true
}
