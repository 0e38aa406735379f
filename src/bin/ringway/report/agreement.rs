//! Whether result files agree: on the same figures, and on who is ahead.
//!
//! Figures are those of one contender in one row, at one distance of the CPUs. Where files are of several programs, those of
//! one program are taken together, and program stands against program; else file stands against file. Two medians agree if
//! they are within [`BOUND`] of each other, or if either lies in the range of most of the other's rounds, p10 to p90, which
//! is what the noise of that row is. Verdicts contradict each other if one file says ahead where another says behind.

use std::fmt::Write;

use crate::{
    results::{Cell, Figure, Part, Regime, Run, Spread},
    show::{Lean, Table},
};

use super::{findings, words};

/// How far two medians may lie apart, of the smaller one.
const BOUND: f64 = 0.10;
/// How far, even where the noise would explain more.
const BOUND_OF_NOISE: f64 = 1.0;
/// Rounds without which a median is not held against another.
const ROUNDS_MIN: usize = 8;

/// What came out.
pub(super) struct Agreement {
    /// For people.
    pub(super) text: String,
    /// Whether nothing speaks against it.
    pub(super) holds: bool,
}

/// One side of a comparison: a program, or a file.
struct Side<'r> {
    name: String,
    runs: Vec<&'r Run>,
}

/// A figure that at least two sides have.
struct Shared<'r> {
    row: &'r str,
    entry: &'r str,
    regime: Regime,
    /// Of each side that has it.
    spreads: Vec<(usize, Spread)>,
}

impl Shared<'_> {
    /// The largest distance of two medians, of the smaller one.
    fn apart(&self) -> f64 {
        let medians = || self.spreads.iter().map(|(_, spread)| spread.median);
        medians().fold(0.0, f64::max) / medians().fold(f64::INFINITY, f64::min) - 1.0
    }

    fn agrees(&self) -> bool {
        let all = || self.spreads.iter().map(|(_, spread)| spread);
        all().all(|one| all().all(|other| are_near(one, other)))
    }
}

/// Whether two medians agree.
fn are_near(one: &Spread, other: &Spread) -> bool {
    let (low, high) = (one.median.min(other.median), one.median.max(other.median));
    let is_within = |spread: &Spread, value: f64| (spread.p10..=spread.p90).contains(&value);
    let is_noise = is_within(one, other.median) || is_within(other, one.median);
    high <= low * (1.0 + if is_noise { BOUND_OF_NOISE } else { BOUND })
}

/// Holds the files against each other.
pub(super) fn of(runs: &[Run]) -> Agreement {
    let sides = sides(runs);
    let shared = shared(&sides);
    let differing: Vec<&Shared<'_>> = shared.iter().filter(|shared| !shared.agrees()).collect();
    let names: Vec<&str> = sides.iter().map(|side| side.name.as_str()).collect();
    let mut text = format!("{}\n\n", names.join("; "));
    if shared.is_empty() {
        let _ = writeln!(text, "figures   nothing is shared by two of them with {ROUNDS_MIN} rounds: undecided");
    } else {
        let widest = shared.iter().filter(|shared| shared.agrees()).map(Shared::apart).fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "figures   {} shared, {} agree (within {:.0} %, or within the noise of their rounds; at most {:.1} % apart), {} differ",
            shared.len(),
            shared.len() - differing.len(),
            BOUND * 100.0,
            widest * 100.0,
            differing.len()
        );
        let listed = if sides.len() > 2 || shared.len() <= 40 { shared.iter().collect() } else { differing.clone() };
        if !listed.is_empty() {
            text += &table(&sides, listed);
        }
    }
    let contradictions = verdicts(runs, &mut text);
    Agreement { text, holds: differing.is_empty() && contradictions == 0 }
}

/// Programs, if there are several; else files.
fn sides(runs: &[Run]) -> Vec<Side<'_>> {
    let mut sides: Vec<Side<'_>> = Vec::new();
    let are_programs = runs.iter().any(|run| run.tool != runs[0].tool);
    for run in runs {
        match sides.iter_mut().find(|side| are_programs && side.name == run.tool) {
            Some(side) => side.runs.push(run),
            None => {
                sides.push(Side { name: if are_programs { run.tool.clone() } else { run.name() }, runs: vec![run] })
            }
        }
    }
    sides
}

fn shared<'r>(sides: &[Side<'r>]) -> Vec<Shared<'r>> {
    let mut shared: Vec<Shared<'r>> = Vec::new();
    let all = sides.iter().flat_map(|side| &side.runs);
    for (run, cell) in all.flat_map(|run| run.cells.iter().map(move |cell| (*run, cell))) {
        let is_known = shared.iter().any(|known| (known.row, known.entry) == (cell.row.as_str(), cell.entry.as_str()));
        if is_known || cell.part == Part::Ceiling || run.is_of_sweep(&cell.row) {
            continue;
        }
        for regime in Regime::ALL {
            let spreads = sides.iter().enumerate().filter_map(|(nth, side)| Some((nth, spread(side, cell, regime)?)));
            let spreads: Vec<_> = spreads.filter(|(_, spread)| spread.count >= ROUNDS_MIN).collect();
            // Those that don't share it are kept, too, so that a cell is looked at once.
            shared.push(Shared { row: &cell.row, entry: &cell.entry, regime, spreads });
        }
    }
    shared.retain(|shared| shared.spreads.len() > 1);
    shared
}

