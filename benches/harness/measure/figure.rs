//! The figures of one sample, of what its threads noted.

use std::{sync::OnceLock, time::Duration};

use hdrhistogram::Histogram;
use quanta::Clock;

use super::crew::Ran;
use crate::harness::{
    open::distribution::Distribution,
    rows::{Row, Topology},
};

/// The longest time that is told from longer ones.
const TIME_MAX: Duration = Duration::from_secs(10);
/// No time-stamp counter runs faster.
const TICKS_PER_NS_MAX: u64 = 8;

/// ns: the row's figure, and its 99th percentile where there is one; or why there is none.
pub(super) type Figure = Result<(f64, Option<f64>), String>;

/// The clock that stamps round trips: a read of the time-stamp counter where there is a steady one.
pub(crate) fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

/// ns an item, and no percentiles.
pub(super) fn per_item(row: &Row, ran: &Ran) -> Figure {
    let items = ran.items[1] * row.producers as u64;
    Ok((ran.elapsed.as_nanos() as f64 / items as f64, None))
}

/// Median and 99th percentile of the round trips.
pub(super) fn per_trip(_row: &Row, ran: &Ran) -> Figure {
    let histogram = histogram(&ran.tallies[0][1].trips);
    let at = |share| quantile(&histogram, share) * ns_per_tick();
    Ok((at(0.5), Some(at(0.99))))
}

/// An item's share of the median batch.
pub(super) fn per_batch(row: &Row, ran: &Ran) -> Figure {
    let median = quantile(&histogram(&ran.tallies[0][1].trips), 0.5);
    Ok((median * ns_per_tick() / row.batch as f64, None))
}

/// All the times of a row that has many, in ns.
pub(super) fn times(row: &Row, ran: &Ran) -> Option<Distribution> {
    match row.topology {
        Topology::RoundTrip | Topology::Recovery => {
            let trips = ran.tallies[0][1].trips.iter().map(|&ticks| clock().delta_as_nanos(0, ticks));
            Some(trips.fold(Distribution::new(), |mut times, ns| {
                times.record(0, ns);
                times
            }))
        }
        Topology::Wake | Topology::Paced => {
            Some(Distribution::between(&ran.tallies[0][1].stamps, &ran.tallies[1][1].stamps))
        }
        _ => None,
    }
}

/// Median and 99th percentile of the times from what the sender noted to what the receiver noted.
pub(super) fn per_hop(_row: &Row, ran: &Ran) -> Figure {
    let [sent, received] = [0, 1].map(|seat: usize| ran.tallies[seat][1].stamps.iter());
    let hops: Option<Vec<u64>> = sent.zip(received).map(|(sent, received)| received.checked_sub(*sent)).collect();
    let histogram = histogram(&hops.ok_or("an item came before it was sent: the CPUs' clocks differ")?);
    let at = |share| quantile(&histogram, share);
    Ok((at(0.5), Some(at(0.99))))
}

/// The CPU time of the one item.
pub(super) fn per_wait(_row: &Row, ran: &Ran) -> Figure {
    let noted = ran.tallies[1][1].stamps.first();
    noted.map(|&ns| (ns as f64, None)).ok_or_else(|| "nothing was noted".into())
}

fn ns_per_tick() -> f64 {
    clock().delta_as_nanos(0, 1 << 40) as f64 / (1u64 << 40) as f64
}

/// Of ticks, or of ns. Ticks are recorded as they are: three digits of them are finer than ns.
fn histogram(times: &[u64]) -> Histogram<u64> {
    let max = TIME_MAX.as_nanos() as u64 * TICKS_PER_NS_MAX;
    let mut histogram = Histogram::new_with_max(max, 3).expect("the bounds are in order");
    times.iter().for_each(|&time| histogram.saturating_record(time));
    histogram
}

/// The value below which a share of the recorded ones are, between the clock's steps.
///
/// Some processors step their time-stamp counter only every 10 ns, a tenth of a round trip: all trips then show one of a
/// few values. A value that was read stands for everything up to half the way to its neighbours, evenly.
fn quantile(histogram: &Histogram<u64>, share: f64) -> f64 {
    let seen: Vec<(f64, f64)> =
        histogram.iter_recorded().map(|step| (step.value_iterated_to() as f64, step.count_at_value() as f64)).collect();
    let wanted = share * histogram.len() as f64;
    let mut below = 0.0;
    for (nth, &(value, count)) in seen.iter().enumerate() {
        if below + count >= wanted {
            let halfway = |neighbour: Option<&(f64, f64)>| neighbour.map_or(value, |next| (value + next.0) / 2.0);
            let (from, to) =
                (halfway(nth.checked_sub(1).and_then(|before| seen.get(before))), halfway(seen.get(nth + 1)));
            return from + (wanted - below) / count * (to - from);
        }
        below += count;
    }
    f64::NAN
}

#[cfg(test)]
mod tests {
    use super::{histogram, quantile};

    #[test]
    fn long_trips_are_not_cut() {
        let median = quantile(&histogram(&[1_000_000; 9]), 0.5);
        assert!((median / 1e6 - 1.0).abs() < 0.001, "{median}");
    }

    #[test]
    fn a_coarse_clock_still_tells_the_median() {
        // Trips of 100 to 130 ticks, evenly, seen by a clock that steps by 26 and starts anywhere.
        let exact = |nth: u64| 100.0 + 30.0 * (nth % 1000) as f64 / 1000.0;
        let coarse = |nth: u64| {
            let start = (nth * 7919 % 2600) as f64 / 100.0;
            (((start + exact(nth)) / 26.0).floor() - (start / 26.0).floor()) as u64 * 26
        };
        let seen: Vec<u64> = (0..100_000).map(coarse).collect();
        let median = quantile(&histogram(&seen), 0.5);
        // Rounded to a step it would be 104 or 130.
        assert!((median - 115.0).abs() < 2.0, "{median}");
    }
}
