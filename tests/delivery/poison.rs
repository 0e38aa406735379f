//! Handlers and clocks that do what they should not. Nothing hangs, and the ledger balances.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use ringway::{
    delivery::{
        Answer, AtBound, Class, DeadLetterRules, Effect, Envelope, Headers, Id, Order, Origin, Priorities, Rate,
        Reason, Refused, Rules, Stale, Tracker, WhenFull,
    },
    time::{Clock, Instant, Manual},
};

use super::{SECOND, effects, keyed, rules, run_to_the_end, tracker};

#[test]
fn a_handler_that_always_panics_ends_in_a_dead_letter() {
    let mut tracker = tracker(rules());
    let mut now = Instant::START;
    tracker.accept(Envelope { key: Some(7), ..Envelope::new(1) }, now).expect("room");
    for attempt in 1..=3 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let delivery = tracker.next(now).expect("it is due");
            assert_eq!(delivery.attempt(), attempt);
            panic!("handler");
        }));
        assert!(unwound.is_err());
        let told = effects(&mut tracker, now);
        match &told[..] {
            [Effect::Retry { at, reason: Reason::Unanswered, .. }] if attempt < 3 => {
                now = *at + Duration::from_millis(1)
            }
            [Effect::Dead { reason: Reason::Unanswered, .. }] if attempt == 3 => {}
            other => panic!("attempt {attempt}: {other:?}"),
        }
        assert_eq!(effects(&mut tracker, now), []);
    }
    let (_, letter) = tracker.dead_letters().list().next().expect("one");
    assert_eq!((letter.attempts, letter.first, letter.last), (3, Instant::START, now));
    assert_eq!((letter.envelope.key, letter.error), (Some(7), None));
    assert!(tracker.ledger().balances() && tracker.depth() == 0);
}

#[test]
fn a_handler_that_never_answers_loses_its_lease_and_then_the_item() {
    let mut tracker = tracker(rules());
    let clock = Manual::new();
    tracker.accept(Envelope::new(1), clock.now()).expect("room");
    let mut attempts = 0;
    while tracker.depth() > 0 {
        if let Some(delivery) = tracker.next(clock.now()) {
            delivery.defer();
            attempts += 1;
        }
        let at = tracker.next_at(clock.now()).expect("a lease runs out");
        clock.advance(at - clock.now());
        effects(&mut tracker, clock.now());
    }
    let ledger = tracker.ledger();
    assert_eq!((attempts, ledger.leases_expired, ledger.dead, ledger.deliveries), (3, 3, 1, 3));
    // Three leases of 10 s, and two waits of 1 s in between.
    assert!(clock.now() - Instant::START >= 32 * SECOND && clock.now() - Instant::START < 33 * SECOND);
}

#[test]
fn a_delivery_that_is_forgotten_is_a_nack() {
    let mut tracker = tracker(rules());
    let now = Instant::START;
    for number in 0..2 {
        tracker.accept(Envelope { key: Some(7), ..Envelope::new(number) }, now).expect("room");
    }
    std::mem::forget(tracker.next(now).expect("it is there"));
    assert!(matches!(effects(&mut tracker, now)[..], [Effect::Retry { reason: Reason::Unanswered, attempt: 1, .. }]));
    std::mem::forget(tracker.next(now).expect("the other one"));
    assert!(tracker.next(now).is_none() && tracker.in_flight() == 1);
    assert_eq!(effects(&mut tracker, now).len(), 1);
    assert_eq!(tracker.in_flight(), 0);
}

#[test]
fn a_second_answer_is_stale() {
    let mut tracker = tracker(rules());
    let now = Instant::START;
    tracker.accept(Envelope::new(1), now).expect("room");
    let lease = tracker.next(now).expect("it is there").defer();
    assert_eq!(tracker.leased(lease), Ok(&1));
    assert_eq!(tracker.settle(lease, Answer::Ack, now), Ok(Effect::Acked));
    assert_eq!(tracker.settle(lease, Answer::Nack("late"), now), Err(Stale));
    // Also when another item lies in its place by now.
    tracker.accept(Envelope::new(2), now).expect("room");
    let second = tracker.next(now).expect("it is there").defer();
    assert_eq!((tracker.settle(lease, Answer::Ack, now), tracker.extend(lease, now)), (Err(Stale), Err(Stale)));
    assert_eq!(tracker.settle(second, Answer::Ack, now), Ok(Effect::Acked));
    assert_eq!((tracker.ledger().acked, tracker.ledger().stale), (2, 2));
}

