//! Background jobs as people run them on Sidekiq or SQS, in one process: thumbnails of pictures, by two workers.
//!
//! ```sh
//! cargo run --release --example background_jobs          # 20,000 jobs, then the figures
//! cargo run --release --example background_jobs -- 0     # until SIGTERM or SIGINT, or five million
//! ```
//!
//! Previews come before thumbnails and archive copies; copies are delayed. A storage that fails now and then is tried again.
//! A decoder that does not know the format of every 97th picture makes dead letters; when it is "repaired", these are redriven.
//! The caller gets each result by its ticket. In the end every figure adds up, or the program fails.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use ringway::{
    channel::{self, Receiver, Sender},
    delivery::{
        Backoff, CallError, Calls, Class, DeadLetterRules, Delivery, Effect, Envelope, Jitter, Ledger, Origin,
        Priorities, Reply, Retry, Rules, Ticket, Tracker, Waited,
    },
    ring::{lanes::Lanes, mpmc::Mpmc},
    time::{Clock, Instant, Monotonic},
};

const WORKERS: u32 = 2;
/// Pictures are square, of so many pixels a side; thumbnails are an eighth of that.
const SIDE: usize = 64;
const LANES: [&str; 3] = ["preview", "thumbnail", "archive"];

#[derive(Debug, Clone, Copy)]
struct Job {
    picture: u64,
    ticket: Ticket,
}

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

type Results = (Ticket, Result<u64, JobError>);

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

struct Worker {
    number: u32,
    tracker: Tracker<Job, JobError, fn(&JobError) -> Class>,
    clock: Monotonic,
    jobs: Receiver<Envelope<Job>, Mpmc>,
    results: Sender<Results, Lanes>,
    knows_all_formats: bool,
    recovered: u64,
}

impl Worker {
    /// Takes jobs as long as there are any, and until all have ended.
    fn run(&mut self) {
        let mut is_open = true;
        loop {
            let now = self.clock.now();
            while is_open && self.tracker.room() > 0 {
                match self.jobs.try_recv() {
                    Ok(job) => drop(self.tracker.accept(job, now).expect("there is room, and no window of duplicates")),
                    Err(error) if error.is_empty() => break,
                    Err(_) => is_open = false,
                }
            }
            self.turn(now);
            if !is_open && self.tracker.depth() == 0 {
                return;
            }
            let at = self.tracker.next_at(now).unwrap_or(now + Duration::from_millis(50));
            let wait = (at - self.clock.now()).min(Duration::from_millis(50));
            if is_open && self.tracker.room() > 0 {
                match self.jobs.recv_timeout(wait) {
                    Ok(job) => drop(self.tracker.accept(job, self.clock.now()).expect("there is room")),
                    Err(error) => is_open = error.is_timeout(),
                }
            } else {
                thread::sleep(wait);
            }
        }
    }

    /// What is due, and what may be delivered.
    fn turn(&mut self, now: Instant) {
        while let Some(effect) = self.tracker.tick(now) {
            self.report(effect);
        }
        loop {
            let Some(delivery) = self.tracker.next(now) else { return };
            let (job, result) = (*delivery.payload(), work(&delivery, self.knows_all_formats));
            self.recovered += u64::from(delivery.envelope().redrives > 0 && result.is_ok());
            let effect = delivery.answer(result.map(drop));
            match result {
                Ok(sum) => self.results.send((job.ticket, Ok(sum))).expect("the caller waits for all"),
                Err(_) => self.report(effect),
            }
        }
    }

    fn report(&mut self, effect: Effect<Job>) {
        if let Effect::Dead { letter, .. } = effect {
            let letter = self.tracker.dead_letters().peek(letter).expect("it has just died");
            let error = letter.error.expect("a handler gave it");
            let result = (letter.envelope.payload.ticket, Err(error));
            self.results.send(result).expect("the caller waits for all");
        }
    }

    /// The decoder learned all formats: what failed for that comes again, a thousand a second.
    fn redrive(&mut self) -> usize {
        self.knows_all_formats = true;
        let count = self.tracker.redrive_all(Some(ringway::delivery::Rate::per_second(1000)));
        self.run();
        count
    }
}

fn work<C: FnMut(&JobError) -> Class>(
    delivery: &Delivery<'_, Job, JobError, C>,
    knows_all_formats: bool,
) -> Result<u64, JobError> {
    let picture = delivery.payload().picture;
    if picture.is_multiple_of(97) && !knows_all_formats {
        return Err(JobError::UnknownFormat);
    }
    let sum = thumbnail(&pixels(picture));
    // The storage refuses every 11th picture once, and every 33rd twice.
    let refusals = u32::from(picture.is_multiple_of(11)) + u32::from(picture.is_multiple_of(33));
    if delivery.attempt() <= refusals { Err(JobError::StorageBusy) } else { Ok(sum) }
}

