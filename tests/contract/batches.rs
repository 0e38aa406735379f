//! Many items by one call, both ways.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use ringway::ring::{Consumer, PopError, Producer, PushError};

use crate::support::{
    hints::{Hint, Hinted},
    kinds::{Subject, ring},
    patience::drain,
};

fn counting(left: usize, hint: Hint) -> Hinted<impl FnMut() -> u64> {
    let mut numbers = 0..;
    Hinted { left, hint, make: move || numbers.next().expect("there is no last number") }
}

/// Whatever the iterator says of its length, its items go in, in order, and nothing else does.
pub(crate) fn any_iterator_goes_in<K: Subject<u64>>() {
    for hint in Hint::ALL {
        for count in [1, 2, 7, 8, 9, 63, 64, 65, 100] {
            let (mut tx, mut rx) = ring::<K, u64>(128);
            let mut items = counting(count, hint);
            assert_eq!(tx.push_iter(&mut items), Ok(count), "{count} items, length {hint:?}");
            assert_eq!(items.left, 0);
            tx.close();
            assert_eq!(drain(&mut rx), (0..count as u64).collect::<Vec<_>>(), "{count} items, length {hint:?}");
        }
    }
}

/// What does not fit stays in the iterator: nothing is asked for before there is a slot for it.
pub(crate) fn what_does_not_fit_stays_in_the_iterator<K: Subject<u64>>() {
    for hint in [Hint::Exact, Hint::TooFew, Hint::Unknown] {
        let (mut tx, mut rx) = ring::<K, u64>(8);
        let mut items = counting(100, hint);
        let mut out = Vec::new();
        while out.len() < 100 {
            let before = items.left;
            match tx.push_iter(&mut items) {
                Ok(pushed) => assert_eq!(before - items.left, pushed),
                Err(error) => assert_eq!((error, items.left), (PushError::Full(()), before)),
            }
            rx.pop_into(&mut out, 3).expect("three were there");
        }
        assert_eq!(out, (0..100).collect::<Vec<_>>(), "length {hint:?}");
    }
}

/// An iterator that claims to be longer than it is leaves holes, and no hole becomes an item.
pub(crate) fn a_lie_leaves_no_item<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    for round in 0..50 {
        assert_eq!(tx.push_iter(&mut counting(2, Hint::TooMany)), Ok(2), "round {round}");
        let mut out = Vec::new();
        while out.len() < 2 {
            rx.pop_into(&mut out, 16).expect("two are inside");
        }
        assert_eq!(out, [0, 1]);
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
    assert_eq!(rx.skipped(), if K::FACTS.tombstones { 150 } else { 0 });
}

pub(crate) fn an_empty_iterator_puts_nothing_in<K: Subject<u64>>() {
    for hint in [Hint::Exact, Hint::Unknown, Hint::TooMany] {
        let (mut tx, mut rx) = ring::<K, u64>(8);
        for _ in 0..20 {
            assert_eq!(tx.push_iter(&mut counting(0, hint)), Ok(0), "length {hint:?}");
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
        }
        assert_eq!(tx.push_iter(&mut counting(8, Hint::Exact)), Ok(8), "nothing stands in the way, length {hint:?}");
    }
}

pub(crate) fn a_slice_goes_in_as_far_as_it_fits<K: Subject<u64>>() {
    let items: Vec<u64> = (0..100).collect();
    for slots in [1, 2, 8, 32, 128] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let pushed = tx.push_slice(&items).unwrap();
        assert!((slots.min(100)..=K::FACTS.hold(slots).min(100)).contains(&pushed));
        if pushed < 100 {
            assert_eq!(tx.push_slice(&items[pushed..]), Err(PushError::Full(())));
        }
        let mut out = Vec::new();
        while out.len() < pushed {
            rx.pop_into(&mut out, 128).unwrap();
        }
        assert_eq!(out, items[..pushed]);
    }
}

/// "If not one item of a slice that has some went in": one that has none is never refused.
pub(crate) fn an_empty_slice_is_never_refused<K: Subject<u64>>() {
    let (mut tx, _rx) = ring::<K, u64>(2);
    assert_eq!(tx.push_slice(&[]), Ok(0));
    while tx.try_push(0).is_ok() {}
    assert_eq!(tx.push_slice(&[]), Ok(0), "on a full ring");
    tx.close();
    assert_eq!(tx.push_slice(&[]), Ok(0), "on a closed ring");
}

