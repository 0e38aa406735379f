//! The threads of one sample, from pinning to the last stop.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use core_affinity::CoreId;

use super::{
    check::Tally,
    gate::{Gate, Retry},
    probe::Lines,
};
use crate::harness::threads;

/// A round trip from which on two CPUs count as far from each other. The two regimes seen are near 120 and near 550 ns.
pub(crate) const FAR_NS: f64 = 200.0;
/// How long an aborted sample may take to come home before its threads are given up.
const GRACE: Duration = Duration::from_secs(1);
/// How long threads that were given up are watched for whether they still run.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// How far from each other the two CPUs were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Regime {
    /// A round trip of less than [`FAR_NS`].
    Near,
    /// More.
    Far,
}

impl Regime {
    /// Both, in the order of the report.
    pub(crate) const ALL: [Self; 2] = [Self::Near, Self::Far];

    /// The regime of a round trip.
    pub(crate) fn of(round_trip_ns: f64) -> Self {
        if round_trip_ns < FAR_NS { Self::Near } else { Self::Far }
    }

    /// As a report writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }

    /// The letter that stands for it in results; other letters are rounds that were left out.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Near => 'n',
            Self::Far => 'f',
        }
    }
}

/// What a sample is to do.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The CPUs, by seat, over and over.
    pub(crate) pins: Vec<CoreId>,
    /// Items of each producer, near and far: a burst of the same length needs a number for each.
    pub(crate) items: [u64; 2],
    /// Items of each producer that go through before, unmeasured: memory touched, branches learnt, ring wrapped.
    pub(crate) warm: u64,
    /// Poll without a pause.
    pub(crate) tight: bool,
    /// Its threads may sleep: a CPU that they do not use is not one that others use.
    pub(crate) sleeps: bool,
    /// How long the burst should take, where that is the row's to say.
    pub(crate) burst: Duration,
    /// How long the whole sample may take.
    pub(crate) deadline: Duration,
}

/// What a role is told of the phase that it is to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phase<'g> {
    /// 0 to warm up, 1 to be timed.
    pub(crate) index: usize,
    /// The first place in each stream.
    pub(crate) first: u64,
    /// Items of each producer.
    pub(crate) items: u64,
    /// What to do after a failed try.
    pub(crate) retry: Retry<'g>,
}

