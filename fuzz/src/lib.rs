//! What the fuzz targets share: a byte string is a ring, a channel, or a tracker, and a list of calls on it, and each answer
//! is held against a model. The runners and the models are those of the test suites, which feed them random strings.

#[path = "../../tests/channel/model/mod.rs"]
mod channels;
#[path = "../../tests/delivery/model/mod.rs"]
mod model;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::OnceLock;

use ringway::{
    ring::{broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc},
    wait::{Park, Relax, Spin},
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

/// Values that count their drops; fresh for each string.
fn ledger() -> &'static Ledger {
    static LEDGER: OnceLock<&'static Ledger> = OnceLock::new();
    // One call makes a batch and its clones at the most.
    let ledger = LEDGER.get_or_init(|| Ledger::new(BYTES_MAX * 256));
    ledger.reset();
    ledger
}

/// The first byte says how many slots the ring has, and what goes through it.
fn drive<K: Subject<u64> + Subject<[u64; 9]> + Subject<Counted>>(bytes: &[u8]) {
    let Some((&first, calls)) = bytes.split_first() else { return };
    if calls.len() > BYTES_MAX {
        return;
    }
    let (slots, ledger, decisions) = (1 << (first % 7), ledger(), Decisions(calls));
    match first / 7 % 3 {
        0 => run::<K, u64>(slots, ledger, decisions),
        1 => run::<K, [u64; 9]>(slots, ledger, decisions),
        _ => run::<K, Counted>(slots, ledger, decisions),
    }
}

/// The first byte says which kind of channel, the second how many slots, what goes through it and how its ends wait.
pub fn channel(bytes: &[u8]) {
    let [kind, ring, calls @ ..] = bytes else { return };
    if calls.len() > BYTES_MAX {
        return;
    }
    match kind % 6 {
        0 => drive_ends::<Spsc>(*ring, calls),
        1 => drive_ends::<Dense>(*ring, calls),
        2 => drive_ends::<Lanes>(*ring, calls),
        3 => drive_ends::<Mpmc>(*ring, calls),
        4 => drive_ends::<Broadcast>(*ring, calls),
        _ => drive_ends::<BroadcastMulti>(*ring, calls),
    }
}

fn drive_ends<K: channels::Ends<u64> + channels::Ends<Counted>>(ring: u8, calls: &[u8]) {
    let (slots, ledger, decisions) = (1 << (ring % 7), ledger(), Decisions(calls));
    match ring / 7 % 6 {
        0 => channels::run::<u64, K, Spin>(slots, ledger, decisions),
        1 => channels::run::<Counted, K, Relax>(slots, ledger, decisions),
        2 | 3 => channels::run::<u64, K, Park>(slots, ledger, decisions),
        _ => channels::run::<Counted, K, Park>(slots, ledger, decisions),
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
