//! How handlers are given to workers.

use std::{fmt, sync::Arc};

use super::{AttachError, Engine, HandlerRecord, Registry};
use crate::router::{Contract, Key, Name, Queue, Shape, Sharing, Start, Topic};
use crate::worker::{
    Board, Command, Desk, Duty, End, Figures, Handler, Intakes, KeyOf, OnPanic, Plan, QueueDuty, Stage, Supervised,
    Told, TopicDuty,
};

/// Handlers that were given to workers: one a shard.
pub struct Attached {
    /// The number of each duty, and its worker.
    duties: Vec<(u64, Arc<Desk>)>,
    figures: Vec<Arc<Figures>>,
    board: Arc<Board>,
}

impl Attached {
    fn new(engine: &Engine) -> Self {
        Self { duties: Vec::new(), figures: Vec::new(), board: Arc::clone(&engine.board) }
    }

    /// Asks the workers for what was found to be asked, one command a duty. Where a worker is gone the handler ends here, and
    /// its code may ask the engine: hold no lock.
    fn begin(self, commands: Vec<Command>) -> Self {
        for ((_, desk), command) in self.duties.iter().zip(commands) {
            desk.ask(command, &self.board);
        }
        self
    }

    /// Ends the handlers: what they have not handled is counted as left. A keyed queue's shards can be served anew.
    ///
    /// Does not wait: they end in the next cycles of their workers; [`is_over`](Self::is_over) tells.
    pub fn detach(&self) {
        for (id, desk) in &self.duties {
            desk.ask(Command::End { id: *id, end: End::Detached }, &self.board);
        }
    }

    /// Why each shard's handler ended; `None` while it goes on.
    pub fn ends(&self) -> Vec<Option<End>> {
        self.figures.iter().map(|figures| figures.end()).collect()
    }

    /// Whether all of them have ended.
    pub fn is_over(&self) -> bool {
        self.figures.iter().all(|figures| figures.end().is_some())
    }

    /// Items that they have handled.
    pub fn handled(&self) -> u64 {
        self.figures.iter().map(|figures| figures.handled.get()).sum()
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("handled", &self.handled()).field("ends", &self.ends()).finish_non_exhaustive()
    }
}

/// A subscription about to be served by workers.
#[must_use = "`handle` attaches it"]
pub struct Subscribing<'e, T> {
    engine: &'e Engine,
    topic: Topic<T>,
    name: String,
    contract: Contract<T>,
    start: Start,
    on_panic: OnPanic,
    key_of: Option<KeyOf<T>>,
    workers: Vec<usize>,
    /// The queues and topics that the handlers publish to.
    feeds: Vec<Fed>,
}

