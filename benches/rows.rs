//! The rows of `ringway bench` and of `benches/compare`, by criterion: the same definitions, contenders and loops, driven by
//! somebody else's statistics.
//!
//! `cargo bench --features cli --bench rows` runs every row by ringway's entries; `-- 'mpmc-2x2/'` those whose name holds the
//! text. A row is `row/entry`; its figure is the time for what the row counts. Each sample checks its stream, and one that
//! fails ends the run. What criterion asked for is also written to `target/bench/criterion.json`, with the distance of the CPUs
//! beside each sample, as the other two programs write it: `ringway report --agree` holds the three against each other.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::Path,
    time::Duration,
};

use core_affinity::CoreId;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

#[allow(dead_code, unused_imports, reason = "it serves several programs, and each has a use for its part")]
mod harness;
#[allow(dead_code, unused_imports, reason = "another program tells more of the machine")]
#[path = "../src/bin/ringway/machine/mod.rs"]
mod machine;

use harness::{
    document::{Document, Figures, Head},
    entries::{Entry, Part},
    facts::{Build, Facts, Watch},
    measure::{Job, Outcome, Sample},
    own,
    rows::{OWN_ROWS, ROWS, Row, Topology},
    schedule::{Results, Wanted},
};

/// Items of a sample at the least: fewer are over before the threads have met.
const ITEMS_MIN: u64 = 4096;
/// Samples shorter than this only learn how many items take [`BURST`].
const SHORTEST: Duration = Duration::from_millis(1);
/// How long a sample may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Samples of a row.
const SAMPLES: usize = 15;
/// How long one of them is to take: as long as most rows' bursts in the other programs. Longer ones see other caches.
const BURST: Duration = Duration::from_millis(8);

/// A contender in a row, and what was measured of it.
struct Measured {
    row: &'static Row,
    entry: Entry,
    /// Of each producer, a sample's. Not what criterion asks for: it counts in the threads' start, and would ask for too few.
    items: Cell<u64>,
    samples: RefCell<Vec<Option<Sample>>>,
}

fn main() {
    let facts = Facts::look(Build { rustc: "not shown".into(), flags: "cargo bench".into(), unfit: None });
    let facts = facts.unwrap_or_else(|why| panic!("{why}"));
    let (watch, all) = (Watch::start(), contenders());
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(BURST * SAMPLES as u32)
        .sample_size(SAMPLES)
        .configure_from_args();
    for measured in &all {
        let mut group = criterion.benchmark_group(measured.row.name);
        group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
        group.bench_function(BenchmarkId::from_parameter(measured.entry.name), |bencher| {
            bencher.iter_custom(|count| measured.sample(count, &facts.cores));
        });
        group.finish();
    }
    criterion.final_summary();
    write(&all, &facts, &watch);
}

/// ringway's entries of all rows whose figure is the time for so many of something.
fn contenders() -> Vec<Measured> {
    let is_counted = |row: &&Row| row.learns() && !matches!(row.topology, Topology::Wake | Topology::Send);
    let rows = ROWS.iter().chain(OWN_ROWS).filter(is_counted);
    let entries: Vec<Entry> = own::entries().into_iter().filter(|entry| entry.part == Part::Ours).collect();
    let of_row = |row: &'static Row| {
        let fitting: Vec<Entry> = entries.iter().filter(|entry| entry.fits(row)).copied().collect();
        let items = || Cell::new(ITEMS_MIN);
        fitting.into_iter().map(move |entry| Measured { row, entry, items: items(), samples: RefCell::default() })
    };
    rows.flat_map(of_row).collect()
}

impl Measured {
    /// The time for `count`, by a sample of about [`BURST`].
    fn sample(&self, count: u64, pins: &[CoreId]) -> Duration {
        let Self { row, entry, items: paced, samples } = self;
        let items = paced.get().next_multiple_of(row.batch as u64);
        let job = Job {
            pins: pins.to_vec(),
            items: [items; 2],
            // The ring has wrapped once.
            warm: row.capacity.max(1024) as u64,
            tight: row.topology == Topology::RoundTrip,
            sleeps: row.sleeps(),
            burst: row.burst,
            deadline: DEADLINE,
        };
        match (entry.run)(row, &job) {
            Outcome::Measured(sample) => {
                let time = Duration::from_nanos((sample.ns * count as f64) as u64);
                let wanted = items as f64 * BURST.as_nanos() as f64 / sample.elapsed_ns.max(1.0);
                paced.set((wanted as u64).max(ITEMS_MIN));
                if sample.elapsed_ns >= SHORTEST.as_nanos() as f64 {
                    samples.borrow_mut().push(Some(Sample { times: None, ..sample }));
                }
                time.max(Duration::from_nanos(1))
            }
            failed => panic!("{} by {}: {failed:?}", row.name, entry.name),
        }
    }
}

/// Writes what was measured, where the other programs write it.
fn write(all: &[Measured], facts: &Facts, watch: &Watch) {
    let version = |package: &str| (package == "ringway").then_some(env!("CARGO_PKG_VERSION"));
    let samples: Vec<_> = all.iter().map(|measured| measured.samples.borrow()).collect();
    let cells = all.iter().zip(&samples).filter(|(_, samples)| !samples.is_empty());
    let cells = cells.map(|(measured, samples)| Figures {
        name: measured.row.name.into(),
        group: measured.row.group(),
        unit: measured.row.unit(),
        row: measured.row,
        entry: &measured.entry,
        samples,
        faults: &[],
        hangs: &[],
    });
    let cells: Vec<_> = cells.map(|figures| figures.json(version)).collect();
    if cells.is_empty() {
        return;
    }
    let (wanted, disturbance) = (Wanted { rounds: SAMPLES, ..Wanted::default() }, watch.stop());
    let head = Head {
        tool: "criterion",
        command: "cargo bench --features cli --bench rows".into(),
        version: env!("CARGO_PKG_VERSION"),
        wanted: &wanted,
        facts,
        seconds: watch.seconds(),
        disturbance: &disturbance,
        unfit: &harness::document::unfit(facts, &disturbance, &Results::default(), &[], &wanted),
        excluded: &[],
    };
    let text = Document { head: head.json(), cells, ..Document::default() }.render();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../bench");
    fs::create_dir_all(&folder).expect("target can be written");
    fs::write(folder.join("criterion.json"), text).expect("target can be written");
}
