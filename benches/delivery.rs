//! Time and delivery on one thread: nanoseconds a timer, and nanoseconds an item through the tracker.
//!
//! Every row checks its result: that as much came out as went in, and in which state.

use std::{
    hint::black_box,
    time::{Duration, Instant as Start},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::{
    delivery::{Answer, AtBound, DedupWindow, Envelope, Headers, Id, ItemId, Order, Rules, Tracker},
    time::{Instant, Timer, Wheel},
};

const PENDING: usize = 1_000_000;
/// Deadlines lie within this time: an hour.
const SPREAD: u64 = 3_600_000_000_000;

/// SplitMix64 without a state: the nth number.
fn random(nth: u64) -> u64 {
    let mut bits = nth.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

fn at(nth: u64) -> Instant {
    Instant::from_nanos(random(nth) % SPREAD)
}

/// A wheel with a million pending items, whose deadlines are random, and their timers.
fn pending(spare: usize) -> (Wheel<u64>, Vec<Timer>) {
    let mut wheel = Wheel::new(PENDING + spare, Duration::from_millis(1), Instant::START).expect("memory");
    let timers = (0..PENDING as u64).map(|nth| wheel.schedule(at(nth), nth).expect("room")).collect();
    (wheel, timers)
}

/// In random order.
fn shuffled<N>(mut timers: Vec<N>) -> Vec<N> {
    for nth in (1..timers.len()).rev() {
        timers.swap(nth, random(nth as u64) as usize % (nth + 1));
    }
    timers
}

/// Timers at a million pending: each row is one call, in the order that hurts the cache most.
fn wheel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel, a million pending");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(2));
    let spare = PENDING / 4;
    group.bench_function(BenchmarkId::from_parameter("schedule"), |bencher| {
        bencher.iter_custom(|calls| {
            rounds(calls, spare, |count| {
                let (mut wheel, _) = pending(spare);
                let start = Start::now();
                for nth in 0..count {
                    black_box(wheel.schedule(at(!nth), nth).expect("room"));
                }
                let took = start.elapsed();
                assert_eq!(wheel.depth(), PENDING + count as usize);
                took
            })
        });
    });
    // Cancelled at random, and as many scheduled where those were.
    for is_cancelled in [true, false] {
        let name = if is_cancelled { "cancel" } else { "schedule, after cancels" };
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|calls| {
                rounds(calls, spare, |count| {
                    let (mut wheel, timers) = pending(0);
                    let timers = shuffled(timers);
                    let start = Start::now();
                    for &timer in &timers[..count as usize] {
                        assert!(black_box(wheel.cancel(timer)).is_some());
                    }
                    let cancelled = start.elapsed();
                    assert_eq!(wheel.depth(), PENDING - count as usize);
                    let start = Start::now();
                    for nth in 0..count {
                        black_box(wheel.schedule(at(!nth), nth).expect("room"));
                    }
                    let scheduled = start.elapsed();
                    assert_eq!(wheel.depth(), PENDING);
                    if is_cancelled { cancelled } else { scheduled }
                })
            });
        });
    }
    group.bench_function(BenchmarkId::from_parameter("fire"), |bencher| {
        bencher.iter_custom(|calls| {
            let (mut wheel, _) = pending(1);
            let (mut fired, mut now) = (0_u64, Instant::START);
            let start = Start::now();
            // A worker looks once a millisecond; slots are dealt out on the way.
            while wheel.depth() > 0 {
                now = now + Duration::from_millis(1);
                while black_box(wheel.fire(now)).is_some() {
                    fired += 1;
                }
            }
            let took = start.elapsed();
            assert_eq!(fired, PENDING as u64);
            took.mul_f64(calls as f64 / fired as f64)
        });
    });
    group.finish();
}

/// An item that is not delivered before its time.
fn delayed(nth: u64, time: u64) -> Envelope<u64> {
    Envelope { not_before: at(time), ..Envelope::new(nth) }
}

/// A tracker with a million pending items, whose times are random, and their names.
fn delays(spare: usize) -> (Tracker<u64>, Vec<ItemId>) {
    let rules = Rules { capacity: PENDING + spare, headers: Headers::NONE, ..Rules::default() };
    let mut tracker = Tracker::new(rules, Instant::START).expect("memory");
    assert!(tracker.bytes() <= (PENDING + spare) * 73, "64 bytes an item, its payload, and what is there once");
    let accept = |nth| tracker.accept(delayed(nth, nth), Instant::START).expect("room");
    let items = (0..PENDING as u64).map(accept).collect();
    (tracker, items)
}

