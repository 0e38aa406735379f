//! Random numbers that a failure can be replayed from.

use std::thread::panicking;

/// xorshift64*: small, fast, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // A state of zero would stay zero; this also sets neighbouring seeds apart.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 32) as usize % end
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 56) as u8).collect()
    }
}

/// Says on the way out of a panic what to run again.
pub(crate) struct SayOnPanic<F: Fn() -> String>(pub(crate) F);

impl<F: Fn() -> String> Drop for SayOnPanic<F> {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("failed with {}", (self.0)());
        }
    }
}
