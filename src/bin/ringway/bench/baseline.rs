//! Two runs side by side: what has changed, and how sure that is.
//!
//! Rounds of the same cell, at the same distance of the CPUs, are held against each other by ranks, which ask nothing of how
//! figures are distributed. With many cells some differ by chance: a cell counts as changed only if chance would bring forth
//! one such cell in twenty whole comparisons. That says that the runs differ, not that the code does: machines change, too.

use std::path::Path;

use crate::{
    fault::Fault,
    results::{Cell, Figure, Regime, Run, Spread},
    show::{Lean, Table},
};

/// Of whole comparisons, the share that may call something changed by chance.
const CHANCE_MAX: f64 = 0.05;
/// A difference that nobody needs to hear of, however sure it is.
const DIFFERENCE_MIN: f64 = 0.02;

/// Results of an earlier run.
#[derive(Debug)]
pub(super) struct Baseline {
    name: String,
    run: Run,
}

/// One cell of both.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    row: String,
    entry: String,
    regime: Regime,
    before: f64,
    after: f64,
    /// How likely chance alone would set them so far apart, or farther.
    chance: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Faster,
    Slower,
    Undecided,
}

impl Baseline {
    /// Reads the results of an earlier run.
    ///
    /// # Errors
    /// A [`Fault`], if they can't be read, are cut off, or are none.
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let run = Run::read(path).map_err(|what| Fault::new(format!("--baseline: {what}")))?;
        Ok(Self { name: path.display().to_string(), run })
    }

    /// What has changed since, as text.
    pub(super) fn compared_with(&self, run: &Run) -> String {
        let pairs = self.pairs(run);
        let mut table = Table::new(&[
            ("row", Lean::Left),
            ("contender", Lean::Left),
            ("", Lean::Left),
            ("before", Lean::Right),
            ("after", Lean::Right),
            ("change", Lean::Right),
            ("sure", Lean::Right),
        ]);
        let mut counts = [0; 3];
        for pair in &pairs {
            let verdict = pair.verdict(pairs.len());
            counts[verdict as usize] += 1;
            if verdict == Verdict::Undecided {
                continue;
            }
            let figure = |ns: f64| if ns < 100.0 { format!("{ns:.2}") } else { format!("{ns:.0}") };
            let change = format!("{:+.1} %", (pair.after / pair.before - 1.0) * 100.0);
            let sure = format!("{:.1} %", (1.0 - pair.corrected(pairs.len())) * 100.0);
            let names = [pair.row.as_str(), &pair.entry, pair.regime.name()].map(str::to_owned);
            table.row(names.into_iter().chain([figure(pair.before), figure(pair.after), change, sure]));
        }
        let [faster, slower, undecided] = counts;
        let mut text = format!(
            "since {}: {faster} faster, {slower} slower, {undecided} undecided, of {} that both have\n",
            self.name,
            pairs.len()
        );
        if !self.run.not_comparable.is_empty() {
            text += &format!("  not comparable: {}\n", self.run.not_comparable.join("; "));
        }
        if faster + slower > 0 {
            text += &table.text(2);
        }
        text
    }

    /// The cells of both, at each distance that both have seen.
    fn pairs(&self, run: &Run) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for after in &run.cells {
            let is_same = |before: &&Cell| (&before.row, &before.entry) == (&after.row, &after.entry);
            let Some(before) = self.run.cells.iter().find(is_same) else { continue };
            for regime in Regime::ALL {
                let [old, new] = [before, after].map(|cell| cell.figures(Figure::Main, regime).collect::<Vec<f64>>());
                let Some(chance) = chance(&old, &new) else { continue };
                let [Some(old), Some(new)] = [old, new].map(Spread::of) else { continue };
                let (row, entry) = (after.row.clone(), after.entry.clone());
                pairs.push(Pair { row, entry, regime, before: old.median, after: new.median, chance });
            }
        }
        pairs
    }
}

impl Pair {
    /// The chance that any of so many cells would be set so far apart (Bonferroni's bound).
    fn corrected(&self, cells: usize) -> f64 {
        (self.chance * cells as f64).min(1.0)
    }

    fn verdict(&self, cells: usize) -> Verdict {
        let is_sure = self.corrected(cells) < CHANCE_MAX;
        match self.after / self.before - 1.0 {
            change if !is_sure || change.abs() < DIFFERENCE_MIN => Verdict::Undecided,
            change if change < 0.0 => Verdict::Faster,
            _ => Verdict::Slower,
        }
    }
}

