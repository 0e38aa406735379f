//! The contenders that are driven by calls that never wait.

use crate::{
    harness::{
        entries::{Entry, by_bulk, by_item, peer},
        rows::Topology::{self, Broadcast, Bulk, Mpmc, Mpsc, Pair, RoundTrip, Spmc, Spsc},
    },
    peers::*,
};

/// What a queue of one producer and one consumer runs.
const ONE_TO_ONE: &[Topology] = &[Pair, Spsc, RoundTrip];
/// What a queue of many producers and one consumer runs.
const MANY_TO_ONE: &[Topology] = &[Pair, Spsc, RoundTrip, Mpsc];
/// What a queue of many producers and many consumers runs.
const MANY_TO_MANY: &[Topology] = &[Pair, Spsc, RoundTrip, Mpsc, Spmc, Mpmc];

/// All of them.
pub(super) fn all() -> Vec<Entry> {
    let mut entries = one_to_one();
    entries.extend(shared());
    entries.extend(bulk());
    entries.extend(broadcasts());
    entries
}

fn one_to_one() -> Vec<Entry> {
    let takoude = |capacity, run| Entry {
        capacity: Some(capacity),
        ..peer("takoude", "takoude", "spsc_channel: try_push, try_pop", ONE_TO_ONE, run)
    };
    vec![
        peer("rtrb", "rtrb", "push, pop", ONE_TO_ONE, by_item::<RtrbSpsc>),
        peer("rtrb lanes", "rtrb", "a ring a producer; capacity shared out", &[Mpsc], by_item::<RtrbLanes>),
        peer("ringbuf", "ringbuf", "HeapRb, caching ends: try_push, try_pop", ONE_TO_ONE, by_item::<RingbufSpsc>),
        peer("gil", "gil", "spsc: try_send, try_recv", ONE_TO_ONE, by_item::<GilSpsc>),
        peer("nexus-queue", "nexus-queue", "spsc: push, pop", ONE_TO_ONE, by_item::<NexusSpsc>),
        peer("omango", "omango", "spsc::bounded: try_send, try_recv", ONE_TO_ONE, by_item::<OmangoSpsc>),
        peer(
            "crossfire",
            "crossfire",
            "spsc::bounded_blocking: try_send, try_recv",
            ONE_TO_ONE,
            by_item::<CrossfireSpsc>,
        ),
        peer(
            "disruptor",
            "disruptor",
            "single producer: try_publish; poll takes all there is",
            ONE_TO_ONE,
            by_item::<DisruptorSingle>,
        ),
        takoude(64, by_item::<Takoude<64>>),
        takoude(1024, by_item::<Takoude<1024>>),
        takoude(65_536, by_item::<Takoude<65_536>>),
    ]
}

fn shared() -> Vec<Entry> {
    vec![
        peer("crossbeam ArrayQueue", "crossbeam-queue", "push, pop", MANY_TO_MANY, by_item::<CrossbeamArray>),
        peer(
            "crossbeam-channel",
            "crossbeam-channel",
            "bounded: try_send, try_recv",
            MANY_TO_MANY,
            by_item::<CrossbeamChannel>,
        ),
        peer("concurrent-queue", "concurrent-queue", "bounded: push, pop", MANY_TO_MANY, by_item::<ConcurrentQueue>),
        peer("kanal", "kanal", "bounded: try_send, try_recv", MANY_TO_MANY, by_item::<Kanal>),
        peer("std sync_channel", "", "try_send, try_recv", MANY_TO_ONE, by_item::<SyncChannel>),
        peer("omango mpmc", "omango", "mpmc::bounded: try_send, try_recv", &[Mpsc, Spmc, Mpmc], by_item::<OmangoMpmc>),
        peer("nexus-queue mpsc", "nexus-queue", "mpsc: push, pop", &[Mpsc], by_item::<NexusMpsc>),
        peer("nexus-queue spmc", "nexus-queue", "spmc: push, pop", &[Spmc], by_item::<NexusSpmc>),
        peer("gil mpsc", "gil", "mpsc: try_send, try_recv", &[Mpsc], by_item::<GilMpsc>),
        peer("gil mpsc sharded", "gil", "a shard a producer; capacity shared out", &[Mpsc], by_item::<GilMpscSharded>),
        peer("gil spmc", "gil", "spmc: try_send, try_recv", &[Spmc], by_item::<GilSpmc>),
        peer("gil mpmc", "gil", "mpmc: try_send, try_recv", &[Mpmc], by_item::<GilMpmc>),
        peer(
            "gil mpmc sharded",
            "gil",
            "a shard a producer, locked by its reader; capacity shared out",
            &[Mpmc],
            by_item::<GilMpmcSharded>,
        ),
        peer(
            "crossfire mpsc",
            "crossfire",
            "mpsc::bounded_blocking: try_send, try_recv",
            &[Mpsc],
            by_item::<CrossfireMpsc>,
        ),
        peer(
            "crossfire mpmc",
            "crossfire",
            "mpmc::bounded_blocking: try_send, try_recv",
            &[Spmc, Mpmc],
            by_item::<CrossfireMpmc>,
        ),
        peer(
            "multiqueue2",
            "multiqueue2",
            "mpmc_queue_with BusyWait: try_send, try_recv",
            &[Spmc, Mpmc],
            by_item::<Multiqueue2Mpmc>,
        ),
    ]
}

fn bulk() -> Vec<Entry> {
    vec![
        peer(
            "rtrb chunks",
            "rtrb",
            "write_chunk_uninit and fill_from_iter; read_chunk in place",
            &[Bulk],
            by_bulk::<RtrbChunks>,
        ),
        peer("ringbuf slices", "ringbuf", "push_iter; as_slices in place", &[Bulk], by_bulk::<RingbufSlices>),
        peer("gil buffers", "gil", "write_buffer, read_guard, both in place", &[Bulk], by_bulk::<GilBuffers>),
        peer(
            "disruptor batches",
            "disruptor",
            "try_batch_publish, take, both in place",
            &[Bulk],
            by_bulk::<DisruptorBatches>,
        ),
    ]
}

fn broadcasts() -> Vec<Entry> {
    vec![
        peer(
            "disruptor",
            "disruptor",
            "single producer: try_publish; poll takes all there is",
            &[Broadcast],
            by_item::<DisruptorBroadcast>,
        ),
        peer(
            "multiqueue2",
            "multiqueue2",
            "broadcast_queue_with BusyWait: try_send, try_recv_view",
            &[Broadcast],
            by_item::<Multiqueue2Broadcast>,
        ),
    ]
}
