//! Time as a parameter: a point in time is a number that the caller brings, and timers fire when they are told what time it is.
//!
//! Nothing here sleeps, and only [`Monotonic`] asks the machine. Whatever is built on `now` replays exactly: a test turns a
//! [`Manual`] clock, or passes numbers.
//!
//! * [`Instant`]: nanoseconds since a clock started.
//! * [`Clock`]: where the number comes from.
//! * [`Wheel`]: items that come back when their time has come, each scheduled, cancelled or fired in constant time.

pub(crate) mod ahead;
mod capacity;
mod clock;
mod instant;
pub(crate) mod slab;
pub(crate) mod timers;
mod wheel;

pub(crate) use self::{
    capacity::{boxed, checked},
    clock::AnyClock,
    instant::nanos,
};

pub use self::{
    capacity::CapacityError,
    clock::{Clock, Manual, Monotonic},
    instant::Instant,
    wheel::{Full, Timer, Wheel},
};
