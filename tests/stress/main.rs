//! Every kind under real threads: order, conservation, exact ends, and nobody left waiting.
//!
//! Each test is sized by [`load`], so that it takes a second or two on two cores, also where a sanitizer slows everything
//! down; none is skipped. Waiting threads yield. What a test draws at random it draws from a seed that a failure prints.
#![cfg(not(ringway_loom))]

#[path = "../support/mod.rs"]
mod support;

mod audience;
mod channels;
mod displacing;
mod endings;
mod histories;
mod linear;
mod looking;
mod traffic;

use std::{
    env,
    sync::{Arc, Barrier, OnceLock},
    thread,
};

/// `full` under normal conditions; a fraction of it under a sanitizer, which says so by `cfg(ringway_tsan)` or by
/// `RINGWAY_STRESS_DIVISOR`.
fn load(full: u64) -> u64 {
    static DIVISOR: OnceLock<u64> = OnceLock::new();
    let divisor = DIVISOR.get_or_init(|| match env::var("RINGWAY_STRESS_DIVISOR") {
        Ok(text) => text.parse().expect("RINGWAY_STRESS_DIVISOR is a number"),
        Err(_) if cfg!(ringway_tsan) => 20,
        Err(_) => 1,
    });
    (full / divisor).max(full.min(16))
}

/// Threads that start at once, each with what it returns, or how it died.
struct Crew<R> {
    start: Arc<Barrier>,
    members: Vec<thread::JoinHandle<R>>,
}

impl<R: Send + 'static> Crew<R> {
    /// For exactly so many members.
    fn of(members: usize) -> Self {
        Self { start: Arc::new(Barrier::new(members)), members: Vec::new() }
    }

    fn add(&mut self, work: impl FnOnce() -> R + Send + 'static) {
        let start = Arc::clone(&self.start);
        self.members.push(thread::spawn(move || {
            start.wait();
            work()
        }));
    }

    /// What each returned; fails if one panicked.
    fn finish(self) -> Vec<R> {
        self.members.into_iter().map(|member| member.join().expect("nobody was to die")).collect()
    }

    /// What those returned that did not die.
    fn survivors(self) -> Vec<R> {
        self.members.into_iter().filter_map(|member| member.join().ok()).collect()
    }
}

/// Stamps the tests of a theme for a kind.
macro_rules! stamp {
    ($kind:ident: $Kind:ident; $($test:ident)*) => {
        mod $kind {
            use super::*;
            $(#[test] fn $test() { super::$test::<$Kind>(); })*
        }
    };
}
use stamp;
