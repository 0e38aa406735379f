//! Results as JSON, schema 1: one object for every program that measures, with the raw samples, so that nobody has to believe
//! the medians.
//!
//! Its arrays have one value a line: a change of one cell is a change of one line. Readers ignore fields that they don't know.

use serde_json::{Map, Value, json};

use crate::harness::{
    entries::{Entry, Exclusion},
    facts::{Disturbance, Facts},
    measure::Sample,
    open::{
        distribution::Distribution,
        sweep::{self, Course},
    },
    rows::{PACE, Row, Topology},
    schedule::{Cell, Results, Wanted},
};

/// What readers have to know to read it.
pub(crate) const SCHEMA: u64 = 1;
/// The share of samples that others may have disturbed; they are left out, but their neighbours are suspect.
const DISTURBED_MAX: f64 = 0.2;
/// What the arrays of a cell hold.
const ARRAYS: &str = "one value a round. ns: in the cell's unit. p99_ns: of the same sample. cpu: CPU seconds a second. \
                      probe: ns of a raw round trip, mean of before and after. regimes: one letter a round; n near, f far; \
                      left out: c the regime changed inside, d others had too much of a CPU, - no figure";

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
pub(crate) fn unfit(
    facts: &Facts,
    disturbance: &Disturbance,
    results: &Results,
    courses: &[Course],
    wanted: &Wanted,
) -> Vec<String> {
    let mut unfit = facts.unfit.clone();
    unfit.extend(disturbance.unfit.clone());
    if wanted.quick {
        unfit.push("a quick run: short bursts, few rounds".into());
    }
    let of_rows = results.rows.iter().flat_map(|row| &row.cells).flat_map(|cell| &cell.samples);
    let all: Vec<&Sample> = of_rows.chain(courses.iter().flat_map(|course| &course.samples)).flatten().collect();
    let disturbed = all.iter().filter(|sample| sample.is_disturbed()).count();
    let share = disturbed as f64 / all.len().max(1) as f64;
    if share > DISTURBED_MAX {
        unfit.push(format!("others used the CPUs during {:.0} % of the samples", share * 100.0));
    }
    let burning = results.burning + courses.iter().map(|course| course.burning).sum::<usize>();
    if burning > 0 {
        unfit.push(format!("{burning} threads hang inside a peer's call and use a CPU"));
    }
    unfit
}

/// The cells of all rows.
pub(crate) fn cells(results: &Results, version: Version) -> Vec<Value> {
    let all = results.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| Figures::of(row.row, cell)));
    all.map(|figures| figures.json(version)).collect()
}

/// What went wrong: the row, the contender, the first of its faults or hangs.
pub(crate) fn trouble<'r>(
    results: &'r Results,
    courses: &'r [Course],
) -> impl Iterator<Item = (String, &'static str, String)> + 'r {
    let of_rows = results.rows.iter().flat_map(|row| row.cells.iter().map(|cell| Figures::of(row.row, cell)));
    let told = |figures: Figures<'r>| {
        let fault = figures.faults.first().map(|what| format!("FAULT: {what}"));
        let what = fault.or_else(|| figures.hangs.first().map(|what| format!("hung: {what}")))?;
        Some((figures.name, figures.entry.name, what))
    };
    of_rows.chain(courses.iter().map(Course::figures)).filter_map(told)
}

/// The load up to which each contender keeps its latency.
pub(crate) fn knees(courses: &[Course]) -> Vec<Value> {
    let knee = |(entry, arrivals, point): (&str, &str, sweep::Point)| {
        let (offered, p99_ns) = (rounded(point.offered), rounded(point.p99_ns));
        json!({ "entry": entry, "arrivals": arrivals, "offered": offered, "p99_ns": p99_ns })
    };
    sweep::knees(courses).into_iter().map(knee).collect()
}

/// The whole distributions of the rows that have some. All but one of them are closed loops: the next item waits for the last.
pub(crate) fn latencies(results: &Results) -> Vec<Value> {
    let latency = |row: &Row, cell: &Cell, times: &Distribution| {
        let is_paced = row.topology == Topology::Paced;
        json!({
            "cell": row.name, "entry": cell.entry.name, "part": cell.entry.part.name(),
            "arrivals": if is_paced { "fixed" } else { "closed" }, "closed_loop": !is_paced,
            "offered": is_paced.then(|| 1.0 / PACE.as_secs_f64()), "achieved": null, "load": null,
            "count": times.count(), "left_out": cell.samples.iter().flatten().filter(|sample| sample.is_disturbed()).count(),
            "percentiles": times.percentiles(), "curve": times.curve(),
            "timeline": [], "hdr": null,
        })
    };
    let cells = results.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row.row, cell)));
    cells.filter_map(|(row, cell)| Some(latency(row, cell, cell.times.as_ref()?))).collect()
}

/// A contender in a row, about to be written.
#[derive(Debug)]
pub(crate) struct Figures<'a> {
    /// Of the row.
    pub(crate) name: String,
    /// What it tells about.
    pub(crate) group: &'a str,
    /// What one figure is.
    pub(crate) unit: &'a str,
    /// What the row does.
    pub(crate) row: &'a Row,
    /// The contender.
    pub(crate) entry: &'a Entry,
    /// By round.
    pub(crate) samples: &'a [Option<Sample>],
    /// Streams that did not arrive whole.
    pub(crate) faults: &'a [String],
    /// Samples that did not end.
    pub(crate) hangs: &'a [String],
}

impl<'a> Figures<'a> {
    /// Of a cell of such a row.
    fn of(row: &'a Row, cell: &'a Cell) -> Self {
        let Cell { entry, samples, faults, hangs, .. } = cell;
        Self { name: row.name.into(), group: row.group(), unit: row.unit(), row, entry, samples, faults, hangs }
    }

    /// As JSON.
    pub(crate) fn json(&self, version: Version) -> Value {
        let Self { row, entry, samples, .. } = self;
        let by_round = |value: fn(&Sample) -> Value| -> Value {
            samples.iter().map(|sample| sample.as_ref().map_or(Value::Null, value)).collect()
        };
        let mut object = json!({
            "row": self.name,
            "group": self.group,
            "unit": self.unit,
            "producers": row.producers,
            "consumers": row.consumers,
            "capacity": row.capacity,
            "payload": row.width.name(),
            "batch": row.batch,
            "entry": entry.name,
            "version": version(entry.package),
            "part": entry.part.name(),
            "form": entry.form,
            "ours": entry.name == row.ours,
            "calls": entry.calls.name(),
            "ns": by_round(|sample| rounded(sample.ns)),
            "probe": by_round(|sample| rounded((sample.probes[0].midpoint(sample.probes[1])).round())),
            "regimes": samples.iter().map(letter).collect::<String>(),
            "faults": self.faults,
            "hangs": self.hangs,
        });
        if samples.iter().flatten().any(|sample| sample.p99_ns.is_some()) {
            object["p99_ns"] = by_round(|sample| sample.p99_ns.map_or(Value::Null, rounded));
        }
        if samples.iter().flatten().any(|sample| sample.cpu.is_some()) {
            object["cpu"] = by_round(|sample| sample.cpu.map_or(Value::Null, rounded));
        }
        object
    }
}

/// What became of a round.
fn letter(sample: &Option<Sample>) -> char {
    match sample {
        None => '-',
        Some(sample) => match sample.regime() {
            Some(regime) => regime.letter(),
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