/// The figures of all runs of a side together.
fn spread(side: &Side<'_>, of: &Cell, regime: Regime) -> Option<Spread> {
    let is_same = |cell: &&Cell| (&cell.row, &cell.entry) == (&of.row, &of.entry);
    let cells = side.runs.iter().flat_map(|run| run.cells.iter().filter(is_same));
    Spread::of(cells.flat_map(|cell| cell.figures(Figure::Main, regime)).collect())
}

fn table(sides: &[Side<'_>], shared: Vec<&Shared<'_>>) -> String {
    let mut header = vec![("row", Lean::Left), ("contender", Lean::Left), ("", Lean::Left)];
    header.extend(sides.iter().map(|side| (side.runs[0].tool.as_str(), Lean::Right)));
    header.extend([("apart", Lean::Right), ("", Lean::Left)]);
    let mut table = Table::new(&header);
    for shared in shared {
        let figure = |nth: usize| {
            let found = shared.spreads.iter().find(|(side, _)| *side == nth);
            found.map_or("-".into(), |(_, spread)| words::ns(spread.median))
        };
        let mut cells = vec![shared.row.to_owned(), shared.entry.to_owned(), shared.regime.name().to_owned()];
        cells.extend((0..sides.len()).map(figure));
        cells.push(format!("{:.1} %", shared.apart() * 100.0));
        cells.push(if shared.agrees() { "agrees" } else { "DIFFERS" }.to_owned());
        table.row(cells);
    }
    table.text(2)
}

/// Tells of verdicts that several files have; returns how many contradict each other.
fn verdicts(runs: &[Run], text: &mut String) -> usize {
    let standings = findings::standings(runs);
    let several: Vec<_> = standings.iter().filter(|standing| standing.comparisons.len() > 1).collect();
    if several.is_empty() {
        return 0;
    }
    let contradicted: Vec<_> = several.iter().filter(|standing| standing.is_contradicted()).collect();
    let same = several.iter().filter(|standing| standing.is_of_one_mind()).count();
    let _ = writeln!(
        text,
        "\nverdicts  {} shared: {same} the same, {} decided by one file and not by another, {} contradict each other",
        several.len(),
        several.len() - same - contradicted.len(),
        contradicted.len()
    );
    for standing in &contradicted {
        let _ = writeln!(text, "  {}", standing.told());
    }
    contradicted.len()
}

#[cfg(test)]
mod tests {
    use super::{are_near, of};
    use crate::results::{Run, Spread};

    fn run(tool: &str, ns: &[f64]) -> Run {
        let regimes = "n".repeat(ns.len());
        let text = format!(
            r#"{{"schema":1,"head":{{"tool":"{tool}"}},"cells":[
            {{"row":"r","entry":"ringway spsc","part":"ringway","ns":{ns:?},"regimes":"{regimes}"}},
            {{"row":"r","entry":"other","part":"peer","ns":{:?},"regimes":"{regimes}"}}]}}"#,
            vec![2.0; ns.len()]
        );
        Run::parse(&text).expect("results")
    }

    #[test]
    fn medians_agree_within_the_bound_or_the_noise() {
        let spread = |median: f64, noise: f64| Spread {
            count: 15,
            median,
            p10: median * (1.0 - noise),
            p90: median * (1.0 + noise),
        };
        assert!(are_near(&spread(2.0, 0.01), &spread(2.19, 0.01)));
        assert!(!are_near(&spread(2.0, 0.01), &spread(2.25, 0.01)));
        assert!(are_near(&spread(2.0, 0.01), &spread(2.5, 0.3)), "it lies in the other's range");
        assert!(!are_near(&spread(2.0, 0.01), &spread(5.0, 0.9)), "more than twice is no noise");
    }

    #[test]
    fn programs_stand_against_each_other_and_files_of_one_are_taken_together() {
        // Neither file of the second program has rounds enough alone.
        let runs = [run("bench", &[1.0; 9]), run("compare", &[1.05; 5]), run("compare", &[1.05; 5])];
        let found = of(&runs);
        assert!(found.holds && found.text.contains("2 shared, 2 agree"), "{}", found.text);
        let slower = [run("bench", &[1.0; 9]), run("compare", &[1.3; 9])];
        let found = of(&slower);
        assert!(
            !found.holds && found.text.contains("1 agree") && found.text.contains("30.0 %  DIFFERS"),
            "{}",
            found.text
        );
        assert!(of(&[run("a", &[1.0; 3]), run("b", &[9.0; 3])]).text.contains("undecided"));
    }

    #[test]
    fn verdicts_that_contradict_are_told() {
        let found = of(&[run("compare", &[1.0; 9]), run("compare", &[3.0; 9])]);
        assert!(!found.holds && found.text.contains("1 shared: 0 the same, 0 decided"), "{}", found.text);
        assert!(found.text.contains("r 2.00x, 0.67x (other)"), "{}", found.text);
        let found = of(&[run("compare", &[1.0; 9]), run("compare", &[1.99; 9])]);
        assert!(
            found.text.contains("0 the same, 1 decided by one file and not by another, 0 contradict"),
            "{}",
            found.text
        );
    }
}
