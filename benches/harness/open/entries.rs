//! Who runs open loops.

use crate::harness::{
    adapters::{Ringway, RingwayChannel, RingwayChannelMpmc},
    entries::Part,
    measure::{Job, Noted, Outcome, Plan, no_queue, open_loop, polling, waiting},
    rows::Row,
};
use ringway::{
    ring::spsc::Spsc,
    wait::{Park, Relax, Spin},
};

/// One contender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenEntry {
    /// As results write it.
    pub(crate) name: &'static str,
    /// What it is to the report.
    pub(crate) part: Part,
    /// Whether a thread of it may sleep.
    pub(crate) sleeps: bool,
    /// Measures it once.
    pub(crate) run: fn(&Row, &Plan, &Job) -> Outcome<Noted>,
}

/// No queue: the machine alone.
pub(crate) const JITTER: OpenEntry =
    OpenEntry { name: "(no queue)", part: Part::Ceiling, sleeps: false, run: no_queue };

/// The ring, polled without a pause.
pub(crate) const RING: OpenEntry = OpenEntry {
    name: "ringway spsc ring",
    part: Part::Ours,
    sleeps: false,
    run: |row, plan, job| open_loop(polling::<Ringway<Spsc>, u64>, row, plan, job),
};

/// The channel that most would take.
pub(crate) const CHANNEL: OpenEntry = OpenEntry { name: "ringway spsc", ..PARK };

/// The same for many senders and receivers.
pub(crate) const CHANNEL_MPMC: OpenEntry = OpenEntry {
    name: "ringway mpmc",
    run: |row, plan, job| open_loop(waiting::<RingwayChannelMpmc, u64>, row, plan, job),
    ..PARK
};

/// By the three ways to wait.
pub(crate) const WAITS: [OpenEntry; 3] = [
    OpenEntry {
        name: "ringway spsc, Spin",
        run: |row, plan, job| open_loop(waiting::<RingwayChannel<Spsc, Spin>, u64>, row, plan, job),
        ..PARK
    },
    OpenEntry {
        name: "ringway spsc, Relax",
        run: |row, plan, job| open_loop(waiting::<RingwayChannel<Spsc, Relax>, u64>, row, plan, job),
        ..PARK
    },
    PARK,
];

const PARK: OpenEntry = OpenEntry {
    name: "ringway spsc, Park",
    part: Part::Ours,
    sleeps: true,
    run: |row, plan, job| open_loop(waiting::<RingwayChannel<Spsc, Park>, u64>, row, plan, job),
};
