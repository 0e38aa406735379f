//! Ends that are known to be asleep: who wakes them, how many, and who does not.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use ringway::{
    channel::{self, Receiver, RecvError, Sender, channel},
    ring::{Capacity, Kind, dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc},
    wait::{Deadline, Park},
};

use crate::{
    beside,
    support::{
        patience::{dies, until},
        wakes::Wakes,
    },
};

fn asleep<K: Kind<u64>>(tx: &Sender<u64, K>, receivers: usize) {
    until("sleeping receivers", || (tx.sleeping_receivers() == receivers).then_some(()));
}

fn senders_asleep<K: Kind<u64>>(rx: &Receiver<u64, K>, senders: usize) {
    until("sleeping senders", || (rx.sleeping_senders() == senders).then_some(()));
}

fn each_kind_wakes_a_sleeper<K: Kind<u64, Producer: 'static, Consumer: 'static> + 'static>() {
    let (mut tx, mut rx) = channel::<u64, K, Park>(Capacity::exactly(16)).unwrap();
    let receiver = beside(move || (rx.recv(), rx));
    asleep(&tx, 1);
    tx.send(7).unwrap();
    let (received, mut rx) = receiver.join().unwrap();
    assert_eq!(received, Ok(7));
    let sent = crate::fill(&mut tx);
    let sender = beside(move || (tx.send(sent), tx));
    senders_asleep(&rx, 1);
    assert!((0..=sent).eq(rx.iter().take(sent as usize + 1)));
    let (outcome, tx) = sender.join().unwrap();
    assert_eq!(outcome, Ok(()));
    let receiver = beside(move || rx.recv());
    asleep(&tx, 1);
    drop(tx);
    assert_eq!(receiver.join().unwrap(), Err(RecvError::Closed));
}

#[test]
fn a_sleeper_is_woken_on_every_kind() {
    each_kind_wakes_a_sleeper::<Spsc>();
    each_kind_wakes_a_sleeper::<Dense>();
    each_kind_wakes_a_sleeper::<Lanes>();
    each_kind_wakes_a_sleeper::<Mpmc>();
    each_kind_wakes_a_sleeper::<ringway::ring::broadcast::Broadcast>();
    each_kind_wakes_a_sleeper::<ringway::ring::broadcast_multi::BroadcastMulti>();
}

/// Counted, not timed: one item wakes one task, however many wait (no thundering herd), and a batch as many as it has items.
#[test]
fn one_item_wakes_one_sleeper() {
    let (mut tx, rx) = channel::mpmc::<u64>(64).unwrap();
    let mut sleepers: Vec<_> = (0..8).map(|_| (rx.clone(), Wakes::waker())).collect();
    for (rx, (_, waker)) in &mut sleepers {
        assert!(rx.poll_recv(&mut Context::from_waker(waker)).is_pending());
    }
    type Sleeper = (Receiver<u64, Mpmc>, (Arc<Wakes>, Waker));
    let woken = |sleepers: &[Sleeper]| sleepers.iter().map(|(_, (count, _))| count.get()).collect::<Vec<_>>();
    tx.send(1).unwrap();
    assert_eq!(woken(&sleepers), [1, 0, 0, 0, 0, 0, 0, 0], "first come, first woken");
    tx.send(2).unwrap();
    assert_eq!(woken(&sleepers), [1, 1, 0, 0, 0, 0, 0, 0]);
    tx.send_many(&mut (3..6)).unwrap();
    assert_eq!(woken(&sleepers), [1, 1, 1, 1, 1, 0, 0, 0]);
    assert_eq!(tx.sleeping_receivers(), 3);
    tx.close();
    assert_eq!(woken(&sleepers), [1; 8], "a close wakes everybody, once");
}

/// A wake-up that a leaving sleeper has got goes to the next one: by a dropped future, a dropped end, a passed deadline.
#[test]
fn a_call_that_was_not_answered_is_passed_on() {
    let (mut tx, mut first) = channel::mpmc::<u64>(4).unwrap();
    let (mut second, mut third) = (first.clone(), first.clone());
    let ((one, one_waker), (two, two_waker), (three, three_waker)) = (Wakes::waker(), Wakes::waker(), Wakes::waker());
    {
        let mut future = std::pin::pin!(first.recv_async());
        assert!(future.as_mut().poll(&mut Context::from_waker(&one_waker)).is_pending());
        assert!(second.poll_recv(&mut Context::from_waker(&two_waker)).is_pending());
        assert!(third.poll_recv(&mut Context::from_waker(&three_waker)).is_pending());
        tx.send(1).unwrap();
        assert_eq!((one.get(), two.get(), three.get()), (1, 0, 0));
    }
    assert_eq!((one.get(), two.get(), three.get()), (1, 1, 0), "the future was dropped");
    drop(second);
    assert_eq!((one.get(), two.get(), three.get()), (1, 1, 1), "the end was dropped");
    assert_eq!(third.poll_recv(&mut Context::from_waker(&three_waker)), Poll::Ready(Ok(1)));
}

