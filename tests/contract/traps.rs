//! What went wrong in other libraries, and can go wrong in this layer, as far as no other theme tells it.
//!
//! * A producer or a consumer that dies, in a claim or in a batch, and what was queued then: [`panics`](crate::panics).
//! * Guards that are leaked, claims without a commit: [`claims`](crate::claims).
//! * A payload of no size, drops that panic, the order of leftovers: [`payloads`](crate::payloads), [`drops`](crate::drops).
//! * A capacity of one, indices that wrap: [`order`](crate::order). A capacity that is rounded in silence, bytes that
//!   nobody expected: [`capacities`](crate::capacities).
//! * A payload that must not be shared or sent: [`bounds`](crate::bounds).

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
};

use ringway::ring::{Closes, Consumer, PopError, Producer, PushError};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    patience::{drain, pop, until},
};

/// LMAX #255: a batch held its gate until its end, so that the producer stood still for as long as the batch took. Here
/// slots come back while a long batch is being handled.
pub(crate) fn a_long_batch_gives_room_back_on_the_way<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(1024);
    while tx.try_push(0).is_ok() {}
    let (mut handled, mut room_at) = (0, None);
    let _ = rx.pop_each(1024, |_| {
        handled += 1;
        if room_at.is_none() && tx.try_push(1).is_ok() {
            room_at = Some(handled);
        }
    });
    let room_at = room_at.expect("room by the end of the batch");
    assert!(room_at <= 1024 * 5 / 8, "no room before item {room_at} of {handled}");
}

/// crossbeam #821 and its kin: a close that comes while a producer is retrying on a full ring must end the retries, and
/// every item is either refused or delivered.
pub(crate) fn a_close_ends_the_wait_on_a_full_ring<K: Subject<u64>>()
where
    K::Consumer: Closes,
{
    for round in 0..100 {
        let (mut tx, mut rx) = ring::<K, u64>(2);
        let start = Arc::new(Barrier::new(2));
        let started = Arc::clone(&start);
        let producer = thread::spawn(move || {
            started.wait();
            let mut accepted = 0;
            loop {
                match tx.try_push(accepted) {
                    Ok(()) => accepted += 1,
                    Err(PushError::Full(_)) => thread::yield_now(),
                    Err(PushError::Closed(_)) => return accepted,
                }
            }
        });
        start.wait();
        let mut out = Vec::new();
        while out.len() < round % 5 {
            out.extend(pop(&mut rx));
        }
        rx.close();
        out.extend(drain(&mut rx));
        let accepted = producer.join().unwrap();
        assert_eq!(out, (0..accepted).collect::<Vec<_>>());
    }
}

/// RUSTSEC-2025-0024, crossbeam-channel #1187: the last receiver's drop ran against a send and the last sender's drop, and
/// freed twice.
pub(crate) fn both_ends_may_leave_at_once<K: Subject<Counted>>() {
    for round in 0..200 {
        let ledger = Ledger::new(64);
        let (mut tx, mut rx) = ring::<K, Counted>(4);
        let start = Arc::new(Barrier::new(2));
        let started = Arc::clone(&start);
        let producer = thread::spawn(move || {
            started.wait();
            for item in 0..round % 8 {
                drop(tx.try_push(ledger.make(item)));
            }
        });
        start.wait();
        for _ in 0..round % 3 {
            drop(rx.try_pop());
        }
        drop(rx);
        producer.join().unwrap();
        ledger.settle(0);
    }
}

/// Of two ends that ask for what is left at once, exactly one gets it, and all of it.
pub(crate) fn one_of_two_gets_what_is_left<K: Subject<Counted>>() {
    for round in 0..200 {
        let ledger = Ledger::new(64);
        let (mut tx, rx) = ring::<K, Counted>(8);
        for item in 0..round % 9 {
            tx.try_push(ledger.make(item)).unwrap();
        }
        let start = Arc::new(Barrier::new(2));
        let started = Arc::clone(&start);
        let producer = thread::spawn(move || {
            started.wait();
            tx.into_remaining().map(|left| left.map(|item| item.value).collect::<Vec<_>>())
        });
        start.wait();
        let by_consumer = rx.into_remaining().map(|left| left.map(|item| item.value).collect::<Vec<_>>());
        let left = match (producer.join().unwrap(), by_consumer) {
            (Some(left), None) | (None, Some(left)) => left,
            (Some(_), Some(_)) => panic!("both got the leftovers"),
            (None, None) => panic!("nobody got the leftovers"),
        };
        assert_eq!(left, (0..round % 9).collect::<Vec<_>>());
        ledger.settle(0);
    }
}

/// What was sent before the last sender went is received, on any timing (T33).
pub(crate) fn nothing_sent_before_the_drop_is_missed<K: Subject<u64>>() {
    for round in 0..200 {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        let producer = thread::spawn(move || (0..round % 5).for_each(|item| tx.try_push(item).unwrap()));
        let mut out = Vec::new();
        until("the end of the stream", || match rx.try_pop() {
            Ok(item) => {
                out.push(item);
                None
            }
            Err(PopError::Empty) => None,
            Err(PopError::Closed) => Some(()),
        });
        producer.join().unwrap();
        assert_eq!(out, (0..round % 5).collect::<Vec<_>>());
    }
}

/// A value that does something when it is dropped.
#[derive(Clone)]
pub(crate) struct OnDrop(Arc<dyn Fn() + Send + Sync>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A value whose drop calls the queue again (T30): here each that dies in a batch puts another into that very ring.
pub(crate) fn a_drop_may_call_the_ring_again<K: Subject<OnDrop, Producer: 'static>>() {
    let (tx, mut rx) = ring::<K, OnDrop>(8);
    let producer = Arc::new(Mutex::new(Some(tx)));
    let births = Arc::new(Mutex::new(0));
    let (weak, born) = (Arc::downgrade(&producer), Arc::clone(&births));
    let quiet: Arc<dyn Fn() + Send + Sync> = Arc::new(|| ());
    let again: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        let Some(producer) = weak.upgrade() else { return };
        if let Some(tx) = producer.lock().unwrap().as_mut() {
            *born.lock().unwrap() += u32::from(tx.try_push(OnDrop(Arc::clone(&quiet))).is_ok());
        }
    });
    for _ in 0..4 {
        let mut tx = producer.lock().unwrap();
        assert!(tx.as_mut().expect("the producer").try_push(OnDrop(Arc::clone(&again))).is_ok());
    }
    let mut handled = 0;
    while handled < 8 {
        handled += rx.pop_each(8, drop).expect("four, and four that those bring");
    }
    assert_eq!((handled, *births.lock().unwrap()), (8, 4));
    let tx = producer.lock().unwrap().take();
    drop((tx, rx));
}

macro_rules! traps {
    ($Kind:ty) => {
        stamp! { traps, $Kind:
            a_long_batch_gives_room_back_on_the_way
            both_ends_may_leave_at_once
            one_of_two_gets_what_is_left
            nothing_sent_before_the_drop_is_missed
            a_drop_may_call_the_ring_again
        }
    };
}

macro_rules! traps_of_closing {
    ($Kind:ty) => {
        mod traps_of_closing {
            stamp! { traps, $Kind: a_close_ends_the_wait_on_a_full_ring }
        }
    };
}
