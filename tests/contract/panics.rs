//! The caller's code may panic at any of its calls: nothing is lost or doubled, and the other ends go on.

use std::thread;

use ringway::ring::{Closes, Consumer, PopError, Producer};

use crate::support::{
    counted::{Counted, Ledger},
    hints::{Hint, Hinted},
    kinds::{Subject, ring},
    patience::{dies, drain, leak, pop, push},
};

const ITEMS: u64 = 20;

pub(crate) fn an_iterator_that_panics_loses_nothing<K: Subject<Counted>>() {
    for hint in Hint::ALL {
        for nth in 0..ITEMS {
            let ledger = Ledger::new(256);
            let (mut tx, mut rx) = ring::<K, Counted>(64);
            let mut next = 0;
            let make = || {
                assert!(next < nth, "an iterator that was told to panic");
                next += 1;
                ledger.make(next - 1)
            };
            dies(|| {
                let _ = tx.push_iter(&mut Hinted { left: ITEMS as usize, hint, make });
            });
            assert!(tx.try_push(ledger.make(nth)).is_ok(), "the producer goes on");
            tx.close();
            let out: Vec<u64> = drain(&mut rx).iter().map(|item| item.value).collect();
            assert_eq!(out, (0..=nth).collect::<Vec<_>>(), "length {hint:?}");
            drop((tx, rx));
            ledger.settle(0);
        }
    }
}

/// Even `size_hint` is code of the caller's.
pub(crate) fn a_length_that_panics_loses_nothing<K: Subject<u64>>() {
    struct Panics;
    impl Iterator for Panics {
        type Item = u64;
        fn next(&mut self) -> Option<u64> {
            panic!("an iterator that always panics")
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            panic!("a length that panics")
        }
    }
    let (mut tx, mut rx) = ring::<K, u64>(4);
    for item in 0..20 {
        dies(|| {
            let _ = tx.push_iter(&mut Panics);
        });
        tx.try_push(item).unwrap();
        assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(item), Err(PopError::Empty)]);
    }
    tx.close();
    assert_eq!(rx.try_pop(), Err(PopError::Closed));
}

/// The item that the closure was given is gone with it; those after it are still to be had.
pub(crate) fn a_closure_that_panics_costs_its_item_only<K: Subject<Counted>>() {
    for nth in 0..ITEMS {
        let ledger = Ledger::new(256);
        let (mut tx, mut rx) = ring::<K, Counted>(32);
        for item in 0..ITEMS {
            tx.try_push(ledger.make(item)).unwrap();
        }
        let mut seen = 0;
        dies(|| {
            let _ = rx.pop_each(32, |item| {
                assert_eq!(item.value, seen);
                assert!(item.value < nth, "a closure that was told to panic");
                seen += 1;
            });
        });
        assert_eq!(rx.depth() as u64, ITEMS - nth - 1);
        tx.close();
        let out: Vec<u64> = drain(&mut rx).iter().map(|item| item.value).collect();
        assert_eq!(out, (nth + 1..ITEMS).collect::<Vec<_>>());
        drop((tx, rx));
        ledger.settle(0);
    }
}

/// A panic in the middle of a batch must not keep the batch's slots from the producer.
pub(crate) fn a_closure_that_panics_keeps_no_slot<K: Subject<u64>>() {
    for slots in [1, 2, 8, 16, 64] {
        for nth in 0..slots {
            let (mut tx, mut rx) = ring::<K, u64>(slots);
            while tx.try_push(0).is_ok() {}
            let mut left = nth;
            dies(|| {
                let _ = rx.pop_each(slots, |_| left = left.checked_sub(1).expect("told to panic"));
            });
            for _ in nth + 1..slots {
                rx.try_pop().expect("the ring was full");
            }
            for inside in rx.depth()..slots {
                assert_eq!(tx.try_push(1), Ok(()), "{inside} of {slots} inside, panic at item {nth}");
            }
        }
    }
}