#[test]
fn an_answer_after_the_lease_is_stale_and_the_item_comes_again() {
    let mut tracker = tracker(rules());
    let now = Instant::START;
    tracker.accept(Envelope::new(1), now).expect("room");
    let first = tracker.next(now).expect("it is there").defer();
    let later = now + 11 * SECOND;
    assert!(matches!(
        effects(&mut tracker, later)[..],
        [Effect::Retry { reason: Reason::LeaseExpired, attempt: 1, .. }]
    ));
    assert_eq!(tracker.settle(first, Answer::Ack, later), Err(Stale));
    let later = later + 2 * SECOND;
    effects(&mut tracker, later);
    let second = tracker.next(later).expect("it comes again").defer();
    assert_eq!((first.item(), first.attempt(), second.attempt()), (second.item(), 1, 2));
    assert_eq!(tracker.settle(first, Answer::Ack, later), Err(Stale));
    assert_eq!(tracker.settle(second, Answer::Ack, later), Ok(Effect::Acked));
}

#[test]
fn extending_a_lease_keeps_it() {
    let mut tracker = tracker(rules());
    let now = Instant::START;
    tracker.accept(Envelope::new(1), now).expect("room");
    let lease = tracker.next(now).expect("it is there").defer();
    tracker.extend(lease, now + 100 * SECOND).expect("it stands");
    assert_eq!(effects(&mut tracker, now + 99 * SECOND), []);
    assert!(matches!(effects(&mut tracker, now + 101 * SECOND)[..], [Effect::Retry { .. }]));
}

#[test]
fn full_dead_letters_do_what_the_rules_say() {
    for (when_full, held, dropped, displaced) in
        [(WhenFull::DropOldest, 0, 0, 3), (WhenFull::DropNewest, 0, 3, 0), (WhenFull::Hold, 3, 0, 0)]
    {
        let mut tracker = tracker(Rules { dead_letters: DeadLetterRules { capacity: 2, when_full }, ..rules() });
        let now = Instant::START;
        for number in 0..5 {
            tracker.accept(Envelope::new(number), now).expect("room");
            tracker.next(now).expect("it is there").reject("bad");
        }
        let ledger = tracker.ledger();
        assert_eq!((ledger.in_hand, ledger.dropped_dead_letters_full), (held, dropped), "{when_full:?}");
        assert_eq!((tracker.dead_letters().displaced(), tracker.dead_letters().depth()), (displaced, 2));
        let kept: Vec<u32> = tracker.dead_letters().list().map(|(_, letter)| letter.envelope.payload).collect();
        assert_eq!(kept, if when_full == WhenFull::DropOldest { [3, 4] } else { [0, 1] });
        // Room lets the held ones in, in order.
        assert_eq!(tracker.dead_letters_mut().purge(), 2);
        effects(&mut tracker, now);
        assert_eq!(tracker.ledger().in_hand, held.saturating_sub(2));
        assert!(tracker.ledger().balances());
    }
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let mut tracker = tracker(Rules { order: keyed(), ..rules() });
    let far = Instant::from_nanos(u64::MAX / 2);
    for number in 0..10 {
        let not_before = Instant::from_nanos(u64::from(number) << 40);
        let key = Some(u64::from(number % 3));
        tracker.accept(Envelope { key, not_before, ..Envelope::new(number) }, Instant::START).expect("room");
    }
    // Back again: nothing happens, and nothing breaks.
    for now in [far, Instant::START, far, Instant::from_nanos(5)] {
        effects(&mut tracker, now);
        while let Some(delivery) = tracker.next(now) {
            delivery.ack();
        }
    }
    assert_eq!((tracker.ledger().acked, tracker.depth()), (10, 0));
}

