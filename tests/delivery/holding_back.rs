//! Who is due and held back all the same: by an open breaker, by rates, by the lanes that come first.

use std::time::Duration;

use ringway::{
    delivery::{Answer, BreakerRules, BreakerState, Effect, Envelope, Order, Priorities, Rate, Rules},
    time::{Clock, Instant, Manual},
};

use super::{SECOND, effects, keyed, rules, run_to_the_end, tracker};

#[test]
fn a_breaker_opens_probes_and_closes() {
    let breaker = BreakerRules { failures: 3, window: 5 * SECOND, open_for: 10 * SECOND, probes: 2 };
    let mut tracker = tracker(Rules { breaker: Some(breaker), ..rules() });
    let mut now = Instant::START;
    for number in 0..12 {
        tracker.accept(Envelope::new(number), now).expect("room");
    }
    for _ in 0..3 {
        assert_eq!(tracker.breaker(), Some((BreakerState::Closed, 0)));
        tracker.next(now).expect("it is closed").nack("down");
    }
    let until = now + 10 * SECOND;
    assert_eq!(tracker.breaker(), Some((BreakerState::Open { until }, 1)));
    assert!(tracker.next(now).is_none());
    // The retries are due before; nothing can be delivered until then, so nobody needs to look earlier than for those.
    assert_eq!(tracker.next_at(now).map(|at| at <= until), Some(true));
    now = until;
    effects(&mut tracker, now);
    let first = tracker.next(now).expect("a probe").defer();
    let second = tracker.next(now).expect("a probe").defer();
    assert!(tracker.next(now).is_none() && tracker.breaker() == Some((BreakerState::HalfOpen, 1)));
    assert_eq!(tracker.settle(first, Answer::Ack, now), Ok(Effect::Acked));
    tracker.settle(second, Answer::Nack("down"), now).expect("it stands");
    assert_eq!(tracker.breaker(), Some((BreakerState::Open { until: now + 10 * SECOND }, 2)));
    now = now + 10 * SECOND;
    effects(&mut tracker, now);
    for _ in 0..2 {
        tracker.next(now).expect("a probe").ack();
    }
    assert_eq!(tracker.breaker(), Some((BreakerState::Closed, 2)));
}

/// A lease from before the breaker opened, answered while it was half-open, was taken for a probe: its ack closed the breaker
/// although no probe had succeeded, and its nack opened it again.
#[test]
fn an_answer_from_before_a_breaker_opened_is_no_probes() {
    let breaker = BreakerRules { failures: 1, window: SECOND, open_for: SECOND, probes: 1 };
    let mut tracker = tracker(Rules { breaker: Some(breaker), ..rules() });
    for number in 0..5 {
        tracker.accept(Envelope::new(number), Instant::START).expect("room");
    }
    let [done, failed] = [(); 2].map(|()| tracker.next(Instant::START).expect("it is closed").defer());
    tracker.next(Instant::START).expect("it is closed").nack("down");
    let now = Instant::START + SECOND;
    effects(&mut tracker, now);
    let probe = tracker.next(now).expect("a probe").defer();
    for (lease, answer) in [(done, Answer::Ack), (failed, Answer::Nack("down"))] {
        tracker.settle(lease, answer, now).expect("it stands");
        assert_eq!((tracker.breaker(), tracker.next(now).is_none()), (Some((BreakerState::HalfOpen, 1)), true));
    }
    tracker.settle(probe, Answer::Ack, now).expect("it stands");
    assert_eq!(tracker.breaker(), Some((BreakerState::Closed, 1)));
}

