//! What an engine knows: its queues and topics, which handler serves which, and what handlers that are gone have done.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{follow::Watcher, source::Source};
use crate::delivery;
use crate::router::Name;
use crate::worker::{Board, Figures, Told};

#[derive(Default)]
pub(super) struct Registry {
    pub(super) sources: Vec<Arc<dyn Source>>,
    pub(super) handlers: Vec<HandlerRecord>,
    /// The sums of the handlers that are kept no more, by source.
    pub(super) gone: HashMap<u64, Handlers>,
    /// The rules of delivery that a queue's handlers were attached with last, a line for each that is a setting.
    pub(super) rules: HashMap<Name, String>,
    /// Told of each source that comes.
    pub(super) watchers: Vec<Watcher>,
    pub(super) next_id: u64,
    /// Which source's handlers publish to which.
    pub(super) stages: HashSet<(u64, u64)>,
    /// Sources that are closed, by number.
    pub(super) closed: HashSet<u64>,
    /// Whether all are to close.
    pub(super) closing: bool,
}

/// Which handler serves what, and its figures.
#[derive(Clone)]
pub(super) struct HandlerRecord {
    /// The number of its duty.
    pub(super) duty: u64,
    pub(super) source: u64,
    /// The subscription's number within its topic; 0 for a queue.
    pub(super) subscription: u64,
    pub(super) shard: usize,
    pub(super) worker: usize,
    pub(super) figures: Arc<Figures>,
    /// Of a handler with rules of delivery.
    pub(super) told: Option<Arc<Told>>,
    /// Whether it has told its last word.
    pub(super) is_over: bool,
}

/// What handlers did, summed up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Handlers {
    pub(super) handled: u64,
    pub(super) dropped: u64,
    pub(super) retried: u64,
    pub(super) failures: u64,
    pub(super) left: u64,
    /// Of those with rules of delivery.
    pub(super) delivery: Option<delivery::Ledger>,
}

impl Handlers {
    pub(super) fn add(&mut self, record: &HandlerRecord) {
        let figures = &record.figures;
        self.handled += figures.handled.get();
        self.dropped += figures.dropped.get();
        self.retried += figures.retried.get();
        self.failures += figures.failures.get();
        self.left += figures.left.get();
        let told = record.told.as_ref().map(|told| told.get());
        self.delivery = self.delivery.into_iter().chain(told).reduce(delivery::Ledger::and);
    }
}

/// Handlers of a source that are kept one by one: those that are there, and as many at the most with those that are gone.
const KEPT: usize = 64;

impl Registry {
    pub(super) fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Notes a handler; of a source with many sums up the oldest of those that are gone.
    pub(super) fn note(&mut self, record: HandlerRecord, board: &Board) {
        let over: HashSet<u64> = board.take_over().into_iter().collect();
        for record in &mut self.handlers {
            record.is_over |= over.contains(&record.duty);
        }
        let source = record.source;
        self.handlers.push(record);
        let of_source = self.handlers.iter().filter(|record| record.source == source).count();
        let mut more = of_source.saturating_sub(KEPT);
        if more == 0 {
            return;
        }
        let listed = self.sources.iter().find(|known| known.id() == source).map(|known| known.listed());
        let listed: HashSet<u64> = listed.into_iter().flatten().collect();
        let sums = self.gone.entry(source).or_default();
        self.handlers.retain(|record| {
            // What is known of a subscription that is kept stays in one place.
            let may_go = record.source == source && record.is_over && !listed.contains(&record.subscription);
            let goes = more > 0 && may_go;
            if goes {
                sums.add(record);
                more -= 1;
            }
            !goes
        });
    }
}
