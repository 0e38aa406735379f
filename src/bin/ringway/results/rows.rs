//! Rows of a run: who stands for ringway, which peer is the best, and how the two compare.

use super::{Calls, Cell, Part, Ratio, Regime, Run, Spread, Verdict};

/// Which figure of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The row's own: ns an item, or a median.
    Main,
    /// The 99th percentile.
    P99,
}

/// The cells of one row.
pub(crate) struct Row<'r> {
    pub(crate) run: &'r Run,
    pub(crate) name: &'r str,
    pub(crate) cells: Vec<&'r Cell>,
}

/// ringway beside the best peer, in one row and regime.
pub(crate) struct Comparison<'r> {
    /// The row's name, with the percentile where it has several.
    pub(crate) title: String,
    pub(crate) regime: Regime,
    pub(crate) calls: Calls,
    pub(crate) ours: &'r Cell,
    /// `None` where ringway has no figure.
    pub(crate) our_ns: Option<Spread>,
    pub(crate) peer: &'r Cell,
    pub(crate) peer_ns: Spread,
    pub(crate) ratio: Option<Ratio>,
}

impl Comparison<'_> {
    /// Undecided, too, where there is no ratio.
    pub(crate) fn verdict(&self) -> Verdict {
        self.ratio.map_or(Verdict::Undecided, |ratio| ratio.verdict())
    }
}

impl Cell {
    /// Its figures in a regime, by round.
    pub(crate) fn figures(&self, figure: Figure, regime: Regime) -> impl Iterator<Item = f64> {
        (0..self.ns.len()).filter_map(move |round| self.at(figure, regime, round))
    }

    /// The same as a median with its range.
    pub(crate) fn spread(&self, figure: Figure, regime: Regime) -> Option<Spread> {
        Spread::of(self.figures(figure, regime).collect())
    }

    /// The CPU seconds that it burned in a second, in a regime.
    pub(crate) fn cpu_spread(&self, regime: Regime) -> Option<Spread> {
        let here = self.regimes.iter().zip(&self.cpu).filter(|&(&letter, _)| letter == regime.letter());
        Spread::of(here.filter_map(|(_, &cpu)| cpu).collect())
    }

    /// Its figures in the nearest regime in which it has them.
    pub(crate) fn nearest(&self, figure: Figure) -> Option<(Regime, Spread)> {
        Regime::ALL.into_iter().find_map(|regime| Some((regime, self.spread(figure, regime)?)))
    }

    /// Whether there are 99th percentiles.
    pub(crate) fn has_p99(&self) -> bool {
        self.p99_ns.iter().any(Option::is_some)
    }

    /// The other's time over this one's, of the rounds in which both ran in that regime.
    pub(crate) fn ratio_of(&self, other: &Self, figure: Figure, regime: Regime) -> Option<Ratio> {
        let rounds = 0..self.ns.len().min(other.ns.len());
        let ratio = |round| {
            let (mine, theirs) = (self.at(figure, regime, round)?, other.at(figure, regime, round)?);
            (mine > 0.0).then(|| theirs / mine)
        };
        Ratio::of(rounds.filter_map(ratio).collect())
    }

    /// A round's figure. A cell that failed a check has none: what it did is not what the others did.
    fn at(&self, figure: Figure, regime: Regime, round: usize) -> Option<f64> {
        if !self.faults.is_empty() {
            return None;
        }
        let figures = match figure {
            Figure::Main => &self.ns,
            Figure::P99 => &self.p99_ns,
        };
        figures.get(round).copied().flatten().filter(|_| self.regimes[round] == regime.letter())
    }
}

impl Run {
    /// Its rows, in the order of the file.
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        for cell in &self.cells {
            match rows.iter_mut().find(|row| row.name == cell.row) {
                Some(row) => row.cells.push(cell),
                None => rows.push(Row { run: self, name: &cell.row, cells: vec![cell] }),
            }
        }
        rows
    }

    /// ringway beside the best peer, wherever both have figures or ringway lost its own. Loads of a sweep are shares of what
    /// each contender takes: there nothing is the same for two of them.
    pub(crate) fn comparisons(&self) -> Vec<Comparison<'_>> {
        let rows = self.rows();
        rows.iter().filter(|row| !self.is_of_sweep(row.name)).flat_map(Row::comparisons).collect()
    }

    /// Whether a contender hung by such calls.
    fn has_hung(&self, entry: &str, calls: Calls) -> bool {
        self.cells.iter().any(|cell| cell.entry == entry && cell.calls == calls && !cell.hangs.is_empty())
    }
}

