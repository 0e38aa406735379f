//! Subscriptions by pattern: to topics that are there, and to those that will be.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::{AttachError, Attached, Engine, source::Source};
use crate::router::{Contract, Name, Pattern, Start, Topic};
use crate::worker::{Handler, OnPanic};

/// Told of each queue and topic, those that are there first.
pub(super) type Watcher = Arc<dyn Fn(&Engine, &dyn Source) + Send + Sync>;

/// Subscriptions to every topic of a payload whose name matches, about to be served by workers.
#[must_use = "`handle` attaches it"]
pub struct Following<'e, T> {
    engine: &'e Engine,
    pattern: String,
    name: String,
    contract: Contract<T>,
    start: Start,
    on_panic: OnPanic,
    workers: Vec<usize>,
}

/// A topic that was found, and its handlers, or why there are none.
pub type Found = (Name, Result<Arc<Attached>, AttachError>);

/// What a pattern has come to so far.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// Guards the list; control plane: it grows when a topic is opened.
    topics: Arc<Mutex<Vec<Found>>>,
}

impl Followed {
    /// The topics found so far, and the handlers of each, or why there are none.
    pub fn topics(&self) -> Vec<Found> {
        self.list().clone()
    }

    /// Items that all of its handlers have handled.
    pub fn handled(&self) -> u64 {
        self.list().iter().filter_map(|(_, found)| found.as_ref().ok()).map(|attached| attached.handled()).sum()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Found>> {
        self.topics.lock()
    }
}

impl<'e, T: Send + Sync + 'static> Following<'e, T> {
    pub(super) fn new(engine: &'e Engine, pattern: &str, name: &str) -> Self {
        Self {
            engine,
            pattern: pattern.to_owned(),
            name: name.to_owned(),
            contract: Contract::gate(),
            start: Start::Newest,
            on_panic: OnPanic::Skip,
            workers: Vec::new(),
        }
    }

    /// What each subscription is promised; else [`Contract::gate`].
    pub fn contract(mut self, contract: Contract<T>) -> Self {
        self.contract = contract;
        self
    }

    /// Where those to topics that are there start; else at the newest.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// What happens when a handler panics; else [`OnPanic::Skip`].
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// The workers that may serve them, by number; else all of them.
    pub fn on(mut self, workers: &[usize]) -> Self {
        self.workers = workers.to_vec();
        self
    }

    /// Attaches handlers to each such topic, also to those that will be opened: before `open` returns, so they miss nothing.
    /// `make` is given the topic's name and the shard.
    ///
    /// # Errors
    /// [`AttachError::Name`], if the pattern or the name is none. What a single topic refuses is told by
    /// [`Followed::topics`].
    ///
    /// # Panics
    /// Only if `make` does; of a topic opened later in `open`.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use ringway::Engine;
    /// # let engine = Engine::builder().workers(1).start()?;
    /// let followed = engine.follow::<u64>("orders.*", "audit").handle(|_topic, _shard| |_order: &u64| ())?;
    /// let orders = engine.topic::<u64>("orders.eu").open()?;
    /// orders.publisher().publish(&1_u64, 1)?;
    /// engine.drain(Duration::from_secs(5)).ledger.check()?;
    /// assert_eq!(followed.handled(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle<H, F>(self, make: F) -> Result<Followed, AttachError>
    where
        H: Handler<Topic<T>>,
        F: Fn(&Name, usize) -> H + Send + Sync + 'static,
    {
        let pattern = Pattern::new(&self.pattern)?;
        Name::new(&self.name)?;
        let followed = Followed::default();
        let (make, told) = (Arc::new(make), followed.clone());
        let Self { engine, name, contract, start, on_panic, workers, .. } = self;
        let watcher: Watcher = Arc::new(move |engine: &Engine, source: &dyn Source| {
            let Some(found) = source.handle().downcast_ref::<Topic<T>>() else { return };
            if !pattern.matches(source.name()) {
                return;
            }
            let (topic, make) = (source.name().clone(), Arc::clone(&make));
            let subscribing = engine.subscribe(found, &name).contract(contract.clone()).start(start);
            let attached = subscribing.on_panic(on_panic).on(&workers).handle(move |shard| make(&topic, shard));
            told.list().push((source.name().clone(), attached.map(Arc::new)));
        });
        // Each source is told once: it is in the list by now, or finds the watcher when it comes.
        let sources = {
            let mut registry = engine.registry();
            registry.watchers.push(Arc::clone(&watcher));
            registry.sources.clone()
        };
        sources.iter().for_each(|source| watcher(engine, &**source));
        Ok(followed)
    }
}

impl<T> std::fmt::Debug for Following<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following")
            .field("pattern", &self.pattern)
            .field("name", &self.name)
            .field("contract", &self.contract.to_string())
            .finish_non_exhaustive()
    }
}
