//! The raw samples, so that nobody has to believe the medians.

use serde_json::{Map, Value, json};

use super::Report;
use crate::{
    entries::Part,
    machine::locked_version,
    measure::{Regime, Sample},
    schedule::{Cell, RowResult},
};

/// The report as JSON, one cell a line: a change of one cell is a change of one line.
pub(crate) fn render(report: &Report<'_>) -> String {
    let facts: Map<String, Value> =
        report.machine.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let head = json!({
        "command": report.args.command(),
        "machine": facts,
        "rounds": report.args.rounds,
        "seconds": rounded(report.seconds),
        "disturbance": report.disturbance.1,
        "not_comparable": report.unfit,
        "excluded": report.results.excluded.iter()
            .map(|cell| json!({ "entry": cell.entry, "row": cell.row, "reason": cell.reason })).collect::<Vec<_>>(),
        "arrays": "one value a round. ns: an item, a pair, the p50 of the round trips or hops, or the CPU time of the wait. probe: ns of a raw round trip, \
                   mean of before and after. regimes: one letter a round; n near, f far; left out: c the regime changed \
                   inside, d others had too much of a CPU, - no figure",
    });
    let cells = report.results.rows.iter().flat_map(|row| row.cells.iter().map(|cell| entry(row, cell).to_string()));
    let cells = cells.collect::<Vec<_>>().join(",\n");
    format!("{{\"head\":{head},\n\"cells\":[\n{cells}\n]}}\n")
}

fn entry(RowResult { row, .. }: &RowResult, cell: &Cell) -> Value {
    let by_round = |value: fn(&Sample) -> Value| -> Value {
        cell.samples.iter().map(|sample| sample.as_ref().map_or(Value::Null, value)).collect()
    };
    let mut object = json!({
        "row": row.name,
        "producers": row.producers,
        "consumers": row.consumers,
        "capacity": row.capacity,
        "payload": row.width.name(),
        "batch": row.batch,
        "entry": cell.entry.name,
        "version": locked_version(cell.entry.package),
        "part": match cell.entry.part {
            Part::Ours => "ringway",
            Part::Peer => "peer",
            Part::Spinner => "peer that never sleeps",
            Part::Ceiling => "ceiling",
        },
        "ns": by_round(|sample| rounded(sample.ns)),
        "probe": by_round(|sample| rounded((sample.probes[0].midpoint(sample.probes[1])).round())),
        "regimes": cell.samples.iter().map(letter).collect::<String>(),
        "faults": cell.faults,
        "hangs": cell.hangs,
    });
    if cell.samples.iter().flatten().any(|sample| sample.p99_ns.is_some()) {
        object["p99_ns"] = by_round(|sample| sample.p99_ns.map_or(Value::Null, rounded));
    }
    object
}

/// What became of a round.
fn letter(sample: &Option<Sample>) -> char {
    match sample {
        None => '-',
        Some(sample) => match sample.regime() {
            Some(Regime::Near) => 'n',
            Some(Regime::Far) => 'f',
            None if sample.is_disturbed() => 'd',
            None => 'c',
        },
    }
}

/// Four digits: more would be noise in every diff.
fn rounded(value: f64) -> Value {
    if value == 0.0 || !value.is_finite() {
        return json!(value);
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.fract() == 0.0 { json!(rounded as i64) } else { json!(rounded) }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn four_digits_are_kept() {
        for (value, text) in [(0.123_456, "0.1235"), (12.345_6, "12.35"), (123_456.0, "123500"), (2.0, "2")] {
            assert_eq!(rounded(value).to_string(), text);
        }
    }
}
