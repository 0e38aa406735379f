//! Which CPU a worker runs on: the one place that pins threads.
//!
//! The CPUs that the process may use are read once, before the first pin, because a pinned thread sees only its own. Where a
//! quota grants less CPU time than there are CPUs, nothing is spread. A pin that is not possible is reported, and the worker
//! runs unpinned.

use std::{fmt, str::FromStr, sync::OnceLock};

use core_affinity::CoreId;

use crate::router::WordError;
use crate::sync::usable_cpus;

/// Where workers run. What came of it, [`Engine::pinned`](crate::engine::Engine::pinned) tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Pin {
    /// Wherever the system puts them.
    #[default]
    None,
    /// Each on a CPU of its own, as far as there are some.
    Spread,
    /// Worker n on the n-th of these CPUs, round again when there are more workers.
    Cores(Vec<usize>),
}

impl FromStr for Pin {
    type Err = WordError;

    /// `none`, `spread`, or CPUs: `0,2`.
    fn from_str(text: &str) -> Result<Self, WordError> {
        match text {
            "none" => Ok(Self::None),
            "spread" => Ok(Self::Spread),
            cpus => {
                let cpus: Result<_, _> = cpus.split(',').map(|cpu| cpu.trim().parse()).collect();
                cpus.map(Self::Cores).map_err(|_| WordError::new(text, PINS))
            }
        }
    }
}

/// What [`Pin`] is written as.
pub(crate) const PINS: &str = "none, spread, or CPUs: 0,2";

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Spread => f.write_str("spread"),
            Self::Cores(cpus) => {
                let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
                f.write_str(&cpus.join(","))
            }
        }
    }
}

/// Where one worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pinned {
    /// Wherever the system puts it, as asked.
    Nowhere,
    /// On this CPU.
    On(usize),
    /// Unpinned: the process may not use this CPU, or there is none of this number.
    NotAllowed(usize),
    /// Unpinned: the system refused this CPU.
    Refused(usize),
    /// Unpinned: there are more workers than CPUs.
    NoneLeft,
    /// Unpinned: a quota grants the time of only so many CPUs, fewer than there are workers.
    Quota(usize),
}

impl Pinned {
    /// Whether it runs where it was asked to.
    pub fn is_as_asked(self) -> bool {
        matches!(self, Self::Nowhere | Self::On(_))
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("not pinned"),
            Self::On(cpu) => write!(f, "on CPU {cpu}"),
            Self::NotAllowed(cpu) => {
                write!(f, "not pinned: CPU {cpu} is none of {:?}, which this process may use", cpus())
            }
            Self::Refused(cpu) => write!(f, "not pinned: the system refused CPU {cpu}"),
            Self::NoneLeft => write!(f, "not pinned: more workers than the {} CPUs of this process", cpus().len()),
            Self::Quota(cpus) => write!(f, "not pinned: a quota grants the time of {cpus} CPUs only"),
        }
    }
}

/// The CPUs that the process may use, as of the first question: an engine's start asks, and so does [`pin_here`].
///
/// A thread that was pinned by other means sees its own CPU only. If it is the first to ask, no worker can be pinned elsewhere, and
/// those that it starts stay on its CPU; so ask before.
pub fn cpus() -> &'static [usize] {
    static CPUS: OnceLock<Vec<usize>> = OnceLock::new();
    CPUS.get_or_init(|| {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        ids.into_iter().map(|core| core.id).collect()
    })
}

/// CPUs' worth of time that the process gets: the smaller of its CPUs and its quota.
pub fn cpus_granted() -> usize {
    usable_cpus()
}

/// Pins the calling thread to a CPU: one that polls workers in a loop of its own, or measures.
pub fn pin_here(cpu: usize) -> Pinned {
    pin(place(&Pin::Cores(vec![cpu]), 0, 1))
}

/// Says where worker `nth` of `workers` is to run, before it is pinned.
pub(crate) fn place(pin: &Pin, nth: usize, workers: usize) -> Pinned {
    // In this order: after a pin the answer would be about the pinned CPU.
    let (granted, cpus) = (cpus_granted(), cpus());
    match pin {
        Pin::None => Pinned::Nowhere,
        Pin::Spread if granted < cpus.len() && granted < workers => Pinned::Quota(granted),
        Pin::Spread => cpus.get(nth).map_or(Pinned::NoneLeft, |&cpu| Pinned::On(cpu)),
        Pin::Cores(chosen) if chosen.is_empty() => Pinned::Nowhere,
        Pin::Cores(chosen) => {
            let cpu = chosen[nth % chosen.len()];
            // `core_affinity` indexes a fixed set by the number, so only numbers that it gave are handed to it.
            if cpus.contains(&cpu) { Pinned::On(cpu) } else { Pinned::NotAllowed(cpu) }
        }
    }
}

/// Pins this thread there.
pub(crate) fn pin(place: Pinned) -> Pinned {
    match place {
        Pinned::On(cpu) if !core_affinity::set_for_current(CoreId { id: cpu }) => Pinned::Refused(cpu),
        place => place,
    }
}
