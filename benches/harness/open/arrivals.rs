//! When items come.

use std::sync::Arc;

/// How the time between two items is distributed; how long it is on the whole is the rate's to say.
#[derive(Debug, Clone)]
pub(crate) enum Arrivals {
    /// Always the same.
    Fixed,
    /// Exponentially, as if from many independent sources.
    Poisson,
    /// So many at once, then nothing.
    Bursts(u32),
    /// As they came once: ns since the first.
    Recorded(Arc<[u64]>),
}

/// The same plan in every run.
const SEED: u64 = 0x5EED;

impl Arrivals {
    /// As results write it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Poisson => "poisson",
            Self::Bursts(_) => "bursts",
            Self::Recorded(_) => "recorded",
        }
    }

    /// When each of so many items is due, in ns from 0, at so many a second on average.
    pub(crate) fn due(&self, items: usize, each_second: f64) -> Vec<u64> {
        let gap = 1e9 / each_second;
        match self {
            Self::Fixed => (0..items).map(|nth| (nth as f64 * gap) as u64).collect(),
            Self::Poisson => {
                let mut state = SEED;
                let mut now = 0.0;
                let mut next = || {
                    let due = now;
                    now -= (1.0 - uniform(&mut state)).ln() * gap;
                    due as u64
                };
                (0..items).map(|_| next()).collect()
            }
            Self::Bursts(size) => {
                let size = (*size).max(1) as usize;
                (0..items).map(|nth| ((nth / size * size) as f64 * gap) as u64).collect()
            }
            Self::Recorded(times) => {
                let span = times.last().copied().unwrap_or(0) as f64;
                // A record that is too short goes round, with a mean gap between its end and its start.
                let lap = times.len().max(1);
                let scale = if span > 0.0 { gap * (lap - 1).max(1) as f64 / span } else { 0.0 };
                let due = |nth: usize| (nth / lap) as f64 * lap as f64 * gap + times[nth % lap] as f64 * scale;
                (0..items).map(|nth| due(nth) as u64).collect()
            }
        }
    }
}

/// From 0 to below 1, by SplitMix64.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    const ITEMS: usize = 200_000;
    const RATE: f64 = 1e6;

    fn gaps(due: &[u64]) -> Vec<f64> {
        due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect()
    }

    #[test]
    fn fixed_arrivals_are_even_and_do_not_drift() {
        let due = Arrivals::Fixed.due(ITEMS, 3e6);
        assert!(gaps(&due).iter().all(|&gap| (333.0..=334.0).contains(&gap)));
        assert_eq!(due[150_000], 50_000_000);
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let gaps = gaps(&Arrivals::Poisson.due(ITEMS, RATE));
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        assert!((mean / 1000.0 - 1.0).abs() < 0.01, "mean {mean}");
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!((deviation / mean - 1.0).abs() < 0.02, "deviation {deviation}");
        // P(gap > x) = e^(-x / mean)
        for times in [0.5, 1.0, 3.0_f64] {
            let above = gaps.iter().filter(|&&gap| gap > times * 1000.0).count() as f64 / count;
            assert!((above / (-times).exp() - 1.0).abs() < 0.03, "{times}: {above}");
        }
        // One gap tells nothing of the next.
        let both = gaps.windows(2).filter(|pair| pair[0] > mean && pair[1] > mean).count() as f64 / count;
        let one = gaps.iter().filter(|&&gap| gap > mean).count() as f64 / count;
        assert!((both / (one * one) - 1.0).abs() < 0.03, "{both}, {one}");
    }

    #[test]
    fn bursts_come_at_once_and_keep_the_rate() {
        let due = Arrivals::Bursts(32).due(ITEMS, RATE);
        assert!(
            due.chunks_exact(32).enumerate().all(|(nth, burst)| burst.iter().all(|&due| due == nth as u64 * 32_000))
        );
    }

    #[test]
    fn recorded_arrivals_keep_their_shape_at_any_rate() {
        let recorded = Arrivals::Recorded([0, 10, 10, 90, 100].into());
        // Five times in four gaps: the mean gap is 1000.
        assert_eq!(recorded.due(5, RATE), [0, 400, 400, 3600, 4000]);
        assert_eq!(recorded.due(7, RATE)[5..], [5000, 5400]);
        assert_eq!(recorded.due(5, RATE * 2.0), [0, 200, 200, 1800, 2000]);
        assert_eq!(Arrivals::Recorded([0].into()).due(3, RATE), [0, 1000, 2000]);
    }

    #[test]
    fn a_plan_never_falls() {
        let recorded = Arrivals::Recorded([0, 5, 5, 7].into());
        for arrivals in [Arrivals::Fixed, Arrivals::Poisson, Arrivals::Bursts(7), recorded] {
            let due = arrivals.due(10_000, 7e6);
            assert!(due.len() == 10_000 && due.is_sorted() && due[0] == 0, "{arrivals:?}");
        }
    }
}
