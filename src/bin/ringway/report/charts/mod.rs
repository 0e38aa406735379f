//! The charts, drawn as SVG once for a wide page and once for a narrow one, so that letters keep their size.
//!
//! A section is one question; it holds a chart for each case that the files have an answer for, and says so where they have
//! none. Colours are classes, which the page's style sheet gives for light and for dark.

use crate::{
    results::{Latency, Part, Run},
    show,
};

mod distribution;
mod load;
mod matrix;
mod peers;
mod plot;
mod scale;
mod shapes;
mod svg;
mod timeline;
mod waiting;

use super::words;
use svg::Svg;

/// Widths for which each chart is drawn.
const WIDTHS: [(&str, f64); 2] = [("chart wide", 740.0), ("chart narrow", 360.0)];

/// Colours for entries of ringway.
const COLOURS: usize = 4;

/// Charts that answer one question.
pub(super) struct Section<'r> {
    pub(super) title: &'static str,
    pub(super) charts: Vec<Chart<'r>>,
    /// What the files lack if there are no charts.
    pub(super) missing: &'static str,
}

/// A chart, and what stands beside it.
pub(super) struct Chart<'r> {
    pub(super) title: String,
    /// How to read it, of how many samples it is, by which run.
    pub(super) notes: Vec<String>,
    draw: Box<dyn Fn(f64) -> Svg + 'r>,
}

impl<'r> Chart<'r> {
    fn new(title: String, notes: Vec<String>, draw: impl Fn(f64) -> Svg + 'r) -> Self {
        Self { title, notes, draw: Box::new(draw) }
    }

    /// The drawings, of which a page shows one.
    pub(super) fn svg(&self) -> String {
        WIDTHS.iter().map(|&(class, width)| (self.draw)(width).finish(class, &self.title)).collect()
    }
}

/// Every section, in the order of the page.
pub(super) fn sections(runs: &[Run]) -> Vec<Section<'_>> {
    vec![
        Section {
            title: "ringway beside the best peer",
            charts: peers::ratios(runs),
            missing: "No chart: these files hold no row with both ringway and a peer.",
        },
        Section {
            title: "All contenders",
            charts: peers::contenders(runs),
            missing: "No chart: these files hold no row with several contenders.",
        },
        Section {
            title: "Throughput by producers × consumers",
            charts: shapes::charts(runs),
            missing: "No chart: these files hold no throughput of single words by ringway.",
        },
        Section {
            title: "Latency by percentile",
            charts: distribution::charts(runs),
            missing: "No chart: these files hold no whole distributions of latency.",
        },
        Section {
            title: "Latency against offered load",
            charts: load::charts(runs),
            missing: "No chart: these files hold no open loop at three loads or more.",
        },
        Section {
            title: "p99.9 over time",
            charts: timeline::charts(runs),
            missing: "No chart: these files hold no open loop cut into stretches of time.",
        },
        Section {
            title: "CPU cost against latency, by wait strategy",
            charts: waiting::charts(runs),
            missing: "No chart: these files hold no CPU time beside a latency.",
        },
        Section {
            title: "From core to core",
            charts: matrix::charts(runs),
            missing: "No chart: these files hold no matrix of round trips between CPUs.",
        },
    ]
}

/// What tells a run from the others that hold the same, where there are any; it starts with a comma.
fn tag(runs: &[Run], run: &Run, holds: impl Fn(&Run) -> bool) -> String {
    let others = || runs.iter().filter(|other| !std::ptr::eq(*other, run) && holds(other));
    let is_own = |text: fn(&Run) -> &str| !text(run).is_empty() && others().all(|other| text(other) != text(run));
    if others().next().is_none() {
        String::new()
    } else if is_own(|run| &run.tool) {
        format!(", {}", words::short(&run.tool))
    } else if is_own(|run| &run.commit) {
        format!(", {}", run.commit)
    } else if is_own(|run| &run.date) {
        format!(", {}", run.date)
    } else {
        let place = runs.iter().position(|other| std::ptr::eq(other, run)).unwrap_or(0);
        format!(", file {}", place + 1)
    }
}

/// Whether a run has figures of that row.
fn has_row(run: &Run, row: &str) -> bool {
    run.cells.iter().any(|cell| cell.row == row)
}

/// What tells a distribution's run from others that have that entry in that cell.
fn tag_of(runs: &[Run], run: &Run, found: &Latency) -> String {
    let is_same = |other: &Latency| (&other.cell, &other.entry) == (&found.cell, &found.entry);
    tag(runs, run, |run| run.latencies.iter().any(is_same))
}

/// The class of a distribution's line. An entry of ringway has one colour in every chart; where several runs have it, those
/// after the first, which is `taken`, have another stroke.
fn class_of(runs: &[Run], found: &Latency, taken: &mut Vec<String>) -> String {
    match found.part {
        _ if found.is_jitter => return "jitter".into(),
        Part::Ours => {}
        Part::Peer | Part::Spinner | Part::Ceiling => return "peer".into(),
    }
    let mut entries: Vec<&str> = Vec::new();
    for other in runs.iter().flat_map(|run| &run.latencies).filter(|other| other.part == Part::Ours) {
        if !entries.contains(&other.entry.as_str()) {
            entries.push(&other.entry);
        }
    }
    let class = format!("c{}", entries.iter().position(|entry| *entry == found.entry).unwrap_or(0) % COLOURS);
    if taken.contains(&found.entry) {
        return format!("{class} again");
    }
    taken.push(found.entry.clone());
    class
}

/// Rows that another run shows with peers, and this one without: there ringway's figures stand beside theirs.
fn is_shown_elsewhere(runs: &[Run], run: &Run, row: &str) -> bool {
    !run.has_peers(row) && runs.iter().any(|other| other.has_peers(row))
}

/// `14`, `9 to 14`.
fn from_to(counts: impl IntoIterator<Item = usize>) -> String {
    match scale::extent(counts.into_iter().map(|count| count as f64)) {
        None => "0".into(),
        Some((low, high)) if low == high => show::count(low as u64),
        Some((low, high)) => format!("{} to {}", show::count(low as u64), show::count(high as u64)),
    }
}
