//! Latency by percentile, on an axis that gives each nine the same room.

use crate::{
    report::words,
    results::{Latency, Part, Run},
    show,
};

use super::{
    Chart, class_of,
    plot::{Axis, Plot, Series, label_room},
    scale::{Kind, extent, percentile, time},
    tag_of,
};

/// Lines that one chart has room for.
const LINES_MAX: usize = 8;
/// The load that distributions are shown at, or the nearest within [`LOAD_OFF`].
const LOAD: f64 = 0.5;
const LOAD_OFF: f64 = 0.25;

/// A chart for each kind of arrivals, and one for closed loops.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut kinds: Vec<(&str, &str, bool)> = Vec::new();
    for found in runs.iter().flat_map(|run| &run.latencies).filter(|found| found.curve.len() > 1) {
        let kind = (found.cell.as_str(), found.arrivals.as_str(), found.is_closed_loop);
        if !found.is_jitter && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.into_iter().map(|kind| chart(runs, kind)).collect()
}

/// The distributions of a kind, one for each entry and run: ringway first, then the loop without a queue, then peers, best
/// first.
fn lines<'r>(runs: &'r [Run], (cell, arrivals, is_closed): (&str, &str, bool)) -> Vec<(&'r Run, &'r Latency)> {
    let off = |found: &Latency| found.load.map_or(0.0, |load| (load - LOAD).abs());
    let is_of_kind = |found: &&Latency| {
        let of_cell = found.cell.as_str() == cell;
        let of_loop = (found.arrivals.as_str(), found.is_closed_loop) == (arrivals, is_closed);
        of_cell && of_loop && found.curve.len() > 1 && off(found) <= LOAD_OFF
    };
    let mut lines: Vec<(&Run, &Latency)> = Vec::new();
    for run in runs {
        for found in run.latencies.iter().filter(is_of_kind) {
            let same = lines.iter_mut().find(|(other, line)| {
                std::ptr::eq(*other, run) && (&line.entry, line.is_jitter) == (&found.entry, found.is_jitter)
            });
            match same {
                Some((_, line)) if off(found) < off(line) => *line = found,
                Some(_) => {}
                None => lines.push((run, found)),
            }
        }
    }
    let rank = |found: &Latency| match (found.is_jitter, found.part) {
        (true, _) => 1,
        (false, Part::Ours) => 0,
        (false, _) => 2,
    };
    let tail = |found: &Latency| found.at("99.9").unwrap_or(f64::INFINITY);
    lines.sort_by(|left, right| rank(left.1).cmp(&rank(right.1)).then(tail(left.1).total_cmp(&tail(right.1))));
    lines
}

fn chart<'r>(runs: &'r [Run], kind: (&'r str, &'r str, bool)) -> Chart<'r> {
    let mut lines = lines(runs, kind);
    let left_out = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    let (cell, arrivals, is_closed) = kind;
    let half = if lines.iter().any(|(_, found)| found.load.is_some()) { ", about half load" } else { "" };
    let (title, reading) = match is_closed {
        true => (
            format!("{cell}, closed loop"),
            "Closed loop: an item waits for the one before, so what a stall held up is not in the tail.".to_owned(),
        ),
        false => (
            format!("{}{half}", words::arriving(cell, arrivals)),
            "Open loop: from the intended time of sending to the receive. Each nine takes the same room; a line ends at its \
             largest sample.".to_owned(),
        ),
    };
    let mut notes = vec![reading];
    if lines.iter().any(|(_, found)| found.is_jitter) {
        notes.push(
            "Dashed: the same loop on the same CPUs without a queue. What it shows, no queue can undercut.".into(),
        );
    }
    let samples: Vec<String> = lines
        .iter()
        .map(|(run, found)| {
            let load = found.load.map_or(String::new(), |load| format!(" at {:.0} % load", load * 100.0));
            format!("{}{}{load} {}", found.entry, tag_of(runs, run, found), show::count(found.count))
        })
        .collect();
    notes.push(format!("Samples: {}.", samples.join("; ")));
    let disturbed: u64 = lines.iter().map(|(_, found)| found.left_out).sum();
    if disturbed > 0 {
        notes.push(format!("{} left out: others had too much of a CPU.", words::several(disturbed as usize, "round")));
    }
    if left_out > 0 {
        notes.push(format!("In the table alone: {}.", words::several(left_out, "slower peer")));
    }
    let series: Vec<Series> = series(runs, &lines);
    Chart::new(title, notes, move |width| draw(width, &series))
}

fn series(runs: &[Run], lines: &[(&Run, &Latency)]) -> Vec<Series> {
    let mut taken = Vec::new();
    let mut one = |(run, found): &(&Run, &Latency)| {
        let class = class_of(runs, found, &mut taken);
        let label = if found.is_jitter {
            format!("no queue{}", tag_of(runs, run, found))
        } else {
            format!("{}{}", words::short(&found.entry), tag_of(runs, run, found))
        };
        let tail = found.at("99.9").map_or("too few samples".to_owned(), show::time);
        // The largest of so many samples stands at the share of the others; the share of all has no place on this axis.
        let last = 1.0 - 1.0 / found.count.max(2) as f64;
        // A reading of zero is one that the clock's steps swallowed, and has no place on this axis either.
        let seen = found.curve.iter().filter(|&&(_, ns)| ns > 0.0);
        let points = seen.map(|&(share, ns)| (share.min(last), ns)).collect();
        Series { told: format!("{label}: p99.9 {tail}"), label, class, points }
    };
    lines.iter().map(&mut one).collect()
}

fn draw(width: f64, series: &[Series]) -> super::Svg {
    let points = || series.iter().flat_map(|series| &series.points);
    let most = points().map(|&(share, _)| share).fold(0.9, f64::max);
    let range = extent(points().map(|&(_, ns)| ns)).unwrap_or((1.0, 10.0));
    let x = Axis { kind: Kind::Tail, range: (0.0, most), title: "percentile, by log 1/(1-p)", name: percentile };
    let y = Axis { kind: Kind::Log, range: (range.0 * 0.9, range.1 * 1.1), title: "latency, log", name: time };
    let mut plot = Plot::new((width, if width > 500.0 { 360.0 } else { 300.0 }), label_room(width, series), &x, &y);
    plot.series(series);
    plot.svg
}
