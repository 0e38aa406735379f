//! ringway's own entries, and the ceilings.

use ::ringway::{
    ring::{dense::Dense, mpmc::Mpmc as Stamped, spsc::Spsc as Packed},
    wait::{Park, Relax, Spin, Wait},
};

use super::{
    Entry, OpenRun, Part,
    Topology::{
        self, Broadcast, Bulk, Idle, IdleWait, Mpmc, Mpsc, Paced, Pair, RoundTrip, Send, Spmc, Spsc, Stream, Wake,
        WideItems,
    },
    by_bulk, by_item, by_push, by_wide_item, ceiling, ours, waiting_peer,
};
use crate::harness::{
    adapters::{
        NoQueue, NoQueueBulk, RawLine, RawStream, Ringway, RingwayBroadcast, RingwayBroadcastEach,
        RingwayBroadcastMulti, RingwayChannel, RingwayChannelMpmc, RingwayChannelMpsc, RingwayChannelSpsc,
        RingwayDenseRuns, RingwayEach, RingwayLanes, RingwayShared,
    },
    measure::{Job, idle, no_queue, open_loop, polling, waiting},
    rows::{Calls, Row},
};

/// What a ring of one producer and one consumer runs.
const ONE_TO_ONE: &[Topology] = &[Pair, Spsc, RoundTrip];
/// What a ring of many producers and many consumers runs.
const MANY_TO_MANY: &[Topology] = &[Pair, Spsc, RoundTrip, Mpsc, Spmc, Mpmc];
/// What a channel of one sender and one receiver runs.
const ONE_TO_ONE_WAITING: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send];
/// What a channel of many senders and one receiver runs.
const MANY_TO_ONE_WAITING: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send, Mpsc];
/// What a channel of many senders and many receivers runs.
const MANY_TO_MANY_WAITING: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send, Mpsc, Mpmc];

/// By calls that never wait.
pub(crate) fn by_try() -> Vec<Entry> {
    let mut entries = ceilings();
    entries.extend(rings());
    entries
}

/// By calls that wait.
pub(crate) fn by_waiting_calls() -> Vec<Entry> {
    let entries = ceilings_of_waiting().into_iter().chain(channels());
    entries.map(|entry| Entry { calls: Calls::Blocking, ..entry }).collect()
}

fn ceilings() -> Vec<Entry> {
    vec![
        ceiling("(raw line)", "one cache line a direction, no queue", &[RoundTrip], by_item::<RawLine>),
        ceiling("(line stream)", "64-byte lines, 64 at a time, no queue", &[Stream], by_bulk::<RawStream>),
        ceiling("(no queue)", "both loops with nothing between them", &[Spsc], by_item::<NoQueue>),
        ceiling("(no queue)", "both loops, each with a batch of its own", &[Bulk], by_bulk::<NoQueueBulk>),
    ]
}

fn rings() -> Vec<Entry> {
    vec![
        ours("ringway spsc", "spsc: try_push, try_pop", ONE_TO_ONE, by_item::<Ringway<Packed>>),
        ours(
            "ringway spsc each",
            "spsc: try_push; pop_each takes all there is",
            &[Spsc],
            by_item::<RingwayEach<Packed>>,
        ),
        ours("ringway dense", "dense: try_push, try_pop", ONE_TO_ONE, by_item::<Ringway<Dense>>),
        ours(
            "ringway lanes",
            "lanes: try_push, try_pop; capacity shared out",
            &[Spsc, Mpsc, Spmc, Mpmc],
            by_item::<RingwayLanes>,
        ),
        ours("ringway mpmc", "mpmc: try_push, try_pop", MANY_TO_MANY, by_item::<RingwayShared<Stamped>>),
        ours("ringway broadcast", "broadcast: try_push, try_next", &[Broadcast], by_item::<RingwayBroadcast>),
        ours(
            "ringway broadcast each",
            "broadcast: try_push; next_each sees all there is",
            &[Broadcast],
            by_item::<RingwayBroadcastEach>,
        ),
        ours(
            "ringway broadcast_multi",
            "broadcast_multi: try_push, try_next",
            &[Broadcast],
            by_item::<RingwayBroadcastMulti>,
        ),
        ours("ringway spsc bulk", "spsc: push_iter, pop_each", &[Bulk], by_bulk::<RingwayEach<Packed>>),
        ours(
            "ringway dense runs",
            "dense: try_claim and slices, try_run, both in place",
            &[Bulk],
            by_bulk::<RingwayDenseRuns>,
        ),
        ours("ringway dense bulk", "dense: push_iter, pop_each", &[Bulk], by_bulk::<RingwayEach<Dense>>),
    ]
}

