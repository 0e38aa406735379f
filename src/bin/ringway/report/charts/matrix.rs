//! The round trip of a cache line from each CPU to each other.

use crate::{
    results::{Matrix, Run},
    show,
};

use super::{
    Chart, Svg,
    scale::{extent, time},
    svg::{Anchor, TEXT, text_width},
    tag,
};
use crate::report::words;

const LEFT: f64 = 54.0;
const TOP: f64 = 44.0;
/// The largest side of a field.
const FIELD_MAX: f64 = 72.0;

/// A chart for each run that has a matrix.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let with = runs.iter().filter_map(|run| Some((run, run.matrix.as_ref()?)));
    let measured = with.filter(|(_, matrix)| distances(matrix).next().is_some());
    measured.map(|(run, matrix)| chart(runs, run, matrix)).collect()
}

fn distances(matrix: &Matrix) -> impl Iterator<Item = f64> {
    matrix.ns.iter().flatten().filter_map(|&ns| ns)
}

fn chart<'r>(runs: &'r [Run], run: &'r Run, matrix: &'r Matrix) -> Chart<'r> {
    let (low, high) = extent(distances(matrix)).unwrap_or_default();
    let cpus: Vec<usize> = matrix.cpus.iter().map(|&cpu| cpu as usize).collect();
    let notes = vec![
        format!(
            "Median round trip of a cache line, ns; the stronger the colour, the further apart. From {} to {}.",
            show::time(low),
            show::time(high)
        ),
        format!("{} pairs of CPUs {}.", distances(matrix).count(), show::cpus(&cpus)),
    ];
    Chart::new(format!("Round trips between CPUs{}", tag(runs, run, |run| run.matrix.is_some())), notes, move |width| {
        draw(width, matrix)
    })
}

fn draw(width: f64, matrix: &Matrix) -> Svg {
    let count = matrix.cpus.len().max(1);
    let side = ((width - LEFT - 4.0) / count as f64).min(FIELD_MAX);
    let (low, high) = extent(distances(matrix)).unwrap_or((0.0, 1.0));
    let mut svg = Svg::new(width, TOP + side * count as f64 + 4.0);
    svg.text((0.0, TEXT), Anchor::Start, "title", "round trip, ns; CPU across and down");
    // As many names of CPUs as don't touch.
    let every = ((text_width("000") + 4.0) / side).ceil().max(1.0) as usize;
    for (nth, cpu) in matrix.cpus.iter().enumerate().filter(|(nth, _)| nth.is_multiple_of(every)) {
        let middle = (nth as f64 + 0.5) * side;
        svg.text((LEFT + middle, TOP - 8.0), Anchor::Middle, "tick", &cpu.to_string());
        svg.text((LEFT - 8.0, TOP + middle + 4.0), Anchor::End, "tick", &cpu.to_string());
    }
    for (down, row) in matrix.ns.iter().enumerate() {
        for (across, ns) in row.iter().enumerate() {
            let at = (LEFT + across as f64 * side, TOP + down as f64 * side);
            let Some(ns) = *ns else { continue };
            // The square root keeps near distances apart where a few are very far.
            let strength = 0.1 + 0.5 * ((ns - low) / (high - low).max(1e-9)).sqrt();
            let pair = format!("CPU {} to {}: {}", matrix.cpus[down], matrix.cpus[across], time(ns));
            let gap = if side > 8.0 { 2.0 } else { 0.0 };
            svg.area(at, (side - gap, side - gap), strength, &pair);
            let text = words::ns(ns.round()).trim_end_matches(".0").trim_end_matches(".00").to_owned();
            if text_width(&text) + 4.0 < side {
                svg.text((at.0 + side / 2.0, at.1 + side / 2.0 + 4.0), Anchor::Middle, "value", &text);
            }
        }
    }
    svg
}
