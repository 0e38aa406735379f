//! Time and delivery against simple models: every answer follows from what was called and from `now`.
#![cfg(not(ringway_loom))]

mod at_once;
mod calls;
mod dedup;
mod edges;
mod holding_back;
mod model;
mod names;
mod poison;
mod promises;
mod retry;
mod saga;
mod wheel;

use std::time::Duration;

use ringway::{
    delivery::{Answer, AtBound, Backoff, Effect, Jitter, Order, Retry, Rules, Tracker},
    time::{Clock, Instant, Manual},
};

const SECOND: Duration = Duration::from_secs(1);

/// Three attempts, a second apart, each with a lease of ten.
fn rules() -> Rules {
    let retry =
        Retry { backoff: Backoff::Fixed(SECOND), jitter: Jitter::None, attempts_max: 3, total_max: Duration::MAX };
    Rules { capacity: 64, lease: 10 * SECOND, retry, resolution: Duration::from_millis(1), ..Rules::default() }
}

fn keyed() -> Order {
    Order::Keyed { keys_max: 16, parked_per_key_max: 16, at_bound: AtBound::Stall }
}

type Subject = Tracker<u32, &'static str>;

fn tracker(rules: Rules) -> Subject {
    Tracker::new(rules, Instant::START).expect("a tracker")
}

/// What has come due.
fn effects(tracker: &mut Subject, now: Instant) -> Vec<Effect<u32>> {
    std::iter::from_fn(|| tracker.tick(now)).collect()
}

/// Turns the clock from event to event, and handles what comes, until nothing is in hand. Returns what was handled.
fn run_to_the_end(
    tracker: &mut Subject,
    clock: &Manual,
    mut handle: impl FnMut(&u32) -> Answer<&'static str>,
) -> Vec<u32> {
    let mut handled = Vec::new();
    for _ in 0..100_000 {
        let now = clock.now();
        effects(tracker, now);
        while let Some(delivery) = tracker.next(now) {
            let answer = handle(delivery.payload());
            if answer == Answer::Ack {
                handled.push(*delivery.payload());
            }
            delivery.answer(answer);
        }
        effects(tracker, now);
        assert!(tracker.ledger().balances());
        match tracker.next_at(now) {
            Some(at) => clock.advance(at - now),
            None => {
                assert_eq!(tracker.depth(), 0, "nothing will happen, but items are in hand");
                return handled;
            }
        }
    }
    panic!("it does not end: {tracker:?}");
}
