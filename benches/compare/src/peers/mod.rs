//! The adapters: what each crate's own documentation would have a user write for the workload, and nothing else.

mod async_channel;
mod ceiling;
mod concurrent_queue;
mod crossbeam;
mod crossfire;
mod disruptor;
mod flume;
mod gil;
mod kanal;
mod multiqueue2;
mod nexus_channel;
mod nexus_queue;
mod omango;
mod ringbuf;
mod ringway;
mod ringway_channel;
mod rtrb;
mod std_mpsc;
mod takoude;
mod thingbuf;
mod tokio;

pub(crate) use self::{
    async_channel::Bounded as AsyncChannel,
    ceiling::{NoQueue, NoQueueBulk, RawLine, RawStream},
    concurrent_queue::Bounded as ConcurrentQueue,
    crossbeam::{Array as CrossbeamArray, Channel as CrossbeamChannel},
    crossfire::{Mpmc as CrossfireMpmc, Mpsc as CrossfireMpsc, MpscAsync as CrossfireMpscAsync, Spsc as CrossfireSpsc},
    disruptor::{Batches as DisruptorBatches, Broadcast as DisruptorBroadcast, Single as DisruptorSingle},
    flume::Bounded as Flume,
    gil::{
        Buffers as GilBuffers, Mpmc as GilMpmc, MpmcSharded as GilMpmcSharded, Mpsc as GilMpsc,
        MpscSharded as GilMpscSharded, Spmc as GilSpmc, Spsc as GilSpsc,
    },
    kanal::{Bounded as Kanal, BoundedAsync as KanalAsync},
    multiqueue2::{Broadcast as Multiqueue2Broadcast, Mpmc as Multiqueue2Mpmc},
    nexus_channel::Channel as NexusChannel,
    nexus_queue::{Mpsc as NexusMpsc, Spmc as NexusSpmc, Spsc as NexusSpsc},
    omango::{Mpmc as OmangoMpmc, Spsc as OmangoSpsc},
    ringbuf::{Slices as RingbufSlices, Spsc as RingbufSpsc},
    ringway::{
        Broadcast as RingwayBroadcast, BroadcastEach as RingwayBroadcastEach, BroadcastMulti as RingwayBroadcastMulti,
        ByLane as RingwayLanes, DenseRuns as RingwayDenseRuns, Each as RingwayEach, OneToOne as Ringway,
        Shared as RingwayShared,
    },
    ringway_channel::{
        Broadcast as RingwayChannelBroadcast, Mpmc as RingwayChannelMpmc, Mpsc as RingwayChannelMpsc,
        Spsc as RingwayChannelSpsc,
    },
    rtrb::{Chunks as RtrbChunks, Lanes as RtrbLanes, Spsc as RtrbSpsc},
    std_mpsc::SyncChannel,
    takoude::Spsc as Takoude,
    thingbuf::{Async as ThingbufAsync, Blocking as Thingbuf},
    tokio::{Broadcast as TokioBroadcast, Mpsc as TokioMpsc},
};

/// `count` clones, the original among them.
fn clones<End: Clone>(end: End, count: usize) -> Vec<End> {
    vec![end; count]
}

/// 1 and the item handed over, or 0.
#[inline(always)]
fn hand_over<T>(item: Option<T>, mut each: impl FnMut(&T)) -> usize {
    match item {
        Some(item) => {
            each(&item);
            1
        }
        None => 0,
    }
}