impl<'e, T: Send + Sync + 'static> Subscribing<'e, T> {
    pub(super) fn new(engine: &'e Engine, topic: &Topic<T>, name: &str) -> Self {
        Self {
            engine,
            topic: topic.clone(),
            name: name.to_owned(),
            contract: Contract::gate(),
            start: Start::Newest,
            on_panic: OnPanic::Skip,
            key_of: None,
            workers: Vec::new(),
            feeds: Vec::new(),
        }
    }

    /// What it is promised; else [`Contract::gate`].
    pub fn contract(mut self, contract: Contract<T>) -> Self {
        self.contract = contract;
        self
    }

    /// Where it starts; else at the newest.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// What happens when its handler panics; else [`OnPanic::Skip`].
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// Says what the key of an item is, for the report of a [panic](crate::worker::Failure::key). Called after panics only.
    pub fn key(mut self, key_of: impl Fn(&T) -> String + Send + Sync + 'static) -> Self {
        self.key_of = Some(Arc::new(key_of));
        self
    }

    /// The workers that may serve it, by number; else all of them.
    pub fn on(mut self, workers: &[usize]) -> Self {
        self.workers = workers.to_vec();
        self
    }

    /// Says that the handlers publish to `destination`, which then closes after them: what they publish while the engine
    /// drains is accepted. Name each.
    pub fn feeds<S: Shape>(mut self, destination: &S) -> Self {
        self.feeds.push(fed(destination));
        self
    }

    /// Attaches a handler for each shard, made by `make`, which is given the shard's number.
    ///
    /// When this returns, whatever is published afterwards is meant for it.
    ///
    /// # Errors
    /// [`AttachError`]; it says what to change.
    ///
    /// # Panics
    /// Only if `make` does.
    pub fn handle<H, F>(self, make: F) -> Result<Attached, AttachError>
    where
        H: Handler<Topic<T>>,
        F: Fn(usize) -> H + Send + Sync + 'static,
    {
        let name = Name::new(&self.name)?;
        let plan = Plan {
            make: Arc::new(make),
            on_panic: self.on_panic,
            source: self.topic.name().clone(),
            subscription: name.clone(),
            key_of: self.key_of.clone(),
            failures: Arc::clone(&self.engine.failures),
        };
        // Made before anything waits for them.
        let runs: Vec<_> = (0..self.topic.shards()).map(|shard| Supervised::new(&plan, shard)).collect();
        let mut registry = self.engine.registry();
        let source = registry.number_of(&self.topic)?;
        let stages = registry.check_stages(source, &self.feeds)?;
        self.engine.check_workers(&self.workers)?;
        let mut subscription = self.topic.subscribe(name, &self.contract, self.start)?;
        registry.stages.extend(stages);
        let membership = Arc::clone(subscription.membership());
        let (mut attached, mut begin) = (Attached::new(self.engine), Vec::new());
        for (shard, (reader, run)) in subscription.take_readers().into_iter().zip(runs).enumerate() {
            let figures = Arc::clone(&run.figures);
            let duty = TopicDuty::new(reader, shard, run, Arc::clone(&membership));
            let place = Place { source, subscription: membership.record().id, shard, figures, told: None };
            begin.push(self.engine.attach(&mut registry, &self.workers, place, Box::new(duty), &mut attached));
        }
        drop(registry);
        Ok(attached.begin(begin))
    }
}

impl<'e, T: Send + Sync + 'static> Subscribing<'e, T> {
    /// Attaches a stage for each shard: what its function makes of an item is published to `destination`, in the same
    /// order. `make` is given the shard's number, and makes the function: it returns a key and an item, or `None`.
    ///
    /// Where there is no room downstream the stage takes nothing more until there is; its worker goes on with other
    /// handlers. After a panic the function is made anew with [`OnPanic::Restart`]; what it had made before is published.
    ///
    /// # Errors
    /// [`AttachError`]; it says what to change.
    ///
    /// # Panics
    /// Only if `make` does.
    ///
    /// # Examples
    /// ```
    /// # use ringway::Engine;
    /// # let engine = Engine::builder().workers(1).start()?;
    /// let lines = engine.topic::<String>("lines").open()?;
    /// let sizes = engine.topic::<(u32, u64)>("sizes").shards(4).open()?;
    /// engine.subscribe(&lines, "decode").then(&sizes, |_shard| |line: &String| {
    ///     let (symbol, size) = line.split_once(',')?;
    ///     let (symbol, size) = (symbol.parse().ok()?, size.parse().ok()?);
    ///     Some((symbol, (symbol, size))) // the key, and the item
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn then<S, K, F, M>(self, destination: &S, make: M) -> Result<Attached, AttachError>
    where
        S: Shape,
        K: Key + Send + 'static,
        F: FnMut(&T) -> Option<(K, S::Payload)> + Send + 'static,
        M: Fn(usize) -> F + Send + Sync + 'static,
    {
        let (destination, make) = (destination.clone(), Arc::new(make));
        let mut this = self.feeds(&destination);
        let restarts = this.on_panic == OnPanic::Restart;
        if restarts {
            // The stage stays, with what it made, and makes its function anew by itself.
            this.on_panic = OnPanic::Skip;
        }
        this.handle(move |shard| {
            let again = Arc::clone(&make);
            let again: Arc<dyn Fn() -> F + Send + Sync> = Arc::new(move || again(shard));
            Stage::<S, K, F>::new(&destination, again(), restarts.then_some(again))
        })
    }
}

/// A queue about to be served by workers.
#[must_use = "`handle` attaches it"]
pub struct Consuming<'e, T> {
    pub(super) engine: &'e Engine,
    pub(super) queue: Queue<T>,
    on_panic: OnPanic,
    key_of: Option<KeyOf<T>>,
    workers: Vec<usize>,
    /// The queues and topics that the handlers publish to.
    feeds: Vec<Fed>,
}