/// With no receiver in, nothing stops a sender but a claim that it has caught up with by a lap, and nobody but the claim's
/// owner can tell it that the claim has ended: it slept on.
#[test]
fn the_end_of_a_claim_wakes_who_has_caught_up_with_it() {
    for ending in 0..6 {
        let (mut tx, rx) = channel::broadcast_multi::<u64>(2).unwrap();
        let mut behind = tx.clone();
        drop(rx);
        let mut claim = tx.claim(1).unwrap();
        claim.push(1).unwrap();
        while behind.try_send(2).is_ok() {}
        let (wakes, waker) = Wakes::waker();
        let (context, mut item) = (&mut Context::from_waker(&waker), Some(3));
        assert!(behind.poll_send(context, &mut item).is_pending());
        assert_eq!(wakes.get(), 0);
        match ending {
            0 => assert_eq!(claim.commit(), 1),
            1 => claim.abandon(),
            forgotten => {
                std::mem::forget(claim);
                match forgotten {
                    2 => tx.try_send(4).unwrap(),
                    3 => assert!(tx.try_send_many(&mut (4..6)).is_ok()),
                    4 => tx.try_claim(1).unwrap().abandon(),
                    _ => drop(tx),
                }
            }
        }
        assert_eq!(wakes.get(), 1, "ending {ending}");
        assert_eq!(behind.poll_send(context, &mut item), Poll::Ready(Ok(())), "ending {ending}");
    }
}

/// A receiver that is lent an item past tombstones gave their slots back only when it had told senders of its room.
#[test]
fn room_past_tombstones_is_told_before_an_item_is_lent() {
    let (mut tx, mut rx) = channel::broadcast_multi::<u64>(8).unwrap();
    tx.claim(6).unwrap().abandon();
    while tx.try_send(7).is_ok() {}
    let (wakes, waker) = Wakes::waker();
    let (context, mut item) = (&mut Context::from_waker(&waker), Some(8));
    assert!(tx.poll_send(context, &mut item).is_pending());
    assert_eq!(rx.try_recv_ref(), Ok(&7));
    assert_eq!(wakes.get(), 1);
    assert_eq!(tx.poll_send(context, &mut item), Poll::Ready(Ok(())));
}

/// The list holds an end once, however often its futures are polled, dropped or forgotten.
#[test]
fn the_list_of_sleepers_does_not_grow() {
    let (tx, mut rx) = channel::mpmc::<u64>(4).unwrap();
    let (_, waker) = Wakes::waker();
    for nth in 0..10_000 {
        let mut future = rx.recv_async();
        assert!(std::pin::pin!(&mut future).poll(&mut Context::from_waker(&waker)).is_pending());
        if nth % 2 == 0 {
            std::mem::forget(future);
        }
    }
    assert!(tx.sleeping_receivers() <= 1);
    assert!(rx.recv_timeout(Duration::from_micros(10)).is_err());
    assert_eq!(tx.sleeping_receivers(), 0);
    drop(rx);
    assert_eq!(tx.sleeping_receivers(), 0);
}

/// A lane's room is for its sender alone: the others sleep on.
#[test]
fn room_in_a_lane_wakes_its_sender_only() {
    let (mut left, mut rx) = channel::mpsc::<u64>(2).unwrap();
    let mut right = left.clone();
    let ((one, one_waker), (two, two_waker)) = (Wakes::waker(), Wakes::waker());
    // Eights for the left, hundreds for the right.
    while left.try_send(8).is_ok() {}
    while right.try_send(100).is_ok() {}
    assert!(left.poll_send(&mut Context::from_waker(&one_waker), &mut Some(8)).is_pending());
    assert!(right.poll_send(&mut Context::from_waker(&two_waker), &mut Some(100)).is_pending());
    let first = rx.recv().unwrap();
    let counts = if first == 8 { (1, 0) } else { (0, 1) };
    assert_eq!((one.get(), two.get()), counts);
    while rx.try_recv().is_ok() {}
    assert_eq!((one.get(), two.get()), (1, 1));
}

/// Slots that are given back by the half wake a sender once a half, not once an item.
#[test]
fn a_sender_wakes_for_half_of_the_ring() {
    let (mut tx, mut rx) = channel::spsc::<u64>(64).unwrap();
    let sent = crate::fill(&mut tx) as usize;
    let (count, waker) = Wakes::waker();
    assert!(tx.poll_send(&mut Context::from_waker(&waker), &mut Some(1)).is_pending());
    for nth in 1..=32 {
        assert_eq!(count.get(), 0, "after {nth} items");
        rx.recv().unwrap();
    }
    assert_eq!(count.get(), 1);
    assert_eq!(rx.try_iter().count(), sent - 32);
}

