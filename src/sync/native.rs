//! The machine's own primitives.
#![allow(unsafe_code)]

use std::{cell::UnsafeCell, mem::MaybeUninit, sync::OnceLock, thread};

pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence};
pub(crate) use std::thread::{Thread, current as current_thread, park, park_timeout, yield_now};

pub(crate) use parking_lot::Mutex;

/// Bytes of one cache line, as [`crate::ring`] packs items into it.
pub(crate) const LINE_BYTES: usize = 64;

/// CPUs that this process may use at once, as asked when the first end waited.
pub(crate) fn usable_cpus() -> usize {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

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
pub(crate) struct Slab<T>(Box<[Cell<T>]>);

impl<T> Slab<T> {
    pub(crate) fn new(cells: Box<[Cell<T>]>) -> Self {
        Self(cells)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first of `len` adjacent cells that the caller is about to write.
    #[inline(always)]
    pub(crate) fn for_write(&self, start: usize, len: usize) -> *mut T {
        debug_assert!(start + len <= self.0.len());
        self.0.as_ptr().wrapping_add(start).cast_mut().cast()
    }

    /// The first of `len` adjacent cells that the caller is about to read.
    #[inline(always)]
    pub(crate) fn for_read(&self, start: usize, len: usize) -> *const T {
        self.for_write(start, len)
    }
}

// SAFETY: a cell is plain storage; the ring that owns it decides which end may touch it, and asks for `T: Send` there.
unsafe impl<T: Send> Sync for Cell<T> {}
