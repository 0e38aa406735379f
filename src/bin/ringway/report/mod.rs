//! `ringway report`: result files of any number, as one page that explains itself, a summary, or the tables of a README.
//!
//! The figures come from [`results`](crate::results); [`findings`] says in a few lines what they mean. The page is one HTML
//! file without scripts and without a network: charts are drawn here, as SVG.

use std::{fs, path::Path, process::ExitCode};

use crate::{args, fault::Fault, results::Run, show};

mod agreement;
mod charts;
mod findings;
mod html;
mod page;
mod readme;
mod tables;
mod terminal;
mod words;

/// Reads the files, and writes what was asked for.
pub(crate) fn run(told: &args::Report) -> Result<ExitCode, Fault> {
    let runs: Vec<Run> = told.files.iter().map(|path| Run::read(path).map_err(Fault::new)).collect::<Result<_, _>>()?;
    if let Some(path) = &told.readme {
        let [run] = runs.as_slice() else {
            return Err(Fault::new("--readme takes its tables from one result file: name one"));
        };
        let text = fs::read_to_string(path).map_err(|error| unfit(path, &error))?;
        let text = readme::rewrite(&text, &path.display().to_string(), run)?;
        fs::write(path, text).map_err(|error| unfit(path, &error))?;
        return Ok(ExitCode::SUCCESS);
    }
    if told.agree {
        if runs.len() < 2 {
            return Err(Fault::new("--agree holds result files against each other: name two or more"));
        }
        let found = agreement::of(&runs);
        show::print(&found.text)?;
        return Ok(if found.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if told.out.as_os_str() == "-" {
        show::print(&page::html(&runs))?;
        return Ok(ExitCode::SUCCESS);
    }
    if told.files.iter().any(|file| is_same(file, &told.out)) {
        return Err(Fault::new(format!("--out: {} is one of the result files", told.out.display())));
    }
    fs::write(&told.out, page::html(&runs)).map_err(|error| unfit(&told.out, &error))?;
    show::print(&format!("{}\nwritten to {}\n", terminal::text(&runs), told.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether both name one file that exists.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// What result files say, for the terminal.
pub(crate) fn summary(runs: &[Run]) -> String {
    terminal::text(runs)
}

fn unfit(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(format!("{}: {error}", path.display()))
}
