//! The caller's code panics where a channel calls it: in a closure, a waker, the drop of an item. The others are told all the
//! same.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Wake, Waker},
};

use ringway::{
    channel::{self, RecvError, TryRecvError, channel},
    ring::{
        Capacity, Kind, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc,
        spsc::Spsc,
    },
    wait::Park,
};

use crate::{
    ends, fill,
    support::{bomb::Bomb, patience::dies, wakes::Wakes},
};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that was told to panic");
    }
}

/// As with the standard library's and crossbeam's: a closure that owns an end may be caught.
#[test]
fn ends_may_unwind() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    let mut other = rx.clone();
    tx.send(1).unwrap();
    assert!(catch_unwind(move || panic!("told to, with {:?} in hand", rx.peek())).is_err());
    assert!(catch_unwind(move || tx.send(2).unwrap()).is_ok());
    assert_eq!((other.recv(), other.recv()), (Ok(2), Ok(1)), "what was in hand comes late");
}

fn a_closure_that_panics_makes_room<K: Kind<u64>>() {
    let (mut tx, mut rx) = ends::<u64, K, Park>(1);
    fill(&mut tx);
    let (count, waker) = Wakes::waker();
    assert!(tx.poll_send(&mut Context::from_waker(&waker), &mut Some(9)).is_pending());
    dies(|| {
        let _ = rx.recv_each(1, |_| panic!("a closure that was told to panic"));
    });
    assert_eq!(count.get(), 1, "there is room, and nobody told the sender");
}

#[test]
fn room_made_by_a_closure_that_panics_is_told() {
    a_closure_that_panics_makes_room::<Spsc>();
    a_closure_that_panics_makes_room::<Dense>();
    a_closure_that_panics_makes_room::<Lanes>();
    a_closure_that_panics_makes_room::<Mpmc>();
    a_closure_that_panics_makes_room::<Broadcast>();
    a_closure_that_panics_makes_room::<BroadcastMulti>();
}

/// A worker dies in the middle of a batch: what it had in hand and had not begun goes to the others, who are told.
#[test]
fn what_a_dead_worker_had_in_hand_goes_to_the_others() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(64).unwrap();
    let mut other = rx.clone();
    (0..10).try_for_each(|number| tx.send(number)).unwrap();
    let (count, waker) = Wakes::waker();
    let asleep = &mut other;
    dies(move || {
        let _ = rx.recv_each(10, |number| {
            if number == 3 {
                assert!(asleep.poll_recv(&mut Context::from_waker(&waker)).is_pending(), "all is in the other's hands");
                panic!("a closure that was told to panic");
            }
        });
    });
    assert_eq!(count.get(), 1, "nobody told the other receiver");
    drop(tx);
    assert_eq!(other.iter().collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
}

/// No other is left: the sender gets it back.
#[test]
fn what_the_last_worker_had_in_hand_is_handed_back() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(64).unwrap();
    (0..10).try_for_each(|number| tx.send(number)).unwrap();
    dies(move || {
        let _ = rx.recv_each(5, |number| assert_ne!(number, 3, "told to panic"));
    });
    assert!((4..10).eq(tx.into_remaining().expect("the last end")));
}

/// An end leaves with a call that it has not answered. It passes that on, to a waker that panics, and has left all the same.
#[test]
fn an_end_leaves_although_a_waker_panics() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    let mut other = rx.clone();
    assert!(rx.poll_recv(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(other.poll_recv(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    tx.send(1).unwrap();
    dies(|| drop(rx));
    assert_eq!(tx.receivers(), 1);
    drop(other);
    assert_eq!(tx.receivers(), 0);
    assert!(tx.is_closed(), "the last receiver is gone");
}

/// What the last receiver has in hand panics when it is dropped: a sender that waits learns of the end.
#[test]
fn a_sender_learns_of_the_end_although_a_drop_panics() {
    let (mut tx, mut rx) = channel::mpmc::<Bomb>(1).unwrap();
    assert!(tx.try_send(Bomb { armed: true }).is_ok());
    assert!(rx.peek().is_ok());
    assert!(tx.try_send(Bomb { armed: false }).is_ok());
    let (count, waker) = Wakes::waker();
    let context = &mut Context::from_waker(&waker);
    let mut item = Some(Bomb { armed: false });
    assert!(tx.poll_send(context, &mut item).is_pending());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(rx)));
    assert_eq!(count.get(), 1, "the last receiver is gone, and nobody told the sender");
    assert!(tx.poll_send(context, &mut item).is_ready());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(tx)));
}

