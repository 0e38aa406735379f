//! Result files of `ringway bench` and of `benches/compare`: read, and what can be said of their figures.
//!
//! [`Run`] is one file. [`statistics`] turns rounds into medians and verdicts, [`rows`] finds who stands beside whom. Every
//! report takes its figures from here, so that no two say different things of one file.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

mod parse;
#[cfg(test)]
mod repeated;
pub(crate) mod rows;
pub(crate) mod statistics;

pub(crate) use rows::{Comparison, Figure, Row};
pub(crate) use statistics::{Ratio, Spread, Verdict};

use crate::harness::document::SCHEMA;
pub(crate) use crate::harness::{entries::Part, measure::Regime, rows::Calls};

/// Bytes of the longest file that is read.
const BYTES_MAX: u64 = 256 << 20;

/// One result file.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The program that measured.
    pub(crate) tool: String,
    /// What was typed.
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) version: String,
    /// How long it took.
    pub(crate) seconds: Option<f64>,
    pub(crate) rounds: Option<u64>,
    /// Whether it was to show that things work rather than how fast they are.
    pub(crate) is_quick: bool,
    /// What is known of the machine, by name.
    pub(crate) machine: BTreeMap<String, String>,
    /// What went on beside it, by name.
    pub(crate) disturbance: BTreeMap<String, String>,
    /// Why its figures can't stand beside those of another machine; empty if they can.
    pub(crate) not_comparable: Vec<String>,
    pub(crate) excluded: Vec<Excluded>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) latencies: Vec<Latency>,
    pub(crate) knees: Vec<Knee>,
    pub(crate) matrix: Option<Matrix>,
}

/// A cell that was left out although the contender has what the row asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Excluded {
    pub(crate) entry: String,
    pub(crate) row: String,
    pub(crate) reason: String,
}

/// A contender in a row: one figure for each round.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) row: String,
    pub(crate) group: String,
    pub(crate) entry: String,
    pub(crate) version: String,
    pub(crate) part: Part,
    /// By which calls it is used, in words.
    pub(crate) form: String,
    /// Whether it stands for ringway in its row.
    pub(crate) is_ours: bool,
    pub(crate) calls: Calls,
    pub(crate) producers: u64,
    pub(crate) consumers: u64,
    pub(crate) capacity: u64,
    pub(crate) payload: String,
    pub(crate) batch: u64,
    /// What one figure is: `ns an item`.
    pub(crate) unit: String,
    pub(crate) ns: Vec<Option<f64>>,
    /// As long as `ns`, or empty.
    pub(crate) p99_ns: Vec<Option<f64>>,
    /// The raw round trip of a cache line beside each sample; as long as `ns`, or empty.
    pub(crate) probe_ns: Vec<Option<f64>>,
    /// A letter for each round: see [`Regime::letter`].
    pub(crate) regimes: Vec<char>,
    /// CPU seconds burned in a second; as long as `ns`, or empty.
    pub(crate) cpu: Vec<Option<f64>>,
    /// Checks that failed.
    pub(crate) faults: Vec<String>,
    pub(crate) hangs: Vec<String>,
}

/// A whole distribution: of an open loop, or of round trips.
#[derive(Debug)]
pub(crate) struct Latency {
    /// Loads of one plan share it.
    pub(crate) cell: String,
    pub(crate) entry: String,
    pub(crate) part: Part,
    pub(crate) arrivals: String,
    /// Whether the next item waited for the one before: such a loop does not see what its own stalls held up.
    pub(crate) is_closed_loop: bool,
    /// Items a second.
    pub(crate) offered: Option<f64>,
    pub(crate) achieved: Option<f64>,
    /// Offered, of what the contender can take.
    pub(crate) load: Option<f64>,
    pub(crate) count: u64,
    /// Rounds that are not among them, because others had too much of a CPU.
    pub(crate) left_out: u64,
    /// ns by percentile, as named in the file (`99.9`, `max`); `None` where there were too few samples.
    pub(crate) percentiles: BTreeMap<String, Option<f64>>,
    /// Share of the samples, and ns that so many do not exceed; ascending.
    pub(crate) curve: Vec<(f64, f64)>,
    pub(crate) timeline: Vec<Moment>,
    /// The file beside this one that holds the histogram.
    pub(crate) hdr: Option<String>,
    /// Whether it is the same loop without a queue.
    pub(crate) is_jitter: bool,
}

/// A stretch of an open loop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) second: f64,
    pub(crate) p999_ns: f64,
    /// The longest pause that the loop without a queue saw meanwhile.
    pub(crate) jitter_ns: Option<f64>,
}

/// The highest offered load before latency runs away.
#[derive(Debug)]
pub(crate) struct Knee {
    pub(crate) entry: String,
    pub(crate) arrivals: String,
    /// Items a second.
    pub(crate) offered: f64,
    pub(crate) p99_ns: Option<f64>,
}

/// Round trips from CPU to CPU.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) cpus: Vec<u64>,
    /// A row for each CPU.
    pub(crate) ns: Vec<Vec<Option<f64>>>,
}

impl Run {
    /// Reads a file; else one line that says what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let refused = |what: &str| format!("{}: {what}", path.display());
        let mut text = String::new();
        let file = File::open(path).map_err(|error| refused(&error.to_string()))?;
        let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| refused(&error.to_string()))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(refused(&format!("more than {} MB: no result file", BYTES_MAX >> 20)));
        }
        Self::parse(&text).map_err(|what| refused(&what))
    }

    /// Whether a row is one load of many, `open-poisson 50 %`: its figures are those of a distribution.
    pub(crate) fn is_of_sweep(&self, row: &str) -> bool {
        let is_load = |rest: &str| rest.starts_with(' ') && rest.ends_with('%');
        let swept = self.latencies.iter().filter(|found| found.load.is_some());
        swept.filter_map(|found| row.strip_prefix(found.cell.as_str())).any(is_load)
    }

    /// Whether a row has peers.
    pub(crate) fn has_peers(&self, row: &str) -> bool {
        self.cells.iter().any(|cell| cell.row == row && matches!(cell.part, Part::Peer | Part::Spinner))
    }

    /// What tells it from other runs.
    pub(crate) fn name(&self) -> String {
        let commit = if self.commit.is_empty() { "unknown commit" } else { &self.commit };
        format!("{} {commit}, {}", self.tool, self.date).trim_end_matches(", ").to_owned()
    }
}

impl Latency {
    /// ns at a percentile, if the file has it and there were samples enough.
    pub(crate) fn at(&self, percentile: &str) -> Option<f64> {
        self.percentiles.get(percentile).copied().flatten()
    }
}
