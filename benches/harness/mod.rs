//! How everything here is measured: the one harness of `ringway bench` and of `benches/compare`, which adds the peers.
//!
//! `rows` says what is run, `entries` by whom, `own` what only ringway has, `adapters` how ringway is asked; `measure` takes
//! one sample, `schedule` takes them in rounds, `open` runs open loops, `facts` tells about the machine, `document` writes
//! JSON.
//!
//! Both programs include this folder as `crate::harness`, beside `crate::machine`, which reads what a machine says of itself.

pub(crate) mod adapters;
pub(crate) mod document;
pub(crate) mod entries;
pub(crate) mod facts;
pub(crate) mod measure;
pub(crate) mod open;
pub(crate) mod own;
pub(crate) mod queue;
pub(crate) mod rows;
pub(crate) mod schedule;
pub(crate) mod threads;