/// A consumer that dies at every item, in every call, and is set to work again.
pub(crate) fn a_batch_that_dies_again_and_again_makes_progress<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    let (mut pushed, mut seen) = (0, Vec::new());
    while seen.len() < 500 {
        while tx.try_push(pushed).is_ok() {
            pushed += 1;
        }
        dies(|| {
            let _ = rx.pop_each(16, |item| {
                seen.push(item);
                assert!(item % 3 > 0, "every third item kills");
            });
            panic!("a batch may also end before its third");
        });
    }
    assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
}

/// disruptor 4.4: a producer that dies between claim and publish stalls every consumer for ever. Here the half-written
/// claim is no item, and the stream ends behind what was committed.
pub(crate) fn a_producer_that_dies_in_a_claim_leaves_no_hole<K: Subject<Counted>>() {
    let ledger = Ledger::new(64);
    let (mut tx, mut rx) = ring::<K, Counted>(8);
    let producer = thread::spawn(move || {
        tx.try_push(ledger.make(1)).unwrap();
        let mut claim = tx.try_claim(3).unwrap();
        claim.push(ledger.make(2)).ok().unwrap();
        panic!("between claim and commit");
    });
    assert_eq!(pop(&mut rx).map(|item| item.value), Some(1));
    assert!(pop(&mut rx).is_none());
    assert!(producer.join().is_err());
    drop(rx);
    ledger.settle(0);
}

/// thingbuf 0.1.6: `close` returned early while its thread was panicking, and the peer hung.
pub(crate) fn a_producer_that_dies_closes<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let producer = thread::spawn(move || {
        for item in 0..100 {
            push(&mut tx, item).unwrap();
        }
        panic!("with its end in hand");
    });
    assert_eq!(drain(&mut rx), (0..100).collect::<Vec<_>>());
    assert!(producer.join().is_err());
}

/// disruptor 4.4: once its consumer had died, a producer was told "full" for ever.
pub(crate) fn a_consumer_that_dies_lets_the_producer_learn<K: Subject<Counted>>()
where
    K::Consumer: Closes,
{
    for in_a_batch in [false, true] {
        let ledger = Ledger::new(1000);
        let (mut tx, mut rx) = ring::<K, Counted>(8);
        let consumer = thread::spawn(move || {
            for _ in 0..6 {
                pop(&mut rx);
            }
            if in_a_batch {
                let _ = rx.pop_each(usize::MAX, |_| panic!("in the middle of a batch"));
            }
            panic!("with its end in hand");
        });
        let mut accepted = 0_u64;
        while push(&mut tx, ledger.make(accepted)).is_ok() {
            accepted += 1;
            assert!(accepted < 500, "nobody takes them");
        }
        assert!(consumer.join().is_err());
        assert!(tx.is_closed());
        // crossbeam and flume let what was queued vanish; here it comes back.
        let left: Vec<u64> = tx.into_remaining().expect("the last end").map(|item| item.value).collect();
        assert!(left.iter().copied().eq(accepted - left.len() as u64..accepted), "{left:?} of {accepted}");
        assert!((6..=7).contains(&(accepted - left.len() as u64)), "{left:?} of {accepted}");
        ledger.settle(0);
    }
}

/// An end that is leaked says nothing, and its peer is not held up by more than that.
pub(crate) fn a_leaked_end_stops_nobody<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    leak(tx);
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Empty)]);
    assert!(rx.into_remaining().is_none());
    let (mut tx, rx) = ring::<K, u64>(4);
    leak(rx);
    while tx.try_push(1).is_ok() {}
    assert!(!tx.is_closed());
    assert!(tx.into_remaining().is_none());
}

macro_rules! panics {
    ($Kind:ty) => {
        stamp! { panics, $Kind:
            an_iterator_that_panics_loses_nothing
            a_length_that_panics_loses_nothing
            a_closure_that_panics_costs_its_item_only
            a_closure_that_panics_keeps_no_slot
            a_batch_that_dies_again_and_again_makes_progress
            a_producer_that_dies_in_a_claim_leaves_no_hole
            a_producer_that_dies_closes
            a_leaked_end_stops_nobody
        }
    };
}

macro_rules! dying_consumers {
    ($Kind:ty) => {
        mod dying_consumers {
            stamp! { panics, $Kind: a_consumer_that_dies_lets_the_producer_learn }
        }
    };
}
