//! The rounds: every cell once a round, neighbours in time, and nobody always first.

use std::time::Duration;

use core_affinity::CoreId;

use crate::harness::{
    entries::{Entry, Exclusion, Part},
    measure::{Job, Outcome, Regime, Sample},
    open::distribution::Distribution,
    rows::{PACE, Row, Topology},
};

/// How long a sample may take, beside the burst, before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(20);
/// Hangs after which a cell is not tried again.
const HANGS_MAX: usize = 2;
/// Faults after which a cell is not tried again.
const FAULTS_MAX: usize = 5;
/// Items of the first burst, which only shows how many the next should have.
const ITEMS_FIRST: u64 = 4096;
/// Bursts that are tried until one is long enough and had its CPUs for itself.
const ATTEMPTS: usize = 2;
/// Limits of a burst.
const ITEMS: std::ops::RangeInclusive<u64> = 64..=1 << 26;
/// The same where every item may have to wake somebody.
const ITEMS_FIRST_ASLEEP: u64 = 64;
/// Round trips that go before those that are measured.
const TRIPS_WARM: u64 = 512;
/// The same where every item may have to wake somebody.
const ITEMS_WARM_ASLEEP: u64 = 16;

/// The name that every peer has.
pub(crate) const ALL: &str = "all";

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Substrings of names or groups of rows; empty for all.
    pub(crate) only: Vec<String>,
    /// Substrings of peer names, or [`ALL`]; empty for all in rounds, and for the usual ones in open loops.
    pub(crate) peers: Vec<String>,
    /// How often each cell is measured.
    pub(crate) rounds: usize,
    /// Short samples.
    pub(crate) quick: bool,
}

/// Who is told how far the run is.
pub(crate) trait Progress {
    /// So many cells of all are behind us; the next one is in that round, of that row and contender.
    fn step(&mut self, done: usize, all: usize, round: usize, row: &str, entry: &str);
}

/// One contender in one row.
#[derive(Debug)]
pub(crate) struct Cell {
    /// The contender.
    pub(crate) entry: Entry,
    /// By round; `None` where there is no figure.
    pub(crate) samples: Vec<Option<Sample>>,
    /// Streams that did not arrive whole.
    pub(crate) faults: Vec<String>,
    /// Samples that did not end.
    pub(crate) hangs: Vec<String>,
    /// All times of all rounds, where samples have many; but for rounds in which others had too much of a CPU.
    pub(crate) times: Option<Distribution>,
    /// Set when the cell is not tried any more.
    given_up: bool,
    pace: Pace,
}

/// One row, measured.
#[derive(Debug)]
pub(crate) struct RowResult {
    /// The workload.
    pub(crate) row: &'static Row,
    /// Who ran it.
    pub(crate) cells: Vec<Cell>,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// By row.
    pub(crate) rows: Vec<RowResult>,
    /// Cells that were left out by decision.
    pub(crate) excluded: Vec<Exclusion>,
    /// Threads that hang inside a peer's call and use a CPU since: what came after them is not comparable.
    pub(crate) burning: usize,
}

/// How many items make a burst, near and far.
#[derive(Debug, Clone, Copy)]
struct Pace {
    items: [u64; 2],
    known: [bool; 2],
    /// Items of one call: a burst has whole ones only.
    step: u64,
    /// The row says how many.
    fixed: bool,
}

impl Results {
    /// Whether the run can be trusted as a test: no stream was broken, and ringway did not hang.
    pub(crate) fn is_sound(&self) -> bool {
        let mut cells = self.rows.iter().flat_map(|row| &row.cells);
        cells.all(|cell| cell.faults.is_empty() && (cell.entry.part != Part::Ours || !cell.is_hung()))
    }
}

impl Wanted {
    /// Whether that row was asked for.
    pub(crate) fn has(&self, row: &Row) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| row.is_called(part))
    }

    /// Whether that contender was asked for; ringway and the ceilings always are.
    pub(crate) fn has_entry(&self, entry: &Entry) -> bool {
        let is_peer = matches!(entry.part, Part::Peer | Part::Spinner);
        let is_meant = |part: &String| part == ALL || entry.name.contains(part.as_str());
        !is_peer || self.peers.is_empty() || self.peers.iter().any(is_meant)
    }
}

