//! Ends that are `Clone`: who closes, who is counted, what a clone gets, and that nobody stands in another's way.

use std::{mem::forget, thread};

use ringway::ring::{Closes, Consumer, Kind, PopError, Producer, PushError};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    patience::{dies, drain, pop, push, until},
    random::{Random, SayOnPanic},
};

pub(crate) fn producers_keep_their_own_order<K: Subject<(u64, u64), Producer: Clone>>() {
    const EACH: u64 = 500;
    let (tx, mut rx) = ring::<K, (u64, u64)>(8);
    let producers: Vec<_> = (0..3)
        .map(|id| {
            let mut tx: <K as Kind<(u64, u64)>>::Producer = tx.clone();
            thread::spawn(move || (0..EACH).for_each(|nth| push(&mut tx, (id, nth)).unwrap()))
        })
        .collect();
    drop(tx);
    let mut next = [0; 3];
    while let Some((id, nth)) = pop(&mut rx) {
        assert_eq!(nth, next[id as usize], "of producer {id}");
        next[id as usize] += 1;
    }
    assert_eq!(next, [EACH; 3]);
    producers.into_iter().for_each(|producer| producer.join().unwrap());
}

/// Every order in which three producers can go: only the last one closes (T22).
pub(crate) fn only_the_last_producer_closes<K: Subject<u64, Producer: Clone>>() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (tx, mut rx) = ring::<K, u64>(8);
        let mut producers = [Some(tx.clone()), Some(tx.clone()), Some(tx)];
        for (nth, &producer) in order.iter().enumerate() {
            assert!(!rx.is_closed());
            let mut tx = producers[producer].take().unwrap();
            tx.try_push(nth as u64).unwrap();
            drop(tx);
        }
        assert!(rx.is_closed());
        let mut out = drain(&mut rx);
        out.sort_unstable();
        assert_eq!(out, [0, 1, 2]);
    }
}

pub(crate) fn any_producer_closes_for_all<K: Subject<u64, Producer: Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = tx.clone();
    tx.try_push(1).unwrap();
    other.close();
    assert!(tx.is_closed());
    assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
    assert_eq!(tx.push_iter(&mut [2].into_iter()), Err(PushError::Closed(())));
    assert_eq!(tx.clone().try_push(3), Err(PushError::Closed(3)), "a clone of a closed ring's end is closed");
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Closed)]);
}

/// Of all ends the last one gets what is left, in whatever order they go (T22).
pub(crate) fn whoever_is_last_gets_what_is_left<K>()
where
    K: Subject<Counted, Producer: Clone, Consumer: Clone + Closes>,
{
    for seed in 0..100 {
        let _say = SayOnPanic(|| format!("seed {seed}"));
        let mut random = Random::new(seed);
        let ledger = Ledger::new(64);
        let (mut tx, rx) = ring::<K, Counted>(8);
        let inside = random.below(8) as u64;
        (0..inside).for_each(|item| assert!(tx.try_push(ledger.make(item)).is_ok()));
        let (mut producers, mut consumers) = (vec![tx.clone(), tx], vec![rx.clone(), rx.clone(), rx]);
        let left = loop {
            let left: Option<Vec<u64>> = if consumers.is_empty() || !producers.is_empty() && random.below(2) == 0 {
                producers.pop().unwrap().into_remaining().map(|left| left.map(|item| item.value).collect())
            } else {
                consumers.pop().unwrap().into_remaining().map(|left| left.map(|item| item.value).collect())
            };
            match left {
                Some(left) if producers.is_empty() && consumers.is_empty() => break left,
                Some(_) => panic!("leftovers, and {} ends live", producers.len() + consumers.len()),
                None => assert!(!producers.is_empty() || !consumers.is_empty(), "the last end got nothing"),
            }
        };
        assert_eq!(left, (0..inside).collect::<Vec<_>>());
        ledger.settle(0);
    }
}

