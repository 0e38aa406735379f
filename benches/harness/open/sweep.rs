//! Runs open loops in rounds: every case once a round, and who goes first rotates.

use std::time::{Duration, Instant};

use core_affinity::CoreId;
use serde_json::{Value, json};

pub(crate) use super::knee::Point;
use super::{arrivals::Arrivals, distribution::Distribution, knee};
use crate::harness::{
    document::{Figures, rounded},
    entries::{Entry, OpenRun, Part},
    measure::{Job, Noted, Outcome, Plan, Sample},
    rows::{OPEN, Row},
    schedule::Progress,
};

/// How long a sample may take, beside its plan, before it counts as hung.
const DEADLINE: Duration = Duration::from_secs(20);
/// Hangs or faults after which a case is not tried again.
const FAILURES_MAX: usize = 2;
/// Items of a sample that shows how many an entry can take.
const CAPACITY_ITEMS: usize = 1 << 18;
/// Such samples; the median counts.
const CAPACITY_SAMPLES: usize = 5;
/// Tries of a round until one had its CPUs for itself.
const ATTEMPTS: usize = 2;
/// Items that go before those that are measured.
const WARM: std::ops::RangeInclusive<usize> = 16..=4096;
/// Time that a point of a timeline stands for.
const SLOT: Duration = Duration::from_millis(250);

/// One contender under one plan.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// As results write it; loads of one plan share it.
    pub(crate) cell: &'static str,
    /// What it tells about.
    pub(crate) group: &'static str,
    /// The contender.
    pub(crate) entry: Entry,
    /// How items come.
    pub(crate) arrivals: Arrivals,
    /// How many a second.
    pub(crate) offered: f64,
    /// That, of what the contender can take; where it was chosen so.
    pub(crate) load: Option<f64>,
    /// Items of a round.
    pub(crate) items: usize,
    /// How often it is measured.
    pub(crate) rounds: usize,
    /// Whether its course is kept.
    pub(crate) has_timeline: bool,
}

/// A case, measured.
#[derive(Debug)]
pub(crate) struct Course {
    /// What was run.
    pub(crate) case: Case,
    /// By round; `ns` is the median. `None` where there is no figure.
    pub(crate) samples: Vec<Option<Sample>>,
    /// All rounds together, but for those in which others had too much of a CPU.
    pub(crate) latencies: Distribution,
    /// Those rounds.
    pub(crate) left_out: usize,
    /// Items a second that came, by round.
    pub(crate) achieved: Vec<f64>,
    /// Of each slot: second, 99.9th percentile, the longest that others had the sender's CPU; ns.
    pub(crate) timeline: Vec<(f64, u64, u64)>,
    /// Streams that did not arrive whole.
    pub(crate) faults: Vec<String>,
    /// Samples that did not end.
    pub(crate) hangs: Vec<String>,
    /// Threads that hang inside a peer's call and use a CPU since.
    pub(crate) burning: usize,
    /// Time that its plans took.
    pub(crate) took: Duration,
}

/// Items a second that an entry can take: all are due at once, and each is noted as in the open loop.
///
/// # Errors
/// What became of the sample that failed.
pub(crate) fn capacity(entry: &Entry, pins: &[CoreId], samples: usize) -> Result<f64, Box<Outcome<Noted>>> {
    let plan = Plan::new(&vec![0; CAPACITY_ITEMS]);
    let mut rates = Vec::new();
    for _ in 0..samples.clamp(1, CAPACITY_SAMPLES) {
        match open(entry)(&OPEN, &plan, &job(entry, pins, plan.items(), Duration::ZERO)) {
            Outcome::Measured(noted) => rates.push(CAPACITY_ITEMS as f64 * 1e9 / last(&noted.came).max(1) as f64),
            failed => return Err(Box::new(failed)),
        }
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[rates.len() / 2])
}

