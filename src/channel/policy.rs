//! A policy chosen at run time, for configuration.

use std::{error::Error, fmt, str::FromStr, time::Duration};

use super::{
    Backpressure, DropNewest, DropOldest, DropOldestError, End, SendError, SendUntilError, Sender, TrySendError,
    sealed::Sealed,
};
use crate::ring::{Displace, Kind};
use crate::wait::{Deadline, Wait};

/// One of the [policies](Backpressure) by name: for configuration. It can be written, and read back.
///
/// Since it may be [`DropOldest`], it is for channels that have that one: of `mpmc`. (A [queue](crate::router::Queue) is one.)
///
/// | text | |
/// |---|---|
/// | `block` | waits |
/// | `block:5ms` | waits up to 5 ms (`ns`, `us`, `ms`, `s`; whole numbers) |
/// | `reject` | hands the item back |
/// | `drop-newest` | gives the item up |
/// | `drop-oldest` | makes room by giving the oldest item up; hands the item back while another end has that one in hand |
///
/// # Examples
/// ```
/// use ringway::channel::{self, Policy, Sent};
///
/// let policy: Policy = "drop-oldest".parse()?;
/// let (mut tx, _rx) = channel::mpmc(1)?;
/// assert_eq!(tx.send_with(policy, 1)?, Sent::In);
/// assert_eq!(tx.send_with(policy, 2)?, Sent::DroppedOldest(1));
/// assert_eq!("block:5ms".parse::<Policy>()?.to_string(), "block:5ms");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// [`Block`](super::Block).
    Block,
    /// [`BlockUntil`](super::BlockUntil) so long from each send.
    BlockFor(Duration),
    /// [`Reject`](super::Reject).
    Reject,
    /// [`DropNewest`].
    DropNewest,
    /// [`DropOldest`].
    DropOldest,
}

/// What became of a send that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent<T> {
    /// The item is in.
    In,
    /// The item was given up.
    DroppedNewest(T),
    /// The item is in, and this one had to go.
    DroppedOldest(T),
}

/// Why a [`Policy`] refused an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room now; of [`DropOldest`]: the oldest item is in another end's hands just now.
    Full,
    /// There was no room in all that time.
    Timeout,
    /// The channel is closed.
    Closed,
    /// The channel is closed, and a receiver was dropped by a panic.
    PeerDied,
}

/// An item that a [`Policy`] refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused<T> {
    /// The item.
    pub item: T,
    /// Why it was refused.
    pub why: Refusal,
    /// What had been taken out to make room for it, when the channel was closed in between.
    pub displaced: Option<T>,
}

impl<T> Refused<T> {
    fn new(item: T, why: Refusal) -> Self {
        Self { item, why, displaced: None }
    }
}

impl From<End> for Refusal {
    fn from(end: End) -> Self {
        match end {
            End::Closed => Self::Closed,
            End::PeerDied => Self::PeerDied,
        }
    }
}

impl<T> From<SendError<T>> for Refused<T> {
    fn from(error: SendError<T>) -> Self {
        let why = error.end().into();
        Self::new(error.into_inner(), why)
    }
}

impl<T> From<TrySendError<T>> for Refused<T> {
    fn from(error: TrySendError<T>) -> Self {
        let why = error.end().map_or(Refusal::Full, Refusal::from);
        Self::new(error.into_inner(), why)
    }
}

impl<T> From<SendUntilError<T>> for Refused<T> {
    fn from(error: SendUntilError<T>) -> Self {
        let why = error.end().map_or(Refusal::Timeout, Refusal::from);
        Self::new(error.into_inner(), why)
    }
}

impl<T> From<DropOldestError<T>> for Refused<T> {
    fn from(error: DropOldestError<T>) -> Self {
        match error {
            DropOldestError::Busy(item) => Self::new(item, Refusal::Full),
            DropOldestError::Closed { item, displaced, end } => Self { item, displaced, why: end.into() },
        }
    }
}

impl Sealed for Policy {}

impl<T, K: Kind<T, Producer: Displace>, W: Wait> Backpressure<T, K, W> for Policy {
    type Outcome = Result<Sent<T>, Refused<T>>;

    #[inline]
    fn send(self, sender: &mut Sender<T, K, W>, item: T) -> Self::Outcome {
        Ok(match self {
            Self::Block => sender.send(item).map(|()| Sent::In)?,
            Self::BlockFor(time) => sender.send_timeout(item, time).map(|()| Sent::In)?,
            Self::Reject => sender.try_send(item).map(|()| Sent::In)?,
            Self::DropNewest => DropNewest.send(sender, item)?.map_or(Sent::In, Sent::DroppedNewest),
            Self::DropOldest => DropOldest.send(sender, item)?.map_or(Sent::In, Sent::DroppedOldest),
        })
    }
}

impl Policy {
    /// The deadline of a send that begins now, if this policy waits.
    pub fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Block => Some(Deadline::NEVER),
            Self::BlockFor(time) => Some(Deadline::after(time)),
            Self::Reject | Self::DropNewest | Self::DropOldest => None,
        }
    }
}

/// Units of time, the longest first.
const UNITS: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.pad("block"),
            Self::BlockFor(time) => f.pad(&format!("block:{}", time_text(*time))),
            Self::Reject => f.pad("reject"),
            Self::DropNewest => f.pad("drop-newest"),
            Self::DropOldest => f.pad("drop-oldest"),
        }
    }
}

impl FromStr for Policy {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, ParsePolicyError> {
        match text {
            "block" => Ok(Self::Block),
            "reject" => Ok(Self::Reject),
            "drop-newest" => Ok(Self::DropNewest),
            "drop-oldest" => Ok(Self::DropOldest),
            _ => match text.strip_prefix("block:").and_then(parse_time) {
                Some(time) => Ok(Self::BlockFor(time)),
                None => Err(ParsePolicyError(text.to_owned())),
            },
        }
    }
}

/// A whole number of the longest unit in which it is one: what [`parse_time`] reads.
pub(crate) fn time_text(time: Duration) -> String {
    let nanos = time.as_nanos();
    let unit = UNITS.iter().find(|(_, size)| nanos.is_multiple_of(u128::from(*size)));
    let (name, size) = unit.copied().unwrap_or(("ns", 1));
    format!("{}{name}", nanos / u128::from(size))
}

/// A whole number with a unit.
pub(crate) fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u128 = number.parse().ok()?;
    let nanos = number.checked_mul(u128::from(*size))?;
    Some(Duration::new((nanos / 1_000_000_000).try_into().ok()?, (nanos % 1_000_000_000) as u32))
}

/// A text that names no [`Policy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePolicyError(String);

impl fmt::Display for ParsePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no policy: write block, block:5ms, reject, drop-newest or drop-oldest", self.0)
    }
}

impl Error for ParsePolicyError {}

impl<T> fmt::Debug for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("why", &self.why).finish_non_exhaustive()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the channel is full: receive, try again, or choose a policy that waits",
            Self::Timeout => "the channel stayed full until the deadline",
            Self::Closed => "the channel is closed",
            Self::PeerDied => "the channel is closed, and a peer was dropped by a panic",
        })
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T> Error for Refused<T> {}
