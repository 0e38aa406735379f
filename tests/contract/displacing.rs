//! Push that makes room for itself, and hands back what had to go: `Displace`.

use ringway::ring::{Consumer, Displace, DisplaceError, PopError, Producer};

use crate::support::{
    counted::{Counted, Ledger},
    kinds::{Subject, ring},
};

pub(crate) fn the_oldest_makes_room<K: Subject<u64, Producer: Displace>>() {
    for slots in [1, 2, 8, 16] {
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let slots = slots as u64;
        for item in 0..3 * slots {
            let displaced = tx.displace(item).expect("nobody is in the way");
            assert_eq!(displaced, item.checked_sub(slots), "{slots} slots, item {item}");
        }
        for item in 2 * slots..3 * slots {
            assert_eq!(rx.try_pop(), Ok(item));
        }
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

/// Mixed with pops and pushes, at every place of the ring.
pub(crate) fn nothing_else_is_displaced<K: Subject<u64, Producer: Displace>>() {
    let (mut tx, mut rx) = ring::<K, u64>(4);
    let (mut oldest, mut next) = (0, 0);
    for round in 0..1000 {
        for _ in 0..round % 7 {
            let displaced = tx.displace(next).unwrap();
            assert_eq!(displaced, (next - oldest == 4).then_some(oldest));
            oldest += u64::from(displaced.is_some());
            next += 1;
        }
        for _ in 0..round % 3 {
            if oldest < next {
                assert_eq!(rx.try_pop(), Ok(oldest));
                oldest += 1;
            }
        }
    }
}

pub(crate) fn a_closed_ring_displaces_nothing<K: Subject<u64, Producer: Displace>>() {
    let (mut tx, mut rx) = ring::<K, u64>(2);
    for item in [1, 2, 3] {
        tx.displace(item).unwrap();
    }
    tx.close();
    let refused = tx.displace(4).unwrap_err();
    assert_eq!(refused, DisplaceError::Closed { item: 4, displaced: None });
    assert_eq!(refused.to_string(), "the ring is closed");
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(2), Ok(3), Err(PopError::Closed)]);
}

/// The oldest slot may be an open claim of another producer: then the call gives up, and the item comes back.
pub(crate) fn an_open_claim_is_not_displaced<K: Subject<u64, Producer: Displace + Clone>>() {
    let (mut tx, mut rx) = ring::<K, u64>(2);
    let mut other = tx.clone();
    let mut claim = other.try_claim(1).unwrap();
    assert_eq!(tx.displace(1), Ok(None));
    let refused = tx.displace(2).unwrap_err();
    assert_eq!(refused, DisplaceError::Busy(2));
    assert!(refused.to_string().contains("another end's hands"));
    claim.push(0).unwrap();
    claim.commit();
    assert_eq!(tx.displace(2), Ok(Some(0)));
    assert_eq!([rx.try_pop(), rx.try_pop()], [Ok(1), Ok(2)]);
}

/// A tombstone makes room like an item, and nothing is lost for it.
pub(crate) fn a_tombstone_makes_room<K: Subject<u64, Producer: Displace>>() {
    let (mut tx, mut rx) = ring::<K, u64>(2);
    drop(tx.try_claim(1).unwrap());
    assert_eq!([tx.displace(1), tx.displace(2), tx.displace(3)], [Ok(None), Ok(None), Ok(Some(1))]);
    assert_eq!([rx.try_pop(), rx.try_pop(), rx.try_pop()], [Ok(2), Ok(3), Err(PopError::Empty)]);
    assert_eq!(rx.skipped(), 1);
}

pub(crate) fn the_displaced_is_the_callers<K: Subject<Counted, Producer: Displace>>() {
    let ledger = Ledger::new(64);
    let (mut tx, rx) = ring::<K, Counted>(4);
    let mut displaced = Vec::new();
    for item in 0..10 {
        displaced.extend(tx.displace(ledger.make(item)).expect("nobody is in the way"));
    }
    drop((tx, rx));
    assert_eq!(ledger.alive(), 6);
    assert!(displaced.iter().map(|item| item.value).eq(0..6));
    drop(displaced);
    ledger.settle(0);
}

pub(crate) fn a_refusal_shows_itself<K: Subject<Counted, Producer: Displace>>() {
    let ledger = Ledger::new(8);
    let (mut tx, _rx) = ring::<K, Counted>(2);
    tx.close();
    let refused = tx.displace(ledger.make(1)).err().expect("the ring is closed");
    assert_eq!(format!("{refused:?}"), "Closed { .. }");
    drop(refused);
    ledger.settle(0);
}

macro_rules! displacing {
    ($Kind:ty) => {
        stamp! { displacing, $Kind:
            the_oldest_makes_room
            nothing_else_is_displaced
            a_closed_ring_displaces_nothing
            an_open_claim_is_not_displaced
            a_tombstone_makes_room
            the_displaced_is_the_callers
            a_refusal_shows_itself
        }
    };
}
