//! The engine from the outside: what goes in is handled, dropped by a policy that says so, or handed back, whatever handlers
//! do.
#![cfg(not(ringway_loom))]

mod asking;
#[cfg(feature = "async")]
mod call_futures;
mod calls;
mod closing;
mod config;
mod contracts;
mod dead_letters;
mod deliveries;
mod delivery_ledger;
mod ledger;
mod obedient;
mod panics;
mod stages;
mod taking_in;
mod threads;

use std::{
    panic,
    sync::Once,
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    router::{Queue, shard_of},
    worker::{Polled, Worker},
};

/// What the handlers of these tests panic with, which is not printed.
const BOOM: &str = "boom";

/// Keeps the panics that are meant out of the output.
fn quiet_booms() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<&str>() != Some(&BOOM) {
                print(info);
            }
        }));
    });
}

/// An engine of which the test turns the workers.
fn by_hand(workers: usize) -> (Engine, Vec<Worker>) {
    quiet_booms();
    let engine = Engine::builder().workers(workers).by_hand().start().unwrap();
    let workers = engine.take_workers();
    (engine, workers)
}

/// Polls until nothing is there.
fn poll_all(workers: &mut [Worker]) -> usize {
    let mut handled = 0;
    loop {
        let before = handled;
        for worker in workers.iter_mut() {
            if let Polled::Handled(items) = worker.poll() {
                handled += items;
            }
        }
        if handled == before {
            return handled;
        }
    }
}

/// Puts 1000 into the second of two shards, and has the worker turn four times, each time with a new item in the first.
fn keep_the_first_shard_busy(jobs: &Queue<u64>, worker: &mut Worker) {
    let key_of = |shard| (0_u64..).find(|key| shard_of(key, 2) == shard).unwrap();
    let mut publisher = jobs.publisher();
    publisher.publish(&key_of(1), 1000).unwrap();
    for item in 0..4 {
        publisher.publish(&key_of(0), item).unwrap();
        worker.poll();
    }
}

/// Lets others run until `is_so`; fails after a time that nothing here should take.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        std::thread::yield_now();
    }
}
