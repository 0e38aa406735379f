//! What came out, in a few lines, each beside what it is to be held against.

use crate::{
    harness::{
        measure::Regime,
        open::sweep::{self, Course},
        schedule::{Cell, Results, RowResult},
        stats::Figure,
    },
    show,
};

/// Columns before the text.
const INDENT: usize = 14;

/// The headlines of what was measured: at most five.
pub(super) fn text(results: &Results, courses: &[Course]) -> String {
    let lines = [
        ("one to one", throughput(results)),
        ("many to many", many(results)),
        ("round trip", round_trip(results)),
        ("under load", under_load(courses)),
        ("waiting", waiting(courses)),
    ];
    lines.into_iter().filter_map(|(head, text)| Some(show::beside(head, INDENT, &text?))).collect()
}

/// What went wrong, a line each.
pub(super) fn trouble(results: &Results, courses: &[Course]) -> String {
    let cells = results
        .rows
        .iter()
        .flat_map(|row| row.cells.iter().map(move |cell| (row.row.name, cell.entry.name, &cell.faults, &cell.hangs)));
    let courses =
        courses.iter().map(|course| (course.case.cell.as_str(), course.case.entry.name, &course.faults, &course.hangs));
    let told = |(row, entry, faults, hangs): (&str, &str, &Vec<String>, &Vec<String>)| {
        let first = faults.first().map(|what| ("FAULT", what)).or(hangs.first().map(|what| ("HUNG", what)));
        first.map(|(head, what)| show::beside(head, INDENT, &format!("{row}, {entry}: {what}")))
    };
    cells.chain(courses).filter_map(told).collect()
}

fn row<'r>(results: &'r Results, name: &str) -> Option<&'r RowResult> {
    results.rows.iter().find(|row| row.row.name == name)
}

/// The median of a cell where most of its samples were taken, and how far apart the CPUs were there.
fn median(cell: &Cell, figure: Figure) -> Option<(f64, Regime)> {
    let spreads = Regime::ALL.into_iter().filter_map(|regime| Some((cell.spread(figure, regime)?, regime)));
    spreads.max_by_key(|(spread, _)| spread.count).map(|(spread, regime)| (spread.median, regime))
}

/// How many of those a second, with the place.
fn rate(cell: &Cell) -> Option<String> {
    let (ns, regime) = median(cell, Figure::Main)?;
    Some(format!("{}, {} an item, CPUs {}", show::rate(1e9 / ns, "items"), show::time(ns), regime.name()))
}

fn throughput(results: &Results) -> Option<String> {
    let row = row(results, "spsc")?;
    let alone = row.ceiling().and_then(|cell| median(cell, Figure::Main));
    let beside = alone.map(|(ns, _)| format!("; the loops alone take {}", show::time(ns))).unwrap_or_default();
    Some(format!("{}{beside} (row spsc)", rate(row.ours()?)?))
}

fn many(results: &Results) -> Option<String> {
    let row = row(results, "mpmc-2x2")?;
    Some(format!("{}, 2 to 2 (row mpmc-2x2)", rate(row.ours()?)?))
}

fn round_trip(results: &Results) -> Option<String> {
    let row = row(results, "ping-pong")?;
    let ours = row.ours()?;
    let ((ns, regime), p99) = (median(ours, Figure::Main)?, median(ours, Figure::P99));
    let p99 = p99.map(|(ns, _)| format!(", p99 {}", show::time(ns))).unwrap_or_default();
    let line = row.ceiling().and_then(|cell| median(cell, Figure::Main));
    let line = line.map(|(ns, _)| format!("; a bare cache line takes {}", show::time(ns))).unwrap_or_default();
    let regime = regime.name();
    Some(format!("p50 {}{p99}, closed loop, CPUs {regime}{line} (row ping-pong)", show::time(ns)))
}

fn under_load(courses: &[Course]) -> Option<String> {
    let is_half = |course: &&Course| course.case.load == Some(0.5) && !course.is_jitter();
    let course = courses.iter().filter(is_half).find(|course| course.case.arrivals.name() == "poisson");
    let course = course.or_else(|| courses.iter().find(is_half))?;
    let at = |percent| show::time(course.latencies.percentile(percent) as f64);
    let (entry, arrivals) = (course.case.entry.name, course.case.arrivals.name());
    let knees = sweep::knees(courses);
    let knee = knees.iter().find(|(knee, how, _)| (*knee, *how) == (entry, arrivals));
    let knee = knee.map(|(_, _, point)| format!("; it holds up to {}", show::rate(point.offered, "items")));
    let jitter = courses.iter().find(|other| {
        other.is_jitter() && other.case.load == course.case.load && other.case.arrivals.name() == arrivals
    });
    let jitter = jitter
        .map(|jitter| format!("; without a queue p99.9 {}", show::time(jitter.latencies.percentile(99.9) as f64)));
    Some(format!(
        "p50 {}, p99.9 {} from the due time at {} ({arrivals}, half of what it takes){}{} ({entry})",
        at(50.0),
        at(99.9),
        show::rate(course.case.offered, "items"),
        knee.unwrap_or_default(),
        jitter.unwrap_or_default(),
    ))
}

fn waiting(courses: &[Course]) -> Option<String> {
    let told = |way: &str| {
        let is_it = |course: &&Course| course.case.cell == "paced-1kHz" && course.case.entry.name.ends_with(way);
        let course = courses.iter().find(is_it)?;
        let mut shares: Vec<f64> = course.samples.iter().flatten().filter_map(|sample| sample.cpu).collect();
        shares.sort_by(f64::total_cmp);
        let share = shares.get(shares.len() / 2)?;
        let p50 = show::time(course.latencies.percentile(50.0) as f64);
        Some(format!("{way} p50 {p50} for {} of a CPU", show::percent(*share)))
    };
    Some(format!("{}; {}, an item a millisecond (paced-1kHz)", told("Park")?, told("Spin")?))
}
