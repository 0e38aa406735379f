//! Every call in random order, on every kind and with every strategy, against the model; `fuzz/` runs the same with a guide.

use ringway::wait::{Park, Relax, Spin};

use crate::{
    model::{Ends, Strategy, run},
    support::{
        calls::Decisions,
        counted::{Counted, Ledger},
        payload::Payload,
        random::{Random, SayOnPanic},
    },
};

const BYTES: usize = 400;

fn runs<T: Payload, K: Ends<T>, W: Strategy>(seeds: u64) {
    // No call makes more than a batch, and none of them more than one clone for each of its receivers.
    let ledger = Ledger::new(4 * 256 * BYTES);
    for slots in [1, 2, 4, 8, 32] {
        for seed in 0..seeds {
            let _say = SayOnPanic(|| format!("{slots} slots, seed {seed}"));
            let decisions = Random::new(seed).bytes(BYTES);
            run::<T, K, W>(slots, ledger, Decisions(&decisions));
            ledger.reset();
        }
    }
}

fn agree<K: Ends<u64> + Ends<Counted>>() {
    runs::<u64, K, Park>(300);
    runs::<Counted, K, Park>(300);
    runs::<u64, K, Spin>(50);
    runs::<Counted, K, Relax>(50);
}

macro_rules! kinds {
    ($($kind:ident: $Kind:ident),*) => {
        $(#[test] fn $kind() { agree::<ringway::ring::$kind::$Kind>(); })*
    };
}

kinds! { spsc: Spsc, dense: Dense, lanes: Lanes, mpmc: Mpmc, broadcast: Broadcast, broadcast_multi: BroadcastMulti }
