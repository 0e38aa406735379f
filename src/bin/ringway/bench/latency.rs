//! Latency under load: who is sent what, how fast, and how often.

use core_affinity::CoreId;

use super::progress::Progress;
use crate::harness::{
    open::{
        arrivals::Arrivals,
        entries::{CHANNEL, CHANNEL_MPMC, JITTER, OpenEntry, RING, WAITS},
        sweep::{self, Case, Course},
    },
    schedule::Wanted,
};

/// Loads, as shares of what the contender can take.
const LOADS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1];
/// The same of a quick run.
const LOADS_QUICK: &[f64] = &[0.1, 0.3, 0.5, 0.7, 0.9, 1.1];
/// Samples of all rounds together: a few more than the 99.99th percentile asks for.
const ITEMS: usize = 1_050_000;
/// Samples of a round of a quick run.
const ITEMS_QUICK: usize = 20_000;
/// Items that come at once, in bursts of a sweep.
const BURST: u32 = 32;
/// The same after the receiver has been idle.
const BURST_IDLE: u32 = 64;

/// Cells of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) group: &'static str,
    pub(super) about: &'static str,
    /// How its items come, where that is not a file's to say.
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fixed,
    Poisson,
    Bursts,
    Recorded,
    Paced,
    IdleThenBurst,
    Steady,
}

/// All of them.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "open-fixed",
        group: "latency",
        about: "Open loop, an item at even distances; 10 % to 110 % of what the contender takes.",
        kind: Kind::Fixed,
    },
    Family {
        name: "open-poisson",
        group: "latency",
        about: "Open loop, items at random, as from many sources; the same loads.",
        kind: Kind::Poisson,
    },
    Family {
        name: "open-bursts",
        group: "latency",
        about: "Open loop, 32 items at once, then nothing; the same loads.",
        kind: Kind::Bursts,
    },
    Family {
        name: "open-recorded",
        group: "latency",
        about: "Open loop, as the rows of --arrivals came, faster or slower; the same loads.",
        kind: Kind::Recorded,
    },
    Family {
        name: "steady-100kHz",
        group: "latency",
        about: "100,000 items a second for some seconds: the course of the 99.9th percentile, and of what the machine does.",
        kind: Kind::Steady,
    },
    Family {
        name: "paced-1kHz",
        group: "wait",
        about: "An item a millisecond, by each way to wait: latency, and what waiting costs in CPU time.",
        kind: Kind::Paced,
    },
    Family {
        name: "idle-then-burst",
        group: "wait",
        about: "Nothing for 20 ms, then 64 items at once, by each way to wait.",
        kind: Kind::IdleThenBurst,
    },
];

impl Family {
    /// Whether it is meant by what was asked for.
    pub(super) fn is_wanted(&self, wanted: &Wanted) -> bool {
        wanted.only.is_empty() || wanted.only.iter().any(|part| self.is_called(part))
    }

    /// Whether `--only` means it.
    pub(super) fn is_called(&self, part: &str) -> bool {
        self.name.contains(part) || self.group == part
    }

    /// Who runs it.
    pub(super) fn entries(&self, quick: bool) -> Vec<OpenEntry> {
        match self.kind {
            Kind::Paced | Kind::IdleThenBurst => WAITS.to_vec(),
            Kind::Steady => vec![CHANNEL],
            _ if quick => vec![RING, CHANNEL],
            _ => vec![RING, CHANNEL, CHANNEL_MPMC],
        }
    }

    fn arrivals(&self, recorded: Option<&Arrivals>) -> Option<Arrivals> {
        match self.kind {
            Kind::Fixed | Kind::Paced | Kind::Steady => Some(Arrivals::Fixed),
            Kind::Poisson => Some(Arrivals::Poisson),
            Kind::Bursts => Some(Arrivals::Bursts(BURST)),
            Kind::IdleThenBurst => Some(Arrivals::Bursts(BURST_IDLE)),
            Kind::Recorded => recorded.cloned(),
        }
    }

    /// Items a second, items of a round and rounds, where the load is not swept.
    fn fixed_rate(&self, wanted: &Wanted) -> Option<(f64, usize, usize)> {
        let items = |full, quick| if wanted.quick { quick } else { full };
        match self.kind {
            Kind::Steady => Some((100_000.0, items(ITEMS, 100_000), 1)),
            Kind::Paced => Some((1000.0, items(300, 60), wanted.rounds)),
            Kind::IdleThenBurst => {
                Some((f64::from(BURST_IDLE) * 50.0, items(20, 4) * BURST_IDLE as usize, wanted.rounds))
            }
            _ => None,
        }
    }
}

/// Measures the families that were asked for; beside each kind of plan, what the machine alone makes of it.
///
/// # Errors
/// A contender that can't be run at all, and why.
pub(super) fn measure(wanted: &Wanted, recorded: Option<&Arrivals>, pins: &[CoreId]) -> Result<Vec<Course>, String> {
    let families: Vec<&Family> = FAMILIES.iter().filter(|family| family.is_wanted(wanted)).collect();
    let mut cases = Vec::new();
    let mut capacities: Vec<(&'static str, f64)> = Vec::new();
    for family in families {
        let Some(arrivals) = family.arrivals(recorded) else { continue };
        let entries = family.entries(wanted.quick);
        let case = |entry: OpenEntry, offered, load: Option<f64>, items, rounds| {
            let (cell, group) = (family.name, family.group);
            let (arrivals, has_timeline) = (arrivals.clone(), family.kind == Kind::Steady);
            Case { cell, group, entry, arrivals, offered, load, items, rounds, has_timeline }
        };
        if let Some((offered, items, rounds)) = family.fixed_rate(wanted) {
            let all = entries.into_iter().chain([JITTER]);
            cases.extend(all.map(|entry| case(entry, offered, None, items, rounds)));
            continue;
        }
        let items = if wanted.quick { ITEMS_QUICK } else { ITEMS.div_ceil(wanted.rounds) };
        for (nth, entry) in entries.into_iter().enumerate() {
            let known = capacities.iter().find(|(name, _)| *name == entry.name).map(|&(_, rate)| rate);
            let capacity = match known {
                Some(rate) => rate,
                None => sweep::capacity(&entry, pins, wanted.rounds).map_err(|why| format!("{}: {why}", entry.name))?,
            };
            capacities.push((entry.name, capacity));
            for &load in if wanted.quick { LOADS_QUICK } else { LOADS } {
                cases.push(case(entry, capacity * load, Some(load), items, wanted.rounds));
                // What the machine makes of the plan of the fastest.
                if nth == 0 {
                    cases.push(case(JITTER, capacity * load, Some(load), items, wanted.rounds));
                }
            }
        }
    }
    Ok(sweep::run(cases, pins, &mut Progress::new("latency")))
}
