//! Which types may be sent and shared, for which payloads, both ways (T14, T15).
//!
//! A missing bound is the commonest unsoundness of published queues, and nothing fails to compile where one is missing. So
//! the tables below ask the compiler, and take a wrong yes for as bad as a wrong no.

use std::{cell::Cell, marker::PhantomData, rc::Rc, sync::MutexGuard};

use ringway::ring::{
    Capacity, CapacityError, Claim, Consumer, DisplaceError, Kind, PopError, PushError, Remaining,
    broadcast::{self, Broadcast},
    broadcast_multi::{self, BroadcastMulti},
    dense::{self, Dense},
    lanes::{self, Lanes},
    mpmc::{self, Mpmc},
    spsc::{self, Spsc},
};

/// Stands for a `T` without having one.
struct Ask<T: ?Sized>(PhantomData<*const T>);

impl<T: ?Sized> Ask<T> {
    const NEW: Self = Self(PhantomData);
}

/// Inherent calls go before those of a trait, so [`No`] answers only where the bound does not hold.
impl<T: ?Sized + Send> Ask<T> {
    fn send(&self) -> bool {
        true
    }
}

impl<T: ?Sized + Sync> Ask<T> {
    fn sync(&self) -> bool {
        true
    }
}

/// The payload is the second.
impl<K: Kind<T>, T> Ask<(K, T)> {
    fn builds(&self) -> bool {
        true
    }
}

trait No {
    fn send(&self) -> bool {
        false
    }
    fn sync(&self) -> bool {
        false
    }
    fn builds(&self) -> bool {
        false
    }
}

impl<T: ?Sized> No for Ask<T> {}

/// The types that go through, and whether they are `Send` and `Sync`.
type SendSync = u64;
type SendOnly = Cell<u8>;
type SyncOnly = MutexGuard<'static, u8>;
type Neither = Rc<u8>;
type NeitherByReference = &'static Cell<u8>;

/// Runs `$check!(type of payload, is it Send, is it Sync, arguments)` for each payload.
macro_rules! for_each_payload {
    ($check:ident, $($arguments:tt)*) => {
        $check!(SendSync, true, true, $($arguments)*);
        $check!(SendOnly, true, false, $($arguments)*);
        $check!(SyncOnly, false, true, $($arguments)*);
        $check!(Neither, false, false, $($arguments)*);
        $check!(NeitherByReference, false, false, $($arguments)*);
    };
}

#[test]
fn the_question_is_understood() {
    macro_rules! check {
        ($T:ty, $send:literal, $sync:literal,) => {
            assert_eq!((Ask::<$T>::NEW.send(), Ask::<$T>::NEW.sync()), ($send, $sync), stringify!($T));
        };
    }
    for_each_payload!(check,);
}

/// An end goes to another thread exactly if its items may. Nothing of an item can be had through a shared end, so it may be
/// `Sync` or not; but what must not be sent must not be reached in this way either.
macro_rules! end {
    ($T:ty, $send:literal, $sync:literal, $end:ident :: $End:ident) => {{
        let ask = Ask::<$end::$End<$T>>::NEW;
        assert_eq!(ask.send(), $send, "{}::{}<{}>: Send", stringify!($end), stringify!($End), stringify!($T));
        assert!($send || !ask.sync(), "{}::{}<{}>: Sync", stringify!($end), stringify!($End), stringify!($T));
    }};
}

#[test]
fn ends_are_sent_if_their_items_may_be() {
    for_each_payload!(end, spsc::Producer);
    for_each_payload!(end, spsc::Consumer);
    for_each_payload!(end, dense::Producer);
    for_each_payload!(end, dense::Consumer);
    for_each_payload!(end, lanes::Producer);
    for_each_payload!(end, lanes::Consumer);
    for_each_payload!(end, mpmc::Producer);
    for_each_payload!(end, mpmc::Consumer);
}

/// Consumers of a broadcast see one item at once, and whoever is last drops it: it must be both.
macro_rules! radio {
    ($T:ty, $send:literal, $sync:literal, $End:ident) => {{
        let one = Ask::<broadcast::$End<$T>>::NEW;
        let multi = Ask::<broadcast_multi::$End<$T>>::NEW;
        let may = $send && $sync;
        assert_eq!((one.send(), multi.send()), (may, may), "{}<{}>: Send", stringify!($End), stringify!($T));
        assert!(may || !one.sync() && !multi.sync(), "{}<{}>: Sync", stringify!($End), stringify!($T));
    }};
}

