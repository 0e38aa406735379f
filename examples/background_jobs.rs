//! Background jobs as people run them on Sidekiq or SQS, in one process: thumbnails of pictures, by two workers.
//!
//! ```sh
//! cargo run --release --features signals --example background_jobs          # 20,000 jobs, then the figures
//! cargo run --release --features signals --example background_jobs -- 0     # until SIGTERM or SIGINT, or five million
//! ```
//!
//! Previews come before thumbnails and archive copies; copies are delayed. A storage that fails now and then is tried again.
//! A decoder that does not know the format of every 97th picture makes dead letters; when it is "repaired", these are redriven.
//! The caller gets each result by its ticket. In the end every figure adds up, or the program fails.

use std::{
    collections::VecDeque,
    error::Error,
    fmt,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use ringway::{
    Engine,
    delivery::{Backoff, CallError, Class, DeadLetterRules, Envelope, Jitter, Priorities, Rate, Retry, Rules, Ticket},
    engine::{Call, Caller, Deliveries, signals::Stop},
    router::Sharing,
    time::Instant,
    worker::Leased,
};

const WORKERS: usize = 2;
/// Calls that are open at once.
const OPEN_MAX: usize = 4096;
/// Pictures are square, of so many pixels a side; thumbnails are an eighth of that.
const SIDE: usize = 64;
const LANES: [&str; 3] = ["preview", "thumbnail", "archive"];

#[derive(Debug, Clone, Copy)]
struct Job {
    picture: u64,
    lane: u8,
    not_before: Instant,
}

/// What the queue carries: a job, and the way home of its checksum.
type JobCall = Call<Job, u64, JobError>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobError {
    StorageBusy,
    UnknownFormat,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StorageBusy => "the storage is busy",
            Self::UnknownFormat => "the format of the picture is not known",
        })
    }
}

impl Error for JobError {}

/// The pixels of a picture: a pattern that its number determines.
fn pixels(picture: u64) -> Vec<u8> {
    let mut bits = picture.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        (bits >> 56) as u8
    };
    (0..SIDE * SIDE).map(next).collect()
}

/// The mean of each 8 by 8 block, and a checksum of those.
fn thumbnail(pixels: &[u8]) -> u64 {
    let mean = |block: usize| -> u64 {
        let (x, y) = (block % (SIDE / 8) * 8, block / (SIDE / 8) * 8);
        (0..64).map(|at| u64::from(pixels[(y + at / 8) * SIDE + x + at % 8])).sum::<u64>() / 64
    };
    (0..SIDE * SIDE / 64).fold(0, |sum, block| sum.rotate_left(5) ^ mean(block))
}

fn rules() -> Rules {
    Rules {
        capacity: 2048,
        retry: Retry {
            backoff: Backoff::Exponential { base: Duration::from_millis(1), cap: Duration::from_millis(20) },
            jitter: Jitter::Full,
            attempts_max: 8,
            ..Retry::default()
        },
        priorities: Priorities::Strict(LANES.len()),
        dead_letters: DeadLetterRules { capacity: 65_536, ..DeadLetterRules::default() },
        ..Rules::default()
    }
}

fn class(error: &JobError) -> Class {
    match error {
        JobError::StorageBusy => Class::Retry,
        JobError::UnknownFormat => Class::Reject,
    }
}

/// One attempt at a job.
fn work(job: &Leased<'_, JobCall, JobError>, knows_all_formats: bool) -> Result<u64, JobError> {
    let picture = job.picture;
    if picture.is_multiple_of(97) && !knows_all_formats {
        return Err(JobError::UnknownFormat);
    }
    let sum = thumbnail(&pixels(picture));
    // The storage refuses every 11th picture once, and every 33rd twice.
    let refusals = u32::from(picture.is_multiple_of(11)) + u32::from(picture.is_multiple_of(33));
    if job.attempt() <= refusals { Err(JobError::StorageBusy) } else { Ok(sum) }
}

/// What the caller saw.
#[derive(Default)]
struct Seen {
    submitted: u64,
    succeeded: u64,
    failed: u64,
    wrong: u64,
}

impl Seen {
    /// Waits for the result of one job, and compares it.
    fn take(&mut self, caller: &mut Caller<Job, u64, JobError>, (ticket, picture): (Ticket, u64)) {
        match caller.wait(ticket) {
            Some(Ok(sum)) if sum == thumbnail(&pixels(picture)) => self.succeeded += 1,
            Some(Err(CallError::Failed(JobError::UnknownFormat))) if picture.is_multiple_of(97) => self.failed += 1,
            _ => self.wrong += 1,
        }
    }
}

