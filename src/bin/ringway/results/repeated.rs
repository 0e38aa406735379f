//! That two runs of the same thing don't contradict each other, by simulation: the noise is that of the committed results.

use super::{Cell, Figure, Part, Ratio, Regime, Run, Spread, Verdict, statistics::MARGIN};

/// Peers of a row. Of several the best is chosen after the fact, which favours the lucky one.
const PEERS: [usize; 2] = [1, 8];
/// Pairs of runs.
const TRIALS: usize = 4000;
/// Of all pairs, those that may contradict each other.
const CONTRADICTIONS_MAX: f64 = 0.01;

/// SplitMix64: the same pairs in every test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % count as u64) as usize
    }

    /// So many rounds of a contender whose median is `level`, with noise as it was recorded.
    fn rounds(&mut self, noise: &[f64], level: f64, count: usize) -> Vec<f64> {
        (0..count).map(|_| level * noise[self.below(noise.len())]).collect()
    }
}

/// Of each cell of rings and channels, its rounds over their median.
fn recorded() -> Vec<Vec<f64>> {
    // By its place beside this file: two packages have this module.
    let run = Run::parse(include_str!("../../../../benches/results/compare.json")).expect("the committed results");
    let of_cell = |cell: &Cell| {
        let figures: Vec<f64> = cell.figures(Figure::Main, Regime::Near).collect();
        let median = Spread::of(figures.clone())?.median;
        (figures.len() >= 8 && cell.part != Part::Ceiling).then(|| figures.iter().map(|ns| ns / median).collect())
    };
    run.cells.iter().filter_map(of_cell).collect()
}

/// The ratios of a run: ringway beside the best of so many peers, which are so many times as slow.
fn ratio(dice: &mut Dice, noise: &[f64], slower: f64, peers: usize, rounds: usize) -> Ratio {
    let ours = dice.rounds(noise, 1.0, rounds);
    let peers = (0..peers).map(|_| dice.rounds(noise, slower, rounds));
    let median = |figures: &Vec<f64>| Spread::of(figures.clone()).map_or(f64::INFINITY, |spread| spread.median);
    let best = peers.min_by(|one, other| median(one).total_cmp(&median(other))).expect("some peers");
    Ratio::of(ours.iter().zip(best).map(|(ours, peer)| peer / ours).collect()).expect("rounds enough")
}

/// What pairs of runs say, over all recorded noise.
fn pairs(slower: f64, peers: usize, rounds: usize, says: fn(&Ratio) -> Verdict) -> Vec<[Verdict; 2]> {
    let (mut dice, recorded) = (Dice(5), recorded());
    assert!(recorded.len() >= 100, "{} cells", recorded.len());
    let mut pair = |nth: usize| {
        let noise = &recorded[nth % recorded.len()];
        [(); 2].map(|()| says(&ratio(&mut dice, noise, slower, peers, rounds)))
    };
    (0..TRIALS).map(&mut pair).collect()
}

fn share(pairs: &[[Verdict; 2]], which: impl Fn(&[Verdict; 2]) -> bool) -> f64 {
    pairs.iter().filter(|pair| which(pair)).count() as f64 / pairs.len() as f64
}

fn contradict(pair: &[Verdict; 2]) -> bool {
    pair.contains(&Verdict::Ahead) && pair.contains(&Verdict::Behind)
}

#[test]
fn runs_of_equals_rarely_contradict_each_other() {
    for (peers, rounds) in PEERS.into_iter().flat_map(|peers| [11, 15, 61].map(|rounds| (peers, rounds))) {
        let pairs = pairs(1.0, peers, rounds, Ratio::verdict);
        let contradictions = share(&pairs, contradict);
        assert!(contradictions <= CONTRADICTIONS_MAX, "{peers} peers, {rounds} rounds: {contradictions}");
    }
}

/// What the rule is for: without the test of signs it would not hold.
#[test]
fn medians_alone_contradict_each_other() {
    let by_median = |ratio: &Ratio| match ratio.spread.median {
        median if median >= 1.0 + MARGIN => Verdict::Ahead,
        median if median <= 1.0 - MARGIN => Verdict::Behind,
        _ => Verdict::Undecided,
    };
    let contradictions = share(&pairs(1.0, 1, 11, by_median), contradict);
    assert!(contradictions > CONTRADICTIONS_MAX, "{contradictions}");
}

#[test]
fn a_difference_is_found_by_both_runs_and_never_turned_round() {
    let pairs = pairs(1.25, PEERS[1], 15, Ratio::verdict);
    let found = share(&pairs, |pair| *pair == [Verdict::Ahead; 2]);
    let turned = share(&pairs, |pair| pair.contains(&Verdict::Behind));
    assert!(found >= 0.6 && turned <= CONTRADICTIONS_MAX, "{found} found, {turned} turned");
}
