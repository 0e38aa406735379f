//! Looking without taking: peek, depth, room, and how everything shows itself.

use ringway::ring::{Capacity, Consumer, PopError, Producer, PushError};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    random::{Random, SayOnPanic},
};

pub(crate) fn what_is_peeked_at_is_popped_next<K: Subject<u64>>() {
    for slots in [1, 2, 8, 16] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        assert_eq!(rx.peek(), Err(PopError::Empty));
        for item in 0..200 {
            tx.try_push(item).unwrap();
            assert_eq!(rx.peek(), Ok(&item));
            assert_eq!(rx.peek(), Ok(&item), "looking takes nothing");
            assert_eq!(rx.try_pop(), Ok(item));
        }
        tx.close();
        assert_eq!(rx.peek(), Err(PopError::Closed));
    }
}

pub(crate) fn what_is_peeked_at_leads_the_batch<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    for round in 0..40 {
        assert_eq!(tx.push_slice(&[round, 1, 2, 3, 4]), Ok(5));
        assert_eq!(rx.peek(), Ok(&round));
        let mut out = Vec::new();
        while out.len() < 5 {
            rx.pop_into(&mut out, 16).expect("five were pushed");
        }
        assert_eq!(out, [round, 1, 2, 3, 4]);
    }
}

/// What was peeked at and never popped is dropped, or handed back, once.
pub(crate) fn what_is_peeked_at_is_not_lost<K: Subject<Counted>>() {
    for way in 0..3 {
        let ledger = Ledger::new(64);
        let (mut tx, mut rx) = ring::<K, Counted>(4);
        tx.try_push(ledger.make(1)).unwrap();
        tx.try_push(ledger.make(2)).unwrap();
        assert_eq!(rx.peek().map(|item| item.value), Ok(1));
        match way {
            0 => drop((tx, rx)),
            1 => drop((rx, tx)),
            _ => {
                drop(tx);
                let left: Vec<u64> = rx.into_remaining().expect("the last end").map(|item| item.value).collect();
                assert_eq!(left, [1, 2]);
            }
        }
        ledger.settle(0);
    }
}

/// A peeked item may hold the ring's slot: the end goes on all the same.
pub(crate) fn a_full_ring_can_be_peeked_and_refilled<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(2);
    for lap in 0..100 {
        while tx.try_push(lap).is_ok() {}
        rx.peek().expect("the ring is full");
        let mut popped = 0;
        while rx.try_pop().is_ok() {
            popped += 1;
        }
        assert!((2..=3).contains(&popped), "{popped} items came out of a ring of two");
    }
}

/// At rest the consumer's depth is what is inside.
pub(crate) fn the_consumer_knows_the_depth_exactly<K: Subject<u64>>() {
    each_fill::<K>(|_, rx, inside, what| assert_eq!(rx.depth(), inside, "{what}"));
}

/// The producer counts slots: those inside, and those emptied that have not been given back, less than half the ring.
pub(crate) fn the_producer_knows_the_depth_up_to_half_the_ring<K: Subject<u64>>() {
    each_fill::<K>(|tx, rx, inside, what| {
        let kept_back = K::FACTS.hold(rx.capacity()) - rx.capacity();
        assert!((inside..=inside + kept_back).contains(&tx.depth()), "{what}: {} of {inside}", tx.depth());
    });
}

/// `room` is a promise: so many pushes succeed.
pub(crate) fn there_is_as_much_room_as_said<K: Subject<u64>>() {
    for slots in [1, 4, 16, 64] {
        for (inside, taken) in [(0, 0), (1, 1), (slots, 0), (slots, 1), (slots, slots), (slots / 2, slots / 4)] {
            let (mut tx, mut rx) = ring::<K, u64>(slots);
            for item in 0..inside {
                tx.try_push(item as u64).unwrap();
            }
            for _ in 0..taken {
                rx.try_pop().unwrap();
            }
            let (room, left) = (tx.room(), inside - taken);
            assert!(room >= slots - left, "room for {room} of {slots} with {left} inside");
            assert!(left + room <= K::FACTS.hold(slots));
            for _ in 0..room {
                assert_eq!(tx.try_push(1), Ok(()), "room for {room} of {slots} with {left} inside");
            }
        }
    }
}

