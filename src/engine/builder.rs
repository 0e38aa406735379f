//! How an engine is started.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{Engine, Registry, StartError};
use crate::worker::{Board, Desk, Failures, Limits, Pin, Pinned, Worker, cpus_granted, pin, place};

/// An engine about to be started.
#[derive(Debug, Clone)]
#[must_use = "`start` starts it"]
pub struct Builder {
    name: String,
    workers: Option<usize>,
    pin: Pin,
    limits: Limits,
    by_hand: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self { name: "ringway".to_owned(), workers: None, pin: Pin::None, limits: Limits::default(), by_hand: false }
    }
}

const WORKERS_MAX: usize = 1024;

impl Builder {
    /// What its threads are named by: worker 0 is `<name>-0`. Else `ringway`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Workers, 1 to 1024; else as many as the process gets CPUs' worth of time.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Where they run; else wherever the system puts them.
    pub fn pin(mut self, pin: Pin) -> Self {
        self.pin = pin;
        self
    }

    /// Items of one batch; else 256.
    pub fn batch_items(mut self, items: usize) -> Self {
        self.limits.batch_items = items;
        self
    }

    /// Time of one batch; else 500 µs.
    pub fn batch_time(mut self, time: Duration) -> Self {
        self.limits.batch_time = time;
        self
    }

    /// No threads: take the workers by [`Engine::take_workers`], and poll them in loops of your own.
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// Starts it. Its workers idle until handlers are attached.
    ///
    /// # Errors
    /// [`StartError`]; it says what to change.
    pub fn start(self) -> Result<Engine, StartError> {
        let workers = self.workers.unwrap_or_else(cpus_granted);
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(StartError::Workers { asked: workers });
        }
        if self.limits.batch_items == 0 {
            return Err(StartError::EmptyBatch);
        }
        let (board, epoch) = (Arc::new(Board::default()), Instant::now());
        let places =
            (0..workers).map(|nth| if self.by_hand { Pinned::Nowhere } else { place(&self.pin, nth, workers) });
        let desks: Vec<_> = places
            .enumerate()
            .map(|(nth, place)| Arc::new(Desk::new(format!("{}-{nth}", self.name), place, epoch)))
            .collect();
        let mut engine = Engine {
            board: Arc::clone(&board),
            failures: Arc::new(Failures::default()),
            limits: self.limits,
            desks: desks.clone(),
            threads: Mutex::new(Vec::new()),
            by_hand: Mutex::new(Vec::new()),
            registry: Mutex::new(Registry::default()),
        };
        let worker = |desk: &Arc<Desk>| Worker::new(Arc::clone(desk), Arc::clone(&board), self.limits);
        if self.by_hand {
            engine.by_hand = Mutex::new(desks.iter().map(worker).collect());
            return Ok(engine);
        }
        for desk in &desks {
            let thread = start_thread(worker(desk), Arc::clone(desk), workers).map_err(StartError::Thread)?;
            engine.threads.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).push(thread);
        }
        Ok(engine)
    }
}

/// Starts a worker's thread, and returns when it is pinned, or known not to be.
fn start_thread(worker: Worker, desk: Arc<Desk>, workers: usize) -> std::io::Result<thread::JoinHandle<()>> {
    let (told, is_told) = mpsc::channel();
    let thread = thread::Builder::new().name(desk.name.clone()).spawn(move || {
        {
            let mut pinned = desk.pinned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *pinned = pin(*pinned);
        }
        let _ = told.send(());
        worker.run(workers);
    })?;
    let _ = is_told.recv();
    Ok(thread)
}

/// What runs, as text.
pub(super) fn describe(limits: &Limits, pinned: &[Pinned], desks: &[Arc<Desk>], registry: &Registry) -> String {
    let mut text = String::new();
    let Limits { batch_items, batch_time } = limits;
    let _ = writeln!(text, "workers = {}", desks.len());
    let _ = writeln!(text, "batch_items = {batch_items}");
    let _ = writeln!(text, "batch_time_us = {}", batch_time.as_micros());
    for (desk, pinned) in desks.iter().zip(pinned) {
        let _ = writeln!(text, "# {}: {pinned}, {} handlers", desk.name, desk.duties.get());
    }
    let mut bytes = 0;
    for source in &registry.sources {
        bytes += source.bytes();
        let _ = write!(text, "\n[{}.{:?}]\n", source.kind(), source.name().as_str());
        let _ = write!(text, "shards = {}\ncapacity = {}\n", source.shards(), source.capacity());
        let _ = write!(text, "{}", source.details());
        let _ = writeln!(text, "# {} bytes reserved", source.bytes());
    }
    let _ = writeln!(text, "\n# {bytes} bytes reserved in all");
    text
}
