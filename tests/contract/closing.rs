//! The end of a stream: by close, by the last end's drop; what is refused, what still comes, what is handed back.

use std::{cell::RefCell, iter};

use ringway::ring::{Closes, Consumer, PopError, Producer, PushError};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
};

pub(crate) fn a_producer_that_closes_is_refused_and_drained<K: Subject<u64>>() {
    for inside in 0..4 {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        for item in 0..inside {
            tx.try_push(item).unwrap();
        }
        assert!(!tx.is_closed() && !rx.is_closed());
        tx.close();
        assert!(tx.is_closed() && rx.is_closed());
        assert_eq!(tx.try_push(9), Err(PushError::Closed(9)));
        assert_eq!(tx.try_claim(1).err(), Some(PushError::Closed(())));
        for item in 0..inside {
            assert_eq!(rx.try_pop(), Ok(item));
        }
        assert_eq!(rx.try_pop(), Err(PopError::Closed));
    }
}

/// A producer refused by a full ring must learn that the ring is closed, not that it is still full.
pub(crate) fn closed_counts_before_full<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(2);
    while tx.try_push(1).is_ok() {}
    tx.close();
    assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
    assert_eq!(tx.push_iter(&mut [2].into_iter()), Err(PushError::Closed(())));
    rx.try_pop().unwrap();
    assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
}

pub(crate) fn closing_twice_changes_nothing<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    for _ in 0..3 {
        tx.close();
        assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
    }
    assert_eq!(rx.try_pop(), Ok(1));
    for _ in 0..3 {
        assert_eq!(rx.try_pop(), Err(PopError::Closed));
        tx.close();
    }
}

pub(crate) fn the_last_producers_drop_closes<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    drop(tx);
    assert!(rx.is_closed());
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Closed)]);
}

/// A claim opened in time is accepted after the close, and what it brings still comes out before the end.
pub(crate) fn a_commit_after_the_close_is_delivered<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    let (mut tx, mut rx) = ring::<K, u64>(4);
    let mut claim = tx.try_claim(2).unwrap();
    claim.push(1).unwrap();
    rx.close();
    assert_eq!(rx.try_pop(), Err(PopError::Empty), "the end waits for the claim");
    claim.push(2).unwrap();
    assert_eq!(claim.commit(), 2);
    assert_eq!(tx.try_push(3), Err(PushError::Closed(3)));
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(1), Ok(2), Err(PopError::Closed)]);
}

pub(crate) fn a_consumer_that_closes_can_still_drain<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    for inside in 0..4 {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        for item in 0..inside {
            tx.try_push(item).unwrap();
        }
        for _ in 0..2 {
            rx.close();
            assert!(tx.is_closed() && rx.is_closed());
            assert_eq!(tx.try_push(9), Err(PushError::Closed(9)));
        }
        for item in 0..inside {
            assert_eq!(rx.try_pop(), Ok(item));
        }
        assert_eq!(rx.try_pop(), Err(PopError::Closed));
        assert_eq!(tx.try_push(9), Err(PushError::Closed(9)));
    }
}

/// The consumer needs no help of the producer to learn that the stream that it closed is over.
pub(crate) fn a_consumer_sees_its_own_close_through<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    rx.close();
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Closed)]);
    assert_eq!(tx.push_iter(&mut [2].into_iter()), Err(PushError::Closed(())));
}

/// A batch that is under way when its consumer closes is in as a whole, also where it had to ask for room first: until it is
/// over the consumer has not come to the end.
pub(crate) fn a_batch_outlasts_the_close<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    for before in 0..20 {
        let (mut tx, rx) = ring::<K, u64>(1);
        let rx = RefCell::new(rx);
        for item in 0..before {
            tx.try_push(item).unwrap();
            assert_eq!(rx.borrow_mut().try_pop(), Ok(item));
        }
        let mut closing = iter::once_with(|| {
            rx.borrow_mut().close();
            assert_eq!(rx.borrow_mut().try_pop(), Err(PopError::Empty), "after {before} items");
            100
        });
        assert_eq!(tx.push_iter(&mut closing), Ok(1));
        let mut rx = rx.into_inner();
        assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(100), Err(PopError::Closed)]);
    }
}

