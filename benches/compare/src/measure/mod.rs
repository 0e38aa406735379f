//! One sample: threads pinned and lined up, the distance of their CPUs probed, a burst timed and checked.
//!
//! `drive` is how a loop sees an end; `gate` holds threads together and lets them give up; `check` says whether a stream arrived whole; `probe` measures how
//! far two CPUs are from each other right now; `loops` are the hot loops, `asleep` those in which somebody sleeps, `tasks` those of futures; `crew` runs the threads of one sample; `sample`
//! fits a queue to a row's loops, and `figure` makes one number of what they noted.

mod asleep;
mod check;
mod crew;
mod drive;
mod figure;
mod gate;
mod loops;
mod probe;
mod sample;
mod tasks;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    crew::{FAR_NS, Job, Regime},
    drive::{Ends, Get, Put, polling, waiting},
    gate::{SPINS, SPINS_TIGHT},
    sample::{Outcome, Sample, TAKEN_MAX, broadcast, bulk, idle, paced, pair, round_trip, send_cost, stream, wake},
    tasks::tasks,
};
