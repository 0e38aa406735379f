//! First in, first out; full, empty and closed; every lap like the first.

use ringway::ring::{Consumer, PopError, Producer, PushError};

use crate::support::kinds::{Subject, ring};

pub(crate) fn items_come_out_as_they_went_in<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    for item in 0..8 {
        assert_eq!(tx.try_push(item), Ok(()));
    }
    for item in 0..8 {
        assert_eq!(rx.try_pop(), Ok(item));
    }
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

/// Every number of items inside, at every place of the ring, over a thousand laps.
pub(crate) fn a_lap_is_like_the_first<K: Subject<u64>>() {
    for slots in [1, 2, 4, 8, 16] {
        for inside in 1..=slots as u64 {
            let (mut tx, mut rx) = ring::<K, u64>(slots);
            let laps = 1000 * slots as u64;
            for item in 0..laps {
                assert_eq!(tx.try_push(item), Ok(()), "{inside} of {slots} slots in use");
                if item + 1 >= inside {
                    assert_eq!(rx.try_pop(), Ok(item + 1 - inside));
                }
            }
        }
    }
}

pub(crate) fn a_full_ring_gives_the_item_back<K: Subject<u64>>() {
    for slots in [1, 2, 8, 16, 64] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let mut went_in = 0;
        let refused = loop {
            match tx.try_push(went_in) {
                Ok(()) => went_in += 1,
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused, PushError::Full(went_in));
        let capacity = slots as u64..=K::FACTS.hold(slots) as u64;
        assert!(capacity.contains(&went_in), "{slots} slots took {went_in} items");
        assert_eq!(rx.try_pop(), Ok(0));
    }
}

/// However items come and go, there is room as long as fewer than the capacity are inside.
pub(crate) fn fewer_than_capacity_is_never_full<K: Subject<u64>>() {
    for slots in [1, 2, 4, 8, 16, 32, 64] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        for taken in 1..=slots {
            while tx.try_push(7).is_ok() {}
            let inside = rx.depth();
            for _ in 0..taken {
                rx.try_pop().expect("a full ring has so many");
            }
            for after in inside - taken..slots {
                assert_eq!(tx.try_push(7), Ok(()), "{after} inside, {slots} slots, {taken} taken at once");
            }
        }
    }
}

pub(crate) fn an_empty_ring_is_empty_until_closed<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    tx.try_push(1).unwrap();
    assert_eq!(rx.try_pop(), Ok(1));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    tx.close();
    assert_eq!(rx.try_pop(), Err(PopError::Closed));
    assert_eq!(rx.try_pop(), Err(PopError::Closed));
}

pub(crate) fn a_ring_of_one_works<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(1);
    for item in 0..100 {
        assert_eq!(tx.try_push(item), Ok(()));
        assert_eq!(tx.try_push(item), Err(PushError::Full(item)));
        assert_eq!(rx.peek(), Ok(&item));
        assert_eq!(rx.try_pop(), Ok(item));
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

macro_rules! order {
    ($Kind:ty) => {
        stamp! { order, $Kind:
            items_come_out_as_they_went_in
            a_lap_is_like_the_first
            a_full_ring_gives_the_item_back
            fewer_than_capacity_is_never_full
            an_empty_ring_is_empty_until_closed
            a_ring_of_one_works
        }
    };
}
