//! Models of the rings, of sleeping, of channels and of topics: every schedule and every stale value that the memory model
//! allows, within a bound.
//!
//! `.ci/loom` runs them, under a patched loom. Without `cfg(ringway_loom)` this binary is empty on purpose: a plain
//! `cargo test` builds it, finds no test in it, and passes.
//!
//! A model has at most three threads of two or three operations on a ring of one or two slots. It declares the outcomes
//! it accepts and the least number of executions it must explore, so that a model that explores nothing is red.
#![cfg(ringway_loom)]

mod broadcast;
mod broadcast_multi;
mod channel;
mod dense;
mod displace;
mod explore;
mod lanes;
mod litmus;
mod mpmc;
mod pair;
mod seeded;
mod spsc;
mod steps;
mod task;
mod topic;
mod wait;
