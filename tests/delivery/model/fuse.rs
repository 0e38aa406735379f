//! The circuit breaker, as told: it knows each probe by the item's number.

use super::*;

pub(super) struct Fuse {
    rules: Option<BreakerRules>,
    state: BreakerState,
    failures: Vec<Instant>,
    opened: u64,
    /// Since it half-opened: probes without an answer, and how many were acked.
    probes: Vec<usize>,
    succeeded: u32,
}

impl Fuse {
    pub(super) fn new(rules: Option<BreakerRules>) -> Self {
        let state = BreakerState::Closed;
        Self { rules, state, failures: Vec::new(), opened: 0, probes: Vec::new(), succeeded: 0 }
    }

    /// Its state, and how often it opened. It half-opens by itself.
    pub(super) fn told(&self, now: Instant) -> Option<(BreakerState, u64)> {
        self.rules.map(|_| (half_opened(self.state, now), self.opened))
    }

    pub(super) fn lets_through(&self, now: Instant) -> bool {
        let Some(rules) = self.rules else { return true };
        match half_opened(self.state, now) {
            BreakerState::Closed => true,
            BreakerState::Open { .. } => false,
            BreakerState::HalfOpen => self.probes.len() as u32 + self.succeeded < rules.probes,
        }
    }

    pub(super) fn delivered(&mut self, number: usize, now: Instant) {
        self.state = half_opened(self.state, now);
        if self.state == BreakerState::HalfOpen {
            self.probes.push(number);
        }
    }

    /// A delivery was answered, or will not be. Of one that began before the breaker opened last, nothing follows.
    pub(super) fn answered(&mut self, number: usize, is_well: bool, now: Instant) {
        let Some(rules) = self.rules else { return };
        if self.state == BreakerState::Closed && !is_well {
            self.failures.push(now);
            self.failures.retain(|&at| now - at <= rules.window);
            if self.failures.len() == rules.failures {
                self.open(rules, now);
            }
        } else if let Some(nth) = self.probes.iter().position(|&probe| probe == number) {
            self.probes.swap_remove(nth);
            self.succeeded += u32::from(is_well);
            if !is_well {
                self.open(rules, now);
            } else if self.succeeded == rules.probes {
                self.state = BreakerState::Closed;
            }
        }
    }

    fn open(&mut self, rules: BreakerRules, now: Instant) {
        self.state = BreakerState::Open { until: now + rules.open_for };
        self.opened += 1;
        self.failures.clear();
        self.probes.clear();
        self.succeeded = 0;
    }
}

/// What an open breaker is once its time is over, whether anybody has looked or not.
pub(super) fn half_opened(state: BreakerState, now: Instant) -> BreakerState {
    match state {
        BreakerState::Open { until } if until <= now => BreakerState::HalfOpen,
        state => state,
    }
}
