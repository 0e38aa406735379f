//! ringway beside others: the ratio to the best peer of each row, and the figures of all contenders.

use crate::{
    results::{Calls, Cell, Comparison, Part, Regime, Row, Run, Spread, Verdict, statistics},
    show,
};

use super::{
    Chart, Svg, from_to, is_shown_elsewhere,
    scale::{Kind, Scale, extent, time},
    svg::{Anchor, TEXT, fitted, text_width},
    tag,
};
use crate::report::words;

/// Width from which names stand beside their line rather than above it.
const WIDE: f64 = 500.0;
const ABOVE: f64 = 46.0;
const BELOW: f64 = 24.0;

/// Where the lines of a chart lie.
struct Layout {
    is_wide: bool,
    /// From one line to the next.
    step: f64,
    left: f64,
    right: f64,
    /// From a line's upper edge to its marks, and to its names.
    marks: f64,
    names: f64,
}

impl Layout {
    /// With so much room for names on the left and on the right, if there is room for any.
    fn new(width: f64, before: f64, after: f64) -> Self {
        match width > WIDE {
            true => Self { is_wide: true, step: 21.0, left: before, right: width - after, marks: 11.0, names: 15.0 },
            false => Self { is_wide: false, step: 36.0, left: 6.0, right: width - 6.0, marks: 26.0, names: 13.0 },
        }
    }
}

/// A line of the chart of ratios.
struct Line<'r> {
    label: String,
    found: Comparison<'r>,
}

/// Near and far, a chart each.
pub(super) fn ratios(runs: &[Run]) -> Vec<Chart<'_>> {
    let chart = |regime: Regime| {
        let here = runs.iter().flat_map(|run| run.comparisons().into_iter().map(move |found| (run, found)));
        let here: Vec<(&Run, Comparison<'_>)> = here.filter(|(_, found)| found.regime == regime).collect();
        let label = |(run, found): &(&Run, Comparison<'_>)| {
            let is_same =
                |other: &Run| here.iter().any(|(run, same)| std::ptr::eq(*run, other) && same.title == found.title);
            format!("{}{}", found.title, tag(runs, run, is_same))
        };
        let labels: Vec<String> = here.iter().map(label).collect();
        let lines = labels.into_iter().zip(here);
        let mut lines: Vec<Line<'_>> = lines.map(|(label, (_, found))| Line { label, found }).collect();
        let ratio = |line: &Line<'_>| line.found.ratio.map_or(0.0, |ratio| ratio.spread.median);
        lines.sort_by(|left, right| ratio(right).total_cmp(&ratio(left)));
        (!lines.is_empty()).then(|| {
            let rounds = from_to(lines.iter().filter_map(|line| Some(line.found.ratio?.spread.count)));
            let notes =
                vec![reading(), format!("{rounds} rounds a row. On the right: the best peer, its ns, ringway's ns.")];
            Chart::new(format!("Best peer's time over ringway's, {}", regime.name()), notes, move |width| {
                draw_ratios(width, &lines)
            })
        })
    };
    Regime::ALL.into_iter().filter_map(chart).collect()
}

/// What the marks say.
fn reading() -> String {
    format!(
        "The best peer's time over ringway's in the same round: the median, and the range without a tenth at each end. Filled dot: \
         ringway is ahead. Diamond: it is behind. Hollow: undecided, as chance alone would be so one-sided in more than {:.0} % of \
         all cases (sign test), or the median is within {:.0} % of 1.",
        statistics::CHANCE_MAX * 100.0,
        statistics::MARGIN * 100.0
    )
}

