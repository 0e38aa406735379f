//! What the test binaries share. Each takes a part of it, hence the `dead_code`.
#![allow(dead_code)]

pub(crate) mod bomb;
pub(crate) mod calls;
pub(crate) mod child;
pub(crate) mod counted;
pub(crate) mod hints;
pub(crate) mod kinds;
pub(crate) mod model;
pub(crate) mod patience;
pub(crate) mod payload;
pub(crate) mod random;
pub(crate) mod runner;
pub(crate) mod wakes;
