//! How far two CPUs are from each other right now: the round trip of a cache line, two lines, one a direction.
//!
//! On a virtual machine the distance changes while one measures. A figure without it can be off by ten times.

use std::{
    hint,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use crossbeam_utils::CachePadded;

use super::gate::Gate;

/// Round trips that are timed together: long beside the clock, short beside a preemption.
const TRIPS: u64 = 32;
/// Such groups; the first warms up, and the median of the others is the answer.
const GROUPS: usize = 9;
/// Polls between two looks at the abort flag.
const POLLS: u32 = 4096;

/// The two lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    there: CachePadded<AtomicU64>,
    back: CachePadded<AtomicU64>,
}

impl Lines {
    /// Drives the `nth` probe from one CPU; ns a round trip. `None` if the sample was given up.
    pub(crate) fn ask(&self, nth: u64, gate: &Gate) -> Option<f64> {
        let mut number = nth * TRIPS * GROUPS as u64;
        let mut groups = [0.0; GROUPS];
        for group in &mut groups {
            let start = Instant::now();
            for _ in 0..TRIPS {
                number += 1;
                // ORDER: Release and Acquire, as a queue would have it; the lines carry nothing but the number.
                self.there.store(number, Ordering::Release);
                await_number(&self.back, number, gate)?;
            }
            *group = start.elapsed().as_nanos() as f64 / TRIPS as f64;
        }
        let measured = &mut groups[1..];
        measured.sort_by(f64::total_cmp);
        Some(measured[measured.len() / 2])
    }

    /// Answers the `nth` probe from the other CPU.
    pub(crate) fn answer(&self, nth: u64, gate: &Gate) -> Option<()> {
        let before = nth * TRIPS * GROUPS as u64;
        for number in before + 1..=before + TRIPS * GROUPS as u64 {
            await_number(&self.there, number, gate)?;
            // ORDER: as in `ask`.
            self.back.store(number, Ordering::Release);
        }
        Some(())
    }
}

#[inline(always)]
fn await_number(line: &AtomicU64, number: u64, gate: &Gate) -> Option<()> {
    let mut polls = 0;
    // ORDER: Acquire pairs with the Release of the other side.
    while line.load(Ordering::Acquire) != number {
        polls += 1;
        if polls == POLLS {
            polls = 0;
            if gate.is_aborted() {
                return None;
            }
            hint::spin_loop();
        }
    }
    Some(())
}
