//! What went wrong in other channels, as far as no other theme tells it.
//!
//! * Futures that are dropped, wakers that panic: [`futures`](crate::futures). Waiters that pile up, calls that get lost, herds
//!   that thunder, batches that hold their gate: [`sleeping`](crate::sleeping).
//! * A close that races with sends, peers that die: [`closing`](crate::closing). A select that starves:
//!   [`selecting`](crate::selecting). Losses that nobody counts: [`losing`](crate::losing).

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use ringway::{
    channel::{self, channel},
    ring::{Capacity, mpmc::Mpmc},
    wait::Park,
};

use crate::{
    beside,
    support::counted::{Counted, Ledger},
};

/// crossbeam RUSTSEC-2025-0024 (#1187): the last receiver's drop, a send in progress and the last sender's drop meet, and an
/// item is dropped twice. Here each is dropped once, whoever is last.
#[test]
fn the_last_drops_meet_a_send() {
    for round in 0..200 {
        let ledger = Ledger::new(64);
        let (tx, rx) = channel::mpmc::<Counted>(2).unwrap();
        let start = Arc::new(Barrier::new(3));
        let threads: Vec<thread::JoinHandle<()>> = vec![
            {
                let (start, mut tx) = (Arc::clone(&start), tx.clone());
                beside(move || {
                    start.wait();
                    for value in 0..8 {
                        if tx.send(ledger.make(value)).is_err() {
                            return;
                        }
                    }
                })
            },
            {
                let start = Arc::clone(&start);
                beside(move || {
                    start.wait();
                    drop(tx);
                })
            },
            {
                let (start, mut rx) = (Arc::clone(&start), rx);
                beside(move || {
                    start.wait();
                    for _ in 0..round % 5 {
                        drop(rx.recv());
                    }
                })
            },
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        ledger.settle(0);
    }
}

/// nexus-channel and omango hang in a blocking ping-pong: a release store, then a load of the sleeper's flag, and no fence
/// between them. Small rings, so that both sides sleep often, and ends on both sides.
#[test]
fn no_wake_up_is_lost_where_everybody_sleeps_often() {
    let (mut tx, rx) = channel::<u64, Mpmc, Park>(Capacity::exactly(1)).unwrap();
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let mut rx = rx.clone();
            beside(move || rx.iter().sum::<u64>())
        })
        .collect();
    drop(rx);
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let mut tx = tx.clone();
            beside(move || (0..3000).try_for_each(|number| tx.send(number)).unwrap())
        })
        .collect();
    (0..3000).try_for_each(|number| tx.send(number)).unwrap();
    drop(tx);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let sum: u64 = receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum();
    assert_eq!(sum, 3 * (2999 * 3000 / 2));
}

/// Durations that no clock can add up wait for ever, and do not panic.
#[test]
fn far_deadlines_are_for_ever() {
    let (mut tx, mut rx) = channel::spsc::<u64>(1).unwrap();
    let receiver = beside(move || (rx.recv_timeout(Duration::MAX), rx.recv_timeout(Duration::from_secs(u64::MAX))));
    tx.send_timeout(1, Duration::MAX).unwrap();
    tx.send(2).unwrap();
    assert_eq!(receiver.join().unwrap(), (Ok(1), Ok(2)));
}

/// Senders of a full channel that time out at the very moment at which room is made pass their call on: the ones that wait
/// longer get in.
#[test]
fn a_time_out_swallows_no_call() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(1).unwrap();
    let (mut hasty, mut patient) = (tx.clone(), tx.clone());
    tx.send(0).unwrap();
    let hasty = beside(move || (0..2000).filter(|_| hasty.send_timeout(1, Duration::from_micros(30)).is_ok()).count());
    let patient = beside(move || (0..200).try_for_each(|_| patient.send(2)).unwrap());
    drop(tx);
    let mut counts = [0; 3];
    for item in &mut rx {
        counts[item as usize] += 1;
        if counts[2] % 3 == 0 {
            thread::yield_now();
        }
    }
    patient.join().unwrap();
    assert_eq!(counts, [1, hasty.join().unwrap(), 200]);
}