fn draw_ratios(width: f64, lines: &[Line<'_>]) -> Svg {
    let groups = [(Calls::Try, "Polled"), (Calls::Blocking, "Calls that wait"), (Calls::Async, "Futures")];
    let groups = groups.map(|(calls, name)| (name, lines.iter().filter(move |line| line.found.calls == calls)));
    let groups: Vec<(&str, Vec<&Line<'_>>)> = groups
        .into_iter()
        .map(|(name, lines)| (name, lines.collect()))
        .filter(|(_, lines): &(_, Vec<_>)| !lines.is_empty())
        .collect();
    let before = lines.iter().map(|line| text_width(&line.label)).fold(0.0, f64::max).min(200.0) + 12.0;
    let layout = Layout::new(width, before, 240.0);
    let heading = TEXT + 12.0;
    let height = ABOVE + lines.len() as f64 * layout.step + groups.len() as f64 * heading + BELOW;
    let medians = lines.iter().filter_map(|line| Some(line.found.ratio?.spread.median));
    let (low, high) = extent(medians).unwrap_or((1.0, 1.0));
    let x = Scale::new(Kind::Log, ((low / 1.25).min(0.7), (high * 1.25).max(1.5)), (layout.left, layout.right));
    let mut svg = Svg::new(width, height);
    let one = x.at(1.0);
    svg.text((one - 8.0, TEXT), Anchor::End, "title", "← peer faster");
    svg.text((one + 8.0, TEXT), Anchor::Start, "title", "ringway faster →");
    named_values(&mut svg, &x, |tick| format!("{tick}x"));
    svg.line((one, ABOVE - 6.0), (one, height - BELOW), "axis");
    let mut top = ABOVE;
    for (name, lines) in groups {
        svg.text((0.0, top + TEXT + 3.0), Anchor::Start, "heading", name);
        top += heading;
        for line in lines {
            ratio_line(&mut svg, &layout, &x, top, line);
            top += layout.step;
        }
    }
    svg
}

/// Lines at the values that the axis names; above and below them as many names as don't touch.
fn named_values(svg: &mut Svg, x: &Scale, name: impl Fn(f64) -> String) {
    let bottom = svg.height - BELOW;
    let mut free = f64::NEG_INFINITY;
    for tick in x.ticks() {
        let (at, name) = (x.at(tick), name(tick));
        svg.line((at, ABOVE - 6.0), (at, bottom), "grid");
        if at - text_width(&name) / 2.0 >= free {
            free = at + text_width(&name) / 2.0 + 4.0;
            for y in [ABOVE - 12.0, bottom + 16.0] {
                svg.text((at, y), Anchor::Middle, "tick", &name);
            }
        }
    }
}

fn ratio_line(svg: &mut Svg, layout: &Layout, x: &Scale, top: f64, line: &Line<'_>) {
    let Line { label, found } = line;
    let (ours, peer) = match found.our_ns.map(|ours| ours.median) {
        Some(ours) if ours.max(found.peer_ns.median) >= 1000.0 => (show::time(ours), show::time(found.peer_ns.median)),
        ours => (ours.map_or("-".into(), words::ns), words::ns(found.peer_ns.median)),
    };
    let figures = format!(" {peer} : {ours}");
    let beside = |room: f64| fitted(&found.peer.entry, room - text_width(&figures)) + &figures;
    let width = svg.width;
    let names = top + layout.names;
    if layout.is_wide {
        svg.text((0.0, names), Anchor::Start, "label", &fitted(label, layout.left - 8.0));
        svg.text((layout.right + 14.0, names), Anchor::Start, "label faint", &beside(width - layout.right - 14.0));
    } else {
        let room = text_width(label).min(width * 0.5);
        svg.text((layout.left, names), Anchor::Start, "label", &fitted(label, room));
        svg.text((layout.right, names), Anchor::End, "label faint", &beside(width - room - 22.0));
    }
    let y = top + layout.marks;
    let Some(ratio) = found.ratio else {
        svg.text((x.at(1.0) + 8.0, y + 4.0), Anchor::Start, "note", words::missing(found.ours));
        return;
    };
    let verdict = found.verdict();
    let class = verdict.name();
    whisker(svg, x, y, (ratio.spread.p10, ratio.spread.p90), class);
    let at = (x.at(ratio.spread.median), y);
    let told = format!(
        "{label}: {} ({}), {} rounds, chance {:.4}, {class}",
        words::times(ratio.spread.median),
        words::ratio_range(&ratio),
        ratio.spread.count,
        ratio.chance
    );
    match verdict {
        Verdict::Behind => svg.diamond(at, 5.5, class, &told),
        Verdict::Ahead | Verdict::Undecided => svg.dot(at, 4.5, class, &told),
    }
}

/// A range; where it leaves the chart, an arrow says so.
fn whisker(svg: &mut Svg, x: &Scale, y: f64, (low, high): (f64, f64), class: &str) {
    let (from, to) = (x.at(low), x.at(high));
    let class = format!("whisker {class}");
    svg.line((from, y), (to, y), &class);
    for (value, at, inwards) in [(low, from, 4.0), (high, to, -4.0)] {
        if !x.holds(value) {
            svg.line((at, y), (at + inwards, y - 4.0), &class);
            svg.line((at, y), (at + inwards, y + 4.0), &class);
        }
    }
}

/// The contenders of a row in a regime.
struct Contenders<'r> {
    run: &'r Run,
    name: &'r str,
    cells: Vec<(&'r Cell, Spread)>,
}

/// Throughput and everything else, near and far.
pub(super) fn contenders(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut charts = Vec::new();
    for (name, is_throughput) in [("throughput", true), ("trips, wakes and the rest", false)] {
        for regime in Regime::ALL {
            let rows = rows(runs, is_throughput, regime);
            if rows.is_empty() {
                continue;
            }
            let count: usize = rows.iter().map(|row| row.cells.len()).sum();
            let rounds = from_to(rows.iter().flat_map(|row| &row.cells).map(|(_, spread)| spread.count));
            let mut notes = vec![format!("{count} cells of {rounds} rounds; names and ranges are in the tables.")];
            if charts.is_empty() {
                notes.insert(
                    0,
                    "A mark is a contender's median; further left is faster. Filled: ringway, large the kind that stands for \
                     it in the row. Hollow: peers. Upright lines: ceilings, that is the same loop without a queue, or the raw \
                     line."
                        .to_owned(),
                );
            }
            let units = units(&rows);
            let label = |row: &Contenders<'_>| {
                let is_same =
                    |other: &Run| rows.iter().any(|same| std::ptr::eq(same.run, other) && same.name == row.name);
                format!("{}{}", row.name, tag(runs, row.run, is_same))
            };
            let labels: Vec<String> = rows.iter().map(label).collect();
            charts.push(Chart::new(format!("Contenders, {name}, {}", regime.name()), notes, move |width| {
                draw_contenders(width, &rows, &labels, &units)
            }));
        }
    }
    charts
}

fn rows(runs: &[Run], is_throughput: bool, regime: Regime) -> Vec<Contenders<'_>> {
    let mut found = Vec::new();
    for run in runs {
        let is_wanted = |row: &&Row<'_>| {
            (row.cells[0].group == "throughput") == is_throughput
                && !run.is_of_sweep(row.name)
                && !is_shown_elsewhere(runs, run, row.name)
        };
        for row in run.rows().iter().filter(is_wanted) {
            let ranked = row.ranked(regime).into_iter().filter_map(|(cell, spread)| Some((cell, spread?)));
            let cells: Vec<_> = ranked.collect();
            if cells.len() > 1 {
                found.push(Contenders { run, name: row.name, cells });
            }
        }
    }
    found
}

