//! One write, and every consumer sees it: gates, joins, leaving, and what an overwritten item comes to.

use std::{ptr, thread};

use ringway::ring::{Consumer, PopError, Producer, PushError, broadcast, broadcast_multi};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
    patience::{dies, until},
    random::{Random, SayOnPanic},
};

/// The calls that both broadcasts have and no trait of the crate names.
pub(crate) trait Sees: Consumer + Clone {
    fn see(&mut self) -> Result<&Self::Item, PopError>;
    fn see_each(&mut self, max: usize, each: impl FnMut(&Self::Item)) -> Result<usize, PopError>;
    fn behind(&self) -> usize;
}

pub(crate) trait Shows: Producer {
    type Consumer: Sees<Item = Self::Item>;
    fn admit(&mut self) -> Self::Consumer;
    fn audience(&self) -> usize;
}

macro_rules! calls {
    ($kind:ident) => {
        impl<T: Clone + Send + Sync> Sees for $kind::Consumer<T> {
            fn see(&mut self) -> Result<&T, PopError> {
                self.try_next()
            }
            fn see_each(&mut self, max: usize, each: impl FnMut(&T)) -> Result<usize, PopError> {
                self.next_each(max, each)
            }
            fn behind(&self) -> usize {
                self.lag()
            }
        }
        impl<T: Clone + Send + Sync> Shows for $kind::Producer<T> {
            type Consumer = $kind::Consumer<T>;
            fn admit(&mut self) -> Self::Consumer {
                self.join()
            }
            fn audience(&self) -> usize {
                self.consumers()
            }
        }
    };
}
calls!(broadcast);
calls!(broadcast_multi);

/// A broadcast of `T`.
pub(crate) trait Radio<T>: Subject<T, Producer: Shows<Consumer = Self::Consumer>, Consumer: Sees> {}
impl<T, K: Subject<T, Producer: Shows<Consumer = K::Consumer>, Consumer: Sees>> Radio<T> for K {}

pub(crate) fn everyone_sees_everything<K: Radio<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    let mut other = rx.clone();
    for item in 0..1000 {
        tx.try_push(item).unwrap();
        assert_eq!(rx.see(), Ok(&item));
        if item % 3 == 2 {
            let mut seen = Vec::new();
            assert_eq!(other.see_each(8, |&item| seen.push(item)), Ok(3));
            assert_eq!(seen, [item - 2, item - 1, item]);
            assert_eq!(other.see(), Err(PopError::Empty));
        }
    }
}

pub(crate) fn an_item_is_written_once_and_lent<K: Radio<[u64; 9]>>() {
    let (mut tx, mut rx) = ring::<K, [u64; 9]>(4);
    let mut other = rx.clone();
    tx.try_push([7; 9]).unwrap();
    assert!(ptr::eq(rx.see().unwrap(), other.see().unwrap()));
}

/// While a reference is out, its slot is not written, however hard the producer tries.
pub(crate) fn what_is_lent_stays<K: Radio<u64>>() {
    for slots in [1, 2, 8] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        for lap in 0..20 {
            tx.try_push(lap).unwrap();
            let lent = rx.see().unwrap();
            while tx.try_push(u64::MAX).is_ok() {}
            drop(tx.try_claim(1));
            assert_eq!(*lent, lap);
            while rx.see().is_ok() {}
        }
    }
}

pub(crate) fn the_slowest_gates<K: Radio<u64>>() {
    for slots in [1, 2, 8, 16] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let mut slow = rx.clone();
        let mut pushed = 0;
        while tx.try_push(pushed).is_ok() {
            assert_eq!(rx.try_pop(), Ok(pushed));
            pushed += 1;
        }
        assert!((slots as u64..=K::FACTS.hold(slots) as u64).contains(&pushed));
        assert_eq!((rx.behind(), slow.behind() as u64), (0, pushed));
        for item in 0..pushed {
            assert_eq!(slow.try_pop(), Ok(item));
        }
        assert_eq!(slow.try_pop(), Err(PopError::Empty));
        tx.try_push(0).unwrap();
    }
}

/// A gate whose consumer died must not hold the producer for ever: by drop, by unwinding, by giving the end up.
pub(crate) fn a_consumer_that_is_gone_gates_nobody<K: Radio<u64>>() {
    for way in 0..3 {
        let (mut tx, mut rx) = ring::<K, u64>(4);
        let mut slow = rx.clone();
        while tx.try_push(0).is_ok() {}
        while rx.try_pop().is_ok() {}
        assert_eq!(tx.try_push(1), Err(PushError::Full(1)));
        match way {
            0 => drop(slow),
            1 => {
                let dying = thread::spawn(move || _ = slow.see_each(4, |item| panic!("while looking at {item}")));
                assert!(dying.join().is_err());
            }
            _ => assert!(slow.into_remaining().is_none()),
        }
        assert_eq!(tx.audience(), 1);
        for item in 0..100 {
            tx.try_push(item).unwrap();
            assert_eq!(rx.try_pop(), Ok(item));
        }
    }
}