/// Rows and contenders that were asked for; rows that nobody runs are left out.
pub(crate) fn plan(
    rows: impl IntoIterator<Item = &'static Row>,
    entries: &[Entry],
    exclusions: &[Exclusion],
    wanted: &Wanted,
) -> Results {
    let mut results = Results::default();
    for row in rows.into_iter().filter(|row| wanted.has(row)) {
        let mut cells = Vec::new();
        for entry in entries.iter().filter(|entry| entry.fits(row) && wanted.has_entry(entry)) {
            match exclusions.iter().find(|excluded| excluded.entry == entry.name && excluded.row == row.name) {
                Some(exclusion) => results.excluded.push(*exclusion),
                None => cells.push(Cell::new(*entry, row, wanted.quick)),
            }
        }
        if !cells.is_empty() {
            results.rows.push(RowResult { row, cells });
        }
    }
    results
}

/// Runs what was planned.
pub(crate) fn run(results: &mut Results, wanted: &Wanted, pins: &[CoreId], progress: &mut impl Progress) {
    let rounds = |row: &Row| (0..=wanted.rounds).filter(|&round| row.has_round(round, wanted.quick)).count();
    let all = results.rows.iter().map(|row| row.cells.len() * rounds(row.row)).sum();
    let mut done = 0;
    // The first round only learns how many items a burst needs: nothing of it is kept.
    for round in 0..=wanted.rounds {
        let Results { rows, burning, .. } = &mut *results;
        for (nth, RowResult { row, cells }) in rows.iter_mut().enumerate() {
            if !row.has_round(round, wanted.quick) {
                continue;
            }
            let count = cells.len();
            for place in 0..count {
                let cell = &mut cells[(place + round + nth) % count];
                progress.step(done, all, round, row.name, cell.entry.name);
                done += 1;
                *burning += cell.measure(row, pins, wanted.quick);
                if round == 0 {
                    cell.samples.clear();
                    cell.times = None;
                }
            }
        }
    }
}

impl Cell {
    /// Whether it hung for good. A single sample that came to no end, while those after it did, was slow: it is told, but a
    /// machine that others use does that, too.
    pub(crate) fn is_hung(&self) -> bool {
        self.given_up && !self.hangs.is_empty()
    }

    fn new(entry: Entry, row: &Row, quick: bool) -> Self {
        let items = match row.topology {
            Topology::Idle | Topology::IdleWait => 1,
            Topology::Paced => (row.burst(quick).as_nanos() / PACE.as_nanos()) as u64,
            Topology::Wake => ITEMS_FIRST_ASLEEP,
            Topology::RoundTrip if row.sleeps() => ITEMS_FIRST_ASLEEP,
            _ => ITEMS_FIRST / row.producers as u64,
        };
        let pace = Pace { items: [items; 2], known: [false; 2], step: row.batch as u64, fixed: !row.learns() };
        let times = None;
        Self { entry, samples: Vec::new(), times, faults: Vec::new(), hangs: Vec::new(), given_up: false, pace }
    }

    /// Takes a sample; returns how many threads it left behind that use a CPU.
    fn measure(&mut self, row: &Row, pins: &[CoreId], quick: bool) -> usize {
        let burst = row.burst(quick);
        let (mut last, mut burning) = (None, 0);
        for _ in 0..ATTEMPTS {
            if self.given_up {
                break;
            }
            let (sample, left_behind) = self.attempt(row, pins, quick);
            burning += left_behind;
            last = sample;
            let Some(sample) = &last else { break };
            self.pace.learn(sample, burst);
            // A regime that was only guessed at may turn out too short to say anything.
            if sample.elapsed_ns >= burst.as_nanos() as f64 / 4.0 && !sample.is_disturbed() {
                break;
            }
        }
        if let Some(sample) = &mut last
            && let Some(times) = sample.times.take()
            && !sample.is_disturbed()
        {
            self.times.get_or_insert_with(Distribution::new).merge(&times);
        }
        self.samples.push(last);
        burning
    }

