//! `ringway replay`: recorded rows through a sharded topic to pinned workers, and the proof that none was lost or overtaken.
//!
//! ```text
//! input ─▶ lines ─▶ pick key, time ─▶ Row      reader thread (ahead)
//!                                      ▼
//!                          due time ─▶ publish  this thread (publish)
//!                                      ▼
//!                       topic ─▶ shards ─▶ witnesses, one a subscription and shard, on the engine's workers
//! ```

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use ringway::engine::signals::Stop;

use crate::{
    args::{self, Arguments, Command},
    fault::Fault,
    show,
};

mod ahead;
mod bad;
mod csv;
mod input;
mod json;
mod lines;
mod moment;
mod pick;
mod progress;
mod publish;
mod report;
mod row;
mod rows;
mod shape;
mod tape;
mod topic;
mod witness;

use ahead::Ahead;
use input::Input;
use progress::Progress;
use publish::Publishing;
use report::Report;
pub(crate) use row::Row;
use rows::{Arrivals, Batch, Rows};
use topic::Running;

/// Rows of the tape, if nothing else is said.
const TAPE_ROWS: u64 = 1_000_000;
/// Subscriptions, if nothing else is said; all of them of the tape, the first one of an input.
const SUBSCRIPTIONS: [&str; 3] = ["all=gate", "board=conflate", "risk=sample:100"];
/// From the set-up to the first due time: the reader gets ahead meanwhile.
const LEAD: Duration = Duration::from_millis(20);
/// Replays, and prints what came of it.
pub(crate) fn run(told: &args::Replay) -> Result<ExitCode, Fault> {
    let rows_max = told.rows.unwrap_or(if told.file.is_none() { TAPE_ROWS } else { u64::MAX });
    let mut input = Input::open(told.file.as_deref(), told.seed, rows_max)?;
    let (name, is_gzip, file) = (input.name.clone(), input.is_gzip, input.progress.take());
    let rows = Rows::open(input, told, rows_max)?;
    // Until here a read may take for ever, and a signal ends the program at once.
    let mut stop = Stop::listen().map_err(|error| Fault::new(format!("no handler for SIGINT and SIGTERM: {error}")))?;
    let (arrivals, picker) = (rows.arrivals(), rows.picker());
    let is_keyed = picker.key().is_some();
    let subscriptions = subscriptions(told, is_keyed)?;
    let lead = if arrivals == Arrivals::FlatOut { Duration::ZERO } else { LEAD };
    let start = Instant::now() + lead;
    let mut running = Running::start(told, subscriptions, is_keyed, start)?;

    let packed = if is_gzip { ", gzip" } else { "" };
    let key = picker.key().map_or("no key, rows go round".into(), |key| format!("key {key}"));
    let mut intro = show::beside("input", report::INDENT, &format!("{name}: {}{packed}", picker.shape()));
    intro += &show::beside("", report::INDENT, &format!("{key}; {}", paced(arrivals, picker.time())));
    intro += &show::beside("topic", report::INDENT, &running.told());
    show::print(&format!("{intro}\n"))?;

    let mut ahead = Ahead::start(rows)?;
    let progress = Progress::new(file);
    let publishing = Publishing { start, arrivals, running: &mut running, stop: &mut stop, progress };
    let run = publishing.run(&mut ahead);
    let outcome = running.finish();
    let report = Report { run: &run, outcome: &outcome, arrivals, is_keyed };
    show::print(&report.text())?;
    let is_sound = report.faults().is_empty();
    match (run.broken, run.stopped) {
        (Some(fault), _) => Err(fault),
        _ if !is_sound => Ok(ExitCode::FAILURE),
        (None, Some(signal)) => Ok(signal.exit_code()),
        (None, None) if run.tally.rows > 0 => Ok(ExitCode::SUCCESS),
        (None, None) if run.tally.bad == 0 => Err(Fault::new(format!("{name} holds no rows"))),
        (None, None) => Err(Fault::new(format!(
            "{name}: none of the {} lines is a row; say otherwise what they are, or where key and time stand",
            show::count(run.tally.lines)
        ))),
    }
}

/// The recorded times of a file's rows, in ns since the first, which never fall; of at most so many rows.
///
/// # Errors
/// A [`Fault`], if the file can't be read or has no such times.
pub(crate) fn times(file: &Path, time: &str, rows_max: u64) -> Result<Vec<u64>, Fault> {
    let arguments =
        ["ringway".as_ref(), "replay".as_ref(), "--time".as_ref(), time.as_ref(), "--".as_ref(), file.as_os_str()];
    let parsed = Arguments::try_parse_from(arguments).map_err(|error| args::in_one_line(&error))?;
    let Command::Replay(told) = parsed.command else { unreachable!("the first word says so") };
    let mut rows = Rows::open(Input::open(Some(file), 0, rows_max)?, &told, rows_max)?;
    let (mut batch, mut times) = (Batch::default(), Vec::new());
    loop {
        rows.fill(&mut batch);
        times.extend(batch.rows.drain(..).map(|row| row.due_ns));
        match batch.end.take() {
            None => {}
            Some(Ok(())) => return Ok(times),
            Some(Err(fault)) => return Err(fault),
        }
    }
}

fn subscriptions(told: &args::Replay, is_keyed: bool) -> Result<Vec<args::Subscription>, Fault> {
    if told.subscriptions.is_empty() {
        let wanted = if told.file.is_none() { SUBSCRIPTIONS.len() } else { 1 };
        let all = SUBSCRIPTIONS.iter().take(wanted).map(|text| args::subscription(text).map_err(Fault::new));
        return all.collect();
    }
    for (nth, subscription) in told.subscriptions.iter().enumerate() {
        if told.subscriptions[..nth].iter().any(|before| before.name == subscription.name) {
            return Err(Fault::new(format!(
                "--sub: two are called {}; give each a name of its own",
                subscription.name
            )));
        }
        if !is_keyed && subscription.contract.to_string() == "conflate" {
            return Err(Fault::new(format!(
                "--sub {}=conflate needs keys: add --key or --key-regex",
                subscription.name
            )));
        }
    }
    Ok(told.subscriptions.clone())
}

fn paced(arrivals: Arrivals, time: Option<String>) -> String {
    match (arrivals, time) {
        (Arrivals::Recorded { speed }, Some(time)) => format!("open loop at {speed}x the recorded {time}"),
        (Arrivals::Even { each_second }, _) => format!("open loop at {}", show::rate(each_second, "rows")),
        _ => "flat out".into(),
    }
}
