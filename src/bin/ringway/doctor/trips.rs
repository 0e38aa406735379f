//! How far two CPUs are from each other: the round trip of a number through two rings, there and back.
//!
//! A hop of an engine is half a trip. On a virtual machine the distance changes while one measures, so every pair is
//! measured several times, spread over the whole time.

use std::{
    hint, thread,
    time::{Duration, Instant},
};

use ringway::ring::{Capacity, Consumer, PopError, Producer, spsc};

use super::measure::{median, on_cpu};

/// Trips that are timed together: long beside the clock, short beside a preemption.
const TRIPS: u64 = 32;
/// Such groups in a sample; the first warms up.
const GROUPS: usize = 17;
/// CPUs that are measured at the most.
const CPUS_MAX: usize = 24;
/// Time for all pairs.
const TIME: Duration = Duration::from_millis(1500);
/// Samples of a pair at the most.
const ROUNDS_MAX: usize = 101;
/// A CPU that does not answer for so long is not ours.
const PATIENCE: Duration = Duration::from_secs(5);
/// Polls between two looks at the clock.
const POLLS: u32 = 4096;
/// What a thread says whose partner gave up.
const ALONE: &str = "the other CPU gave up";

/// The way between each two CPUs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trips {
    pub(crate) cpus: Vec<usize>,
    pub(crate) pairs: Vec<Pair>,
}

/// Round trips between two CPUs, in ns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) median_ns: f64,
    /// The lowest and the highest sample.
    pub(crate) low_ns: f64,
    pub(crate) high_ns: f64,
}

impl Trips {
    /// The pair of these two, in either order.
    pub(crate) fn between(&self, one: usize, other: usize) -> Option<&Pair> {
        self.pairs.iter().find(|pair| [(one, other), (other, one)].contains(&(pair.first, pair.second)))
    }
}

/// The CPUs to measure: all, or as many of each group as there is time for.
pub(crate) fn chosen(cpus: &[usize], groups: &[Vec<usize>]) -> Vec<usize> {
    if cpus.len() <= CPUS_MAX {
        return cpus.to_vec();
    }
    // The first of every group, then the second of every group, and so on.
    let rank =
        |cpu: &usize| groups.iter().find_map(|group| group.iter().position(|member| member == cpu)).unwrap_or(*cpu);
    let mut chosen = cpus.to_vec();
    chosen.sort_by_key(|cpu| (rank(cpu), *cpu));
    chosen.truncate(CPUS_MAX);
    chosen.sort_unstable();
    chosen
}

/// Measures every pair, again and again until the time is over, at least once.
pub(crate) fn matrix(cpus: &[usize]) -> Result<Trips, String> {
    if cpus.len() < 2 {
        return Err("one CPU has no other to talk to".into());
    }
    let all =
        || cpus.iter().enumerate().flat_map(|(nth, &first)| cpus[nth + 1..].iter().map(move |&second| (first, second)));
    let mut samples = vec![Vec::new(); all().count()];
    let start = Instant::now();
    while samples[0].is_empty() || (start.elapsed() < TIME && samples[0].len() < ROUNDS_MAX) {
        for (samples, (first, second)) in samples.iter_mut().zip(all()) {
            samples.push(sample(first, second)?);
        }
    }
    let pairs = all().zip(&mut samples).map(|((first, second), samples)| {
        let median_ns = median(samples);
        Pair { first, second, median_ns, low_ns: samples[0], high_ns: samples[samples.len() - 1] }
    });
    Ok(Trips { cpus: cpus.to_vec(), pairs: pairs.collect() })
}

/// The median round trip between two CPUs now.
pub(crate) fn sample(first: usize, second: usize) -> Result<f64, String> {
    let ring = || spsc::<u64>(Capacity::at_least(2)).map_err(|error| error.to_string());
    let ((mut ask, mut asked), (mut answer, mut answered)) = (ring()?, ring()?);
    thread::scope(|scope| {
        let echo = scope.spawn(move || {
            on_cpu(second)?;
            for _ in 0..TRIPS * GROUPS as u64 {
                let number = take(&mut asked)?;
                put(&mut answer, !number)?;
            }
            Ok::<_, String>(())
        });
        let caller = scope.spawn(move || {
            on_cpu(first)?;
            let mut number = 0;
            let mut groups = [0.0; GROUPS];
            for group in &mut groups {
                let start = Instant::now();
                for _ in 0..TRIPS {
                    number += 1;
                    put(&mut ask, number)?;
                    let echoed = take(&mut answered)?;
                    if echoed != !number {
                        return Err(format!("CPU {second} answered {echoed} to {number}"));
                    }
                }
                *group = start.elapsed().as_nanos() as f64 / TRIPS as f64;
            }
            Ok(median(&mut groups[1..]))
        });
        let died = |_| "a measuring thread died".to_owned();
        // Whichever gives up first tells why; the other one only finds itself alone.
        match (echo.join().map_err(died)?, caller.join().map_err(died)?) {
            (Err(alone), Err(why)) if alone == ALONE => Err(why),
            (echo, caller) => echo.and(caller),
        }
    })
}

/// Puts a number into a ring that has room as long as the other side lives.
fn put(into: &mut impl Producer<Item = u64>, number: u64) -> Result<(), String> {
    into.try_push(number).map_err(|refused| if refused.is_closed() { ALONE.into() } else { refused.to_string() })
}

/// Spins until a number comes.
fn take(from: &mut impl Consumer<Item = u64>) -> Result<u64, String> {
    let mut start = None;
    loop {
        for _ in 0..POLLS {
            match from.try_pop() {
                Ok(number) => return Ok(number),
                Err(PopError::Closed) => return Err(ALONE.into()),
                Err(PopError::Empty) => hint::spin_loop(),
            }
        }
        if start.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return Err(format!("a CPU did not answer for {PATIENCE:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CPUS_MAX, chosen, matrix};

    #[test]
    fn each_pair_is_measured_once_however_often() {
        let cpus = ringway::worker::cpus();
        let Ok(trips) = matrix(&cpus[..cpus.len().min(3)]) else {
            assert!(cpus.len() < 2, "only a single CPU has nobody to talk to");
            return;
        };
        for pair in &trips.pairs {
            assert!(pair.first < pair.second, "{pair:?}");
            assert!(1.0 < pair.low_ns && pair.low_ns <= pair.median_ns && pair.median_ns <= pair.high_ns, "{pair:?}");
            assert_eq!(trips.between(pair.second, pair.first), Some(pair));
        }
        assert_eq!(trips.between(cpus[0], cpus[0]), None);
    }

    #[test]
    fn a_cpu_that_is_not_ours_is_a_reason() {
        let missing = ringway::worker::cpus().last().copied().unwrap_or(0) + 1;
        let error = matrix(&[0, missing]).expect_err("no such CPU");
        assert!(error.contains(&format!("CPU {missing}")), "{error}");
        assert!(matrix(&[0]).is_err());
    }

    #[test]
    fn of_many_cpus_every_group_is_measured() {
        let groups: Vec<Vec<usize>> = (0..16).map(|group| (group * 8..group * 8 + 8).collect()).collect();
        let cpus: Vec<usize> = (0..128).collect();
        let chosen = chosen(&cpus, &groups);
        assert_eq!(chosen.len(), CPUS_MAX);
        assert!(groups.iter().all(|group| group.iter().any(|cpu| chosen.contains(cpu))));
        assert_eq!(super::chosen(&cpus[..4], &groups), [0, 1, 2, 3]);
    }
}
