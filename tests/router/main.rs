//! Names, patterns, which shard a key goes to, and publishers, on threads and in tasks.
#![cfg(not(ringway_loom))]

#[path = "../support/mod.rs"]
mod support;

mod futures;
mod names;
mod partition;
mod publishing;