/// What one thread does in a phase. Called by pointer, once a phase; its loops inside are static.
pub(crate) type Role = Box<dyn FnMut(&Phase<'_>) -> Tally + Send>;

/// What became of a sample.
#[derive(Debug)]
pub(crate) enum End {
    /// It went through.
    Ran(Ran),
    /// It did not come to its end before the deadline.
    Hung {
        /// Items that had been taken.
        taken: u64,
        /// Whether some of them were out of order: then items were lost, and waiting for them was in vain.
        disorder: bool,
        /// Threads that did not even return from the call they were in.
        stuck: usize,
        /// Those of them that use a CPU there.
        burning: usize,
    },
    /// A thread panicked.
    Panicked(String),
}

/// A sample that went through.
#[derive(Debug)]
pub(crate) struct Ran {
    /// From the first start to the last stop.
    pub(crate) elapsed: Duration,
    /// ns of a raw round trip, before and after.
    pub(crate) probes: [f64; 2],
    /// Items of each producer, by phase.
    pub(crate) items: [u64; 2],
    /// What each seat saw, by phase.
    pub(crate) tallies: Vec<[Tally; 2]>,
    /// The share of the time that others had one of the CPUs, where they had most.
    pub(crate) taken: f64,
    /// CPU time of each seat.
    pub(crate) busy: Vec<Duration>,
}

/// What the threads of a sample share.
#[derive(Debug)]
struct Shared {
    job: Job,
    gate: Gate,
    lines: Lines,
    /// The first probe, as bits: it decides how many items the burst has.
    probed: AtomicU64,
    /// The first two seats probe. A lone seat can't, and its probe is made around it.
    probing: bool,
    /// The threads, by seat, as /proc knows them.
    threads: Vec<AtomicU32>,
}

/// What one thread brings home.
#[derive(Debug, Default)]
struct Report {
    tallies: [Tally; 2],
    items: [u64; 2],
    span: Option<(Instant, Instant)>,
    /// CPU time inside the span.
    busy: Duration,
    /// Time inside the span that was spent waiting for a CPU; as far as the kernel says so.
    queued: Duration,
    probes: [f64; 2],
}

/// Runs the roles, each on a thread and a CPU of its own, or CPUs shared out if they are fewer.
pub(crate) fn run(roles: Vec<Role>, job: &Job) -> End {
    if roles.len() > 1 {
        return run_threads(roles, job, None);
    }
    let no_probe = End::Hung { taken: 0, disorder: false, stuck: 0, burning: 0 };
    let Some(before) = probe_alone(job) else { return no_probe };
    let mut end = run_threads(roles, job, Some(before));
    if let End::Ran(ran) = &mut end {
        let Some(after) = probe_alone(job) else { return no_probe };
        ran.probes = [before, after];
    }
    end
}

/// A probe with two threads of its own.
fn probe_alone(job: &Job) -> Option<f64> {
    let roles: Vec<Role> = (0..2).map(|_| Box::new(|_: &Phase<'_>| Tally::default()) as Role).collect();
    match run_threads(roles, job, None) {
        End::Ran(ran) => Some(ran.probes[0]),
        _ => None,
    }
}

fn run_threads(roles: Vec<Role>, job: &Job, probed: Option<f64>) -> End {
    let seats = roles.len();
    let shared = Arc::new(Shared {
        job: job.clone(),
        gate: Gate::new(seats, seats > job.pins.len()),
        lines: Lines::default(),
        probed: AtomicU64::new(probed.unwrap_or_default().to_bits()),
        probing: seats > 1,
        threads: (0..seats).map(|_| AtomicU32::new(0)).collect(),
    });
    let (home, arrivals) = mpsc::channel();
    let threads: Vec<_> = roles
        .into_iter()
        .enumerate()
        .map(|(seat, role)| {
            let (shared, home) = (Arc::clone(&shared), home.clone());
            thread::spawn(move || sit(seat, role, &shared, &home))
        })
        .collect();
    drop(home);

    let Some(reports) = await_reports(&arrivals, &shared, seats) else {
        // Their threads are in a call that does not return. There is no way to end a thread, so they are left behind.
        let stuck = threads.iter().zip(&shared.threads).filter(|(thread, _)| !thread.is_finished());
        // ORDER: Relaxed; each was set long ago.
        let stuck: Vec<_> = stuck.map(|(_, id)| id.load(Ordering::Relaxed)).collect();
        return End::Hung { taken: 0, disorder: false, stuck: stuck.len(), burning: burning(&stuck) };
    };
    for thread in threads {
        // Each has reported, and a panic of a role was caught: there is nothing left to fail or to wait for.
        let _ = thread.join();
    }
    conclude(reports, job)
}

/// How many of the threads use a CPU.
fn burning(threads: &[u32]) -> usize {
    let times = || threads.iter().map(|&thread| threads::run_and_wait(thread).map(|(run, _)| run)).collect::<Vec<_>>();
    let before = times();
    thread::sleep(LAST_LOOK);
    let burns = |(before, after)| matches!((before, after), (Some(before), Some(after)) if after > before);
    before.into_iter().zip(times()).filter(|&pair| burns(pair)).count()
}

/// Collects what the threads bring home, sending them home at the deadline; `None` if some do not come even then.
fn await_reports(
    arrivals: &Receiver<(usize, Result<Report, String>)>,
    shared: &Shared,
    seats: usize,
) -> Option<Vec<Result<Report, String>>> {
    let mut reports: Vec<Option<Result<Report, String>>> = (0..seats).map(|_| None).collect();
    let mut until = Instant::now() + shared.job.deadline;
    for _ in 0..seats {
        let (seat, report) = loop {
            match arrivals.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(arrival) => break arrival,
                Err(RecvTimeoutError::Timeout) if !shared.gate.is_aborted() => {
                    shared.gate.abort();
                    until = Instant::now() + GRACE;
                }
                Err(_) => return None,
            }
        };
        reports[seat] = Some(report);
    }
    reports.into_iter().collect()
}

fn conclude(reports: Vec<Result<Report, String>>, job: &Job) -> End {
    let mut complete = Vec::with_capacity(reports.len());
    for report in reports {
        match report {
            Ok(report) => complete.push(report),
            Err(message) => return End::Panicked(message),
        }
    }
    let spans: Option<Vec<(Instant, Instant)>> = complete.iter().map(|report| report.span).collect();
    let Some(elapsed) = spans.and_then(|spans| length(spans.into_iter())) else {
        let tallies = || complete.iter().flat_map(|report| &report.tallies);
        let disorder = tallies().any(|tally| tally.disorder != 0);
        return End::Hung { taken: tallies().map(|tally| tally.count).sum(), disorder, stuck: 0, burning: 0 };
    };
    End::Ran(Ran {
        elapsed,
        probes: complete[0].probes,
        items: complete[0].items,
        taken: (0..job.pins.len()).map(|cpu| taken(&complete, cpu, job)).fold(0.0, f64::max),
        busy: complete.iter().map(|report| report.busy).collect(),
        tallies: complete.into_iter().map(|report| report.tallies).collect(),
    })
}

/// From the first start to the last stop.
fn length(spans: impl Iterator<Item = (Instant, Instant)> + Clone) -> Option<Duration> {
    let start = spans.clone().map(|span| span.0).min()?;
    Some(spans.map(|span| span.1).max()? - start)
}

/// The share of the time that others had this CPU while a thread of ours wanted it.
///
/// Threads that never sleep always want it: what they did not get, others had. Of those that sleep the kernel says how long
/// each waited for a CPU; what the sample's other threads had of this one meanwhile was ours.
fn taken(reports: &[Report], cpu: usize, job: &Job) -> f64 {
    let here = || reports.iter().skip(cpu).step_by(job.pins.len());
    let Some(length) = length(here().filter_map(|report| report.span).collect::<Vec<_>>().into_iter()) else {
        return 0.0;
    };
    let busy: Duration = here().map(|report| report.busy).sum();
    let taken = match job.sleeps {
        false => length.saturating_sub(busy),
        true => here().map(|report| (report.queued + report.busy).saturating_sub(busy)).max().unwrap_or_default(),
    };
    taken.as_secs_f64() / length.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// A thread of a sample.
fn sit(seat: usize, role: Role, shared: &Shared, home: &Sender<(usize, Result<Report, String>)>) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut report = Report::default();
        // An early end leaves the span empty, which says that the sample was given up.
        let _ = act(seat, role, shared, &mut report);
        report
    }));
    let report = result.map_err(|panic| {
        shared.gate.abort();
        message(&*panic)
    });
    // Nobody waits any more if the crew was given up.
    let _ = home.send((seat, report));
}

