//! Keys that are held up: by an item that failed, that is deferred, or that waits for its key's rate.
//!
//! A key is here only while somebody holds it; the others cost one look at an empty table. The holder's successors are
//! parked in the order in which their turn came. When the holder ends, the first of them becomes the holder, and comes
//! before everything fresh; when there is none the key is free again.

use crate::time::{CapacityError, Instant, slab::List};

use super::{rules::AtBound, table::Table};

#[derive(Debug)]
pub(super) struct Keys {
    /// Of each held key, the items parked behind its holder.
    pub(super) parked: Table<u64, List>,
    /// When the fresh item expires that found no room behind its key, if nothing has changed since.
    pub(super) stuck_until: Instant,
    keys_max: usize,
    pub(super) parked_per_key_max: usize,
    pub(super) at_bound: AtBound,
}

impl Keys {
    /// The table has room for a key of each of the `items` in hand, so that it never refuses; the bound lies below.
    pub(super) fn new(
        items: usize,
        keys_max: usize,
        parked_per_key_max: usize,
        at_bound: AtBound,
    ) -> Result<Self, CapacityError> {
        Ok(Self {
            parked: Table::new(items)?,
            stuck_until: Instant::START,
            keys_max: keys_max.max(1),
            parked_per_key_max,
            at_bound,
        })
    }

    /// Whether as many keys are held up as may be.
    #[inline]
    pub(super) fn at_keys_max(&self) -> bool {
        self.parked.depth() >= self.keys_max
    }

    /// Whether nothing fresh may be delivered, since too many keys are held up.
    #[inline]
    pub(super) fn stalls(&self) -> bool {
        self.at_bound == AtBound::Stall && self.at_keys_max()
    }

    /// From when on fresh items may be delivered; `None` if something else has to end first.
    #[inline]
    pub(super) fn fresh_at(&self) -> Option<Instant> {
        (self.stuck_until != Instant::FAR && !self.stalls()).then_some(self.stuck_until)
    }
}
