//! `ringway bench`: what ringway reaches on this machine, measured so that it can be believed.
//!
//! Rows, loops, rounds and checks are the harness's, which `benches/compare` uses, too. Here is what only this program
//! does: choose, show, write, and hold against an earlier run.

use std::process::ExitCode;

use crate::{
    args, doctor,
    fault::Fault,
    harness::{
        document::{self, Document, Head},
        entries::{self, Entry},
        facts::{Facts, Watch},
        open::{
            arrivals::Arrivals,
            families::{self, FAMILIES, Family, Kind},
            sweep::Course,
        },
        own,
        rows::{OWN_ROWS, ROWS, Row},
        schedule::{self, Results, Wanted},
    },
    replay, report,
    results::Run,
    show,
};

mod baseline;
mod build;
mod output;
mod progress;

use baseline::Baseline;
use output::Output;
use progress::Progress;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Rounds of a run that did not ask for a number.
const ROUNDS: usize = 21;
/// Rounds of a quick run.
const ROUNDS_QUICK: usize = 3;
/// The same of open loops, whose samples are short then: some will be left out.
const ROUNDS_QUICK_OPEN: usize = 5;
/// Recorded times that are read at the most.
const RECORDED_MAX: u64 = 2_000_000;

/// Measures, and writes what came of it.
pub(crate) fn run(told: &args::Bench) -> Result<ExitCode, Fault> {
    let rounds = told.rounds.map_or(if told.quick { ROUNDS_QUICK } else { ROUNDS }, usize::from);
    let wanted = Wanted { only: told.only.clone(), peers: Vec::new(), rounds, quick: told.quick };
    check_names(&wanted)?;
    let mut results = schedule::plan(rows(), &own::entries(), &[], &wanted);
    if told.list {
        return show::print(&list(&results, &wanted)).map(|()| ExitCode::SUCCESS);
    }
    // What can be refused is refused before anything is measured.
    let baseline = told.baseline.as_deref().map(Baseline::read).transpose()?;
    let recorded = recorded(told)?;
    let output = Output::open(&told.out)?;
    let facts = Facts::look(build::build()).map_err(Fault::new)?;

    let watch = Watch::start();
    schedule::run(&mut results, &wanted, &facts.cores, &mut Progress::new("rows"));
    let who = |family: &Family| who(family, wanted.quick);
    let mut progress = Progress::new("latency");
    let rounds = if told.quick && told.rounds.is_none() { ROUNDS_QUICK_OPEN } else { rounds };
    let open = Wanted { rounds, ..wanted.clone() };
    let courses = families::measure(&open, who, recorded.as_ref(), &facts.cores, &mut progress);
    drop(progress);
    let matrix = doctor::hops(ringway::worker::cpus());
    let disturbance = watch.stop();
    let unfit = document::unfit(&facts, &disturbance, &results, &courses, &wanted);

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
    let version = |package: &str| (package == "ringway").then_some(VERSION);
    let mut cells = document::cells(&results, version);
    cells.extend(courses.iter().map(|course| course.figures().json(version)));
    let of_courses = courses.iter().map(|course| course.latency(Some(course.file())));
    let latencies = document::latencies(&results).into_iter().chain(of_courses).collect();
    let document = Document { head: head.json(), cells, latencies, knees: document::knees(&courses), matrix };
    for course in &courses {
        output.write(&course.file(), course.latencies.log(&course.case.row(), course.took))?;
    }
    let path = output.write("bench.json", document.render())?;

    let trouble = document::trouble(&results, &courses);
    let trouble = trouble.map(|(row, entry, what)| show::beside("TROUBLE", 24, &format!("{row} by {entry}: {what}")));
    let runs = [Run::read(&path).map_err(Fault::new)?];
    let mut text = report::summary(&runs) + &trouble.collect::<String>();
    text += &baseline.map(|baseline| format!("\n{}", baseline.compared_with(&runs[0]))).unwrap_or_default();
    let path = path.display();
    show::print(&format!("{text}\nwritten to {path}; ringway report {path} makes a page of it\n"))?;
    let is_sound = results.is_sound() && courses.iter().all(Course::is_sound);
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All rows, those that peers run first.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(OWN_ROWS)
}

/// Who runs the open loops of a family.
fn who(family: &Family, quick: bool) -> Vec<Entry> {
    let [spsc, _, mpmc] = entries::channels();
    match family.kind {
        Kind::Paced | Kind::IdleThenBurst => entries::waits().into(),
        Kind::Steady => vec![spsc],
        Kind::FixedAt(_) | Kind::PoissonAt(_) => vec![spsc, mpmc],
        _ if quick => vec![entries::RING, spsc],
        _ => vec![entries::RING, spsc, mpmc],
    }
}

/// The arrivals of a file's rows, if they were asked for.
fn recorded(told: &args::Bench) -> Result<Option<Arrivals>, Fault> {
    let (Some(file), Some(time)) = (&told.arrivals, &told.time) else { return Ok(None) };
    let times = replay::times(file, time, RECORDED_MAX)?;
    match times.last() {
        Some(&span) if span > 0 => Ok(Some(Arrivals::Recorded(times.into()))),
        _ => Err(Fault::new(format!("--arrivals: the rows of {} all came at one time", file.display()))),
    }
}

/// A name that matches nothing is a slip, not an empty run.
fn check_names(wanted: &Wanted) -> Result<(), Fault> {
    let is_known =
        |part: &&String| rows().any(|row| row.is_called(part)) || FAMILIES.iter().any(|family| family.is_called(part));
    match wanted.only.iter().find(|part| part.is_empty() || !is_known(part)) {
        Some(part) => Err(Fault::new(format!("--only: no row is called `{part}`; --list shows them"))),
        None => Ok(()),
    }
}

fn list(results: &Results, wanted: &Wanted) -> String {
    let told = |name: &str, group: &str, about: &str, who: &[&str]| {
        format!("{name} ({group})\n") + &show::beside("", 4, about) + &show::beside("", 4, &who.join(", "))
    };
    let mut text = String::new();
    for row in &results.rows {
        let names: Vec<_> = row.cells.iter().map(|cell| cell.entry.name).collect();
        text += &told(row.row.name, row.row.group(), &row.row.describe(wanted.quick), &names);
    }
    for family in FAMILIES.iter().filter(|family| family.is_wanted(wanted)) {
        let names: Vec<_> = who(family, wanted.quick).iter().map(|entry| entry.name).chain(["(no queue)"]).collect();
        text += &told(family.name, family.group, family.about, &names);
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
    if let (Some(file), Some(time)) = (&told.arrivals, &told.time) {
        let name = file.file_name().unwrap_or(file.as_os_str());
        command += &format!(" --arrivals {} --time {time}", name.display());
    }
    command + &format!(" --rounds {}", wanted.rounds)
}
