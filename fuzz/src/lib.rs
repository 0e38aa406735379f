//! What the fuzz targets share: a byte string is a ring, or a tracker, and a list of calls on it, and each answer is held
//! against a model. The runner and the model are those of the contract suite, which feeds them random strings.

#[path = "../../tests/delivery/model/mod.rs"]
mod model;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::OnceLock;

use ringway::ring::{
    broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
};

use support::{
    calls::Decisions,
    counted::{Counted, Ledger},
    kinds::Subject,
    runner::run,
};

/// Rules for a tracker and calls on it: see `tests/delivery`.
pub fn tracker(bytes: &[u8]) {
    if bytes.len() <= BYTES_MAX {
        model::run(bytes);
    }
}

/// Longer strings bring nothing that shorter ones don't; the ledger is made for these.
const BYTES_MAX: usize = 4096;

/// The first byte says how many slots the ring has, and what goes through it.
fn drive<K: Subject<u64> + Subject<[u64; 9]> + Subject<Counted>>(bytes: &[u8]) {
    static LEDGER: OnceLock<&'static Ledger> = OnceLock::new();
    // One call makes a batch and its clones at the most.
    let ledger = LEDGER.get_or_init(|| Ledger::new(BYTES_MAX * 256));
    let Some((&first, calls)) = bytes.split_first() else { return };
    if calls.len() > BYTES_MAX {
        return;
    }
    let (slots, decisions) = (1 << (first % 7), Decisions(calls));
    ledger.reset();
    match first / 7 % 3 {
        0 => run::<K, u64>(slots, ledger, decisions),
        1 => run::<K, [u64; 9]>(slots, ledger, decisions),
        _ => run::<K, Counted>(slots, ledger, decisions),
    }
}

macro_rules! targets {
    ($($kind:ident: $Kind:ident),*) => {
        $(
            #[doc = concat!("Calls on a ring of kind `", stringify!($kind), "`.")]
            pub fn $kind(bytes: &[u8]) {
                drive::<$Kind>(bytes);
            }
        )*
    };
}

targets! { spsc: Spsc, dense: Dense, lanes: Lanes, mpmc: Mpmc, broadcast: Broadcast, broadcast_multi: BroadcastMulti }
