//! Names, patterns, and which shard a key goes to.
#![cfg(not(ringway_loom))]

mod names;
mod partition;
mod publishing;
