//! Results as JSON, schema 1: one object for every program that measures, with the raw samples, so that nobody has to believe
//! the medians.
//!
//! Its arrays have one value a line: a change of one cell is a change of one line. Readers ignore fields that they don't know.

use serde_json::{Map, Value, json};

use crate::harness::{
    entries::Exclusion,
    facts::{Disturbance, Facts},
    measure::{Regime, Sample},
    open::distribution::Distribution,
    rows::{PACE, Row, Topology},
    schedule::{Cell, Results, RowResult, Wanted},
};

/// What readers have to know to read it.
pub(crate) const SCHEMA: u64 = 1;
/// The share of samples that others may have disturbed; they are left out, but their neighbours are suspect.
const DISTURBED_MAX: f64 = 0.2;
/// What the arrays of a cell hold.
const ARRAYS: &str = "one value a round. ns: in the cell's unit. p99_ns: of the same sample. cpu: CPU seconds a second. probe: ns of a \
                      raw round trip, mean of before and after. regimes: one letter a round; n near, f far; left out: c the regime \
                      changed inside, d others had too much of a CPU, - no figure";

/// The version of a package, if it is known.
pub(crate) type Version = fn(package: &str) -> Option<&'static str>;

/// What a run was.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// The program.
    pub(crate) tool: &'static str,
    /// What repeats it.
    pub(crate) command: String,
    /// Of ringway.
    pub(crate) version: &'static str,
    /// What was asked for.
    pub(crate) wanted: &'a Wanted,
    /// Where it ran.
    pub(crate) facts: &'a Facts,
    /// How long it took.
    pub(crate) seconds: f64,
    /// What the machine did meanwhile.
    pub(crate) disturbance: &'a Disturbance,
    /// Why the results can't stand beside others; empty if they can.
    pub(crate) unfit: &'a [String],
    /// Cells that were left out by decision.
    pub(crate) excluded: &'a [Exclusion],
}

/// Everything that is written down.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// What the run was.
    pub(crate) head: Value,
    /// Contenders by row.
    pub(crate) cells: Vec<Value>,
    /// Whole distributions.
    pub(crate) latencies: Vec<Value>,
    /// The load up to which each contender keeps its latency.
    pub(crate) knees: Vec<Value>,
    /// Round trips from core to core.
    pub(crate) matrix: Option<Value>,
}

impl Head<'_> {
    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        let machine: Map<String, Value> =
            self.facts.named.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let excluded = |cell: &Exclusion| json!({ "entry": cell.entry, "row": cell.row, "reason": cell.reason });
        json!({
            "tool": self.tool,
            "command": self.command,
            "date": self.facts.date,
            "commit": self.facts.commit,
            "version": self.version,
            "seconds": rounded(self.seconds),
            "rounds": self.wanted.rounds,
            "quick": self.wanted.quick,
            "machine": machine,
            "disturbance": self.disturbance.json,
            "not_comparable": self.unfit,
            "excluded": self.excluded.iter().map(excluded).collect::<Vec<_>>(),
            "arrays": ARRAYS,
        })
    }
}

impl Document {
    /// The text of the file.
    pub(crate) fn render(&self) -> String {
        let lines = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n");
        let mut text = format!("{{\"schema\":{SCHEMA},\n\"head\":{},\n", self.head);
        text += &format!("\"cells\":[\n{}\n]", lines(&self.cells));
        for (name, values) in [("latencies", &self.latencies), ("knees", &self.knees)] {
            if !values.is_empty() {
                text += &format!(",\n\"{name}\":[\n{}\n]", lines(values));
            }
        }
        if let Some(matrix) = &self.matrix {
            text += &format!(",\n\"matrix\":{matrix}");
        }
        text + "\n}\n"
    }
}

/// Why results can't stand beside others, if they can't.
pub(crate) fn unfit(facts: &Facts, disturbance: &Disturbance, results: &Results, wanted: &Wanted) -> Vec<String> {
    let mut unfit = facts.unfit.clone();
    unfit.extend(disturbance.unfit.clone());
    if wanted.quick {
        unfit.push("a quick run: short bursts, few rounds".into());
    }
    let [near, far, changed, disturbed] = results.regimes();
    let share = disturbed as f64 / (near + far + changed + disturbed).max(1) as f64;
    if share > DISTURBED_MAX {
        unfit.push(format!("others used the CPUs during {:.0} % of the samples", share * 100.0));
    }
    if results.burning > 0 {
        unfit.push(format!("{} threads hang inside a peer's call and use a CPU", results.burning));
    }
    unfit
}

/// The cells of all rows.
pub(crate) fn cells(results: &Results, version: Version) -> Vec<Value> {
    let all = results.rows.iter().flat_map(|row| row.cells.iter().map(move |of| cell(row, of, version)));
    all.collect()
}

/// The whole distributions of the rows that have some. All but one of them are closed loops: the next item waits for the last.
pub(crate) fn latencies(results: &Results) -> Vec<Value> {
    let latency = |row: &Row, cell: &Cell, times: &Distribution| {
        let is_paced = row.topology == Topology::Paced;
        json!({
            "cell": row.name, "entry": cell.entry.name, "part": cell.entry.part.name(),
            "arrivals": if is_paced { "fixed" } else { "closed" }, "closed_loop": !is_paced,
            "offered": is_paced.then(|| 1.0 / PACE.as_secs_f64()), "achieved": null, "load": null,
            "count": times.count(), "percentiles": times.percentiles(), "curve": times.curve(),
            "timeline": [], "hdr": null,
        })
    };
    let cells = results.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row.row, cell)));
    cells.filter_map(|(row, cell)| Some(latency(row, cell, cell.times.as_ref()?))).collect()
}

fn cell(RowResult { row, .. }: &RowResult, cell: &Cell, version: Version) -> Value {
    let by_round = |value: fn(&Sample) -> Value| -> Value {
        cell.samples.iter().map(|sample| sample.as_ref().map_or(Value::Null, value)).collect()
    };
    let mut object = json!({
        "row": row.name,
        "group": row.group(),
        "unit": row.unit(),
        "producers": row.producers,
        "consumers": row.consumers,
        "capacity": row.capacity,
        "payload": row.width.name(),
        "batch": row.batch,
        "entry": cell.entry.name,
        "version": version(cell.entry.package),
        "part": cell.entry.part.name(),
        "ours": cell.entry.name == row.ours,
        "calls": row.calls.name(),
        "ns": by_round(|sample| rounded(sample.ns)),
        "probe": by_round(|sample| rounded((sample.probes[0].midpoint(sample.probes[1])).round())),
        "regimes": cell.samples.iter().map(letter).collect::<String>(),
        "faults": cell.faults,
        "hangs": cell.hangs,
    });
    if cell.samples.iter().flatten().any(|sample| sample.p99_ns.is_some()) {
        object["p99_ns"] = by_round(|sample| sample.p99_ns.map_or(Value::Null, rounded));
    }
    if cell.samples.iter().flatten().any(|sample| sample.cpu.is_some()) {
        object["cpu"] = by_round(|sample| sample.cpu.map_or(Value::Null, rounded));
    }
    object
}

/// What became of a round.
pub(crate) fn letter(sample: &Option<Sample>) -> char {
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
pub(crate) fn rounded(value: f64) -> Value {
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
