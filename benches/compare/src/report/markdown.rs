//! The report for people.

use std::fmt::{self, Write};

use super::{Report, locked_version};
use crate::harness::{
    entries::{Entry, Part},
    measure::{FAR_NS, Regime, SPINS, SPINS_TIGHT, TAKEN_MAX},
    rows::Topology,
    schedule::{Cell, RowResult},
    stats::{Figure, Spread},
};

/// What stands where there are too few samples.
const NOT_SEEN: &str = "not seen";

/// The report as Markdown.
pub(crate) fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write(report, &mut text);
    text
}

fn write(report: &Report<'_>, out: &mut String) -> fmt::Result {
    writeln!(out, "# ringway and its peers\n")?;
    head(report, out)?;
    summary(report, out)?;
    ceilings(report, out)?;
    trouble(report, out)?;
    for row in &report.results.rows {
        details(report, row, out)?;
    }
    contenders(report, out)
}

fn head(report: &Report<'_>, out: &mut String) -> fmt::Result {
    if !report.unfit.is_empty() {
        writeln!(out, "**Not comparable**: {}.\n", report.unfit.join("; "))?;
    }
    let [near, far, mixed, disturbed] = report.results.regimes();
    writeln!(out, "`{}`\n", report.args.command())?;
    writeln!(out, "| | |\n|---|---|")?;
    for (name, value) in &report.facts.named {
        writeln!(out, "| {name} | {value} |")?;
    }
    writeln!(out, "| run | {} rounds in {:.0} s |", report.args.wanted.rounds, report.seconds)?;
    writeln!(out, "| meanwhile | {} |", report.disturbance.line)?;
    writeln!(
        out,
        "| samples | {near} near, {far} far; left out: {mixed} because the regime changed inside, {disturbed} because \
         others had more than {} % of a CPU |",
        TAKEN_MAX * 100.0
    )?;
    writeln!(
        out,
        "\n**How to read it.** Before and after each sample the raw round trip of a cache line between the two CPUs is \
         probed: *near* is below {FAR_NS} ns, *far* above. On a virtual machine it changes by itself, so figures are \
         medians within a regime, with the range from p10 to p90; a regime with fewer than 3 samples is \"{NOT_SEEN}\". \
         A ratio is the median over rounds of *peer's time / ringway's time* in the same round: above 1 ringway is faster. \
         Rounds are interleaved, who goes first rotates. Every sample is checked: count, checksum, order of each \
         producer, no torn item; one that fails is a FAULT, not a number.\n\n\
         **One waiting policy for all**: after a failed try, pause (`spin_loop`) and try again; from the {}th failure in a \
         row on, yield. With more threads than CPUs, yield at once. In the closed loop (ping-pong) poll without a \
         pause, and yield from the {}th failure on. Threads are pinned to the allowed CPUs in turn, producers first. \
         \"Capacity\" is the items of the whole queue: lanes and shards share it out.\n\n\
         **Rows of calls that wait** (*blocking*, *async*): each contender waits in its own way. The best peer is the best of \
         those that sleep when there is nothing to do, and that hung in no such row of this run; the others are shown. Of \
         their threads the kernel says how long each waited for a CPU: if others had it for more than the limit above, the \
         sample is left out.\n",
        SPINS + 1,
        SPINS_TIGHT + 1,
    )
}

fn summary(report: &Report<'_>, out: &mut String) -> fmt::Result {
    writeln!(out, "## Summary\n")?;
    writeln!(out, "| row | ringway | near ns | best peer near | ns | ratio | far ns | best peer far | ns | ratio |")?;
    writeln!(out, "|---|---|---:|---|---:|---:|---:|---|---:|---:|")?;
    let results = report.results;
    for row in results.rows.iter().filter(|row| !matches!(row.row.topology, Topology::Stream | Topology::Idle)) {
        let ours = row.ours();
        let name = ours.map_or("-", |cell| cell.entry.name);
        let has_p99 = ours.is_some_and(Cell::has_p99);
        let figures =
            if has_p99 { &[(Figure::Main, " p50"), (Figure::P99, " p99")][..] } else { &[(Figure::Main, "")] };
        for &(figure, which) in figures {
            write!(out, "| {}{which} | {} |", row.row.name, name.trim_start_matches("ringway "))?;
            for regime in Regime::ALL {
                let median = |spread: Spread| ns(spread.median);
                let our_ns = ours.and_then(|cell| cell.spread(figure, regime)).map_or(NOT_SEEN.into(), median);
                write!(out, " {our_ns} |")?;
                match row.best_peer(results, figure, regime) {
                    Some((peer, spread)) => {
                        let ratio = ours.and_then(|ours| peer.ratio_to(ours, figure, regime));
                        let ratio = ratio.map_or("-".into(), |ratio| format!("**{}**", times(ratio.median)));
                        write!(out, " {} | {} | {ratio} |", peer.entry.name, ns(spread.median))?;
                    }
                    None => write!(out, " - | {NOT_SEEN} | - |")?,
                }
            }
            writeln!(out)?;
        }
    }
    writeln!(out)
}

