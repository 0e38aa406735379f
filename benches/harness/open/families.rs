//! The rows of open loops, as data: how items come, how fast, and how often that is measured.
//!
//! A family is one row at one rate, or one for each load of a sweep. Who runs it is the program's to say.

use std::time::Duration;

use core_affinity::CoreId;

use super::{
    arrivals::Arrivals,
    sweep::{self, Case, Course},
};
use crate::harness::{
    entries::{Entry, JITTER},
    measure::{Noted, Outcome},
    schedule::{Progress, Wanted},
};

/// Loads, as shares of what the contender can take.
const LOADS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1];
/// The same of a short run, and where many contenders are swept.
const LOADS_FEW: &[f64] = &[0.1, 0.3, 0.5, 0.7, 0.9, 1.1];
/// Contenders from which on a sweep takes fewer loads, and shorter samples.
const MANY: usize = 4;
/// How long such a sample takes at the most.
const LONGEST: Duration = Duration::from_millis(100);
/// Samples that a round has at the least.
const ITEMS_MIN: usize = 1000;
/// Samples of all rounds together: a few more than the 99.99th percentile asks for, as some rounds will be left out.
const ITEMS: usize = 1_200_000;
/// Samples of a round of a quick run.
const ITEMS_QUICK: usize = 20_000;
/// Items that come at once, in bursts of a sweep.
const BURST: u32 = 32;
/// The same after the receiver has been idle.
const BURST_IDLE: u32 = 64;
/// Bursts a second then.
const BURSTS_IDLE: f64 = 50.0;

/// Cells of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    /// What `--only` matches.
    pub(crate) name: &'static str,
    /// What it tells about.
    pub(crate) group: &'static str,
    /// One line for people.
    pub(crate) about: &'static str,
    /// How its items come.
    pub(crate) kind: Kind,
}

/// How items of a family come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Evenly, at shares of what each contender can take.
    Fixed,
    /// At random, at such shares.
    Poisson,
    /// Many at once, at such shares.
    Bursts,
    /// As in a file, at such shares.
    Recorded,
    /// Evenly, so many a second for all contenders.
    FixedAt(u32),
    /// At random, so many a second for all contenders.
    PoissonAt(u32),
    /// Evenly and seldom: whoever waits falls asleep.
    Paced,
    /// Nothing, then many at once.
    IdleThenBurst,
    /// Evenly, for long.
    Steady,
}

/// All of them.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "open-fixed",
        group: "latency",
        about: "Open loop, an item at even distances; 10 % to 110 % of what the contender takes.",
        kind: Kind::Fixed,
    },
    Family {
        name: "open-poisson",
        group: "latency",
        about: "Open loop, items at random, as from many sources; 10 % to 110 % of what the contender takes.",
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
        name: "fixed-100kHz",
        group: "latency",
        about: "Open loop, 100,000 items a second at even distances, for every contender.",
        kind: Kind::FixedAt(100_000),
    },
    Family {
        name: "poisson-100kHz",
        group: "latency",
        about: "Open loop, 100,000 items a second at random, for every contender.",
        kind: Kind::PoissonAt(100_000),
    },
    Family {
        name: "poisson-1MHz",
        group: "latency",
        about: "Open loop, a million items a second at random, for every contender.",
        kind: Kind::PoissonAt(1_000_000),
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
        about: "An item a millisecond: latency, and what waiting costs in CPU time.",
        kind: Kind::Paced,
    },
    Family {
        name: "idle-then-burst",
        group: "wait",
        about: "Nothing for 20 ms, then 64 items at once: the same.",
        kind: Kind::IdleThenBurst,
    },
];

/// At which rate, how many items a round, how many rounds.
type Rate = (f64, usize, usize);

impl Family {
    /// Whether it is meant by what was asked for.
    pub(crate) fn is_wanted(&self, wanted: &Wanted) -> bool {
        wanted.only.is_empty() || wanted.only.iter().any(|part| self.is_called(part))
    }

    /// Whether `--only` means it.
    pub(crate) fn is_called(&self, part: &str) -> bool {
        self.name.contains(part) || self.group == part
    }

    fn arrivals(&self, recorded: Option<&Arrivals>) -> Option<Arrivals> {
        match self.kind {
            Kind::Fixed | Kind::FixedAt(_) | Kind::Paced | Kind::Steady => Some(Arrivals::Fixed),
            Kind::Poisson | Kind::PoissonAt(_) => Some(Arrivals::Poisson),
            Kind::Bursts => Some(Arrivals::Bursts(BURST)),
            Kind::IdleThenBurst => Some(Arrivals::Bursts(BURST_IDLE)),
            Kind::Recorded => recorded.cloned(),
        }
    }

