//! `dense` by the slice: claims and runs in place, across the end of the buffer.
#![allow(unsafe_code)]

use std::{collections::VecDeque, mem::forget};

use ringway::ring::{Capacity, Consumer, PopError, Producer, PushError, dense};

use crate::support::{
    counted::{Counted, Ledger},
    patience::dies,
    random::{Random, SayOnPanic},
};

fn ring<T: Send>(slots: usize) -> (dense::Producer<T>, dense::Consumer<T>) {
    dense(Capacity::exactly(slots)).expect("a power of two of slots")
}

/// A stream of bytes in pieces of random length, each side in slices, against a deque.
#[test]
fn a_stream_of_bytes_passes_in_slices() {
    for seed in 0..50 {
        let _say = SayOnPanic(|| format!("seed {seed}"));
        let mut random = Random::new(seed);
        let (mut tx, mut rx) = ring::<u8>(1 << random.below(9));
        let (mut inside, mut next) = (VecDeque::new(), 0_u8);
        for _ in 0..400 {
            if random.below(2) == 0 {
                let Ok(mut claim) = tx.try_claim(1 + random.below(300)) else { continue };
                let (left, right) = claim.slices();
                let slots = left.len() + right.len();
                for place in left.iter_mut().chain(right) {
                    place.write(next);
                    inside.push_back(next);
                    next = next.wrapping_add(1);
                }
                assert_eq!(claim.slots(), slots);
                // SAFETY: the loop wrote both slices.
                unsafe { claim.assume_all_written() };
                assert_eq!(claim.commit(), slots);
            } else if let Ok(run) = rx.try_run(usize::MAX) {
                let (left, right) = run.slices();
                assert!(left.iter().chain(right).eq(&inside), "the run is all there is");
                let count = random.below(left.len() + right.len() + 1);
                run.consume(count);
                inside.drain(..count);
            } else {
                assert!(inside.is_empty());
            }
            assert_eq!(rx.depth(), inside.len());
        }
    }
}

#[test]
fn the_slices_of_a_claim_are_what_is_not_written_yet() {
    let (mut tx, mut rx) = ring::<u64>(8);
    for round in 0..50 {
        let mut claim = tx.try_claim(5).unwrap();
        claim.push(round).unwrap();
        claim.push(round).unwrap();
        let (left, right) = claim.slices();
        assert_eq!(left.len() + right.len(), 3);
        left.iter_mut().chain(right).for_each(|place| _ = place.write(round + 1));
        // SAFETY: two were pushed, and the line before wrote the others.
        unsafe { claim.assume_all_written() };
        let (left, right) = claim.slices();
        assert!(left.is_empty() && right.is_empty());
        assert_eq!(claim.take_back(), Some(round + 1));
        assert_eq!(claim.commit(), 4);
        let mut out = Vec::new();
        assert_eq!(rx.pop_into(&mut out, 8), Ok(4));
        assert_eq!(out, [round, round, round + 1, round + 1]);
    }
}

/// What was written through slices and not committed is nobody's item.
#[test]
fn slices_without_a_commit_leave_nothing() {
    let (mut tx, mut rx) = ring::<u64>(4);
    for forgotten in [false, true] {
        let mut claim = tx.try_claim(4).unwrap();
        let (left, right) = claim.slices();
        left.iter_mut().chain(right).for_each(|place| _ = place.write(9));
        if forgotten {
            forget(claim)
        } else {
            drop(claim)
        }
        assert!(rx.try_run(usize::MAX).is_err());
        tx.try_push(1).unwrap();
        assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Err(PopError::Empty)]);
    }
}

#[test]
fn a_run_takes_only_what_it_consumes() {
    let (mut tx, mut rx) = ring::<u64>(8);
    assert_eq!(rx.try_run(usize::MAX).err(), Some(PopError::Empty));
    tx.push_slice(&[1, 2, 3]).unwrap();
    assert!(rx.try_run(usize::MAX).is_ok());
    rx.try_run(usize::MAX).unwrap().consume(0);
    assert_eq!(rx.depth(), 3);
    rx.try_run(usize::MAX).unwrap().consume(2);
    assert_eq!(rx.try_pop(), Ok(3));
    tx.close();
    assert_eq!(rx.try_run(usize::MAX).err(), Some(PopError::Closed));
}

#[test]
fn more_than_there_is_can_not_be_consumed() {
    let (mut tx, mut rx) = ring::<u64>(8);
    tx.push_slice(&[1, 2]).unwrap();
    dies(|| rx.try_run(usize::MAX).unwrap().consume(3));
    assert_eq!(rx.depth(), 2);
    rx.try_run(usize::MAX).unwrap().consume(2);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

/// Consumed items are dropped once each, also if one of those drops panics; what lies behind it stays.
#[test]
fn what_is_consumed_is_dropped_once() {
    for nth in 0..=4 {
        let ledger = Ledger::new(64);
        let (mut tx, mut rx) = ring::<Counted>(8);
        for lap in 0..3 {
            assert_eq!(tx.push_iter(&mut (0..6).map(|item| ledger.make(item))), Ok(6));
            if lap < 2 {
                rx.try_run(usize::MAX).unwrap().consume(6);
            }
        }
        if nth > 0 {
            ledger.panic_at_drop(nth);
            dies(|| rx.try_run(usize::MAX).unwrap().consume(4));
        } else {
            rx.try_run(usize::MAX).unwrap().consume(4);
        }
        let left: Vec<u64> = std::iter::from_fn(|| rx.try_pop().ok()).map(|item| item.value).collect();
        assert_eq!(left, (if nth > 0 { nth as u64 } else { 4 }..6).collect::<Vec<_>>());
        drop((tx, rx));
        ledger.settle(0);
    }
}

/// However the ring wraps, a run of it can be refilled by the slice.
#[test]
fn slices_fill_what_runs_free() {
    for slots in [1, 2, 8, 16, 64] {
        let (mut tx, mut rx) = ring::<u64>(slots);
        let all: Vec<u64> = (0..100).collect();
        let (mut pushed, mut popped) = (0, 0);
        for round in 0..500 {
            match tx.push_slice(&all[..1 + round % 100]) {
                Ok(count) => pushed += count,
                Err(error) => assert_eq!(error, PushError::Full(())),
            }
            if let Ok(run) = rx.try_run(usize::MAX) {
                let count = (run.slices().0.len() + run.slices().1.len()).min(1 + round % 7);
                run.consume(count);
                popped += count;
            }
            assert_eq!(rx.depth(), pushed - popped);
        }
        while let Ok(run) = rx.try_run(usize::MAX) {
            popped += run.slices().0.len() + run.slices().1.len();
            let count = run.slices().0.len() + run.slices().1.len();
            run.consume(count);
        }
        assert_eq!(pushed, popped);
    }
}
