//! Rules at their bounds, answers by detours, and drops that panic.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    time::Duration,
};

use ringway::{
    delivery::{
        Answer, AtBound, BreakerRules, DeadLetterRules, Effect, Envelope, Order, Rate, Retry, Rules, Stale, Tracker,
        WhenFull,
    },
    time::Instant,
};

use super::{SECOND, tracker};

fn rules() -> Rules {
    Rules { capacity: 8, resolution: Duration::from_nanos(1), ..super::rules() }
}

/// How many of `items` keys' items come within a century.
fn come(rules: Rules, items: u32) -> usize {
    let mut tracker = tracker(rules);
    for item in 0..items {
        let envelope = Envelope { key: Some(u64::from(item % 2)), ..Envelope::new(item) };
        tracker.accept(envelope, Instant::START).expect("room");
    }
    let mut come = 0;
    for years in 0..100_u64 {
        let now = Instant::START + Duration::from_secs(years * 365 * 86_400);
        while tracker.tick(now).is_some() {}
        loop {
            let Some(delivery) = tracker.next(now) else { break };
            delivery.ack();
            come += 1;
        }
    }
    come
}

/// Nothing came of 0 a second but the first item, and, if several may come at once, everything.
#[test]
fn a_rate_of_nothing_lets_nothing_through() {
    let never = Rate { interval: Duration::MAX, burst: 3 };
    for rate in [Rate::per_second(0), never] {
        assert_eq!(come(Rules { rate: Some(rate), ..rules() }, 8), 0, "{rate:?}");
        assert_eq!(come(Rules { key_rate: Some((rate, 4)), ..rules() }, 8), 0, "{rate:?} a key");
    }
    let century = Rate { interval: Duration::from_secs(400 * 365 * 86_400), burst: 3 };
    assert!(come(Rules { rate: Some(century), ..rules() }, 8) <= 3);
}

/// The lease of a forgotten delivery was answered, and the place of the item then ended a second time.
#[test]
fn a_forgotten_delivery_can_not_be_answered_by_its_lease() {
    let now = Instant::START;
    let mut tracker = tracker(Rules { capacity: 3, ..rules() });
    tracker.accept(Envelope::new(0), now).expect("room");
    let delivery = tracker.next(now).expect("it is there");
    let lease = delivery.lease();
    std::mem::forget(delivery);
    assert_eq!(tracker.settle(lease, Answer::Ack, now), Err(Stale));
    assert_eq!((tracker.release(lease, now), tracker.extend(lease, now)), (Err(Stale), Err(Stale)));
    for item in 1..3 {
        tracker.accept(Envelope::new(item), now).expect("room");
    }
    let now = now + SECOND;
    while tracker.tick(now).is_some() {}
    let now = now + SECOND;
    while tracker.tick(now).is_some() {}
    let mut come = Vec::new();
    loop {
        let Some(delivery) = tracker.next(now) else { break };
        come.push(*delivery.payload());
        delivery.ack();
    }
    assert_eq!((come.len(), tracker.room()), (3, 3), "{come:?}");
    assert!(tracker.ledger().balances());
}

/// Says when it goes that it should not have.
#[derive(Debug)]
struct Mine(bool);

impl Drop for Mine {
    fn drop(&mut self) {
        if std::mem::take(&mut self.0) {
            panic_any("a drop that panics");
        }
    }
}

