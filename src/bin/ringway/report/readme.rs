//! Tables in a Markdown file, between markers, from the figures of one result file.
//!
//! `<!-- ringway report: rings -->` starts a block, `<!-- end -->` ends it; what lies between is written anew. So the figures
//! in a README are those of the file, and a test can tell when they are not.

use crate::{
    fault::Fault,
    harness::measure::FAR_NS,
    results::{Calls, Cell, Comparison, Part, Regime, Run, Verdict, rows::Figure, statistics},
    show,
};

use super::words;

const START: &str = "<!-- ringway report: ";
const START_END: &str = " -->";
const END: &str = "<!-- end -->";

/// The text with its blocks written anew; `path` is for messages.
pub(super) fn rewrite(text: &str, path: &str, run: &Run) -> Result<String, Fault> {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(START) {
        let (before, from) = rest.split_at(start);
        let line = || text[..text.len() - from.len()].lines().count() + 1;
        let name = from[START.len()..].split_once(START_END).map(|(name, _)| name);
        let Some(name) = name.filter(|name| !name.contains('\n')) else {
            return Err(Fault::new(format!("{path}:{}: the marker has no `{START_END}` on its line", line())));
        };
        let Some(content) = block(name, run) else {
            return Err(Fault::new(format!("{path}:{}: no block `{name}`: {} are known", line(), BLOCKS.join(", "))));
        };
        let Some(end) = from.find(END) else {
            return Err(Fault::new(format!("{path}:{}: block `{name}` has no `{END}` after it", line())));
        };
        written += before;
        written += &format!("{START}{name}{START_END}\n{content}{END}");
        rest = &from[end + END.len()..];
    }
    if rest.len() == text.len() {
        return Err(Fault::new(format!("{path} has no marker such as `{START}{}{START_END}`", BLOCKS[0])));
    }
    Ok(written + rest)
}

/// What a marker may name.
const BLOCKS: [&str; 9] =
    ["run", "legend", "summary", "rings", "channels", "ceilings", "ratios", "cells", "contenders"];

fn block(name: &str, run: &Run) -> Option<String> {
    match name {
        "run" => Some(about(run)),
        "legend" => Some(legend()),
        "summary" => Some(summary(run)),
        "rings" => Some(rows(run, |calls| calls == Calls::Try)),
        "channels" => Some(rows(run, |calls| calls != Calls::Try)),
        "ceilings" => Some(ceilings(run)),
        "ratios" => Some(ratios(run)),
        "cells" => Some(cells(run)),
        "contenders" => Some(contenders(run)),
        _ => None,
    }
}

/// How and where it was measured.
fn about(run: &Run) -> String {
    let fact = |name: &str| run.machine.get(name).map(String::as_str).unwrap_or("not told");
    let rustc = fact("rustc").split(" (").next().unwrap_or_default();
    let [near, far, left_out] = words::rounds_of(run).map(|count| show::count(count as u64));
    let probe = words::probe(run).map_or(String::new(), |probe| {
        format!(
            " A cache line's round trip beside them took {} ns ({}).",
            words::ns(probe.median),
            words::range(&probe)
        )
    });
    let stamp = match run.not_comparable.as_slice() {
        [] => String::new(),
        reasons => format!("**Not comparable with other machines: {}.**\n", reasons.join("; ")),
    };
    format!(
        "{stamp}`{}` at commit {} on {}: {} rounds in {:.0} s.\n{}; CPUs: {}; {}; {rustc}.\nSamples: {near} near, {far} far, \
         {left_out} left out.{probe}\n",
        run.command,
        run.commit,
        run.date,
        run.rounds.unwrap_or_default(),
        run.seconds.unwrap_or_default(),
        fact("CPU"),
        fact("CPUs"),
        fact("kernel"),
    )
}

/// How the tables are read.
fn legend() -> String {
    format!(
        "Times are medians in ns: of an item, or of one trip (ping-pong, wake, paced, and items that come at a rate). A ratio is \
         the best\npeer's time over ringway's in the same round: above 1 ringway is faster. **Bold** is decided: chance alone would \
         be as one-sided\nat most {:.0} % of the time, and the ratio is {:.0} % or more from 1. The rest is not decided, be it that \
         rounds differ or that they\nare fewer than {}. *Near* and *far* are the distances that the host puts between two CPUs: a \
         cache line's round trip below {FAR_NS:.0}\nns, and above.\n",
        statistics::CHANCE_MAX * 100.0,
        statistics::MARGIN * 100.0,
        statistics::ROUNDS_TO_DECIDE
    )
}

/// What newcomers ask first, and the row that answers.
const FIRST: [(&str, &str); 7] = [
    ("one to one", "spsc"),
    ("many to one", "mpsc-4"),
    ("many to many", "mpmc-2x2"),
    ("one to each of two", "broadcast-2"),
    ("one to one, waiting", "spsc-blocking"),
    ("many to one, as futures", "mpsc-4-async"),
    ("an engine's queue, by key", "engine-queue-keyed"),
];

/// Of those rows that the file has, and of the one that ringway loses by most.
fn summary(run: &Run) -> String {
    let all = run.comparisons();
    let ratio = |found: &Comparison<'_>| found.ratio.map_or(f64::INFINITY, |ratio| ratio.spread.median);
    let behind = all.iter().filter(|found| found.verdict() == Verdict::Behind);
    let most = behind.min_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let rows = FIRST.into_iter().chain(most.map(|found| ("most behind", found.title.as_str())));
    table(&all, rows.map(|(asked, title)| (format!("{asked}: `{title}`"), title)))
}

