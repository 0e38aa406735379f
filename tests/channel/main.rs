//! What every channel promises, over kinds × strategies of waiting, and what went wrong in others.
//!
//! A theme is a file: generic tests, and the list of them in its macro. A kind signs the themes below, once with each strategy.
#![cfg(not(ringway_loom))]

#[path = "../support/mod.rs"]
mod support;

use std::thread;

use ringway::{
    channel::{Receiver, Sender, channel},
    ring::{Capacity, Kind},
    wait::Wait,
};

/// Stamps the themes for a kind, with each strategy.
macro_rules! channels {
    ($($kind:ident: $Kind:ty, $($theme:ident)*;)*) => {
        $(mod $kind {
            mod spin { $(crate::$theme::stamp! { $Kind, ringway::wait::Spin })* }
            mod relax { $(crate::$theme::stamp! { $Kind, ringway::wait::Relax })* }
            mod park { $(crate::$theme::stamp! { $Kind, ringway::wait::Park })* }
        })*
    };
}

/// A macro that stamps the tests of a theme, given a kind and a strategy.
macro_rules! theme {
    ($theme:ident: $($test:ident)*) => {
        macro_rules! stamp {
            ($Kind:ty, $Wait:ty) => {
                mod $theme {
                    $(#[test] fn $test() { crate::$theme::$test::<$Kind, $Wait>(); })*
                }
            };
        }
        pub(crate) use stamp;
    };
}

mod batches;
mod bounds;
mod calls;
mod closing;
mod displacing;
mod dying;
mod futures;
mod losing;
mod many;
mod model;
mod policies;
mod random_calls;
mod runs;
mod selecting;
mod shown;
mod sleeping;
mod traps;
mod waiting;

channels! {
    spsc: ringway::ring::spsc::Spsc, calls waiting closing closing_by_receiver batches losing;
    dense: ringway::ring::dense::Dense, calls waiting closing closing_by_receiver batches losing;
    lanes: ringway::ring::lanes::Lanes, calls waiting closing closing_by_receiver batches losing many;
    mpmc: ringway::ring::mpmc::Mpmc, calls waiting closing closing_by_receiver batches losing many displacing;
    broadcast: ringway::ring::broadcast::Broadcast, calls waiting closing batches losing;
    broadcast_multi: ringway::ring::broadcast_multi::BroadcastMulti, calls waiting closing batches losing many;
}

use closing::by_receiver as closing_by_receiver;

/// Both ends of a channel with so many slots.
#[track_caller]
fn ends<T, K: Kind<T>, W: Wait>(slots: usize) -> (Sender<T, K, W>, Receiver<T, K, W>) {
    channel(Capacity::exactly(slots)).expect("a power of two of slots")
}

/// Sends numbers from 0 on until the channel is full; returns how many went in.
fn fill<K: Kind<u64>, W: Wait>(tx: &mut Sender<u64, K, W>) -> u64 {
    (0..).take_while(|&number| tx.try_send(number).is_ok()).count() as u64
}

/// Runs `work` on a thread of its own, and returns what it returns.
fn beside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> thread::JoinHandle<R> {
    thread::spawn(work)
}
