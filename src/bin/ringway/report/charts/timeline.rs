//! p99.9 over time, above a strip of what the machine itself did meanwhile.

use crate::{
    report::words,
    results::{Latency, Part, Run},
    show,
};

use super::{
    Chart, Svg,
    plot::{Axis, Plot, Series},
    scale::{Kind, Scale, extent, time},
    svg::{Anchor, TEXT},
    tag_of,
};

/// Height of the strip.
const STRIP: f64 = 54.0;
/// Room below the chart for the strip and its title.
const BELOW: f64 = STRIP + 2.0 * TEXT;

/// A chart for each entry of ringway and kind of arrivals, at the highest load below what it can take.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut charts = Vec::new();
    for run in runs {
        let mut shown: Vec<&Latency> = Vec::new();
        let is_of_ours = |found: &&Latency| {
            found.timeline.len() > 1 && found.part == Part::Ours && !found.is_jitter && !found.is_closed_loop
        };
        for found in run.latencies.iter().filter(is_of_ours) {
            let fitness = |found: &Latency| found.load.filter(|&load| load < 0.95).unwrap_or(0.0);
            let same = |other: &&mut &Latency| {
                (&other.cell, &other.entry, &other.arrivals) == (&found.cell, &found.entry, &found.arrivals)
            };
            match shown.iter_mut().find(same) {
                Some(other) if fitness(found) > fitness(other) => *other = found,
                Some(_) => {}
                None => shown.push(found),
            }
        }
        charts.extend(shown.into_iter().map(|found| chart(runs, run, found)));
    }
    charts
}

fn chart<'r>(runs: &'r [Run], run: &'r Run, found: &'r Latency) -> Chart<'r> {
    let load = found.load.map_or(String::new(), |load| format!(", {:.0} % load", load * 100.0));
    let title =
        format!("{}{load}: {}{}", words::arriving(&found.cell, &found.arrivals), found.entry, tag_of(runs, run, found));
    let notes = vec![
        "Above, p99.9 of each stretch of time; below, the longest time in it that others had the CPU. A peak in \
         both is the machine's, a peak above alone is the queue's."
            .to_owned(),
        format!("Samples: {} in {} stretches.", show::count(found.count), found.timeline.len()),
    ];
    Chart::new(title, notes, move |width| draw(width, found))
}

fn draw(width: f64, found: &Latency) -> Svg {
    let last = found.timeline.iter().map(|moment| moment.second).fold(0.0, f64::max);
    let range = extent(found.timeline.iter().map(|moment| moment.p999_ns)).unwrap_or((1.0, 10.0));
    let seconds = |second: f64| format!("{}", (second * 100.0).round() / 100.0);
    let x = Axis { kind: Kind::Linear, range: (0.0, last), title: "seconds", name: seconds };
    let y = Axis { kind: Kind::Log, range: (range.0 * 0.8, range.1 * 1.2), title: "p99.9, log", name: time };
    let mut plot = Plot::new((width, if width > 500.0 { 250.0 } else { 220.0 }), 24.0, &x, &y);
    let points = found.timeline.iter().map(|moment| (moment.second, moment.p999_ns)).collect();
    plot.series(&[Series { label: String::new(), class: "c0".into(), points, told: found.entry.clone() }]);
    strip(plot, found)
}

/// Adds the strip below.
fn strip(plot: Plot, found: &Latency) -> Svg {
    let Plot { mut svg, x, edges: [left, right, ..], .. } = plot;
    let pauses: Vec<(f64, f64)> =
        found.timeline.iter().filter_map(|moment| Some((moment.second, moment.jitter_ns?))).collect();
    let Some((low, high)) = extent(pauses.iter().map(|&(_, ns)| ns)) else { return svg };
    let top = svg.height + TEXT + 6.0;
    let bottom = top + STRIP - 10.0;
    svg.height += BELOW;
    svg.text((0.0, top - 8.0), Anchor::Start, "title", "longest time that others had the CPU, log");
    let up = Scale::new(Kind::Log, (low * 0.5, high), (bottom, top));
    svg.line((left, bottom), (right, bottom), "axis");
    svg.text((left - 6.0, top + 8.0), Anchor::End, "tick", &time(two_digits(high)));
    svg.text((left - 6.0, bottom), Anchor::End, "tick", &time(two_digits(low * 0.5)));
    for (second, ns) in pauses {
        let at = x.at(second);
        svg.curve(&[(at, bottom), (at, up.at(ns))], "pause", &format!("second {second}: {}", show::time(ns)));
    }
    svg
}

/// Rounded to two digits, for the short names of an axis.
fn two_digits(value: f64) -> f64 {
    let scale = 10f64.powf(1.0 - value.max(1e-9).log10().floor());
    (value * scale).round() / scale
}
