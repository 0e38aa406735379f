//! Pages about the crate as a whole; no code.

#[doc = include_str!("ordering.md")]
pub mod ordering {}

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("moving.md")]
pub mod moving {}

#[doc = include_str!("changelog.md")]
pub mod changelog {}
