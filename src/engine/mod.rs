//! What an application holds: named queues and topics, the workers that serve them, and the account of every item.
//!
//! ```
//! use std::time::Duration;
//!
//! use ringway::{Engine, router::Contract};
//!
//! let engine = Engine::builder().workers(2).start()?;
//! let trades = engine.topic::<(u32, u64)>("trades").shards(2).open()?; // (symbol, size)
//! engine.subscribe(&trades, "volume").handle(|_shard| {
//!     let mut volume = 0;
//!     move |trade: &(u32, u64)| volume += trade.1
//! })?;
//! engine.subscribe(&trades, "screen").contract(Contract::latest()).handle(|_shard| |_: &(u32, u64)| ())?;
//!
//! let mut publisher = trades.publisher();
//! for size in 0..1000 {
//!     publisher.publish(&7_u32, (7, size))?; // same key, same shard, same order
//! }
//! let report = engine.drain(Duration::from_secs(5)); // close, handle what is accepted, account for it
//! assert!(report.is_drained());
//! report.ledger.check()?;
//! assert_eq!(report.ledger.topic("trades").unwrap().published.total(), 1000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The end
//! *Close* refuses what is published from now on. *Drain* closes, lets everything accepted be handled, and reports. *Abort*
//! handles nothing more: what was accepted is counted, and the items of queues are handed back
//! ([`Queue::take_left`]). All three are of the whole engine.

