//! The tables of `ringway report`, by its own code.

use crate::{fault::Fault, results::Run};

#[path = "../../../../src/bin/ringway/report/readme.rs"]
mod readme;
#[allow(dead_code, reason = "the other program writes figures in more places")]
#[path = "../../../../src/bin/ringway/report/words.rs"]
mod words;

/// What the tables stand in.
const FRAME: &str = include_str!("frame.md");
/// Where those begin that are too long for a terminal.
const LONG: &str = "## Every ratio";

/// Everything that the results hold.
pub(super) fn all(run: &Run) -> Result<String, Fault> {
    readme::rewrite(FRAME, "frame.md", run)
}

/// Of that, who stands where, without markers.
pub(super) fn summary(all: &str) -> String {
    let short = all.split(LONG).next().unwrap_or_default();
    short.lines().filter(|line| !line.starts_with("<!--")).flat_map(|line| [line, "\n"]).collect()
}
