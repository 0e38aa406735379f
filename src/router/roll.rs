//! What the publishers of a queue or topic did: each tells its own figures, and they are summed when somebody asks.

use std::sync::Arc;

use crate::sync::{Mutex, MutexGuard, Padded, Tally, Underway, heavy_fence};

/// One publisher's figures, written by it alone.
pub(crate) struct Sheet {
    /// Items that went in, by shard: told with each item, so on a cache line that no other publisher writes.
    pub(super) accepted: Box<[Accepted]>,
    /// Items that were handed back.
    pub(super) refused: Tally,
    /// Accepted items that `Policy::DropNewest` let go of.
    pub(super) dropped_newest: Tally,
    /// Items that `Policy::DropOldest` took out to make room.
    pub(super) dropped_oldest: Tally,
    /// Of a topic: the shard whose rings beside it is feeding just now, counted from 1.
    feeding: Underway,
}

impl Sheet {
    /// Notes that the rings beside a shard are being fed, until the end is noted as well.
    #[inline]
    pub(super) fn begin_to_feed(&self, shard: usize) {
        self.feeding.begin(1 + shard as u64);
    }

    #[inline]
    pub(super) fn end_to_feed(&self) {
        self.feeding.end();
    }
}

/// What one publisher put into one shard.
pub(super) type Accepted = Arc<Padded<Tally>>;

/// What publishers did, up to a moment ago; exact while none of them works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Items for which `Ok` was answered, by shard.
    pub accepted: Vec<u64>,
    /// Items that were handed back.
    pub refused: u64,
    /// Accepted items that [`Policy::DropNewest`](super::Policy::DropNewest) dropped.
    pub dropped_newest: u64,
    /// Accepted items that [`Policy::DropOldest`](super::Policy::DropOldest) dropped.
    pub dropped_oldest: u64,
    /// Publishers that are there now.
    pub publishers: usize,
}

impl Published {
    /// Items accepted by all shards.
    pub fn total(&self) -> u64 {
        self.accepted.iter().sum()
    }

    fn add(&mut self, sheet: &Sheet) {
        for (sum, accepted) in self.accepted.iter_mut().zip(&sheet.accepted) {
            *sum += accepted.get();
        }
        self.refused += sheet.refused.get();
        self.dropped_newest += sheet.dropped_newest.get();
        self.dropped_oldest += sheet.dropped_oldest.get();
    }
}

/// Who publishes.
pub(super) struct Roll {
    /// Guards the sums of those who left and the list of those who are in; control plane: publishers come, publishers go,
    /// somebody asks.
    state: Mutex<State>,
}

struct State {
    past: Published,
    present: Vec<Arc<Sheet>>,
}

impl Roll {
    pub(super) fn new(shards: usize) -> Self {
        let past =
            Published { accepted: vec![0; shards], refused: 0, dropped_newest: 0, dropped_oldest: 0, publishers: 0 };
        Self { state: Mutex::new(State { past, present: Vec::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// A sheet for a new publisher.
    pub(super) fn join(&self) -> Arc<Sheet> {
        let mut state = self.state();
        let accepted = (0..state.past.accepted.len()).map(|_| Accepted::default()).collect();
        let sheet = Sheet {
            accepted,
            refused: Tally::default(),
            dropped_newest: Tally::default(),
            dropped_oldest: Tally::default(),
            feeding: Underway::default(),
        };
        let sheet = Arc::new(sheet);
        state.present.push(Arc::clone(&sheet));
        sheet
    }

    /// A publisher goes; what it did stays counted.
    pub(super) fn leave(&self, sheet: &Arc<Sheet>) {
        let mut state = self.state();
        if let Some(at) = state.present.iter().position(|present| Arc::ptr_eq(present, sheet)) {
            state.present.swap_remove(at);
            state.past.add(sheet);
        }
    }

    /// Publishers that are there.
    pub(super) fn publishers(&self) -> usize {
        self.state().present.len()
    }

    /// Whether somebody is in the middle of feeding the rings beside a shard of a topic. Whoever asks has seen that the topic's
    /// own ring there is closed: who begins later feeds nothing.
    pub(super) fn is_fed(&self, shard: usize) -> bool {
        let state = self.state();
        heavy_fence();
        state.present.iter().any(|sheet| sheet.feeding.is_at(1 + shard as u64))
    }

    pub(super) fn published(&self) -> Published {
        let state = self.state();
        let mut sum = state.past.clone();
        for sheet in &state.present {
            sum.add(sheet);
        }
        sum.publishers = state.present.len();
        sum
    }
}
