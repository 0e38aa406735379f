//! What policies have dropped, and how receivers learn of it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{Receiver, RecvError, RecvUntilError, Sender, TryRecvError};
use crate::ring::{Consumer, Kind, PopError};
use crate::wait::{Deadline, Park, Wait};

/// Items that a channel has lost, by the policy that dropped them. Exact at any point at which nobody sends.
///
/// What was refused is not lost, but back with its sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Dropped by [`DropNewest`](super::DropNewest).
    pub dropped_newest: u64,
    /// Dropped by [`DropOldest`](super::DropOldest).
    pub dropped_oldest: u64,
}

impl Losses {
    /// All of them.
    pub fn total(self) -> u64 {
        self.dropped_newest + self.dropped_oldest
    }
}

/// The next thing in a stream that may lose items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemOrGap<T> {
    /// The next item.
    Item(T),
    /// So many items were lost since this receiver was last told.
    Gap(u64),
}

impl<T, K: Kind<T>, W: Wait> Sender<T, K, W> {
    /// What this channel has lost so far.
    pub fn losses(&self) -> Losses {
        self.link.losses()
    }
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W> {
    /// What this channel has lost so far.
    pub fn losses(&self) -> Losses {
        self.link.losses()
    }

    /// As [`recv`](Self::recv), and tells in-band of what was lost: a [`Gap`](ItemOrGap::Gap) comes before the next item.
    ///
    /// A receiver is told of every loss once, and each receiver of all of them: those told of add up to
    /// [`losses`](Self::losses) since it joined, the last ones before the end of the channel. A gap comes no later than the
    /// first item that was sent after the loss by the same sender; with [`DropOldest`](super::DropOldest) that is where
    /// the lost items would have been, or one item later if that one is received while they are being pushed out; with
    /// [`DropNewest`](super::DropNewest) items of before the gap may come after it.
    /// What a sender loses while another end closes the channel may be counted too late to be told: `losses` has it.
    ///
    /// # Errors
    /// [`RecvError`], as `recv`.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel::{self, DropOldest, ItemOrGap::{Gap, Item}};
    ///
    /// let (mut tx, mut rx) = channel::mpmc(2)?;
    /// for n in 1..=5 {
    ///     tx.send_with(DropOldest, n)?;
    /// }
    /// drop(tx);
    /// assert_eq!(rx.recv_or_gap(), Ok(Gap(3)));
    /// assert_eq!(rx.recv_or_gap(), Ok(Item(4)));
    /// assert_eq!(rx.recv_or_gap(), Ok(Item(5)));
    /// assert!(rx.recv_or_gap().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_or_gap(&mut self) -> Result<ItemOrGap<T>, RecvError> {
        self.item_or_gap_until(Deadline::NEVER).map_err(|_| self.end().into())
    }

    /// As [`recv_or_gap`](Self::recv_or_gap), up to the deadline.
    ///
    /// # Errors
    /// [`RecvUntilError`].
    pub fn recv_or_gap_until(&mut self, until: Deadline) -> Result<ItemOrGap<T>, RecvUntilError> {
        self.item_or_gap_until(until).map_err(|nothing| match nothing {
            PopError::Empty => RecvUntilError::Timeout,
            PopError::Closed => self.end().into(),
        })
    }

    /// As [`recv_or_gap`](Self::recv_or_gap), without waiting: when [`Select`](super::Select) has found this end ready.
    ///
    /// # Errors
    /// [`TryRecvError`].
    pub fn try_recv_or_gap(&mut self) -> Result<ItemOrGap<T>, TryRecvError> {
        let looked = self.taking().consumer.peek().map(drop);
        self.item_or_gap(looked).map_err(|nothing| match nothing {
            PopError::Empty => TryRecvError::Empty,
            PopError::Closed => self.end().into(),
        })
    }

    fn item_or_gap_until(&mut self, until: Deadline) -> Result<ItemOrGap<T>, PopError> {
        let mut looked = self.taking().consumer.peek().map(drop);
        if looked == Err(PopError::Empty) {
            looked = self.take_until(until, |consumer| consumer.peek().map(drop));
        }
        self.item_or_gap(looked)
    }

    /// After a look for the next item: the gap before it, or it.
    fn item_or_gap(&mut self, looked: Result<(), PopError>) -> Result<ItemOrGap<T>, PopError> {
        match looked {
            Err(PopError::Empty) => return Err(PopError::Empty),
            // The end is told by a fence: what was lost before it is counted after this.
            Err(PopError::Closed) => drop(self.end()),
            // What the sender of this item lost before it sent it is counted by now.
            Ok(()) => {}
        }
        let total = self.link.losses().total();
        let lost = total - self.told;
        if lost > 0 {
            self.told = total;
            return Ok(ItemOrGap::Gap(lost));
        }
        looked?;
        self.taking().consumer.try_pop().map(ItemOrGap::Item)
    }
}

impl<T, K: Kind<T>> Receiver<T, K, Park> {
    /// As [`recv_or_gap`](Self::recv_or_gap), for a task.
    ///
    /// # Errors
    /// [`RecvError`], as `recv`.
    ///
    /// # Cancel safety
    /// An item leaves the channel, and a gap counts as told, only by the poll that returns it.
    pub fn recv_or_gap_async(&mut self) -> RecvOrGapFuture<'_, T, K> {
        RecvOrGapFuture(self)
    }
}

/// [`Receiver::recv_or_gap_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvOrGapFuture<'a, T, K: Kind<T>>(&'a mut Receiver<T, K, Park>);

impl<T, K: Kind<T>> Future for RecvOrGapFuture<'_, T, K> {
    type Output = Result<ItemOrGap<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let looked = ready!(self.0.poll_look(context, |consumer| consumer.peek().map(drop)));
        Poll::Ready(self.0.item_or_gap(looked).map_err(|_| self.0.end().into()))
    }
}

impl<T, K: Kind<T>> Drop for RecvOrGapFuture<'_, T, K> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl<T, K: Kind<T>> fmt::Debug for RecvOrGapFuture<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvOrGapFuture").field(&self.0).finish()
    }
}