    /// The rate of all contenders, unless the load is swept.
    fn rate(&self, wanted: &Wanted) -> Option<Rate> {
        let items = |full: usize, quick: usize| if wanted.quick { quick } else { full };
        let burst = BURST_IDLE as usize;
        match self.kind {
            Kind::FixedAt(rate) | Kind::PoissonAt(rate) => {
                // A tenth of a second, or a twentieth.
                Some((f64::from(rate), items(50_000, 5000).min(rate as usize / 10), wanted.rounds))
            }
            Kind::Steady => Some((100_000.0, items(ITEMS, 100_000), 1)),
            Kind::Paced => Some((1000.0, items(100, 30), wanted.rounds)),
            Kind::IdleThenBurst => Some((burst as f64 * BURSTS_IDLE, items(6, 3) * burst, wanted.rounds)),
            Kind::Fixed | Kind::Poisson | Kind::Bursts | Kind::Recorded => None,
        }
    }
}

/// Measures the families that were asked for, each by `who` runs it; beside each kind of plan, what the machine alone makes
/// of it.
pub(crate) fn measure(
    wanted: &Wanted,
    who: impl Fn(&Family) -> Vec<Entry>,
    recorded: Option<&Arrivals>,
    pins: &[CoreId],
    progress: &mut impl Progress,
) -> Vec<Course> {
    let (mut cases, mut failed, mut capacities) = (Vec::new(), Vec::new(), Vec::new());
    for family in FAMILIES.iter().filter(|family| family.is_wanted(wanted)) {
        let (entries, Some(arrivals)) = (who(family), family.arrivals(recorded)) else { continue };
        if entries.is_empty() {
            continue;
        }
        let case = |entry: Entry, offered, load, items, rounds| {
            let (cell, group, arrivals) = (family.name, family.group, arrivals.clone());
            Case {
                cell,
                group,
                entry,
                arrivals,
                offered,
                load,
                items,
                rounds,
                has_timeline: family.kind == Kind::Steady,
            }
        };
        if let Some((offered, items, rounds)) = family.rate(wanted) {
            cases.extend(entries.into_iter().chain([JITTER]).map(|entry| case(entry, offered, None, items, rounds)));
            continue;
        }
        let items = if wanted.quick { ITEMS_QUICK } else { ITEMS.div_ceil(wanted.rounds) };
        let is_many = entries.len() >= MANY;
        let loads = if wanted.quick || is_many { LOADS_FEW } else { LOADS };
        let mut fastest = 0.0;
        for entry in entries {
            let capacity = match capacity(&entry, &mut capacities, pins, wanted.rounds) {
                Ok(capacity) => capacity,
                Err(outcome) => {
                    failed.push(Course::failed(case(entry, 0.0, None, 0, wanted.rounds), *outcome));
                    continue;
                }
            };
            // Where there are many contenders none may take long, however seldom its items come.
            let most =
                |load: f64| if is_many { (capacity * load * LONGEST.as_secs_f64()) as usize } else { usize::MAX };
            let of = |entry, load| {
                case(entry, capacity * load, Some(load), items.min(most(load)).max(ITEMS_MIN), wanted.rounds)
            };
            cases.extend(loads.iter().map(|&load| of(entry, load)));
            fastest = capacity.max(fastest);
        }
        // What the machine makes of the plan of the fastest.
        let alone = |&load: &f64| case(JITTER, fastest * load, Some(load), items, wanted.rounds);
        cases.extend(loads.iter().filter(|_| fastest > 0.0).map(alone));
    }
    let mut courses = sweep::run(cases, pins, progress);
    courses.extend(failed);
    courses
}

/// What an entry can take, which is measured once; or how it failed.
fn capacity(
    entry: &Entry,
    known: &mut Vec<(&'static str, f64)>,
    pins: &[CoreId],
    samples: usize,
) -> Result<f64, Box<Outcome<Noted>>> {
    if let Some(&(_, rate)) = known.iter().find(|(name, _)| *name == entry.name) {
        return Ok(rate);
    }
    let rate = sweep::capacity(entry, pins, samples)?;
    known.push((entry.name, rate));
    Ok(rate)
}