/// Sends until the item that is overwritten panics when it is dropped: the new one is in, and who waits for it is told.
fn an_overwritten_item_panics<K: Kind<Bomb>>() {
    let (mut tx, mut rx) = ends::<Bomb, K, Park>(1);
    let (count, waker) = Wakes::waker();
    let context = &mut Context::from_waker(&waker);
    for nth in 0..200 {
        assert!(rx.poll_recv(context).is_pending());
        let died = catch_unwind(AssertUnwindSafe(|| tx.send(Bomb { armed: nth == 0 }))).is_err();
        assert_eq!(count.get(), nth + 1, "the item is in, and nobody told the receiver");
        assert!(rx.poll_recv(context).is_ready());
        if died {
            return;
        }
    }
    panic!("no item was overwritten: the test shows nothing");
}

#[test]
fn an_item_that_panics_when_overwritten_hides_no_other() {
    an_overwritten_item_panics::<Broadcast>();
    an_overwritten_item_panics::<BroadcastMulti>();
}

/// The same in a claim, which ends by that: it stands in nobody's way.
#[test]
fn a_claim_in_which_an_overwritten_item_panics_has_ended() {
    let (mut tx, mut rx) = channel::<Bomb, BroadcastMulti, Park>(Capacity::exactly(1)).unwrap();
    let mut other = tx.clone();
    assert!(tx.send(Bomb { armed: true }).is_ok());
    assert!(rx.recv().is_ok());
    assert!(rx.try_recv().is_err());
    dies(|| drop(tx.claim(1)));
    assert!(rx.try_recv().is_err());
    assert!(other.try_send(Bomb { armed: false }).is_ok(), "the claim is open, and its sender gone astray");
    assert!(rx.try_recv().is_ok());
}

/// A waker on one side panics when the channel is closed: the other side learns of it all the same.
#[test]
fn a_close_tells_senders_although_the_waker_of_a_receiver_panics() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(1).unwrap();
    let (mut first, mut waits, mut closes) = ([tx.clone(), tx.clone()], tx.clone(), tx.clone());
    let claim = tx.claim(1).unwrap();
    let (count, waker) = Wakes::waker();
    for tx in &mut first {
        // A receiver that looks may have made room, and calls one; it looks twice.
        assert!(tx.poll_send(&mut Context::from_waker(Waker::noop()), &mut Some(2)).is_pending());
    }
    assert!(waits.poll_send(&mut Context::from_waker(&waker), &mut Some(3)).is_pending());
    assert!(rx.poll_recv(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    assert_eq!(count.get(), 0);
    dies(|| closes.close());
    assert_eq!(count.get(), 1, "the channel is closed, and nobody told the sender");
    claim.abandon();
}

struct Unclonable;

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        panic!("a clone that was told to panic");
    }
}

fn a_clone_that_panics_makes_room<K: Kind<Unclonable>>() {
    let (mut tx, mut rx) = ends::<Unclonable, K, Park>(1);
    while tx.try_send(Unclonable).is_ok() {}
    let (count, waker) = Wakes::waker();
    assert!(tx.poll_send(&mut Context::from_waker(&waker), &mut Some(Unclonable)).is_pending());
    dies(|| drop(rx.recv()));
    assert_eq!(count.get(), 1, "there is room, and nobody told the sender");
}

#[test]
fn room_made_by_a_clone_that_panics_is_told() {
    a_clone_that_panics_makes_room::<Broadcast>();
    a_clone_that_panics_makes_room::<BroadcastMulti>();
}

/// A receiver has seen the end. Another dies after that, with an item in hand: the end stays the end, and the item inside.
#[test]
fn after_the_end_nothing_comes() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    let mut other = rx.clone();
    tx.send(1).unwrap();
    assert_eq!(rx.peek(), Ok(&1));
    drop(tx);
    assert_eq!(other.recv(), Err(RecvError::Closed));
    drop(rx);
    assert_eq!(other.recv(), Err(RecvError::Closed), "nothing will come, it was said");
    assert_eq!(other.peek(), Err(TryRecvError::Closed));
    assert!(other.into_remaining().expect("the last end").eq([1]));
}
