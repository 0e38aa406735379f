//! ringway's own entries, and the ceilings.

use ::ringway::{
    ring::{dense::Dense, mpmc::Mpmc as Stamped, spsc::Spsc as Packed},
    wait::{Park, Relax, Spin},
};

use super::{
    Entry,
    Topology::{
        self, Broadcast, Bulk, Idle, IdleWait, Mpmc, Mpsc, Paced, Pair, RoundTrip, Send, Spmc, Spsc, Stream, Wake,
        WideItems,
    },
    by_bulk, by_item, by_push, by_waiting, by_wide_item, ceiling, ours,
};
use crate::harness::{
    adapters::{
        NoQueue, NoQueueBulk, RawLine, RawStream, Ringway, RingwayBroadcast, RingwayBroadcastEach,
        RingwayBroadcastMulti, RingwayChannel, RingwayChannelMpmc, RingwayChannelMpsc, RingwayChannelSpsc,
        RingwayDenseRuns, RingwayEach, RingwayLanes, RingwayShared,
    },
    measure::{idle, waiting},
    rows::Calls,
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

fn channels() -> Vec<Entry> {
    let over = |ring, entry| Entry { over: Some(ring), ..entry };
    vec![
        over(
            "(ring spsc)",
            ours("ringway spsc", "channel::spsc: send, recv", ONE_TO_ONE_WAITING, by_waiting::<RingwayChannelSpsc>),
        ),
        over(
            "(ring lanes)",
            ours(
                "ringway lanes",
                "channel::mpsc: send, recv; capacity shared out",
                MANY_TO_ONE_WAITING,
                by_waiting::<RingwayChannelMpsc>,
            ),
        ),
        over(
            "(ring mpmc)",
            ours("ringway mpmc", "channel::mpmc: send, recv", MANY_TO_MANY_WAITING, by_waiting::<RingwayChannelMpmc>),
        ),
    ]
}

/// Rings that carry wide items.
pub(crate) fn wide() -> Vec<Entry> {
    vec![
        ours("ringway spsc", "spsc: try_push, try_pop", &[WideItems], by_wide_item::<Ringway<Packed>>),
        ours("ringway dense", "dense: try_push, try_pop", &[WideItems], by_wide_item::<Ringway<Dense>>),
        ours("ringway mpmc", "mpmc: try_push, try_pop", &[WideItems], by_wide_item::<RingwayShared<Stamped>>),
    ]
}

/// The three ways to wait, for nothing.
pub(crate) fn waits() -> Vec<Entry> {
    let entries = [
        ours("ringway spsc, Spin", "recv", &[IdleWait], |row, job| {
            idle(waiting::<RingwayChannel<Packed, Spin>, u64>, row, job)
        }),
        ours("ringway spsc, Relax", "recv", &[IdleWait], |row, job| {
            idle(waiting::<RingwayChannel<Packed, Relax>, u64>, row, job)
        }),
        ours("ringway spsc, Park", "recv", &[IdleWait], |row, job| {
            idle(waiting::<RingwayChannel<Packed, Park>, u64>, row, job)
        }),
    ];
    entries.into_iter().map(|entry| Entry { calls: Calls::Blocking, ..entry }).collect()
}
