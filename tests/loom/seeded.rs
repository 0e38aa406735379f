//! Wrong on purpose: a slot for one item whose protocol breaks in one place each, to show that models like ours see it.
//!
//! `tests/mutants` breaks the rings themselves. These stay when the rings change.
#![allow(unsafe_code)]

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{
            AtomicUsize,
            Ordering::{self, Acquire, Relaxed, Release},
        },
    },
    thread,
};

use crate::explore::{explore, must_fail};

/// How the two sides of a slot go about it.
#[derive(Clone, Copy)]
struct Protocol {
    publish: Ordering,
    look: Ordering,
    publish_before_write: bool,
    free_before_read: bool,
}

const RIGHT: Protocol =
    Protocol { publish: Release, look: Acquire, publish_before_write: false, free_before_read: false };

/// One place; `stamp` is 2 × lap while it is free, and one more while it holds that lap's item.
struct Slot {
    stamp: AtomicUsize,
    item: UnsafeCell<usize>,
}

// SAFETY: the stamp says whose the item is; where a protocol breaks that, loom's cell reports it before any harm.
unsafe impl Sync for Slot {}

impl Slot {
    fn put(&self, how: Protocol, lap: usize, item: usize) {
        while self.stamp.load(how.look) != 2 * lap {
            thread::yield_now();
        }
        if how.publish_before_write {
            self.stamp.store(2 * lap + 1, how.publish);
        }
        self.item.with_mut(|place| {
            // SAFETY: loom lets no other access be under way.
            unsafe { *place = item }
        });
        if !how.publish_before_write {
            self.stamp.store(2 * lap + 1, how.publish);
        }
    }

    fn take(&self, how: Protocol, lap: usize) -> usize {
        while self.stamp.load(how.look) != 2 * lap + 1 {
            thread::yield_now();
        }
        if how.free_before_read {
            self.stamp.store(2 * lap + 2, how.publish);
        }
        let item = self.item.with(|place| {
            // SAFETY: loom lets no write be under way.
            unsafe { *place }
        });
        if !how.free_before_read {
            self.stamp.store(2 * lap + 2, how.publish);
        }
        item
    }
}

/// Two items through one slot.
fn two_laps(how: Protocol) -> (usize, usize) {
    let slot = Arc::new(Slot { stamp: AtomicUsize::new(0), item: UnsafeCell::new(0) });
    let producer = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || {
            slot.put(how, 0, 10);
            slot.put(how, 1, 11);
        })
    };
    let taken = (slot.take(how, 0), slot.take(how, 1));
    producer.join().unwrap();
    taken
}

#[test]
fn the_slot_itself_is_right() {
    explore("seeded: nothing", 10, [(10, 11)], || two_laps(RIGHT));
}

/// Each of the four ways to break the slot, and the race that gives it away.
#[test]
fn every_seeded_bug_is_found() {
    let race = "Causality violation";
    let broken = [
        ("seeded: publish before write", Protocol { publish_before_write: true, ..RIGHT }),
        ("seeded: free before read", Protocol { free_before_read: true, ..RIGHT }),
        ("seeded: Relaxed stores", Protocol { publish: Relaxed, ..RIGHT }),
        ("seeded: Relaxed loads", Protocol { look: Relaxed, ..RIGHT }),
    ];
    for (name, how) in broken {
        must_fail(name, race, move || {
            two_laps(how);
        });
    }
}
