//! Slots written in place: committed, taken back, abandoned, dropped and forgotten.
#![allow(unsafe_code)]

use std::mem::forget;

use ringway::ring::{Closes, Consumer, PopError, Producer, PushError};

use crate::support::{
    calls::Ending,
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    patience::dies,
};

pub(crate) fn what_is_committed_comes_out<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut claim = tx.try_claim(3).unwrap();
    assert_eq!((claim.slots(), claim.written()), (3, 0));
    for item in 10..13 {
        assert_eq!(claim.push(item), Ok(()));
    }
    assert_eq!(claim.push(99), Err(99), "three slots were claimed");
    assert_eq!(claim.written(), 3);
    assert_eq!(claim.commit(), 3);
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(10), Ok(11), Ok(12)]);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

pub(crate) fn nothing_is_seen_before_the_commit<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    tx.try_push(1).unwrap();
    let mut claim = tx.try_claim(2).unwrap();
    claim.push(2).unwrap();
    claim.push(3).unwrap();
    assert_eq!(rx.try_pop(), Ok(1), "what came before the claim is not held up");
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(rx.peek(), Err(PopError::Empty));
    assert_eq!(claim.commit(), 2);
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(2), Ok(3)]);
}

pub(crate) fn a_slot_is_written_in_place<K: Subject<[u64; 9]>>() {
    let (mut tx, mut rx) = ring::<K, [u64; 9]>(4);
    let mut claim = tx.try_claim(1).unwrap();
    let place = claim.slot().expect("one slot");
    let first = place.as_ptr();
    assert_eq!(claim.slot().expect("still the same slot").as_ptr(), first);
    let frame = claim.slot().expect("one slot").write([0; 9]);
    frame[8] = 7;
    // SAFETY: the slot was written by the line before last.
    unsafe { claim.assume_written() };
    assert!(claim.slot().is_none());
    assert_eq!(claim.commit(), 1);
    assert_eq!(rx.try_pop().map(|frame| frame[8]), Ok(7));
}

/// The count of written slots is what a commit believes: it must not run past the claim.
pub(crate) fn more_than_claimed_can_not_be_written<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    let mut claim = tx.try_claim(1).unwrap();
    claim.push(1).unwrap();
    dies(|| {
        // SAFETY: panics, because every slot is written.
        unsafe { claim.assume_written() };
    });
    assert_eq!(claim.commit(), 1);
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Empty)]);
}

pub(crate) fn a_claim_of_nothing_is_a_mistake<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    dies(|| {
        let _ = tx.try_claim(0);
    });
    tx.try_push(1).unwrap();
    assert_eq!(rx.try_pop(), Ok(1));
}

pub(crate) fn the_last_written_can_be_taken_back<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut claim = tx.try_claim(3).unwrap();
    assert_eq!(claim.take_back(), None);
    claim.push(1).unwrap();
    claim.push(2).unwrap();
    assert_eq!(claim.take_back(), Some(2));
    claim.push(3).unwrap();
    assert_eq!((claim.written(), claim.commit()), (2, 2));
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(1), Ok(3), Err(PopError::Empty)]);
    assert_eq!(rx.skipped(), u64::from(K::FACTS.tombstones));
}

/// Claims of every size, committed to every extent, at every place of the ring and across its end.
pub(crate) fn a_claim_may_be_committed_in_part<K: Subject<u64>>() {
    for slots in [1, 2, 4, 8, 16] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let mut unwritten = 0;
        for round in 0..300 {
            let max = 1 + round % slots;
            let mut claim = tx.try_claim(max).unwrap();
            let (granted, written) = (claim.slots(), (round / 3) % (claim.slots() + 1));
            assert_eq!(granted, max, "an empty ring grants what it can hold");
            for nth in 0..written {
                claim.push((round + nth) as u64).unwrap();
            }
            assert_eq!(claim.commit(), written);
            unwritten += (granted - written) as u64;
            for nth in 0..written {
                assert_eq!(rx.try_pop(), Ok((round + nth) as u64), "round {round} of {slots} slots");
            }
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
        }
        assert_eq!(rx.skipped(), if K::FACTS.tombstones { unwritten } else { 0 });
    }
}

pub(crate) fn a_claim_gets_what_room_there_is<K: Subject<u64>>() {
    for slots in [1, 2, 8, 16, 64] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let hold = K::FACTS.hold(slots);
        let claim = tx.try_claim(10 * slots).unwrap();
        assert!((slots..=hold).contains(&claim.slots()), "{} granted of {slots}", claim.slots());
        drop(claim);
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
        let mut inside = 0;
        while let Ok(mut claim) = tx.try_claim(slots.div_ceil(2)) {
            while claim.push(inside).is_ok() {
                inside += 1;
            }
            claim.commit();
        }
        assert_eq!(tx.try_claim(1).err(), Some(PushError::Full(())));
        assert!((slots as u64..=hold as u64).contains(&inside));
        for item in 0..inside {
            assert_eq!(rx.try_pop(), Ok(item));
        }
    }
}