    /// One sample; and how many threads it left behind that use a CPU.
    fn attempt(&mut self, row: &Row, pins: &[CoreId], quick: bool) -> (Option<Sample>, usize) {
        let closed_loop = row.topology == Topology::RoundTrip;
        let warm = match row.topology {
            Topology::Idle | Topology::IdleWait => 0,
            Topology::Wake | Topology::Paced => ITEMS_WARM_ASLEEP,
            Topology::RoundTrip if row.sleeps() => ITEMS_WARM_ASLEEP,
            Topology::RoundTrip => TRIPS_WARM,
            _ => row.capacity.max(1024) as u64 / row.producers as u64,
        };
        let burst = row.burst(quick);
        let deadline = burst + DEADLINE;
        let (pins, sleeps, items) = (pins.to_vec(), row.sleeps(), self.pace.items);
        let job = Job { pins, items, warm, tight: closed_loop, sleeps, burst, deadline };
        match (self.entry.run)(row, &job) {
            Outcome::Measured(sample) => (Some(sample), 0),
            Outcome::Fault(what) => {
                self.faults.push(what);
                self.given_up |= self.faults.len() >= FAULTS_MAX;
                (None, 0)
            }
            Outcome::Hung { what, stuck, burning } => {
                self.hangs.push(what);
                // A thread that never came back is proof enough; a slow sample gets another chance.
                self.given_up |= stuck > 0 || self.hangs.len() >= HANGS_MAX;
                (None, burning)
            }
        }
    }
}

impl Pace {
    fn learn(&mut self, sample: &Sample, burst: Duration) {
        if self.fixed {
            return;
        }
        // The first probe chose the number of items, whatever happened after it.
        let regime = Regime::of(sample.probes[0]);
        let (here, there) = (regime as usize, 1 - regime as usize);
        let burst_ns = burst.as_nanos() as f64;
        let fits = (burst_ns / 2.0..burst_ns * 2.0).contains(&sample.elapsed_ns);
        if fits && self.known[here] {
            return;
        }
        let wanted = self.items[here] as f64 * burst_ns / sample.elapsed_ns.max(1.0);
        self.items[here] = self.burst(wanted as u64);
        self.known[here] = true;
        if !self.known[there] {
            // Far costs the common rings three to ten times near; the first sample there will tell.
            let guess = if regime == Regime::Near { self.items[here] / 5 } else { self.items[here] * 3 };
            self.items[there] = self.burst(guess);
        }
    }

    fn burst(&self, items: u64) -> u64 {
        items.clamp(*ITEMS.start(), *ITEMS.end()).next_multiple_of(self.step)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::{Cell, Progress, Wanted, plan, run};
    use crate::harness::{
        document,
        entries::peer,
        measure::{Job, Outcome, Sample},
        open::distribution::Distribution,
        rows::{ROWS, Row, Topology},
    };

    struct Silent;

    impl Progress for Silent {
        fn step(&mut self, _done: usize, _all: usize, _round: usize, _row: &str, _entry: &str) {}
    }

    /// One round trip; others have the CPU in both tries of the second round.
    fn trip(_row: &Row, _job: &Job) -> Outcome {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        // ORDER: Relaxed; one thread counts.
        let nth = TAKEN.fetch_add(1, Ordering::Relaxed);
        let elapsed_ns = Duration::from_secs(1).as_nanos() as f64;
        let taken = if matches!(nth, 2 | 3) { 0.5 } else { 0.0 };
        let times = Some(Box::new(Distribution::between(&[0], &[100])));
        Outcome::Measured(Sample { ns: 100.0, p99_ns: None, elapsed_ns, probes: [100.0; 2], taken, cpu: None, times })
    }

    #[test]
    fn a_distribution_leaves_out_rounds_in_which_others_had_the_cpu() {
        let row = ROWS.iter().filter(|row| row.name == "ping-pong");
        let entry = peer("one", "", "", &[Topology::RoundTrip], trip);
        let wanted = Wanted { rounds: 3, ..Wanted::default() };
        let mut results = plan(row, &[entry], &[], &wanted);
        run(&mut results, &wanted, &[], &mut Silent);
        let Cell { samples, times, .. } = &results.rows[0].cells[0];
        assert_eq!((samples.len(), times.as_ref().map(Distribution::count)), (3, Some(2)));
        let latency = &document::latencies(&results)[0];
        assert_eq!((&latency["count"], &latency["left_out"]), (&2.into(), &1.into()));
    }
}