/// Runs all cases.
pub(crate) fn run(cases: Vec<Case>, pins: &[CoreId], progress: &mut impl Progress) -> Vec<Course> {
    let all = cases.iter().map(|case| case.rounds).sum();
    let rounds = cases.iter().map(|case| case.rounds).max().unwrap_or(0);
    let mut courses: Vec<Course> = cases.into_iter().map(Course::new).collect();
    let (count, mut done) = (courses.len(), 0);
    for round in 0..rounds {
        for place in 0..count {
            let course = &mut courses[(place + round) % count];
            if round < course.case.rounds {
                progress.step(done, all, round, &course.case.row(), course.case.entry.name);
                done += 1;
                course.measure(pins);
            }
        }
    }
    courses
}

/// The load up to which each contender's latency holds, for each kind of arrivals: its name, theirs, and the point.
pub(crate) fn knees(courses: &[Course]) -> Vec<(&'static str, &'static str, Point)> {
    let mut knees = Vec::new();
    let is_swept = |course: &&Course| course.case.load.is_some() && !course.is_jitter() && course.latencies.count() > 0;
    let swept = || courses.iter().filter(is_swept);
    for course in swept() {
        let of = |course: &Course| (course.case.entry.name, course.case.arrivals.name());
        if knees.iter().any(|&(entry, arrivals, _)| (entry, arrivals) == of(course)) {
            continue;
        }
        let points: Vec<Point> = swept().filter(|other| of(other) == of(course)).map(Course::point).collect();
        if let Some(point) = knee::knee(&points) {
            knees.push((of(course).0, of(course).1, point));
        }
    }
    knees
}

impl Case {
    /// The name of its row: each load is one of its own.
    pub(crate) fn row(&self) -> String {
        self.load.map_or(self.cell.into(), |load| format!("{} {:.0} %", self.cell, load * 100.0))
    }
}

impl Course {
    fn new(case: Case) -> Self {
        Self {
            case,
            samples: Vec::new(),
            latencies: Distribution::new(),
            left_out: 0,
            achieved: Vec::new(),
            timeline: Vec::new(),
            faults: Vec::new(),
            hangs: Vec::new(),
            burning: 0,
            took: Duration::ZERO,
        }
    }

    /// One that can't be run, because of what became of a try.
    pub(crate) fn failed(case: Case, outcome: Outcome<Noted>) -> Self {
        let mut course = Self::new(case);
        course.keep(outcome);
        course.samples.resize_with(course.case.rounds, || None);
        course
    }

    /// Whether no stream was broken, and it did not hang for good, if it is ours.
    pub(crate) fn is_sound(&self) -> bool {
        let is_hung = self.hangs.len() >= FAILURES_MAX.min(self.case.rounds);
        self.faults.is_empty() && !(is_hung && self.case.entry.part == Part::Ours)
    }

    /// Whether there is no queue in it.
    pub(crate) fn is_jitter(&self) -> bool {
        self.case.entry.part == Part::Ceiling
    }

    fn measure(&mut self, pins: &[CoreId]) {
        if self.faults.len() + self.hangs.len() >= FAILURES_MAX {
            self.samples.push(None);
            return;
        }
        let Case { entry, arrivals, offered, items, has_timeline, .. } = &self.case;
        let due = arrivals.due(*items, *offered);
        let (plan, job) = (Plan::new(&due), job(entry, pins, *items as u64, Duration::from_nanos(last(&due))));
        let start = Instant::now();
        let mut outcome = open(entry)(&OPEN, &plan, &job);
        for _ in 1..ATTEMPTS {
            // A course over time is to show what the machine does.
            if *has_timeline || !matches!(&outcome, Outcome::Measured(noted) if noted.sample.is_disturbed()) {
                break;
            }
            outcome = open(entry)(&OPEN, &plan, &job);
        }
        self.took += start.elapsed();
        self.keep(outcome);
    }

    fn keep(&mut self, outcome: Outcome<Noted>) {
        match outcome {
            Outcome::Measured(noted) => return self.note(noted),
            Outcome::Fault(what) => self.faults.push(what),
            Outcome::Hung { what, burning, .. } => {
                self.hangs.push(what);
                self.burning += burning;
            }
        }
        self.samples.push(None);
    }