/// The caller's code may panic in the middle of a batch: the room that was made by then is told.
#[test]
fn a_panic_in_a_batch_does_not_leave_a_sender_asleep() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    crate::fill(&mut tx);
    let sender = beside(move || tx.send(9));
    senders_asleep(&rx, 1);
    dies(|| {
        let _ = rx.recv_each(2, |_| panic!("meant to"));
    });
    assert_eq!(sender.join().unwrap(), Ok(()));
}

/// So is what an iterator yielded before it panicked.
#[test]
fn a_panic_in_an_iterator_does_not_leave_a_receiver_asleep() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(8).unwrap();
    let receiver = beside(move || rx.recv());
    asleep(&tx, 1);
    let mut items = (0..5).inspect(|&number| assert!(number < 3, "meant to panic"));
    dies(|| {
        let _ = tx.send_many(&mut items);
    });
    assert_eq!(receiver.join().unwrap(), Ok(0));
}

/// LMAX #255: a batch kept its gate until its end. Here a sleeping sender is called while a long batch is being handled, and
/// a sleeping receiver while one is being sent.
#[test]
fn nobody_sleeps_through_a_long_batch() {
    let (mut tx, mut rx) = channel::spsc::<u64>(256).unwrap();
    let sent = crate::fill(&mut tx);
    let sender = beside(move || (tx.send(sent), tx));
    senders_asleep(&rx, 1);
    let mut sender = Some(sender);
    let mut outcome = None;
    rx.recv_each(sent as usize, |number| {
        if number == sent / 2 {
            outcome = Some(sender.take().expect("once").join().unwrap());
        }
    })
    .unwrap();
    let (outcome, mut tx) = outcome.expect("reached");
    assert_eq!(outcome, Ok(()));
    assert_eq!(rx.recv(), Ok(sent));
    let receiver = beside(move || rx.recv());
    asleep(&tx, 1);
    let mut receiver = Some(receiver);
    let mut items = (0..200).inspect(|&number| {
        if number == 150 {
            assert_eq!(receiver.take().expect("once").join().unwrap(), Ok(0));
        }
    });
    assert!(tx.send_many(&mut items).is_ok_and(|sent| sent >= 150) || receiver_left(&tx));
}

/// The receiver of that test leaves after one item, which ends the channel.
fn receiver_left(tx: &Sender<u64, Spsc>) -> bool {
    tx.is_closed()
}

/// A claim that is abandoned uncovers what lies behind it; one that is forgotten does with the next call.
#[test]
fn a_claim_that_ends_wakes_who_stands_behind_it() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(8).unwrap();
    let mut other = tx.clone();
    let claim = other.claim(1).unwrap();
    tx.send(1).unwrap();
    let receiver = beside(move || (rx.recv(), rx));
    asleep(&tx, 1);
    claim.abandon();
    let (received, mut rx) = receiver.join().unwrap();
    assert_eq!(received, Ok(1));
    std::mem::forget(other.claim(1).unwrap());
    tx.send(2).unwrap();
    let receiver = beside(move || (rx.recv(), rx));
    asleep(&tx, 1);
    drop(other);
    let (received, mut rx) = receiver.join().unwrap();
    assert_eq!(received, Ok(2));
    // One commit uncovers two items: both sleepers wake, the second by the first.
    let mut other = tx.clone();
    let mut claim = other.claim(1).unwrap();
    tx.send(4).unwrap();
    let mut another = rx.clone();
    let receivers = [beside(move || rx.recv()), beside(move || another.recv())];
    asleep(&tx, 2);
    claim.push(3).unwrap();
    claim.commit();
    let mut received = receivers.map(|receiver| receiver.join().unwrap().unwrap());
    received.sort_unstable();
    assert_eq!(received, [3, 4]);
}

/// A sleeping thread uses no CPU, and a deadline wakes it.
#[test]
fn a_deadline_wakes_a_sleeper() {
    let (tx, mut rx) = channel::spsc::<u64>(4).unwrap();
    // Where others are busy its time may be over before anybody has looked; then it sleeps for longer.
    for time in (0..12).map(|doubled| Duration::from_millis(20 << doubled)) {
        let receiver = beside(move || (rx.recv_until(Deadline::after(time)), rx));
        let was_asleep = until("a receiver that sleeps, or has slept", || match tx.sleeping_receivers() {
            0 => receiver.is_finished().then_some(false),
            _ => Some(true),
        });
        let (received, returned) = receiver.join().unwrap();
        rx = returned;
        assert!(received.unwrap_err().is_timeout());
        assert_eq!(tx.sleeping_receivers(), 0);
        if was_asleep {
            return;
        }
    }
    panic!("nobody has seen it asleep");
}