/// So was a probe from before it opened again.
#[test]
fn an_answer_to_an_earlier_probe_is_no_probes() {
    let breaker = BreakerRules { failures: 1, window: SECOND, open_for: SECOND, probes: 2 };
    let mut tracker = tracker(Rules { breaker: Some(breaker), ..rules() });
    let mut now = Instant::START;
    for number in 0..6 {
        tracker.accept(Envelope::new(number), now).expect("room");
    }
    tracker.next(now).expect("it is closed").nack("down");
    now = now + SECOND;
    effects(&mut tracker, now);
    let [failed, done] = [(); 2].map(|()| tracker.next(now).expect("a probe").defer());
    tracker.settle(failed, Answer::Nack("down"), now).expect("it stands");
    now = now + SECOND;
    effects(&mut tracker, now);
    let probe = tracker.next(now).expect("a probe").defer();
    tracker.settle(done, Answer::Ack, now).expect("it stands");
    let other = tracker.next(now).expect("a probe").defer();
    assert!(tracker.next(now).is_none(), "two probes, whatever else is answered");
    tracker.settle(probe, Answer::Ack, now).expect("it stands");
    assert_eq!(tracker.breaker(), Some((BreakerState::HalfOpen, 2)));
    tracker.settle(other, Answer::Ack, now).expect("it stands");
    assert_eq!(tracker.breaker(), Some((BreakerState::Closed, 2)));
}

#[test]
fn failures_far_apart_leave_the_breaker_closed() {
    let breaker = BreakerRules { failures: 2, window: SECOND, open_for: SECOND, probes: 1 };
    let mut tracker = tracker(Rules { breaker: Some(breaker), ..rules() });
    for nth in 0..10 {
        let now = Instant::START + nth * 2 * SECOND;
        tracker.accept(Envelope::new(nth), now).expect("room");
        tracker.next(now).expect("it is closed").reject("its own fault");
        tracker.accept(Envelope::new(nth), now).expect("room");
        tracker.next(now).expect("it is closed").nack("down");
        effects(&mut tracker, now);
    }
    assert_eq!(tracker.breaker(), Some((BreakerState::Closed, 0)));
}

#[test]
fn rates_are_kept_in_all_and_by_key() {
    let rate = Some(Rate { interval: SECOND, burst: 5 });
    let key_rate = Some((Rate { interval: 3 * SECOND, burst: 1 }, 8));
    for order in [Order::Unordered, keyed()] {
        let mut tracker = tracker(Rules { rate, key_rate, order, ..rules() });
        let clock = Manual::new();
        for number in 0..40 {
            tracker
                .accept(Envelope { key: Some(u64::from(number % 4)), ..Envelope::new(number) }, clock.now())
                .expect("room");
        }
        let mut times = Vec::new();
        run_to_the_end(&mut tracker, &clock, |&number| {
            times.push((clock.now(), number % 4));
            Answer::Ack
        });
        assert_eq!(times.len(), 40);
        for (nth, &(at, key)) in times.iter().enumerate() {
            let within = |span: Duration| times[nth..].iter().take_while(move |&&(other, _)| other - at < span);
            assert!(within(10 * SECOND).count() <= 15, "more than 5 + 10 in 10 s");
            assert!(within(3 * SECOND).filter(|&&(_, other)| other == key).count() <= 1, "a key twice in 3 s");
        }
        // Ten of each key, 3 s apart: no slower than the rates ask for.
        assert!(clock.now() - Instant::START < 40 * SECOND);
    }
}

#[test]
fn weighted_lanes_share_and_strict_lanes_starve_measurably() {
    let deliver = |priorities| {
        let mut tracker = tracker(Rules { priorities, capacity: 3000, ..rules() });
        for number in 0..3000 {
            let priority = (number % 3) as u8;
            tracker.accept(Envelope { priority, ..Envelope::new(number) }, Instant::START).expect("room");
        }
        let mut first = [0; 3];
        for nth in 0..600 {
            let delivery = tracker.next(Instant::START + nth * SECOND).expect("thousands wait");
            first[usize::from(delivery.envelope().priority)] += 1;
            delivery.ack();
        }
        let waited = [0, 1, 2].map(|priority| tracker.waited(priority));
        assert_eq!(waited.map(|lane| lane.delivered), first);
        assert_eq!(waited.map(|lane| lane.depth as u64 + lane.delivered), [1000; 3]);
        (first, waited[0].longest)
    };
    assert_eq!(deliver(Priorities::Weighted([3, 2, 1, 0, 0, 0, 0, 0])).0, [300, 200, 100]);
    assert_eq!(deliver(Priorities::Strict(3)), ([600, 0, 0], 599 * SECOND));
}
