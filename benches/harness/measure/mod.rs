//! One sample: threads pinned and lined up, the distance of their CPUs probed, a burst timed and checked.
//!
//! `drive` is how a loop sees an end; `gate` holds threads together and lets them give up; `check` says whether a stream
//! arrived whole; `probe` measures how far two CPUs are from each other right now; `loops` are the hot loops, `keyed` spreads
//! what they send over shards, `asleep` those in which somebody sleeps, `open` those that keep to a plan; `crew` runs the
//! threads of one sample; `sample` fits a queue to a row's loops, and `figure` makes one number of what they noted.

mod asleep;
mod check;
mod crew;
mod drive;
mod figure;
mod gate;
mod keyed;
mod loops;
mod open;
mod probe;
mod sample;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    check::{Check, Exact, Growing, PRODUCERS_MAX, Tally, words},
    crew::{FAR_NS, Job, Phase, Regime, Role},
    drive::{Ends, Get, Put, polling, waiting},
    figure::clock,
    gate::{Retry, SPINS, SPINS_TIGHT},
    keyed::{OfOneShard, SHARDS, Sharded, key_of, quota},
    loops::produce,
    open::{Agenda, Noted, Plan, no_queue, open_loop, stamp},
    sample::{
        Outcome, Sample, TAKEN_MAX, broadcast, bulk, idle, keyed, paced, pair, round_trip, run_batches, run_items,
        run_trips, send_cost, shape, stream, wake,
    },
};