pub(crate) fn only_the_last_consumer_closes<K: Subject<u64, Consumer: Clone + Closes>>() {
    let (mut tx, rx) = ring::<K, u64>(8);
    let (mut second, third) = (rx.clone(), rx.clone());
    drop(third);
    drop(rx);
    assert!(!tx.is_closed());
    tx.try_push(1).unwrap();
    assert_eq!(second.try_pop(), Ok(1));
    drop(second);
    assert_eq!(tx.try_push(2), Err(PushError::Closed(2)));
}

/// Competing consumers: each item to one of them, each of them in order, the end to all.
pub(crate) fn consumers_share_without_loss<K: Subject<u64, Consumer: Clone + Closes>>() {
    const ITEMS: u64 = 2000;
    let (mut tx, rx) = ring::<K, u64>(16);
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            let mut rx: <K as Kind<u64>>::Consumer = rx.clone();
            thread::spawn(move || drain(&mut rx))
        })
        .collect();
    drop(rx);
    (0..ITEMS).for_each(|item| push(&mut tx, item).unwrap());
    drop(tx);
    let shares: Vec<_> = consumers.into_iter().map(|consumer| consumer.join().unwrap()).collect();
    assert!(shares.iter().all(|share| share.is_sorted()));
    let mut all = shares.concat();
    all.sort_unstable();
    assert_eq!(all, (0..ITEMS).collect::<Vec<_>>());
}

pub(crate) fn what_one_peeks_at_no_other_gets<K: Subject<u64, Consumer: Clone + Closes>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = rx.clone();
    tx.try_push(1).unwrap();
    assert_eq!(rx.peek(), Ok(&1));
    assert_eq!(other.try_pop(), Err(PopError::Empty));
    assert_eq!(rx.try_pop(), Ok(1));
    tx.try_push(2).unwrap();
    assert_eq!(other.try_pop(), Ok(2), "and nobody is held up afterwards");
}

/// A consumer that dies must not take its colleagues' work with it.
pub(crate) fn a_consumer_that_dies_leaves_the_others_working<K>()
where
    K: Subject<u64, Consumer: Clone + Closes>,
{
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = rx.clone();
    let victim = thread::spawn(move || {
        until("an item to die with", || rx.pop_each(1, |item| panic!("while handling {item}")).ok());
    });
    for item in 0..200 {
        let mut items = [item].into_iter();
        until("room", || {
            // The victim takes one; the others are for this thread to take.
            tx.push_iter(&mut items).inspect_err(|_| _ = other.try_pop()).ok()
        });
    }
    assert!(victim.join().is_err());
    assert!(!tx.is_closed());
    tx.close();
    drain(&mut other);
    assert_eq!(other.try_pop(), Err(PopError::Closed));
}

/// Two claims of two producers: each is its own, and a slot is never in two hands (T13).
pub(crate) fn claims_of_two_producers_do_not_meet<K: Subject<u64, Producer: Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = tx.clone();
    for round in 0..100 {
        let (mut left, mut right) = (tx.try_claim(2).unwrap(), other.try_claim(2).unwrap());
        let (a, b) = (left.slot().unwrap().as_ptr(), right.slot().unwrap().as_ptr());
        assert_ne!(a, b);
        right.push(10 * round + 3).unwrap();
        left.push(10 * round + 1).unwrap();
        left.push(10 * round + 2).unwrap();
        right.push(10 * round + 4).unwrap();
        right.commit();
        left.commit();
        let mut out: Vec<u64> = (0..4).map(|_| rx.try_pop().unwrap()).collect();
        out.sort_unstable();
        assert_eq!(out, (1..=4).map(|nth| 10 * round + nth).collect::<Vec<_>>());
    }
}

/// LMAX and disruptor-rs: a hole stops every consumer for ever. Here it is skipped, and counted.
pub(crate) fn tombstones_are_skipped_and_counted<K: Subject<u64, Producer: Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    let mut other = tx.clone();
    let mut dead = 0;
    for round in 0..200 {
        let mut claim = tx.try_claim(3).unwrap();
        claim.push(round).unwrap();
        let mut hopeless = other.try_claim(2).unwrap();
        hopeless.push(u64::MAX).unwrap();
        match round % 3 {
            0 => drop(hopeless),
            1 => hopeless.abandon(),
            _ => forget(hopeless),
        }
        assert_eq!(claim.commit(), 1);
        other.try_push(round).unwrap();
        dead += 2 + 2;
        assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(round), Ok(round)]);
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
        assert_eq!(rx.skipped(), dead, "round {round}");
        assert_eq!(rx.depth(), 0);
    }
}

