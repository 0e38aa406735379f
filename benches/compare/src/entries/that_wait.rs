//! The contenders that are driven by calls that wait.

use crate::{
    harness::{
        entries::{Entry, Part, by_waiting, peer},
        measure::{Job, Outcome, keyed, waiting},
        queue::{BlockingPush, BlockingTake, Queue},
        rows::{
            Calls, Row,
            Topology::{self, Idle, Mpmc, Mpsc, Paced, QueueKeyed, RoundTrip, Send, Spsc, TopicGates, Wake},
        },
    },
    peers::*,
    tasks,
};

/// What a channel of one sender and one receiver runs.
const ONE_TO_ONE: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send];
/// What a channel of many senders and one receiver runs.
const MANY_TO_ONE: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send, Mpsc];
/// What a channel of many senders and many receivers runs.
const MANY_TO_MANY: &[Topology] = &[Spsc, RoundTrip, Wake, Paced, Idle, Send, Mpsc, Mpmc];

/// All of them.
pub(super) fn all() -> Vec<Entry> {
    let entries = peers().into_iter().chain(spinners()).chain(sharded());
    entries.map(|entry| Entry { calls: Calls::Blocking, ..entry }).collect()
}

fn peers() -> Vec<Entry> {
    vec![
        peer("std sync_channel", "", "send, recv", MANY_TO_ONE, by_waiting::<SyncChannel>),
        peer(
            "crossbeam-channel",
            "crossbeam-channel",
            "bounded: send, recv",
            MANY_TO_MANY,
            by_waiting::<CrossbeamChannel>,
        ),
        peer("kanal", "kanal", "bounded: send, recv", MANY_TO_MANY, by_waiting::<Kanal>),
        peer("flume", "flume", "bounded: send, recv", MANY_TO_MANY, by_waiting::<Flume>),
        peer("crossfire", "crossfire", "spsc::bounded_blocking: send, recv", ONE_TO_ONE, by_waiting::<CrossfireSpsc>),
        peer("crossfire mpsc", "crossfire", "mpsc::bounded_blocking: send, recv", &[Mpsc], by_waiting::<CrossfireMpsc>),
        peer("crossfire mpmc", "crossfire", "mpmc::bounded_blocking: send, recv", &[Mpmc], by_waiting::<CrossfireMpmc>),
        peer("thingbuf", "thingbuf", "mpsc::blocking: send, recv", MANY_TO_ONE, by_waiting::<Thingbuf>),
        peer(
            "async-channel",
            "async-channel",
            "bounded: send_blocking, recv_blocking",
            MANY_TO_MANY,
            by_waiting::<AsyncChannel>,
        ),
        peer("tokio mpsc", "tokio", "mpsc: blocking_send, blocking_recv", MANY_TO_ONE, by_waiting::<TokioMpsc>),
        peer("omango", "omango", "spsc::bounded: send, recv", ONE_TO_ONE, by_waiting::<OmangoSpsc>),
        peer("omango mpmc", "omango", "mpmc::bounded: send, recv", &[Mpsc, Mpmc], by_waiting::<OmangoMpmc>),
        peer("nexus-channel", "nexus-channel", "channel: send, recv", ONE_TO_ONE, by_waiting::<NexusChannel>),
    ]
}

/// They have no place where somebody has to be asleep.
fn spinners() -> Vec<Entry> {
    vec![
        spinner("gil", "spsc: send, recv; never sleeps", &[Spsc, RoundTrip, Paced, Idle, Send], by_waiting::<GilSpsc>),
        spinner("gil mpsc", "mpsc: send, recv; never sleeps", &[Mpsc], by_waiting::<GilMpsc>),
        spinner("gil mpmc", "mpmc: send, recv; never sleeps", &[Mpmc], by_waiting::<GilMpmc>),
    ]
}

fn spinner(
    name: &'static str,
    form: &'static str,
    topologies: &'static [Topology],
    run: fn(&Row, &Job) -> Outcome,
) -> Entry {
    Entry { part: Part::Spinner, ..peer(name, "gil", form, topologies, run) }
}

/// What a user of channels writes for the engine's job.
fn sharded() -> Vec<Entry> {
    const FORM: &str = "a channel and a thread a shard: send, recv";
    vec![
        peer("crossbeam-channel", "crossbeam-channel", FORM, &[QueueKeyed], by_shard::<CrossbeamChannel>),
        peer("kanal", "kanal", FORM, &[QueueKeyed], by_shard::<Kanal>),
        peer("flume", "flume", FORM, &[QueueKeyed], by_shard::<Flume>),
        peer("tokio mpsc", "tokio", FORM, &[QueueKeyed], by_shard::<TokioMpsc>),
        peer(
            "tokio mpsc tasks",
            "tokio",
            "a channel and a task a shard, half of all tasks on each of two runtime threads: send, recv",
            &[QueueKeyed],
            tasks::keyed::<TokioMpsc>,
        ),
        peer(
            "tokio broadcast",
            "tokio",
            "broadcast: a task that sends, and yields while the slowest is behind by the capacity; on another thread a task a \
             subscriber",
            &[TopicGates],
            tasks::gates::<TokioBroadcast>,
        ),
    ]
}

fn by_shard<Q: Queue<u64, Tx: BlockingPush<u64>, Rx: BlockingTake<u64>>>(row: &Row, job: &Job) -> Outcome {
    keyed(waiting::<Q, u64>, row, job)
}
