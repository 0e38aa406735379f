//! What a ring is asked to hold, and what it says when it can't.

use std::error::Error;

use ringway::ring::{Capacity, CapacityError, Consumer, Kind, Producer};

use crate::support::{child::in_a_child, kinds::Subject};

/// 1 MiB: a few of them overflow an address space.
type Huge = [u64; 1 << 17];

fn refused<K: Kind<T>, T>(capacity: Capacity) -> CapacityError {
    K::ring(capacity).err().expect("no ring can have this")
}

pub(crate) fn zero_is_refused<K: Subject<u64>>() {
    assert_eq!(refused::<K, u64>(Capacity::at_least(0)), CapacityError::Zero);
    assert_eq!(refused::<K, u64>(Capacity::exactly(0)), CapacityError::Zero);
}

pub(crate) fn at_least_rounds_up_and_exactly_does_not<K: Subject<u64>>() {
    for asked in 1..=17 {
        let (tx, rx) = K::ring(Capacity::at_least(asked)).unwrap();
        assert_eq!((tx.capacity(), rx.capacity()), (asked.next_power_of_two(), asked.next_power_of_two()));
        match K::ring(Capacity::exactly(asked)) {
            Ok((tx, _)) => assert_eq!((tx.capacity(), asked.is_power_of_two()), (asked, true)),
            Err(error) => {
                assert_eq!((error, asked.is_power_of_two()), (CapacityError::NotPowerOfTwo { asked }, false));
            }
        }
    }
}

pub(crate) fn an_absurd_number_is_refused<K: Subject<()> + Subject<u64>>() {
    for asked in [Capacity::MAX_SLOTS + 1, usize::MAX / 2 + 1, usize::MAX] {
        assert_eq!(refused::<K, u64>(Capacity::at_least(asked)), CapacityError::TooManySlots { asked });
        assert_eq!(refused::<K, u64>(Capacity::exactly(asked)), CapacityError::TooManySlots { asked });
        assert_eq!(refused::<K, ()>(Capacity::at_least(asked)), CapacityError::TooManySlots { asked });
    }
}

/// A payload so large that the ring is no allocation at all. Even to refuse it needs no such value on the stack.
pub(crate) fn too_many_bytes_are_a_typed_error<K: Subject<[Huge; 4096]>>() {
    in_a_child(&format!("{}::capacities::too_many_bytes_are_a_typed_error", K::FACTS.name), || {
        match refused::<K, [Huge; 4096]>(Capacity::exactly(Capacity::MAX_SLOTS)) {
            CapacityError::TooManyBytes { slots, slot_bytes } => {
                assert!(slots >= Capacity::MAX_SLOTS && slot_bytes >= size_of::<[Huge; 4096]>());
            }
            other => panic!("expected TooManyBytes, got {other:?}"),
        }
    });
}

/// Four PiB: an allocation in form, and no machine has it.
pub(crate) fn too_little_memory_is_a_typed_error<K: Subject<Huge>>() {
    in_a_child(&format!("{}::capacities::too_little_memory_is_a_typed_error", K::FACTS.name), || {
        match refused::<K, Huge>(Capacity::exactly(Capacity::MAX_SLOTS)) {
            CapacityError::OutOfMemory { bytes } => assert!(bytes >= Capacity::MAX_SLOTS * size_of::<Huge>()),
            other => panic!("expected OutOfMemory, got {other:?}"),
        }
    });
}

/// Every message names what was asked and what to pass instead, and the advice is good.
pub(crate) fn the_error_says_what_to_pass<K: Subject<u64>>() {
    let says = |capacity, words: &[&str]| {
        let error: Box<dyn Error> = Box::new(refused::<K, u64>(capacity));
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    };
    says(Capacity::exactly(0), &["0", "pass 1 or more"]);
    says(Capacity::exactly(1000), &["1000", "pass 512 or 1024", "Capacity::at_least(1000)"]);
    says(Capacity::exactly(3), &["pass 2 or 4"]);
    says(Capacity::at_least(usize::MAX), &[&usize::MAX.to_string(), &format!("pass {}", Capacity::MAX_SLOTS)]);
    for advised in [512, 1024] {
        assert!(K::ring(Capacity::exactly(advised)).is_ok());
    }
}

/// tracing #2415: 80 MB were allocated where nobody expected it.
pub(crate) fn the_bytes_are_told<K: Subject<u64>>() {
    let (tx, rx) = K::ring(Capacity::exactly(1024)).unwrap();
    assert!((8 * 1024..64 * 1024).contains(&tx.bytes()), "{} bytes for 1024 items of 8", tx.bytes());
    assert_eq!(tx.bytes(), rx.bytes());
}

macro_rules! capacities {
    ($Kind:ty) => {
        stamp! { capacities, $Kind:
            zero_is_refused
            at_least_rounds_up_and_exactly_does_not
            an_absurd_number_is_refused
            too_many_bytes_are_a_typed_error
            too_little_memory_is_a_typed_error
            the_error_says_what_to_pass
            the_bytes_are_told
        }
    };
}
