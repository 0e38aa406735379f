//! Medians with their range, of samples and of ratios, within one regime.

use crate::harness::{
    entries::Part,
    measure::{Regime, Sample},
    schedule::{Cell, Results, RowResult},
};

/// Samples below which a regime counts as not seen.
const SAMPLES_MIN: usize = 3;

/// Which figure of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The row's own: ns an item, or a median.
    Main,
    /// The 99th percentile.
    P99,
}

impl Figure {
    fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Main => Some(sample.ns),
            Self::P99 => sample.p99_ns,
        }
    }
}

/// Many figures in three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// How many there were.
    pub(crate) count: usize,
    /// Half are below.
    pub(crate) median: f64,
    /// A tenth are below.
    pub(crate) p10: f64,
    /// A tenth are above.
    pub(crate) p90: f64,
}

impl Spread {
    /// `None` if there are too few to speak of.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        if values.len() < SAMPLES_MIN {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let at = |quantile: f64| {
            let place = quantile * (values.len() - 1) as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            let above = (below + 1).min(values.len() - 1);
            values[below] * (1.0 - part) + values[above] * part
        };
        Some(Self { count: values.len(), median: at(0.5), p10: at(0.1), p90: at(0.9) })
    }
}

impl Cell {
    /// ns of the samples of a regime.
    pub(crate) fn spread(&self, figure: Figure, regime: Regime) -> Option<Spread> {
        Spread::of(self.in_regime(regime).filter_map(|sample| figure.of(sample)).collect())
    }

    /// Whether there are 99th percentiles.
    pub(crate) fn has_p99(&self) -> bool {
        self.samples.iter().flatten().any(|sample| sample.p99_ns.is_some())
    }

    /// The ns of a row that is measured once, whatever the regime.
    pub(crate) fn only(&self) -> Option<f64> {
        self.samples.iter().flatten().map(|sample| sample.ns).next()
    }

    /// This contender's time over the other's, of the rounds in which both ran in that regime.
    pub(crate) fn ratio_to(&self, other: &Self, figure: Figure, regime: Regime) -> Option<Spread> {
        let here = |sample: &Option<Sample>| {
            sample.as_ref().filter(|sample| sample.regime() == Some(regime)).and_then(|sample| figure.of(sample))
        };
        let both = self.samples.iter().zip(&other.samples);
        Spread::of(both.filter_map(|(mine, theirs)| Some(here(mine)? / here(theirs)?)).collect())
    }

    fn in_regime(&self, regime: Regime) -> impl Iterator<Item = &Sample> {
        self.samples.iter().flatten().filter(move |sample| sample.regime() == Some(regime))
    }
}

impl RowResult {
    /// ringway's entry for the summary.
    pub(crate) fn ours(&self) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.entry.name == self.row.ours)
    }

    /// The peer with the best median in a regime, of those that sleep where they should and hung nowhere.
    pub(crate) fn best_peer(&self, results: &Results, figure: Figure, regime: Regime) -> Option<(&Cell, Spread)> {
        let peers = self.cells.iter().filter(|cell| {
            cell.entry.part == Part::Peer && !(self.row.sleeps() && results.has_hung(cell.entry.name, self.row.calls))
        });
        let measured = peers.filter_map(|cell| Some((cell, cell.spread(figure, regime)?)));
        measured.min_by(|left, right| left.1.median.total_cmp(&right.1.median))
    }

    /// The row's ceiling, if it has one.
    pub(crate) fn ceiling(&self) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.entry.part == Part::Ceiling)
    }

    /// The bare ring that a contender is built on, if the row has it.
    pub(crate) fn ring_under(&self, cell: &Cell) -> Option<&Cell> {
        let over = cell.entry.over?;
        self.cells.iter().find(|ring| ring.entry.name == over)
    }

    /// Cells in the order of their medians in a regime; those without one come last.
    pub(crate) fn ranked(&self, regime: Regime) -> Vec<(&Cell, Option<Spread>)> {
        let mut cells: Vec<_> = self.cells.iter().map(|cell| (cell, cell.spread(Figure::Main, regime))).collect();
        let key = |spread: &Option<Spread>| spread.map_or(f64::INFINITY, |spread| spread.median);
        cells.sort_by(|left, right| key(&left.1).total_cmp(&key(&right.1)));
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn quantiles_are_between_their_neighbours() {
        let spread = Spread::of((0..=10).rev().map(f64::from).collect());
        assert_eq!(spread, Some(Spread { count: 11, median: 5.0, p10: 1.0, p90: 9.0 }));
        assert_eq!(Spread::of(vec![1.0, 2.0, 3.0, 4.0]).map(|spread| spread.median), Some(2.5));
    }

    #[test]
    fn too_few_are_not_seen() {
        assert_eq!(Spread::of(vec![1.0, 2.0]), None);
    }
}
