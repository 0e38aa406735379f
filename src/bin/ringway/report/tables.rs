//! Every figure, in tables.

use crate::{
    results::{Cell, Figure, Latency, Part, Regime, Run, Spread, Verdict, rows::Row},
    show,
};

use super::{
    findings,
    html::{Column, Table, escape},
    words,
};

/// Percentiles of the table of distributions, and which of them a narrow page does without.
const PERCENTILES: [(&str, Column); 6] = [
    ("50", Column::Number),
    ("90", Column::WideNumber),
    ("99", Column::Number),
    ("99.9", Column::Number),
    ("99.99", Column::WideNumber),
    ("max", Column::WideNumber),
];

/// Columns of [`words::COMPARED`].
const COMPARED: [Column; words::COMPARED.len()] = [
    Column::Words,
    Column::WideWords,
    Column::WideWords,
    Column::WideNumber,
    Column::Words,
    Column::WideNumber,
    Column::Number,
    Column::WideNumber,
    Column::WideNumber,
    Column::WideNumber,
    Column::Words,
];

/// Adds all of them.
pub(super) fn write(runs: &[Run], body: &mut String) {
    comparisons(runs, body);
    distributions(runs, body);
    knees(runs, body);
    trouble(runs, body);
    rows(runs, body);
    contenders(runs, body);
}

/// ringway beside the best peer of each row.
fn comparisons(runs: &[Run], body: &mut String) {
    let standings = findings::standings(runs);
    if standings.is_empty() {
        return;
    }
    *body += "<h2>Table: ringway beside the best peer</h2>\n";
    let mut header: Vec<(&str, Column)> = words::COMPARED.into_iter().zip(COMPARED).collect();
    header.insert(1, ("run", Column::WideWords));
    let mut table = Table::new(&header);
    for standing in &standings {
        let class = match standing.verdict {
            Verdict::Undecided => "",
            verdict => verdict.name(),
        };
        for (run, found) in &standing.comparisons {
            let mut cells = words::compared(found).to_vec();
            if standing.verdict != found.verdict() {
                cells.last_mut().expect("the verdict").push_str("; runs differ");
            }
            cells.insert(1, run.commit.clone());
            table.row(class, &cells);
        }
    }
    *body += &table.finish();
}

