//! The window of duplicates against an oracle that remembers everything, and idempotent handlers.

use std::time::Duration;

use proptest::prelude::*;
use ringway::{
    delivery::{DedupWindow, Envelope, Id, Idempotent, Refused, Rules, Tracker},
    time::Instant,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_duplicates_within_the_window_are_told(
        count in 1..12_usize,
        time in 1..60_u64,
        calls in prop::collection::vec((0..20_u64, 0..8_u64), 0..200),
    ) {
        let dedup = Some(DedupWindow { time: Duration::from_nanos(time), count });
        let rules = Rules { dedup, capacity: 8, ..Rules::default() };
        let mut tracker = Tracker::<u64>::new(rules, Instant::START).expect("a tracker");
        let mut accepted: Vec<(u64, u64)> = Vec::new();
        let (mut now, mut duplicates) = (0, 0);
        for (id, later) in calls {
            now += later;
            let mut lately = accepted.iter().rev().take(count).filter(|&&(_, at)| now - at < time);
            let is_duplicate = lately.any(|&(other, _)| other == id);
            let envelope = Envelope { id: Some(Id::from(id)), ..Envelope::new(id) };
            match tracker.accept(envelope, Instant::from_nanos(now)) {
                Ok(_) => {
                    prop_assert!(!is_duplicate);
                    accepted.push((id, now));
                    tracker.next(Instant::from_nanos(now)).expect("it is the only one").ack();
                }
                Err(refused) => {
                    prop_assert!(is_duplicate && refused == Refused::Duplicate(envelope));
                    duplicates += 1;
                }
            }
        }
        prop_assert_eq!(tracker.ledger().refused_duplicate, duplicates);
    }
}

#[test]
fn ids_of_128_bits_are_told_apart_in_both_halves() {
    let rules = Rules { dedup: Some(DedupWindow { time: Duration::MAX, count: 10 }), ..Rules::default() };
    let mut tracker = Tracker::<u8>::new(rules, Instant::START).expect("a tracker");
    let mut accept =
        |id: u128| tracker.accept(Envelope { id: Some(Id::from(id)), ..Envelope::new(0) }, Instant::START).is_ok();
    assert!(accept(1) && accept(1 << 64) && accept((1 << 64) + 1));
    assert!(!accept(1) && !accept(1 << 64));
}

#[test]
fn what_was_refused_for_room_is_no_duplicate_later() {
    let rules = Rules { capacity: 1, dedup: Some(DedupWindow { time: Duration::MAX, count: 10 }), ..Rules::default() };
    let mut tracker = Tracker::<u8>::new(rules, Instant::START).expect("a tracker");
    let now = Instant::START;
    tracker.accept(Envelope { id: Some(Id::from(1_u64)), ..Envelope::new(1) }, now).expect("room");
    let second = Envelope { id: Some(Id::from(2_u64)), ..Envelope::new(2) };
    assert_eq!(tracker.accept(second, now), Err(Refused::Full(second)));
    tracker.next(now).expect("the first").ack();
    assert!(tracker.accept(second, now).is_ok());
}

#[test]
fn a_result_is_remembered_for_the_window_only() {
    let window = DedupWindow { time: Duration::from_nanos(10), count: 2 };
    let mut results = Idempotent::new(window).expect("room");
    let at = Instant::from_nanos;
    assert_eq!(*results.run(1_u64, at(0), || "first"), "first");
    assert_eq!(*results.run(1_u64, at(9), || "second"), "first");
    assert_eq!(*results.run(1_u64, at(10), || "third"), "third");
    results.run(2_u64, at(11), || "other");
    results.run(3_u64, at(11), || "another");
    assert_eq!(results.get(1_u64, at(11)), None);
    assert_eq!((results.depth(), results.repeats()), (2, 1));
}

#[test]
fn work_that_panics_is_not_remembered() {
    let mut results = Idempotent::new(DedupWindow { time: Duration::MAX, count: 2 }).expect("room");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        results.run(1_u64, Instant::START, || panic!("no result"));
    }));
    assert!(panicked.is_err());
    assert_eq!(*results.run(1_u64, Instant::START, || 5), 5);
}