/// Submits jobs until there were `count`, or a signal came; waits for all results.
fn submit(
    count: u64,
    stop: &mut Stop,
    engine: &Engine,
    caller: &mut Caller<Job, u64, JobError>,
) -> Result<Seen, Box<dyn Error>> {
    let mut seen = Seen::default();
    let mut open = VecDeque::with_capacity(OPEN_MAX);
    while seen.submitted < count && !stop.is_asked() {
        seen.submitted += 1;
        let (picture, now) = (seen.submitted, engine.now());
        let lane = (picture % 3) as u8;
        let not_before = if lane == 2 { now + Duration::from_millis(30) } else { now };
        let ticket = caller.open(&picture, Job { picture, lane, not_before }, None, Duration::from_secs(60))?;
        open.push_back((ticket, picture));
        if open.len() == OPEN_MAX
            && let Some(oldest) = open.pop_front()
        {
            seen.take(caller, oldest);
        }
        if seen.submitted == OPEN_MAX as u64 {
            println!("under way; SIGTERM drains");
        }
    }
    open.into_iter().for_each(|call| seen.take(caller, call));
    Ok(seen)
}

/// The decoder learned all formats: what failed for that comes again, at a rate.
fn redrive(deliveries: &Deliveries<JobCall, JobError>) -> u64 {
    for nth in 0..deliveries.handlers() {
        let oldest = deliveries.ask(nth, |tracker, _| {
            let letters = tracker.dead_letters();
            let told = letters.list().next().map(|(_, letter)| (letter.envelope.payload.picture, letter.reason));
            (letters.depth(), told)
        });
        let (depth, oldest) = oldest.recv().expect("its worker answers");
        println!("worker {nth}: {depth} dead letters, the oldest picture and reason: {oldest:?}");
    }
    let count = deliveries.redrive_all(Some(Rate::per_second(10_000))) as u64;
    while deliveries.ledger().redriven < count {
        thread::sleep(Duration::from_millis(5));
    }
    count
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let count = if count == 0 { 5_000_000 } else { count };
    let mut stop = Stop::listen()?;
    let engine = Engine::builder().name("jobs").workers(WORKERS).start()?;
    let jobs = engine.queue::<JobCall>("thumbnails").shards(WORKERS).sharing(Sharing::Shared).open()?;
    let (knows_all_formats, recovered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (knows, again) = (Arc::clone(&knows_all_formats), Arc::clone(&recovered));
    let deliveries = engine
        .consume(&jobs)
        .deliver(rules())
        .envelope(|call: JobCall| Envelope { priority: call.lane, not_before: call.not_before, ..Envelope::new(call) })
        .classes(class)
        .reply(move |_worker| {
            let (knows, again) = (Arc::clone(&knows), Arc::clone(&again));
            move |job: &mut Leased<'_, JobCall, JobError>| {
                let result = work(job, knows.load(Relaxed));
                again.fetch_add(u64::from(job.envelope().redrives > 0 && result.is_ok()), Relaxed);
                result
            }
        })?;
    let mut caller = engine.caller(&jobs, OPEN_MAX)?;
    let seen = submit(count, &mut stop, &engine, &mut caller)?;
    println!(
        "submitted {}: {} succeeded, {} failed, {} wrong",
        seen.submitted, seen.succeeded, seen.failed, seen.wrong
    );
    knows_all_formats.store(true, Relaxed);
    let redriven = redrive(&deliveries);
    let report = engine.drain(Duration::from_secs(60));
    println!("{report}");
    for (lane, name) in LANES.iter().enumerate() {
        for nth in 0..deliveries.handlers() {
            let waited = deliveries.ask(nth, move |tracker, _| tracker.waited(lane as u8)).recv()?;
            println!("{name:>9}, worker {nth}: {:6} waited {:?} at the most", waited.delivered, waited.longest);
        }
    }
    report.ledger.check()?;
    let ledger = deliveries.ledger();
    assert!(report.is_drained() && ledger.in_hand == 0, "{ledger:?}");
    assert_eq!((seen.wrong, seen.succeeded + seen.failed), (0, seen.submitted));
    assert_eq!((ledger.taken(), ledger.acked), (seen.submitted, seen.submitted));
    assert_eq!((ledger.dead, ledger.redriven, redriven), (seen.failed, seen.failed, seen.failed));
    assert_eq!((recovered.load(Relaxed), caller.stale(), caller.depth()), (seen.failed, 0, 0));
    println!("every figure adds up: {redriven} dead letters came back and succeeded");
    Ok(stop.first().map_or(ExitCode::SUCCESS, |signal| signal.exit_code()))
}
