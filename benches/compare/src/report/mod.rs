//! What is written down: the results, of which `ringway report` makes a page, and their tables.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    args::Args,
    harness::{
        document::{self, Document, Head},
        facts::{Disturbance, Facts, Watch},
        open::sweep::Course,
        schedule::Results,
    },
    results::Run,
};

mod tables;

/// Everything that the file holds.
pub(crate) struct Report<'a> {
    /// What was asked for.
    pub(crate) args: &'a Args,
    /// Where it ran.
    pub(crate) facts: &'a Facts,
    /// What came out.
    pub(crate) results: &'a Results,
    /// What came out of open loops.
    pub(crate) courses: &'a [Course],
    /// How long it took.
    pub(crate) seconds: f64,
    /// What the machine did meanwhile.
    pub(crate) disturbance: Disturbance,
    /// Why the results can't stand beside others; empty if they can.
    pub(crate) unfit: Vec<String>,
}

impl<'a> Report<'a> {
    /// Closes the books of a run.
    pub(crate) fn new(
        args: &'a Args,
        facts: &'a Facts,
        results: &'a Results,
        courses: &'a [Course],
        watch: &Watch,
    ) -> Self {
        let disturbance = watch.stop();
        let unfit = document::unfit(facts, &disturbance, results, courses, &args.wanted);
        Self { args, facts, results, courses, seconds: watch.seconds(), disturbance, unfit }
    }

    fn json(&self) -> String {
        let head = Head {
            tool: "compare",
            command: self.args.command(),
            version: locked_version("ringway").unwrap_or_default(),
            wanted: &self.args.wanted,
            facts: self.facts,
            seconds: self.seconds,
            disturbance: &self.disturbance,
            unfit: &self.unfit,
            excluded: &self.results.excluded,
        };
        let mut cells = document::cells(self.results, locked_version);
        cells.extend(self.courses.iter().map(|course| course.figures().json(locked_version)));
        let mut latencies = document::latencies(self.results);
        latencies.extend(self.courses.iter().map(|course| course.latency(None)));
        let knees = document::knees(self.courses);
        Document { head: head.json(), cells, latencies, knees, matrix: None }.render()
    }

    /// Writes the results, and their tables beside them; returns where they went, and the short tables.
    pub(crate) fn write(&self) -> Result<(PathBuf, String), String> {
        let path = self.args.path();
        fs::write(&path, self.json()).map_err(|error| refused(&path, &error))?;
        let tables = tables::all(&Run::read(&path)?).map_err(|fault| fault.to_string())?;
        let beside = path.with_extension("md");
        fs::write(&beside, &tables).map_err(|error| refused(&beside, &error))?;
        Ok((path, tables::summary(&tables)))
    }
}

/// Makes the folder, and tries to write there: a wrong name must not cost ten minutes.
pub(crate) fn prepare(args: &Args) -> Result<(), String> {
    fs::create_dir_all(&args.out).map_err(|error| refused(&args.out, &error))?;
    let path = args.path();
    File::options().append(true).create(true).open(&path).map(drop).map_err(|error| refused(&path, &error))
}

fn refused(path: &Path, error: &io::Error) -> String {
    format!("--out: {} can't be written: {error}", path.display())
}

/// Versions of the packages in the lock file that this was built with.
fn locked_version(package: &str) -> Option<&'static str> {
    let named = format!("name = \"{package}\"");
    let mut lines = include_str!("../../Cargo.lock").lines();
    lines.find(|line| *line == named)?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_lock_file_is_read() {
        assert!(locked_version("rtrb").is_some_and(|version| version.starts_with("0.4.")));
        assert_eq!(locked_version("no such package"), None);
    }
}