impl<'r> Row<'r> {
    /// The entry that stands for ringway: the one that is marked, else the first.
    pub(crate) fn ours(&self) -> Option<&'r Cell> {
        let ringway = || self.cells.iter().filter(|cell| cell.part == Part::Ours);
        ringway().find(|cell| cell.is_ours).or_else(|| ringway().next()).copied()
    }

    /// The peer with the best median, of those that failed no check, sleep where they should, and hung nowhere by such calls.
    pub(crate) fn best_peer(&self, figure: Figure, regime: Regime) -> Option<(&'r Cell, Spread)> {
        let is_fit = |cell: &&&'r Cell| {
            cell.part == Part::Peer && !(cell.calls != Calls::Try && self.run.has_hung(&cell.entry, cell.calls))
        };
        let measured = self.cells.iter().filter(is_fit).filter_map(|cell| Some((*cell, cell.spread(figure, regime)?)));
        measured.min_by(|left, right| left.1.median.total_cmp(&right.1.median))
    }

    /// Cells in the order of their medians in a regime; those without one come last.
    pub(crate) fn ranked(&self, regime: Regime) -> Vec<(&'r Cell, Option<Spread>)> {
        let mut cells: Vec<_> = self.cells.iter().map(|&cell| (cell, cell.spread(Figure::Main, regime))).collect();
        let key = |spread: &Option<Spread>| spread.map_or(f64::INFINITY, |spread| spread.median);
        cells.sort_by(|left, right| key(&left.1).total_cmp(&key(&right.1)));
        cells
    }

    /// Whether any cell has figures in that regime.
    pub(crate) fn is_seen(&self, regime: Regime) -> bool {
        self.cells.iter().any(|cell| cell.spread(Figure::Main, regime).is_some())
    }

    /// ringway beside the best peer, by figure and regime.
    pub(crate) fn comparisons(&self) -> Vec<Comparison<'r>> {
        let Some(ours) = self.ours() else { return Vec::new() };
        let figures =
            if ours.has_p99() { &[(Figure::Main, " p50"), (Figure::P99, " p99")][..] } else { &[(Figure::Main, "")] };
        let mut found = Vec::new();
        for &(figure, which) in figures {
            for regime in Regime::ALL {
                let Some((peer, peer_ns)) = self.best_peer(figure, regime) else { continue };
                found.push(Comparison {
                    title: format!("{}{which}", self.name),
                    regime,
                    calls: ours.calls,
                    ours,
                    our_ns: ours.spread(figure, regime),
                    peer,
                    peer_ns,
                    ratio: ours.ratio_of(peer, figure, regime),
                });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Cell, Figure, Part, Regime, Run, Verdict};

    fn cell(entry: &str, part: Part, ns: &[f64], regimes: &str) -> Cell {
        let text = format!(
            r#"{{"schema":1,"head":{{"tool":"t"}},"cells":[{{"row":"r","entry":"{entry}","part":"peer","ns":{ns:?},"regimes":"{regimes}"}}]}}"#
        );
        Cell { part, ..Run::parse(&text).expect("read").cells.remove(0) }
    }

    fn run(cells: Vec<Cell>) -> Run {
        Run { cells, ..Run::default() }
    }

    #[test]
    fn near_and_far_never_meet() {
        let ns = [1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 50.0];
        let found = cell("a", Part::Ours, &ns, "nnnfffd");
        let median = |regime| found.spread(Figure::Main, regime).map(|spread| spread.median);
        assert_eq!((median(Regime::Near), median(Regime::Far)), (Some(1.0), Some(9.0)));
        let other = cell("b", Part::Peer, &[2.0; 7], "nnnnfff");
        let ratio = |regime| found.ratio_of(&other, Figure::Main, regime).map(|ratio| ratio.spread.count);
        assert_eq!((ratio(Regime::Near), ratio(Regime::Far)), (Some(3), None), "two rounds were far for both");
    }

    #[test]
    fn peers_that_hang_or_spin_are_no_best_peers_of_calls_that_wait() {
        let all = "n".repeat(8);
        let cells = |calls| {
            let ours = Cell { calls, ..cell("us", Part::Ours, &[2.0; 8], &all) };
            let hung = Cell { calls, hangs: vec!["a round".into()], ..cell("hung", Part::Peer, &[1.0; 8], &all) };
            let spinner = Cell { calls, ..cell("spinner", Part::Spinner, &[0.5; 8], &all) };
            let slow = Cell { calls, ..cell("slow", Part::Peer, &[3.0; 8], &all) };
            run(vec![ours, hung, spinner, slow])
        };
        let best = |run: &Run| run.comparisons()[0].peer.entry.clone();
        assert_eq!((best(&cells(Calls::Try)), best(&cells(Calls::Blocking))), ("hung".into(), "slow".into()));
        assert_eq!(cells(Calls::Try).comparisons()[0].verdict(), Verdict::Behind);
        assert_eq!(cells(Calls::Blocking).comparisons()[0].verdict(), Verdict::Ahead);
    }

    #[test]
    fn a_cell_that_failed_a_check_has_no_figure() {
        let all = "n".repeat(8);
        let broken = Cell { faults: vec!["an item came twice".into()], ..cell("broken", Part::Peer, &[1.0; 8], &all) };
        let ours = cell("us", Part::Ours, &[2.0; 8], &all);
        assert_eq!(broken.spread(Figure::Main, Regime::Near), None);
        let found = run(vec![ours, broken, cell("slow", Part::Peer, &[3.0; 8], &all)]);
        assert_eq!(found.comparisons()[0].peer.entry, "slow");
    }

    #[test]
    fn the_marked_entry_stands_for_ringway() {
        let all = "n".repeat(8);
        let first = cell("first", Part::Ours, &[2.0; 8], &all);
        let second = cell("second", Part::Ours, &[1.0; 8], &all);
        let ours = |run: &Run| run.rows()[0].ours().map(|cell| cell.entry.clone());
        let mut run = run(vec![cell("peer", Part::Peer, &[1.0; 8], &all), first, second]);
        assert_eq!(ours(&run), Some("first".into()));
        run.cells[2].is_ours = true;
        assert_eq!(ours(&run), Some("second".into()));
        run.cells[2].ns.fill(None);
        let lost = &run.comparisons()[0];
        assert!(lost.our_ns.is_none() && lost.verdict() == Verdict::Undecided, "a lost cell stays in");
    }
}
