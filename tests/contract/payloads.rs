//! Any `T: Send` goes through: of no size, of every alignment, with niches, with a drop, and huge.
#![allow(unsafe_code)]

use std::{cell::Cell, fmt::Debug, num::NonZeroU8, ptr, thread};

use ringway::ring::{Consumer, Producer};

use crate::support::{
    child::in_a_child,
    kinds::{Subject, ring},
};

/// Fills, peeks, drains, claims and leaves some behind, over three laps and in several sizes.
fn carries<K: Subject<T>, T: Clone + PartialEq + Debug>(make: impl Fn(usize) -> T) {
    for slots in [1, 2, 8, 64] {
        let (mut tx, mut rx) = ring::<K, T>(slots);
        for round in 0..3 {
            for nth in 0..slots {
                assert!(tx.try_push(make(round + nth)).is_ok(), "there is room");
            }
            for nth in 0..slots {
                let item = rx.peek().expect("it was pushed");
                assert_eq!(item, &make(round + nth));
                assert_eq!(ptr::from_ref(item).addr() % align_of::<T>(), 0, "a misplaced item");
                assert_eq!(rx.try_pop(), Ok(make(round + nth)));
            }
            let (mut claim, mut written) = (tx.try_claim(slots).unwrap(), 0);
            while let Some(place) = claim.slot() {
                assert_eq!(place.as_ptr().addr() % align_of::<T>(), 0, "a misplaced slot");
                place.write(make(round + written));
                written += 1;
                // SAFETY: the slot was written by the line above.
                unsafe { claim.assume_written() };
            }
            let count = claim.commit();
            assert!(count >= slots);
            let mut out = Vec::new();
            while out.len() < count {
                rx.pop_into(&mut out, 5).expect("they were committed");
            }
            assert_eq!(out, (0..count).map(|nth| make(round + nth)).collect::<Vec<_>>());
        }
        assert!(tx.try_push(make(7)).is_ok(), "the ring is empty");
        drop(tx);
        assert_eq!(rx.into_remaining().expect("the last end").last(), Some(make(7)));
    }
}

pub(crate) fn units<K: Subject<()>>() {
    carries::<K, ()>(|_| ());
}

pub(crate) fn bytes<K: Subject<u8>>() {
    carries::<K, u8>(|nth| nth as u8);
}

pub(crate) fn bools<K: Subject<bool>>() {
    carries::<K, bool>(|nth| nth % 3 == 0);
}

pub(crate) fn odd_sizes<K: Subject<[u8; 3]> + Subject<[u8; 57]> + Subject<[u16; 29]> + Subject<u128>>() {
    carries::<K, [u8; 3]>(|nth| [nth as u8; 3]);
    carries::<K, [u8; 57]>(|nth| [nth as u8; 57]);
    carries::<K, [u16; 29]>(|nth| [nth as u16; 29]);
    carries::<K, u128>(|nth| (nth as u128) << 100 | 1);
}

pub(crate) fn references<K: Subject<&'static str>>() {
    carries::<K, &'static str>(|nth| ["", "one", "another"][nth % 3]);
}

pub(crate) fn boxes<K: Subject<Box<u64>> + Subject<Option<Box<u64>>>>() {
    carries::<K, Box<u64>>(|nth| Box::new(nth as u64));
    carries::<K, Option<Box<u64>>>(|nth| (nth % 2 == 0).then(|| Box::new(nth as u64)));
}

pub(crate) fn numbers_that_are_never_zero<K: Subject<NonZeroU8> + Subject<Option<NonZeroU8>>>() {
    carries::<K, NonZeroU8>(|nth| NonZeroU8::MIN.saturating_add(nth as u8));
    carries::<K, Option<NonZeroU8>>(|nth| NonZeroU8::new(nth as u8 % 3));
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    Cancel,
    Limit { price: u32, text: String },
    Market(bool),
}

pub(crate) fn enums<K: Subject<Order>>() {
    carries::<K, Order>(|nth| match nth % 3 {
        0 => Order::Cancel,
        1 => Order::Limit { price: nth as u32, text: "a string on the heap".to_owned() },
        _ => Order::Market(nth % 2 == 0),
    });
}

pub(crate) fn pages<K: Subject<[u8; 4096]>>() {
    carries::<K, [u8; 4096]>(|nth| [nth as u8; 4096]);
}

#[derive(Debug, Clone, PartialEq)]
#[repr(align(128))]
pub(crate) struct Lines([u8; 40]);

#[derive(Debug, Clone, PartialEq)]
#[repr(align(4096))]
pub(crate) struct PageAligned(u8);