/// These are polled, as in the rows of calls that never wait.
fn ceilings_of_waiting() -> Vec<Entry> {
    vec![
        ceiling("(raw line)", "one cache line a direction, no queue", &[RoundTrip], by_item::<RawLine>),
        ceiling("(no queue)", "both loops with nothing between them", &[Spsc], by_item::<NoQueue>),
        Entry { package: "ringway", ..ceiling("(ring spsc)", "bare: try_push", &[Send], by_push::<Ringway<Packed>>) },
        Entry { package: "ringway", ..ceiling("(ring lanes)", "bare: try_push", &[Send], by_push::<RingwayLanes>) },
        Entry {
            package: "ringway",
            ..ceiling("(ring mpmc)", "bare: try_push", &[Send], by_push::<RingwayShared<Stamped>>)
        },
    ]
}

/// ringway's channels.
pub(crate) fn channels() -> [Entry; 3] {
    let ours = |over, entry| Entry { part: Part::Ours, over: Some(over), ..entry };
    [
        ours(
            "(ring spsc)",
            waiting_peer::<RingwayChannelSpsc>(
                "ringway spsc",
                "ringway",
                "channel::spsc: send, recv",
                ONE_TO_ONE_WAITING,
            ),
        ),
        ours(
            "(ring lanes)",
            waiting_peer::<RingwayChannelMpsc>(
                "ringway lanes",
                "ringway",
                "channel::mpsc: send, recv; capacity shared out",
                MANY_TO_ONE_WAITING,
            ),
        ),
        ours(
            "(ring mpmc)",
            waiting_peer::<RingwayChannelMpmc>(
                "ringway mpmc",
                "ringway",
                "channel::mpmc: send, recv",
                MANY_TO_MANY_WAITING,
            ),
        ),
    ]
}

/// The ring in open loops, polled without a pause.
pub(crate) const RING: Entry = Entry {
    name: "ringway spsc ring",
    package: "ringway",
    part: Part::Ours,
    form: "spsc: try_push, try_pop, polled",
    over: None,
    calls: Calls::Try,
    topologies: &[],
    capacity: None,
    run: by_item::<Ringway<Packed>>,
    open: Some(|row, plan, job| open_loop(polling::<Ringway<Packed>, u64>, row, plan, job)),
};

/// Open loops with no queue in between: the machine alone.
pub(crate) const JITTER: Entry = Entry {
    name: "(no queue)",
    package: "",
    part: Part::Ceiling,
    form: "both loops with nothing between them",
    run: by_item::<NoQueue>,
    open: Some(no_queue),
    ..RING
};

/// Rings that carry wide items.
pub(crate) fn wide() -> Vec<Entry> {
    vec![
        ours("ringway spsc", "spsc: try_push, try_pop", &[WideItems], by_wide_item::<Ringway<Packed>>),
        ours("ringway dense", "dense: try_push, try_pop", &[WideItems], by_wide_item::<Ringway<Dense>>),
        ours("ringway mpmc", "mpmc: try_push, try_pop", &[WideItems], by_wide_item::<RingwayShared<Stamped>>),
    ]
}

/// The three ways to wait.
pub(crate) fn waits() -> [Entry; 3] {
    [
        by_wait::<Spin>("ringway spsc, Spin"),
        by_wait::<Relax>("ringway spsc, Relax"),
        by_wait::<Park>("ringway spsc, Park"),
    ]
}

fn by_wait<W: Wait<Signal: 'static>>(name: &'static str) -> Entry {
    let run = |row: &Row, job: &Job| idle(waiting::<RingwayChannel<Packed, W>, u64>, row, job);
    let open: OpenRun = |row, plan, job| open_loop(waiting::<RingwayChannel<Packed, W>, u64>, row, plan, job);
    Entry { calls: Calls::Blocking, open: Some(open), ..ours(name, "recv", &[IdleWait], run) }
}
