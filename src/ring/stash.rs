//! A few items in a consumer's own hands.
#![allow(unsafe_code)]

use std::{collections::VecDeque, mem::MaybeUninit};

use super::{leftover::drop_all, sealed::Leftover};
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// Items taken out of a ring and not handed to the caller yet, oldest first. Filled only when empty.
pub(super) struct Stash<T> {
    items: Box<[MaybeUninit<T>]>,
    /// The items are at `next..end`.
    next: usize,
    end: usize,
}

/// A run is this long at the most, and this many bytes unless one item has more.
const ITEMS_MAX: usize = 32;
const BYTES_MAX: usize = 1024;

impl<T> Stash<T> {
    pub(super) fn new() -> Self {
        let fit = BYTES_MAX.checked_div(size_of::<T>()).unwrap_or(ITEMS_MAX);
        Self { items: Box::new_uninit_slice(fit.clamp(1, ITEMS_MAX)), next: 0, end: 0 }
    }

    /// One that is never filled.
    pub(super) fn none() -> Self {
        Self { items: Box::default(), next: 0, end: 0 }
    }

    pub(super) fn capacity(&self) -> usize {
        self.items.len()
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.next
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.end
    }

    /// Fills the stash, which is empty, with `count` items, each written where it will lie.
    ///
    /// # Safety
    /// * `write` writes the item of that number to the place it is given.
    ///
    /// # Panics
    /// If there are more than the capacity.
    #[inline(always)]
    pub(super) unsafe fn fill(&mut self, count: usize, write: impl Fn(usize, *mut T)) {
        debug_assert!(self.is_empty());
        for (nth, place) in self.items[..count].iter_mut().enumerate() {
            write(nth, place.as_mut_ptr());
        }
        (self.next, self.end) = (0, count);
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        debug_assert!(self.end <= self.items.len());
        // SAFETY: `next` is before `end`, which is no further than the length.
        let item = unsafe { self.items.get_unchecked(self.next) };
        self.next += 1;
        // SAFETY: `next..end` are initialised, and `next` is past this one now.
        Some(unsafe { item.assume_init_read() })
    }

    pub(super) fn peek(&self) -> Option<&T> {
        // SAFETY: `next..end` are initialised.
        self.items[self.next..self.end].first().map(|item| unsafe { item.assume_init_ref() })
    }
}

impl<T> Leftover for Stash<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        if self.is_empty() {
            return None;
        }
        self.next += 1;
        Some(self.items[self.next - 1].as_mut_ptr())
    }
}

impl<T> Drop for Stash<T> {
    fn drop(&mut self) {
        drop_all(self);
    }
}

/// What consumers had in hand when they were dropped, for those that are left.
pub(super) struct Abandoned<T> {
    /// Items in all. Written under the lock; a look at it spares the lock as long as nobody leaves anything.
    items: AtomicUsize,
    /// Guards the list while a consumer is dropped with items in hand, by a panic as a rule, and while another takes them up.
    /// None of that happens while items flow, so a lock may be here.
    list: Mutex<VecDeque<Stash<T>>>,
}

impl<T> Abandoned<T> {
    pub(super) fn items(&self) -> usize {
        // ORDER: Relaxed; the lock carries the items, and who is told to look again sees the number by the fences of that.
        self.items.load(Ordering::Relaxed)
    }

    #[cold]
    pub(super) fn put(&self, stash: Stash<T>) {
        let mut list = self.list.lock();
        // ORDER: Relaxed; as above.
        self.items.fetch_add(stash.len(), Ordering::Relaxed);
        list.push_back(stash);
    }

    /// The stash that was left first.
    pub(super) fn take(&self) -> Option<Stash<T>> {
        if self.items() == 0 {
            return None;
        }
        let mut list = self.list.lock();
        let stash = list.pop_front()?;
        // ORDER: Relaxed; as above.
        self.items.fetch_sub(stash.len(), Ordering::Relaxed);
        Some(stash)
    }
}

impl<T> Default for Abandoned<T> {
    fn default() -> Self {
        Self { items: AtomicUsize::new(0), list: Mutex::new(VecDeque::new()) }
    }
}

impl<T> Leftover for Abandoned<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        if self.items() == 0 {
            return None;
        }
        // ORDER: Relaxed; `&mut self`.
        self.items.fetch_sub(1, Ordering::Relaxed);
        let mut list = self.list.lock();
        while list.front().is_some_and(Stash::is_empty) {
            list.pop_front();
        }
        list.front_mut()?.next_place()
    }
}
