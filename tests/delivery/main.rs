//! Time and delivery against simple models: every answer follows from what was called and from `now`.
#![cfg(not(ringway_loom))]

mod model;
mod promises;
mod wheel;
