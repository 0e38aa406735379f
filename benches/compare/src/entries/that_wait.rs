//! The contenders that are driven by calls that wait.

use crate::{
    harness::{
        entries::{Entry, Part, peer, waiting_peer},
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
/// What those run that have no place where somebody has to be asleep.
const SPINNING: &[Topology] = &[Spsc, RoundTrip, Paced, Idle, Send];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Entry> {
    let sharded = sharded().into_iter().map(|entry| Entry { calls: Calls::Blocking, ..entry });
    peers().into_iter().chain(spinners()).chain(sharded)
}

fn peers() -> Vec<Entry> {
    vec![
        waiting_peer::<SyncChannel>("std sync_channel", "", "send, recv", MANY_TO_ONE),
        waiting_peer::<CrossbeamChannel>("crossbeam-channel", "crossbeam-channel", "bounded: send, recv", MANY_TO_MANY),
        waiting_peer::<Kanal>("kanal", "kanal", "bounded: send, recv", MANY_TO_MANY),
        waiting_peer::<Flume>("flume", "flume", "bounded: send, recv", MANY_TO_MANY),
        waiting_peer::<CrossfireSpsc>("crossfire", "crossfire", "spsc::bounded_blocking: send, recv", ONE_TO_ONE),
        waiting_peer::<CrossfireMpsc>("crossfire mpsc", "crossfire", "mpsc::bounded_blocking: send, recv", &[Mpsc]),
        waiting_peer::<CrossfireMpmc>("crossfire mpmc", "crossfire", "mpmc::bounded_blocking: send, recv", &[Mpmc]),
        waiting_peer::<Thingbuf>("thingbuf", "thingbuf", "mpsc::blocking: send, recv", MANY_TO_ONE),
        waiting_peer::<AsyncChannel>(
            "async-channel",
            "async-channel",
            "bounded: send_blocking, recv_blocking",
            MANY_TO_MANY,
        ),
        waiting_peer::<TokioMpsc>("tokio mpsc", "tokio", "mpsc: blocking_send, blocking_recv", MANY_TO_ONE),
        waiting_peer::<OmangoSpsc>("omango", "omango", "spsc::bounded: send, recv", ONE_TO_ONE),
        waiting_peer::<OmangoMpmc>("omango mpmc", "omango", "mpmc::bounded: send, recv", &[Mpsc, Mpmc]),
        waiting_peer::<NexusChannel>("nexus-channel", "nexus-channel", "channel: send, recv", ONE_TO_ONE),
    ]
}

fn spinners() -> [Entry; 3] {
    let spinner = |entry| Entry { part: Part::Spinner, ..entry };
    [
        spinner(waiting_peer::<GilSpsc>("gil", "gil", "spsc: send, recv; never sleeps", SPINNING)),
        spinner(waiting_peer::<GilMpsc>("gil mpsc", "gil", "mpsc: send, recv; never sleeps", &[Mpsc])),
        spinner(waiting_peer::<GilMpmc>("gil mpmc", "gil", "mpmc: send, recv; never sleeps", &[Mpmc])),
    ]
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
