//! `accept_next` is `accept`, then `next`: two trackers that are told the same, one by the one call and one by the two, say the
//! same, whatever has a say in whose turn it is.

use std::time::Duration;

use ringway::{
    delivery::{
        Answer, AtBound, Backoff, BreakerRules, Class, DedupWindow, Delivery, Effect, Envelope, Id, ItemId, Jitter,
        Lease, Order, Priorities, Rate, Retry, Rules, Tracker,
    },
    time::Instant,
};

type Subject = Tracker<u64, u8>;
type Handed<'t> = Delivery<'t, u64, u8, fn(&u8) -> Class>;
/// What was delivered, what followed, and the lease of what was deferred.
type Told = (Option<(What, Option<Effect<u64>>)>, Option<Lease>);
type What = (u64, u32, Instant, ItemId);

fn base() -> Rules {
    let backoff = Backoff::Fixed(Duration::from_nanos(40));
    Rules {
        capacity: 24,
        in_flight_max: 4,
        lease: Duration::from_nanos(60),
        retry: Retry { backoff, jitter: Jitter::None, attempts_max: 3, ..Retry::default() },
        resolution: Duration::from_nanos(1),
        ..Rules::default()
    }
}

fn keyed(at_bound: AtBound) -> Order {
    Order::Keyed { keys_max: 3, parked_per_key_max: 2, at_bound }
}

/// Answers a delivery, and tells all about it.
fn told(delivery: Option<Handed<'_>>, how: u64) -> Told {
    let Some(delivery) = delivery else { return (None, None) };
    let what = (*delivery.payload(), delivery.attempt(), delivery.first(), delivery.item());
    let (mut lease, mut effect) = (None, None);
    match how {
        0 => effect = Some(delivery.nack(1)),
        1 => effect = Some(delivery.reject(2)),
        2 => drop(delivery),
        3 => std::mem::forget(delivery),
        4 => lease = Some(delivery.defer()),
        _ => delivery.ack(),
    }
    (Some((what, effect)), lease)
}

fn twins_agree(rules: Rules) -> u64 {
    let mut one = Subject::new(rules.clone(), Instant::START).expect("a tracker");
    let mut two = Subject::new(rules, Instant::START).expect("a tracker");
    let (mut seed, mut now, mut leases) = (7_u64, Instant::START, Vec::new());
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for number in 0..5_000 {
        now = now + Duration::from_nanos(random(30));
        // Not after each call: a delivery may have been forgotten.
        if random(3) > 0 {
            loop {
                let effect = one.tick(now);
                assert_eq!(effect, two.tick(now));
                if effect.is_none() {
                    break;
                }
            }
        }
        let envelope = Envelope {
            key: (random(4) > 0).then(|| random(5)),
            id: Some(Id::from(number - random(2).min(number))),
            priority: random(4) as u8,
            not_before: now + Duration::from_nanos(if random(5) == 0 { random(30) } else { 0 }),
            expires_at: if random(5) == 0 { now + Duration::from_nanos(random(30)) } else { Instant::FAR },
            ..Envelope::new(number)
        };
        let how = random(16);
        // A refused item changes nothing else.
        let by_one = one.accept_next(envelope, now).map(|(item, delivery)| (item, told(delivery, how)));
        let by_two = two.accept(envelope, now).map(|item| (item, told(two.next(now), how)));
        assert_eq!(by_one, by_two, "item {number}");
        leases.extend(by_one.ok().and_then(|(_, told)| told.1));
        if random(4) == 0
            && let Some(lease) = leases.pop()
        {
            assert_eq!(one.settle(lease, Answer::Ack, now), two.settle(lease, Answer::Ack, now));
        }
        // Now and then nothing waits.
        while random(2) == 0 {
            let how = random(16);
            assert_eq!(told(one.next(now), how), told(two.next(now), how));
        }
        assert_eq!((one.ledger(), one.in_flight(), one.keys_held()), (two.ledger(), two.in_flight(), two.keys_held()));
        assert_eq!((one.next_at(now), one.breaker()), (two.next_at(now), two.breaker()));
        (0..4).for_each(|priority| assert_eq!(one.waited(priority), two.waited(priority)));
    }
    assert!(one.ledger().balances());
    one.ledger().acked
}

#[test]
fn the_one_call_is_the_two() {
    let rate = Rate { interval: Duration::from_nanos(9), burst: 2 };
    let breaker =
        BreakerRules { failures: 3, window: Duration::from_nanos(60), open_for: Duration::from_nanos(50), probes: 1 };
    let dedup = Some(DedupWindow { time: Duration::from_nanos(100), count: 8 });
    for rules in [
        base(),
        Rules { dedup, ..base() },
        Rules { order: keyed(AtBound::Stall), ..base() },
        Rules { order: keyed(AtBound::DeadLetter), dedup, ..base() },
        Rules { order: keyed(AtBound::Drop), ..base() },
        Rules { priorities: Priorities::Strict(3), ..base() },
        Rules { priorities: Priorities::Weighted([3, 2, 1, 0, 0, 0, 0, 0]), ..base() },
        Rules { rate: Some(rate), ..base() },
        Rules { key_rate: Some((rate, 4)), order: keyed(AtBound::Stall), ..base() },
        Rules { breaker: Some(breaker), ..base() },
    ] {
        let acked = twins_agree(rules.clone());
        assert!(acked > 200, "only {acked} acked by {rules:?}");
    }
}
