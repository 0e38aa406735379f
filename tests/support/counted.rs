//! A payload that is missed when it is lost, and noticed when it is dropped twice.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
};

/// Keeps every ledger reachable, so that a leak checker is silent about them. They are leaked on purpose: a value that was
/// wrongly copied must be able to say so when it is dropped a second time.
static LEDGERS: Mutex<Vec<&'static Ledger>> = Mutex::new(Vec::new());

/// Who was born and who died. Relaxed throughout: it must not order anything for the ring under test.
pub(crate) struct Ledger {
    born: AtomicUsize,
    died: AtomicUsize,
    cloned: AtomicUsize,
    drops: Box<[AtomicU8]>,
    /// The how-manieth drop panics; 0 for none.
    panic_at_drop: AtomicUsize,
    /// The how-manieth clone panics; 0 for none.
    panic_at_clone: AtomicUsize,
}

impl Ledger {
    /// A ledger for up to `lives` values, clones included.
    pub(crate) fn new(lives: usize) -> &'static Self {
        let ledger = Box::leak(Box::new(Self {
            born: AtomicUsize::new(0),
            died: AtomicUsize::new(0),
            cloned: AtomicUsize::new(0),
            drops: (0..lives).map(|_| AtomicU8::new(0)).collect(),
            panic_at_drop: AtomicUsize::new(0),
            panic_at_clone: AtomicUsize::new(0),
        }));
        LEDGERS.lock().unwrap_or_else(PoisonError::into_inner).push(ledger);
        ledger
    }

    /// Starts over; for runs by the thousand. Whatever is still alive must never be dropped.
    pub(crate) fn reset(&self) {
        let born = self.born.swap(0, Relaxed);
        self.drops[..born].iter().for_each(|drops| drops.store(0, Relaxed));
        self.died.store(0, Relaxed);
        self.cloned.store(0, Relaxed);
        self.panic_at_drop.store(0, Relaxed);
        self.panic_at_clone.store(0, Relaxed);
    }

    pub(crate) fn make(&'static self, value: u64) -> Counted {
        let life = self.born.fetch_add(1, Relaxed);
        assert!(life < self.drops.len(), "the ledger was made for fewer values");
        Counted { value, life, ledger: self }
    }

    pub(crate) fn panic_at_drop(&self, nth: usize) {
        self.panic_at_drop.store(self.died.load(Relaxed) + nth, Relaxed);
    }

    pub(crate) fn panic_at_clone(&self, nth: usize) {
        self.panic_at_clone.store(self.cloned.load(Relaxed) + nth, Relaxed);
    }

    pub(crate) fn alive(&self) -> usize {
        self.born.load(Relaxed) - self.died.load(Relaxed)
    }

    pub(crate) fn born(&self) -> usize {
        self.born.load(Relaxed)
    }

    /// Asserts that everything born was dropped once, but for `leaked` values that were not dropped at all.
    #[track_caller]
    pub(crate) fn settle(&self, leaked: usize) {
        let born = self.born.load(Relaxed);
        let drops = |times: u8| self.drops[..born].iter().filter(|drops| drops.load(Relaxed) == times).count();
        assert_eq!(drops(0) + drops(1), born, "a value was dropped twice");
        assert_eq!(drops(0), leaked, "values that nobody dropped");
    }
}

/// See [`Ledger`].
pub(crate) struct Counted {
    pub(crate) value: u64,
    life: usize,
    ledger: &'static Ledger,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        let clones = self.ledger.cloned.fetch_add(1, Relaxed) + 1;
        assert!(clones != self.ledger.panic_at_clone.load(Relaxed), "a clone that was told to panic");
        self.ledger.make(self.value)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.ledger.drops[self.life].fetch_add(1, Relaxed);
        let deaths = self.ledger.died.fetch_add(1, Relaxed) + 1;
        assert!(deaths != self.ledger.panic_at_drop.load(Relaxed), "a drop that was told to panic");
    }
}
