//! The machine's own primitives.
#![allow(unsafe_code)]

use std::{cell::UnsafeCell, mem::MaybeUninit};

/// Between two attempts at a contended word: pauses that double with each, then gives up the CPU, so that one thread runs
/// a burst while the line is with its CPU. Pauses alone were measured five times slower when the CPUs are far apart.
pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence};
pub(crate) use std::thread::{Thread, current as current_thread, park, park_timeout, yield_now};

pub(crate) use parking_lot::{Mutex, MutexGuard};

/// Bytes of one cache line, as [`crate::ring`] packs items into it.
pub(crate) const LINE_BYTES: usize = 64;

/// Whether an end looks again a few times before it goes to sleep.
pub(crate) const POLLS: bool = true;

/// Pauses `times` times without giving up the CPU.
#[inline]
pub(crate) fn spin(times: u32) {
    for _ in 0..times {
        std::hint::spin_loop();
    }
}

/// Asks for the cache line of `place` as its only owner: it is about to be written. A hint; nothing on targets that have none.
#[inline(always)]
pub(crate) fn prefetch_for_write<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that reads and writes nothing, and faults at no address. Processors that lack it take it for a no-op.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = place;
}

/// Gives the value to the last of the holders that ask for it, and to nobody else.
pub(crate) fn into_last<T>(shared: Arc<T>) -> Option<T> {
    Arc::into_inner(shared)
}

/// Uninitialised storage of one item, shared between threads under the ring's rules.
#[repr(transparent)]
pub(crate) struct Cell<T>(UnsafeCell<MaybeUninit<T>>);

impl<T> Cell<T> {
    /// A cell that holds an item.
    pub(crate) const fn of(item: T) -> Self {
        Self(UnsafeCell::new(MaybeUninit::new(item)))
    }

    /// Makes a cell at `place`, where it will stay: an item may be too large to pass over the stack.
    ///
    /// # Safety
    /// * `place` is allocated, aligned, and not shared yet.
    pub(crate) unsafe fn init(_place: *mut Self) {
        // Any bytes are a cell without an item.
    }

    /// Where the item lies. The caller is about to write: the model checks that nobody else touches the cell.
    #[inline(always)]
    pub(crate) fn for_write(&self) -> *mut T {
        self.0.get().cast()
    }

    /// Where the item lies. The caller is about to read: the model checks that nobody writes meanwhile.
    #[inline(always)]
    pub(crate) fn for_read(&self) -> *const T {
        self.0.get().cast()
    }
}

/// A row of adjacent cells, to be lent as slices.
pub(crate) struct Slab<T> {
    /// The first cell that is used, at the start of a cache line where cells fill lines.
    first: *const Cell<T>,
    len: usize,
    /// The box that they lie in; as a pointer, since a box would claim that no other pointer leads there.
    cells: *mut [Cell<T>],
}

impl<T> Slab<T> {
    /// Cells beside those to be used, from which the slab picks its first.
    pub(crate) const SPARE: usize = {
        let size = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        if LINE_BYTES.is_multiple_of(size) { LINE_BYTES / size - 1 } else { 0 }
    };

    /// A slab of `len` cells.
    pub(crate) fn new(cells: Box<[Cell<T>]>, len: usize) -> Self {
        debug_assert_eq!(cells.len(), len + Self::SPARE);
        let skipped = cells.as_ptr().align_offset(LINE_BYTES);
        let skipped = if skipped > Self::SPARE { 0 } else { skipped };
        let cells = Box::into_raw(cells);
        Self { first: cells.cast::<Cell<T>>().wrapping_add(skipped), len, cells }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first of `len` adjacent cells that the caller is about to write.
    #[inline(always)]
    pub(crate) fn for_write(&self, start: usize, len: usize) -> *mut T {
        debug_assert!(start + len <= self.len);
        self.first.wrapping_add(start).cast_mut().cast()
    }

    /// Asks for the cells that come a little after the `len` from `start` on, before they are written.
    ///
    /// A writer that is this far ahead of its own stores no longer waits for lines that the reader has had last: 32 words at
    /// once, near, 0.49 to 0.40 ns a word. Long runs need no help: their own stores are far enough ahead.
    #[inline(always)]
    pub(crate) fn prefetch_ahead(&self, start: usize, len: usize) {
        const AHEAD_BYTES: usize = 8 * LINE_BYTES;
        let bytes = len * size_of::<T>();
        if bytes <= AHEAD_BYTES && start + 2 * AHEAD_BYTES / size_of::<Cell<T>>().max(1) < self.len {
            let first = self.first.wrapping_add(start).wrapping_byte_add(AHEAD_BYTES);
            for line in 0..bytes.div_ceil(LINE_BYTES) {
                prefetch_for_write(first.wrapping_byte_add(line * LINE_BYTES));
            }
        }
    }

    /// The first of `len` adjacent cells that the caller is about to read.
    #[inline(always)]
    pub(crate) fn for_read(&self, start: usize, len: usize) -> *const T {
        self.for_write(start, len)
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw` in `new`. The items are the ring's to drop; cells need none.
        drop(unsafe { Box::from_raw(self.cells) });
    }
}

// SAFETY: a cell is plain storage; the ring that owns it decides which end may touch it, and asks for `T: Send` there.
unsafe impl<T: Send> Sync for Cell<T> {}
// SAFETY: it owns its cells, and is storage as they are.
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Slab<T> {}