impl<'e, T: Send + 'static> Consuming<'e, T> {
    pub(super) fn new(engine: &'e Engine, queue: &Queue<T>) -> Self {
        Self {
            engine,
            queue: queue.clone(),
            on_panic: OnPanic::Skip,
            key_of: None,
            workers: Vec::new(),
            feeds: Vec::new(),
        }
    }

    /// What happens when a handler panics; else [`OnPanic::Skip`].
    pub fn on_panic(mut self, on_panic: OnPanic) -> Self {
        self.on_panic = on_panic;
        self
    }

    /// Says what the key of an item is, for the report of a [panic](crate::worker::Failure::key). Called after panics only.
    pub fn key(mut self, key_of: impl Fn(&T) -> String + Send + Sync + 'static) -> Self {
        self.key_of = Some(Arc::new(key_of));
        self
    }

    /// The workers that may serve it, by number; else all of them.
    pub fn on(mut self, workers: &[usize]) -> Self {
        self.workers = workers.to_vec();
        self
    }

    /// Says that the handlers publish to `destination`, which then closes after them: what they publish while the engine
    /// drains is accepted. Name each.
    pub fn feeds<S: Shape>(mut self, destination: &S) -> Self {
        self.feeds.push(fed(destination));
        self
    }

    /// Attaches handlers made by `make`: of a keyed queue one a shard, of a shared one one a worker. `make` is given the
    /// number of the shard, or of the shard that is looked at first.
    ///
    /// # Errors
    /// [`AttachError`]; it says what to change.
    ///
    /// # Panics
    /// Only if `make` does.
    pub fn handle<H, F>(self, make: F) -> Result<Attached, AttachError>
    where
        H: Handler<Queue<T>>,
        F: Fn(usize) -> H + Send + Sync + 'static,
    {
        self.serve(make, |intakes, run| (Box::new(QueueDuty::new(intakes, run)), None))
    }

    /// Handlers that there will be.
    pub(super) fn handlers(&self) -> usize {
        match self.queue.plan().sharing {
            Sharing::Keyed => self.queue.shards(),
            Sharing::Shared if self.workers.is_empty() => self.engine.desks.len(),
            Sharing::Shared => self.workers.len(),
        }
    }

    /// Makes handlers, and of each a duty with the shards that it serves.
    pub(super) fn serve<H>(
        self,
        make: impl Fn(usize) -> H + Send + Sync + 'static,
        mut duty: impl FnMut(Intakes<T>, Supervised<H, T>) -> (Box<dyn Duty>, Option<Arc<Told>>),
    ) -> Result<Attached, AttachError> {
        let (shards, handlers) = (self.queue.shards(), self.handlers());
        let plan = Plan {
            make: Arc::new(make),
            on_panic: self.on_panic,
            source: self.queue.name().clone(),
            subscription: self.queue.name().clone(),
            key_of: self.key_of,
            failures: Arc::clone(&self.engine.failures),
        };
        let is_shared = self.queue.plan().sharing == Sharing::Shared;
        let runs: Vec<_> = (0..handlers).map(|nth| Supervised::new(&plan, nth % shards)).collect();

        let mut registry = self.engine.registry();
        let source = registry.number_of(&self.queue)?;
        if registry.closing {
            return Err(AttachError::Closed);
        }
        let stages = registry.check_stages(source, &self.feeds)?;
        self.engine.check_workers(&self.workers)?;
        let mut intakes = Vec::new();
        for nth in 0..handlers {
            let of_one = if is_shared { shards } else { 1 };
            let mut own = Vec::new();
            for shard in (nth..nth + of_one).map(|shard| shard % shards) {
                match self.queue.intake(shard) {
                    Some(intake) => own.push((shard, intake)),
                    None => {
                        let taken = intakes.into_iter().flatten().chain(own);
                        taken.for_each(|(shard, intake)| self.queue.give_back(shard, intake));
                        return Err(AttachError::Served { name: self.queue.name().clone(), shard });
                    }
                }
            }
            intakes.push(own);
        }
        registry.stages.extend(stages);
        let (mut attached, mut begin) = (Attached::new(self.engine), Vec::new());
        for (nth, (own, run)) in intakes.into_iter().zip(runs).enumerate() {
            let figures = Arc::clone(&run.figures);
            let (duty, told) = duty(Intakes::new(self.queue.clone(), own), run);
            // A shared queue has one handler on each worker.
            let only = [self.workers.get(nth).copied().unwrap_or(nth)];
            let workers = if is_shared { &only[..] } else { &self.workers[..] };
            let place = Place { source, subscription: 0, shard: nth % shards, figures, told };
            begin.push(self.engine.attach(&mut registry, workers, place, duty, &mut attached));
        }
        drop(registry);
        Ok(attached.begin(begin))
    }
}

