//! What may be sent to other threads and shared: the ends, and whatever is made of them, exactly as far as their items may.
//!
//! The other half, what may not, is in `docs/misuse.md`: it does not compile.

use std::{error::Error, fmt::Debug, panic::UnwindSafe};

use ringway::{
    channel::{
        self, Broadcast, BroadcastMulti, Chosen, Claim, Dense, Drained, DropOldestError, End, IntoIter, ItemOrGap,
        Iter, Lanes, Losses, Mpmc, ParsePolicyError, Policy, Receiver, RecvError, RecvFuture, RecvManyFuture,
        RecvOrGapFuture, RecvRefFuture, RecvUntilError, Refused, Select, SendError, SendFuture, SendManyError,
        SendManyFuture, SendUntilError, Sender, Spsc, Ticker, TryIter, TryRecvError, TrySendError, WeakSender,
    },
    ring::Kind,
    wait::{Park, Relax, Spin, Wait},
};

fn is_sent<T: Send + Debug>() {}

fn is_shared<T: Send + Sync + Debug>() {}

/// An end is one thread's at a time, so nobody is promised that it may be shared.
fn of_a_channel<K: Kind<u64> + 'static, W: Wait>() {
    fn survives_panics<T: UnwindSafe>() {}
    is_sent::<Sender<u64, K, W>>();
    is_sent::<Receiver<u64, K, W>>();
    is_sent::<WeakSender<u64, K, W>>();
    is_sent::<IntoIter<u64, K, W>>();
    is_sent::<Iter<'_, u64, K, W>>();
    is_sent::<TryIter<'_, u64, K, W>>();
    survives_panics::<Sender<u64, K, W>>();
    survives_panics::<Receiver<u64, K, W>>();
}

fn of_a_channel_for_tasks<K: Kind<u64> + 'static>() {
    is_sent::<RecvFuture<'_, u64, K>>();
    is_sent::<RecvManyFuture<'_, u64, K>>();
    is_sent::<RecvOrGapFuture<'_, u64, K>>();
    is_sent::<SendFuture<'_, u64, K>>();
    is_sent::<SendManyFuture<'_, u64, K, std::ops::Range<u64>>>();
    of_a_channel::<K, Park>();
    of_a_channel::<K, Relax>();
    of_a_channel::<K, Spin>();
}

#[test]
fn what_items_may_ends_may() {
    of_a_channel_for_tasks::<Spsc>();
    of_a_channel_for_tasks::<Dense>();
    of_a_channel_for_tasks::<Lanes>();
    of_a_channel_for_tasks::<Mpmc>();
    of_a_channel_for_tasks::<Broadcast>();
    of_a_channel_for_tasks::<BroadcastMulti>();
    is_sent::<RecvRefFuture<'_, u64, Broadcast>>();
    is_sent::<Claim<'_, u64, Mpmc, Park>>();
    is_shared::<(Select, Ticker, Policy, Losses, Drained)>();
    is_shared::<(Chosen<u8, u8>, ItemOrGap<u8>)>();
}

/// Nothing of the item is needed to print an error, and `?` makes each a `Box<dyn Error + Send + Sync>` if the item may be in
/// one.
#[test]
fn errors_are_errors_whatever_the_item() {
    struct Plain;

    fn boxes<E: Error + Send + Sync + 'static>() {}
    fn is_error<E: Error>(error: &E) -> String {
        format!("{error} / {error:?}")
    }

    boxes::<SendError<Plain>>();
    boxes::<TrySendError<Plain>>();
    boxes::<SendUntilError<Plain>>();
    boxes::<DropOldestError<Plain>>();
    boxes::<Refused<Plain>>();
    boxes::<SendManyError>();
    boxes::<RecvError>();
    boxes::<TryRecvError>();
    boxes::<RecvUntilError>();
    boxes::<ParsePolicyError>();
    boxes::<End>();
    let borrowed = String::from("in a scope");
    let (mut tx, rx) = channel::spsc::<&str>(1).unwrap();
    drop(rx);
    let refused = tx.send(&borrowed).unwrap_err();
    assert_eq!(is_error(&refused), "the channel is closed / Closed(..)");
    assert_eq!(End::from(refused), End::Closed);
}
