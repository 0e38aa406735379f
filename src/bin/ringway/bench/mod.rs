//! `ringway bench`: what ringway reaches on this machine, measured so that it can be believed.
//!
//! Rows, loops, rounds and checks are the harness's, which `benches/compare` uses, too. Here is what only this program
//! does: choose, show, write, and hold against an earlier run.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    args,
    fault::Fault,
    harness::{
        document::{self, Document, Head},
        entries,
        facts::{Facts, Watch},
        open::sweep::{self, Course},
        rows::ROWS,
        schedule::{self, Results, Wanted},
    },
    show,
};

mod build;
mod latency;
mod output;
mod progress;

use latency::FAMILIES;
use output::Output;
use progress::Progress;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rounds of a run that did not ask for a number.
const ROUNDS: usize = 21;
/// Rounds of a quick run.
const ROUNDS_QUICK: usize = 3;

/// Measures, and writes what came of it.
pub(crate) fn run(told: &args::Bench) -> Result<ExitCode, Fault> {
    let rounds = told.rounds.map_or(if told.quick { ROUNDS_QUICK } else { ROUNDS }, usize::from);
    let wanted = Wanted { only: told.only.clone(), peers: Vec::new(), rounds, quick: told.quick };
    check_names(&wanted)?;
    let mut entries = entries::by_try();
    entries.extend(entries::by_waiting_calls());
    let mut results = schedule::plan(ROWS, &entries, &[], &wanted);
    if told.list {
        return show::print(&list(&results, &wanted)).map(|()| ExitCode::SUCCESS);
    }
    let output = Output::open(&told.out)?;
    let facts = Facts::look(build::build()).map_err(Fault::new)?;
    let watch = Watch::start();
    schedule::run(&mut results, &wanted, &facts.cores, &mut Progress::new("rows"));
    let courses = latency::measure(&wanted, None, &facts.cores).map_err(Fault::new)?;

    let disturbance = watch.stop();
    let unfit = document::unfit(&facts, &disturbance, &results, &wanted);
    let head = Head {
        tool: "ringway bench",
        command: command(told, &wanted),
        version: VERSION,
        wanted: &wanted,
        facts: &facts,
        seconds: watch.seconds(),
        disturbance: &disturbance,
        unfit: &unfit,
        excluded: &results.excluded,
    };
    let mut cells = document::cells(&results, |package| (package == "ringway").then_some(VERSION));
    cells.extend(courses.iter().map(|course| course.cell(VERSION)));
    let document =
        Document { head: head.json(), cells, latencies: latencies(&courses), knees: knees(&courses), matrix: None };
    for course in &courses {
        output.write(&course.file(), course.latencies.log(&course.case.cell, course.took))?;
    }
    let path = output.write("bench.json", document.render())?;
    show::print(&format!("written: {}\n", path.display()))?;
    let is_sound =
        results.is_sound() && courses.iter().all(|course| course.faults.is_empty() && course.hangs.is_empty());
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn latencies(courses: &[Course]) -> Vec<Value> {
    courses.iter().map(Course::latency).collect()
}

fn knees(courses: &[Course]) -> Vec<Value> {
    let knee = |(entry, arrivals, point): (&str, &str, sweep::Point)| {
        let (offered, p99_ns) = (document::rounded(point.offered), document::rounded(point.p99_ns));
        json!({ "entry": entry, "arrivals": arrivals, "offered": offered, "p99_ns": p99_ns })
    };
    sweep::knees(courses).into_iter().map(knee).collect()
}

/// A name that matches nothing is a slip, not an empty run.
fn check_names(wanted: &Wanted) -> Result<(), Fault> {
    let is_known = |part: &&String| {
        ROWS.iter().any(|row| row.is_called(part)) || FAMILIES.iter().any(|family| family.is_called(part))
    };
    match wanted.only.iter().find(|part| !is_known(part)) {
        Some(part) => Err(Fault::new(format!("--only: no row is called {part}; --list shows them"))),
        None => Ok(()),
    }
}

fn list(results: &Results, wanted: &Wanted) -> String {
    let mut text = String::new();
    for row in &results.rows {
        let names: Vec<_> = row.cells.iter().map(|cell| cell.entry.name).collect();
        text += &show::beside(&format!("{} ({})", row.row.name, row.row.group()), 4, "");
        text += &show::beside("", 4, &row.row.describe(wanted.quick));
        text += &show::beside("", 4, &names.join(", "));
    }
    for family in FAMILIES.iter().filter(|family| family.is_wanted(wanted)) {
        let names: Vec<_> = family.entries(wanted.quick).iter().map(|entry| entry.name).collect();
        text += &show::beside(&format!("{} ({})", family.name, family.group), 4, "");
        text += &show::beside("", 4, family.about);
        text += &show::beside("", 4, &format!("(no queue), {}", names.join(", ")));
    }
    text
}

/// What repeats this run, without the folder, which is nobody else's.
fn command(told: &args::Bench, wanted: &Wanted) -> String {
    let mut command = String::from("cargo run --release --features cli -- bench");
    if told.quick {
        command += " --quick";
    }
    if !told.only.is_empty() {
        command += &format!(" --only {}", told.only.join(","));
    }
    command + &format!(" --rounds {}", wanted.rounds)
}