#[test]
fn a_poisoned_key_holds_up_itself_only() {
    let mut tracker = tracker(Rules { order: keyed(), ..rules() });
    let clock = Manual::new();
    for number in 0..30 {
        tracker
            .accept(Envelope { key: Some(u64::from(number % 3)), ..Envelope::new(number) }, clock.now())
            .expect("room");
    }
    let handled =
        run_to_the_end(&mut tracker, &clock, |&number| if number == 4 { Answer::Nack("poison") } else { Answer::Ack });
    let of_key = |key| handled.iter().copied().filter(|number| number % 3 == key).collect::<Vec<_>>();
    assert_eq!(of_key(0), (0..10).map(|nth| 3 * nth).collect::<Vec<_>>());
    assert_eq!(of_key(1), (0..10).map(|nth| 3 * nth + 1).filter(|&number| number != 4).collect::<Vec<_>>());
    // The other keys were done before the poisoned one went on.
    let after = handled.iter().position(|&number| number == 7).expect("it came in the end");
    assert_eq!(handled.len() - after, 8);
    assert_eq!(tracker.ledger().dead, 1);
}

#[test]
fn an_item_that_expires_before_its_retry_is_in_nobodys_way() {
    let order = Order::Keyed { keys_max: 1, parked_per_key_max: 0, at_bound: AtBound::DeadLetter };
    let exact = Duration::from_nanos(1);
    let mut tracker = tracker(Rules { order, priorities: Priorities::Strict(2), resolution: exact, ..rules() });
    let start = Instant::START;
    let expires_at = start + 2 * SECOND;
    let low = Envelope { key: Some(7), priority: 1, expires_at, ..Envelope::new(1) };
    tracker.accept(low, start).expect("room");
    tracker.accept(Envelope { key: Some(7), not_before: expires_at, ..Envelope::new(2) }, start).expect("room");
    tracker.next(start).expect("the first is due").nack("no");
    // It comes again, but its lane is not served before the second is due.
    assert!(effects(&mut tracker, start + SECOND).is_empty());
    let told = effects(&mut tracker, expires_at);
    assert!(matches!(&told[..], [Effect::Expired(envelope)] if envelope.payload == 1), "{told:?}");
    assert_eq!(*tracker.next(expires_at).expect("nobody is before it").payload(), 2);
}

#[test]
fn an_error_class_decides() {
    let classify = |error: &&'static str| match *error {
        "bad request" => Class::Reject,
        "busy" => Class::After(5 * SECOND),
        _ => Class::Retry,
    };
    let mut tracker = Tracker::<u32, _, _>::with_classes(rules(), classify, Instant::START).expect("a tracker");
    let now = Instant::START;
    let mut answer = |error| {
        tracker.accept(Envelope::new(1), now).expect("room");
        tracker.next(now).expect("it is there").nack(error)
    };
    assert!(matches!(answer("bad request"), Effect::Dead { reason: Reason::Rejected, .. }));
    assert!(matches!(answer("busy"), Effect::Retry { at, .. } if at == now + 5 * SECOND));
    assert!(matches!(answer("other"), Effect::Retry { at, .. } if at == now + SECOND));
}

#[test]
fn a_classifier_that_panics_leaves_an_unanswered_delivery() {
    let classify = |_: &&'static str| -> Class { panic!("no idea") };
    let mut tracker = Tracker::<u32, _, _>::with_classes(rules(), classify, Instant::START).expect("a tracker");
    tracker.accept(Envelope::new(1), Instant::START).expect("room");
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        tracker.next(Instant::START).expect("it is there").nack("error");
    }));
    assert!(unwound.is_err());
    assert!(matches!(tracker.tick(Instant::START), Some(Effect::Retry { reason: Reason::Unanswered, .. })));
    assert_eq!(tracker.in_flight(), 0);
}

