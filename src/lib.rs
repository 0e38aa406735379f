#![doc = include_str!("../README.md")]
// docs.rs builds with a nightly, and says of each item which feature it takes.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(target_has_atomic = "64"))]
compile_error!("ringway counts items in 64-bit atomics, which this target does not have");

pub mod channel;
pub mod delivery;
pub mod docs;
pub mod engine;
pub mod ring;
pub mod router;
mod sync;
pub mod time;
pub mod wait;
pub mod worker;

pub use engine::Engine;

/// Misuse that must not compile, each beside a twin that does.
#[cfg(doctest)]
#[doc = include_str!("docs/misuse.md")]
pub struct Misuse;