/// The ways to leave a claim: after each the ring goes on, the slots are free again, and no value is lost.
pub(crate) fn a_claim_left_alone_holds_nobody_up<K: Subject<Counted>>() {
    for way in [Ending::Abandon, Ending::Drop, Ending::Forget] {
        let ledger = Ledger::new(40_000);
        let (mut tx, mut rx) = ring::<K, Counted>(8);
        let (mut leaked, mut left_over) = (0, 0);
        for round in 0..100 {
            tx.try_push(ledger.make(2 * round)).unwrap();
            let mut claim = tx.try_claim(1 + round as usize % 5).unwrap();
            left_over += claim.slots() as u64;
            let written = round as usize % 3;
            let written = (0..written).filter(|_| claim.push(ledger.make(u64::MAX)).is_ok()).count();
            match way {
                Ending::Abandon => claim.abandon(),
                Ending::Drop => drop(claim),
                _ => {
                    forget(claim);
                    leaked += written;
                }
            }
            tx.try_push(ledger.make(2 * round + 1)).unwrap();
            assert_eq!(rx.try_pop().map(|item| item.value), Ok(2 * round));
            assert_eq!(rx.try_pop().map(|item| item.value), Ok(2 * round + 1));
            assert!(rx.try_pop().is_err());
        }
        assert_eq!(rx.skipped(), if K::FACTS.tombstones { left_over } else { 0 });
        drop((tx, rx));
        ledger.settle(leaked);
    }
}

/// crossbeam #1295, thingbuf #83: a leaked guard. Here its producer ends it as soon as it does anything else.
pub(crate) fn a_forgotten_claim_ends_with_the_next_call<K: Subject<u64>>() {
    let next_calls: [fn(&mut K::Producer); 4] = [
        |tx| tx.try_push(7).unwrap(),
        |tx| assert_eq!(tx.push_iter(&mut [7].into_iter()), Ok(1)),
        |tx| {
            let mut claim = tx.try_claim(1).unwrap();
            claim.push(7).unwrap();
            claim.commit();
        },
        |tx| drop(tx.try_claim(1)),
    ];
    for (nth, call) in next_calls.into_iter().enumerate() {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        forget(tx.try_claim(2).unwrap());
        call(&mut tx);
        let mut out = Vec::new();
        let _ = rx.pop_into(&mut out, 4);
        assert_eq!(out, if nth < 3 { vec![7] } else { vec![] }, "call {nth}");
        assert_eq!(rx.try_pop(), Err(PopError::Empty), "call {nth}");
        tx.close();
        assert_eq!(rx.try_pop(), Err(PopError::Closed), "call {nth}");
    }
}

/// The end of a closed stream waits for open claims, but not for one whose producer has gone on.
pub(crate) fn a_forgotten_claim_does_not_put_the_end_off<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    let next_calls: [fn(&mut K::Producer); 4] = [
        |tx| tx.try_push(7).unwrap(),
        |tx| assert_eq!(tx.push_iter(&mut [7].into_iter()), Ok(1)),
        |tx| drop(tx.try_claim(1)),
        |tx| tx.close(),
    ];
    for (nth, call) in next_calls.into_iter().enumerate() {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        forget(tx.try_claim(2).unwrap());
        call(&mut tx);
        rx.close();
        while rx.try_pop().is_ok() {}
        assert_eq!(rx.try_pop(), Err(PopError::Closed), "call {nth}");
    }
}

pub(crate) fn a_forgotten_claim_ends_with_its_producer<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(1).unwrap();
    forget(tx.try_claim(3).unwrap());
    drop(tx);
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Closed)]);
}

/// Forgetting every claim would fill a ring with dead slots if they did not come free.
pub(crate) fn forgetting_every_claim_fills_nothing<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    for round in 0..1000 {
        let claim = tx.try_claim(3).unwrap_or_else(|error| panic!("{error:?} in round {round}"));
        forget(claim);
        tx.try_push(round).unwrap();
        assert_eq!(rx.try_pop(), Ok(round));
    }
}

macro_rules! claims {
    ($Kind:ty) => {
        stamp! { claims, $Kind:
            what_is_committed_comes_out
            nothing_is_seen_before_the_commit
            a_slot_is_written_in_place
            more_than_claimed_can_not_be_written
            a_claim_of_nothing_is_a_mistake
            the_last_written_can_be_taken_back
            a_claim_may_be_committed_in_part
            a_claim_gets_what_room_there_is
            a_claim_left_alone_holds_nobody_up
            a_forgotten_claim_ends_with_the_next_call
            a_forgotten_claim_ends_with_its_producer
            forgetting_every_claim_fills_nothing
        }
    };
}

macro_rules! claims_and_closing_consumers {
    ($Kind:ty) => {
        mod claims_and_closing_consumers {
            stamp! { claims, $Kind: a_forgotten_claim_does_not_put_the_end_off }
        }
    };
}