pub(crate) fn the_last_consumers_drop_closes<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    let (mut tx, rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
    assert_eq!(tx.into_remaining().expect("the last end").collect::<Vec<_>>(), [1]);
}

/// crossbeam #236, open since 2018: what was queued when its consumer left can be had back.
pub(crate) fn the_last_end_gets_what_is_left<K: Subject<Counted>>()
where
    K::Consumer: Closes,
{
    for producer_last in [false, true] {
        for (pushed, popped) in [(0, 0), (1, 0), (1, 1), (5, 2), (8, 0), (8, 8)] {
            let ledger = Ledger::new(64);
            let (mut tx, mut rx) = ring::<K, Counted>(8);
            for item in 0..pushed {
                tx.try_push(ledger.make(item)).unwrap();
            }
            for _ in 0..popped {
                rx.try_pop().unwrap();
            }
            let left: Vec<u64> = if producer_last {
                assert!(rx.into_remaining().is_none(), "the producer lives");
                tx.into_remaining().expect("the last end").map(|item| item.value).collect()
            } else {
                assert!(tx.into_remaining().is_none(), "the consumer lives");
                rx.into_remaining().expect("the last end").map(|item| item.value).collect()
            };
            assert_eq!(left, (popped..pushed).collect::<Vec<_>>());
            ledger.settle(0);
        }
    }
}

/// After `into_remaining` of one end the other is as after its drop.
pub(crate) fn giving_an_end_up_is_like_dropping_it<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    assert!(tx.into_remaining().is_none());
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Closed)]);
    let (mut tx, rx) = ring::<K, u64>(4);
    assert!(rx.into_remaining().is_none());
    assert_eq!(tx.try_push(1), Err(PushError::Closed(1)));
}

/// Items that nobody asks the leftovers for are dropped with them.
pub(crate) fn leftovers_half_taken_are_dropped<K: Subject<Counted>>() {
    for taken in 0..6 {
        let ledger = Ledger::new(64);
        let (mut tx, rx) = ring::<K, Counted>(8);
        for item in 0..5 {
            tx.try_push(ledger.make(item)).unwrap();
        }
        drop(tx);
        let mut left = rx.into_remaining().expect("the last end");
        for nth in 0..taken {
            assert_eq!(left.next().map(|item| item.value), (nth < 5).then_some(nth));
        }
        drop(left);
        ledger.settle(0);
    }
}

/// What a claim wrote and did not commit is not among the leftovers.
pub(crate) fn leftovers_hold_nothing_uncommitted<K: Subject<u64>>() {
    let (mut tx, rx) = ring::<K, u64>(8);
    tx.try_push(1).unwrap();
    let mut claim = tx.try_claim(2).unwrap();
    claim.push(2).unwrap();
    drop(claim);
    tx.try_push(3).unwrap();
    let mut claim = tx.try_claim(2).unwrap();
    claim.push(4).unwrap();
    std::mem::forget(claim);
    drop(tx);
    assert_eq!(rx.into_remaining().expect("the last end").collect::<Vec<_>>(), [1, 3]);
}

macro_rules! closing {
    ($Kind:ty) => {
        stamp! { closing, $Kind:
            a_producer_that_closes_is_refused_and_drained
            closed_counts_before_full
            closing_twice_changes_nothing
            the_last_producers_drop_closes
            leftovers_half_taken_are_dropped
            leftovers_hold_nothing_uncommitted
        }
    };
}

macro_rules! closing_consumers {
    ($Kind:ty) => {
        mod closing_consumers {
            stamp! { closing, $Kind:
                a_commit_after_the_close_is_delivered
                a_consumer_that_closes_can_still_drain
                a_consumer_sees_its_own_close_through a_batch_outlasts_the_close
                the_last_consumers_drop_closes
                the_last_end_gets_what_is_left
                giving_an_end_up_is_like_dropping_it
            }
        }
    };
}
