//! Why something was not published, or not opened.

use std::{error::Error, fmt};

use super::{Name, SHARDS_MAX, name::NameError};
use crate::ring::CapacityError;

/// Why an item was not published. It comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PublishError<T> {
    /// There is no room now: of a queue's shard, or because a gating subscription is behind.
    Full(T),
    /// The queue or topic is closed, and will refuse every item; or nobody serves that shard of a queue any more.
    Closed(T),
}

impl<T> PublishError<T> {
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

    /// Whether it never will.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_full() { "Full(..)" } else { "Closed(..)" })
    }
}

impl<T> fmt::Display for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "no room now: try again, wait with `publish`, or raise the capacity",
            Self::Closed(_) => "closed: nothing is accepted any more",
        })
    }
}

impl<T> Error for PublishError<T> {}

/// A setting has a value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The setting.
    pub key: String,
    /// The variable, or the file and line, that says so.
    pub place: String,
    /// What it says.
    pub found: String,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, place, found, allowed } = self;
        write!(f, "{place}: {key} is {found:?}: allowed is {allowed}")
    }
}

impl Error for SettingError {}

/// Why a queue, a topic or a subscription was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is none.
    Name(NameError),
    /// No ring of that capacity.
    Capacity {
        /// The queue or topic.
        name: Name,
        /// Why not.
        error: CapacityError,
    },
    /// A number of shards outside 1 to [`SHARDS_MAX`].
    Shards {
        /// The number given.
        asked: usize,
    },
    /// The name is taken.
    Taken {
        /// The name.
        name: Name,
    },
    /// Only a queue with [`Order::Total`](super::Order::Total) can drop its oldest item.
    CannotDisplace {
        /// The queue.
        name: Name,
    },
    /// A setting from outside the code is wrong.
    Setting(SettingError),
    /// The topic is closed.
    Closed {
        /// The topic.
        name: Name,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Capacity { name, error } => write!(f, "{name}: {error}"),
            Self::Setting(error) => error.fmt(f),
            Self::Shards { asked } => write!(f, "{asked} shards: pass 1 to {SHARDS_MAX}"),
            Self::Taken { name } => write!(f, "the name {name} is taken: choose another, or share what is open"),
            Self::CannotDisplace { name } => {
                write!(f, "queue {name} can't drop its oldest item with an order per publisher: use Order::Total")
            }
            Self::Closed { name } => write!(f, "topic {name} is closed: subscribe before it closes"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::Capacity { error, .. } => Some(error),
            Self::Setting(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NameError> for OpenError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<SettingError> for OpenError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}
