//! Whether an engine lives, and whether it keeps up: for the probes of whoever runs it.

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::{Ledger, Registry};
use crate::time::{AnyClock, Instant};
use crate::worker::{Desk, Failure, Failures};

/// Looks at an engine from the outside, on any thread: `Clone`, and there when the engine is not any more, whose last state it
/// then tells.
///
/// As long as there is one, the memory of the engine's queues and topics stays.
///
/// # Examples
/// ```
/// use std::{thread, time::Duration};
/// use ringway::{Engine, engine::Watermarks};
///
/// let engine = Engine::builder().workers(1).start()?;
/// let probe = engine.probe();
/// let asked = thread::spawn(move || {
///     let health = probe.health(&Watermarks::default());
///     (health.is_live && health.is_ready, probe)
/// });
/// let (is_well, probe) = asked.join().unwrap();
/// assert!(is_well);
/// engine.drain(Duration::from_secs(1));
/// probe.audit().check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Probe {
    pub(super) desks: Vec<Arc<Desk>>,
    pub(super) failures: Arc<Failures>,
    pub(super) registry: Arc<Mutex<Registry>>,
    pub(super) clock: AnyClock,
}

impl Probe {
    /// As [`Engine::now`](super::Engine::now): for publishers on other threads, and for whoever makes envelopes.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// As [`Engine::health`](super::Engine::health).
    pub fn health(&self, watermarks: &Watermarks) -> Health {
        Health::of(&self.desks, &self.audit(), watermarks)
    }

    /// As [`Engine::audit`](super::Engine::audit).
    pub fn audit(&self) -> Ledger {
        let sources = self.registry.lock().sources.clone();
        sources.iter().for_each(|source| source.settle());
        let registry = self.registry.lock();
        Ledger::of(&registry, &self.desks)
    }

    /// As [`Engine::failures`](super::Engine::failures).
    pub fn failures(&self) -> Vec<Failure> {
        self.failures.last()
    }

    /// As [`Engine::failure_count`](super::Engine::failure_count).
    pub fn failure_count(&self) -> u64 {
        self.failures.count()
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("workers", &self.desks.len()).finish_non_exhaustive()
    }
}

/// From where on something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// A worker whose last cycle began longer ago than this does not live.
    pub heartbeat_age_max: Duration,
    /// With more items than this waiting for one queue or subscription the engine is not ready for more.
    pub lag_max: u64,
}

impl Default for Watermarks {
    fn default() -> Self {
        Self { heartbeat_age_max: Duration::from_secs(5), lag_max: 512 }
    }
}

/// The answers.
#[derive(Debug, Clone)]
pub struct Health {
    /// Whether every worker moves.
    pub is_live: bool,
    /// Whether nothing lags behind its watermark.
    pub is_ready: bool,
    /// Items that wait for the slowest.
    pub lag_max: u64,
    /// Each worker.
    pub workers: Vec<WorkerHealth>,
}

/// How a worker is.
#[derive(Debug, Clone)]
pub struct WorkerHealth {
    /// Its name.
    pub name: String,
    /// Time since its last cycle began.
    pub heartbeat_age: Duration,
    /// Handlers that it has.
    pub duties: u64,
    /// Items that its handlers were handed.
    pub handled: u64,
    /// Cycles in which there was something.
    pub busy_cycles: u64,
}

impl Health {
    fn of(desks: &[Arc<Desk>], ledger: &Ledger, watermarks: &Watermarks) -> Self {
        let worker = |desk: &Arc<Desk>| WorkerHealth {
            name: desk.name.clone(),
            heartbeat_age: desk.heartbeat_age(),
            duties: desk.duties.get(),
            handled: desk.handled.get(),
            busy_cycles: desk.busy_cycles.get(),
        };
        let workers: Vec<_> = desks.iter().map(worker).collect();
        let lag_max = ledger.lag_max();
        Self {
            is_live: workers.iter().all(|worker| worker.heartbeat_age <= watermarks.heartbeat_age_max),
            is_ready: lag_max <= watermarks.lag_max,
            lag_max,
            workers,
        }
    }
}
