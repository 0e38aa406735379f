//! Throughput by number of producers and consumers.

use crate::results::{Calls, Cell, Comparison, Figure, Regime, Run, Spread};

use super::{
    Chart, Svg, from_to, is_shown_elsewhere,
    svg::{Anchor, TEXT, fitted, text_width},
    tag,
};
use crate::report::words;

const LEFT: f64 = 44.0;
const TOP: f64 = 44.0;

/// ringway's figure for one shape, and the best peer's.
struct Field<'r> {
    cell: &'r Cell,
    spread: Spread,
    beside: Option<Comparison<'r>>,
}

/// A chart for each run and manner of calling.
pub(super) fn charts(runs: &[Run]) -> Vec<Chart<'_>> {
    let mut charts = Vec::new();
    for run in runs {
        for (calls, by) in
            [(Calls::Try, "polled"), (Calls::Blocking, "by calls that wait"), (Calls::Async, "by futures")]
        {
            for regime in Regime::ALL {
                let found = fields(run, calls, regime);
                let is_new = |field: &Field<'_>| !is_shown_elsewhere(runs, run, &field.cell.row);
                if found.len() > 1 && found.iter().any(is_new) {
                    let tag = tag(runs, run, |other| !fields(other, calls, regime).is_empty());
                    let title = format!("Items a second, {by}, {}{tag}", regime.name());
                    charts.push(chart(title, charts.is_empty(), found));
                }
            }
        }
    }
    charts
}

/// Shapes with the entry that stands for ringway there, of single words; of several capacities that nearest to 1024.
fn fields(run: &Run, calls: Calls, regime: Regime) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    for row in run.rows() {
        let Some(cell) = row.ours().filter(|cell| {
            cell.group == "throughput" && cell.unit == "ns an item" && cell.calls == calls && cell.batch == 1
        }) else {
            continue;
        };
        let Some(spread) = cell.spread(Figure::Main, regime).filter(|_| cell.payload == "u64") else { continue };
        let beside = row.comparisons().into_iter().find(|found| found.regime == regime);
        let field = Field { cell, spread, beside };
        let shape = |cell: &Cell| (cell.producers, cell.consumers);
        match fields.iter_mut().find(|other| shape(other.cell) == shape(cell)) {
            Some(other) if cell.capacity.abs_diff(1024) < other.cell.capacity.abs_diff(1024) => *other = field,
            Some(_) => {}
            None => fields.push(field),
        }
    }
    fields
}

fn chart(title: String, is_first: bool, fields: Vec<Field<'_>>) -> Chart<'_> {
    let mut capacities: Vec<u64> = fields.iter().map(|field| field.cell.capacity).collect();
    capacities.sort_unstable();
    capacities.dedup();
    let capacities: Vec<String> = capacities.iter().map(u64::to_string).collect();
    let rounds = from_to(fields.iter().map(|field| field.spread.count));
    let mut notes = vec![
        "ringway's kind for that shape, in items a second over all threads; below it the best peer. The stronger the colour, \
         the faster. Empty: not measured."
            .to_owned(),
        format!("Single words of 8 bytes, capacity {}; medians of {rounds} rounds.", capacities.join(", ")),
    ];
    if !is_first {
        notes.remove(0);
    }
    Chart::new(title, notes, move |width| draw(width, &fields))
}

fn draw(width: f64, fields: &[Field<'_>]) -> Svg {
    let sorted = |of: fn(&Cell) -> u64| {
        let mut all: Vec<u64> = fields.iter().map(|field| of(field.cell)).collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let (producers, consumers) = (sorted(|cell| cell.producers), sorted(|cell| cell.consumers));
    let across = ((width - LEFT - 4.0) / consumers.len() as f64).min(220.0);
    let down = 4.0 * TEXT + 16.0;
    let mut svg = Svg::new(width, TOP + down * producers.len() as f64 + 4.0);
    svg.text((0.0, TEXT), Anchor::Start, "title", "producers down, consumers across");
    for (nth, count) in consumers.iter().enumerate() {
        svg.text((LEFT + (nth as f64 + 0.5) * across, TOP - 8.0), Anchor::Middle, "tick", &count.to_string());
    }
    let fastest = fields.iter().map(|field| 1.0 / field.spread.median).fold(0.0, f64::max);
    let slowest = fields.iter().map(|field| 1.0 / field.spread.median).fold(f64::INFINITY, f64::min);
    for (nth, count) in producers.iter().enumerate() {
        let top = TOP + nth as f64 * down;
        svg.text((LEFT - 12.0, top + down / 2.0 + 4.0), Anchor::End, "tick", &count.to_string());
        for (column, of) in consumers.iter().enumerate() {
            let at = (LEFT + column as f64 * across, top);
            let Some(field) = fields.iter().find(|field| (field.cell.producers, field.cell.consumers) == (*count, *of))
            else {
                svg.line(
                    (at.0 + across / 2.0 - 5.0, top + down / 2.0),
                    (at.0 + across / 2.0 + 5.0, top + down / 2.0),
                    "grid",
                );
                continue;
            };
            let strength =
                0.08 + 0.36 * ((1.0 / field.spread.median / slowest).ln() / (fastest / slowest).ln().max(1e-9));
            fill(&mut svg, at, (across - 3.0, down - 3.0), strength, field);
        }
    }
    svg
}

fn fill(svg: &mut Svg, at: (f64, f64), size: (f64, f64), strength: f64, field: &Field<'_>) {
    let Field { cell, spread, beside } = field;
    let rate = |ns: f64| words::items(1e9 / ns);
    svg.area(
        at,
        size,
        strength,
        &format!("{}: {} {}, {}", cell.entry, words::ns(spread.median), cell.unit, words::rounds(spread)),
    );
    let middle = at.0 + size.0 / 2.0;
    let room = size.0 - 6.0;
    svg.text(
        (middle, at.1 + 20.0),
        Anchor::Middle,
        "value strong",
        &fitted(&format!("{}/s", rate(spread.median)), room),
    );
    svg.text((middle, at.1 + 36.0), Anchor::Middle, "value", &fitted(words::short(&cell.entry), room));
    if let Some(found) = beside {
        let value = rate(found.peer_ns.median);
        let name = fitted(&found.peer.entry, room - text_width(&value) - text_width(" "));
        svg.text((middle, at.1 + 54.0), Anchor::Middle, "value", &format!("{name} {value}"));
    }
}