use std::{
    fmt,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use crate::router::{Queue, Topic};
use crate::time::{AnyClock, Instant as Moment};
use crate::worker::{Board, Command, Desk, End, Failure, Failures, Pinned, Worker};

mod attach;
mod builder;
mod call;
#[cfg(feature = "async")]
mod call_future;
mod caller;
mod deliver;
mod error;
mod follow;
mod health;
mod ledger;
mod open;
mod registry;
mod rules;
mod settings;
#[cfg(feature = "config")]
mod settings_file;
#[cfg(feature = "signals")]
pub mod signals;
mod source;

#[cfg(feature = "async")]
pub use self::call_future::{CallFuture, OpenFuture, PendingFuture};
use self::registry::{HandlerRecord, Handlers, Registry};
pub use self::{
    attach::{Attached, Consuming, Subscribing},
    builder::Builder,
    call::{Call, ReplyTo},
    caller::{CALL_TIMEOUT, CallRefused, Caller, Pending},
    deliver::{Deliveries, Delivering},
    error::{AttachError, StartError},
    follow::{Followed, Following, Found},
    health::{Health, Probe, Watermarks, WorkerHealth},
    ledger::{Imbalance, Ledger, QueueLedger, ShardLedger, SubscriptionLedger, TopicLedger},
    open::{OpeningQueue, OpeningTopic},
    settings::Settings,
};

/// Queues and topics by name, and the workers that serve them.
pub struct Engine {
    board: Arc<Board>,
    failures: Arc<Failures>,
    /// What deliveries go by.
    clock: AnyClock,
    settings: Settings,
    /// The settings that the engine started with, as text.
    started: String,
    desks: Vec<Arc<Desk>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    by_hand: Mutex<Vec<Worker>>,
    /// Guards the queues and topics, and which handler serves which; control plane: set-up, ends and questions.
    registry: Arc<Mutex<Registry>>,
}

impl Engine {
    /// The start of an engine.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The start of a topic of this name.
    pub fn topic<T: Send + Sync + 'static>(&self, name: &str) -> OpeningTopic<'_, T> {
        OpeningTopic::new(self, name)
    }

    /// The start of a queue of this name.
    pub fn queue<T: Send + 'static>(&self, name: &str) -> OpeningQueue<'_, T> {
        OpeningQueue::new(self, name)
    }

    /// The start of a subscription of this name, served by workers.
    pub fn subscribe<'e, T: Send + Sync + 'static>(&'e self, topic: &Topic<T>, name: &str) -> Subscribing<'e, T> {
        Subscribing::new(self, topic, name)
    }

    /// The start of subscriptions of this name to all topics of a payload whose names match, such as `orders.*` or `orders.>`:
    /// those that are there, and those that will be.
    pub fn follow<'e, T: Send + Sync + 'static>(&'e self, pattern: &str, name: &str) -> Following<'e, T> {
        Following::new(self, pattern, name)
    }

    /// The start of serving a queue by workers.
    pub fn consume<'e, T: Send + 'static>(&'e self, queue: &Queue<T>) -> Consuming<'e, T> {
        Consuming::new(self, queue)
    }

    /// What time it is for deliveries: what an envelope's `not_before` and `expires_at` are counted by.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The workers that were asked for [by hand](Builder::by_hand), once.
    pub fn take_workers(&self) -> Vec<Worker> {
        std::mem::take(&mut self.by_hand.lock())
    }

    /// Refuses whatever is published from now on; what was accepted will be handled. Returns at once.
    ///
    /// What handlers publish to closes after them, as soon as [`is_drained`](Self::is_drained) is asked, or
    /// [`drain`](Self::drain).
    pub fn close(&self) {
        self.registry().closing = true;
        self.go_on_closing();
    }

    /// Whether the engine is closed, and every handler has come to its end: whatever has handlers has been handled.
    pub fn is_drained(&self) -> bool {
        self.registry().closing && self.go_on_closing()
    }

    /// Closes, waits until everything that was accepted has been handled, and ends the workers. After `patience` what is not
    /// handled is left, as by [`abort`](Self::abort): delayed items and retries, too, whose time has not come.
    ///
    /// Workers by hand are not polled here: poll them until [`is_drained`](Self::is_drained) first.
    pub fn drain(self, patience: Duration) -> Report {
        let start = Instant::now();
        self.close();
        // A time too far ahead to be told is as good as a century.
        let century = Duration::from_secs(100 * 365 * 86_400);
        let until = start.checked_add(patience).unwrap_or(start + century);
        let drained = loop {
            // Counted first: what ends during the look is not missed.
            let ended = self.board.ended();
            if self.go_on_closing() {
                break true;
            }
            if !self.board.wait_for_end(until, ended) {
                break self.go_on_closing();
            }
        };
        self.finish(start, drained)
    }

    /// Refuses whatever is published from now on, and handles nothing more: what was accepted is counted as left.
    pub fn abort(self) -> Report {
        let start = Instant::now();
        self.close();
        self.finish(start, false)
    }

    fn finish(&self, start: Instant, drained: bool) -> Report {
        let sources = self.registry().sources.clone();
        sources.iter().for_each(|source| source.close());
        let command = || if drained { Command::Leave } else { Command::EndAll(End::Aborted) };
        self.desks.iter().for_each(|desk| desk.ask(command(), &self.board));
        // Workers by hand that nobody took: their duties end here.
        drop(self.take_workers());
        self.board.wait_for_all(Instant::now() + GRACE);
        let mut stuck = Vec::new();
        let threads = std::mem::take(&mut *self.threads.lock());
        for (desk, thread) in self.desks.iter().zip(threads) {
            // Without duties it ends in its next cycle.
            if desk.duties.get() == 0 || thread.is_finished() {
                let _ = thread.join();
            } else {
                stuck.push(desk.name.clone());
            }
        }
        sources.iter().for_each(|source| source.leave_all());
        let ledger = self.audit();
        // Where nobody served a queue, nobody had to be waited for.
        let drained = drained && ledger.queues.iter().all(|queue| queue.left + queue.waiting == 0);
        Report { ledger, failures: self.failures(), drained, stuck, took: start.elapsed() }
    }

    /// Closes what has nothing upstream that still goes on; returns whether all is closed and over.
    fn go_on_closing(&self) -> bool {
        let mut registry = self.registry();
        let sources = registry.sources.clone();
        let mut over = true;
        for source in &sources {
            let mut upstream = registry.stages.iter().filter(|stage| stage.1 == source.id()).map(|stage| stage.0);
            let upstream_over =
                upstream.all(|upstream| registry.closed.contains(&upstream) && self.board.count(upstream) == 0);
            if upstream_over && registry.closed.insert(source.id()) {
                source.close();
            }
            over &= upstream_over && self.board.count(source.id()) == 0;
        }
        over
    }

    /// Who may ask on other threads, and when the engine has ended: [`drain`](Self::drain) and [`abort`](Self::abort) take it.
    pub fn probe(&self) -> Probe {
        let (desks, failures) = (self.desks.clone(), Arc::clone(&self.failures));
        Probe { desks, failures, registry: Arc::clone(&self.registry), clock: self.clock.clone() }
    }

    /// The account of every item; exact while nobody publishes and no handler runs.
    pub fn audit(&self) -> Ledger {
        self.probe().audit()
    }

    /// The last failures of handlers, oldest first, up to 64.
    pub fn failures(&self) -> Vec<Failure> {
        self.failures.last()
    }

    /// Panics of handlers so far.
    pub fn failure_count(&self) -> u64 {
        self.failures.count()
    }

    /// Where each worker runs.
    pub fn pinned(&self) -> Vec<Pinned> {
        self.desks.iter().map(|desk| *desk.pinned.lock()).collect()
    }

    /// Whether the workers move and keep up.
    ///
    /// # Cost
    /// An [`audit`](Self::audit), which allocates for every queue, topic and subscription: for a health check a second, not for
    /// each item.
    pub fn health(&self, watermarks: &Watermarks) -> Health {
        self.probe().health(watermarks)
    }

    /// What runs, as text: settings, queues and topics with the bytes that they reserve, and who serves them; at the end,
    /// what was set outside without effect so far.
    pub fn effective_config(&self) -> String {
        let registry = self.registry();
        let mut text = builder::describe(&self.started, &self.pinned(), &self.desks, &registry);
        let unused = self.settings.without_effect(&text);
        text.push_str(&unused);
        text
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock()
    }
}

/// Time that workers have to put down what is not to be handled any more.
const GRACE: Duration = Duration::from_millis(200);

impl Drop for Engine {
    /// As [`abort`](Engine::abort), without waiting for handlers to return.
    fn drop(&mut self) {
        self.registry().closing = true;
        let sources = self.registry().sources.clone();
        sources.iter().for_each(|source| source.close());
        self.desks.iter().for_each(|desk| desk.ask(Command::EndAll(End::Aborted), &self.board));
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.registry();
        let names: Vec<String> = registry.sources.iter().map(|source| source.name().to_string()).collect();
        f.debug_struct("Engine").field("workers", &self.desks.len()).field("open", &names).finish_non_exhaustive()
    }
}

/// What an engine did, from its start to its end.
#[derive(Debug, Clone)]
pub struct Report {
    /// The account of every item.
    pub ledger: Ledger,
    /// The last failures of handlers.
    pub failures: Vec<Failure>,
    /// Threads whose handler had not returned when the engine ended. They end when it does; what they hold is counted as in
    /// hand.
    pub stuck: Vec<String>,
    /// How long the end took.
    pub took: Duration,
    drained: bool,
}

impl Report {
    /// Whether all handlers came to their end in time, and no item of a queue is left over.
    pub fn is_drained(&self) -> bool {
        self.drained
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.drained { "drained" } else { "not drained" };
        writeln!(f, "{end} in {:?}", self.took)?;
        if !self.stuck.is_empty() {
            writeln!(f, "stuck: {}", self.stuck.join(", "))?;
        }
        self.ledger.fmt(f)
    }
}
