//! Who runs which rows beside ringway, as data.

mod futures;
mod never_wait;
mod that_wait;

use crate::harness::{
    entries::{Entry, Exclusion, by_try, by_waiting_calls, channels},
    open::families::{Family, Kind},
    own::engine_entries,
    rows::Topology,
    schedule::Wanted,
};

/// Who runs open loops when nobody says which peers: of them the best known that sleep when there is nothing to do.
const OPEN: &[&str] = &[
    "ringway spsc",
    "ringway mpmc",
    "std sync_channel",
    "crossbeam-channel",
    "kanal",
    "flume",
    "crossfire",
    "tokio mpsc",
];

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

/// Who runs the open loops of a family.
pub(crate) fn open(family: &Family, wanted: &Wanted) -> Vec<Entry> {
    // What takes long, or needs a file, is `ringway bench`'s; so are loads of other arrivals.
    if !matches!(family.kind, Kind::Poisson | Kind::FixedAt(_) | Kind::PoissonAt(_) | Kind::Paced | Kind::IdleThenBurst)
    {
        return Vec::new();
    }
    let is_wanted = |entry: &Entry| match wanted.peers.as_slice() {
        [] => OPEN.contains(&entry.name),
        _ => wanted.has_entry(entry),
    };
    let is_one_to_one = |entry: &Entry| entry.topologies.contains(&Topology::Spsc);
    channels().into_iter().chain(that_wait::all()).filter(is_one_to_one).filter(is_wanted).collect()
}
