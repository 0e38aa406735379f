//! What became of a topic's subscriptions: the figures of each that is there and of the last that went, and the sums of all
//! before.

use std::sync::Arc;

use crate::router::{Name, side::Fed};
use crate::sync::Tally;

/// The figures of one subscription.
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) name: Name,
    pub(crate) contract: String,
    pub(crate) shards: Box<[Seen]>,
    /// Of a subscription with rings of its own.
    pub(crate) fed: Option<Arc<Fed>>,
}

/// What a subscription saw of one shard; told by whoever reads.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Of a gating subscription: the sequence that it started at.
    pub(crate) from: u64,
    /// Of a gating subscription: the sequence that it has come to.
    pub(crate) position: Tally,
    /// Items that it was handed by [`Subscription::poll`](super::Subscription::poll).
    pub(crate) items: Tally,
    /// Items in a ring of its own that it was never handed.
    pub(crate) left: Tally,
    /// 1 when it ended: it is not offered anything after its position.
    pub(crate) ended: Tally,
}

/// Records that are kept one by one: those that are there, and as many at the most with those that are gone.
const KEPT: usize = 64;

/// All subscriptions that ever were.
#[derive(Clone, Default)]
pub(crate) struct Records {
    /// In the order in which they came.
    pub(crate) kept: Vec<Arc<Record>>,
    /// The others.
    pub(crate) gone: Gone,
}

/// The sums of subscriptions that are gone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gone {
    pub(crate) subscriptions: u64,
    /// Of these, those that gated.
    pub(crate) gates: u64,
    /// Items that they were meant to see; of gating ones the sequences that they went past.
    pub(crate) offered: u64,
    pub(crate) passed_over: u64,
    pub(crate) lost: u64,
    pub(crate) merged: u64,
    /// Items that they were handed by a poll.
    pub(crate) polled: u64,
    pub(crate) left: u64,
    pub(crate) evicted: bool,
}

impl Records {
    pub(super) fn add(&mut self, record: Arc<Record>) {
        self.kept.push(record);
        let mut over = self.kept.len().saturating_sub(KEPT);
        let gone = &mut self.gone;
        self.kept.retain_mut(|record| {
            let goes = over > 0 && gone.take(record);
            over -= usize::from(goes);
            !goes
        });
    }
}

impl Gone {
    /// Adds a record up, if nobody reads or feeds for it any more: then its figures are its last.
    fn take(&mut self, record: &mut Arc<Record>) -> bool {
        let Some(record) = Arc::get_mut(record) else { return false };
        match record.fed.as_mut().map(Arc::get_mut) {
            Some(None) => return false,
            Some(Some(fed)) => {
                self.offered += fed.offered.get();
                self.passed_over += fed.passed_over.get();
                self.lost += fed.lost.get();
                self.merged += fed.merged.get();
                self.evicted |= fed.evicted.get() > 0;
            }
            None => {
                self.gates += 1;
                self.offered += record.shards.iter().map(|seen| seen.position.get() - seen.from).sum::<u64>();
            }
        }
        self.subscriptions += 1;
        self.polled += record.shards.iter().map(|seen| seen.items.get()).sum::<u64>();
        self.left += record.shards.iter().map(|seen| seen.left.get()).sum::<u64>();
        true
    }
}