#[test]
fn redriven_letters_come_back_at_their_rate_and_only_once() {
    let mut tracker = tracker(rules());
    let clock = Manual::new();
    for number in 0..5 {
        tracker.accept(Envelope::new(number), clock.now()).expect("room");
        tracker.next(clock.now()).expect("it is there").reject("bad");
    }
    assert_eq!(tracker.redrive_all(Some(Rate { interval: SECOND, burst: 1 })), 5);
    let mut redriven = Vec::new();
    for _ in 0..20 {
        for effect in effects(&mut tracker, clock.now()) {
            assert!(matches!(effect, Effect::Redriven { .. }));
            redriven.push(clock.now() - Instant::START);
        }
        while let Some(delivery) = tracker.next(clock.now()) {
            assert_eq!((delivery.attempt(), delivery.envelope().redrives), (1, 1));
            delivery.reject("still bad");
        }
        clock.advance(SECOND / 2);
    }
    assert_eq!(redriven, [0, 1, 2, 3, 4].map(|nth| nth * SECOND));
    assert_eq!((tracker.dead_letters().depth(), tracker.ledger().redriven), (5, 5));
    assert!(tracker.ledger().balances());
}

#[test]
fn an_item_takes_64_bytes_beside_its_payload_and_what_the_rules_add() {
    let bytes = |capacity, headers| {
        let rules = Rules { capacity, headers, ..rules() };
        Tracker::<u64, ()>::new(rules, Instant::START).expect("a tracker").bytes()
    };
    for (headers, added) in [
        (Headers::NONE, 0),
        (Headers { id: true, ..Headers::NONE }, 16),
        (Headers { expires_at: true, ..Headers::NONE }, 8),
        (Headers { origin: true, ..Headers::NONE }, 16),
        (Headers::ALL, 40),
    ] {
        assert_eq!(bytes(2000, headers) - bytes(1000, headers), 1000 * (8 + 64 + added), "{headers:?}");
    }
    // All included: the wheel's lists and the dead letters do not grow with the items.
    assert!(bytes(1_000_000, Headers::NONE) < 1_010_000 * (8 + 64));
}

/// What the rules have no place for comes back, and is not lost.
#[test]
fn a_header_that_says_more_than_is_kept_is_refused() {
    let plain = Envelope { key: Some(7), priority: 3, not_before: Instant::from_nanos(9), ..Envelope::new(1) };
    let id = Envelope { id: Some(Id::from(1_u64)), ..plain };
    let expires = Envelope { expires_at: Instant::from_nanos(99), ..plain };
    let origin = Envelope { origin: Origin { shard: 0, sequence: 1 }, ..plain };
    for (headers, kept) in [
        (Headers::NONE, [false; 3]),
        (Headers { id: true, ..Headers::NONE }, [true, false, false]),
        (Headers { expires_at: true, ..Headers::NONE }, [false, true, false]),
        (Headers { origin: true, ..Headers::NONE }, [false, false, true]),
    ] {
        let mut tracker = Tracker::<u32>::new(Rules { headers, ..rules() }, Instant::START).expect("a tracker");
        for (envelope, is_kept) in [plain, id, expires, origin].into_iter().zip([[true].as_slice(), &kept].concat()) {
            match tracker.accept(envelope, Instant::START) {
                Ok(item) => assert!(is_kept && tracker.cancel(item) == Ok(envelope)),
                Err(refused) => assert!(!is_kept && refused == Refused::Header(envelope)),
            }
        }
        assert!(tracker.ledger().balances() && tracker.depth() == 0);
    }
}

/// A dead letter is its owner's, who may write into its header what nobody could have accepted.
#[test]
fn a_dead_letter_comes_back_with_what_is_kept() {
    let mut tracker = tracker(Rules { headers: Headers::NONE, ..rules() });
    tracker.accept(Envelope { key: Some(7), ..Envelope::new(1) }, Instant::START).expect("room");
    let Effect::Dead { letter, .. } = tracker.next(Instant::START).expect("it is there").reject("bad") else {
        panic!("it was rejected")
    };
    let dead = tracker.dead_letters_mut().peek_mut(letter).expect("it has just died");
    dead.envelope.id = Some(Id::from(1_u64));
    dead.envelope.origin = Origin { shard: 1, sequence: 1 };
    dead.envelope.expires_at = Instant::from_nanos(1);
    dead.envelope.priority = 9;
    tracker.redrive(letter, Instant::START).expect("room");
    let envelope = tracker.next(Instant::START).expect("it came back").take();
    assert_eq!(envelope, Envelope { key: Some(7), priority: 9, redrives: 1, ..Envelope::new(1) });
}
