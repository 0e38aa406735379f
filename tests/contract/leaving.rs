//! What a consumer of `mpmc` has in hand when it goes: to whom that comes, and to whom not.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use ringway::ring::{
    Consumer, PopError, Producer,
    mpmc::{self, Mpmc},
};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::ring,
    patience::dies,
};

type Way = fn(&mut mpmc::Consumer<u64>) -> Result<u64, PopError>;

/// Every way to an item.
const WAYS: [(&str, Way); 7] = [
    ("try_pop", |rx| rx.try_pop()),
    ("try_pop_sequenced", |rx| rx.try_pop_sequenced().map(|(_, item)| item)),
    ("pop_each", |rx| {
        let mut last = 0;
        rx.pop_each(3, |item| last = item).map(|_| last)
    }),
    ("pop_into", |rx| {
        let mut items = Vec::new();
        rx.pop_into(&mut items, 3).map(|_| items[0])
    }),
    ("pop_slice", |rx| {
        let mut places = [MaybeUninit::uninit(); 3];
        // SAFETY: `pop_slice` says that it has written one at least, from the start.
        rx.pop_slice(&mut places).map(|_| unsafe { places[0].assume_init() })
    }),
    ("pop_over", |rx| {
        let mut items = [0; 3];
        rx.pop_over(&mut items).map(|_| items[0])
    }),
    ("peek", |rx| rx.peek().copied()),
];

/// It came all the same, after `Closed`, out of iterators and streams that are fused.
#[test]
fn to_who_was_told_the_end_nothing_comes() {
    for (told, tell) in WAYS {
        for (asked, ask) in WAYS {
            let (mut tx, mut rx) = ring::<Mpmc, u64>(2);
            tx.try_push(1).unwrap();
            assert_eq!(rx.peek(), Ok(&1));
            let (mut other, mut untold) = (rx.clone(), rx.clone());
            drop(tx);
            assert_eq!(tell(&mut other), Err(PopError::Closed), "{told}");
            drop(rx);
            assert_eq!(ask(&mut other), Err(PopError::Closed), "{asked} after {told}");
            assert_eq!(ask(&mut other.clone()), Err(PopError::Closed), "{asked} of a clone after {told}");
            assert_eq!(other.depth(), 1, "it is still inside");
            assert_eq!([untold.try_pop(), untold.try_pop()], [Ok(1), Err(PopError::Closed)], "{told}");
            assert!(other.into_remaining().is_none());
            assert!(untold.into_remaining().expect("the last end").eq([]));
        }
    }
}

/// A batch that came short has come to the end, but has not said so.
#[test]
fn to_who_was_told_nothing_yet_it_comes() {
    for (asked, ask) in WAYS.into_iter().filter(|&(asked, _)| asked != "try_pop_sequenced") {
        let (mut tx, mut rx) = ring::<Mpmc, u64>(4);
        assert_eq!(tx.push_slice(&[1, 2, 3]), Ok(3));
        assert_eq!(rx.peek(), Ok(&1));
        let mut other = rx.clone();
        drop(tx);
        assert_eq!(other.pop_each(3, drop), Ok(2));
        drop(rx);
        assert_eq!(ask(&mut other), Ok(1), "{asked}");
    }
}

/// All others were told the end before: the last end gets it, whichever that is.
#[test]
fn the_last_end_gets_what_stays_inside() {
    for way in 0..5 {
        let ledger = Ledger::new(16);
        let (mut tx, rx) = ring::<Mpmc, Counted>(4);
        let mut consumers = [rx.clone(), rx.clone(), rx];
        for (item, rx) in consumers.iter_mut().enumerate().take(2) {
            tx.try_push(ledger.make(item as u64)).unwrap();
            assert!(rx.peek().is_ok());
        }
        tx.close();
        let [first, second, mut told] = consumers;
        assert_eq!(told.try_pop().map(|item| item.value), Err(PopError::Closed));
        drop((first, second));
        assert_eq!((told.try_pop().map(|item| item.value), told.depth()), (Err(PopError::Closed), 2));
        let left: Option<Vec<u64>> = match way {
            0 => {
                drop(tx);
                told.into_remaining().map(|left| left.map(|item| item.value).collect())
            }
            1 => {
                drop(told);
                tx.into_remaining().map(|left| left.map(|item| item.value).collect())
            }
            2 => {
                assert!(told.into_remaining().is_none(), "the producer still lives");
                tx.into_remaining().map(|left| left.map(|item| item.value).collect())
            }
            3 => {
                drop((tx, told));
                None
            }
            _ => {
                ledger.panic_at_drop(1);
                drop(tx);
                dies(|| drop(told));
                None
            }
        };
        assert_eq!(left, (way < 3).then(|| vec![0, 1]));
        ledger.settle(0);
    }
}
