//! Every value is dropped once: in whatever state its ring goes, and also if a drop panics.

use std::sync::{Arc, Mutex};

use ringway::ring::{Consumer, Producer};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    patience::dies,
};

/// Which end goes first.
const ORDERS: [bool; 2] = [false, true];

fn drop_both<K: Subject<T>, T>(tx: K::Producer, rx: K::Consumer, producer_first: bool) {
    if producer_first {
        drop(tx);
        drop(rx);
    } else {
        drop(rx);
        drop(tx);
    }
}

/// Filled, drained and left at every mark, with every line and lap begun and not.
pub(crate) fn in_every_state_each_is_dropped_once<K: Subject<Counted>>() {
    for slots in [1, 2, 8, 16] {
        for laps in 0..3 {
            for inside in 0..=slots {
                for producer_first in ORDERS {
                    let ledger = Ledger::new(512);
                    let (mut tx, mut rx) = ring::<K, Counted>(slots);
                    for item in 0..laps * slots + laps {
                        tx.try_push(ledger.make(item as u64)).unwrap();
                        rx.try_pop().unwrap();
                    }
                    for item in 0..inside {
                        tx.try_push(ledger.make(item as u64)).unwrap();
                    }
                    if !K::FACTS.broadcast {
                        assert_eq!(ledger.alive(), inside);
                    }
                    drop_both::<K, _>(tx, rx, producer_first);
                    ledger.settle(0);
                }
            }
        }
    }
}

pub(crate) fn closed_or_not_each_is_dropped_once<K: Subject<Counted>>() {
    for close in 0..4 {
        for producer_first in ORDERS {
            let ledger = Ledger::new(64);
            let (mut tx, mut rx) = ring::<K, Counted>(8);
            for item in 0..5 {
                tx.try_push(ledger.make(item)).unwrap();
            }
            rx.try_pop().unwrap();
            if close & 1 > 0 {
                tx.close();
            }
            if close & 2 > 0 {
                K::close_consumer(&mut rx);
            }
            drop(tx.try_push(ledger.make(9)));
            drop_both::<K, _>(tx, rx, producer_first);
            ledger.settle(0);
        }
    }
}

pub(crate) fn batches_drop_each_once<K: Subject<Counted>>() {
    for producer_first in ORDERS {
        let ledger = Ledger::new(4096);
        let (mut tx, mut rx) = ring::<K, Counted>(16);
        for round in 0..30 {
            let mut items = (0..round).map(|item| ledger.make(item));
            let _ = tx.push_iter(&mut items);
            drop(items);
            let _ = rx.pop_each(3, drop);
            let mut kept = Vec::new();
            let _ = rx.pop_into(&mut kept, round as usize % 7 + 1);
        }
        drop_both::<K, _>(tx, rx, producer_first);
        ledger.settle(0);
    }
}

/// The refused item is the caller's, and only the caller's.
pub(crate) fn a_refused_item_is_not_dropped_by_the_ring<K: Subject<Counted>>() {
    let ledger = Ledger::new(16);
    let (mut tx, rx) = ring::<K, Counted>(2);
    let refused = loop {
        match tx.try_push(ledger.make(1)) {
            Ok(()) => {}
            Err(refused) => break refused,
        }
    };
    drop((tx, rx));
    assert_eq!(ledger.alive(), 1);
    assert_eq!(refused.into_inner().value, 1);
    ledger.settle(0);
}

/// Notes the order in which its kind goes.
#[derive(Clone)]
pub(crate) struct Diary(u64, Arc<Mutex<Vec<u64>>>);

