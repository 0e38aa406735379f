//! Time and delivery on one thread: nanoseconds a timer, and nanoseconds an item through the tracker.
//!
//! Every row checks its result: that as much came out as went in, and in which state.

use std::{
    hint::black_box,
    time::{Duration, Instant as Start},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::time::{Instant, Timer, Wheel};

const PENDING: usize = 1_000_000;
/// Deadlines lie within this time.
const SPREAD: u64 = 600_000_000_000;

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
    group.bench_function(BenchmarkId::from_parameter("cancel"), |bencher| {
        bencher.iter_custom(|calls| {
            rounds(calls, spare, |count| {
                let (mut wheel, mut timers) = pending(spare);
                for nth in (1..timers.len()).rev() {
                    timers.swap(nth, random(nth as u64) as usize % (nth + 1));
                }
                let start = Start::now();
                for &timer in &timers[..count as usize] {
                    assert!(black_box(wheel.cancel(timer)).is_some());
                }
                let took = start.elapsed();
                assert_eq!(wheel.depth(), PENDING - count as usize);
                took
            })
        });
    });
    group.bench_function(BenchmarkId::from_parameter("fire"), |bencher| {
        bencher.iter_custom(|calls| {
            let (mut wheel, _) = pending(1);
            let (mut fired, mut now) = (0_u64, Instant::START);
            let start = Start::now();
            // A worker looks every 100 µs; slots are dealt out on the way.
            while wheel.depth() > 0 {
                now = now + Duration::from_micros(100);
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

/// Runs `calls` in rounds of at most `most`, each on a fresh wheel.
fn rounds(calls: u64, most: usize, mut round: impl FnMut(u64) -> Duration) -> Duration {
    let (mut left, mut took) = (calls, Duration::ZERO);
    while left > 0 {
        let count = left.min(most as u64);
        took += round(count);
        left -= count;
    }
    took
}

criterion_group!(benches, wheel);
criterion_main!(benches);
