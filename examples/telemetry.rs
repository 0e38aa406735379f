//! Telemetry that never blocks the application: samples go into a queue that drops its oldest, workers aggregate them by
//! series, and every sample is accounted for at the end.
//!
//! ```text
//! /proc, or a file ── publish, never waits ──▶ queue "samples", keyed by series ──▶ 2 workers: count, min, mean, max
//! ```
//! `cargo run --release --features signals --example telemetry` samples this machine's own `/proc` for 3 s.
//! `… -- --seconds 60` takes longer; end it by Ctrl-C or SIGTERM, and it drains. `… -- FILE` reads rows `ts,series,value` as
//! fast as it can, `… -- -` standard input. `--kill stall` makes the handlers slow for a while, so that samples are dropped
//! and counted; `--kill panic` makes one sample in a thousand kill its handler, which is made anew.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io::{self, BufRead, BufReader},
    process::ExitCode,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    engine::signals::Stop,
    router::{Held, Policy, Queue},
    worker::{Handler, OnPanic},
};

type Failure = Box<dyn std::error::Error>;

struct Sample {
    series: Arc<str>,
    value: f64,
}

/// What is known of one series.
#[derive(Clone, Copy)]
struct Aggregate {
    count: u64,
    min: f64,
    max: f64,
    sum: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kill {
    Nothing,
    Stall,
    Panic,
}

/// Aggregates one shard, and hands over what it knows when nothing comes any more, or when it is made anew.
struct Aggregator {
    known: BTreeMap<Arc<str>, Aggregate>,
    handled: u64,
    kill: Kill,
    results: mpsc::Sender<BTreeMap<Arc<str>, Aggregate>>,
}

impl Handler<Queue<Sample>> for Aggregator {
    fn handle(&mut self, sample: Held<'_, Sample>) {
        self.handled += 1;
        match self.kill {
            Kill::Stall if self.handled < 50 => std::thread::sleep(Duration::from_millis(10)),
            Kill::Panic if self.handled.is_multiple_of(1000) => panic!("asked to, by --kill panic"),
            _ => {}
        }
        let value = sample.value;
        let known = self.known.entry(Arc::clone(&sample.series));
        let known = known.or_insert(Aggregate { count: 0, min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0 });
        known.count += 1;
        known.min = known.min.min(value);
        known.max = known.max.max(value);
        known.sum += value;
    }
}

impl Drop for Aggregator {
    fn drop(&mut self) {
        let _ = self.results.send(std::mem::take(&mut self.known));
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("telemetry: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    let (mut file, mut seconds, mut kill) = (None, 3, Kill::Nothing);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = arguments.next().ok_or("--seconds wants a number")?.parse()?,
            "--kill" => {
                kill = match arguments.next().as_deref() {
                    Some("stall") => Kill::Stall,
                    Some("panic") => Kill::Panic,
                    other => return Err(format!("--kill {other:?}: use stall or panic").into()),
                }
            }
            path => file = Some(path.to_owned()),
        }
    }
    // The library listens to no signal by itself; this program asks for its own end.
    let mut stop = Stop::listen()?;

    let engine = Engine::builder().name("telemetry").workers(2).start()?;
    let samples = engine.queue::<Sample>("samples").shards(2).capacity(256).full(Policy::DropOldest).open()?;
    let (results, collected) = mpsc::channel();
    let results = Mutex::new(results);
    engine.consume(&samples).on_panic(OnPanic::Restart).handle(move |_shard| Aggregator {
        known: BTreeMap::new(),
        handled: 0,
        kill,
        results: results.lock().expect("no panic while it was held").clone(),
    })?;

    let (start, mut publisher) = (Instant::now(), samples.publisher());
    let (mut slowest, mut published) = (Duration::ZERO, 0_u64);
    let mut publish = |series: &Arc<str>, value: f64| {
        published += 1;
        if published == UNDER_WAY {
            println!("under way; SIGTERM drains");
        }
        let before = Instant::now();
        // The oldest goes if there is no room: an application does not wait for its telemetry.
        let _ = publisher.try_publish(&**series, Sample { series: Arc::clone(series), value });
        slowest = slowest.max(before.elapsed());
    };
    let bad = match file.as_deref() {
        None => sample_proc(Duration::from_secs(seconds), &mut stop, &mut publish)?,
        Some("-") => read_rows(io::stdin().lock(), &mut stop, &mut publish)?,
        Some(path) => read_rows(
            BufReader::new(File::open(path).map_err(|error| format!("{path}: {error}"))?),
            &mut stop,
            &mut publish,
        )?,
    };
    let took = start.elapsed();
    let report = engine.drain(Duration::from_secs(10));

