//! Tables in a Markdown file, between markers, from the figures of one result file.
//!
//! `<!-- ringway report: rings -->` starts a block, `<!-- end -->` ends it; what lies between is written anew. So the figures
//! in a README are those of the file, and a test can tell when they are not.

use crate::{
    fault::Fault,
    results::{Calls, Cell, Comparison, Part, Regime, Run, rows::Figure},
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
const BLOCKS: [&str; 6] = ["run", "rings", "channels", "ceilings", "cells", "contenders"];

fn block(name: &str, run: &Run) -> Option<String> {
    match name {
        "run" => Some(about(run)),
        "rings" => Some(table(run, |calls| calls == Calls::Try)),
        "channels" => Some(table(run, |calls| calls != Calls::Try)),
        "ceilings" => Some(ceilings(run)),
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

/// ringway beside the best peer, a row a line; near and far are columns apart where both were seen.
fn table(run: &Run, is_wanted: impl Fn(Calls) -> bool) -> String {
    let all: Vec<Comparison<'_>> = run.comparisons().into_iter().filter(|found| is_wanted(found.calls)).collect();
    let regimes: Vec<Regime> =
        Regime::ALL.into_iter().filter(|&regime| all.iter().any(|found| found.regime == regime)).collect();
    let mut header = "| row | ringway |".to_owned();
    let mut rule = "|---|---|".to_owned();
    for regime in &regimes {
        let which = if regimes.len() > 1 { format!(" {}", regime.name()) } else { String::new() };
        header += &format!(" ns{which} | best peer{which} | ns | ratio | range | verdict |");
        rule += "---:|---|---:|---:|---:|---|";
    }
    let mut titles: Vec<&str> = Vec::new();
    for found in &all {
        if !titles.contains(&found.title.as_str()) {
            titles.push(&found.title);
        }
    }
    let mut text = format!("{header}\n{rule}\n");
    for title in titles {
        let of_row = || all.iter().filter(|found| found.title == title);
        let ours = of_row().next().map_or("", |found| words::short(&found.ours.entry));
        text += &format!("| {title} | {ours} |");
        for &regime in &regimes {
            text += &of_row().find(|found| found.regime == regime).map_or(" | | | | | |".into(), columns);
        }
        text.push('\n');
    }
    text
}

fn columns(found: &Comparison<'_>) -> String {
    let (ratio, range) = match found.ratio {
        Some(ratio) => (format!("**{}**", words::times(ratio.spread.median)), words::ratio_range(&ratio)),
        None => ("-".into(), "-".into()),
    };
    let (ours, peer) = (words::our_figure(found), words::ns(found.peer_ns.median));
    format!(" {ours} | {} | {peer} | {ratio} | {range} | {} |", found.peer.entry, found.verdict().name())
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
