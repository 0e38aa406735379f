//! Who runs which rows, as data: what an entry is, how one is made of a queue, and ringway's own.

mod ours;

pub(crate) use ours::{JITTER, RING, by_try, by_waiting_calls, channels, waits, wide};

use crate::harness::{
    measure::{self, Ends, Get, Job, Noted, Outcome, Plan, Put, polling, waiting},
    queue::{Block, BlockingPush, BlockingTake, Payload, Push, PushMany, Queue, Shape, Take, Wide},
    rows::{Calls, Row, Topology, Width},
};

/// What a contender is to the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// ringway.
    Ours,
    /// Somebody else's queue.
    Peer,
    /// Somebody else's, whose calls that wait never sleep: shown, but no measure for one that does.
    Spinner,
    /// No queue: what a queue could reach at the best.
    Ceiling,
}

impl Part {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Ours, Self::Peer, Self::Spinner, Self::Ceiling];

    /// As results write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ringway",
            Self::Peer => "peer",
            Self::Spinner => "peer that never sleeps",
            Self::Ceiling => "ceiling",
        }
    }
}

/// One contender in one form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// As the report writes it. Entries of one name never share a row.
    pub(crate) name: &'static str,
    /// The package, as the lock file knows it; empty where there is none.
    pub(crate) package: &'static str,
    /// What it is to the report.
    pub(crate) part: Part,
    /// What it runs, by which calls.
    pub(crate) form: &'static str,
    /// The ring that it is built on, bare: that one's entry, if there is one.
    pub(crate) over: Option<&'static str>,
    /// By which calls it is driven.
    pub(crate) calls: Calls,
    /// What it runs.
    pub(crate) topologies: &'static [Topology],
    /// The one capacity it is built for, if it is.
    pub(crate) capacity: Option<usize>,
    /// Measures it once.
    pub(crate) run: fn(&Row, &Job) -> Outcome,
    /// The same in an open loop, if it runs those.
    pub(crate) open: Option<OpenRun>,
}

/// Measures a contender once, while items come by a plan.
pub(crate) type OpenRun = fn(&Row, &Plan, &Job) -> Outcome<Noted>;

/// A cell that is left out although the contender has what the row asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exclusion {
    /// The entry's name.
    pub(crate) entry: &'static str,
    /// The row's name.
    pub(crate) row: &'static str,
    /// Why.
    pub(crate) reason: &'static str,
}

impl Entry {
    /// Whether a thread of it may sleep.
    pub(crate) fn sleeps(&self) -> bool {
        self.calls != Calls::Try
    }

    /// Whether this entry has what the row asks for.
    pub(crate) fn fits(&self, row: &Row) -> bool {
        self.calls == row.calls
            && self.topologies.contains(&row.topology)
            && self.capacity.is_none_or(|capacity| capacity == row.capacity)
    }
}

/// A contender by calls that never wait.
pub(crate) fn peer(
    name: &'static str,
    package: &'static str,
    form: &'static str,
    topologies: &'static [Topology],
    run: fn(&Row, &Job) -> Outcome,
) -> Entry {
    let (part, calls) = (Part::Peer, Calls::Try);
    Entry { name, package, part, form, over: None, calls, topologies, capacity: None, run, open: None }
}

/// A contender by calls that wait; in open loops, too.
pub(crate) fn waiting_peer<Q>(
    name: &'static str,
    package: &'static str,
    form: &'static str,
    topologies: &'static [Topology],
) -> Entry
where
    Q: Queue<u64, Tx: BlockingPush<u64>, Rx: BlockingTake<u64>>
        + Queue<Block, Tx: BlockingPush<Block>, Rx: BlockingTake<Block>>,
{
    let open: OpenRun = |row, plan, job| measure::open_loop(waiting::<Q, u64>, row, plan, job);
    Entry { calls: Calls::Blocking, open: Some(open), ..peer(name, package, form, topologies, by_waiting::<Q>) }
}

/// The same, of ringway.
pub(crate) fn ours(
    name: &'static str,
    form: &'static str,
    topologies: &'static [Topology],
    run: fn(&Row, &Job) -> Outcome,
) -> Entry {
    Entry { part: Part::Ours, ..peer(name, "ringway", form, topologies, run) }
}

/// The same, with no queue.
pub(crate) fn ceiling(
    name: &'static str,
    form: &'static str,
    topologies: &'static [Topology],
    run: fn(&Row, &Job) -> Outcome,
) -> Entry {
    Entry { part: Part::Ceiling, ..peer(name, "", form, topologies, run) }
}

/// Rows of one item a call.
pub(crate) fn by_item<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<u64, Tx: Push<u64>, Rx: Take<u64>> + Queue<Block, Tx: Push<Block>, Rx: Take<Block>>,
{
    match row.width {
        Width::Word => one_item(polling::<Q, u64>, row, job),
        _ => one_item(polling::<Q, Block>, row, job),
    }
}

fn one_item<T: Payload, P: Put<T>, C: Get<T>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    match row.topology {
        Topology::Pair => measure::pair(open, row, job),
        Topology::RoundTrip => measure::round_trip(open, row, job),
        Topology::Broadcast => measure::broadcast(open, row, job),
        _ => measure::stream(open, row, job),
    }
}

/// Rows of wide items.
pub(crate) fn by_wide_item<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<Wide<32>, Tx: Push<Wide<32>>, Rx: Take<Wide<32>>>
        + Queue<Wide<128>, Tx: Push<Wide<128>>, Rx: Take<Wide<128>>>,
{
    match row.width {
        Width::Kilo => measure::stream(polling::<Q, Wide<128>>, row, job),
        _ => measure::stream(polling::<Q, Wide<32>>, row, job),
    }
}

/// The cost of a push.
pub(crate) fn by_push<Q: Queue<u64, Tx: Push<u64>, Rx: Take<u64>>>(row: &Row, job: &Job) -> Outcome {
    measure::send_cost(polling::<Q, u64>, row, job)
}

/// Rows of many items a call.
pub(crate) fn by_bulk<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<u64, Tx: PushMany<u64>, Rx: Take<u64>> + Queue<Block, Tx: PushMany<Block>, Rx: Take<Block>>,
{
    match row.width {
        Width::Word => measure::bulk::<Q, u64>(row, job),
        _ => measure::bulk::<Q, Block>(row, job),
    }
}

/// Rows of calls that wait.
fn by_waiting<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<u64, Tx: BlockingPush<u64>, Rx: BlockingTake<u64>>
        + Queue<Block, Tx: BlockingPush<Block>, Rx: BlockingTake<Block>>,
{
    match (row.width, row.topology) {
        (Width::Block, _) => measure::stream(waiting::<Q, Block>, row, job),
        (_, Topology::RoundTrip) => measure::round_trip(waiting::<Q, u64>, row, job),
        (_, Topology::Wake) => measure::wake(waiting::<Q, u64>, row, job),
        (_, Topology::Paced) => measure::paced(waiting::<Q, u64>, row, job),
        (_, Topology::Idle) => measure::idle(waiting::<Q, u64>, row, job),
        (_, Topology::Send) => measure::send_cost(waiting::<Q, u64>, row, job),
        _ => measure::stream(waiting::<Q, u64>, row, job),
    }
}
