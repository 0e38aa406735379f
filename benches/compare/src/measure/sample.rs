//! Fits a queue to the loops of a row, and turns what the threads saw into one figure.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use hdrhistogram::Histogram;
use quanta::Clock;

use super::{
    check::{self, Exact, Growing, PRODUCERS_MAX, Tally, words},
    crew::{self, End, Job, Ran, Regime, Role},
    loops::{self, Drain},
};
use crate::{
    queue::{Payload, Push, PushMany, Queue, Shape},
    rows::Row,
};

/// The share of a CPU's time that others may have had.
pub(crate) const TAKEN_MAX: f64 = 0.05;
/// The longest round trip that is told from longer ones.
const TRIP_MAX: Duration = Duration::from_secs(10);
/// No time-stamp counter runs faster.
const TICKS_PER_NS_MAX: u64 = 8;

/// One figure, with what stood beside it.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// ns an item, a pair, or (the median) a round trip.
    pub(crate) ns: f64,
    /// The 99th percentile of the round trips, where there are some.
    pub(crate) p99_ns: Option<f64>,
    /// How long the burst took.
    pub(crate) elapsed_ns: f64,
    /// ns of a raw round trip, before and after.
    pub(crate) probes: [f64; 2],
    /// The share of the time that others had one of the CPUs.
    pub(crate) taken: f64,
}

impl Sample {
    /// How far the CPUs were from each other; `None` if that changed meanwhile, or if the CPUs were not ours alone.
    pub(crate) fn regime(&self) -> Option<Regime> {
        let [before, after] = self.probes.map(Regime::of);
        (before == after && !self.is_disturbed()).then_some(before)
    }

    /// Whether others had so much of a CPU that the sample says little about the queue.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.taken > TAKEN_MAX
    }
}

/// What became of a try to measure.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It was measured, and the stream was whole.
    Measured(Sample),
    /// The stream was not whole, or the contender panicked.
    Fault(String),
    /// The deadline passed.
    Hung {
        /// What was seen.
        what: String,
        /// Threads that run on.
        stuck: usize,
    },
}

/// One thread, push and pop by turns.
pub(crate) fn pair<Q: Queue<T, Tx: Push<T>>, T: Payload>(row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = open_one::<Q, T>(row);
    let roles: Vec<Role> = vec![Box::new(move |phase| loops::alternate(&mut tx, &mut rx, phase))];
    conclude(row, crew::run(roles, job), per_item)
}

/// Producers push, consumers compete for what comes.
pub(crate) fn stream<Q: Queue<T, Tx: Push<T>>, T: Payload>(row: &Row, job: &Job) -> Outcome {
    assert!(row.producers <= PRODUCERS_MAX, "the check tells {PRODUCERS_MAX} producers apart");
    let (txs, rxs) = Q::open(&shape(row));
    let drains: Arc<[Drain; 2]> = Arc::new([(); 2].map(|()| Drain::new(row.producers, row.consumers)));
    let mut roles: Vec<Role> = Vec::new();
    for (producer, mut tx) in txs.into_iter().enumerate() {
        let drains = Arc::clone(&drains);
        roles.push(Box::new(move |phase| {
            loops::produce(&mut tx, producer, phase);
            drains[phase.index].produced();
            Tally::default()
        }));
    }
    let producers = row.producers as u64;
    for (consumer, mut rx) in rxs.into_iter().enumerate() {
        let drains = Arc::clone(&drains);
        roles.push(match (row.producers, row.consumers) {
            (1, 1) => Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)),
            (_, 1) => Box::new(move |phase| loops::consume::<T, _, Growing>(&mut rx, phase.items * producers, phase)),
            _ => Box::new(move |phase| {
                let quota = phase.items * producers;
                loops::compete::<T, _, Growing>(&mut rx, consumer, quota, &drains[phase.index], phase)
            }),
        });
    }
    conclude(row, crew::run(roles, job), per_item)
}

/// One producer and one consumer, many items a call.
pub(crate) fn bulk<Q: Queue<T, Tx: PushMany<T>>, T: Payload>(row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = open_one::<Q, T>(row);
    let batch = row.batch;
    let roles: Vec<Role> = vec![
        Box::new(move |phase| {
            loops::produce_many(&mut tx, batch, phase);
            Tally::default()
        }),
        Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)),
    ];
    conclude(row, crew::run(roles, job), per_item)
}

/// One producer, and consumers that each see every item.
pub(crate) fn broadcast<Q: Queue<T, Tx: Push<T>>, T: Payload>(row: &Row, job: &Job) -> Outcome {
    let (txs, rxs) = Q::open(&shape(row));
    let mut roles: Vec<Role> = Vec::new();
    for mut tx in txs {
        roles.push(Box::new(move |phase| {
            loops::produce(&mut tx, 0, phase);
            Tally::default()
        }));
    }
    for mut rx in rxs {
        roles.push(Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)));
    }
    conclude(row, crew::run(roles, job), per_item)
}

