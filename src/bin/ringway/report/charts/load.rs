//! Latency against offered load, with the knee.

use crate::results::{Latency, Part, Run};

use super::{
    Chart, Svg, class_of, from_to,
    plot::{Axis, Plot, Series, label_room},
    scale::{Kind, extent, items, time},
    svg::Anchor,
    tag_of,
};
use crate::report::words;
use crate::show;

/// Loads that make a line.
const LOADS_MIN: usize = 3;
/// Percentiles of the charts of one entry, and their colours.
const PERCENTILES: [(&str, &str); 5] =
    [("50", "shade0"), ("99", "shade1"), ("99.9", "shade2"), ("99.99", "shade3"), ("max", "shade4")];

/// A sweep over loads, by one entry of one run.
struct Sweep<'r> {
    run: &'r Run,
    loads: Vec<&'r Latency>,
    knee: Option<f64>,
}

impl Sweep<'_> {
    fn entry(&self) -> &str {
        &self.loads[0].entry
    }

    fn points(&self, percentile: &str) -> Vec<(f64, f64)> {
        let point = |found: &&Latency| Some((found.offered?, found.at(percentile)?));
        self.loads.iter().filter_map(point).collect()
    }

    fn samples(&self) -> String {
        let counts = from_to(self.loads.iter().map(|found| found.count as usize));
        format!("{counts} at each of {} loads", self.loads.len())
    }

    fn left_out(&self) -> String {
        match self.loads.iter().map(|found| found.left_out).sum::<u64>() {
            0 => String::new(),
            rounds => format!(" {} left out: others had too much of a CPU.", words::several(rounds as usize, "round")),
        }
    }
}

/// A chart of all percentiles for each entry of ringway, and one of all contenders' p99 where there are peers.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for found in runs.iter().flat_map(|run| &run.latencies).filter(|found| !found.is_closed_loop && !found.is_jitter) {
        let kind = (found.cell.as_str(), found.arrivals.as_str());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let mut charts = Vec::new();
    for kind in kinds {
        let sweeps = sweeps(runs, kind);
        let has_peers = sweeps.iter().any(|sweep| sweep.loads[0].part != Part::Ours);
        if has_peers {
            charts.push(of_all(runs, kind, &sweeps));
        }
        // A run with many contenders takes fewer loads of each; the finer sweep says all that it says.
        let most =
            |entry: &str| sweeps.iter().filter(|sweep| sweep.entry() == entry).map(|sweep| sweep.loads.len()).max();
        let is_finest = |sweep: &Sweep<'_>| most(sweep.entry()) == Some(sweep.loads.len());
        let is_ours = |sweep: &&Sweep<'_>| sweep.loads[0].part == Part::Ours && is_finest(sweep);
        charts.extend(sweeps.iter().filter(is_ours).map(|sweep| of_one(runs, kind, sweep)));
    }
    charts
}

fn sweeps<'r>(runs: &'r [Run], (cell, arrivals): (&str, &str)) -> Vec<Sweep<'r>> {
    let mut sweeps: Vec<Sweep<'r>> = Vec::new();
    for run in runs {
        let of_kind = |found: &&Latency| {
            found.cell.as_str() == cell && found.arrivals == arrivals && !found.is_closed_loop && !found.is_jitter
        };
        for found in run.latencies.iter().filter(of_kind).filter(|found| found.offered.is_some()) {
            match sweeps.iter_mut().find(|sweep| std::ptr::eq(sweep.run, run) && sweep.entry() == found.entry) {
                Some(sweep) => sweep.loads.push(found),
                None => {
                    let knee = run.knees.iter().find(|knee| knee.entry == found.entry && knee.arrivals == arrivals);
                    sweeps.push(Sweep { run, loads: vec![found], knee: knee.map(|knee| knee.offered) });
                }
            }
        }
    }
    for sweep in &mut sweeps {
        sweep.loads.sort_by(|left, right| left.offered.unwrap_or(0.0).total_cmp(&right.offered.unwrap_or(0.0)));
    }
    sweeps.retain(|sweep| sweep.loads.len() >= LOADS_MIN);
    sweeps
}

