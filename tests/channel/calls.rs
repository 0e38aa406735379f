//! The calls one by one, on one thread.

use std::time::{Duration, Instant};

use ringway::{
    channel::{RecvError, RecvUntilError, SendUntilError, TryRecvError, TrySendError},
    ring::Kind,
    wait::{Deadline, Wait},
};

use crate::{ends, fill};

theme! { calls: what_is_sent_is_received a_full_channel_hands_back a_deadline_gives_up a_deadline_that_is_over_tries_once
iterators_end_with_the_channel figures looking }

pub(crate) fn what_is_sent_is_received<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    for lap in 0..20 {
        tx.send(3 * lap).expect("open");
        tx.try_send(3 * lap + 1).expect("room");
        tx.send_timeout(3 * lap + 2, Duration::MAX).expect("room");
        assert_eq!(rx.recv(), Ok(3 * lap));
        assert_eq!(rx.try_recv(), Ok(3 * lap + 1));
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(3 * lap + 2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

pub(crate) fn a_full_channel_hands_back<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    let sent = fill(&mut tx);
    assert!(sent >= 4);
    assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)));
    assert_eq!(tx.try_send(99).unwrap_err().into_inner(), 99);
    assert!((0..sent).eq(rx.try_iter()));
}

pub(crate) fn a_deadline_gives_up<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    let time = Duration::from_millis(3);
    let start = Instant::now();
    assert_eq!(rx.recv_timeout(time), Err(RecvUntilError::Timeout));
    assert!(start.elapsed() >= time, "gave up too early");
    let sent = fill(&mut tx);
    let start = Instant::now();
    assert_eq!(tx.send_timeout(99, time), Err(SendUntilError::Timeout(99)));
    assert!(start.elapsed() >= time, "gave up too early");
    let mut items = Vec::new();
    assert_eq!(rx.recv_each_until(Deadline::after(time), 100, |item| items.push(item)), Ok(sent as usize));
    assert_eq!(rx.recv_each_until(Deadline::after(time), 100, |_| ()), Err(RecvUntilError::Timeout));
}

pub(crate) fn a_deadline_that_is_over_tries_once<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(2);
    assert_eq!(rx.recv_until(Deadline::now()), Err(RecvUntilError::Timeout));
    assert_eq!(tx.send_until(1, Deadline::now()), Ok(()));
    assert_eq!(rx.recv_until(Deadline::now()), Ok(1));
    let sent = fill(&mut tx);
    assert_eq!(tx.send_until(99, Deadline::now()), Err(SendUntilError::Timeout(99)));
    assert_eq!(rx.try_iter().count() as u64, sent);
}

pub(crate) fn iterators_end_with_the_channel<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(8);
    assert_eq!(rx.try_iter().next(), None);
    tx.send_many(&mut (0..5)).expect("open");
    assert_eq!(rx.iter().take(2).collect::<Vec<_>>(), [0, 1]);
    drop(tx);
    assert_eq!((&mut rx).into_iter().collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(rx.iter().next(), None);
    assert_eq!(rx.recv(), Err(RecvError::Closed));
    assert_eq!(rx.into_iter().next(), None);
}

pub(crate) fn figures<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(16);
    assert_eq!((tx.capacity(), rx.capacity(), tx.receivers(), rx.senders()), (16, 16, 1, 1));
    tx.send_many(&mut (0..10)).expect("open");
    assert_eq!((tx.depth(), rx.depth()), (10, 10));
    assert!(tx.room() >= 6);
    assert_eq!((rx.sleeping_senders(), tx.sleeping_receivers()), (0, 0));
    assert_eq!(rx.try_iter().count(), 10);
    assert_eq!(rx.depth(), 0);
    assert!(!tx.is_closed() && !rx.is_closed());
    for text in [format!("{tx:?}"), format!("{rx:?}")] {
        assert!(text.contains("closed: false"), "{text}");
    }
}

pub(crate) fn looking<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(4);
    assert_eq!(rx.peek(), Err(TryRecvError::Empty));
    tx.send_many(&mut (1..=2)).expect("open");
    assert_eq!(rx.peek(), Ok(&1));
    assert_eq!(rx.peek(), Ok(&1));
    assert_eq!(rx.recv(), Ok(1));
    drop(tx);
    assert_eq!(rx.peek(), Ok(&2));
    assert_eq!(rx.recv(), Ok(2));
    assert_eq!(rx.peek(), Err(TryRecvError::Closed));
}
