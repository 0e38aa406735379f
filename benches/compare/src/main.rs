//! Runs ringway beside its peers: one process, rounds interleaved, every sample checked and tagged with the distance of
//! its CPUs. Prints and writes a report.
//!
//! `rows` says what is run, `entries` by whom, `peers` how each of them is asked; `measure` takes one sample, `schedule`
//! takes them in rounds, `stats` makes medians of them and `report` writes them down.

#![deny(unsafe_code)]

mod args;
mod entries;
mod machine;
mod measure;
mod peers;
mod queue;
mod report;
mod rows;
mod schedule;
mod stats;

use std::{env, process::ExitCode};

use args::Args;
use machine::{Machine, Watch};
use report::Report;

/// A stream arrived broken, or ringway hung.
const EXIT_UNSOUND: u8 = 1;
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
        print!("{}", args::HELP);
        return Ok(true);
    }
    let mut results = schedule::plan(&args);
    if args.list {
        for row in &results.rows {
            let names: Vec<_> = row.cells.iter().map(|cell| cell.entry.name).collect();
            println!("{}: {}\n    {}", row.row.name, row.row.describe(args.quick), names.join(", "));
        }
        return Ok(true);
    }
    let machine = Machine::look()?;
    let watch = Watch::start();
    schedule::run(&mut results, &args, &machine.cores);
    let (markdown, path) = Report::new(&args, &machine, &results, &watch).write()?;
    println!("{markdown}");
    eprintln!("written to {} and .json beside it", path.display());
    Ok(results.is_sound())
}