impl Drop for Diary {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

pub(crate) fn leftovers_go_oldest_first<K: Subject<Diary>>() {
    for producer_first in ORDERS {
        let pages = Arc::new(Mutex::new(Vec::new()));
        let (mut tx, mut rx) = ring::<K, Diary>(8);
        for item in 0..11 {
            tx.try_push(Diary(item, Arc::clone(&pages))).ok().unwrap();
            if item < 5 {
                drop(rx.try_pop());
            }
        }
        pages.lock().unwrap().clear();
        drop_both::<K, _>(tx, rx, producer_first);
        let pages = pages.lock().unwrap();
        assert!(pages.is_sorted(), "{pages:?}");
        assert!(pages.ends_with(&[5, 6, 7, 8, 9, 10]), "{pages:?}");
    }
}

/// A drop that panics unwinds out of the ring's drop; the values behind it are dropped all the same.
pub(crate) fn a_drop_that_panics_costs_no_other<K: Subject<Counted>>() {
    for nth in 1..=6 {
        for producer_first in ORDERS {
            let ledger = Ledger::new(64);
            let (mut tx, rx) = ring::<K, Counted>(8);
            for item in 0..6 {
                tx.try_push(ledger.make(item)).unwrap();
            }
            ledger.panic_at_drop(nth);
            dies(|| drop_both::<K, _>(tx, rx, producer_first));
            ledger.settle(0);
        }
    }
}

pub(crate) fn a_drop_that_panics_in_the_leftovers_costs_no_other<K: Subject<Counted>>() {
    for nth in 1..=6 {
        let ledger = Ledger::new(64);
        let (mut tx, rx) = ring::<K, Counted>(8);
        for item in 0..6 {
            tx.try_push(ledger.make(item)).unwrap();
        }
        drop(tx);
        let left = rx.into_remaining().expect("the last end");
        ledger.panic_at_drop(nth);
        dies(|| drop(left));
        ledger.settle(0);
    }
}

/// A claim whose values panic when they are dropped is over all the same, and its slots come free.
pub(crate) fn a_drop_that_panics_in_a_claim_ends_it<K: Subject<Counted>>() {
    for nth in 1..=3 {
        for abandon in [false, true] {
            let ledger = Ledger::new(64);
            let (mut tx, mut rx) = ring::<K, Counted>(4);
            let mut claim = tx.try_claim(3).unwrap();
            while claim.push(ledger.make(7)).is_ok() {}
            // The fourth value was refused, and is dead already.
            ledger.panic_at_drop(nth);
            dies(|| if abandon { claim.abandon() } else { drop(claim) });
            assert_eq!(ledger.alive(), 0);
            for lap in 0..8 {
                assert!(tx.try_push(ledger.make(lap)).is_ok(), "lap {lap} after a panic in drop {nth}");
                assert_eq!(rx.try_pop().map(|item| item.value), Ok(lap));
            }
            drop((tx, rx));
            ledger.settle(0);
        }
    }
}

/// A value may drop while a batch is under way, and panic: those after it are still to be had.
pub(crate) fn a_drop_that_panics_in_a_batch_costs_no_other<K: Subject<Counted>>() {
    for nth in 1..=5 {
        let ledger = Ledger::new(64);
        let (mut tx, mut rx) = ring::<K, Counted>(8);
        for item in 0..5 {
            tx.try_push(ledger.make(item)).unwrap();
        }
        ledger.panic_at_drop(nth);
        dies(|| {
            let _ = rx.pop_each(8, drop);
        });
        let mut left = Vec::new();
        let _ = rx.pop_into(&mut left, 8);
        assert_eq!(left.iter().map(|item| item.value).collect::<Vec<_>>(), (nth as u64..5).collect::<Vec<_>>());
        drop((left, tx, rx));
        ledger.settle(0);
    }
}

macro_rules! drops {
    ($Kind:ty) => {
        stamp! { drops, $Kind:
            in_every_state_each_is_dropped_once
            closed_or_not_each_is_dropped_once
            batches_drop_each_once
            a_refused_item_is_not_dropped_by_the_ring
            leftovers_go_oldest_first
            a_drop_that_panics_costs_no_other
            a_drop_that_panics_in_the_leftovers_costs_no_other
            a_drop_that_panics_in_a_claim_ends_it
            a_drop_that_panics_in_a_batch_costs_no_other
        }
    };
}