fn of_one<'r>(runs: &'r [Run], (cell, arrivals): (&str, &str), sweep: &Sweep<'r>) -> Chart<'r> {
    let title =
        format!("{}: {}{}", words::arriving(cell, arrivals), sweep.entry(), tag_of(runs, sweep.run, sweep.loads[0]));
    let mut notes = vec![
        "Open loop, from the intended time of sending. Where the lines turn upwards the queue no longer keeps up."
            .into(),
        match sweep.knee {
            Some(offered) => format!("The knee is at {} items/s.", words::items(offered)),
            None => "No knee was found within the loads that were offered.".into(),
        },
        format!("Samples: {}; percentiles with too few are left out.{}", sweep.samples(), sweep.left_out()),
    ];
    let jitter = sweep
        .run
        .latencies
        .iter()
        .filter(|found| found.is_jitter && (found.cell.as_str(), found.arrivals.as_str()) == (cell, arrivals));
    let jitter: Vec<_> = jitter.filter_map(|found| Some((found.offered?, found.at("99.9")?))).collect();
    let mut series: Vec<Series> = PERCENTILES
        .iter()
        .map(|&(percentile, class)| {
            let label = if percentile == "max" { "max".to_owned() } else { format!("p{percentile}") };
            let points = sweep.points(percentile);
            Series { told: label.clone(), label, class: class.to_owned(), points }
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    if jitter.len() >= LOADS_MIN {
        notes.push("Dashed: p99.9 of the same loop without a queue.".into());
        let label = "no queue, p99.9".to_owned();
        series.push(Series { told: label.clone(), label, class: "jitter".into(), points: jitter });
    }
    let knee = sweep.knee;
    Chart::new(title, notes, move |width| draw(width, &series, knee, Kind::Linear, "latency, log"))
}

fn of_all<'r>(runs: &'r [Run], (cell, arrivals): (&str, &str), sweeps: &[Sweep<'r>]) -> Chart<'r> {
    let samples: Vec<String> = sweeps
        .iter()
        .map(|sweep| format!("{}{} {}", sweep.entry(), tag_of(runs, sweep.run, sweep.loads[0]), sweep.samples()))
        .collect();
    let notes = vec![
        "Open loop, from the intended time of sending. Further right and lower is better.".to_owned(),
        format!("Samples: {}.", samples.join("; ")),
    ];
    let (mut series, mut taken) = (Vec::new(), Vec::new());
    for sweep in sweeps {
        let class = class_of(runs, sweep.loads[0], &mut taken);
        let label = format!("{}{}", words::short(sweep.entry()), tag_of(runs, sweep.run, sweep.loads[0]));
        series.push(Series { told: label.clone(), label, class, points: sweep.points("99") });
    }
    let title = format!("{}: p99 of all contenders", words::arriving(cell, arrivals));
    Chart::new(title, notes, move |width| draw(width, &series, None, Kind::Log, "p99, log"))
}

fn draw(width: f64, series: &[Series], knee: Option<f64>, across: Kind, title: &str) -> Svg {
    let points = || series.iter().flat_map(|series| &series.points);
    let (least, most) = extent(points().map(|&(offered, _)| offered)).unwrap_or((1.0, 10.0));
    let range = extent(points().map(|&(_, ns)| ns)).unwrap_or((1.0, 10.0));
    let (from, named) = match across {
        Kind::Log => (least, "offered, items/s, log"),
        Kind::Linear | Kind::Tail => (0.0, "offered, items/s"),
    };
    let x = Axis { kind: across, range: (from, most), title: named, name: items };
    let y = Axis { kind: Kind::Log, range: (range.0 * 0.9, range.1 * 1.1), title, name: time };
    let mut plot = Plot::new((width, if width > 500.0 { 340.0 } else { 290.0 }), label_room(width, series), &x, &y);
    if let Some(offered) = knee {
        let [_, _, top, bottom] = plot.edges;
        let at = plot.x.at(offered);
        plot.svg.line((at, top), (at, bottom), "knee");
        plot.svg.text((at - 4.0, top + 12.0), Anchor::End, "note", "knee");
    }
    plot.series(series);
    for series in series {
        for &(offered, ns) in &series.points {
            let told = format!("{}: {} at {} items/s", series.label, show::time(ns), words::items(offered));
            plot.svg.dot((plot.x.at(offered), plot.y.at(ns)), 2.2, &series.class, &told);
        }
    }
    plot.svg
}
