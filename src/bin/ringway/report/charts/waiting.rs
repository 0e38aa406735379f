//! What waiting burns, against what it costs in latency.

use crate::{
    results::{Cell, Figure, Part, Regime, Run, Spread},
    show,
};

use super::{
    Chart, Svg, from_to, has_row,
    plot::{Axis, LINE, Plot},
    scale::{Kind, extent, time},
    svg::{Anchor, text_width},
    tag,
};

/// CPU use below which nothing is told apart: a hundredth of a percent.
const CPU_MIN: f64 = 1e-4;

/// A contender's CPU use and latency.
struct Point<'r> {
    cell: &'r Cell,
    cpu: f64,
    ns: Spread,
    p99_ns: Option<Spread>,
}

/// A chart for each row that has both.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut charts = Vec::new();
    for run in runs {
        for row in run.rows().into_iter().filter(|row| row.cells[0].group == "wait") {
            for regime in Regime::ALL {
                let points: Vec<Point<'_>> = row.cells.iter().filter_map(|cell| point(cell, regime)).collect();
                if points.len() > 1 {
                    let title =
                        format!("{}, {}{}", row.name, regime.name(), tag(runs, run, |run| has_row(run, row.name)));
                    charts.push(chart(title, points));
                }
            }
        }
    }
    charts
}

fn point(cell: &Cell, regime: Regime) -> Option<Point<'_>> {
    let cpu = cell.cpu_spread(regime)?.median;
    Some(Point { cell, cpu, ns: cell.spread(Figure::Main, regime)?, p99_ns: cell.spread(Figure::P99, regime) })
}

fn chart(title: String, points: Vec<Point<'_>>) -> Chart<'_> {
    let has_p99 = points.iter().any(|point| point.p99_ns.is_some());
    let told =
        if has_p99 { "A dot is the p50, the line above it leads to the p99." } else { "A dot is the row's figure." };
    let rounds = from_to(points.iter().map(|point| point.ns.count));
    let notes = vec![
        format!("{told} Further left burns less, lower is faster; both axes are logs."),
        format!("Medians of {rounds} rounds, {} contenders.", points.len()),
    ];
    Chart::new(title, notes, move |width| draw(width, &points))
}

fn draw(width: f64, points: &[Point<'_>]) -> Svg {
    let cpus = extent(points.iter().map(|point| point.cpu.max(CPU_MIN))).unwrap_or((CPU_MIN, 1.0));
    let times = points.iter().flat_map(|point| [Some(point.ns.median), point.p99_ns.map(|p99| p99.median)]);
    let times = extent(times.flatten()).unwrap_or((1.0, 10.0));
    let percent = |cpu: f64| format!("{} %", (cpu * 1e4).round() / 1e2);
    let x = Axis { kind: Kind::Log, range: (cpus.0 * 0.7, cpus.1 * 1.4), title: "CPU time, of one CPU", name: percent };
    let y = Axis { kind: Kind::Log, range: (times.0 * 0.7, times.1 * 1.4), title: "latency, log", name: time };
    let mut plot = Plot::new((width, if width > 500.0 { 320.0 } else { 300.0 }), 24.0, &x, &y);
    let (mut marks, mut names): (Vec<[f64; 4]>, Vec<[f64; 4]>) = Default::default();
    let mut places = Vec::new();
    for point in points {
        let at = (plot.x.at(point.cpu.max(CPU_MIN)), plot.y.at(point.ns.median));
        let class = if point.cell.part == Part::Ours { "c0" } else { "peer" };
        if let Some(p99) = point.p99_ns {
            let high = plot.y.at(p99.median);
            plot.svg.line(at, (at.0, high), &format!("whisker {class}"));
            plot.svg.line((at.0 - 4.0, high), (at.0 + 4.0, high), &format!("whisker {class}"));
        }
        let told = format!("{}: {}, {} of a CPU", point.cell.entry, show::time(point.ns.median), percent(point.cpu));
        plot.svg.dot(at, 4.5, class, &told);
        let top = point.p99_ns.map_or(at.1, |p99| plot.y.at(p99.median));
        marks.push([at.0 - 6.0, top - 6.0, at.0 + 6.0, at.1 + 6.0]);
        places.push((at, class, point.cell.entry.as_str()));
    }
    for (at, class, name) in places {
        label(&mut plot, &marks, &mut names, at, class, name);
    }
    plot.svg
}

/// Puts a name beside its dot, where neither a mark nor another name is; on a mark, where there is no such place.
fn label(plot: &mut Plot, marks: &[[f64; 4]], names: &mut Vec<[f64; 4]>, (x, y): (f64, f64), class: &str, name: &str) {
    // With a little air: an estimate knows no bold.
    let width = 1.12 * text_width(name);
    let edges = [plot.edges[0], plot.svg.width, plot.edges[2] - LINE / 2.0, plot.edges[3]];
    let beside = [(x + 9.0, y), (x - 9.0 - width, y)];
    let lines = (1..=16).flat_map(|nth| [LINE * f64::from(nth), LINE * f64::from(-nth)]);
    let moved = lines.flat_map(|off| {
        [x + 9.0, x - 9.0 - width, x - width / 2.0, edges[0], edges[1] - width - 12.0].map(|left| (left, y + off))
    });
    let area = |(left, middle): (f64, f64)| [left, middle - LINE / 2.0, left + width, middle + LINE / 2.0];
    let is_inside = |[left, top, right, bottom]: [f64; 4]| {
        left >= edges[0] && right <= edges[1] && top >= edges[2] && bottom <= edges[3]
    };
    let is_off = |others: &[[f64; 4]], [left, top, right, bottom]: [f64; 4]| {
        !others.iter().any(|other| left < other[2] && other[0] < right && top < other[3] && other[1] < bottom)
    };
    let places: Vec<_> = beside.into_iter().chain(moved).filter(|&place| is_inside(area(place))).collect();
    let free: Vec<_> = places.into_iter().filter(|&place| is_off(names, area(place))).collect();
    let clear = free.iter().find(|&&place| is_off(marks, area(place)));
    let Some(&place) = clear.or(free.first()) else { return };
    if place.1 != y {
        // A hairline leads to a name that had to move away.
        let nearest = x.clamp(place.0, place.0 + width);
        plot.svg.line((x, y), (nearest, place.1 - (place.1 - y).signum() * LINE / 2.0), "lead");
    }
    names.push(area(place));
    plot.svg.text((place.0, place.1 + 4.0), Anchor::Start, &format!("label {class}"), name);
}
