//! A circuit breaker: after many failures in a short time nothing is delivered for a while.

use std::{collections::VecDeque, time::Duration};

use crate::time::{CapacityError, Instant, boxed};

/// When to stop trying, and for how long.
///
/// SQS, JetStream, Kafka, RabbitMQ and Sidekiq leave this to the handler.
///
/// Source: M. Nygard, "Release It!" (2007), circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRules {
    /// So many failures within `window` open it. 0 counts as 1.
    pub failures: usize,
    /// The time within which they count.
    pub window: Duration,
    /// How long it stays open.
    pub open_for: Duration,
    /// Deliveries it then lets through; when so many succeed it closes, and the first failure opens it again. Answers to
    /// deliveries from before it opened count neither way until it is closed. 0 counts as 1.
    pub probes: u32,
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing, until then.
    Open {
        /// When it half-opens.
        until: Instant,
    },
    /// A few probes.
    HalfOpen,
}

#[derive(Debug)]
pub(super) struct Breaker {
    rules: BreakerRules,
    state: BreakerState,
    /// Times of the last failures, oldest first; never more than `rules.failures`.
    recent: VecDeque<Instant>,
    /// Of each item's place, how often it had opened at the latest delivery: what was delivered since it opened last, while it
    /// is half-open, is a probe.
    delivered_at: Box<[u32]>,
    /// While half-open: probes on their way, and probes that succeeded.
    probing: u32,
    succeeded: u32,
    opened: u64,
}

impl Breaker {
    /// For so many items in hand.
    pub(super) fn new(rules: BreakerRules, items: usize) -> Result<Self, CapacityError> {
        let rules = BreakerRules { failures: rules.failures.max(1), probes: rules.probes.max(1), ..rules };
        let mut recent = VecDeque::new();
        let out_of_memory =
            |_| CapacityError::OutOfMemory { places: rules.failures, place_bytes: size_of::<Instant>() };
        recent.try_reserve_exact(rules.failures).map_err(out_of_memory)?;
        let delivered_at = boxed(items, |_| 0)?;
        Ok(Self { rules, state: BreakerState::Closed, recent, delivered_at, probing: 0, succeeded: 0, opened: 0 })
    }

    pub(super) fn bytes(&self) -> usize {
        self.recent.capacity() * size_of::<Instant>() + size_of_val(&*self.delivered_at)
    }

    pub(super) fn state(&self) -> BreakerState {
        self.state
    }

    /// How often it opened.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether a delivery may start.
    #[inline]
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        if let BreakerState::Open { until } = self.state
            && now >= until
        {
            (self.state, self.probing, self.succeeded) = (BreakerState::HalfOpen, 0, 0);
        }
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open { .. } => false,
            BreakerState::HalfOpen => self.probing + self.succeeded < self.rules.probes,
        }
    }

    /// When a delivery may start; `None` while the answers of probes are awaited.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        match self.state {
            BreakerState::Closed => Some(Instant::START),
            BreakerState::Open { until } => Some(until),
            BreakerState::HalfOpen => (self.probing + self.succeeded < self.rules.probes).then_some(Instant::START),
        }
    }

    #[inline]
    pub(super) fn on_delivery(&mut self, index: u32) {
        self.delivered_at[index as usize] = self.opened as u32;
        self.probing += u32::from(self.state == BreakerState::HalfOpen);
    }

    /// Whether the delivery of the item at `index` is one of those that it waits for. Of others it learns nothing new unless
    /// it is closed.
    #[inline]
    fn is_probe(&self, index: u32) -> bool {
        self.state == BreakerState::HalfOpen && self.delivered_at[index as usize] == self.opened as u32
    }

    #[inline]
    pub(super) fn on_success(&mut self, index: u32) {
        if self.is_probe(index) {
            self.probing -= 1;
            self.succeeded += 1;
            if self.succeeded >= self.rules.probes {
                self.state = BreakerState::Closed;
                self.recent.clear();
            }
        }
    }

    /// A delivery is over, and nobody tells how it went.
    pub(super) fn on_hand_back(&mut self, index: u32) {
        self.probing -= u32::from(self.is_probe(index));
    }

    pub(super) fn on_failure(&mut self, index: u32, now: Instant) {
        match self.state {
            BreakerState::Closed => {
                if self.recent.len() == self.rules.failures {
                    self.recent.pop_front();
                }
                self.recent.push_back(now);
                let oldest = self.recent.front().copied().unwrap_or(now);
                if self.recent.len() == self.rules.failures && now - oldest <= self.rules.window {
                    self.open(now);
                }
            }
            BreakerState::HalfOpen if self.is_probe(index) => self.open(now),
            BreakerState::HalfOpen | BreakerState::Open { .. } => {}
        }
    }

    fn open(&mut self, now: Instant) {
        self.state = BreakerState::Open { until: now + self.rules.open_for };
        self.recent.clear();
        self.opened += 1;
    }
}
