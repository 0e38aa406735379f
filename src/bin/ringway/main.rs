//! The program `ringway`: the engine on real input, and what the machine lets it reach.
//!
//! It uses nothing but the public API, so that it proves that the API is enough. `replay` pushes recorded rows through a
//! topic to pinned workers; `doctor` judges the machine; `bench` measures what ringway reaches on it; `report` shows what was
//! measured. A user's mistake is one line on standard error and exit code 2; a run that does not add up is exit code 1; a
//! signal ends `replay` in order, with exit code 128 and its number, and the others at once: they have written nothing yet.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};

mod args;
mod bench;
mod doctor;
mod fault;
#[allow(dead_code, unused_imports, reason = "it serves two programs, and each has a use for its part")]
#[path = "../../../benches/harness/mod.rs"]
mod harness;
mod machine;
mod replay;
mod report;
mod results;
mod show;

use args::{Arguments, Command};
use fault::Fault;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(io::stderr(), "{error}");
            return ExitCode::from(2);
        }
        Err(error) if error.use_stderr() => return refuse(&args::in_one_line(&error)),
        // Help and version are answers, not errors.
        Err(answer) => {
            let printed = show::print(&answer.to_string());
            return printed.map_or_else(|fault| refuse(&fault), |()| ExitCode::SUCCESS);
        }
    };
    let done = match arguments.command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
    };
    done.unwrap_or_else(|fault| refuse(&fault))
}

/// Says what to change, and gives the exit code of a user's mistake.
fn refuse(fault: &Fault) -> ExitCode {
    // When standard error is gone, too, the exit code has to do.
    let _ = writeln!(io::stderr(), "ringway: {fault}");
    ExitCode::from(2)
}
