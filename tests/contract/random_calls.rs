//! Every call in random order, at every small capacity, against the model; `fuzz/` runs the same with a guide.

use crate::support::{
    calls::Decisions,
    counted::{Counted, Ledger},
    kinds::Subject,
    payload::Payload,
    random::{Random, SayOnPanic},
    runner::run,
};

fn runs<K: Subject<T>, T: Payload>(slots: usize, seeds: u64, bytes: usize) {
    // No call makes more than a batch, and none of them more than one clone for each of its consumers.
    let lives = 4 * 256 * bytes;
    let ledger = Ledger::new(lives);
    for seed in 0..seeds {
        let _say = SayOnPanic(|| format!("{} slots, seed {seed}, {bytes} bytes", slots));
        let decisions = Random::new(seed).bytes(bytes);
        run::<K, T>(slots, ledger, Decisions(&decisions));
        ledger.reset();
    }
}

pub(crate) fn numbers_agree_with_the_model<K: Subject<u64>>() {
    for asked in 1..=17_usize {
        runs::<K, u64>(asked.next_power_of_two(), 150, 400);
    }
    runs::<K, u64>(1024, 10, 4000);
}

pub(crate) fn big_items_agree_with_the_model<K: Subject<[u64; 9]>>() {
    for asked in 1..=17_usize {
        runs::<K, [u64; 9]>(asked.next_power_of_two(), 100, 400);
    }
}

pub(crate) fn values_with_a_drop_agree_with_the_model<K: Subject<Counted>>() {
    for asked in 1..=17_usize {
        runs::<K, Counted>(asked.next_power_of_two(), 150, 400);
    }
    runs::<K, Counted>(1024, 4, 4000);
}

macro_rules! random_calls {
    ($Kind:ty) => {
        stamp! { random_calls, $Kind:
            numbers_agree_with_the_model
            big_items_agree_with_the_model
            values_with_a_drop_agree_with_the_model
        }
    };
}
