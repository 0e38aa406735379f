//! How queues and topics are built, in types and in the words of configurations.

use std::{error::Error, fmt, str::FromStr};

use crate::channel::Policy;

/// In which order a shard holds the items of several publishers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// One order for all: an `mpmc` ring a shard.
    #[default]
    Total,
    /// Each publisher's items in its own order, none between publishers: a lane each, about twice as fast. `capacity` is that
    /// of a lane.
    PerPublisher,
}

/// Who takes from a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// One owner a shard: the items of a key are handled one after the other, in order.
    #[default]
    Keyed,
    /// Every worker, from any shard, its own first every other time: no order, no idle worker beside a full shard. Rules of
    /// delivery that go by keys or ids are refused there.
    Shared,
}

/// How a queue is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlan {
    /// Shards, 1 to [`SHARDS_MAX`](super::SHARDS_MAX).
    pub shards: usize,
    /// Items that a shard holds at the least.
    pub capacity: usize,
    /// What a publisher does when there is no room.
    pub full: Policy,
    /// The order of a shard.
    pub order: Order,
    /// Who takes from a shard.
    pub sharing: Sharing,
}

impl Default for QueuePlan {
    fn default() -> Self {
        Self { shards: 1, capacity: 1024, full: Policy::Block, order: Order::Total, sharing: Sharing::Keyed }
    }
}

/// How a topic is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicPlan {
    /// Shards, 1 to [`SHARDS_MAX`](super::SHARDS_MAX).
    pub shards: usize,
    /// Items that a shard holds at the least.
    pub capacity: usize,
}

impl Default for TopicPlan {
    fn default() -> Self {
        Self { shards: 1, capacity: 1024 }
    }
}

/// The word is none of those that mean something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordError {
    found: String,
    allowed: String,
}

impl WordError {
    pub(crate) fn new(found: &str, allowed: &str) -> Self {
        Self { found: found.to_owned(), allowed: allowed.to_owned() }
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is none of {}", self.found, self.allowed)
    }
}

impl Error for WordError {}

/// A choice that has a word for each of its values.
trait Words: Sized + Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }

    fn list() -> String {
        let words: Vec<_> = Self::WORDS.iter().map(|(word, _)| *word).collect();
        words.join(", ")
    }

    fn of(text: &str) -> Result<Self, WordError> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| WordError::new(text, &Self::list()))
    }
}

impl Words for Order {
    const WORDS: &'static [(&'static str, Self)] = &[("total", Self::Total), ("per-publisher", Self::PerPublisher)];
}

impl Words for Sharing {
    const WORDS: &'static [(&'static str, Self)] = &[("keyed", Self::Keyed), ("shared", Self::Shared)];
}

impl Order {
    /// Its words.
    pub(crate) fn allowed() -> String {
        Self::list()
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Order {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        Self::of(text)
    }
}

impl Sharing {
    /// Its words.
    pub(crate) fn allowed() -> String {
        Self::list()
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Sharing {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        Self::of(text)
    }
}