    let mut all: BTreeMap<Arc<str>, Aggregate> = BTreeMap::new();
    for (series, one) in collected.try_iter().flatten() {
        let sum = all.entry(series).or_insert(Aggregate { count: 0, ..one });
        let (count, total) = (sum.count, if sum.count == 0 { 0.0 } else { sum.sum });
        *sum = Aggregate {
            count: count + one.count,
            min: sum.min.min(one.min),
            max: sum.max.max(one.max),
            sum: total + one.sum,
        };
    }
    print(&all);
    println!("\n{report}\n");
    println!(
        "{bad} bad rows; {} panics caught; slowest publish {slowest:?}; {took:.2?} in all",
        report.ledger.queues[0].failures
    );
    let aggregated: u64 = all.values().map(|series| series.count).sum();
    let is_right =
        report.is_drained() && report.ledger.check().is_ok() && aggregated == report.ledger.queues[0].handled;
    if !is_right {
        eprintln!("telemetry: {aggregated} samples aggregated, {} handled", report.ledger.queues[0].handled);
    }
    let ended = stop.first().map_or(ExitCode::SUCCESS, |signal| signal.exit_code());
    Ok(if is_right { ended } else { ExitCode::FAILURE })
}

/// Samples after which it says that it is at work.
const UNDER_WAY: u64 = 50;

type Publish<'a> = &'a mut dyn FnMut(&Arc<str>, f64);

/// Names are made once.
#[derive(Default)]
struct Names(BTreeMap<String, Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let made: Arc<str> = name.into();
        self.0.insert(name.to_owned(), Arc::clone(&made));
        made
    }
}

/// This machine's own figures, ten times a second.
fn sample_proc(length: Duration, stop: &mut Stop, publish: Publish<'_>) -> io::Result<u64> {
    let (start, mut names) = (Instant::now(), Names::default());
    while start.elapsed() < length && !stop.is_asked() {
        for line in fs::read_to_string("/proc/meminfo")?.lines() {
            if let Some((name, value)) = line.split_once(':')
                && let Some(value) = value.split_whitespace().next().and_then(|value| value.parse().ok())
            {
                publish(&names.of(&format!("meminfo/{name}")), value);
            }
        }
        for line in fs::read_to_string("/proc/stat")?.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            if let Some(value) = words.next().and_then(|value| value.parse().ok()) {
                publish(&names.of(&format!("stat/{name}")), value);
            }
        }
        if let Some(load) =
            fs::read_to_string("/proc/loadavg")?.split_whitespace().next().and_then(|load| load.parse().ok())
        {
            publish(&names.of("loadavg/1m"), load);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(0)
}

/// Rows `ts,series,value`, with a header or without; returns how many were none.
fn read_rows(rows: impl BufRead, stop: &mut Stop, publish: Publish<'_>) -> io::Result<u64> {
    let (mut bad, mut names) = (0, Names::default());
    for (nth, row) in rows.lines().enumerate() {
        if stop.is_asked() {
            break;
        }
        let row = row?;
        let mut columns = row.split(',').skip(1);
        match (columns.next(), columns.next().and_then(|value| value.trim().parse().ok())) {
            (Some(series), Some(value)) => publish(&names.of(series), value),
            _ if nth == 0 => {}
            _ => bad += 1,
        }
    }
    Ok(bad)
}

/// The series with the most samples.
fn print(all: &BTreeMap<Arc<str>, Aggregate>) {
    let mut busiest: Vec<_> = all.iter().collect();
    busiest.sort_by_key(|(_, series)| std::cmp::Reverse(series.count));
    println!("{:<40} {:>9} {:>14} {:>14} {:>14}", format!("{} series", all.len()), "samples", "min", "mean", "max");
    for (name, Aggregate { count, min, max, sum }) in busiest.into_iter().take(12) {
        println!("{name:<40} {count:>9} {min:>14.3} {:>14.3} {max:>14.3}", sum / *count as f64);
    }
}
