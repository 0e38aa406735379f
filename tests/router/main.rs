//! Names, patterns, and which shard a key goes to.
#![cfg(not(ringway_loom))]

#[path = "../support/bomb.rs"]
mod bomb;
mod names;
mod partition;
mod publishing;
