//! Making room by taking the oldest item out, against everything that fights for the same slot: what went in is popped,
//! displaced, or left, once.

use loom::thread;
use ringway::ring::{
    Capacity, Closes as _, Consumer as _, Displace as _, DisplaceError, Producer as _, mpmc,
    mpmc::{Consumer, Producer},
};

use crate::{
    explore::explore,
    steps::{
        Drops,
        Popped::{Empty, Item},
        Pushed::{Full, In},
        claim_and_abandon, pop, pop_until_closed, push,
    },
};

/// How a displacing push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Displaced {
    /// It is in; that item went out for it.
    For(u64),
    /// It is in, and nothing went out: there was room, or a tombstone.
    ForNothing,
    /// The oldest slot was in another's hands.
    Busy,
    /// Refused; that item had gone out for it.
    Closed(Option<u64>),
}
use Displaced::{Busy, Closed, For, ForNothing};

fn displace(producer: &mut Producer<u64>, item: u64) -> Displaced {
    match producer.displace(item) {
        Ok(Some(oldest)) => For(oldest),
        Ok(None) => ForNothing,
        Err(DisplaceError::Busy(back)) => {
            assert_eq!(back, item, "another item came back");
            Busy
        }
        Err(DisplaceError::Closed { item: back, displaced }) => {
            assert_eq!(back, item, "another item came back");
            Closed(displaced)
        }
    }
}

/// A ring that holds the items from 1 on, so many that it is full.
fn full_ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    let (mut tx, rx) = mpmc(Capacity::exactly(capacity)).expect("a small ring");
    (1..=capacity as u64).for_each(|item| assert_eq!(push(&mut tx, item), In));
    (tx, rx)
}

/// The oldest item goes to the one or to the other.
#[test]
fn a_displace_against_a_pop_at_one_slot() {
    let accepted = [(For(1), Empty, vec![2]), (For(1), Item(2), vec![]), (ForNothing, Item(1), vec![2])];
    explore("displace: full: displace | pop", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let producer = thread::spawn(move || displace(&mut tx, 2));
        let popped = pop(&mut rx);
        (producer.join().unwrap(), popped, pop_until_closed(&mut rx))
    });
}

/// The same with two slots, and two pops.
#[test]
fn a_displace_against_pops_at_two_slots() {
    let accepted = [
        (For(1), [Item(2), Empty], vec![3]),
        (For(1), [Item(2), Item(3)], vec![]),
        (ForNothing, [Item(1), Item(2)], vec![3]),
    ];
    explore("displace: full: displace | pop pop", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(2);
        let producer = thread::spawn(move || displace(&mut tx, 3));
        let popped = [pop(&mut rx), pop(&mut rx)];
        (producer.join().unwrap(), popped, pop_until_closed(&mut rx))
    });
}

/// Two that displace at one slot: each takes another item out, and the second may take out the first's.
#[test]
fn two_displaces_at_one_slot() {
    let accepted = [(For(1), For(2), vec![3]), (For(3), For(1), vec![2])];
    explore("displace: full: displace | displace", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || displace(&mut other, 2));
        let here = displace(&mut tx, 3);
        drop(tx);
        (producer.join().unwrap(), here, pop_until_closed(&mut rx))
    });
}

/// The same with two slots.
#[test]
fn two_displaces_at_two_slots() {
    let accepted = [(For(1), For(2), vec![3, 4]), (For(2), For(1), vec![4, 3])];
    explore("displace: full: displace | displace, 2", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(2);
        let mut other = tx.clone();
        let producer = thread::spawn(move || displace(&mut other, 3));
        let here = displace(&mut tx, 4);
        drop(tx);
        (producer.join().unwrap(), here, pop_until_closed(&mut rx))
    });
}

/// A close is exact for a displacing push: it is in and comes before the end, or it is refused; the item that had made room
/// for it comes along then.
#[test]
fn a_displace_against_a_close_at_one_slot() {
    let accepted = [(For(1), vec![2]), (Closed(None), vec![1]), (Closed(Some(1)), vec![])];
    explore("displace: full: displace | close pop*", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let producer = thread::spawn(move || (displace(&mut tx, 2), tx));
        rx.close();
        let items = pop_until_closed(&mut rx);
        let (displaced, _tx) = producer.join().unwrap();
        (displaced, items)
    });
}