/// An open claim holds back what was pushed behind it, and nothing else; when it ends, all of it comes.
pub(crate) fn an_open_claim_holds_back_only_what_is_behind_it<K: Subject<u64, Producer: Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = tx.clone();
    tx.try_push(1).unwrap();
    let claim = tx.try_claim(1).unwrap();
    other.try_push(2).unwrap();
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Empty)]);
    assert!(rx.depth() >= 1, "Empty proves nothing; the depth counts what is behind the claim");
    other.close();
    assert_eq!(rx.try_pop(), Err(PopError::Empty), "closed, but not at its end");
    drop(claim);
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(2), Err(PopError::Closed)]);
}

/// A commit that comes after another producer's close is accepted: its slots were claimed in time.
pub(crate) fn a_claim_outlives_the_close<K: Subject<u64, Producer: Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = tx.clone();
    let mut claim = tx.try_claim(2).unwrap();
    claim.push(1).unwrap();
    other.close();
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    claim.push(2).unwrap();
    claim.commit();
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(1), Ok(2), Err(PopError::Closed)]);
    assert_eq!(tx.try_push(3), Err(PushError::Closed(3)));
}

/// A thread that unwinds out of a claim, among others that go on.
pub(crate) fn a_producer_that_dies_in_a_claim_stops_no_other<K>()
where
    K: Subject<Counted, Producer: Clone>,
{
    let ledger = Ledger::new(4096);
    let (mut tx, mut rx) = ring::<K, Counted>(8);
    for round in 0..50 {
        let mut victim = tx.clone();
        dies(|| {
            let mut claim = victim.try_claim(3).unwrap();
            claim.push(ledger.make(u64::MAX)).ok().unwrap();
            panic!("between claim and commit");
        });
        drop(victim);
        assert!(tx.try_push(ledger.make(round)).is_ok());
        assert_eq!(rx.try_pop().map(|item| item.value), Ok(round));
    }
    drop((tx, rx));
    ledger.settle(0);
}

/// An item of one producer's may panic when it is dropped: those of the others are dropped all the same.
pub(crate) fn a_drop_that_panics_costs_no_other_producer<K: Subject<Counted, Producer: Clone>>() {
    for nth in 1..=6 {
        let ledger = Ledger::new(64);
        let (mut tx, rx) = ring::<K, Counted>(8);
        let mut other = tx.clone();
        for item in 0..3 {
            tx.try_push(ledger.make(item)).unwrap();
            other.try_push(ledger.make(item)).unwrap();
        }
        ledger.panic_at_drop(nth);
        drop((tx, other));
        dies(|| drop(rx));
        ledger.settle(0);
    }
}

macro_rules! sharing_producers {
    ($Kind:ty) => {
        mod sharing_producers {
            stamp! { sharing, $Kind:
                producers_keep_their_own_order
                only_the_last_producer_closes
                any_producer_closes_for_all
                claims_of_two_producers_do_not_meet
                a_claim_outlives_the_close
                a_producer_that_dies_in_a_claim_stops_no_other
                a_drop_that_panics_costs_no_other_producer
            }
        }
    };
}

macro_rules! sharing_consumers {
    ($Kind:ty) => {
        mod sharing_consumers {
            stamp! { sharing, $Kind:
                whoever_is_last_gets_what_is_left
                only_the_last_consumer_closes
                consumers_share_without_loss
                what_one_peeks_at_no_other_gets
                a_consumer_that_dies_leaves_the_others_working
            }
        }
    };
}

macro_rules! tombstones {
    ($Kind:ty) => {
        mod tombstones {
            stamp! { sharing, $Kind:
                tombstones_are_skipped_and_counted
                an_open_claim_holds_back_only_what_is_behind_it
            }
        }
    };
}