/// Whole distributions: a table for each cell and kind of arrivals, a line for each contender and load.
fn distributions(runs: &[Run], body: &mut String) {
    if runs.iter().all(|run| run.latencies.is_empty()) {
        return;
    }
    *body += "<h2>Table: distributions of latency</h2>\n";
    *body += "<p class=\"sub\">From the intended time of sending, but for closed loops.</p>\n";
    for run in runs {
        let mut kinds: Vec<(&str, &str)> = Vec::new();
        for found in &run.latencies {
            let kind = (found.cell.as_str(), found.arrivals.as_str());
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        for (cell, arrivals) in kinds {
            let is_of_kind = |found: &&Latency| (found.cell.as_str(), found.arrivals.as_str()) == (cell, arrivals);
            let mut found: Vec<&Latency> = run.latencies.iter().filter(is_of_kind).collect();
            let load = |found: &Latency| found.load.unwrap_or(0.0);
            found.sort_by(|left, right| {
                let who = |found: &Latency| (found.is_jitter, found.part, found.entry.clone());
                who(left).cmp(&who(right)).then(load(left).total_cmp(&load(right)))
            });
            let loop_of =
                if found[0].is_closed_loop { format!("{cell}, closed loop") } else { words::arriving(cell, arrivals) };
            let title = format!("{loop_of} ({})", run.name());
            *body += &format!("<h3>{}</h3>\n{}", escape(&title), distributions_of(&found));
        }
    }
}

fn distributions_of(all: &[&Latency]) -> String {
    let mut header = vec![
        ("contender", Column::Words),
        ("load", Column::Number),
        ("offered/s", Column::WideNumber),
        ("achieved/s", Column::WideNumber),
        ("samples", Column::WideNumber),
    ];
    let names: Vec<String> = PERCENTILES.iter().map(|(name, _)| name_of(name)).collect();
    header.extend(names.iter().zip(PERCENTILES).map(|(name, (_, column))| (name.as_str(), column)));
    header.push(("histogram", Column::WideWords));
    let mut table = Table::new(&header);
    for found in all {
        table.row(class(found.part, found.is_jitter), &distribution(found));
    }
    table.finish()
}

fn name_of(percentile: &str) -> String {
    if percentile == "max" { percentile.to_owned() } else { format!("p{percentile}") }
}

fn distribution(found: &Latency) -> Vec<String> {
    let items = |rate: Option<f64>| rate.map_or("-".into(), words::items);
    let entry = if found.is_jitter { "(no queue)" } else { &found.entry };
    let mut cells = vec![
        entry.to_owned(),
        found.load.map_or("-".into(), |load| format!("{:.0} %", load * 100.0)),
        items(found.offered),
        items(found.achieved),
        show::count(found.count),
    ];
    let at = |name: &str| found.at(name).map_or("too few".to_owned(), show::time);
    cells.extend(PERCENTILES.iter().map(|(name, _)| at(name)));
    cells.push(found.hdr.clone().unwrap_or("-".into()));
    cells
}

fn knees(runs: &[Run], body: &mut String) {
    let knees: Vec<_> = runs.iter().flat_map(|run| run.knees.iter().map(move |knee| (run, knee))).collect();
    if knees.is_empty() {
        return;
    }
    *body += "<h2>Table: knees</h2>\n";
    let mut table = Table::new(&[
        ("contender", Column::Words),
        ("run", Column::WideWords),
        ("arrivals", Column::Words),
        ("offered/s", Column::Number),
        ("p99 there", Column::Number),
    ]);
    for (run, knee) in knees {
        let p99 = knee.p99_ns.map_or("too few".into(), show::time);
        table
            .row("", &[knee.entry.clone(), run.commit.clone(), knee.arrivals.clone(), words::items(knee.offered), p99]);
    }
    *body += &table.finish();
}

/// What failed its check, hung, or was left out.
fn trouble(runs: &[Run], body: &mut String) {
    *body += "<h2>Faults, hangs, cells left out</h2>\n";
    let mut table = Table::new(&[("row", Column::Words), ("contender", Column::Words), ("what", Column::Words)]);
    let mut count = 0;
    for run in runs {
        for cell in &run.cells {
            let faults = cell.faults.iter().map(|what| format!("FAULT: {what}"));
            let hangs = cell.hangs.iter().map(|what| format!("hung: {what}"));
            for what in faults.chain(hangs) {
                table.row("", &[cell.row.clone(), cell.entry.clone(), what]);
                count += 1;
            }
        }
        for cell in &run.excluded {
            table.row("", &[cell.row.clone(), cell.entry.clone(), format!("left out: {}", cell.reason)]);
            count += 1;
        }
    }
    *body += &if count == 0 { "<p>None.</p>\n".to_owned() } else { table.finish() };
}

/// All cells of all rows.
fn rows(runs: &[Run], body: &mut String) {
    *body += "<h2>Table: all cells</h2>\n<p class=\"sub\">Best first; ns are medians with p10 to p90.</p>\n<div class=\"pair\">\n";
    for run in runs {
        for row in run.rows().into_iter().filter(|row| !run.is_of_sweep(row.name)) {
            let seen: Vec<Regime> = Regime::ALL.into_iter().filter(|&regime| row.is_seen(regime)).collect();
            let cells: String = match seen.as_slice() {
                [] => once(&row),
                regimes => regimes.iter().map(|&regime| cells(&row, regime)).collect(),
            };
            let run = if runs.len() > 1 { format!(" ({})", run.name()) } else { String::new() };
            *body += &format!(
                "<section><h3>{}{}</h3><p>{}</p>{cells}</section>\n",
                escape(row.name),
                escape(&run),
                escape(&about(&row))
            );
        }
    }
    *body += "</div>\n";
}

/// What a row is, in words.
fn about(row: &Row<'_>) -> String {
    let Cell { producers, consumers, capacity, payload, batch, unit, .. } = row.cells[0];
    let batch = if *batch > 1 { format!(", {batch} a call") } else { String::new() };
    let capacity = if *capacity > 0 { format!(", capacity {capacity}") } else { String::new() };
    let payload = if payload.is_empty() { String::new() } else { format!(", {payload}") };
    format!("{producers} producing, {consumers} consuming{payload}{capacity}{batch}; {unit}.")
}

/// Cells of a row in a regime.
fn cells(row: &Row<'_>, regime: Regime) -> String {
    let has_p99 = row.cells.iter().any(|cell| cell.has_p99());
    let second = if has_p99 { "p99" } else { "items/s" };
    let first = if has_p99 { "p50 ns" } else { "ns" };
    let mut table = Table::new(&[
        (regime.name(), Column::Words),
        (first, Column::Number),
        ("range", Column::WideNumber),
        (second, Column::Number),
        ("ringway is", Column::Number),
        ("rounds", Column::WideNumber),
    ]);
    for (cell, spread) in row.ranked(regime) {
        let class = class(cell.part, false);
        let name =
            if cell.part == Part::Spinner { format!("{} (never sleeps)", cell.entry) } else { cell.entry.clone() };
        let Some(spread) = spread else {
            let missing = words::missing(cell).to_owned();
            table.row(class, &[name, missing, "-".into(), "-".into(), "-".into(), "0".into()]);
            continue;
        };
        let to_ours = row.ours().and_then(|ours| ours.ratio_of(cell, Figure::Main, regime));
        let of_p99 = |spread: Spread| words::ns(spread.median);
        let second = match has_p99 {
            true => cell.spread(Figure::P99, regime).map_or("-".into(), of_p99),
            false => words::items(1e9 / spread.median.max(1e-9)),
        };
        table.row(
            class,
            &[
                name,
                words::ns(spread.median),
                words::range(&spread),
                second,
                to_ours.map_or("-".into(), |ratio| words::times(ratio.spread.median)),
                spread.count.to_string(),
            ],
        );
    }
    table.finish()
}

/// A row that was measured too seldom for a median: its figures as they are.
fn once(row: &Row<'_>) -> String {
    let mut table = Table::new(&[("contender", Column::Words), ("ns, as measured", Column::Number)]);
    let mut cells: Vec<(&Cell, Vec<f64>)> =
        row.cells.iter().map(|&cell| (cell, cell.ns.iter().flatten().copied().collect())).collect();
    let key = |figures: &[f64]| figures.first().copied().unwrap_or(f64::INFINITY);
    cells.sort_by(|left, right| key(&left.1).total_cmp(&key(&right.1)));
    for (cell, figures) in cells {
        let figures: Vec<String> = figures.into_iter().map(words::ns).collect();
        let figures = if figures.is_empty() { words::missing(cell).to_owned() } else { figures.join("; ") };
        table.row(class(cell.part, false), &[cell.entry.clone(), figures]);
    }
    table.finish()
}

/// Who took part, in which version, and how it was used.
fn contenders(runs: &[Run], body: &mut String) {
    *body += "<h2>Table: contenders</h2>\n";
    let mut table =
        Table::new(&[("contender", Column::Words), ("version", Column::Words), ("how it was used", Column::WideWords)]);
    let mut seen: Vec<[&str; 3]> = Vec::new();
    for cell in runs.iter().flat_map(|run| &run.cells) {
        let contender = [&cell.entry, &cell.version, &cell.form].map(String::as_str);
        if !seen.contains(&contender) {
            seen.push(contender);
            table.row(class(cell.part, false), &contender.map(str::to_owned));
        }
    }
    *body += &table.finish();
}

fn class(part: Part, is_jitter: bool) -> &'static str {
    match part {
        _ if is_jitter => "ceiling",
        Part::Ours => "ours",
        Part::Ceiling => "ceiling",
        Part::Peer | Part::Spinner => "",
    }
}
