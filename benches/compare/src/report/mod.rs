//! What is written down: the results, of which `ringway report` makes a page, and their tables.

use std::{fs, path::PathBuf};

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
        let directory = &self.args.out;
        fs::create_dir_all(directory).map_err(|error| format!("can't make {}: {error}", directory.display()))?;
        let path = directory.join(self.args.stem() + ".json");
        fs::write(&path, self.json()).map_err(|error| format!("can't write {}: {error}", path.display()))?;
        let tables = tables::all(&Run::read(&path)?).map_err(|fault| fault.to_string())?;
        let beside = path.with_extension("md");
        fs::write(&beside, &tables).map_err(|error| format!("can't write {}: {error}", beside.display()))?;
        Ok((path, tables::summary(&tables)))
    }
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
