//! Policies on a full channel, on every kind: what was refused, what was lost, and who is told.

use std::time::Duration;

use ringway::{
    channel::{
        Block, BlockUntil, DropNewest,
        ItemOrGap::{self, Gap, Item},
        Losses, RecvUntilError, Reject, SendError, SendUntilError, TryRecvError, TrySendError,
    },
    ring::Kind,
    wait::{Deadline, Wait},
};

use crate::{ends, fill};

theme! { losing: each_policy_says_what_happened losses_are_told_in_band losses_are_told_however_they_are_asked_for a_closed_channel_refuses_under_each_policy }

pub(crate) fn each_policy_says_what_happened<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    assert_eq!(tx.send_with(Block, 0), Ok(()));
    assert_eq!(tx.send_with(DropNewest, 1), Ok(None));
    assert_eq!(rx.try_iter().count(), 2);
    let sent = fill(&mut tx);
    assert_eq!(tx.send_with(Reject, 99), Err(TrySendError::Full(99)));
    let soon = Deadline::after(Duration::from_millis(1));
    assert_eq!(tx.send_with(BlockUntil(soon), 99), Err(SendUntilError::Timeout(99)));
    assert_eq!(tx.losses(), Losses::default(), "what comes back is not lost");
    assert_eq!(tx.send_with(DropNewest, 98), Ok(Some(98)));
    assert_eq!(tx.send_with(DropNewest, 99), Ok(Some(99)));
    assert_eq!(tx.losses(), Losses { dropped_newest: 2, dropped_oldest: 0 });
    assert_eq!(rx.losses().total(), 2);
    assert!((0..sent).eq(rx.try_iter()));
}

pub(crate) fn losses_are_told_in_band<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    let (mut sent, mut lost, mut received, mut told) = (0, 0, 0, 0);
    for number in 0..500 {
        match tx.send_with(DropNewest, number).expect("open") {
            None => sent += 1,
            Some(dropped) => {
                assert_eq!(dropped, number);
                lost += 1;
            }
        }
        if number % 13 == 0 {
            for _ in 0..3 {
                match rx.recv_or_gap().expect("something was sent") {
                    Item(_) => received += 1,
                    Gap(items) => told += items,
                }
                if rx.depth() == 0 {
                    break;
                }
            }
            assert!(told <= lost);
        }
    }
    drop(tx);
    let rest: Vec<ItemOrGap<u64>> = std::iter::from_fn(|| rx.recv_or_gap().ok()).collect();
    for next in rest {
        match next {
            Item(_) => received += 1,
            Gap(items) => told += items,
        }
    }
    assert!(lost > 100, "nothing was lost: the test shows nothing");
    assert_eq!((received, told), (sent, lost));
    assert_eq!(rx.losses().total(), lost);
}

pub(crate) fn losses_are_told_however_they_are_asked_for<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    assert_eq!(rx.try_recv_or_gap(), Err(TryRecvError::Empty));
    assert_eq!(rx.recv_or_gap_until(Deadline::after(Duration::from_millis(1))), Err(RecvUntilError::Timeout));
    let sent = fill(&mut tx);
    assert_eq!(tx.send_with(DropNewest, 99), Ok(Some(99)));
    assert_eq!(rx.try_recv_or_gap(), Ok(Gap(1)));
    assert!((0..sent).all(|number| rx.recv_or_gap_until(Deadline::NEVER) == Ok(Item(number))));
    fill(&mut tx);
    assert_eq!(tx.send_with(DropNewest, 99), Ok(Some(99)));
    drop(tx);
    assert_eq!(rx.recv_or_gap_until(Deadline::now()), Ok(Gap(1)));
    assert!((0..sent).all(|number| rx.try_recv_or_gap() == Ok(Item(number))));
    assert_eq!(rx.try_recv_or_gap(), Err(TryRecvError::Closed));
    assert_eq!(rx.recv_or_gap_until(Deadline::NEVER), Err(RecvUntilError::Closed));
}

pub(crate) fn a_closed_channel_refuses_under_each_policy<K: Kind<u64>, W: Wait>() {
    let (mut tx, rx) = ends::<u64, K, W>(2);
    fill(&mut tx);
    tx.close();
    assert_eq!(tx.send_with(Block, 9), Err(SendError::Closed(9)));
    assert_eq!(tx.send_with(BlockUntil(Deadline::NEVER), 9), Err(SendUntilError::Closed(9)));
    assert_eq!(tx.send_with(Reject, 9), Err(TrySendError::Closed(9)));
    assert_eq!(tx.send_with(DropNewest, 9), Err(SendError::Closed(9)));
    assert_eq!(tx.losses().total(), 0);
    drop(rx);
}