/// The same with two slots.
#[test]
fn a_displace_against_a_close_at_two_slots() {
    let accepted = [(For(1), vec![2, 3]), (Closed(None), vec![1, 2]), (Closed(Some(1)), vec![2])];
    explore("displace: full: displace | close pop*, 2", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(2);
        let producer = thread::spawn(move || (displace(&mut tx, 3), tx));
        rx.close();
        let items = pop_until_closed(&mut rx);
        let (displaced, _tx) = producer.join().unwrap();
        (displaced, items)
    });
}

/// A push can't get between the displaced item and the one that it made room for.
#[test]
fn a_displace_against_a_push() {
    let accepted = [(For(1), Full, vec![2])];
    explore("displace: full: displace | push", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || displace(&mut other, 2));
        let here = push(&mut tx, 3);
        drop(tx);
        (producer.join().unwrap(), here, pop_until_closed(&mut rx))
    });
}

/// All three at one slot.
#[test]
fn a_displace_a_push_and_a_pop() {
    let accepted = [
        (For(1), Full, Empty, vec![2]),
        (For(1), Full, Item(2), vec![]),
        (For(1), In, Item(2), vec![3]),
        (For(3), In, Item(1), vec![2]),
        (ForNothing, Full, Item(1), vec![2]),
    ];
    explore("displace: full: displace | push | pop", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let mut other = tx.clone();
        let displaces = thread::spawn(move || displace(&mut other, 2));
        let pushes = thread::spawn(move || push(&mut tx, 3));
        let popped = pop(&mut rx);
        (displaces.join().unwrap(), pushes.join().unwrap(), popped, pop_until_closed(&mut rx))
    });
}

/// A tombstone is displaced too, and counted, by whoever comes to it first.
#[test]
fn a_displace_against_a_pop_at_a_tombstone() {
    let accepted = [(ForNothing, Empty, vec![2]), (ForNothing, Item(2), vec![])];
    explore("displace: hole: displace | pop", 10, accepted, || {
        let (mut tx, mut rx) = mpmc(Capacity::exactly(1)).expect("a small ring");
        assert_eq!(claim_and_abandon(&mut tx, 1), In);
        let producer = thread::spawn(move || displace(&mut tx, 2));
        let popped = pop(&mut rx);
        let displaced = producer.join().unwrap();
        let rest = pop_until_closed(&mut rx);
        assert_eq!(rx.skipped(), 1);
        (displaced, popped, rest)
    });
}

/// While the oldest slot is an open claim the displacing push waits for it a little, and takes its item out then.
#[test]
fn a_displace_against_an_open_claim() {
    let accepted = [(For(1), vec![2])];
    explore("displace: claim: displace | commit", 10, accepted, || {
        let (mut tx, mut rx) = mpmc(Capacity::exactly(1)).expect("a small ring");
        let mut other = tx.clone();
        let mut claim = tx.try_claim(1).expect("a free slot");
        claim.push(1).expect("a slot");
        let producer = thread::spawn(move || displace(&mut other, 2));
        assert_eq!(claim.commit(), 1);
        let displaced = producer.join().unwrap();
        drop(tx);
        (displaced, pop_until_closed(&mut rx))
    });
}

/// The last consumer's drop closes too: every item is dropped once, displaced, refused or left.
#[test]
fn a_displace_against_the_last_drop() {
    explore("displace: full: displace drop | drop", 20, ["in", "closed"], || {
        let drops = Drops::default();
        let (mut tx, rx) = mpmc(Capacity::exactly(1)).expect("a small ring");
        assert!(tx.try_push(drops.item(1)).is_ok());
        let second = drops.item(2);
        let producer = thread::spawn(move || if tx.displace(second).is_ok() { "in" } else { "closed" });
        drop(rx);
        let how = producer.join().unwrap();
        drops.each_once(2);
        how
    });
}
