//! The adapters: what each crate's own documentation would have a user write for the workload, and nothing else.

mod async_channel;
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
mod ringway_async;
mod rtrb;
mod std_mpsc;
mod takoude;
mod thingbuf;
mod tokio;

pub(crate) use self::{
    async_channel::Bounded as AsyncChannel,
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
    ringway_async::Broadcast as RingwayChannelBroadcast,
    rtrb::{Chunks as RtrbChunks, Lanes as RtrbLanes, Spsc as RtrbSpsc},
    std_mpsc::SyncChannel,
    takoude::Spsc as Takoude,
    thingbuf::{Async as ThingbufAsync, Blocking as Thingbuf},
    tokio::{Broadcast as TokioBroadcast, Mpsc as TokioMpsc},
};
