//! Close is exact, everybody who waits learns of it, and a peer that died is told from one that left.

use ringway::{
    channel::{End, RecvError, SendError, SendManyError, TryRecvError, TrySendError},
    ring::Kind,
    wait::Wait,
};

use crate::{beside, ends, fill, support::patience::dies};

theme! { closing: what_was_accepted_is_received_then_the_end dropping_the_sender_wakes_the_receiver a_close_wakes_the_receiver
a_sender_that_dies_is_told a_batch_learns_how_many_were_sent }

pub(crate) fn what_was_accepted_is_received_then_the_end<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(8);
    tx.send_many(&mut (0..5)).expect("open");
    tx.close();
    tx.close();
    assert!(tx.is_closed() && rx.is_closed());
    assert_eq!(tx.send(9), Err(SendError::Closed(9)));
    assert_eq!(tx.try_send(9), Err(TrySendError::Closed(9)));
    assert!(tx.claim(1).is_err());
    assert!((0..5).eq(rx.iter()));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(rx.recv(), Err(RecvError::Closed));
}

pub(crate) fn dropping_the_sender_wakes_the_receiver<K: Kind<u64, Consumer: 'static> + 'static, W: Wait>() {
    for _ in 0..50 {
        let (tx, mut rx) = ends::<u64, K, W>(8);
        let receiver = beside(move || rx.recv());
        drop(tx);
        assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
    }
}

pub(crate) fn a_close_wakes_the_receiver<K: Kind<u64, Consumer: 'static> + 'static, W: Wait>() {
    for _ in 0..50 {
        let (mut tx, mut rx) = ends::<u64, K, W>(8);
        let receiver = beside(move || rx.iter().collect::<Vec<_>>());
        tx.send(1).expect("open");
        tx.close();
        assert_eq!(receiver.join().unwrap(), [1]);
        drop(tx);
    }
}

/// flume, kanal and others report a panic as a disconnection; thingbuf 0.1.6 left its peer waiting for ever.
pub(crate) fn a_sender_that_dies_is_told<K: Kind<u64>, W: Wait>() {
    let (mut tx, mut rx) = ends::<u64, K, W>(8);
    dies(move || {
        tx.send(1).expect("open");
        panic!("in the middle of its work");
    });
    assert_eq!(rx.recv(), Ok(1));
    assert_eq!(rx.recv(), Err(RecvError::PeerDied));
    assert_eq!(rx.try_recv(), Err(TryRecvError::PeerDied));
}

pub(crate) fn a_batch_learns_how_many_were_sent<K: Kind<u64>, W: Wait>() {
    let (mut tx, rx) = ends::<u64, K, W>(8);
    tx.close();
    let mut items = 0..5;
    assert_eq!(tx.send_many(&mut items), Err(SendManyError { sent: 0, end: End::Closed }));
    assert_eq!(items, 0..5);
    assert_eq!(tx.try_send_many(&mut items), Err(TrySendError::Closed(())));
    drop(rx);
}

/// Kinds whose receivers end the stream.
pub(crate) mod by_receiver {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use ringway::{
        channel::Drained,
        ring::{Closes, Kind},
        wait::{Deadline, Wait},
    };

    use super::*;

    theme! { closing_by_receiver: dropping_the_receiver_wakes_the_sender a_close_against_sends_loses_nothing
    a_receiver_that_dies_is_told_and_what_was_queued_comes_back draining }

    pub(crate) fn dropping_the_receiver_wakes_the_sender<K: Kind<u64, Producer: 'static> + 'static, W: Wait>()
    where
        K::Consumer: Closes,
    {
        for _ in 0..50 {
            let (mut tx, rx) = ends::<u64, K, W>(2);
            fill(&mut tx);
            let sender = beside(move || tx.send(99));
            drop(rx);
            assert_eq!(sender.join().unwrap(), Err(SendError::Closed(99)));
        }
    }

    /// crossbeam #236, #861, #1114: an item sent while the channel closes is refused and back, or received.
    pub(crate) fn a_close_against_sends_loses_nothing<K: Kind<u64, Producer: 'static> + 'static, W: Wait>()
    where
        K::Consumer: Closes,
    {
        for round in 0..100 {
            let (mut tx, mut rx) = ends::<u64, K, W>(4);
            let sender = beside(move || {
                let accepted = (0..).take_while(|&number| tx.send(number).is_ok()).count() as u64;
                (accepted, tx)
            });
            let mut received: Vec<_> = rx.iter().take(round % 7).collect();
            let drained = rx.drain(Deadline::NEVER, |item| received.push(item));
            let (accepted, tx) = sender.join().unwrap();
            assert!((0..accepted).eq(received), "accepted and received differ");
            assert_eq!(drained, Drained { items: (accepted as usize) - round % 7, left: 0 });
            drop(tx);
        }
    }

    /// crossbeam, flume, kanal, crossfire: what was queued when the receiver died vanishes uncounted.
    pub(crate) fn a_receiver_that_dies_is_told_and_what_was_queued_comes_back<K: Kind<u64>, W: Wait>()
    where
        K::Consumer: Closes,
    {
        let (mut tx, mut rx) = ends::<u64, K, W>(8);
        tx.send_many(&mut (0..5)).expect("open");
        dies(move || {
            rx.recv_each(2, |_| ()).expect("items");
            panic!("in the middle of its work");
        });
        assert_eq!(tx.send(9), Err(SendError::PeerDied(9)));
        assert_eq!(tx.try_send(9), Err(TrySendError::PeerDied(9)));
        assert_eq!(tx.into_remaining().expect("the last end").collect::<Vec<_>>(), [2, 3, 4]);
    }

    pub(crate) fn draining<K: Kind<u64>, W: Wait>()
    where
        K::Consumer: Closes,
    {
        let (mut tx, mut rx) = ends::<u64, K, W>(256);
        tx.send_many(&mut (0..200)).expect("open");
        let handed = AtomicU64::new(0);
        let drained = rx.drain(Deadline::now(), |_| {
            handed.fetch_add(1, Relaxed);
        });
        assert_eq!(drained.items as u64, handed.load(Relaxed));
        assert_eq!(drained.items + drained.left, 200, "an item is unaccounted for");
        let rest = rx.drain(Deadline::NEVER, |_| ());
        assert_eq!(rest, Drained { items: drained.left, left: 0 });
        assert!(tx.send(1).is_err());
    }
}
