//! Wakers: one that counts, and one that acts when it is cloned.
#![allow(unsafe_code)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{RawWaker, RawWakerVTable, Wake, Waker},
};

/// How often a task was woken.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Wakes {
    pub(crate) fn waker() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// What a waker does when it is cloned for the first time: right before its task goes on a list.
pub(crate) struct Cloned(Mutex<Option<Box<dyn FnOnce() + Send>>>);

const CLONED: RawWakerVTable = RawWakerVTable::new(
    |data| {
        // SAFETY: `data` is from `Arc::into_raw`, and counted once for each waker.
        unsafe { Arc::increment_strong_count(data.cast::<Cloned>()) };
        // SAFETY: as above.
        let cloned = unsafe { &*data.cast::<Cloned>() };
        let act = cloned.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        RawWaker::new(data, &CLONED)
    },
    drop_cloned,
    |_| {},
    drop_cloned,
);

/// Called once for each waker that is woken or dropped.
fn drop_cloned(data: *const ()) {
    // SAFETY: from `Arc::into_raw`, and counted for this waker.
    drop(unsafe { Arc::from_raw(data.cast::<Cloned>()) });
}

impl Cloned {
    pub(crate) fn waker(act: impl FnOnce() + Send + 'static) -> Waker {
        let data = Arc::into_raw(Arc::new(Self(Mutex::new(Some(Box::new(act))))));
        // SAFETY: the table above counts its wakers, and what it points to may cross threads.
        unsafe { Waker::from_raw(RawWaker::new(data.cast(), &CLONED)) }
    }
}
