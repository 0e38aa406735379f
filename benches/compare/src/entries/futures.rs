//! The contenders that are driven by futures.

use crate::{
    harness::{
        adapters::{RingwayChannelMpmc, RingwayChannelMpsc},
        entries::{Entry, ours, peer},
        measure::{Job, Outcome},
        queue::{AsyncPush, AsyncTake, Queue},
        rows::{
            Calls, Row,
            Topology::{Broadcast, Mpsc},
        },
    },
    peers::*,
    tasks,
};

/// All of them.
pub(super) fn all() -> Vec<Entry> {
    let entries = [
        ours(
            "ringway lanes",
            "channel::mpsc: send_async, recv_async; capacity shared out",
            &[Mpsc],
            by_task::<RingwayChannelMpsc>,
        ),
        ours("ringway mpmc", "channel::mpmc: send_async, recv_async", &[Mpsc], by_task::<RingwayChannelMpmc>),
        ours(
            "ringway broadcast",
            "channel::broadcast: send_async, recv_async",
            &[Broadcast],
            by_task::<RingwayChannelBroadcast>,
        ),
        peer("tokio mpsc", "tokio", "mpsc: send, recv", &[Mpsc], by_task::<TokioMpsc>),
        peer("async-channel", "async-channel", "bounded: send, recv", &[Mpsc], by_task::<AsyncChannel>),
        peer("flume", "flume", "bounded: send_async, recv_async", &[Mpsc], by_task::<Flume>),
        peer("kanal", "kanal", "bounded_async: send, recv", &[Mpsc], by_task::<KanalAsync>),
        peer("thingbuf", "thingbuf", "mpsc: send, recv", &[Mpsc], by_task::<ThingbufAsync>),
        peer("crossfire mpsc", "crossfire", "mpsc::bounded_async: send, recv", &[Mpsc], by_task::<CrossfireMpscAsync>),
        peer(
            "tokio broadcast",
            "tokio",
            "broadcast: send, recv; the sender yields while the slowest is behind by the capacity",
            &[Broadcast],
            by_task::<TokioBroadcast>,
        ),
    ];
    entries.into_iter().map(|entry| Entry { calls: Calls::Async, ..entry }).collect()
}

/// Rows of futures.
fn by_task<Q: Queue<u64, Tx: AsyncPush<u64>, Rx: AsyncTake<u64>>>(row: &Row, job: &Job) -> Outcome {
    tasks::tasks::<Q, u64>(row, job)
}
