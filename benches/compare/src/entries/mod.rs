//! Who runs which rows beside ringway, as data.

mod futures;
mod never_wait;
mod that_wait;

use crate::harness::{
    entries::{Entry, Exclusion, by_try, by_waiting_calls},
    own::engine_entries,
};

/// Cells that are left out, and why. The report prints them.
pub(crate) const EXCLUSIONS: &[Exclusion] = &[];

/// Every contender: of each row the ceilings first, then ringway, then its peers.
pub(crate) fn all() -> Vec<Entry> {
    let mut entries = by_try();
    entries.extend(never_wait::all());
    entries.extend(by_waiting_calls());
    entries.extend(that_wait::all());
    entries.extend(futures::all());
    entries.extend(engine_entries());
    entries
}