/// What the figures are; rows of one chart may differ.
fn units(rows: &[Contenders<'_>]) -> String {
    let mut units: Vec<&str> = Vec::new();
    for (cell, _) in rows.iter().flat_map(|row| &row.cells) {
        if !units.contains(&cell.unit.as_str()) {
            units.push(&cell.unit);
        }
    }
    format!("{}, log", units.join(", "))
}

fn draw_contenders(width: f64, rows: &[Contenders<'_>], labels: &[String], units: &str) -> Svg {
    let before = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max).min(220.0) + 12.0;
    let layout = Layout::new(width, before, 24.0);
    let height = ABOVE + rows.len() as f64 * layout.step + BELOW;
    let medians = rows.iter().flat_map(|row| &row.cells).map(|(_, spread)| spread.median);
    let (low, high) = extent(medians).unwrap_or((1.0, 10.0));
    let x = Scale::new(Kind::Log, (low * 0.85, high * 1.15), (layout.left, layout.right));
    let mut svg = Svg::new(width, height);
    svg.text((layout.left, TEXT), Anchor::Start, "title", &fitted(units, width - layout.left));
    named_values(&mut svg, &x, time);
    for (nth, (row, label)) in rows.iter().zip(labels).enumerate() {
        let top = ABOVE + nth as f64 * layout.step;
        let room = if layout.is_wide { layout.left - 8.0 } else { width };
        svg.text(
            (if layout.is_wide { 0.0 } else { layout.left }, top + layout.names),
            Anchor::Start,
            "label",
            &fitted(label, room),
        );
        let y = top + layout.marks;
        svg.line((layout.left, y), (layout.right, y), "grid");
        // Those behind come first, so that ringway's lie on top.
        let mut cells: Vec<_> = row.cells.iter().collect();
        cells.sort_by_key(|(cell, _)| (cell.part == Part::Ours, cell.is_ours));
        for (cell, spread) in cells {
            mark(&mut svg, (x.at(spread.median), y), cell, spread);
        }
    }
    svg
}

fn mark(svg: &mut Svg, at: (f64, f64), cell: &Cell, spread: &Spread) {
    let told =
        format!("{}: {} ({}), {} rounds", cell.entry, show::time(spread.median), words::range(spread), spread.count);
    match cell.part {
        Part::Ours => svg.dot(at, if cell.is_ours { 5.5 } else { 3.5 }, "ahead", &told),
        Part::Peer | Part::Spinner => svg.dot(at, 3.5, "hollow", &told),
        Part::Ceiling => svg.curve(&[(at.0, at.1 - 7.0), (at.0, at.1 + 7.0)], "ceiling", &told),
    }
}