/// The drop of a displaced letter panicked while the next one was on its way: that was lost, and the tracker's places with it.
#[test]
fn a_displaced_letter_that_panics_takes_nothing_along() {
    let retry = Retry { attempts_max: 1, ..rules().retry };
    let dead_letters = DeadLetterRules { capacity: 1, when_full: WhenFull::DropOldest };
    let now = Instant::START;
    let rules = Rules { capacity: 3, retry, dead_letters, ..rules() };
    let mut tracker = Tracker::<Mine, u32>::new(rules, now).expect("a tracker");
    for is_mine in [true, false] {
        tracker.accept(Envelope::new(Mine(is_mine)), now).expect("room");
        let delivery = tracker.next(now).expect("it is there");
        let answer = catch_unwind(AssertUnwindSafe(|| delivery.nack(7)));
        assert_eq!(answer.is_err(), !is_mine);
    }
    while tracker.tick(now).is_some() {}
    let ledger = tracker.ledger();
    let letters = tracker.dead_letters();
    assert_eq!((ledger.dead, letters.depth(), letters.displaced()), (2, 1, 1));
    assert!(ledger.balances());
    for _ in 0..3 {
        tracker.accept(Envelope::new(Mine(false)), now).expect("room");
    }
    assert_eq!(tracker.room(), 0);
}

/// The error of an item that was given up or comes again panics when it is dropped, after all was done.
#[test]
fn an_error_whose_drop_panics_leaves_all_in_place() {
    let dead_letters = DeadLetterRules { capacity: 1, when_full: WhenFull::DropNewest };
    let now = Instant::START;
    for attempts_max in [1, 2] {
        let retry = Retry { attempts_max, ..rules().retry };
        let rules = Rules { capacity: 3, retry, dead_letters, ..rules() };
        let mut tracker = Tracker::<u32, Mine>::new(rules, now).expect("a tracker");
        for is_mine in [false, true] {
            tracker.accept(Envelope::new(0), now).expect("room");
            let delivery = tracker.next(now).expect("it is there");
            let answer = catch_unwind(AssertUnwindSafe(|| delivery.nack(Mine(is_mine))));
            assert_eq!(answer.is_err(), is_mine);
        }
        while tracker.tick(now).is_some() {}
        assert!(tracker.ledger().balances());
        for _ in 0..tracker.room() {
            tracker.accept(Envelope::new(0), now).expect("room");
        }
        assert_eq!((tracker.room(), tracker.in_flight(), tracker.depth()), (0, 0, 3));
    }
}

/// The probes of a half-open breaker were handed back, and it waited for their answers for ever.
#[test]
fn a_probe_that_is_handed_back_does_not_hold_the_breaker() {
    let breaker = BreakerRules { failures: 1, window: SECOND, open_for: SECOND, probes: 1 };
    let mut tracker = tracker(Rules { breaker: Some(breaker), ..rules() });
    let now = Instant::START;
    tracker.accept(Envelope::new(0), now).expect("room");
    assert!(matches!(tracker.next(now).expect("closed").nack("no"), Effect::Retry { .. }));
    let now = now + SECOND;
    while tracker.tick(now).is_some() {}
    let _lease = tracker.next(now).expect("a probe").defer();
    let mut back = 0;
    tracker.hand_back(|_| back += 1);
    assert_eq!(back, 1);
    tracker.accept(Envelope::new(1), now).expect("room");
    assert!(tracker.next(now).is_some(), "{:?}", tracker.breaker());
}

/// What stood in everybody's way was not delivered in time, and nobody looked.
#[test]
fn the_end_of_what_stalls_is_a_time_to_look() {
    let order = Order::Keyed { keys_max: 4, parked_per_key_max: 0, at_bound: AtBound::Stall };
    let mut tracker = tracker(Rules { order, ..rules() });
    let now = Instant::START;
    let envelope = |item, key| Envelope { key: Some(key), ..Envelope::new(item) };
    tracker.accept(envelope(0, 1), now).expect("room");
    let _lease = tracker.next(now).expect("it is there").defer();
    let expires_at = now + SECOND;
    tracker.accept(Envelope { expires_at, ..envelope(1, 1) }, now).expect("room");
    tracker.accept(envelope(2, 2), now).expect("room");
    assert!(tracker.next(now).is_none(), "it stalls");
    assert_eq!(tracker.next_at(now), Some(expires_at));
    assert_eq!(tracker.next(expires_at).map(|delivery| *delivery.payload()), Some(2));
}
