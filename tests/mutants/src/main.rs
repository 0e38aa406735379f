//! Breaks the rings on purpose, one place at a time, and reports which model notices.
//!
//! ```text
//! cargo run --release --manifest-path tests/mutants/Cargo.toml [-- OPTIONS]
//!   --only A,B      mutants whose line in the report contains A or B
//!   --skip A,B      do not run models whose name contains A or B
//!   --unexplained   leave out the mutants that justified.txt explains: no model notices them, so each meets every model
//!   --all           every model against every mutant, not only up to the first that notices; names idle models
//!   --list          the mutants, without running any
//!   --timeout SECS  for one model under one mutant (default: 20 times what it takes unharmed, 10 s at the least)
//! ```
//! Every ordering of an atomic access, and every fence, is wrapped into a call that weakens or drops it when the environment
//! says so; so is every snippet of `logic.txt`. The copy of the crate under `target/mutants` is built once, and its models
//! are then run once per change and kind of fences, two processes at a time, those that reach the place only, the quickest
//! first.
//!
//! A mutant that no model notices must be explained in `justified.txt`; if one is not, the exit code is 1.

#[path = "../../support/lexer.rs"]
mod lexer;

mod cfg;
mod justified;
mod logic;
mod models;
mod report;
mod rewrite;
mod sites;
mod tree;

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use models::{Model, Verdict};
use sites::{Mutant, Site};

#[derive(Default)]
struct Options {
    only: Option<String>,
    skip: Option<String>,
    unexplained: bool,
    all: bool,
    list: bool,
    timeout: Option<Duration>,
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--only" => options.only = Some(value()?),
            "--skip" => options.skip = Some(value()?),
            "--unexplained" => options.unexplained = true,
            "--all" => options.all = true,
            "--list" => options.list = true,
            "--timeout" => {
                let seconds = value()?.parse().map_err(|error| format!("--timeout: {error}"))?;
                options.timeout = Some(Duration::from_secs(seconds));
            }
            _ => return Err(format!("unknown option {arg}: see the head of tests/mutants/src/main.rs")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One mutant, and what the models said of it.
struct Outcome<'a> {
    site: &'a Site,
    mutant: &'a Mutant,
    /// Models that reach the site.
    reaching: usize,
    killers: Vec<(String, Verdict)>,
}

/// Whether every mutant was noticed or is explained.
fn run() -> Result<bool, String> {
    let options = options()?;
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no crate around tests/mutants")?.to_owned();
    let started = Instant::now();
    let files = tree::live_files(&root)?;
    let sites = sites::all(&root, &files)?;
    let justified = justified::load(&root)?;
    let wanted = |site: &Site, mutant: &Mutant| {
        let is_in = |texts: &String| texts.split(',').any(|text| report::label(site, mutant).contains(text));
        let is_explained = || justified.iter().any(|entry| entry.key == report::key(site, mutant));
        options.only.as_ref().is_none_or(is_in) && !(options.unexplained && is_explained())
    };
    let mutants: Vec<(&Site, &Mutant)> = sites
        .iter()
        .flat_map(|site| site.mutants.iter().map(move |mutant| (site, mutant)))
        .filter(|(site, mutant)| wanted(site, mutant))
        .collect();
    if options.list {
        mutants.iter().for_each(|(site, mutant)| println!("{}", report::label(site, mutant)));
        println!("{} mutants", mutants.len());
        return Ok(true);
    }

    let binary = tree::build(&root, &sites)?;
    let built = started.elapsed();
    let models = models::unharmed(&root, &binary, options.skip.as_deref())?;
    let outcomes = try_all(&binary, &mutants, &models, &options);
    let is_whole = options.only.is_none() && !options.unexplained;
    let fine = report::print(&outcomes, &models, &justified, options.all, is_whole);
    println!("built in {:.0} s, done after {:.0} s", built.as_secs_f64(), started.elapsed().as_secs_f64());
    Ok(fine)
}

fn try_all<'a>(
    binary: &Path,
    mutants: &[(&'a Site, &'a Mutant)],
    models: &[Model],
    options: &Options,
) -> Vec<Outcome<'a>> {
    let outcomes = models::side_by_side(mutants.len(), |nth| {
        let (site, mutant) = mutants[nth];
        let reaching: Vec<_> = models.iter().filter(|model| model.reaches.contains(&site.number)).collect();
        let mut killers = Vec::new();
        for model in &reaching {
            let limit = options.timeout.unwrap_or((model.takes * 20).max(Duration::from_secs(10)));
            let change = format!("{}:{}", site.number, mutant.to);
            let (verdict, _) = model.run(binary, Ok(&change), limit);
            if verdict != Verdict::Passed {
                killers.push((model.title(), verdict));
                if !options.all {
                    break;
                }
            }
        }
        eprint!("{}", if killers.is_empty() { '!' } else { '.' });
        Outcome { site, mutant, reaching: reaching.len(), killers }
    });
    eprintln!();
    outcomes
}
