//! The harness itself: what its clocks cost, what its loops cost with nothing between them, and how far two measurements of the
//! very same thing lie apart. None of it is subtracted from anything.

use std::{hint::black_box, time::Instant};

use ringway::ring::spsc::Spsc as Packed;

use crate::harness::{
    adapters::{NoQueue, Ringway},
    entries::{Entry, by_item, ceiling, ours},
    measure::{Check, Exact, Phase, Tally, clock, pair, polling, run_items, stamp, words},
    rows::Topology::{LoopAlone, Stamp, Twice},
};

/// All of it.
pub(super) fn entries() -> Vec<Entry> {
    vec![
        ceiling("(time stamp)", "the time-stamp counter, as round trips read it", &[Stamp], |row, job| {
            run_items(vec![Box::new(|phase| look(phase, || clock().raw()))], row, job)
        }),
        ceiling("(time stamp, in order)", "the same after a fence, as open loops read it", &[Stamp], |row, job| {
            run_items(vec![Box::new(|phase| look(phase, || stamp(clock())))], row, job)
        }),
        ceiling("(Instant)", "the standard library's clock", &[Stamp], |row, job| {
            run_items(vec![Box::new(|phase| look(phase, Instant::now))], row, job)
        }),
        ceiling("(no queue)", "push and pop by turns, with nothing between them", &[LoopAlone], |row, job| {
            pair(polling::<NoQueue, u64>, row, job)
        }),
        ours("ringway spsc", "as row spsc", &[Twice], by_item::<Ringway<Packed>>),
        ours("ringway spsc, again", "the very same", &[Twice], by_item::<Ringway<Packed>>),
    ]
}

/// Reads a clock for each item.
#[inline(never)]
fn look<R>(phase: &Phase<'_>, read: impl Fn() -> R) -> Tally {
    let mut check = Exact::new(phase.first);
    for word in words(0, phase.first, phase.items) {
        black_box(read());
        check.see(&word);
    }
    check.tally(phase.items)
}
