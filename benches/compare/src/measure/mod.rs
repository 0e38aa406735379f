//! One sample: threads pinned and lined up, the distance of their CPUs probed, a burst timed and checked.
//!
//! `gate` holds threads together and lets them give up; `check` says whether a stream arrived whole; `probe` measures how
//! far two CPUs are from each other right now; `loops` are the hot loops; `crew` runs the threads of one sample; `sample`
//! fits a queue to a row's loops.

mod check;
mod crew;
mod gate;
mod loops;
mod probe;
mod sample;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    crew::{FAR_NS, Job, Regime},
    gate::{SPINS, SPINS_TIGHT},
    sample::{Outcome, Sample, TAKEN_MAX, broadcast, bulk, pair, round_trip, stream},
};
