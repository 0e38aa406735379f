//! Time and delivery against simple models: every answer follows from what was called and from `now`.
#![cfg(not(ringway_loom))]

mod at_once;
mod calls;
mod dedup;
mod edges;
mod model;
mod names;
mod poison;
mod promises;
mod retry;
mod saga;
mod wheel;
