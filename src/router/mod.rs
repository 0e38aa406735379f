//! Names, shards, publishers and subscriptions: where an item goes.
//!
//! | | [`Queue`] (commands) | [`Topic`] (events) |
//! |---|---|---|
//! | who gets an item | one handler | every subscription, once each |
//! | a handler holds it | [`Held`]: lent, and its own to take | by reference |
//! | ring behind a shard | `mpmc`, or `lanes` | `broadcast_multi`, and a ring of its own for each subscription that may lose |
//! | when there is no room | the queue's [`Policy`] | the publisher waits for gating subscriptions, and for no other |
//!
//! Both have 1 to [`SHARDS_MAX`] shards. A [`Key`] picks the shard ([`shard_of`]); without one, items go round.
//!
//! A publisher is `Clone`, owns its ends of all rings, and shares nothing with other publishers but these: it takes no lock on
//! its way, except when subscriptions came or went. `try_publish` never waits, `publish` does, `publish_until` gives up;
//! `publish_async` is for tasks, which wait without their thread. On a thread that runs handlers nothing waits, because it could
//! wait for itself: there `publish`, too, answers `Full`.

mod bells;
mod conflate;
mod contract;
mod error;
mod future;
mod held;
mod name;
mod partition;
mod plan;
mod publishing;
mod roll;
mod side;

pub mod queue;
pub mod topic;

/// What a publisher to a queue does when there is no room.
pub use crate::channel::Policy;
/// Why nothing was polled.
pub use crate::ring::PopError;

#[cfg(feature = "async")]
pub(crate) use self::future::Publish;
pub(crate) use self::{
    bells::{Bells, enter_handlers},
    side::Fed,
    topic::{Gone, Reader, Record, Seen},
};
pub use self::{
    contract::{Contract, ContractError, Missed, Start},
    error::{OpenError, PublishError, SettingError},
    future::PublishFuture,
    held::Held,
    name::{NAME_BYTES_MAX, Name, NameError, Pattern},
    partition::{Balance, Key, SHARDS_MAX, shard_of},
    plan::{Order, QueuePlan, Sharing, TopicPlan, WordError},
    queue::Queue,
    roll::Published,
    topic::{Event, Subscription, Topic},
};

/// What a handler is for, and a stage publishes to: a [`Queue`], whose items a handler may keep, or a [`Topic`], whose items
/// it sees.
///
/// The trait is sealed.
pub trait Shape: sealed::Sealed + Clone + Send + Sync + 'static {
    /// What the caller publishes.
    type Payload: Send + 'static;
    /// What a handler gets.
    type Item<'a>;
    /// The end that publishes.
    type Publisher: Send + 'static;

    /// A new publisher.
    fn publisher(&self) -> Self::Publisher;

    /// Publishes to the shard of `key`, without waiting.
    ///
    /// # Errors
    /// [`PublishError`]; the item comes back in it.
    fn try_publish<K: Key + ?Sized>(
        publisher: &mut Self::Publisher,
        key: &K,
        item: Self::Payload,
    ) -> Result<(), PublishError<Self::Payload>>;

    /// Its name.
    fn name(&self) -> &Name;

    /// Whether both are handles of one queue or topic.
    fn is_same(&self, other: &Self) -> bool;
}

mod sealed {
    pub trait Sealed {}

    /// An end that publishes.
    pub trait Publishes {
        /// What the caller publishes.
        type Item;
    }
}