#[derive(Debug, Clone, PartialEq)]
#[repr(align(64))]
pub(crate) struct Nothing;

pub(crate) fn strict_alignments<K: Subject<Lines> + Subject<PageAligned> + Subject<Nothing>>() {
    carries::<K, Lines>(|nth| Lines([nth as u8; 40]));
    carries::<K, PageAligned>(|nth| PageAligned(nth as u8));
    carries::<K, Nothing>(|_| Nothing);
}

thread_local! {
    /// Values of [`Empty`] alive: one without a size has no room for a ledger.
    static ALIVE: Cell<isize> = const { Cell::new(0) };
}

#[derive(Debug, PartialEq)]
pub(crate) struct Empty;

impl Empty {
    fn new() -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self
    }
}

impl Clone for Empty {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

pub(crate) fn nothing_with_a_drop<K: Subject<Empty>>() {
    carries::<K, Empty>(|_| Empty::new());
    assert_eq!(ALIVE.get(), 0);
    for inside in 0..=8 {
        let (mut tx, rx) = ring::<K, Empty>(8);
        for _ in 0..inside {
            tx.try_push(Empty::new()).unwrap();
        }
        assert_eq!(ALIVE.get(), inside);
        drop(tx.try_claim(1).map(|mut claim| claim.push(Empty::new())));
        assert_eq!(ALIVE.get(), inside);
        drop((tx, rx));
        assert_eq!(ALIVE.get(), 0);
    }
}

/// Its drop notes where it lay.
#[derive(Clone)]
pub(crate) struct Big([u8; 1 << 16]);

thread_local! {
    static DROPPED_AT: Cell<usize> = const { Cell::new(0) };
}

impl Drop for Big {
    fn drop(&mut self) {
        DROPPED_AT.set(ptr::from_ref(&self.0).addr());
    }
}

/// A ring's memory may hold what no stack can: who drops such a value must do it in place.
pub(crate) fn a_big_value_is_dropped_where_it_lies<K: Subject<Big>>() {
    for commit in [false, true] {
        let (mut tx, rx) = ring::<K, Big>(2);
        let mut claim = tx.try_claim(1).unwrap();
        let slot = claim.slot().expect("one slot").as_ptr().addr();
        claim.push(Big([7; 1 << 16])).ok().unwrap();
        if commit {
            claim.commit();
        } else {
            drop(claim);
        }
        drop((tx, rx));
        assert_eq!(DROPPED_AT.get(), slot, "committed: {commit}");
    }
}

const MEBIBYTES: usize = 4 << 20;

/// Builds a ring of values that are larger than this thread's stack, writes one in place and looks at it there.
pub(crate) fn a_value_larger_than_the_stack_stays_in_place<K: Subject<[u8; MEBIBYTES]>>() {
    let test = format!("{}::payloads::a_value_larger_than_the_stack_stays_in_place", K::FACTS.name);
    let work = || {
        let (mut tx, mut rx) = ring::<K, [u8; MEBIBYTES]>(2);
        let mut claim = tx.try_claim(1).unwrap();
        let place = claim.slot().expect("one slot").as_mut_ptr().cast::<u8>();
        // SAFETY: the slot is so many bytes, and this claim's to write.
        unsafe { place.write_bytes(7, MEBIBYTES) };
        // SAFETY: every byte of the slot was written by the line above.
        unsafe { claim.assume_written() };
        claim.commit();
        assert_eq!(rx.peek().expect("it was committed")[MEBIBYTES - 1], 7);
        drop((tx, rx));
    };
    in_a_child(&test, || {
        let small = thread::Builder::new().stack_size(1 << 20);
        assert!(small.spawn(work).expect("a thread").join().is_ok());
    });
}

pub(crate) fn a_huge_value_passes_by_value<K: Subject<[u8; MEBIBYTES]>>() {
    let large = thread::Builder::new().stack_size(256 << 20);
    let work = || {
        let (mut tx, mut rx) = ring::<K, [u8; MEBIBYTES]>(1);
        for round in 0..3 {
            tx.try_push([round; MEBIBYTES]).ok().unwrap();
            assert!(rx.try_pop().unwrap().iter().all(|&byte| byte == round));
        }
    };
    assert!(large.spawn(work).expect("a thread").join().is_ok());
}

macro_rules! payloads {
    ($Kind:ty) => {
        stamp! { payloads, $Kind:
            units
            bytes
            bools
            odd_sizes
            references
            boxes
            numbers_that_are_never_zero
            enums
            pages
            nothing_with_a_drop
            strict_alignments
            a_big_value_is_dropped_where_it_lies
            a_value_larger_than_the_stack_stays_in_place
            a_huge_value_passes_by_value
        }
    };
}
