//! Random numbers that a seed repeats: jitter must be different everywhere and the same in a replay.

/// SplitMix64. Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014), with the constants of
/// Vigna's public-domain implementation.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number from `low` to `high`, both included; `low` if the range is empty. The bias is below 2⁻⁶⁴ times the range.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        let range = u128::from(high.saturating_sub(low)) + 1;
        low + ((u128::from(self.next()) * range) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// The first outputs for seed 1234567, as published with the reference implementation.
    #[test]
    fn it_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        let first = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first.map(|_| random.next()), first);
    }

    #[test]
    fn the_whole_range_is_reached_and_nothing_else() {
        let mut random = Random::new(7);
        let mut seen = [0_u32; 3];
        (0..3000).for_each(|_| seen[random.between(5, 7) as usize - 5] += 1);
        assert!(seen.iter().all(|&count| (900..1100).contains(&count)), "{seen:?}");
        assert_eq!((random.between(9, 9), random.between(9, 3)), (9, 9));
        assert!((0..100).any(|_| random.between(0, u64::MAX) > u64::MAX / 2));
    }
}
