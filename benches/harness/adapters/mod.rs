//! The adapters of ringway, by the calls that its own documentation would have a user write for the workload; and of what
//! stands above every queue.

mod ceiling;
mod channel;
mod ring;

pub(crate) use self::{
    ceiling::{NoQueue, NoQueueBulk, RawLine, RawStream},
    channel::{
        Channel as RingwayChannel, Mpmc as RingwayChannelMpmc, Mpsc as RingwayChannelMpsc, Spsc as RingwayChannelSpsc,
    },
    ring::{
        Broadcast as RingwayBroadcast, BroadcastEach as RingwayBroadcastEach, BroadcastMulti as RingwayBroadcastMulti,
        ByLane as RingwayLanes, DenseRuns as RingwayDenseRuns, Each as RingwayEach, OneToOne as Ringway,
        Shared as RingwayShared,
    },
};

/// `count` clones, the original among them.
pub(crate) fn clones<End: Clone>(end: End, count: usize) -> Vec<End> {
    vec![end; count]
}

/// 1 and the item handed over, or 0.
#[inline(always)]
pub(crate) fn hand_over<T>(item: Option<T>, mut each: impl FnMut(&T)) -> usize {
    match item {
        Some(item) => {
            each(&item);
            1
        }
        None => 0,
    }
}
