//! Where the run is, on standard error.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::harness::schedule;

/// Seconds between two lines of progress where lines can't be overwritten.
const SECONDS: u64 = 10;

/// Says on stderr where the run is.
pub(crate) struct Progress {
    start: Instant,
    said: Instant,
    rounds: usize,
    overwrite: bool,
}

impl Progress {
    /// Starts with nothing done.
    pub(crate) fn new(rounds: usize) -> Self {
        let now = Instant::now();
        Self { start: now, said: now, rounds, overwrite: io::stderr().is_terminal() }
    }
}

impl schedule::Progress for Progress {
    fn step(&mut self, done: usize, all: usize, round: usize, row: &str, entry: &str) {
        let quiet = if self.overwrite { 0 } else { SECONDS };
        if self.said.elapsed() < Duration::from_secs(quiet) {
            return;
        }
        self.said = Instant::now();
        let (spent, rounds) = (self.start.elapsed().as_secs_f64(), self.rounds);
        let left = spent / done.max(1) as f64 * (all - done) as f64;
        let line = format!("round {round} of {rounds}, {row}: {entry}; {spent:.0} s spent, about {left:.0} s to go");
        // Nothing depends on the line; stderr may be closed.
        let _ = match self.overwrite {
            true => write!(io::stderr(), "\r\x1b[2K{line}"),
            false => writeln!(io::stderr(), "{line}"),
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.overwrite {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