fn ceilings(report: &Report<'_>, out: &mut String) -> fmt::Result {
    let rows: Vec<_> = report.results.rows.iter().filter_map(|row| Some((row, row.ceiling()?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## Ceilings\n")?;
    writeln!(out, "| what | row | near ns | far ns |\n|---|---|---:|---:|")?;
    for (row, cell) in rows {
        let figure = |regime| cell.spread(Figure::Main, regime).map_or(NOT_SEEN.into(), |spread| ranged(&spread));
        let [near, far] = Regime::ALL.map(figure);
        writeln!(out, "| {} | {} | {near} | {far} |", cell.entry.name, row.row.name)?;
        if row.row.topology == Topology::Stream {
            // A line carries eight words.
            let word =
                |regime| cell.spread(Figure::Main, regime).map_or(NOT_SEEN.into(), |spread| ns(spread.median / 8.0));
            let [near, far] = Regime::ALL.map(word);
            writeln!(out, "| implied for a u64, 8 a line | {} | {near} | {far} |", row.row.name)?;
        }
    }
    writeln!(out)
}

fn trouble(report: &Report<'_>, out: &mut String) -> fmt::Result {
    writeln!(out, "## Faults, hangs, exclusions\n")?;
    let mut lines = Vec::new();
    for row in &report.results.rows {
        for cell in &row.cells {
            let at = format!("| {} | {} |", row.row.name, cell.entry.name);
            if let Some(first) = cell.faults.first() {
                lines.push(format!("{at} **FAULT** in {} samples; the first: {first} |", cell.faults.len()));
            }
            if let Some(first) = cell.hangs.first() {
                lines.push(format!("{at} **hung** in {} samples; the first: {first} |", cell.hangs.len()));
            }
        }
    }
    for exclusion in &report.results.excluded {
        lines.push(format!("| {} | {} | left out: {} |", exclusion.row, exclusion.entry, exclusion.reason));
    }
    if lines.is_empty() {
        return writeln!(out, "None.\n");
    }
    writeln!(out, "| row | contender | what |\n|---|---|---|\n{}\n", lines.join("\n"))
}

fn details(report: &Report<'_>, row: &RowResult, out: &mut String) -> fmt::Result {
    let quick = report.args.wanted.quick;
    writeln!(out, "## {}\n\n{}\n", row.row.name, row.row.describe(quick))?;
    if row.row.topology == Topology::Idle {
        return at_rest(row, quick, out);
    }
    for regime in Regime::ALL {
        if row.cells.iter().all(|cell| cell.spread(Figure::Main, regime).is_none()) {
            writeln!(out, "*{}*: {NOT_SEEN}.\n", regime.name())?;
            continue;
        }
        match row.row.topology {
            Topology::RoundTrip => table(row, regime, Some(("to raw line", |row, _| row.ceiling())), out)?,
            Topology::Send
            | Topology::QueueInline
            | Topology::QueueAcross
            | Topology::TopicInline
            | Topology::TopicAcross => table(row, regime, Some(("to its bare ring", RowResult::ring_under)), out)?,
            _ => table(row, regime, None, out)?,
        }
    }
    Ok(())
}

/// A column of ratios to another cell of the row: its title, and which that is.
type Column = (&'static str, for<'r> fn(&'r RowResult, &Cell) -> Option<&'r Cell>);

/// The cells of a row in one regime, best first.
fn table(row: &RowResult, regime: Regime, column: Option<Column>, out: &mut String) -> fmt::Result {
    let has_p99 = row.cells.iter().any(Cell::has_p99);
    let figure = if has_p99 { "p50 ns (p10 .. p90) | p99 ns" } else { "ns (p10 .. p90) | M/s" };
    let title = column.map_or(String::new(), |(title, _)| format!(" {title} |"));
    writeln!(out, "| {} | {figure} |{title} to {} | samples |", regime.name(), reference(row))?;
    writeln!(out, "|---|---:|---:|{}---:|---:|", if column.is_some() { "---:|" } else { "" })?;
    for (cell, spread) in row.ranked(regime) {
        let name = styled(&cell.entry);
        let Some(spread) = spread else {
            let empty = if column.is_some() { " |" } else { "" };
            writeln!(out, "| {name} | {} | |{empty} | |", missing(cell.faults.len(), cell.hangs.len()))?;
            continue;
        };
        let to = |other: Option<&Cell>| {
            let ratio = other.and_then(|other| cell.ratio_to(other, Figure::Main, regime));
            ratio.map_or("-".into(), |ratio| times(ratio.median))
        };
        let second = match has_p99 {
            true => cell.spread(Figure::P99, regime).map_or("-".into(), |spread| ns(spread.median)),
            false => ns(1e3 / spread.median),
        };
        let middle = column.map_or(String::new(), |(_, other)| format!(" {} |", to(other(row, cell))));
        let ours = to(row.ours());
        writeln!(out, "| {name} | {} | {second} |{middle} {ours} | {} |", ranged(&spread), spread.count)?;
    }
    writeln!(out)
}

/// The CPU time of those who wait for nothing.
fn at_rest(row: &RowResult, quick: bool, out: &mut String) -> fmt::Result {
    writeln!(out, "| contender | CPU time, µs | of one CPU |\n|---|---:|---:|")?;
    let waited_ns = row.row.burst(quick).as_nanos() as f64;
    let mut cells: Vec<_> = row.cells.iter().map(|cell| (cell, cell.only())).collect();
    cells.sort_by(|left, right| left.1.unwrap_or(f64::INFINITY).total_cmp(&right.1.unwrap_or(f64::INFINITY)));
    for (cell, cpu_ns) in cells {
        let name = styled(&cell.entry);
        match cpu_ns {
            Some(cpu_ns) => writeln!(out, "| {name} | {} | {:.4} % |", ns(cpu_ns / 1e3), cpu_ns / waited_ns * 100.0)?,
            None => writeln!(out, "| {name} | {} | |", missing(cell.faults.len(), cell.hangs.len()))?,
        }
    }
    writeln!(out)
}

fn contenders(report: &Report<'_>, out: &mut String) -> fmt::Result {
    writeln!(out, "## Contenders\n\n| contender | package | how it is used |\n|---|---|---|")?;
    let mut seen = Vec::new();
    for cell in report.results.rows.iter().flat_map(|row| &row.cells) {
        let Entry { name, package, form, .. } = cell.entry;
        if seen.contains(&(name, form)) {
            continue;
        }
        seen.push((name, form));
        let version = locked_version(package).unwrap_or_default();
        writeln!(out, "| {name} | {package} {version} | {form} |")?;
    }
    Ok(())
}

fn reference(row: &RowResult) -> &str {
    row.ours().map_or("ringway", |cell| cell.entry.name)
}

fn styled(entry: &Entry) -> String {
    match entry.part {
        Part::Ours => format!("**{}**", entry.name),
        Part::Peer => entry.name.to_owned(),
        Part::Spinner => format!("{} (never sleeps)", entry.name),
        Part::Ceiling => format!("*{}*", entry.name),
    }
}

fn missing(faults: usize, hangs: usize) -> &'static str {
    match (faults, hangs) {
        (0, 0) => NOT_SEEN,
        (0, _) => "hung",
        _ => "FAULT",
    }
}

fn ranged(spread: &Spread) -> String {
    format!("{} ({} .. {})", ns(spread.median), ns(spread.p10), ns(spread.p90))
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}x") } else { format!("{ratio:.1}x") }
}

/// Three digits.
fn ns(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