/// Finds the number of what a handler publishes to.
type Fed = Box<dyn Fn(&Registry) -> Result<u64, AttachError> + Send + Sync>;

fn fed<S: Shape>(destination: &S) -> Fed {
    let destination = destination.clone();
    Box::new(move |registry| registry.number_of(&destination))
}

/// What a duty is known by.
struct Place {
    source: u64,
    subscription: u64,
    shard: usize,
    figures: Arc<Figures>,
    told: Option<Arc<Told>>,
}

impl Registry {
    /// The number of a queue or topic of this engine.
    pub(super) fn number_of<S: Shape>(&self, served: &S) -> Result<u64, AttachError> {
        let found = self.sources.iter().find(|source| source.is(served));
        found.map(|source| source.id()).ok_or_else(|| AttachError::Foreign { name: served.name().clone() })
    }

    /// The ways from `source` to what its handlers publish to, if none of them leads back.
    fn check_stages(&self, source: u64, feeds: &[Fed]) -> Result<Vec<(u64, u64)>, AttachError> {
        let mut stages = Vec::new();
        for feed in feeds {
            let to = feed(self)?;
            if let Some(mut way) = self.way(to, source) {
                way.insert(0, source);
                let names = way.iter().filter_map(|id| self.sources.iter().find(|source| source.id() == *id));
                return Err(AttachError::Cycle { names: names.map(|source| source.name().clone()).collect() });
            }
            stages.push((source, to));
        }
        Ok(stages)
    }

    /// The way that stages lead from one source to another, both included. There are no cycles yet.
    fn way(&self, from: u64, to: u64) -> Option<Vec<u64>> {
        if from == to {
            return Some(vec![from]);
        }
        let mut steps = self.stages.iter().filter(|stage| stage.0 == from);
        steps.find_map(|stage| {
            let mut way = self.way(stage.1, to)?;
            way.insert(0, from);
            Some(way)
        })
    }
}

impl Engine {
    fn check_workers(&self, asked: &[usize]) -> Result<(), AttachError> {
        let workers = self.desks.len();
        match asked.iter().find(|&&worker| worker >= workers) {
            Some(&asked) => Err(AttachError::NoWorker { asked, workers }),
            None => Ok(()),
        }
    }

    /// Gives a duty to that of the workers which has the fewest: what is to be asked of it.
    fn attach(
        &self,
        registry: &mut Registry,
        workers: &[usize],
        place: Place,
        duty: Box<dyn Duty>,
        attached: &mut Attached,
    ) -> Command {
        let load = |worker: usize| {
            let going = |record: &&HandlerRecord| record.worker == worker && record.figures.end().is_none();
            registry.handlers.iter().filter(going).count()
        };
        let all: Vec<usize> = (0..self.desks.len()).collect();
        let candidates = if workers.is_empty() { &all } else { workers };
        let worker = candidates.iter().copied().min_by_key(|&worker| load(worker)).unwrap_or(0);
        let id = registry.number();
        let Place { source, subscription, shard, figures, told } = place;
        self.board.begin(source);
        attached.duties.push((id, Arc::clone(&self.desks[worker])));
        attached.figures.push(Arc::clone(&figures));
        let record = HandlerRecord { duty: id, source, subscription, shard, worker, figures, told, is_over: false };
        registry.note(record, &self.board);
        Command::Attach { id, source, duty }
    }
}

impl<T> fmt::Debug for Subscribing<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribing")
            .field("topic", &self.topic.name())
            .field("name", &self.name)
            .field("contract", &self.contract.to_string())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Consuming<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consuming").field("queue", &self.queue.name()).finish_non_exhaustive()
    }
}
