//! loom's primitives, and cells that tell loom of every access to raw memory.
#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::NonNull,
    sync::OnceLock,
    time::Duration,
};

pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence, fence_everywhere, fence_point,
};
pub(crate) use loom::{sync::MutexGuard, thread::yield_now};

/// A line of the model: room for the header and two items, so that models cross from line to line.
pub(crate) const LINE_BYTES: usize = size_of::<AtomicU64>() + 2 * size_of::<Cell<u64>>();

/// Whether both sides of a pair of fences pay, as on systems without `membarrier`. The environment says so: the rings must
/// hold either way, and a fence on the light side hides what a Release there is for.
pub(crate) fn fences_are_symmetric() -> bool {
    static SYMMETRIC: OnceLock<bool> = OnceLock::new();
    *SYMMETRIC.get_or_init(|| std::env::var("RINGWAY_FENCES").is_ok_and(|fences| fences == "symmetric"))
}

/// In a model, looking again before going to sleep only makes more schedules of the same kind.
pub(crate) const POLLS: bool = false;

pub(crate) fn usable_cpus() -> usize {
    1
}

pub(crate) fn cpus_for_crowd() -> usize {
    1
}

loom::thread_local! {
    static THIS: Thread = Thread(std::sync::Arc::new(loom::sync::Notify::new()));
}

/// A thread that parks. loom's own loses the token of a thread that waits for a lock or another thread meanwhile, and breaks
/// that wait.
#[derive(Clone)]
pub struct Thread(std::sync::Arc<loom::sync::Notify>);

impl Thread {
    pub(crate) fn unpark(&self) {
        self.0.notify();
    }
}

pub(crate) fn current_thread() -> Thread {
    THIS.with(Thread::clone)
}

pub(crate) fn park() {
    THIS.with(|this| this.0.wait());
}

/// Models have no time: they sleep until they are called, or their time is over before they begin.
pub(crate) fn park_timeout(_time: Duration) {
    park();
}

/// A lock whose holders do not panic.
#[derive(Default)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no holder panics")
    }
}

/// A hint, which means nothing to a model.
pub(crate) fn prefetch_for_write<T>(_place: *const T) {}

/// Every wait is a place to switch threads.
pub(crate) fn spin(_times: u32) {
    yield_now();
}

/// Between two attempts at a contended word.
#[derive(Default)]
pub(crate) struct Backoff(std::cell::Cell<u32>);

impl Backoff {
    const STEPS: u32 = 3;

    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn snooze(&self) {
        self.0.set(self.0.get() + 1);
        yield_now();
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.0.get() > Self::STEPS
    }
}

/// A shared pointer that can hand its value to the last holder, which loom's own can't.
pub(crate) struct Arc<T>(NonNull<Counted<T>>);

struct Counted<T> {
    holders: AtomicUsize,
    value: T,
    /// loom reports it if it is never dropped.
    _leak: loom::alloc::Track<()>,
}

/// Gives the value to the last of the holders that ask for it, and to nobody else.
pub(crate) fn into_last<T>(shared: Arc<T>) -> Option<T> {
    ManuallyDrop::new(shared).let_go().map(|counted| counted.value)
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        let counted = Counted { holders: AtomicUsize::new(1), value, _leak: loom::alloc::Track::new(()) };
        Self(NonNull::from(Box::leak(Box::new(counted))))
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: it lives as long as it has a holder, and this is one.
        unsafe { self.0.as_ref() }
    }

    /// Gives up this hold; the last one gets the box. Nothing may be done through this pointer afterwards.
    fn let_go(&self) -> Option<Box<Counted<T>>> {
        // ORDER: Release puts what this holder did before what the last one does; partner: the fence below.
        if self.counted().holders.fetch_sub(1, Ordering::Release) != 1 {
            return None;
        }
        // ORDER: Acquire; the last holder sees what all others did. Partner: the Release above.
        fence(Ordering::Acquire);
        // SAFETY: made by `new`, and the last holder is gone.
        Some(unsafe { Box::from_raw(self.0.as_ptr()) })
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        // ORDER: Relaxed; whoever clones holds it, and hands the clone over by other means.
        self.counted().holders.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        drop(self.let_go());
    }
}

// SAFETY: as for the standard library's.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

/// Storage of one item with loom's race detector beside it.
pub(crate) struct Cell<T> {
    item: UnsafeCell<MaybeUninit<T>>,
    race: loom::cell::UnsafeCell<()>,
}

impl<T> Cell<T> {
    /// A cell that holds an item.
    pub(crate) fn of(item: T) -> Self {
        Self { item: UnsafeCell::new(MaybeUninit::new(item)), race: loom::cell::UnsafeCell::new(()) }
    }

    /// As the native one.
    ///
    /// # Safety
    /// * `place` is allocated, aligned, and not shared yet.
    pub(crate) unsafe fn init(place: *mut Self) {
        let cell = Self { item: UnsafeCell::new(MaybeUninit::uninit()), race: loom::cell::UnsafeCell::new(()) };
        // SAFETY: by the caller's word.
        unsafe { place.write(cell) };
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
    pub(crate) const SPARE: usize = 0;

    pub(crate) fn new(cells: Box<[Cell<T>]>, len: usize) -> Self {
        debug_assert_eq!(cells.len(), len);
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

    pub(crate) fn prefetch_ahead(&self, _start: usize, _len: usize) {}

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
