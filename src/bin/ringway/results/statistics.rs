//! What is said of figures of many rounds: medians with their range, and whether ratios leave 1 to one side.
//!
//! Samples that were taken at different distances between the CPUs never meet in one figure.

/// Up to this probability that chance alone would be as one-sided, a ratio counts as decided.
pub(crate) const CHANCE_MAX: f64 = 0.01;
/// Fewer rounds can't reach that, even if all are of one mind.
pub(crate) const ROUNDS_TO_DECIDE: usize = 8;
/// Ratios this close to 1 are not called a difference, however certain they are.
pub(crate) const MARGIN: f64 = 0.03;

/// Rounds below which a regime counts as not seen.
const ROUNDS_MIN: usize = 3;

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
        if values.len() < ROUNDS_MIN {
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

/// How ringway does against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Faster, beyond chance and by more than the margin.
    Ahead,
    /// Slower, likewise.
    Behind,
    /// Neither can be said.
    Undecided,
}

impl Verdict {
    /// As a report writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Behind => "behind",
            Self::Undecided => "undecided",
        }
    }

    /// What several runs say together: one that is not of the others' mind leaves it undecided.
    pub(crate) fn together(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts
            .into_iter()
            .reduce(|one, other| if one == other { one } else { Self::Undecided })
            .unwrap_or(Self::Undecided)
    }
}

/// The other's time over ringway's, round by round: above 1 ringway is faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// The ratios of the rounds.
    pub(crate) spread: Spread,
    /// How likely chance alone is as one-sided: a two-sided sign test of the ratios against 1.
    pub(crate) chance: f64,
}

impl Ratio {
    /// `None` if there are too few rounds to speak of.
    pub(crate) fn of(ratios: Vec<f64>) -> Option<Self> {
        let chance = sign_test(&ratios);
        Spread::of(ratios).map(|spread| Self { spread, chance })
    }

    /// What can be said of it.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.spread.median {
            _ if self.chance > CHANCE_MAX => Verdict::Undecided,
            median if median >= 1.0 + MARGIN => Verdict::Ahead,
            median if median <= 1.0 - MARGIN => Verdict::Behind,
            _ => Verdict::Undecided,
        }
    }
}

/// Probability that fair coins fall as one-sidedly as the ratios lie about 1, or more so. Ratios of exactly 1 have no side.
fn sign_test(ratios: &[f64]) -> f64 {
    let above = ratios.iter().filter(|&&ratio| ratio > 1.0).count();
    let below = ratios.iter().filter(|&&ratio| ratio < 1.0).count();
    let (coins, most) = (above + below, above.max(below));
    // The terms are taken from the last, 2^-coins, on: each is the one before times (heads) / (coins - heads + 1).
    let mut term = 0.5f64.powi(coins as i32);
    let mut tail = term;
    for heads in (most + 1..=coins).rev() {
        term *= heads as f64 / (coins - heads + 1) as f64;
        tail += term;
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{Ratio, Spread, Verdict, sign_test};

    #[test]
    fn quantiles_are_between_their_neighbours() {
        let spread = Spread::of((0..=10).rev().map(f64::from).collect());
        assert_eq!(spread, Some(Spread { count: 11, median: 5.0, p10: 1.0, p90: 9.0 }));
        assert_eq!(Spread::of(vec![1.0, 2.0, 3.0, 4.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(vec![1.0, 2.0]), None, "too few");
    }

    #[test]
    fn signs_are_tested_as_in_the_tables() {
        let coins = |above, below| sign_test(&[vec![1.5; above], vec![0.5; below]].concat());
        for (above, below, chance) in [
            (0, 0, 1.0),
            (1, 0, 1.0),
            (5, 5, 1.0),
            (8, 0, 0.007_812_5),
            (0, 7, 0.015_625),
            (13, 2, 0.007_385),
            (12, 3, 0.035_156),
        ] {
            assert!((coins(above, below) - chance).abs() < 1e-6, "{above} {below}: {}", coins(above, below));
        }
        assert!(coins(900, 0) < 1e-9 && coins(450, 450) == 1.0, "many rounds neither overflow nor vanish");
    }

    #[test]
    fn a_verdict_needs_rounds_of_one_mind_and_a_difference() {
        let verdict = |ratios: &[f64]| Ratio::of(ratios.to_vec()).map(|ratio| ratio.verdict());
        assert_eq!(verdict(&[2.0; 2]), None);
        assert_eq!(verdict(&[2.0; 7]), Some(Verdict::Undecided), "seven rounds of one mind are chance, one time in 64");
        assert_eq!(verdict(&[2.0; 8]), Some(Verdict::Ahead));
        assert_eq!(verdict(&[0.9; 8]), Some(Verdict::Behind));
        assert_eq!(verdict(&[1.01; 40]), Some(Verdict::Undecided), "certain, but no difference");
        assert_eq!(verdict(&[[3.0; 8], [0.9; 8]].concat()), Some(Verdict::Undecided), "two minds");
    }

    #[test]
    fn runs_that_disagree_decide_nothing() {
        use Verdict::{Ahead, Behind, Undecided};
        assert_eq!(Verdict::together([Ahead, Ahead]), Ahead);
        assert_eq!(Verdict::together([Ahead, Behind]), Undecided);
        assert_eq!(Verdict::together([Behind, Undecided]), Undecided);
        assert_eq!(Verdict::together([]), Undecided);
    }
}