/// RUSTSEC-2025-0023: a broadcast cloned its items in several threads at once and asked for `Send` only.
#[test]
fn ends_of_a_broadcast_are_sent_if_their_items_may_be_shared_too() {
    for_each_payload!(radio, Producer);
    for_each_payload!(radio, Consumer);
}

/// What lends out items by reference is shared only if they are.
macro_rules! lends {
    ($T:ty, $sync:literal, $Lender:ty) => {
        assert!($sync || !Ask::<$Lender>::NEW.sync(), "{}: Sync, with {}", stringify!($Lender), stringify!($T));
    };
}

/// Claims exist only for items that may be sent.
#[test]
fn claims_are_shared_if_their_items_may_be() {
    macro_rules! claim {
        ($T:ty, $sync:literal) => {
            lends!($T, $sync, Claim<'static, spsc::Producer<$T>>);
            lends!($T, $sync, Claim<'static, dense::Producer<$T>>);
            lends!($T, $sync, Claim<'static, lanes::Producer<$T>>);
            lends!($T, $sync, Claim<'static, mpmc::Producer<$T>>);
        };
    }
    claim!(SendSync, true);
    claim!(SendOnly, false);
    lends!(SendSync, true, Claim<'static, broadcast::Producer<SendSync>>);
    lends!(SendSync, true, Claim<'static, broadcast_multi::Producer<SendSync>>);
    assert!(Ask::<Claim<'static, spsc::Producer<SendSync>>>::NEW.send());
    assert!(Ask::<Claim<'static, spsc::Producer<SendOnly>>>::NEW.send());
}

/// A run shows its items through `&self`: were it `Sync`, two threads could set one `Cell`.
#[test]
fn runs_are_shared_if_their_items_may_be() {
    macro_rules! run {
        ($T:ty, $send:literal, $sync:literal,) => {
            lends!($T, $sync, dense::Run<'static, $T>);
            assert_eq!(Ask::<dense::Run<'static, $T>>::NEW.send(), $send, "{}", stringify!($T));
        };
    }
    for_each_payload!(run,);
}

/// What the last end gets goes where the items may go.
#[test]
fn leftovers_are_sent_if_their_items_may_be() {
    fn left_by<C: Consumer>() -> Ask<Remaining<C::Leftover>> {
        Ask(PhantomData)
    }
    assert!(left_by::<spsc::Consumer<SendOnly>>().send());
    assert!(left_by::<dense::Consumer<SendOnly>>().send());
    assert!(left_by::<lanes::Consumer<SendOnly>>().send());
    assert!(left_by::<mpmc::Consumer<SendOnly>>().send());
}

/// A refused item is as free as the item.
#[test]
fn errors_are_as_free_as_their_items() {
    macro_rules! error {
        ($T:ty, $send:literal, $sync:literal,) => {
            let (push, displace) = (Ask::<PushError<$T>>::NEW, Ask::<DisplaceError<$T>>::NEW);
            assert_eq!((push.send(), push.sync()), ($send, $sync), "PushError<{}>", stringify!($T));
            assert_eq!((displace.send(), displace.sync()), ($send, $sync), "DisplaceError<{}>", stringify!($T));
        };
    }
    for_each_payload!(error,);
    assert!(Ask::<PopError>::NEW.send() && Ask::<PopError>::NEW.sync());
    assert!(Ask::<CapacityError>::NEW.send() && Ask::<CapacityError>::NEW.sync());
    assert!(Ask::<Capacity>::NEW.send() && Ask::<Capacity>::NEW.sync());
}

/// A ring moves its items between threads, so it is not even built for items that must stay.
#[test]
fn rings_are_built_for_items_that_may_be_sent() {
    macro_rules! queue {
        ($T:ty, $send:literal, $sync:literal, $Kind:ident) => {
            assert_eq!(Ask::<($Kind, $T)>::NEW.builds(), $send, "{} of {}", stringify!($Kind), stringify!($T));
        };
    }
    for_each_payload!(queue, Spsc);
    for_each_payload!(queue, Dense);
    for_each_payload!(queue, Lanes);
    for_each_payload!(queue, Mpmc);
    macro_rules! radio {
        ($T:ty, $both:literal) => {
            assert_eq!(Ask::<(Broadcast, $T)>::NEW.builds(), $both, "broadcast of {}", stringify!($T));
            assert_eq!(Ask::<(BroadcastMulti, $T)>::NEW.builds(), $both, "broadcast_multi of {}", stringify!($T));
        };
    }
    radio!(SendSync, true);
    radio!(SendOnly, false);
    radio!(SyncOnly, false);
    radio!(Neither, false);
    radio!(NeitherByReference, false);
}
