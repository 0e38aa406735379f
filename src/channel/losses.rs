//! What policies have dropped, and how receivers learn of it.

use super::{Receiver, RecvError, Sender};
use crate::ring::{Consumer, Kind, PopError};
use crate::wait::{Deadline, Wait};

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
    /// the lost items would have been, with [`DropNewest`](super::DropNewest) items of before the gap may come after it.
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
        let mut looked = self.taking().consumer.peek().map(drop);
        if looked == Err(PopError::Empty) {
            looked = self.take_until(Deadline::NEVER, |consumer| consumer.peek().map(drop));
        }
        // The end is told by a fence: what was lost before it is counted after this.
        let looked = looked.map_err(|_| self.end());
        // After the look: what its sender lost before it sent this item is counted by now.
        let total = self.link.losses().total();
        let lost = total - self.told;
        if lost > 0 {
            self.told = total;
            return Ok(ItemOrGap::Gap(lost));
        }
        match looked {
            Ok(()) => self.recv().map(ItemOrGap::Item),
            Err(end) => Err(end.into()),
        }
    }
}
