//! Open-loop latency: items come by a plan, as the world sends them, and latency counts from when an item was due.
//!
//! A loop that sends the next item when the last one is through slows down with what it measures, and forgets the items
//! that would have come meanwhile (coordinated omission). `arrivals` makes plans, `distribution` keeps what came of them,
//! `families` are the rows, `sweep` runs them in rounds, `knee` says up to which load latency holds.

pub(crate) mod arrivals;
pub(crate) mod distribution;
pub(crate) mod families;
pub(crate) mod knee;
pub(crate) mod sweep;
#[cfg(test)]
mod tests;