/// All rows of such calls, in the order of the file.
fn rows(run: &Run, is_wanted: impl Fn(Calls) -> bool) -> String {
    let all: Vec<Comparison<'_>> = run.comparisons().into_iter().filter(|found| is_wanted(found.calls)).collect();
    let mut titles: Vec<&str> = all.iter().map(|found| found.title.as_str()).collect();
    // A row's comparisons, near and far, follow each other.
    titles.dedup();
    table(&all, titles.into_iter().map(|title| (title.to_owned(), title)))
}

/// ringway beside the best peer, a row a line, under a name; near and far are columns apart where both were seen.
fn table<'t>(all: &[Comparison<'_>], rows: impl Iterator<Item = (String, &'t str)>) -> String {
    let regimes: Vec<Regime> =
        Regime::ALL.into_iter().filter(|&regime| all.iter().any(|found| found.regime == regime)).collect();
    let mut text = "| row | ringway |".to_owned();
    for regime in &regimes {
        let which = if regimes.len() > 1 { format!("{}: ", regime.name()) } else { String::new() };
        text += &format!(" {which}ns | best peer | ratio |");
    }
    text += &format!("\n|---|---|{}\n", "---:|---|---:|".repeat(regimes.len()));
    for (name, title) in rows {
        let of_row = || all.iter().filter(|found| found.title == title);
        let Some(first) = of_row().next() else { continue };
        text += &format!("| {name} | {} |", words::short(&first.ours.entry));
        for &regime in &regimes {
            text += &of_row().find(|found| found.regime == regime).map_or(" | | |".into(), columns);
        }
        text.push('\n');
    }
    text
}

fn columns(found: &Comparison<'_>) -> String {
    let ratio = words::ratio(found);
    let ratio = if found.verdict() == Verdict::Undecided { ratio } else { format!("**{ratio}**") };
    format!(" {} | {} {} | {ratio} |", words::our_figure(found), found.peer.entry, words::ns(found.peer_ns.median))
}

/// The same in full, near and far lines apart: with ranges, rounds and verdicts.
fn ratios(run: &Run) -> String {
    let mut text = format!("| {} |\n|---|---|---|---:|---|{}---|\n", words::COMPARED.join(" | "), "---:|".repeat(5));
    for found in run.comparisons() {
        text += &format!("| {} |\n", words::compared(&found).join(" | "));
    }
    text
}

/// Every contender of every row, best first.
fn cells(run: &Run) -> String {
    let mut text = String::new();
    for row in run.rows() {
        text += &format!("### {}\n\n", row.name);
        let seen: Vec<Regime> = Regime::ALL.into_iter().filter(|&regime| row.is_seen(regime)).collect();
        for &regime in &seen {
            let has_p99 = row.cells.iter().any(|cell| cell.has_p99());
            let p99 = if has_p99 { " p99 ns |" } else { "" };
            text += &format!("| {} | {} | p10 .. p90 |{p99} rounds |\n", regime.name(), row.cells[0].unit);
            text += &format!("|---|---:|---:|{}---:|\n", if has_p99 { "---:|" } else { "" });
            for (cell, spread) in row.ranked(regime) {
                let name = if cell.is_ours { format!("**{}**", cell.entry) } else { cell.entry.clone() };
                let (median, range, count) = spread.map_or((words::missing(cell).into(), String::new(), 0), |spread| {
                    (words::ns(spread.median), words::range(&spread), spread.count)
                });
                let p99 = cell.spread(Figure::P99, regime).map_or("-".into(), |spread| words::ns(spread.median));
                let p99 = if has_p99 { format!(" {p99} |") } else { String::new() };
                text += &format!("| {name} | {median} | {range} |{p99} {count} |\n");
            }
            text.push('\n');
        }
        if seen.is_empty() {
            text += &format!("| as measured | {} |\n|---|---:|\n", row.cells[0].unit);
            for cell in &row.cells {
                let figures: Vec<String> = cell.ns.iter().flatten().copied().map(words::ns).collect();
                let figures = if figures.is_empty() { words::missing(cell).to_owned() } else { figures.join("; ") };
                text += &format!("| {} | {figures} |\n", cell.entry);
            }
            text.push('\n');
        }
    }
    text
}

/// Who took part, in which version, and how it was used.
fn contenders(run: &Run) -> String {
    let mut text = "| contender | version | how it was used |\n|---|---|---|\n".to_owned();
    let mut seen: Vec<String> = Vec::new();
    for Cell { entry, version, form, .. } in &run.cells {
        let line = format!("| {entry} | {version} | {form} |\n");
        if !seen.contains(&line) {
            text += &line;
            seen.push(line);
        }
    }
    text
}

/// What no queue could beat, each where it is first met.
fn ceilings(run: &Run) -> String {
    let mut told: Vec<(&str, String)> = Vec::new();
    for cell in run.cells.iter().filter(|cell| cell.part == Part::Ceiling) {
        if let Some((_, spread)) = cell.nearest(Figure::Main)
            && !told.iter().any(|(entry, _)| *entry == cell.entry)
        {
            told.push((&cell.entry, format!("{} {} {}", cell.entry, words::ns(spread.median), cell.unit)));
        }
    }
    let told: Vec<String> = told.into_iter().map(|(_, text)| text).collect();
    format!("Ceilings of the same run: {}.\n", told.join("; "))
}