/// Pin, probe, warm up, be timed, probe again. `None` if the sample was given up on the way.
fn act(seat: usize, mut role: Role, shared: &Shared, report: &mut Report) -> Option<()> {
    let Shared { job, gate, .. } = shared;
    core_affinity::set_for_current(job.pins[seat % job.pins.len()]);
    let thread = threads::thread_id();
    // ORDER: Relaxed; asked for only after the deadline.
    shared.threads[seat].store(thread, Ordering::Relaxed);

    gate.wait()?;
    report.probes[0] = probe(seat, 0, shared)?;
    if shared.probing && seat == 0 {
        // ORDER: Relaxed; the gate publishes it.
        shared.probed.store(report.probes[0].to_bits(), Ordering::Relaxed);
    }
    gate.wait()?;
    // ORDER: Relaxed, as above.
    let regime = Regime::of(f64::from_bits(shared.probed.load(Ordering::Relaxed)));
    report.items = [job.warm, job.items[regime as usize]];

    let retry = gate.retry(job.tight);
    report.tallies[0] = role(&Phase { index: 0, first: 1, items: report.items[0], retry });
    gate.wait()?;
    let queued_before = queued(thread);
    let busy = threads::thread_time();
    let start = Instant::now();
    report.tallies[1] = role(&Phase { index: 1, first: 1 + report.items[0], items: report.items[1], retry });
    let stop = Instant::now();
    report.busy = threads::thread_time().saturating_sub(busy);
    report.queued = queued(thread).saturating_sub(queued_before);
    // The ends live until all are through: a queue may behave differently once its other side is gone.
    gate.wait()?;
    report.span = Some((start, stop));
    report.probes[1] = probe(seat, 1, shared)?;
    drop(role);
    Some(())
}

/// Time that this thread has waited for a CPU so far.
fn queued(thread: u32) -> Duration {
    threads::run_and_wait(thread).map_or(Duration::ZERO, |(_, wait)| wait)
}

fn probe(seat: usize, nth: u64, shared: &Shared) -> Option<f64> {
    match seat {
        0 if shared.probing => shared.lines.ask(nth, &shared.gate),
        1 if shared.probing => shared.lines.answer(nth, &shared.gate).map(|()| 0.0),
        _ => Some(0.0),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(no message)"))
}

#[cfg(test)]
mod tests {
    use super::{Instant, Job, Report, taken};
    use std::time::Duration;

    fn job(sleeps: bool) -> Job {
        let pins = core_affinity::get_core_ids().expect("the CPUs are known")[..1].to_vec();
        let (burst, deadline) = (Duration::ZERO, Duration::ZERO);
        Job { pins, items: [0; 2], warm: 0, tight: false, sleeps, burst, deadline }
    }

    /// Over 100 ms.
    fn report(busy_ms: u64, queued_ms: u64) -> Report {
        let start = Instant::now();
        let [busy, queued] = [busy_ms, queued_ms].map(Duration::from_millis);
        Report { span: Some((start, start + Duration::from_millis(100))), busy, queued, ..Report::default() }
    }

    #[test]
    fn a_cpu_that_nobody_wanted_is_not_taken() {
        assert!(taken(&[report(30, 0)], 0, &job(true)) < 0.01);
        assert!(taken(&[report(30, 0)], 0, &job(false)) > 0.65);
    }

    #[test]
    fn what_a_sibling_had_is_not_taken() {
        // Each waited while the other ran; then somebody else had the CPU for 20 ms.
        let share = taken(&[report(40, 60), report(40, 60)], 0, &job(true));
        assert!((0.15..0.25).contains(&share), "{share}");
    }
}
