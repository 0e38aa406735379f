//! Runs ringway beside its peers: one process, rounds interleaved, every sample checked and tagged with the distance of
//! its CPUs. Prints who stands where; writes results, as `ringway bench` does, and their tables.
//!
//! `entries` says which peer runs which rows, `peers` how each of them is asked, `tasks` drives futures and `report` writes
//! the results down. Rows, loops, rounds and statistics are `../harness`, which `ringway bench` has, too.

#![deny(unsafe_code)]

mod args;
mod entries;
#[path = "../../../src/bin/ringway/fault.rs"]
mod fault;
#[allow(dead_code, unused_imports, reason = "it serves two programs, and each has a use for its part")]
#[path = "../../harness/mod.rs"]
mod harness;
#[allow(dead_code, reason = "the other program tells more of the machine")]
#[path = "../../../src/bin/ringway/machine/mod.rs"]
mod machine;
mod peers;
mod progress;
mod report;
#[allow(dead_code, unused_imports, reason = "the other program makes more of them")]
#[path = "../../../src/bin/ringway/results/mod.rs"]
mod results;
#[allow(dead_code, reason = "the other program shows more")]
#[path = "../../../src/bin/ringway/show.rs"]
mod show;
mod tasks;

use std::{env, process::ExitCode};

use args::Args;
use harness::{
    document,
    facts::{Build, Facts, Watch},
    open::{
        families::{self, FAMILIES, Family},
        sweep::Course,
    },
    rows::ROWS,
    schedule::{self, RowResult, Wanted},
};
use progress::Progress;
use report::Report;

/// A stream arrived broken, or ringway hung.
const EXIT_UNSOUND: u8 = 1;
/// Rounds of open loops at the most: each of them has thousands of items.
const OPEN_ROUNDS: usize = 15;
/// The command line is wrong, or this machine can't do it.
const EXIT_REFUSED: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_UNSOUND),
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::from(EXIT_REFUSED)
        }
    }
}

/// Whether every stream arrived whole.
fn run() -> Result<bool, String> {
    let args = Args::parse(env::args_os().skip(1))?;
    if args.help {
        return print(args::HELP).map(|()| true);
    }
    let wanted = &args.wanted;
    let mut results = schedule::plan(ROWS, &entries::all(), entries::EXCLUSIONS, wanted);
    if args.list {
        let mut text = String::new();
        let mut told =
            |name: &str, about: &str, who: &[&str]| text += &format!("{name}: {about}\n    {}\n", who.join(", "));
        for RowResult { row, cells } in &results.rows {
            let names: Vec<_> = cells.iter().map(|cell| cell.entry.name).collect();
            told(row.name, &row.describe(wanted.quick), &names);
        }
        for family in FAMILIES.iter().filter(|family| family.is_wanted(wanted)) {
            let names: Vec<_> = entries::open(family, wanted).iter().map(|entry| entry.name).collect();
            if !names.is_empty() {
                told(family.name, family.about, &names);
            }
        }
        return print(&text).map(|()| true);
    }
    report::prepare(&args)?;
    let facts = Facts::look(build())?;
    let watch = Watch::start();
    schedule::run(&mut results, wanted, &facts.cores, &mut Progress::new(wanted.rounds));
    let open = Wanted { rounds: wanted.rounds.min(OPEN_ROUNDS), ..wanted.clone() };
    let who = |family: &Family| entries::open(family, &open);
    let courses = families::measure(&open, who, None, &facts.cores, &mut Progress::new(open.rounds));
    let (path, summary) = Report::new(&args, &facts, &results, &courses, &watch).write()?;
    let path = path.display();
    let trouble = document::trouble(&results, &courses).map(|(row, entry, what)| format!("{row} by {entry}: {what}\n"));
    print(&format!(
        "{summary}{}written to {path} and .md beside it; cargo run --release --features cli -- report {path} makes a page of it\n",
        trouble.collect::<String>()
    ))?;
    Ok(results.is_sound() && courses.iter().all(Course::is_sound))
}

fn print(text: &str) -> Result<(), String> {
    show::print(text).map_err(|fault| fault.to_string())
}

/// What the build script knows.
fn build() -> Build {
    let (optimised, rustflags) = (env!("COMPARE_OPT"), env!("COMPARE_RUSTFLAGS"));
    let flags = format!(
        "{}, profile {}, opt-level {optimised}, lto fat, codegen-units 1, RUSTFLAGS {}",
        env!("COMPARE_TARGET"),
        env!("COMPARE_PROFILE"),
        if rustflags.is_empty() { "none" } else { rustflags },
    );
    let unfit = (optimised != "3").then(|| format!("built with opt-level {optimised}"));
    Build { rustc: env!("COMPARE_RUSTC").into(), flags, unfit }
}
