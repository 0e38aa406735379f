//! What a subscription is promised, and what it may do to the publishers.

use std::{error::Error, fmt, time::Duration};

use crate::channel::{parse_time, time_text};

/// What a subscription of a topic of `T` is promised. None changes what another subscription was promised.
///
/// | contract | sees | when it is slow | costs a publisher |
/// |---|---|---|---|
/// | [`gate`](Self::gate) | every item | publishers wait | nothing: it reads the topic's own rings |
/// | [`gate_for`](Self::gate_for) | every item, until it is evicted | publishers wait so long, then it is evicted | a copy and a push |
/// | [`latest`](Self::latest) | the newest items | the oldest are lost; it is told the gap | a copy and a push |
/// | [`conflate`](Self::conflate) | the newest item of each key | older items of the key merge; it is told how many | a copy, a look-up and a push |
/// | [`sample`](Self::sample) | every n-th item | as `latest` | a copy and a push every n-th time |
///
/// All but `gate` read from rings of their own, which publishers push into: a slow one, even one whose handler never
/// returns, holds nobody back (for longer than it was granted). That is of rings. A worker's time is shared by its handlers: as
/// long as one of them runs, the others of that worker stand still, those of gating subscriptions, too. What is slow or blocks
/// gets workers of its own, by [`Subscribing::on`](crate::engine::Subscribing::on).
#[derive(Debug)]
pub struct Contract<T> {
    pub(super) way: Way<T>,
    pub(super) capacity: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Way<T> {
    Gate,
    GateFor { patience: Duration, copy: fn(&T) -> T },
    Latest { copy: fn(&T) -> T },
    Conflate { key: fn(&T) -> u64, keys_max: usize, copy: fn(&T) -> T },
    Sample { every: u64, copy: fn(&T) -> T },
}

impl<T> Contract<T> {
    /// Sees everything; publishers wait for it.
    pub fn gate() -> Self {
        Self { way: Way::Gate, capacity: None }
    }

    /// Sees everything as long as it moves: a publisher that finds its ring full and sees nothing taken from it for
    /// `patience` evicts it from that shard. That shard's handler learns so at its end; the other shards go on.
    pub fn gate_for(patience: Duration) -> Self
    where
        T: Clone,
    {
        Self { way: Way::GateFor { patience, copy: T::clone }, capacity: None }
    }

    /// Sees the newest items, as many as its ring holds; what is lost before an item is told right before it.
    ///
    /// Where the system stops a thread in the middle of taking the oldest item out of a full ring (the reader's, or another
    /// publisher's), publishers wait a few turns for it, and then give up the new item instead. What is lost so has no number: the
    /// ledger counts it as lost, and no gap tells it.
    pub fn latest() -> Self
    where
        T: Clone,
    {
        Self { way: Way::Latest { copy: T::clone }, capacity: None }
    }

    /// Sees the newest item of each key, keys in the order in which they changed first since they were last seen. Items
    /// that are the same to `key` are of one key. A shard has room for `keys_max` keys; items of further keys are lost, and
    /// counted.
    pub fn conflate(key: fn(&T) -> u64, keys_max: usize) -> Self
    where
        T: Clone,
    {
        Self { way: Way::Conflate { key, keys_max: keys_max.max(1), copy: T::clone }, capacity: None }
    }

    /// Sees the first of every `every` items that a publisher publishes to a shard.
    pub fn sample(every: u64) -> Self
    where
        T: Clone,
    {
        Self { way: Way::Sample { every: every.max(1), copy: T::clone }, capacity: None }
    }

    /// The items that its own ring holds; else as many as the topic's. Without meaning for `gate` and `conflate`.
    #[must_use]
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = Some(items);
        self
    }

    /// A contract by its text: `gate`, `gate-for:5ms`, `latest`, `conflate`, `sample:10`. Times are whole numbers of `ns`,
    /// `us`, `ms` or `s`; `key` and `keys_max` are for `conflate`. What [`Display`](fmt::Display) writes can be read.
    ///
    /// # Errors
    /// [`ContractError`]; it says what is allowed.
    ///
    /// # Examples
    /// ```
    /// use ringway::router::Contract;
    ///
    /// let contract = Contract::<u64>::parse("gate-for:5ms", |item| *item, 100)?;
    /// assert_eq!(contract.to_string(), "gate-for:5ms");
    /// assert!(Contract::<u64>::parse("sample:0", |item| *item, 100).is_err());
    /// # Ok::<(), ringway::router::ContractError>(())
    /// ```
    pub fn parse(text: &str, key: fn(&T) -> u64, keys_max: usize) -> Result<Self, ContractError>
    where
        T: Clone,
    {
        let contract = match text.split_once(':') {
            None if text == "gate" => Some(Self::gate()),
            None if text == "latest" => Some(Self::latest()),
            None if text == "conflate" => Some(Self::conflate(key, keys_max)),
            Some(("gate-for", time)) => parse_time(time).map(Self::gate_for),
            Some(("sample", every)) => every.parse().ok().filter(|&every| every > 0).map(Self::sample),
            _ => None,
        };
        contract.ok_or_else(|| ContractError { found: text.to_owned() })
    }

    /// Whether publishers wait for it without an end.
    pub fn is_gate(&self) -> bool {
        matches!(self.way, Way::Gate)
    }
}

impl<T> Clone for Contract<T> {
    fn clone(&self) -> Self {
        let way = match self.way {
            Way::Gate => Way::Gate,
            Way::GateFor { patience, copy } => Way::GateFor { patience, copy },
            Way::Latest { copy } => Way::Latest { copy },
            Way::Conflate { key, keys_max, copy } => Way::Conflate { key, keys_max, copy },
            Way::Sample { every, copy } => Way::Sample { every, copy },
        };
        Self { way, capacity: self.capacity }
    }
}

impl<T> Default for Contract<T> {
    fn default() -> Self {
        Self::gate()
    }
}

impl<T> fmt::Display for Contract<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Gate => f.write_str("gate"),
            Way::GateFor { patience, .. } => write!(f, "gate-for:{}", time_text(*patience)),
            Way::Latest { .. } => f.write_str("latest"),
            Way::Conflate { .. } => f.write_str("conflate"),
            Way::Sample { every, .. } => write!(f, "sample:{every}"),
        }
    }
}

/// The text is no contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractError {
    found: String,
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no contract: use gate, gate-for:5ms, latest, conflate or sample:10", self.found)
    }
}

impl Error for ContractError {}

/// Where in the stream a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// With what is published from now on.
    #[default]
    Newest,
    /// With the oldest item that some gating subscription has still to see: nothing older is held. For `gate` only; the
    /// others start at the newest, because their rings are empty.
    Oldest,
}

/// What a subscription did not see, told right before the item that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// The items numbered `from..to` of this subscription's shard were displaced.
    Gap {
        /// The first that is lost.
        from: u64,
        /// The one that follows the gap.
        to: u64,
    },
    /// So many older items of the following item's key were merged into it.
    Merged {
        /// How many.
        count: u64,
    },
}

impl Missed {
    /// How many items.
    pub fn count(self) -> u64 {
        match self {
            Self::Gap { from, to } => to - from,
            Self::Merged { count } => count,
        }
    }
}
