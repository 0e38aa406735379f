//! What a sender does when the channel is full, as types: what can go wrong is readable in each one's outcome.

use super::{DropOldestError, SendError, SendUntilError, Sender, TrySendError, sealed::Sealed};
use crate::ring::{Displace, DisplaceError, Kind, PushError};
use crate::wait::{Deadline, Wait};

/// A policy for a full channel; see [`Sender::send_with`].
///
/// | policy | full | outcome |
/// |---|---|---|
/// | [`Block`] | waits | in, or the end |
/// | [`BlockUntil`] | waits up to a deadline | in, a timeout, or the end |
/// | [`Reject`] | hands the item back | in, full, or the end |
/// | [`DropNewest`] | counts the item as lost and hands it back | in, dropped, or the end |
/// | [`DropOldest`] | makes room by taking the oldest item out, which is counted and handed back | in, busy (another end has that one in hand), or the end |
///
/// [`Policy`](super::Policy) is one of them chosen at run time. The trait is sealed.
pub trait Backpressure<T, K: Kind<T>, W: Wait>: Sealed {
    /// All that can happen.
    type Outcome;

    /// Sends an item under this policy.
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome;
}

/// Waits for room, as long as it takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block;

/// Waits for room up to a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockUntil(pub Deadline);

/// Refuses the item; it comes back, and is not lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reject;

/// Gives the new item up, and counts it as lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropNewest;

/// Takes the oldest item out to make room, and counts it as lost. Only for kinds whose producer can
/// [`Displace`]: `mpmc`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropOldest;

impl<T, K: Kind<T>, W: Wait> Sender<T, K, W> {
    /// Sends an item under a policy, which says what happens when the channel is full.
    ///
    /// # Errors
    /// Those that the policy's outcome lists; the item comes back.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel::{self, DropNewest, DropOldest, Reject};
    ///
    /// let (mut tx, mut rx) = channel::mpmc(2)?;
    /// tx.send_with(Reject, 1)?;
    /// tx.send_with(Reject, 2)?;
    /// assert!(tx.send_with(Reject, 3).is_err_and(|refused| refused.is_full()));
    /// assert_eq!(tx.send_with(DropNewest, 3)?, Some(3)); // not in
    /// assert_eq!(tx.send_with(DropOldest, 3)?, Some(1)); // in, and 1 is out
    /// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [2, 3]);
    /// assert_eq!(tx.losses().total(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A channel whose ring can't displace has no `DropOldest`:
    /// ```compile_fail,E0277
    /// use ringway::channel::{self, DropOldest};
    ///
    /// let (mut tx, _rx) = channel::spsc(2).unwrap();
    /// tx.send_with(DropOldest, 1);
    /// ```
    #[inline]
    pub fn send_with<B: Backpressure<T, K, W>>(&mut self, policy: B, item: T) -> B::Outcome {
        policy.send(self, item)
    }
}

impl Sealed for Block {}

impl<T, K: Kind<T>, W: Wait> Backpressure<T, K, W> for Block {
    type Outcome = Result<(), SendError<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        sender.send(item)
    }
}

impl Sealed for BlockUntil {}

impl<T, K: Kind<T>, W: Wait> Backpressure<T, K, W> for BlockUntil {
    type Outcome = Result<(), SendUntilError<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        sender.send_until(item, self.0)
    }
}

impl Sealed for Reject {}

impl<T, K: Kind<T>, W: Wait> Backpressure<T, K, W> for Reject {
    type Outcome = Result<(), TrySendError<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        sender.try_send(item)
    }
}

impl Sealed for DropNewest {}

impl<T, K: Kind<T>, W: Wait> Backpressure<T, K, W> for DropNewest {
    /// `Some` is the item itself: it did not go in.
    type Outcome = Result<Option<T>, SendError<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        match sender.push(item) {
            Ok(()) => Ok(None),
            Err(PushError::Full(item)) => {
                sender.link.dropped_newest.add(1);
                Ok(Some(item))
            }
            Err(PushError::Closed(item)) => Err(sender.ended(item)),
        }
    }
}

impl Sealed for DropOldest {}

impl<T, K: Kind<T, Producer: Displace>, W: Wait> Backpressure<T, K, W> for DropOldest {
    /// `Some` is the item that had to go; the new one is in.
    type Outcome = Result<Option<T>, DropOldestError<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        let outcome = sender.producer.displace(item);
        sender.tell(1);
        let count = |displaced: &Option<T>| sender.link.dropped_oldest.add(u64::from(displaced.is_some()));
        match outcome {
            Ok(None) => Ok(None),
            Ok(displaced) => {
                count(&displaced);
                Ok(displaced)
            }
            Err(DisplaceError::Busy(item)) => Err(DropOldestError::Busy(item)),
            Err(DisplaceError::Closed { item, displaced }) => {
                if displaced.is_some() {
                    count(&displaced);
                }
                Err(DropOldestError::Closed { item, displaced, end: sender.link.receivers.end() })
            }
        }
    }
}