/// Items that wait for their time, a million of them; as for the wheel. "Fire" is all that follows: an item becomes due, is
/// delivered and acked.
fn delaying(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracker, a million pending");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(2));
    let spare = PENDING / 4;
    group.bench_function(BenchmarkId::from_parameter("accept"), |bencher| {
        bencher.iter_custom(|calls| {
            rounds(calls, spare, |count| {
                let (mut tracker, _) = delays(spare);
                let start = Start::now();
                for nth in 0..count {
                    black_box(tracker.accept(delayed(nth, !nth), Instant::START).expect("room"));
                }
                let took = start.elapsed();
                assert_eq!(tracker.depth(), PENDING + count as usize);
                took
            })
        });
    });
    for is_cancelled in [true, false] {
        let name = if is_cancelled { "cancel" } else { "accept, after cancels" };
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|calls| {
                rounds(calls, spare, |count| {
                    let (mut tracker, items) = delays(0);
                    let items = shuffled(items);
                    let start = Start::now();
                    for &item in &items[..count as usize] {
                        assert!(black_box(tracker.cancel(item)).is_ok());
                    }
                    let cancelled = start.elapsed();
                    assert_eq!(tracker.ledger().cancelled, count);
                    let start = Start::now();
                    for nth in 0..count {
                        black_box(tracker.accept(delayed(nth, !nth), Instant::START).expect("room"));
                    }
                    let accepted = start.elapsed();
                    assert_eq!(tracker.depth(), PENDING);
                    if is_cancelled { cancelled } else { accepted }
                })
            });
        });
    }
    group.bench_function(BenchmarkId::from_parameter("fire"), |bencher| {
        bencher.iter_custom(|calls| {
            let (mut tracker, _) = delays(1);
            let mut now = Instant::START;
            let start = Start::now();
            while tracker.depth() > 0 {
                now = now + Duration::from_millis(1);
                while tracker.tick(now).is_some() {}
                while let Some(delivery) = tracker.next(now) {
                    black_box(delivery.payload());
                    delivery.ack();
                }
            }
            let took = start.elapsed();
            assert_eq!(tracker.ledger().acked, PENDING as u64);
            took.mul_f64(calls as f64 / PENDING as f64)
        });
    });
    group.finish();
}

/// Runs `calls` in rounds of at most `most`, each on a fresh wheel or tracker.
fn rounds(calls: u64, most: usize, mut round: impl FnMut(u64) -> Duration) -> Duration {
    let (mut left, mut took) = (calls, Duration::ZERO);
    while left > 0 {
        let count = left.min(most as u64);
        took += round(count);
        left -= count;
    }
    took
}

/// Items through a tracker. "Ack at once" is what most items of a queue do: they are taken from the ring, their handler says
/// `Ok`, and nothing else waits; a worker drives its tracker like that. "In batches" they pass a lane first.
fn tracker(criterion: &mut Criterion) {
    let keyed = Order::Keyed { keys_max: 1024, parked_per_key_max: 64, at_bound: AtBound::Stall };
    let dedup = Some(DedupWindow { time: Duration::from_secs(60), count: 65_536 });
    let mut group = criterion.benchmark_group("tracker, an item");
    group.throughput(Throughput::Elements(1));
    let mut row = |name: &str, rules: Rules, run: fn(&mut Tracker<u64>, u64, Instant) -> Instant| {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            let mut tracker = Tracker::new(rules.clone(), Instant::START).expect("memory");
            let mut now = Instant::START;
            bencher.iter_custom(|items| {
                let before = tracker.ledger().acked;
                let start = Start::now();
                now = run(&mut tracker, items, now);
                let took = start.elapsed();
                let ledger = tracker.ledger();
                assert!(ledger.acked - before == items && ledger.balances() && ledger.in_hand == 0, "{ledger:?}");
                took
            });
        });
    };
    row("ack at once", Rules::default(), ack_at_once);
    row("ack at once, keyed", Rules { order: keyed, ..Rules::default() }, ack_at_once);
    row("ack in batches", Rules::default(), ack_in_batches);
    row("lease, dedup, keyed", Rules { order: keyed, dedup, ..Rules::default() }, leased);
    group.finish();
}

const BATCH: u64 = 32;

fn batches(items: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..items).step_by(BATCH as usize).map(move |from| from..(from + BATCH).min(items))
}

fn ack_at_once(tracker: &mut Tracker<u64>, items: u64, now: Instant) -> Instant {
    for nth in 0..items {
        let accepted = tracker.accept_next(Envelope { key: Some(nth), ..Envelope::new(nth) }, now);
        let delivery = accepted.expect("room").1.expect("its turn");
        black_box(delivery.payload());
        delivery.ack();
    }
    now
}

fn ack_in_batches(tracker: &mut Tracker<u64>, items: u64, now: Instant) -> Instant {
    for batch in batches(items) {
        for nth in batch {
            assert!(tracker.accept(Envelope { key: Some(nth), ..Envelope::new(nth) }, now).is_ok());
        }
        while let Some(delivery) = tracker.next(now) {
            black_box(delivery.payload());
            delivery.ack();
        }
    }
    now
}

/// Every delivery is deferred and answered by its lease, a batch later; every item has a key and an id of its own.
fn leased(tracker: &mut Tracker<u64>, items: u64, start: Instant) -> Instant {
    let (mut now, mut leases) = (start, [None; BATCH as usize]);
    for batch in batches(items) {
        now = now + Duration::from_micros(1);
        while tracker.tick(now).is_some() {}
        for nth in batch {
            let id = Some(Id::from(start.as_nanos() << 20 | nth));
            assert!(tracker.accept(Envelope { key: Some(nth % 1000), id, ..Envelope::new(nth) }, now).is_ok());
        }
        let mut count = 0;
        while let Some(delivery) = tracker.next(now) {
            black_box(delivery.payload());
            leases[count] = Some(delivery.defer());
            count += 1;
        }
        for lease in leases[..count].iter_mut().filter_map(Option::take) {
            assert!(tracker.settle(lease, Answer::Ack, now).is_ok());
        }
    }
    now + Duration::from_secs(1)
}

criterion_group!(benches, wheel, delaying, tracker);
criterion_main!(benches);
