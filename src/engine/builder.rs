//! How an engine is started.

use std::{
    fmt::Write,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Engine, Registry, Settings, StartError};
use crate::time::{AnyClock, Manual, Monotonic};
use crate::worker::{Board, Desk, Failures, Limits, PINS, Pin, Pinned, Worker, cpus_granted, pin, place};

/// An engine about to be started. What is not said here is taken from the [`Settings`].
#[derive(Debug, Clone)]
#[must_use = "`start` starts it"]
pub struct Builder {
    name: String,
    workers: Option<usize>,
    pin: Option<Pin>,
    batch_items: Option<usize>,
    batch_time: Option<Duration>,
    by_hand: bool,
    clock: Option<Manual>,
    settings: Option<Settings>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            name: "ringway".to_owned(),
            workers: None,
            pin: None,
            batch_items: None,
            batch_time: None,
            by_hand: false,
            clock: None,
            settings: None,
        }
    }
}

const WORKERS_MAX: usize = 1024;
const MORE: &str = "1 and more";

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
        self.pin = Some(pin);
        self
    }

    /// Items of one batch; else 256.
    pub fn batch_items(mut self, items: usize) -> Self {
        self.batch_items = Some(items);
        self
    }

    /// Time of one batch; else 500 µs.
    pub fn batch_time(mut self, time: Duration) -> Self {
        self.batch_time = Some(time);
        self
    }

    /// Settings from outside the code; else those of the environment.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// No threads: take the workers by [`Engine::take_workers`], and [poll](Worker::poll) them in loops of your own, or
    /// [wait](Worker::poll_until) in them.
    pub fn by_hand(mut self) -> Self {
        self.by_hand = true;
        self
    }

    /// What is due by the rules of deliveries is due by `clock`, which somebody turns: for tests, which poll their workers
    /// [by hand](Self::by_hand). Else the machine's.
    pub fn clock(mut self, clock: Manual) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Starts it. Its workers idle until handlers are attached.
    ///
    /// # Errors
    /// [`StartError`]; it says what to change.
    pub fn start(self) -> Result<Engine, StartError> {
        if self.name.contains('\0') {
            return Err(StartError::Name { asked: self.name });
        }
        let settings = self.settings.unwrap_or_else(Settings::from_environment);
        settings.check_fallbacks()?;
        let default = Limits::default();
        let is_workers = |workers: &usize| (1..=WORKERS_MAX).contains(workers);
        let workers = settings.pick(self.workers, &["workers"], "1 to 1024", is_workers, cpus_granted())?;
        let chosen = settings.pick(self.pin, &["pin"], PINS, |_| true, Pin::None)?;
        let items = settings.pick(self.batch_items, &["batch_items"], MORE, |&items| items > 0, default.batch_items)?;
        let micros = self.batch_time.map(|time| time.as_micros() as u64);
        let default_micros = default.batch_time.as_micros() as u64;
        let micros = settings.pick(micros, &["batch_time_us"], MORE, |&micros| micros > 0, default_micros)?;
        let started =
            [workers.line("workers"), chosen.line("pin"), items.line("batch_items"), micros.line("batch_time_us")];
        let (workers, chosen) = (workers.value, chosen.value);
        if !is_workers(&workers) {
            return Err(StartError::Workers { asked: workers });
        }
        let batch_time = self.batch_time.unwrap_or(Duration::from_micros(micros.value));
        let limits = Limits { batch_items: items.value, batch_time };
        if limits.batch_items == 0 || limits.batch_time.is_zero() {
            return Err(StartError::EmptyBatch);
        }
        let (board, epoch) = (Arc::new(Board::default()), Instant::now());
        let places = (0..workers).map(|nth| if self.by_hand { Pinned::Nowhere } else { place(&chosen, nth, workers) });
        let desks: Vec<_> = places
            .enumerate()
            .map(|(nth, place)| Arc::new(Desk::new(format!("{}-{nth}", self.name), place, epoch)))
            .collect();
        let mut engine = Engine {
            board: Arc::clone(&board),
            failures: Arc::new(Failures::default()),
            clock: self.clock.map_or_else(|| AnyClock::Machine(Monotonic::new()), AnyClock::Manual),
            settings,
            started: started.concat(),
            desks: desks.clone(),
            threads: Mutex::new(Vec::new()),
            by_hand: Mutex::new(Vec::new()),
            registry: Arc::default(),
        };
        let worker = |desk: &Arc<Desk>| Worker::new(Arc::clone(desk), Arc::clone(&board), limits, workers);
        if self.by_hand {
            engine.by_hand = Mutex::new(desks.iter().map(worker).collect());
            return Ok(engine);
        }
        for desk in &desks {
            let thread = start_thread(worker(desk), Arc::clone(desk)).map_err(StartError::Thread)?;
            engine.threads.get_mut().push(thread);
        }
        Ok(engine)
    }
}

/// Starts a worker's thread, and returns when it is pinned, or known not to be.
fn start_thread(worker: Worker, desk: Arc<Desk>) -> std::io::Result<thread::JoinHandle<()>> {
    let (told, is_told) = mpsc::channel();
    let thread = thread::Builder::new().name(desk.name.clone()).spawn(move || {
        {
            let mut pinned = desk.pinned.lock();
            *pinned = pin(*pinned);
        }
        let _ = told.send(());
        worker.run();
    })?;
    let _ = is_told.recv();
    Ok(thread)
}

/// What runs, as text.
pub(super) fn describe(started: &str, pinned: &[Pinned], desks: &[Arc<Desk>], registry: &Registry) -> String {
    let mut text = started.to_owned();
    for (desk, pinned) in desks.iter().zip(pinned) {
        let _ = writeln!(text, "# {}: {pinned}, {} handlers", desk.name, desk.duties.get());
    }
    let mut bytes = 0;
    for source in &registry.sources {
        bytes += source.bytes();
        let _ = write!(text, "\n[{}.{:?}]\n", source.kind(), source.name().as_str());
        text.push_str(source.settings());
        let _ = writeln!(text, "# {} bytes reserved", source.bytes());
        if let Some(rules) = registry.rules.get(source.name()) {
            let _ = write!(text, "\n[queue.{:?}.delivery]\n{rules}", source.name().as_str());
        }
    }
    let _ = writeln!(text, "\n# {bytes} bytes reserved in all");
    text
}
