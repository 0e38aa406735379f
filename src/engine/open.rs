//! How queues and topics are opened.

use std::{marker::PhantomData, sync::Arc};

use super::{
    Engine,
    source::{QueueSource, Source, TopicSource},
};
use crate::router::{Full, Name, OpenError, Order, Queue, QueuePlan, Sharing, Topic, TopicPlan};

/// A topic about to be opened.
#[must_use = "`open` opens it"]
pub struct OpeningTopic<'e, T> {
    engine: &'e Engine,
    name: String,
    plan: TopicPlan,
    payload: PhantomData<fn(T)>,
}

impl<'e, T: Send + Sync + 'static> OpeningTopic<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &str) -> Self {
        Self { engine, name: name.to_owned(), plan: TopicPlan::default(), payload: PhantomData }
    }

    /// Shards, 1 to 1024; else 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.plan.shards = shards;
        self
    }

    /// Items that a shard holds at the least; else 1024.
    pub fn capacity(mut self, items: usize) -> Self {
        self.plan.capacity = items;
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(self) -> Result<Topic<T>, OpenError> {
        let (name, plan) = (Name::new(&self.name)?, self.plan);
        self.engine.open(name, |name, id| {
            let topic = Topic::open(name, plan)?;
            Ok((topic.clone(), Arc::new(TopicSource { id, topic })))
        })
    }
}

/// A queue about to be opened.
#[must_use = "`open` opens it"]
pub struct OpeningQueue<'e, T> {
    engine: &'e Engine,
    name: String,
    plan: QueuePlan,
    payload: PhantomData<fn(T)>,
}

impl<'e, T: Send + 'static> OpeningQueue<'e, T> {
    pub(super) fn new(engine: &'e Engine, name: &str) -> Self {
        Self { engine, name: name.to_owned(), plan: QueuePlan::default(), payload: PhantomData }
    }

    /// Shards, 1 to 1024; else 1.
    pub fn shards(mut self, shards: usize) -> Self {
        self.plan.shards = shards;
        self
    }

    /// Items that a shard holds at the least; else 1024.
    pub fn capacity(mut self, items: usize) -> Self {
        self.plan.capacity = items;
        self
    }

    /// What a publisher does when there is no room; else [`Full::Block`].
    pub fn full(mut self, full: Full) -> Self {
        self.plan.full = full;
        self
    }

    /// The order of a shard; else [`Order::Total`].
    pub fn order(mut self, order: Order) -> Self {
        self.plan.order = order;
        self
    }

    /// Who takes from a shard; else [`Sharing::Keyed`].
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.plan.sharing = sharing;
        self
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(self) -> Result<Queue<T>, OpenError> {
        let (name, plan) = (Name::new(&self.name)?, self.plan);
        self.engine.open(name, |name, id| {
            let queue = Queue::open(name, plan)?;
            Ok((queue.clone(), Arc::new(QueueSource { id, queue })))
        })
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
        registry.sources.push(source);
        Ok(handle)
    }
}