/// Both depths, at every step of a random run, within the bounds of the ring.
pub(crate) fn the_depth_stays_in_bounds<K: Subject<u64>>() {
    for seed in 0..20 {
        let _say = SayOnPanic(|| format!("seed {seed}"));
        let mut random = Random::new(seed);
        let slots = 1 << random.below(6);
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        for _ in 0..2000 {
            if random.below(2) == 0 {
                let _ = tx.try_push(1);
            } else {
                let _ = rx.try_pop();
            }
            let bounds = 0..=K::FACTS.hold(slots);
            assert!(bounds.contains(&tx.depth()) && bounds.contains(&rx.depth()), "{} and {}", tx.depth(), rx.depth());
        }
    }
}

fn each_fill<K: Subject<u64>>(check: impl Fn(&K::Producer, &K::Consumer, usize, &str)) {
    for slots in [1, 2, 8, 16, 64, 128] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let mut inside = 0;
        for round in 0..200 {
            while inside < (round * 7) % (slots + 1) {
                tx.try_push(1).unwrap();
                inside += 1;
            }
            check(&tx, &rx, inside, &format!("{slots} slots, filled in round {round}"));
            while inside > (round * 5) % (slots + 1) {
                rx.try_pop().unwrap();
                inside -= 1;
            }
            check(&tx, &rx, inside, &format!("{slots} slots, emptied in round {round}"));
        }
    }
}

/// Whoever logs an end or an error gets words, whatever state it is in and whatever the payload.
pub(crate) fn everything_shows_itself<K: Subject<Counted>>() {
    let shows = |what: &dyn std::fmt::Debug| {
        let shown = format!("{what:?} {what:#?}");
        assert!(shown.is_ascii() && shown.len() > 4, "{shown}");
    };
    let ledger = Ledger::new(64);
    let (mut tx, mut rx) = ring::<K, Counted>(4);
    let both = |tx: &K::Producer, rx: &K::Consumer| {
        shows(tx);
        shows(rx);
    };
    both(&tx, &rx);
    let refused = loop {
        match tx.try_push(ledger.make(1)) {
            Ok(()) => both(&tx, &rx),
            Err(refused) => break refused,
        }
    };
    shows(&refused);
    assert_eq!(refused.to_string(), "the ring is full");
    drop(refused);
    // One fewer than the capacity stays inside: then there is room for certain.
    for _ in 0..=K::FACTS.hold(4) - 4 {
        rx.try_pop().unwrap();
    }
    assert!(rx.peek().is_ok());
    both(&tx, &rx);
    let mut claim = tx.try_claim(1).unwrap();
    shows(&claim);
    claim.push(ledger.make(2)).ok().unwrap();
    shows(&claim);
    drop(claim);
    std::mem::forget(tx.try_claim(1));
    both(&tx, &rx);
    tx.close();
    both(&tx, &rx);
    let refused = tx.try_push(ledger.make(3)).unwrap_err();
    shows(&refused);
    assert_eq!(refused.to_string(), "the ring is closed");
    while rx.try_pop().is_ok() {}
    shows(&rx.try_pop().err());
    both(&tx, &rx);
    drop(tx);
    shows(&rx);
    shows(&rx.into_remaining().expect("the last end"));
    shows(&Capacity::at_least(3));
    shows(&K::ring(Capacity::exactly(3)).err());
    drop(refused);
    ledger.settle(0);
}

pub(crate) fn errors_tell_and_return<K: Subject<u64>>() {
    let (mut tx, _rx) = ring::<K, u64>(1);
    while tx.try_push(1).is_ok() {}
    let full = tx.try_push(5).unwrap_err();
    assert!(full.is_full() && !full.is_closed());
    assert_eq!(full.into_inner(), 5);
    tx.close();
    let closed: PushError<u64> = tx.try_push(6).unwrap_err();
    assert!(closed.is_closed() && !closed.is_full());
    assert_eq!(closed.into_inner(), 6);
    let said: [Box<dyn std::error::Error>; 3] =
        [Box::new(closed), Box::new(PopError::Empty), Box::new(PopError::Closed)];
    for error in said {
        let message = error.to_string();
        assert!(message.starts_with(char::is_lowercase) && !message.ends_with('.'), "{message}");
    }
}

macro_rules! looking {
    ($Kind:ty) => {
        stamp! { looking, $Kind:
            what_is_peeked_at_is_popped_next
            what_is_peeked_at_leads_the_batch
            what_is_peeked_at_is_not_lost
            a_full_ring_can_be_peeked_and_refilled
            the_consumer_knows_the_depth_exactly
            the_producer_knows_the_depth_up_to_half_the_ring
            there_is_as_much_room_as_said
            the_depth_stays_in_bounds
            everything_shows_itself
            errors_tell_and_return
        }
    };
}
