//! Slices: sent from a buffer, and on a channel over a `dense` ring written and read in place.
#![allow(unsafe_code)]

use std::time::Duration;

use ringway::{
    channel::{self, End, RecvError, RecvUntilError, SendManyError, TryRecvError},
    wait::Deadline,
};

use crate::{
    beside,
    support::patience::{dies, until},
};

/// Through a channel that is much shorter than what is sent, in claims and runs of any length.
#[test]
fn claims_and_runs_carry_a_stream_in_place() {
    const BYTES: usize = 100_000;
    let (mut tx, mut rx) = channel::dense::<u8>(64).unwrap();
    let writer = beside(move || {
        let mut written = 0;
        while written < BYTES {
            let mut claim = tx.claim((written % 50 + 1).min(BYTES - written)).unwrap();
            let (first, second) = claim.slices();
            for (nth, slot) in first.iter_mut().chain(second).enumerate() {
                slot.write((written + nth) as u8);
            }
            // SAFETY: each slot was written by the loop above.
            unsafe { claim.assume_all_written() };
            written += claim.commit();
        }
    });
    let mut read = 0;
    loop {
        let consumed = rx.recv_run(40, |run| {
            let (first, second) = run.slices();
            let items = first.len() + second.len();
            assert!((1..=40).contains(&items));
            // Some are left for the next time.
            let items = items.div_ceil(2);
            let is_right = |(nth, byte): (usize, &u8)| *byte == (read + nth) as u8;
            assert!(first.iter().chain(second).take(items).enumerate().all(is_right));
            run.consume(items);
            items
        });
        match consumed {
            Ok(items) => read += items,
            Err(end) => break assert_eq!(end, RecvError::Closed),
        }
    }
    assert_eq!(read, BYTES);
    writer.join().unwrap();
}

#[test]
fn a_run_that_is_consumed_makes_room_for_a_sleeper() {
    let (mut tx, mut rx) = channel::dense::<u64>(2).unwrap();
    while tx.try_send(0).is_ok() {}
    let sender = beside(move || tx.send(1));
    until("a sleeping sender", || (rx.sleeping_senders() == 1).then_some(()));
    let all = rx.depth();
    dies(|| {
        let _ = rx.try_recv_run(1, |_| panic!("a reader that was told to"));
    });
    assert_eq!(rx.depth(), all, "what was not consumed stays");
    rx.try_recv_run(all, |run| run.consume(all)).unwrap();
    assert_eq!(sender.join().unwrap(), Ok(()));
}

#[test]
fn a_run_waits_as_long_as_it_is_told() {
    let (mut tx, mut rx) = channel::dense::<u64>(4).unwrap();
    let items = |run: ringway::ring::dense::Run<'_, u64>| run.slices().0.len();
    assert_eq!(rx.try_recv_run(9, items), Err(TryRecvError::Empty));
    assert_eq!(rx.recv_run_until(Deadline::after(Duration::from_millis(1)), 9, items), Err(RecvUntilError::Timeout));
    tx.send(1).unwrap();
    assert_eq!(rx.recv_run_until(Deadline::now(), 9, items), Ok(1));
    drop(tx);
    assert_eq!(rx.try_recv_run(9, |run| run.consume(1)), Ok(()));
    assert_eq!(rx.recv_run_until(Deadline::NEVER, 9, items), Err(RecvUntilError::Closed));
}

#[test]
fn a_slice_is_sent_until_the_end() {
    let (mut tx, mut rx) = channel::mpmc::<u16>(8).unwrap();
    let items: Vec<u16> = (0..10_000).collect();
    let sent = items.clone();
    let sender = beside(move || (tx.send_slice(&sent), tx));
    let mut received = Vec::new();
    while received.len() < items.len() {
        rx.recv_many(&mut received, 100).unwrap();
    }
    let (sent, mut tx) = sender.join().unwrap();
    assert_eq!((sent, received), (Ok(items.len()), items));
    assert_eq!(tx.send_slice(&[]), Ok(0));
    let sender = beside(move || tx.send_slice(&[7; 100]));
    until("a full channel", || (rx.depth() == 8).then_some(()));
    rx.close();
    assert_eq!(sender.join().unwrap(), Err(SendManyError { sent: 8, end: End::Closed }));
}