    fn note(&mut self, noted: Noted) {
        let latencies = Distribution::between(&noted.due, &noted.came);
        if noted.sample.is_disturbed() && !self.case.has_timeline {
            self.left_out += 1;
        } else {
            self.latencies.merge(&latencies);
        }
        // The plan's rate, stretched by as much as the last item came late.
        self.achieved.push(self.case.offered * last(&noted.due) as f64 / last(&noted.came).max(1) as f64);
        if self.case.has_timeline {
            self.timeline.extend(timeline(&noted));
        }
        let [ns, p99_ns] = [50.0, 99.0].map(|percent| latencies.percentile(percent) as f64);
        self.samples.push(Some(Sample { ns, p99_ns: Some(p99_ns), ..noted.sample }));
    }

    /// Items a second that came, on the whole.
    fn achieved(&self) -> Option<f64> {
        let mut rates = self.achieved.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }

    fn point(&self) -> Point {
        let p99_ns = self.latencies.percentile(99.0) as f64;
        Point { offered: self.case.offered, achieved: self.achieved().unwrap_or(0.0), p99_ns }
    }

    /// The name of its histogram's file.
    pub(crate) fn file(&self) -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
        let name: String = format!("{} {}", self.case.row(), self.case.entry.name).chars().map(plain).collect();
        let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
        parts.join("-") + ".hdr"
    }

    /// The whole distribution, as results hold it; `hdr` is the file beside them that has it, too.
    pub(crate) fn latency(&self, hdr: Option<String>) -> Value {
        let Case { cell, entry, arrivals, offered, load, .. } = &self.case;
        let timeline = self.timeline.iter().map(|&(second, p999, jitter)| json!([second, p999, jitter]));
        let mut latency = json!({
            "cell": cell, "entry": entry.name, "part": entry.part.name(), "arrivals": arrivals.name(),
            "closed_loop": false, "offered": rounded(*offered), "achieved": self.achieved().map(rounded), "load": load,
            "count": self.latencies.count(), "left_out": self.left_out,
            "percentiles": self.latencies.percentiles(), "curve": self.latencies.curve(),
            "timeline": timeline.collect::<Vec<_>>(), "hdr": hdr,
        });
        if self.is_jitter() {
            latency["jitter"] = json!(true);
        }
        latency
    }

    /// The figures by round.
    pub(crate) fn figures(&self) -> Figures<'_> {
        let Case { group, entry, .. } = &self.case;
        Figures {
            name: self.case.row(),
            group,
            unit: "ns from the due time, p50",
            row: &OPEN,
            entry,
            samples: &self.samples,
            faults: &self.faults,
            hangs: &self.hangs,
        }
    }
}

fn open(entry: &Entry) -> OpenRun {
    entry.open.expect("who runs open loops says how")
}

fn job(entry: &Entry, pins: &[CoreId], items: u64, span: Duration) -> Job {
    let warm = (items as usize / 10).clamp(*WARM.start(), *WARM.end()).min(items as usize) as u64;
    let pins = pins.to_vec();
    Job {
        pins,
        items: [items; 2],
        warm,
        tight: true,
        sleeps: entry.sleeps(),
        burst: span,
        deadline: span * 2 + DEADLINE,
    }
}

/// The points of a course, each of the items that were due in its slot.
fn timeline(noted: &Noted) -> Vec<(f64, u64, u64)> {
    let slot = |ns: u64| ns / SLOT.as_nanos() as u64;
    let count = slot(last(&noted.due)) as usize + 1;
    let mut slots = vec![(Distribution::new(), 0); count];
    for (due, came) in noted.due.iter().zip(&noted.came) {
        slots[slot(*due) as usize].0.record(*due, *came);
    }
    for &(at, gap) in &noted.gaps {
        if let Some((_, longest)) = slots.get_mut(slot(at) as usize) {
            *longest = gap.max(*longest);
        }
    }
    let point = |(nth, (latencies, gap)): (usize, &(Distribution, u64))| {
        (nth as f64 * SLOT.as_secs_f64(), latencies.percentile(99.9), *gap)
    };
    slots.iter().enumerate().filter(|(_, slot)| slot.0.count() > 0).map(point).collect()
}

fn last(times: &[u64]) -> u64 {
    times.last().copied().unwrap_or(0)
}
