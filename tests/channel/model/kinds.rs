//! What the channels of a kind, and ends that wait in a way, can do and others can't.

use ringway::{
    channel::{
        Drained, DropOldest, DropOldestError, Policy, Receiver, Refused, Sender, Sent, TryRecvError, WeakSender,
    },
    ring::{
        Kind, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
    },
    wait::{Deadline, Park, Relax, Spin, Wait},
};

use crate::support::{kinds::Subject, payload::Payload};

/// What became of a send, under any policy.
pub(super) type Outcome<T> = Result<Sent<T>, Refused<T>>;

/// The calls that only some kinds have: `None`, or the item back, where a kind has not.
pub(crate) trait Ends<T: Payload>: Subject<T> + Sized {
    /// Whether it has [`Self::make_room`].
    const MAKES_ROOM: bool = false;

    fn clone_sender<W: Wait>(_: &Sender<T, Self, W>) -> Option<Sender<T, Self, W>> {
        None
    }
    fn downgrade<W: Wait>(_: &Sender<T, Self, W>) -> Option<WeakSender<T, Self, W>> {
        None
    }
    fn upgrade<W: Wait>(_: &WeakSender<T, Self, W>) -> Option<Sender<T, Self, W>> {
        None
    }
    fn subscribe<W: Wait>(_: &mut Sender<T, Self, W>) -> Option<Receiver<T, Self, W>> {
        None
    }
    fn clone_receiver<W: Wait>(_: &Receiver<T, Self, W>) -> Option<Receiver<T, Self, W>> {
        None
    }
    /// Closes, and hands over what is inside.
    fn drain<W: Wait>(_: &mut Receiver<T, Self, W>, _: Deadline, _: impl FnMut(T)) -> Option<Drained> {
        None
    }
    /// Whether the receiver was able to.
    fn close_receiver<W: Wait>(_: &mut Receiver<T, Self, W>) -> bool {
        false
    }
    fn try_recv_ref<W: Wait>(_: &mut Receiver<T, Self, W>) -> Option<Result<&T, TryRecvError>> {
        None
    }
    /// Sends by dropping the oldest item, or by a policy by name.
    fn make_room<W: Wait>(_: &mut Sender<T, Self, W>, item: T, _: Option<Policy>) -> Outcome<T> {
        unreachable!("item {} was to displace another on a kind that can't", item.value());
    }
}

/// Senders of which there may be many.
macro_rules! many_senders {
    () => {
        fn clone_sender<W: Wait>(sender: &Sender<T, Self, W>) -> Option<Sender<T, Self, W>> {
            Some(sender.clone())
        }
        fn downgrade<W: Wait>(sender: &Sender<T, Self, W>) -> Option<WeakSender<T, Self, W>> {
            Some(sender.downgrade())
        }
        fn upgrade<W: Wait>(sender: &WeakSender<T, Self, W>) -> Option<Sender<T, Self, W>> {
            sender.upgrade()
        }
    };
}

/// Receivers that may close.
macro_rules! closing_receivers {
    () => {
        fn drain<W: Wait>(
            receiver: &mut Receiver<T, Self, W>,
            until: Deadline,
            each: impl FnMut(T),
        ) -> Option<Drained> {
            Some(receiver.drain(until, each))
        }
        fn close_receiver<W: Wait>(receiver: &mut Receiver<T, Self, W>) -> bool {
            receiver.close();
            true
        }
    };
}

/// Receivers of which each sees everything.
macro_rules! seeing_receivers {
    () => {
        fn subscribe<W: Wait>(sender: &mut Sender<T, Self, W>) -> Option<Receiver<T, Self, W>> {
            Some(sender.subscribe())
        }
        fn clone_receiver<W: Wait>(receiver: &Receiver<T, Self, W>) -> Option<Receiver<T, Self, W>> {
            Some(receiver.clone())
        }
        fn try_recv_ref<W: Wait>(receiver: &mut Receiver<T, Self, W>) -> Option<Result<&T, TryRecvError>> {
            Some(receiver.try_recv_ref())
        }
    };
}

impl<T: Payload> Ends<T> for Spsc {
    closing_receivers! {}
}

impl<T: Payload> Ends<T> for Dense {
    closing_receivers! {}
}

impl<T: Payload> Ends<T> for Lanes {
    many_senders! {}
    closing_receivers! {}
}

impl<T: Payload> Ends<T> for Mpmc {
    many_senders! {}
    closing_receivers! {}

    const MAKES_ROOM: bool = true;

    fn clone_receiver<W: Wait>(receiver: &Receiver<T, Self, W>) -> Option<Receiver<T, Self, W>> {
        Some(receiver.clone())
    }

    fn make_room<W: Wait>(sender: &mut Sender<T, Self, W>, item: T, policy: Option<Policy>) -> Outcome<T> {
        match policy {
            Some(policy) => sender.send_with(policy, item),
            None => {
                let sent: Result<Option<T>, DropOldestError<T>> = sender.send_with(DropOldest, item);
                Ok(sent?.map_or(Sent::In, Sent::DroppedOldest))
            }
        }
    }
}

impl<T: Payload> Ends<T> for Broadcast {
    seeing_receivers! {}
}

impl<T: Payload> Ends<T> for BroadcastMulti {
    many_senders! {}
    seeing_receivers! {}
}

/// A strategy, and whether its ends are for tasks, too.
pub(crate) trait Strategy: Wait {
    const FOR_TASKS: bool = false;

    fn parking_sender<T, K: Kind<T>>(_: &mut Sender<T, K, Self>) -> Option<&mut Sender<T, K, Park>> {
        None
    }
    fn parking_receiver<T, K: Kind<T>>(_: &mut Receiver<T, K, Self>) -> Option<&mut Receiver<T, K, Park>> {
        None
    }
}

impl Strategy for Spin {}
impl Strategy for Relax {}

impl Strategy for Park {
    const FOR_TASKS: bool = true;

    fn parking_sender<T, K: Kind<T>>(sender: &mut Sender<T, K, Self>) -> Option<&mut Sender<T, K, Park>> {
        Some(sender)
    }
    fn parking_receiver<T, K: Kind<T>>(receiver: &mut Receiver<T, K, Self>) -> Option<&mut Receiver<T, K, Park>> {
        Some(receiver)
    }
}