fn class(error: &JobError) -> Class {
    match error {
        JobError::StorageBusy => Class::Retry,
        JobError::UnknownFormat => Class::Reject,
    }
}

/// What the caller saw.
#[derive(Default)]
struct Seen {
    submitted: u64,
    succeeded: u64,
    failed: u64,
    wrong: u64,
}

fn submit(
    count: u64,
    stop: &AtomicBool,
    clock: Monotonic,
    mut jobs: Sender<Envelope<Job>, Mpmc>,
    mut results: Receiver<Results, Lanes>,
    done: &Barrier,
) -> Result<(Seen, u64), Box<dyn Error>> {
    let mut calls = Calls::<u64, JobError>::new(4096, clock.now())?;
    let mut pictures = HashMap::with_capacity(4096);
    let mut seen = Seen::default();
    loop {
        let is_over = stop.load(Relaxed) || seen.submitted == count;
        if !is_over && calls.depth() < 4096 {
            seen.submitted += 1;
            let (picture, now) = (seen.submitted, clock.now());
            let ticket = calls.open(None, now, Duration::from_secs(60))?;
            pictures.insert(ticket, picture);
            let priority = (picture % 3) as u8;
            let not_before = if priority == 2 { now + Duration::from_millis(30) } else { now };
            let origin = Origin { shard: 0, sequence: picture };
            jobs.send(Envelope { priority, not_before, origin, ..Envelope::new(Job { picture, ticket }) })?;
        }
        while let Some((ticket, result)) = if is_over || calls.depth() == 4096 {
            (calls.depth() > 0).then(|| results.recv()).transpose()?
        } else {
            results.try_recv().ok()
        } {
            calls.answer(ticket, result);
            match (calls.take(ticket), pictures.remove(&ticket)) {
                (Reply::Ready(Ok(sum)), Some(picture)) if sum == thumbnail(&pixels(picture)) => seen.succeeded += 1,
                (Reply::Ready(Err(CallError::Failed(JobError::UnknownFormat))), Some(picture))
                    if picture.is_multiple_of(97) =>
                {
                    seen.failed += 1;
                }
                _ => seen.wrong += 1,
            }
        }
        if is_over && calls.depth() == 0 {
            break;
        }
    }
    drop(jobs);
    done.wait();
    // What is redriven now answers calls that are over.
    for (ticket, result) in results.iter() {
        assert!(!calls.answer(ticket, result));
    }
    Ok((seen, calls.stale()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let count = if count == 0 { 5_000_000 } else { count };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let clock = Monotonic::new();
    let (jobs, taken) = channel::mpmc(1024)?;
    let (results, got) = channel::mpsc(1024)?;
    let done = Arc::new(Barrier::new(WORKERS as usize + 1));
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let (jobs, results, done) = (taken.clone(), results.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let tracker = Tracker::with_classes(rules(), class as fn(&JobError) -> Class, clock.now());
                let tracker = tracker.expect("memory for 2048 jobs");
                let mut worker =
                    Worker { number, tracker, clock, jobs, results, knows_all_formats: false, recovered: 0 };
                worker.run();
                let dead = worker.tracker.dead_letters().depth();
                done.wait();
                let redriven = worker.redrive();
                (worker.number, dead, redriven, worker.recovered, worker.tracker.ledger(), waits(&worker))
            })
        })
        .collect();
    drop((taken, results));
    let (seen, stale) = submit(count, &stop, clock, jobs, got, &done)?;

    println!(
        "submitted {}: {} succeeded, {} failed, {} wrong",
        seen.submitted, seen.succeeded, seen.failed, seen.wrong
    );
    let (mut ledger, mut recovered) = (Ledger::default(), 0);
    for worker in workers {
        let (number, dead, redriven, again, of, waits) = worker.join().expect("no worker panics");
        println!(
            "worker {number}: {} acked, {} redelivered, {dead} dead letters, {redriven} redriven",
            of.acked, of.redeliveries
        );
        for (lane, waited) in LANES.iter().zip(waits) {
            println!("  {lane:>9}: {:6} waited {:?} at the most", waited.delivered, waited.longest);
        }
        assert!(of.balances() && of.in_hand == 0, "{of:?}");
        ledger.accepted += of.accepted - of.redriven;
        ledger.acked += of.acked;
        ledger.dead += of.dead;
        ledger.redriven += of.redriven;
        recovered += again;
    }
    assert_eq!((seen.wrong, seen.succeeded + seen.failed), (0, seen.submitted));
    assert_eq!((ledger.accepted, ledger.acked), (seen.submitted, seen.submitted));
    assert_eq!((ledger.dead, ledger.redriven, recovered, stale), (seen.failed, seen.failed, seen.failed, seen.failed));
    println!("every figure adds up: {} dead letters came back and succeeded", recovered);
    Ok(())
}

fn waits(worker: &Worker) -> [Waited; 3] {
    [0, 1, 2].map(|lane| worker.tracker.waited(lane))
}
