//! Why an engine did not start, or a handler was not attached.

use std::{error::Error, fmt, io};

use crate::router::{Name, NameError, OpenError, SettingError};
use crate::time::CapacityError;

/// Why an engine did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A number of workers outside 1 to 1024.
    Workers {
        /// The number given.
        asked: usize,
    },
    /// A batch without items, or without time.
    EmptyBatch,
    /// A name with a NUL in it, which no thread can have.
    Name {
        /// The name given.
        asked: String,
    },
    /// A setting from outside the code is wrong.
    Setting(SettingError),
    /// The system gave no thread.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers { asked } => write!(f, "{asked} workers: pass 1 to 1024"),
            Self::EmptyBatch => f.write_str("a batch of no items, or of no time: pass 1 or more"),
            Self::Name { asked } => write!(f, "no thread can be named {asked:?}: leave the NUL out"),
            Self::Setting(error) => error.fmt(f),
            Self::Thread(_) => f.write_str("the system gave no thread for a worker: ask for fewer"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            Self::Setting(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SettingError> for StartError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

/// Why no handler was attached.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The name is none.
    Name(NameError),
    /// There is no subscription to be had.
    Open(OpenError),
    /// The queue or topic was not opened by this engine.
    Foreign {
        /// Its name.
        name: Name,
    },
    /// Somebody serves this shard of a keyed queue already.
    Served {
        /// The queue.
        name: Name,
        /// The shard.
        shard: usize,
    },
    /// There is no worker of this number.
    NoWorker {
        /// The number given.
        asked: usize,
        /// Workers that there are.
        workers: usize,
    },
    /// What this handler publishes comes back to it.
    Cycle {
        /// The queues and topics on the way round.
        names: Vec<Name>,
    },
    /// The rules of delivery ask for what is not to be had.
    Rules(CapacityError),
    /// The rules go by keys or ids, and the queue is shared: another worker would not know of them.
    Shared {
        /// The queue.
        name: Name,
        /// What the rules ask for.
        rule: &'static str,
    },
    /// A rule of delivery from outside the code is wrong.
    Setting(SettingError),
    /// The engine is closed.
    Closed,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Foreign { name } => {
                write!(f, "{name} was not opened by this engine: open it with `engine.topic` or `.queue`")
            }
            Self::Served { name, shard } => {
                write!(f, "shard {shard} of queue {name} has a handler: detach it first, or open the queue as shared")
            }
            Self::NoWorker { asked, workers } => {
                write!(f, "no worker {asked}: pass 0 to {}", workers.saturating_sub(1))
            }
            Self::Cycle { names } => {
                let names: Vec<_> = names.iter().map(Name::as_str).collect();
                write!(
                    f,
                    "{} is a cycle, which can't be drained: publish to something that leads nowhere back",
                    names.join(" -> ")
                )
            }
            Self::Rules(error) => write!(f, "the rules of delivery: {error}"),
            Self::Shared { name, rule } => {
                write!(f, "queue {name} is shared, and {rule} is kept by each worker for itself: open it as keyed")
            }
            Self::Setting(error) => error.fmt(f),
            Self::Closed => f.write_str("the engine is closed: attach handlers before"),
        }
    }
}

impl Error for AttachError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::Open(error) => Some(error),
            Self::Rules(error) => Some(error),
            Self::Setting(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NameError> for AttachError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<OpenError> for AttachError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<SettingError> for AttachError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

impl From<CapacityError> for AttachError {
    fn from(error: CapacityError) -> Self {
        Self::Rules(error)
    }
}
