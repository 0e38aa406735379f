//! Why a call on a channel did not do what it was asked: one small enum for each kind of call.
//!
//! Every refused item comes back in its error. `Debug` and `Display` need nothing of the item. Calls that wait fail only
//! because the channel has ended: `?` makes their errors an [`End`], which holds no item.

use std::{error::Error, fmt};

/// How a channel ended, seen from one side.
///
/// The errors of calls that wait become one by `?`, whatever the item is: so do errors of items that are not `Sync` or not
/// `'static`, which `Box<dyn Error + Send + Sync>` does not take.
///
/// # Examples
/// ```
/// use ringway::channel::{End, Lanes, Mpmc, Receiver, Sender};
///
/// type Job = Box<dyn FnOnce() -> u64 + Send>;
///
/// fn work(mut jobs: Receiver<Job, Mpmc>, mut results: Sender<u64, Lanes>) -> Result<(), End> {
///     loop {
///         let job = jobs.recv()?;
///         results.send(job())?;
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Somebody closed it, or the last end of the other side was dropped.
    Closed,
    /// So it was, and an end of the other side was dropped by a panic of its thread.
    PeerDied,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the channel is closed",
            Self::PeerDied => "the channel is closed, and a peer was dropped by a panic",
        })
    }
}

impl Error for End {}

/// Why a waiting send did not put its item in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SendError<T> {
    /// The channel is closed.
    Closed(T),
    /// The channel is closed, and a receiver was dropped by a panic.
    PeerDied(T),
}

/// Why a send that does not wait did not put its item in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room now.
    Full(T),
    /// The channel is closed.
    Closed(T),
    /// The channel is closed, and a receiver was dropped by a panic.
    PeerDied(T),
}

/// Why a send that waits for a time did not put its item in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendUntilError<T> {
    /// There was no room in all that time.
    Timeout(T),
    /// The channel is closed.
    Closed(T),
    /// The channel is closed, and a receiver was dropped by a panic.
    PeerDied(T),
}

/// Why a send that makes room itself did not put its item in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DropOldestError<T> {
    /// The oldest slot is in another end's hands: an open claim, or a thread that was stopped in the middle of a call.
    Busy(T),
    /// The channel is closed.
    Closed {
        /// The refused item.
        item: T,
        /// What had been taken out to make room for it, when the channel was closed in between; counted as lost.
        displaced: Option<T>,
        /// How the channel ended.
        end: End,
    },
}

/// Why not all items of a batch were sent: the channel is closed. Those that were not are still in the iterator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendManyError {
    /// Items that were sent.
    pub sent: usize,
    /// How the channel ended.
    pub end: End,
}

/// Why a waiting receive has no item: everything accepted was received, and nothing will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecvError {
    /// The channel is closed.
    Closed,
    /// The channel is closed, and a sender was dropped by a panic.
    PeerDied,
}

/// Why a receive that does not wait has no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is nothing to receive now.
    Empty,
    /// The channel is closed, and everything accepted was received.
    Closed,
    /// So it is, and a sender was dropped by a panic.
    PeerDied,
}

/// Why a receive that waits for a time has no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvUntilError {
    /// Nothing came in all that time.
    Timeout,
    /// The channel is closed, and everything accepted was received.
    Closed,
    /// So it is, and a sender was dropped by a panic.
    PeerDied,
}

impl<T> SendError<T> {
    pub(super) fn new(item: T, end: End) -> Self {
        match end {
            End::Closed => Self::Closed(item),
            End::PeerDied => Self::PeerDied(item),
        }
    }

    /// The refused item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Closed(item) | Self::PeerDied(item) => item,
        }
    }

    /// How the channel ended.
    pub fn end(&self) -> End {
        match self {
            Self::Closed(_) => End::Closed,
            Self::PeerDied(_) => End::PeerDied,
        }
    }
}

impl<T> TrySendError<T> {
    /// The refused item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) | Self::PeerDied(item) => item,
        }
    }

    /// How the channel ended; `None`, if it is only full.
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Full(_) => None,
            Self::Closed(_) => Some(End::Closed),
            Self::PeerDied(_) => Some(End::PeerDied),
        }
    }

    /// Whether trying again can help.
    pub fn is_full(&self) -> bool {
        self.end().is_none()
    }
}

