//! What is written down.

mod json;
mod markdown;

use std::{fs, path::PathBuf};

use crate::{
    args::Args,
    machine::{Machine, Watch},
    schedule::Results,
};

/// The share of samples that others may have disturbed; they are left out, but their neighbours are suspect.
const DISTURBED_MAX: f64 = 0.2;

/// Everything that the two writers need.
pub(crate) struct Report<'a> {
    /// What was asked for.
    pub(crate) args: &'a Args,
    /// Where it ran.
    pub(crate) machine: &'a Machine,
    /// What came out.
    pub(crate) results: &'a Results,
    /// How long it took.
    pub(crate) seconds: f64,
    /// What the machine did meanwhile.
    pub(crate) disturbance: (String, serde_json::Value),
    /// Why the results can't stand beside others; empty if they can.
    pub(crate) unfit: Vec<String>,
}

impl<'a> Report<'a> {
    /// Closes the books of a run.
    pub(crate) fn new(args: &'a Args, machine: &'a Machine, results: &'a Results, watch: &Watch) -> Self {
        let (line, json, stolen) = watch.stop();
        let mut unfit = machine.unfit();
        unfit.extend(stolen);
        if args.quick {
            unfit.push("a quick run: short bursts, few rounds".into());
        }
        let [near, far, changed, disturbed] = results.regimes();
        let share = disturbed as f64 / (near + far + changed + disturbed).max(1) as f64;
        if share > DISTURBED_MAX {
            unfit.push(format!("others used the CPUs during {:.0} % of the samples", share * 100.0));
        }
        if results.burning > 0 {
            unfit.push(format!("{} threads hang inside a peer's call and use a CPU", results.burning));
        }
        Self { args, machine, results, seconds: watch.seconds(), disturbance: (line, json), unfit }
    }

    /// Writes both files; returns the Markdown and where it went.
    pub(crate) fn write(&self) -> Result<(String, PathBuf), String> {
        let directory = &self.args.out;
        fs::create_dir_all(directory).map_err(|error| format!("can't make {}: {error}", directory.display()))?;
        let markdown = markdown::render(self);
        let json = json::render(self);
        let path = directory.join(self.args.stem() + ".md");
        for (path, text) in [(&path, &markdown), (&path.with_extension("json"), &json)] {
            fs::write(path, text).map_err(|error| format!("can't write {}: {error}", path.display()))?;
        }
        Ok((markdown, path))
    }
}