pub(crate) fn a_clone_starts_where_its_origin_stands<K: Radio<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    for item in 0..6 {
        tx.try_push(item).unwrap();
    }
    rx.try_pop().unwrap();
    assert_eq!(rx.see(), Ok(&1));
    assert_eq!(rx.peek(), Ok(&2), "only looked at, so the clone has it before it");
    let mut clone = rx.clone();
    for item in 2..6 {
        assert_eq!((rx.try_pop(), clone.try_pop()), (Ok(item), Ok(item)));
    }
}

pub(crate) fn who_joins_sees_what_comes<K: Radio<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    for item in 0..50 {
        tx.try_push(item).unwrap();
        let mut late = tx.admit();
        assert_eq!((late.see(), tx.audience()), (Err(PopError::Empty), 2));
        tx.try_push(100 + item).unwrap();
        assert_eq!(late.see(), Ok(&(100 + item)));
        assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(item), Ok(100 + item)]);
    }
}

/// Without an audience nothing gates, nothing closes, and what is overwritten is dropped.
pub(crate) fn without_consumers_items_are_overwritten<K: Radio<Counted>>() {
    let ledger = Ledger::new(1000);
    let (mut tx, rx) = ring::<K, Counted>(4);
    tx.try_push(ledger.make(0)).ok().unwrap();
    drop(rx);
    assert_eq!(tx.audience(), 0);
    for item in 1..200 {
        assert!(tx.try_push(ledger.make(item)).is_ok());
        assert!(!tx.is_closed() && ledger.alive() < 64, "{} items are kept in a ring of four", ledger.alive());
    }
    let mut rx = tx.admit();
    assert!(rx.see().is_err());
    tx.try_push(ledger.make(200)).ok().unwrap();
    assert_eq!(rx.see().map(|item| item.value), Ok(200));
    drop((tx, rx));
    ledger.settle(0);
}

pub(crate) fn every_consumer_drains_after_the_close<K: Radio<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    let mut other = rx.clone();
    tx.try_push(1).unwrap();
    tx.try_push(2).unwrap();
    assert_eq!(rx.see(), Ok(&1));
    drop(tx);
    assert_eq!(rx.see(), Ok(&2));
    for _ in 0..2 {
        assert_eq!(rx.clone().see(), Err(PopError::Closed));
        assert_eq!(rx.see(), Err(PopError::Closed));
    }
    assert_eq!([other.try_pop(), other.try_pop(), other.try_pop()], [Ok(1), Ok(2), Err(PopError::Closed)]);
}

/// A clone of the item that panics costs that one view of it (T10); the next consumer sees it, and all are dropped once.
pub(crate) fn a_clone_that_panics_costs_one_view<K: Radio<Counted>>() {
    for nth in 1..=6 {
        let ledger = Ledger::new(64);
        let (mut tx, mut rx) = ring::<K, Counted>(8);
        let mut other = rx.clone();
        for item in 0..6 {
            tx.try_push(ledger.make(item)).ok().unwrap();
        }
        ledger.panic_at_clone(nth as usize);
        let mut seen = Vec::new();
        dies(|| {
            loop {
                seen.push(rx.try_pop().expect("a clone panics before the end").value);
            }
        });
        while let Ok(item) = rx.try_pop() {
            seen.push(item.value);
        }
        assert_eq!(seen, (0..6).filter(|item| item + 1 != nth).collect::<Vec<_>>());
        let mut all = Vec::new();
        other.see_each(8, |item| all.push(item.value)).unwrap();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        drop((tx, rx, other));
        ledger.settle(0);
    }
}

pub(crate) fn a_look_that_panics_costs_its_item_only<K: Radio<u64>>() {
    for nth in 0..6 {
        let (mut tx, mut rx) = ring::<K, u64>(8);
        for item in 0..6 {
            tx.try_push(item).unwrap();
        }
        dies(|| _ = rx.see_each(8, |&item| assert_ne!(item, nth, "told to panic")));
        let mut seen = Vec::new();
        let _ = rx.see_each(8, |&item| seen.push(item));
        assert_eq!(seen, (nth + 1..6).collect::<Vec<_>>());
    }
}

/// The drop of an overwritten item is code of the caller's, in the middle of a push: the new item is in all the same.
pub(crate) fn an_overwritten_item_may_panic<K: Radio<Counted>>() {
    for by_claim in [false, true] {
        let ledger = Ledger::new(256);
        let (mut tx, mut rx) = ring::<K, Counted>(4);
        for item in 0..60 {
            let item = ledger.make(item);
            let expected = item.value;
            if expected == 30 {
                ledger.panic_at_drop(1);
                dies(|| {
                    if by_claim {
                        drop(tx.try_claim(2));
                    } else {
                        tx.try_push(item).ok().unwrap();
                    }
                });
                if by_claim {
                    continue;
                }
            } else {
                assert!(tx.try_push(item).is_ok());
            }
            assert_eq!(rx.see().map(|item| item.value), Ok(expected));
        }
        drop((tx, rx));
        ledger.settle(0);
    }
}