impl<T> SendUntilError<T> {
    /// The refused item.
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(item) | Self::Closed(item) | Self::PeerDied(item) => item,
        }
    }

    /// How the channel ended; `None`, if it was only full for too long.
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Timeout(_) => None,
            Self::Closed(_) => Some(End::Closed),
            Self::PeerDied(_) => Some(End::PeerDied),
        }
    }

    /// Whether it was only full for too long.
    pub fn is_timeout(&self) -> bool {
        self.end().is_none()
    }
}

impl RecvError {
    /// How the channel ended.
    pub fn end(self) -> End {
        match self {
            Self::Closed => End::Closed,
            Self::PeerDied => End::PeerDied,
        }
    }
}

impl<T> From<SendError<T>> for End {
    fn from(error: SendError<T>) -> Self {
        error.end()
    }
}

impl From<SendManyError> for End {
    fn from(error: SendManyError) -> Self {
        error.end
    }
}

impl From<RecvError> for End {
    fn from(error: RecvError) -> Self {
        error.end()
    }
}

impl From<End> for RecvError {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::PeerDied => Self::PeerDied,
        }
    }
}

impl TryRecvError {
    /// How the channel ended; `None`, if it is only empty.
    pub fn end(self) -> Option<End> {
        match self {
            Self::Empty => None,
            Self::Closed => Some(End::Closed),
            Self::PeerDied => Some(End::PeerDied),
        }
    }

    /// Whether trying again can help.
    pub fn is_empty(self) -> bool {
        self == Self::Empty
    }
}

impl From<End> for TryRecvError {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::PeerDied => Self::PeerDied,
        }
    }
}

impl RecvUntilError {
    /// How the channel ended; `None`, if only the time was over.
    pub fn end(self) -> Option<End> {
        match self {
            Self::Timeout => None,
            Self::Closed => Some(End::Closed),
            Self::PeerDied => Some(End::PeerDied),
        }
    }

    /// Whether only the time was over.
    pub fn is_timeout(self) -> bool {
        self == Self::Timeout
    }
}

impl From<End> for RecvUntilError {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::PeerDied => Self::PeerDied,
        }
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        match error {
            SendError::Closed(item) => Self::Closed(item),
            SendError::PeerDied(item) => Self::PeerDied(item),
        }
    }
}

impl<T> From<SendError<T>> for SendUntilError<T> {
    fn from(error: SendError<T>) -> Self {
        match error {
            SendError::Closed(item) => Self::Closed(item),
            SendError::PeerDied(item) => Self::PeerDied(item),
        }
    }
}

impl<T> fmt::Debug for DropOldestError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(_) => f.write_str("Busy(..)"),
            Self::Closed { end, .. } => f.debug_struct("Closed").field("end", end).finish_non_exhaustive(),
        }
    }
}

impl<T> fmt::Display for DropOldestError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(_) => f.write_str("the oldest slot is in another end's hands: try again"),
            Self::Closed { end, .. } => end.fmt(f),
        }
    }
}

impl fmt::Display for SendManyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} items", self.end, self.sent)
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(..)", self.end())
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end() {
            Some(end) => write!(f, "{end:?}(..)"),
            None => f.write_str("Full(..)"),
        }
    }
}

impl<T> fmt::Debug for SendUntilError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end() {
            Some(end) => write!(f, "{end:?}(..)"),
            None => f.write_str("Timeout(..)"),
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.end().fmt(f)
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end() {
            Some(end) => end.fmt(f),
            None => f.write_str("the channel is full: receive, or use a send that waits"),
        }
    }
}

impl<T> fmt::Display for SendUntilError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end() {
            Some(end) => end.fmt(f),
            None => f.write_str("the channel stayed full until the deadline"),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, and drained", self.end())
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel has nothing to receive now",
            Self::Closed => "the channel is closed, and drained",
            Self::PeerDied => "the channel is closed and drained, and a peer was dropped by a panic",
        })
    }
}

impl fmt::Display for RecvUntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "nothing came until the deadline",
            Self::Closed => "the channel is closed, and drained",
            Self::PeerDied => "the channel is closed and drained, and a peer was dropped by a panic",
        })
    }
}

impl<T> Error for SendError<T> {}
impl<T> Error for TrySendError<T> {}
impl<T> Error for SendUntilError<T> {}
impl<T> Error for DropOldestError<T> {}
impl Error for SendManyError {}
impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvUntilError {}
