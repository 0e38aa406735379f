//! The machine, or loom in its place: the only code that names atomics.
//!
//! Everything above takes its atomics, cells, fences and shared pointers from here, so that one switch,
//! `cfg(ringway_loom)`, puts the whole crate under the model checker. [`native`](self) re-exports the machine's types at
//! no cost; `model` wraps loom's, and adds the race detection that raw memory would otherwise hide.

#[cfg(not(ringway_loom))]
mod native;
#[cfg(not(ringway_loom))]
pub(crate) use native::*;

#[cfg(ringway_loom)]
mod model;
#[cfg(ringway_loom)]
pub(crate) use model::*;

mod counter;
#[cfg(not(ringway_loom))]
mod cpus;
mod fence;
mod tally;
mod underway;

#[cfg(not(ringway_loom))]
pub(crate) use self::cpus::{cpus_for_crowd, usable_cpus};
pub(crate) use self::{
    counter::Counter,
    fence::{fence_point, full_fence, heavy_fence, light_fence_is_free, prepare_fences},
    tally::Tally,
    underway::Underway,
};

/// Puts a value on cache lines of its own.
pub(crate) use crossbeam_utils::CachePadded as Padded;