/// The last end gets what it has not seen, or what the consumer that left last had not.
pub(crate) fn the_last_end_gets_what_is_unseen<K: Radio<Counted>>() {
    for producer_last in [false, true] {
        for seen in 0..5 {
            let ledger = Ledger::new(64);
            let (mut tx, mut rx) = ring::<K, Counted>(4);
            let ahead = rx.clone();
            for item in 0..4 {
                tx.try_push(ledger.make(item)).ok().unwrap();
            }
            (0..seen).for_each(|_| drop(rx.try_pop()));
            drop(ahead);
            let left: Vec<u64> = if producer_last {
                assert!(rx.into_remaining().is_none());
                tx.into_remaining().expect("the last end").map(|item| item.value).collect()
            } else {
                assert!(tx.into_remaining().is_none());
                rx.into_remaining().expect("the last end").map(|item| item.value).collect()
            };
            assert_eq!(left, (seen..4).collect::<Vec<_>>());
            ledger.settle(0);
        }
    }
}

/// A claim may write its slots and commit nothing. Its slots held items of the lap before, which are gone then; what the
/// claim wrote is no item, and for a payload with invalid bit patterns it may not even be one.
pub(crate) fn leftovers_never_show_what_a_claim_wrote<K: Radio<u64>>() {
    for claimed in 1..=4 {
        let (mut tx, rx) = ring::<K, u64>(4);
        drop(rx);
        (0..40).for_each(|item| tx.try_push(item).unwrap());
        let mut claim = tx.try_claim(claimed).unwrap();
        while claim.push(u64::MAX).is_ok() {}
        drop(claim);
        let left: Vec<u64> = tx.into_remaining().expect("the last end").collect();
        assert!(left.iter().copied().eq(40 - left.len() as u64..40), "{left:?} after a claim of {claimed}");
    }
}

/// Consumers that come and go at random, in one thread, each against its own count.
pub(crate) fn coming_and_going_loses_nothing<K: Radio<Counted>>() {
    for seed in 0..40 {
        let _say = SayOnPanic(|| format!("seed {seed}"));
        let mut random = Random::new(seed);
        let ledger = Ledger::new(20_000);
        let (mut tx, rx) = ring::<K, Counted>(1 << random.below(5));
        let (mut next, mut audience) = (0, vec![(rx, 0)]);
        for _ in 0..500 {
            match random.below(12) {
                0 if audience.len() < 5 => audience.push((tx.admit(), next)),
                1 if !audience.is_empty() => _ = audience.swap_remove(random.below(audience.len())),
                2 if (1..5).contains(&audience.len()) => {
                    let (rx, at) = &audience[random.below(audience.len())];
                    audience.push((rx.clone(), *at));
                }
                3..8 => next += u64::from(tx.try_push(ledger.make(next)).is_ok()),
                _ if !audience.is_empty() => {
                    let index = random.below(audience.len());
                    let (rx, at) = &mut audience[index];
                    match rx.see() {
                        Ok(item) => assert_eq!(item.value, *at),
                        Err(error) => assert_eq!((error, *at), (PopError::Empty, next)),
                    }
                    *at += u64::from(*at < next);
                }
                _ => {}
            }
            assert_eq!(tx.audience(), audience.len());
        }
        drop((tx, audience));
        ledger.settle(0);
    }
}

/// Real threads: a consumer that joins and leaves in a loop, beside one that stays and must not miss anything.
pub(crate) fn who_stays_misses_nothing<K: Radio<u64, Consumer: 'static>>() {
    const ITEMS: u64 = 5000;
    let (mut tx, mut rx) = ring::<K, u64>(16);
    let origin = rx.clone();
    let stays = thread::spawn(move || {
        for expected in 0..ITEMS {
            let item = until("an item", || rx.see().ok().copied());
            assert_eq!(item, expected);
        }
    });
    let hops = thread::spawn(move || {
        let mut here = origin;
        let mut last = 0;
        loop {
            match here.see().copied() {
                Ok(item) => {
                    assert!(item >= last, "{item} after {last}");
                    last = item;
                    here = here.clone();
                }
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Closed) => return last,
            }
        }
    });
    for item in 0..ITEMS {
        until("room", || tx.try_push(item).ok());
    }
    drop(tx);
    stays.join().unwrap();
    assert_eq!(hops.join().unwrap(), ITEMS - 1);
}

macro_rules! broadcasting {
    ($Kind:ty) => {
        stamp! { broadcasting, $Kind:
            everyone_sees_everything
            an_item_is_written_once_and_lent
            what_is_lent_stays
            the_slowest_gates
            a_consumer_that_is_gone_gates_nobody
            a_clone_starts_where_its_origin_stands
            who_joins_sees_what_comes
            without_consumers_items_are_overwritten
            every_consumer_drains_after_the_close
            a_clone_that_panics_costs_one_view
            a_look_that_panics_costs_its_item_only
            an_overwritten_item_may_panic
            the_last_end_gets_what_is_unseen
            leftovers_never_show_what_a_claim_wrote
            coming_and_going_loses_nothing
            who_stays_misses_nothing
        }
    };
}
