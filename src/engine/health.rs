//! Whether an engine lives, and whether it keeps up: for the probes of whoever runs it.

use std::{sync::Arc, time::Duration};

use super::Ledger;
use crate::worker::Desk;

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
    pub(super) fn of(desks: &[Arc<Desk>], ledger: &Ledger, watermarks: &Watermarks) -> Self {
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
