//! Why an item did not go in, or none came out. What is refused comes back.

use std::{error::Error, fmt};

/// Why an item did not go in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// There is no free slot now.
    Full(T),
    /// The ring is closed and will refuse every item.
    Closed(T),
}

impl<T> PushError<T> {
    /// The refused item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }

    /// Whether trying again can help.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the ring is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> PushError<U> {
        match self {
            Self::Full(item) => PushError::Full(with(item)),
            Self::Closed(item) => PushError::Closed(with(item)),
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "Full(..)" } else { "Closed(..)" })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "the ring is full" } else { "the ring is closed" })
    }
}

impl<T> Error for PushError<T> {}

/// Why no item came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PopError {
    /// Nothing can be taken now. Another end may stand between claim and commit, so this alone proves nothing about what
    /// is inside: [`depth`](super::Consumer::depth) does.
    Empty,
    /// The ring is closed, everything accepted has been taken, and nothing will come.
    Closed,
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the ring has nothing to take now",
            Self::Closed => "the ring is closed and drained",
        })
    }
}

impl Error for PopError {}

/// Why [`Displace::displace`](super::Displace::displace) did not put the item in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DisplaceError<T> {
    /// The oldest slot is in another end's hands: an open claim, or a thread that was stopped in the middle of a call.
    Busy(T),
    /// The ring is closed. It may have closed after the oldest item had been taken out: then that one comes along.
    Closed {
        /// The refused item.
        item: T,
        /// The item that had made room for it.
        displaced: Option<T>,
    },
}

impl<T> fmt::Debug for DisplaceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy(_) => "Busy(..)",
            Self::Closed { .. } => "Closed { .. }",
        })
    }
}

impl<T> fmt::Display for DisplaceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy(_) => "the oldest slot is in another end's hands",
            Self::Closed { .. } => "the ring is closed",
        })
    }
}

impl<T> Error for DisplaceError<T> {}
