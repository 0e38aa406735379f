//! Retry schedules against the published formulas: the values where there is no chance, the distribution where there is.

use std::time::Duration;

use ringway::delivery::{Backoff, Jitter, Retry};

const MS: Duration = Duration::from_millis(1);
const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);
const EXPONENTIAL: Backoff = Backoff::Exponential { base: BASE, cap: CAP };

fn retry(backoff: Backoff, jitter: Jitter, attempts_max: u32) -> Retry {
    Retry { backoff, jitter, attempts_max, total_max: Duration::MAX }
}

/// The nth waits (from 1) of many seeds, in milliseconds, sorted.
fn waits(retry: Retry, nth: usize) -> Vec<f64> {
    let mut waits: Vec<f64> = (0..20_000)
        .map(|seed| retry.schedule(seed).nth(nth - 1).expect("so many attempts").as_secs_f64() * 1e3)
        .collect();
    waits.sort_by(f64::total_cmp);
    waits
}

/// Kolmogorov and Smirnov's distance between the sorted samples and a distribution.
fn distance(samples: &[f64], distribution: impl Fn(f64) -> f64) -> f64 {
    let count = samples.len() as f64;
    let distances = samples.iter().enumerate().map(|(nth, &sample)| {
        let expected = distribution(sample);
        (expected - nth as f64 / count).abs().max(((nth + 1) as f64 / count - expected).abs())
    });
    distances.fold(0.0, f64::max)
}

/// At 20,000 samples a true distribution is this far off once in a million.
const FAR_OFF: f64 = 0.019;

fn uniform(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    move |at| ((at - low) / (high - low)).clamp(0.0, 1.0)
}

#[test]
fn without_jitter_the_waits_are_the_formula() {
    let millis = |backoff, count| -> Vec<u128> {
        retry(backoff, Jitter::None, 100).schedule(1).take(count).map(|wait| wait.as_millis()).collect()
    };
    assert_eq!(millis(Backoff::Fixed(7 * MS), 3), [7, 7, 7]);
    assert_eq!(millis(Backoff::Linear { step: 30 * MS, cap: 100 * MS }, 5), [30, 60, 90, 100, 100]);
    assert_eq!(millis(EXPONENTIAL, 7), [100, 200, 400, 800, 1600, 2000, 2000]);
}

#[test]
fn a_schedule_ends_before_the_last_attempt() {
    assert_eq!(retry(EXPONENTIAL, Jitter::Full, 4).schedule(1).count(), 3);
    assert_eq!(retry(EXPONENTIAL, Jitter::Full, 1).schedule(1).count(), 0);
    assert_eq!(retry(EXPONENTIAL, Jitter::Full, 0).schedule(1).count(), 0);
}

#[test]
fn waits_that_overflow_stay_at_the_cap() {
    let backoff = Backoff::Exponential { base: Duration::from_secs(1), cap: Duration::MAX };
    let last = retry(backoff, Jitter::None, 200).schedule(1).last().expect("199 waits");
    assert_eq!(last, Duration::from_nanos(u64::MAX));
    let last = retry(EXPONENTIAL, Jitter::Decorrelated, 200).schedule(1).last().expect("199 waits");
    assert!(last <= CAP);
}

#[test]
fn a_seed_repeats_its_schedule() {
    let retry = retry(EXPONENTIAL, Jitter::Decorrelated, 20);
    assert!(retry.schedule(5).eq(retry.schedule(5)));
    assert!(!retry.schedule(5).eq(retry.schedule(6)));
}

/// `random_between(0, min(cap, base * 2 ** attempt))`
#[test]
fn full_jitter_is_uniform_up_to_the_wait() {
    for (nth, high) in [(1, 100.0), (3, 400.0), (8, 2000.0)] {
        let waits = waits(retry(EXPONENTIAL, Jitter::Full, 10), nth);
        let off = distance(&waits, uniform(0.0, high));
        assert!(off < FAR_OFF, "wait {nth} is off by {off}");
    }
}

/// `temp / 2 + random_between(0, temp / 2)`
#[test]
fn equal_jitter_is_uniform_over_the_upper_half() {
    for (nth, high) in [(1, 100.0), (3, 400.0), (8, 2000.0)] {
        let waits = waits(retry(EXPONENTIAL, Jitter::Equal, 10), nth);
        let off = distance(&waits, uniform(high / 2.0, high));
        assert!(off < FAR_OFF, "wait {nth} is off by {off}");
    }
}

/// `sleep = min(cap, random_between(base, sleep * 3))`, from `sleep = base`.
#[test]
fn decorrelated_jitter_walks_as_published() {
    let retry = retry(EXPONENTIAL, Jitter::Decorrelated, 12);
    let off = distance(&waits(retry, 1), uniform(100.0, 300.0));
    assert!(off < FAR_OFF, "the first wait is off by {off}");
    // Each step is uniform given the one before: its place within its range is uniform on 0 to 1.
    let mut places = Vec::new();
    for seed in 0..4_000 {
        let mut previous = 100.0;
        for wait in retry.schedule(seed) {
            let wait = wait.as_secs_f64() * 1e3;
            let high = 3.0 * previous;
            assert!((99.999..=f64::min(high, 2000.0) + 0.001).contains(&wait), "{wait} after {previous}");
            // At the cap all that lies above it falls together.
            if high <= 2000.0 {
                places.push((wait - 100.0) / (high - 100.0));
            }
            previous = wait;
        }
    }
    places.sort_by(f64::total_cmp);
    let off = distance(&places, uniform(0.0, 1.0));
    assert!(places.len() > 10_000 && off < FAR_OFF, "{} steps are off by {off}", places.len());
}

/// `(count ** 4) + 15 + rand(10) * (count + 1)` seconds, of a count from 0.
#[test]
fn sidekiq_waits_as_sidekiq_does() {
    let retry = retry(Backoff::Sidekiq, Jitter::None, 26);
    for count in [0_u64, 1, 2, 5, 10, 24] {
        let mut seen = [0_u32; 10];
        for seed in 0..10_000 {
            let wait = retry.schedule(seed).nth(count as usize).expect("25 waits").as_secs();
            let extra = wait - count.pow(4) - 15;
            assert_eq!(extra % (count + 1), 0);
            seen[(extra / (count + 1)) as usize] += 1;
        }
        // Chi squared with 9 degrees of freedom; above 45 once in a million.
        let chi: f64 = seen.iter().map(|&hits| (f64::from(hits) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 45.0, "the chance of count {count} is off: {seen:?}");
    }
    let weeks = retry.schedule(1).map(|wait| wait.as_secs_f64()).sum::<f64>() / 86_400.0;
    assert!((20.0..22.0).contains(&weeks), "25 retries take about 21 days, not {weeks}");
}
