//! loom's primitives, and cells that tell loom of every access to raw memory.
#![allow(unsafe_code)]

use std::{cell::UnsafeCell, mem::MaybeUninit};

pub(crate) use loom::sync::Arc;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use loom::thread::yield_now;

/// A line of the model: room for the header and two items, so that models cross from line to line.
pub(crate) const LINE_BYTES: usize = size_of::<AtomicU64>() + 2 * size_of::<Cell<u64>>();

/// Every wait is a place to switch threads.
pub(crate) fn spin(_times: u32) {
    yield_now();
}

/// As the native one, but loom's `Arc` has only `try_unwrap`: the last holder still gets the value.
pub(crate) fn into_last<T>(shared: Arc<T>) -> Option<T> {
    Arc::try_unwrap(shared).ok()
}

/// Storage of one item with loom's race detector beside it.
pub(crate) struct Cell<T> {
    item: UnsafeCell<MaybeUninit<T>>,
    race: loom::cell::UnsafeCell<()>,
}

impl<T> Cell<T> {
    pub(crate) fn new() -> Self {
        Self { item: UnsafeCell::new(MaybeUninit::uninit()), race: loom::cell::UnsafeCell::new(()) }
    }

    pub(crate) fn for_write(&self) -> *mut T {
        self.race.with_mut(|_| ());
        self.item.get().cast()
    }

    pub(crate) fn for_read(&self) -> *const T {
        self.race.with(|_| ());
        self.item.get().cast()
    }
}

/// Adjacent items with a detector for each.
pub(crate) struct Slab<T> {
    items: Box<[UnsafeCell<MaybeUninit<T>>]>,
    races: Box<[loom::cell::UnsafeCell<()>]>,
}

impl<T> Slab<T> {
    pub(crate) fn new(cells: Box<[Cell<T>]>) -> Self {
        let (items, races) = cells.into_iter().map(|cell| (cell.item, cell.race)).unzip::<_, _, Vec<_>, Vec<_>>();
        Self { items: items.into(), races: races.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn for_write(&self, start: usize, len: usize) -> *mut T {
        for race in &self.races[start..start + len] {
            race.with_mut(|_| ());
        }
        self.items.as_ptr().wrapping_add(start).cast_mut().cast()
    }

    pub(crate) fn for_read(&self, start: usize, len: usize) -> *const T {
        for race in &self.races[start..start + len] {
            race.with(|_| ());
        }
        self.items.as_ptr().wrapping_add(start).cast()
    }
}

// SAFETY: as for the native cell.
unsafe impl<T: Send> Sync for Cell<T> {}
// SAFETY: as for the native cell.
unsafe impl<T: Send> Sync for Slab<T> {}