/// An item to and fro over two queues.
pub(crate) fn round_trip<Q: Queue<T, Tx: Push<T>>, T: Payload>(row: &Row, job: &Job) -> Outcome {
    let (mut there_tx, mut there_rx) = open_one::<Q, T>(row);
    let (mut back_tx, mut back_rx) = open_one::<Q, T>(row);
    let roles: Vec<Role> = vec![
        Box::new(move |phase| loops::serve(&mut there_tx, &mut back_rx, clock(), phase)),
        Box::new(move |phase| loops::strike_back(&mut back_tx, &mut there_rx, phase)),
    ];
    conclude(row, crew::run(roles, job), per_trip)
}

/// The clock that stamps round trips: a read of the time-stamp counter where there is a steady one.
fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::new)
}

fn shape(row: &Row) -> Shape {
    Shape { producers: row.producers, consumers: row.consumers, capacity: row.capacity, batch: row.batch }
}

fn open_one<Q: Queue<T>, T: Payload>(row: &Row) -> (Q::Tx, Q::Rx) {
    let (mut txs, mut rxs) = Q::open(&shape(row));
    let ends = txs.pop().zip(rxs.pop());
    assert!(txs.is_empty() && rxs.is_empty(), "one end of each kind");
    ends.expect("a queue has two ends")
}

/// ns an item, and no percentiles.
fn per_item(row: &Row, ran: &Ran) -> (f64, Option<f64>) {
    let items = ran.items[1] * row.producers as u64;
    (ran.elapsed.as_nanos() as f64 / items as f64, None)
}

/// Median and 99th percentile of the round trips.
fn per_trip(_row: &Row, ran: &Ran) -> (f64, Option<f64>) {
    // Ticks are recorded, not ns: three digits of them are finer, and no trip outlasts the deadline by far.
    let ticks_max = TRIP_MAX.as_nanos() as u64 * TICKS_PER_NS_MAX;
    let mut histogram = Histogram::<u64>::new_with_max(ticks_max, 3).expect("the bounds are in order");
    for ticks in &ran.tallies[0][1].trips {
        histogram.saturating_record(*ticks);
    }
    let ns_per_tick = clock().delta_as_nanos(0, 1 << 40) as f64 / (1u64 << 40) as f64;
    let at = |share| quantile(&histogram, share) * ns_per_tick;
    (at(0.5), Some(at(0.99)))
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

fn conclude(row: &Row, end: End, figure: fn(&Row, &Ran) -> (f64, Option<f64>)) -> Outcome {
    let ran = match end {
        End::Ran(ran) => ran,
        End::Panicked(message) => return Outcome::Fault(message),
        End::Hung { disorder: true, taken, .. } => {
            return Outcome::Fault(format!("items out of order, and others never came; {taken} had come"));
        }
        End::Hung { stuck: 0, taken, .. } => {
            return Outcome::Hung { what: format!("no end after the deadline; {taken} items had come"), stuck: 0 };
        }
        End::Hung { stuck, .. } => {
            return Outcome::Hung { what: format!("{stuck} threads do not return from a try_ call"), stuck };
        }
    };
    if let Some(fault) = broken(row, &ran) {
        return Outcome::Fault(fault);
    }
    let (ns, p99_ns) = figure(row, &ran);
    Outcome::Measured(Sample {
        ns,
        p99_ns,
        elapsed_ns: ran.elapsed.as_nanos() as f64,
        probes: ran.probes,
        taken: ran.taken,
    })
}

/// What is wrong with the streams of either phase.
fn broken(row: &Row, ran: &Ran) -> Option<String> {
    use crate::rows::Topology::{Broadcast, Pair, RoundTrip};
    let consumers = match row.topology {
        Pair | RoundTrip => 0,
        _ => row.producers,
    };
    let each_sees_all = matches!(row.topology, Broadcast | RoundTrip);
    let mut first = 1;
    for (phase, items) in ran.items.into_iter().enumerate() {
        let expected: Vec<_> = (0..row.producers).map(|producer| words(producer, first, items)).collect();
        let seen: Vec<&Tally> = ran.tallies[consumers..].iter().map(|tallies| &tallies[phase]).collect();
        if let Some(fault) = check::fault(&seen, &expected, each_sees_all) {
            return Some(fault);
        }
        first += items;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Histogram, TICKS_PER_NS_MAX, TRIP_MAX, quantile};

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let ticks_max = TRIP_MAX.as_nanos() as u64 * TICKS_PER_NS_MAX;
        let mut histogram = Histogram::new_with_max(ticks_max, 3).expect("good bounds");
        values.into_iter().for_each(|value| histogram.saturating_record(value));
        histogram
    }

    #[test]
    fn long_trips_are_not_cut() {
        let median = quantile(&histogram([1_000_000; 9]), 0.5);
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
        let median = quantile(&histogram((0..100_000).map(coarse)), 0.5);
        // Rounded to a step it would be 104 or 130.
        assert!((median - 115.0).abs() < 2.0, "{median}");
    }
}
