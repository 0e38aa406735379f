//! Broadcasts: every receiver sees every item.

use std::{future::Future, pin::Pin, task::Context};

use pollster::block_on;
use ringway::channel::{self, RecvError, TryRecvError};

use crate::{
    beside,
    support::{patience::until, wakes::Wakes},
};

#[test]
fn each_receiver_sees_everything_at_its_own_pace() {
    let (mut tx, rx) = channel::broadcast::<u64>(8).unwrap();
    let receivers: Vec<_> = (0..3)
        .map(|nth| {
            let mut rx = rx.clone();
            beside(move || {
                let mut sum = 0;
                while let Ok(item) = if nth == 0 { rx.recv() } else { rx.recv_ref().copied() } {
                    sum += item;
                }
                sum
            })
        })
        .collect();
    drop(rx);
    (0..1000).try_for_each(|number| tx.send(number)).unwrap();
    drop(tx);
    receivers.into_iter().for_each(|receiver| assert_eq!(receiver.join().unwrap(), 499_500));
}

#[test]
fn an_item_is_lent_until_the_next_call() {
    let (mut tx, mut rx) = channel::broadcast_multi::<String>(2).unwrap();
    tx.send("first".to_owned()).unwrap();
    tx.send("second".to_owned()).unwrap();
    assert_eq!(rx.try_recv_ref().unwrap(), "first");
    assert_eq!(rx.recv_ref().unwrap(), "second");
    assert_eq!(rx.try_recv_ref(), Err(TryRecvError::Empty));
    drop(tx);
    assert_eq!(rx.recv_ref(), Err(RecvError::Closed));
}

/// A future that is dropped has received nothing.
#[test]
fn a_task_is_lent_items() {
    let (mut tx, mut rx) = channel::broadcast::<String>(2).unwrap();
    let (count, waker) = Wakes::waker();
    let mut next = rx.recv_ref_async();
    let context = &mut Context::from_waker(&waker);
    assert!(Pin::new(&mut next).poll(context).is_pending());
    tx.send("first".to_owned()).unwrap();
    assert_eq!(count.get(), 1);
    drop(next);
    assert_eq!(tx.sleeping_receivers(), 0);
    assert_eq!(block_on(rx.recv_ref_async()).unwrap(), "first");
    let sender = beside(move || (0..100).try_for_each(|number| tx.send(number.to_string())));
    block_on(async {
        for number in 0..100 {
            assert_eq!(*rx.recv_ref_async().await.unwrap(), number.to_string());
        }
        assert_eq!(rx.recv_ref_async().await, Err(RecvError::Closed));
    });
    sender.join().unwrap().unwrap();
}

#[test]
fn who_subscribes_sees_what_comes_then() {
    let (mut tx, mut early) = channel::broadcast::<u64>(8).unwrap();
    tx.send(1).unwrap();
    let mut late = tx.subscribe();
    tx.send(2).unwrap();
    assert_eq!(tx.receivers(), 2);
    assert!([1, 2].into_iter().eq(early.try_iter()));
    assert!([2].into_iter().eq(late.try_iter()));
}

/// Its gate is the only thing that the sender waits for.
#[test]
fn the_slowest_receiver_leaves_and_the_sender_goes_on() {
    let (mut tx, slow) = channel::broadcast::<u64>(2).unwrap();
    let mut rx = slow.clone();
    while tx.try_send(0).is_ok() {}
    assert!(rx.try_iter().count() >= 2);
    let sender = beside(move || tx.send(1));
    until("a sleeping sender", || (rx.sleeping_senders() == 1).then_some(()));
    drop(slow);
    assert_eq!(sender.join().unwrap(), Ok(()));
    assert_eq!(rx.recv(), Ok(1));
}

/// The last receiver does not close: another may come.
#[test]
fn a_broadcast_without_receivers_goes_on() {
    let (mut tx, rx) = channel::broadcast::<u64>(2).unwrap();
    drop(rx);
    (0..10).try_for_each(|number| tx.send(number)).unwrap();
    let mut rx = tx.subscribe();
    tx.send(10).unwrap();
    assert_eq!(rx.recv(), Ok(10));
}

#[test]
fn all_sleeping_receivers_wake_for_one_item() {
    let (mut tx, rx) = channel::broadcast::<u64>(2).unwrap();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let mut rx = rx.clone();
            beside(move || rx.recv())
        })
        .collect();
    until("four sleepers", || (tx.sleeping_receivers() == 4).then_some(()));
    tx.send(5).unwrap();
    drop(rx);
    receivers.into_iter().for_each(|receiver| assert_eq!(receiver.join().unwrap(), Ok(5)));
}
