//! What this machine does when it is asked to: the clock, a timer, the way between CPUs, and what interrupts a thread.
//!
//! Each measurement checks itself; one that fails its check is a fault with a reason, never a number.

use std::{
    thread,
    time::{Duration, Instant},
};

use ringway::worker::{Pinned, pin_here};

use super::{
    jitter::{self, Jitter},
    trips::{self, Trips},
};
use crate::machine::{Times, tree::Tree};

/// What was measured, or why not.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) clock: Result<Clock, String>,
    pub(crate) timer: Result<Timer, String>,
    pub(crate) trips: Result<Trips, String>,
    pub(crate) jitter: Result<Vec<Jitter>, String>,
    /// The part of the time meanwhile that the host gave to others.
    pub(crate) stolen: Option<f64>,
    pub(crate) time: Duration,
}

/// The clock that `Instant` reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clock {
    /// Time that a reading takes, in ns.
    pub(crate) reading_ns: f64,
    /// The smallest step that was seen, in ns.
    pub(crate) step_ns: u64,
}

/// How late a sleeping thread wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) asked_ns: u64,
    /// Median time beyond what was asked.
    pub(crate) late_ns: u64,
    /// The latest of a hundred, nearly.
    pub(crate) late_p99_ns: u64,
}

impl Measured {
    /// Measures for a few seconds on these CPUs.
    pub(crate) fn take(tree: &Tree, cpus: &[usize], groups: &[Vec<usize>]) -> Self {
        let (start, before) = (Instant::now(), Times::read(tree));
        let clock = clock();
        let timer = timer();
        let trips = trips::matrix(&trips::chosen(cpus, groups));
        let jitter = jitter::all(cpus);
        let after = Times::read(tree);
        let stolen = after.zip(before).and_then(|(after, before)| after.stolen_since(before));
        Self { clock, timer, trips, jitter, stolen, time: start.elapsed() }
    }
}

/// Puts the calling thread on the CPU that it is to measure.
pub(crate) fn on_cpu(cpu: usize) -> Result<(), String> {
    match pin_here(cpu) {
        Pinned::On(_) => Ok(()),
        refused => Err(refused.to_string()),
    }
}

/// What a reading of the clock costs, and how fine it is.
pub(crate) fn clock() -> Result<Clock, String> {
    const READINGS: usize = 2000;
    const ROUNDS: usize = 31;
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut step_ns = u64::MAX;
    let mut readings = Vec::with_capacity(READINGS);
    for _ in 0..ROUNDS {
        readings.clear();
        readings.extend((0..READINGS).map(|_| Instant::now()));
        for pair in readings.windows(2) {
            let step = pair[1].checked_duration_since(pair[0]).ok_or("the clock ran backwards")?;
            if !step.is_zero() {
                step_ns = step_ns.min(step.as_nanos() as u64);
            }
        }
        rounds.push(readings[READINGS - 1].duration_since(readings[0]).as_nanos() as f64 / (READINGS - 1) as f64);
    }
    let reading_ns = median(&mut rounds);
    if step_ns == u64::MAX {
        return Err(format!("the clock stood still for {} readings", READINGS * ROUNDS));
    }
    if !(0.5..1e6).contains(&reading_ns) {
        return Err(format!("a reading of {reading_ns} ns is no clock's"));
    }
    Ok(Clock { reading_ns, step_ns })
}

/// How late a thread wakes that asked for a short sleep.
pub(crate) fn timer() -> Result<Timer, String> {
    const ASKED: Duration = Duration::from_micros(100);
    const SLEEPS: usize = 200;
    let mut late: Vec<u64> = Vec::with_capacity(SLEEPS);
    // Waking early is allowed, but must not go on for ever.
    for _ in 0..SLEEPS * 10 {
        let start = Instant::now();
        thread::park_timeout(ASKED);
        if let Some(beyond) = start.elapsed().checked_sub(ASKED) {
            late.push(beyond.as_nanos() as u64);
        }
        if late.len() == SLEEPS {
            break;
        }
    }
    if late.len() < SLEEPS {
        return Err(format!("only {} of {SLEEPS} sleeps lasted as long as asked", late.len()));
    }
    late.sort_unstable();
    let (late_ns, late_p99_ns) = (late[SLEEPS / 2], late[SLEEPS * 99 / 100]);
    Ok(Timer { asked_ns: ASKED.as_nanos() as u64, late_ns, late_p99_ns })
}

/// The middle of some numbers, at least one.
pub(crate) fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::{clock, median, timer};

    #[test]
    fn the_clock_is_measured() {
        let clock = clock().expect("this machine has a clock");
        assert!(clock.step_ns as f64 <= clock.reading_ns * 100.0, "{clock:?}");
    }

    #[test]
    fn the_timer_is_measured() {
        let timer = timer().expect("this machine has a timer");
        assert!(timer.late_ns <= timer.late_p99_ns, "{timer:?}");
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [5.0]), 5.0);
    }
}
