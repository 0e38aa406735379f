//! How queues and topics are opened.

use std::{fmt::Display, marker::PhantomData, str::FromStr, sync::Arc};

use super::{
    Engine, Settings,
    settings::Picked,
    source::{QueueSource, Source, TopicSource},
};
use crate::ring::Capacity;
use crate::router::{Name, OpenError, Order, Policy, Queue, QueuePlan, SHARDS_MAX, Sharing, Topic, TopicPlan};

/// A topic about to be opened.
#[must_use = "`open` opens it"]
pub struct OpeningTopic<'e, T> {
    engine: &'e Engine,
    name: String,
    shards: Option<usize>,
    capacity: Option<usize>,
    payload: PhantomData<fn(T)>,
}

impl<'e, T: Send + Sync + 'static> OpeningTopic<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &str) -> Self {
        Self { engine, name: name.to_owned(), shards: None, capacity: None, payload: PhantomData }
    }

    /// Shards, 1 to 1024; else 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// Items that a shard holds at the least; else 1024.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = Some(items);
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(self) -> Result<Topic<T>, OpenError> {
        let name = Name::new(&self.name)?;
        let default = TopicPlan::default();
        let pick = Picking { settings: &self.engine.settings, kind: "topic", name: &self.name };
        let shards = pick.number(self.shards, "shards", SHARDS_MAX, default.shards)?;
        let capacity = pick.number(self.capacity, "capacity", Capacity::MAX_SLOTS, default.capacity)?;
        let settings = [shards.line("shards"), capacity.line("capacity")].concat();
        let plan = TopicPlan { shards: shards.value, capacity: capacity.value };
        self.engine.open(name, |name, id| {
            let topic = Topic::open(name, plan)?;
            Ok((topic.clone(), Arc::new(TopicSource { id, topic, settings })))
        })
    }
}

/// A queue about to be opened.
#[must_use = "`open` opens it"]
pub struct OpeningQueue<'e, T> {
    engine: &'e Engine,
    name: String,
    shards: Option<usize>,
    capacity: Option<usize>,
    full: Option<Policy>,
    order: Option<Order>,
    sharing: Option<Sharing>,
    payload: PhantomData<fn(T)>,
}

impl<'e, T: Send + 'static> OpeningQueue<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &str) -> Self {
        let name = name.to_owned();
        Self {
            engine,
            name,
            shards: None,
            capacity: None,
            full: None,
            order: None,
            sharing: None,
            payload: PhantomData,
        }
    }

    /// Shards, 1 to 1024; else 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// Items that a shard holds at the least; else 1024.
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = Some(items);
        self
    }

    /// What a publisher does when there is no room; else [`Policy::Block`].
    pub fn full(mut self, full: Policy) -> Self {
        self.full = Some(full);
        self
    }

    /// The order of a shard; else [`Order::Total`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Who takes from a shard; else [`Sharing::Keyed`].
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = Some(sharing);
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(self) -> Result<Queue<T>, OpenError> {
        let name = Name::new(&self.name)?;
        let default = QueuePlan::default();
        let pick = Picking { settings: &self.engine.settings, kind: "queue", name: &self.name };
        let shards = pick.number(self.shards, "shards", SHARDS_MAX, default.shards)?;
        let capacity = pick.number(self.capacity, "capacity", Capacity::MAX_SLOTS, default.capacity)?;
        let full = pick.word(self.full, "full", POLICIES.to_owned(), default.full)?;
        let order = pick.word(self.order, "order", Order::allowed(), default.order)?;
        let sharing = pick.word(self.sharing, "sharing", Sharing::allowed(), default.sharing)?;
        let lines = [shards.line("shards"), capacity.line("capacity"), full.line("full"), order.line("order")];
        let settings = lines.concat() + &sharing.line("sharing");
        let plan = QueuePlan {
            shards: shards.value,
            capacity: capacity.value,
            full: full.value,
            order: order.value,
            sharing: sharing.value,
        };
        self.engine.open(name, |name, id| {
            let queue = Queue::open(name, plan)?;
            Ok((queue.clone(), Arc::new(QueueSource { id, queue, settings })))
        })
    }
}

/// What a [`Policy`] is written as.
const POLICIES: &str = "block, block:5ms, reject, drop-newest, drop-oldest";

/// Picks the settings of one queue or topic.
struct Picking<'a> {
    settings: &'a Settings,
    kind: &'a str,
    name: &'a str,
}

impl Picking<'_> {
    fn number(&self, code: Option<usize>, key: &str, max: usize, default: usize) -> Result<Picked<usize>, OpenError> {
        let is_allowed = |number: &usize| (1..=max).contains(number);
        let allowed = format!("1 to {max}");
        Ok(self.settings.pick(code, &[self.kind, self.name, key], &allowed, is_allowed, default)?)
    }

    fn word<V: FromStr + Display>(
        &self,
        code: Option<V>,
        key: &str,
        allowed: String,
        default: V,
    ) -> Result<Picked<V>, OpenError> {
        Ok(self.settings.pick(code, &[self.kind, self.name, key], &allowed, |_| true, default)?)
    }
}

impl Engine {
    /// Puts a queue or topic into the registry, if its name is free.
    fn open<S>(
        &self,
        name: Name,
        open: impl FnOnce(Name, u64) -> Result<(S, Arc<dyn Source>), OpenError>,
    ) -> Result<S, OpenError> {
        let mut registry = self.registry();
        if registry.sources.iter().any(|source| *source.name() == name) {
            return Err(OpenError::Taken { name });
        }
        let (handle, source) = open(name, registry.number())?;
        registry.sources.push(Arc::clone(&source));
        let watchers = registry.watchers.clone();
        drop(registry);
        watchers.iter().for_each(|watcher| watcher(self, &*source));
        Ok(handle)
    }
}

impl<T> std::fmt::Debug for OpeningTopic<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpeningTopic")
            .field("name", &self.name)
            .field("shards", &self.shards)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl<T> std::fmt::Debug for OpeningQueue<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpeningQueue")
            .field("name", &self.name)
            .field("shards", &self.shards)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