pub(crate) fn a_batch_is_refused_whole_when_full_or_closed<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    while tx.try_push(9).is_ok() {}
    let mut items = counting(3, Hint::Exact);
    assert_eq!(tx.push_iter(&mut items), Err(PushError::Full(())));
    rx.try_pop().unwrap();
    tx.close();
    assert_eq!(tx.push_iter(&mut items), Err(PushError::Closed(())));
    assert_eq!(tx.push_slice(&[1, 2]), Err(PushError::Closed(())));
    assert_eq!(items.left, 3, "what was refused is still the caller's");
}

pub(crate) fn no_more_than_asked_for_comes_out<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(64);
    for max in [1, 2, 3, 7, 8, 9, 31, 64] {
        assert_eq!(tx.push_iter(&mut counting(64, Hint::Exact)), Ok(64));
        let mut out = Vec::new();
        while out.len() < 64 {
            let before = out.len();
            let count = rx.pop_into(&mut out, max).expect("there are some left");
            assert!((1..=max).contains(&count));
            assert_eq!(out.len(), before + count);
        }
        assert_eq!(out, (0..64).collect::<Vec<_>>());
        assert_eq!(rx.pop_into(&mut out, max), Err(PopError::Empty));
    }
}

/// On a ring at rest a batch takes what is there: nobody has to ask again for what could have come at once.
pub(crate) fn a_batch_takes_what_is_there<K: Subject<u64>>() {
    for count in [1, 6, 7, 8, 30, 64] {
        let (mut tx, mut rx) = ring::<K, u64>(64);
        for lap in 0..5 {
            tx.push_iter(&mut counting(count, Hint::Exact)).unwrap();
            let mut out = Vec::new();
            assert_eq!(rx.pop_into(&mut out, 64), Ok(count), "lap {lap}");
        }
    }
}

/// Nothing was asked for, and nothing happens.
pub(crate) fn a_batch_of_none_takes_nothing<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    tx.try_push(5).unwrap();
    assert_eq!(rx.pop_each(0, |_| panic!("nothing was asked for")), Ok(0));
    assert_eq!(rx.pop_slice(&mut []), Ok(0));
    assert_eq!(rx.pop_into(&mut Vec::new(), 0), Ok(0));
    assert_eq!((rx.depth(), rx.try_pop()), (1, Ok(5)));
}

pub(crate) fn a_slice_is_filled_from_its_start<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    assert_eq!(rx.pop_slice(&mut [MaybeUninit::new(1)]), Err(PopError::Empty));
    for _ in 0..10 {
        tx.push_iter(&mut counting(5, Hint::Exact)).unwrap();
        let mut places = [MaybeUninit::new(99); 8];
        let count = rx.pop_slice(&mut places).unwrap();
        // SAFETY: every place was initialised above.
        let values = places.map(|place| unsafe { place.assume_init() });
        assert_eq!((count, values), (5, [0, 1, 2, 3, 4, 99, 99, 99]));
    }
    tx.close();
    assert_eq!(rx.pop_slice(&mut [MaybeUninit::uninit()]), Err(PopError::Closed));
}

/// What no item came for stays as it was.
pub(crate) fn a_buffer_is_written_over<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(16);
    let mut buffer = [99; 8];
    assert_eq!(rx.pop_over(&mut buffer), Err(PopError::Empty));
    for _ in 0..10 {
        tx.push_iter(&mut counting(5, Hint::Exact)).unwrap();
        assert_eq!(rx.pop_over(&mut buffer[..3]), Ok(3));
        assert_eq!(rx.pop_over(&mut buffer[3..]), Ok(2));
        assert_eq!(buffer, [0, 1, 2, 3, 4, 99, 99, 99]);
    }
    tx.close();
    assert_eq!(rx.pop_over(&mut buffer), Err(PopError::Closed));
}

/// The closure of a batch may use the other end.
pub(crate) fn a_batch_may_feed_its_own_ring<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(8);
    tx.try_push(0).unwrap();
    let mut handled = 0;
    while handled < 1000 {
        handled += rx
            .pop_each(4, |item| {
                // A batch may give its slots back at its end only, and must do it then.
                let _ = tx.try_push(item);
                let _ = tx.try_push(item);
            })
            .expect("each item brings others");
    }
}

macro_rules! batches {
    ($Kind:ty) => {
        stamp! { batches, $Kind:
            any_iterator_goes_in
            what_does_not_fit_stays_in_the_iterator
            a_lie_leaves_no_item
            an_empty_iterator_puts_nothing_in
            a_slice_goes_in_as_far_as_it_fits
            an_empty_slice_is_never_refused
            a_batch_is_refused_whole_when_full_or_closed
            no_more_than_asked_for_comes_out
            a_batch_takes_what_is_there
            a_batch_of_none_takes_nothing
            a_slice_is_filled_from_its_start
            a_buffer_is_written_over
            a_batch_may_feed_its_own_ring
        }
    };
}
