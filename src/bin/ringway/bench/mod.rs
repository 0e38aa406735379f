//! `ringway bench`: what ringway reaches on this machine, measured so that it can be believed.
//!
//! Rows, loops, rounds and checks are the harness's, which `benches/compare` uses, too. Here is what only this program
//! does: choose, show, write, and hold against an earlier run.

use std::process::ExitCode;

use crate::{
    args,
    fault::Fault,
    harness::{
        document::{self, Document, Head},
        entries,
        facts::{Facts, Watch},
        rows::ROWS,
        schedule::{self, Results, Wanted},
    },
    show,
};

mod build;
mod output;
mod progress;

use output::Output;
use progress::Progress;

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

    let disturbance = watch.stop();
    let unfit = document::unfit(&facts, &disturbance, &results, &wanted);
    let head = Head {
        tool: "ringway bench",
        command: command(told, &wanted),
        version: env!("CARGO_PKG_VERSION"),
        wanted: &wanted,
        facts: &facts,
        seconds: watch.seconds(),
        disturbance: &disturbance,
        unfit: &unfit,
        excluded: &results.excluded,
    };
    let cells = document::cells(&results, |package| (package == "ringway").then_some(env!("CARGO_PKG_VERSION")));
    let document = Document { head: head.json(), cells, ..Document::default() };
    let path = output.write("bench.json", document.render())?;
    show::print(&format!("written: {}\n", path.display()))?;
    Ok(if results.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A name that matches nothing is a slip, not an empty run.
fn check_names(wanted: &Wanted) -> Result<(), Fault> {
    match wanted.only.iter().find(|part| !ROWS.iter().any(|row| row.is_called(part))) {
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