/// How likely two samples of one and the same thing would lie so far apart, by their ranks, on either side. `None` without at
/// least three of each.
///
/// # Source
/// H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than the other", 1947;
/// by the normal approximation, corrected for ties and for continuity.
fn chance(before: &[f64], after: &[f64]) -> Option<f64> {
    let (few, many) = (before.len() as f64, after.len() as f64);
    if before.len() < 3 || after.len() < 3 {
        return None;
    }
    let mut all: Vec<(f64, bool)> =
        before.iter().map(|&ns| (ns, true)).chain(after.iter().map(|&ns| (ns, false))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut rank_sum, mut ties, mut start) = (0.0, 0.0, 0);
    while start < all.len() {
        let same = all[start..].iter().take_while(|(ns, _)| *ns == all[start].0).count();
        // Those of one value share the mean of their ranks, which count from 1.
        let rank = start as f64 + (same as f64 + 1.0) / 2.0;
        rank_sum += all[start..start + same].iter().filter(|(_, is_before)| *is_before).count() as f64 * rank;
        ties += (same as f64).powi(3) - same as f64;
        start += same;
    }
    let count = few + many;
    let distance = (rank_sum - few * (count + 1.0) / 2.0).abs();
    let variance = few * many / 12.0 * (count + 1.0 - ties / (count * (count - 1.0)));
    if variance <= 0.0 {
        return Some(1.0);
    }
    Some(two_tails((distance - 0.5).max(0.0) / variance.sqrt()))
}

/// The share of a normal distribution that is at least so many deviations from its middle.
///
/// # Source
/// M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 7.1.26; right to 1.5e-7, so what is below that is told as
/// that.
fn two_tails(deviations: f64) -> f64 {
    const FLOOR: f64 = 1.5e-7;
    let x = deviations / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let sum = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    (sum * (-x * x).exp()).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use super::{Baseline, chance, two_tails};
    use crate::results::Run;

    fn cell(row: &str, regimes: &str, ns: &[f64]) -> String {
        format!(r#"{{"row":"{row}","entry":"ringway spsc","part":"ringway","regimes":"{regimes}","ns":{ns:?}}}"#)
    }

    fn run(cells: &[String]) -> Run {
        let text = format!(r#"{{"schema":1,"head":{{"tool":"t"}},"cells":[{}]}}"#, cells.join(","));
        Run::parse(&text).expect("results")
    }

    fn baseline(cells: &[String]) -> Baseline {
        Baseline { name: "old.json".into(), run: run(cells) }
    }

    fn rounds(from: f64, step: f64) -> Vec<f64> {
        // Ups and downs, so that no order of the rounds matters.
        (0..15).map(|nth| from + step * f64::from(nth * 7 % 15)).collect()
    }

    #[test]
    fn ranks_tell_what_tables_tell() {
        assert!((two_tails(1.959_964) - 0.05).abs() < 1e-6 && (two_tails(0.0) - 1.0).abs() < 1e-6);
        // Ten against ten: the tables have 5 % at U = 23 and 1 % at U = 16.
        let before: Vec<f64> = [1, 2, 3, 4, 5, 6, 7, 10, 16, 19].map(f64::from).to_vec();
        let after: Vec<f64> = [8, 9, 11, 12, 13, 14, 15, 17, 18, 20].map(f64::from).to_vec();
        let rank_sum: f64 = before.iter().sum();
        assert_eq!(rank_sum - 55.0, 18.0);
        let seen = chance(&before, &after).expect("enough");
        assert!((0.01..0.03).contains(&seen), "{seen}");
        assert!(chance(&[1.0; 15], &[1.0; 15]).is_some_and(|seen| seen == 1.0));
        assert_eq!(chance(&[1.0, 2.0], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn what_differs_is_told_and_what_may_be_chance_is_not() {
        let near = "n".repeat(15);
        let old = baseline(&[
            cell("slower", &near, &rounds(2.0, 0.01)),
            cell("noise", &near, &rounds(2.0, 0.1)),
            cell("gone", &near, &rounds(2.0, 0.1)),
            cell("few", "nnn", &[2.0, 2.0, 2.1]),
        ]);
        let text = old.compared_with(&run(&[
            cell("slower", &near, &rounds(2.4, 0.01)),
            cell("noise", &near, &rounds(2.05, 0.1)),
            cell("new", &near, &rounds(2.0, 0.1)),
            cell("few", "nnn", &[4.0, 4.0, 4.1]),
        ]));
        assert!(text.starts_with("since old.json: 0 faster, 1 slower, 2 undecided, of 3 that both have\n"), "{text}");
        let line = text.lines().find(|line| line.contains("slower  ringway")).expect("a line of it");
        assert!(line.contains("2.07") && line.contains("2.47") && line.contains("+19.3 %"), "{line}");
    }

    #[test]
    fn distances_are_never_mixed() {
        let both = "n".repeat(15) + &"f".repeat(15);
        let of = |near, far| run(&[cell("spsc", &both, &[rounds(near, 0.01), rounds(far, 0.01)].concat())]);
        let old = Baseline { name: "old.json".into(), run: of(2.0, 8.0) };
        let text = old.compared_with(&of(3.0, 9.0));
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines.len() == 2 && lines[0].contains("  near  ") && lines[1].contains("  far   "), "{text}");
        let old = baseline(&[cell("spsc", "nnnnnnnffffffff", &rounds(2.0, 0.01))]);
        let text = old.compared_with(&run(&[cell("spsc", &"f".repeat(15), &rounds(2.0, 0.01))]));
        assert!(text.contains("of 1 that both have"), "{text}");
    }
}
