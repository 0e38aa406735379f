//! Threads that run handlers: named, pinned, supervised.
//!
//! A [`Worker`] has duties: a shard and its handler each. In a cycle each duty has one turn, a batch limited by count and
//! by time; then, if nothing was there, the worker idles. A panic of a handler ends its call, never its worker.
//!
//! ```text
//! cycle:  what was asked of the worker (attach, detach, abort) → a turn for each duty → idle
//! turn:   pop a run → handle each item → … → batch hook → tell the figures
//! ```
//! A worker is a thread of the engine's, or is [polled](Worker::poll) on a thread of yours.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::router::enter_handlers;
use crate::sync::{self, Counter, Tally};
use crate::wait::{Deadline, Looks, Place, Signal, Sleepers};

mod delivering;
mod duty;
mod handing;
mod handler;
mod idle;
mod intakes;
mod leased;
mod pin;
mod stage;
mod supervisor;
mod tracking;

pub(crate) use self::{
    delivering::{DeliveryDuty, DeliveryParts},
    duty::{Duty, QueueDuty, TopicDuty, Turn},
    intakes::Intakes,
    leased::{Classes, Home},
    pin::{PINS, pin, place},
    stage::Stage,
    supervisor::{Failures, Figures, KeyOf, Plan, Supervised},
    tracking::{Inquiry, Look, Told},
};
pub use self::{
    duty::Limits,
    handler::{End, Handler},
    leased::{Deferred, DeferredError, DeliveryHandler, Leased},
    pin::{Pin, Pinned, cpus, cpus_granted, pin_here},
    supervisor::{Action, Failure, OnPanic, OnPanicError},
    tracking::OwnedTracker,
};

/// What others ask of a worker, and what it tells them.
pub(crate) struct Desk {
    pub(crate) name: String,
    /// Guards what is asked; control plane: handlers come and go, the engine ends. `None` once the worker is gone.
    asked: Mutex<Option<Vec<Command>>>,
    /// Counts what was asked.
    asks: Counter,
    /// Where the worker sleeps when it has nothing to do, besides at its shards.
    bell: Sleepers,
    epoch: Instant,
    /// Nanoseconds from the epoch to the begin of the last cycle.
    beat: Tally,
    /// Duties that it has.
    pub(crate) duties: Tally,
    /// Items that its handlers were handed, over all.
    pub(crate) handled: Tally,
    /// Cycles in which there was something.
    pub(crate) busy_cycles: Tally,
    /// Where it runs, by the number of its kind and CPU; written once.
    pub(crate) pinned: Mutex<Pinned>,
}

pub(crate) enum Command {
    /// A new duty, by its number and that of what it takes from.
    Attach { id: u64, source: u64, duty: Box<dyn Duty> },
    /// The duty of this number ends.
    End { id: u64, end: End },
    /// All duties end, and the worker with them.
    EndAll(End),
    /// The worker goes when it has no duty any more.
    Leave,
}

impl Desk {
    pub(crate) fn new(name: String, pinned: Pinned, epoch: Instant) -> Self {
        Self {
            name,
            asked: Mutex::new(Some(Vec::new())),
            asks: Counter::default(),
            bell: Sleepers::default(),
            epoch,
            beat: Tally::default(),
            duties: Tally::default(),
            handled: Tally::default(),
            busy_cycles: Tally::default(),
            pinned: Mutex::new(pinned),
        }
    }

    fn asked(&self) -> MutexGuard<'_, Option<Vec<Command>>> {
        self.asked.lock()
    }

    /// Asks the worker for something. If it is gone, a new duty ends at once.
    pub(crate) fn ask(&self, command: Command, board: &Board) {
        if let Some(asked) = &mut *self.asked() {
            asked.push(command);
            self.asks.add(1);
            self.bell.notify_all();
            return;
        }
        if let Command::Attach { id, source, duty } = command {
            abandon(duty);
            board.end(id, source);
        }
    }

    /// Time since its last cycle began.
    pub(crate) fn heartbeat_age(&self) -> Duration {
        self.epoch.elapsed().saturating_sub(Duration::from_nanos(self.beat.get()))
    }
}

/// Which duties go on, for those who wait for their end.
#[derive(Default)]
pub(crate) struct Board {
    /// Guards the numbers of duties; control plane: duties begin and end.
    going: Mutex<Going>,
    changed: Condvar,
}

#[derive(Default)]
struct Going {
    by_source: HashMap<u64, usize>,
    /// Duties that have ended so far.
    ended: u64,
    /// The numbers of those that nobody has asked for yet.
    over: Vec<u64>,
}

impl Board {
    fn going(&self) -> MutexGuard<'_, Going> {
        self.going.lock()
    }

    pub(crate) fn begin(&self, source: u64) {
        *self.going().by_source.entry(source).or_default() += 1;
    }

    fn end(&self, id: u64, source: u64) {
        let mut going = self.going();
        going.ended += 1;
        going.over.push(id);
        if let Some(duties) = going.by_source.get_mut(&source) {
            *duties -= 1;
        }
        drop(going);
        self.changed.notify_all();
    }

    /// Duties of a source that go on.
    pub(crate) fn count(&self, source: u64) -> usize {
        self.going().by_source.get(&source).copied().unwrap_or(0)
    }

    /// Duties that have ended so far.
    pub(crate) fn ended(&self) -> u64 {
        self.going().ended
    }

    /// The numbers of the duties that have ended since this was asked last: whatever they told is their last word.
    pub(crate) fn take_over(&self) -> Vec<u64> {
        std::mem::take(&mut self.going().over)
    }

    /// Waits until more than `ended` duties have ended, but not past `until`; returns whether they have.
    pub(crate) fn wait_for_end(&self, until: Instant, ended: u64) -> bool {
        self.wait(until, |going| going.ended > ended)
    }

    /// Waits until no duty goes on, but not past `until`.
    pub(crate) fn wait_for_all(&self, until: Instant) {
        self.wait(until, |going| going.by_source.values().all(|&duties| duties == 0));
    }

    fn wait(&self, until: Instant, is_over: impl Fn(&Going) -> bool) -> bool {
        let mut going = self.going();
        loop {
            if is_over(&going) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.changed.wait_for(&mut going, left);
        }
    }
}

/// What one cycle brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// So many items were handled, or, if none was, taken in by rules of delivery: to be handled later, or dropped.
    Handled(usize),
    /// Nothing was there.
    Idle,
    /// The engine is over, and so is this worker.
    Ended,
}

/// Runs handlers, one cycle a call. The engine's threads do so; take one [by hand](crate::engine::Builder::by_hand) to run
/// it in a loop of your own.
pub struct Worker {
    desk: Arc<Desk>,
    board: Arc<Board>,
    limits: Limits,
    duties: Vec<Assigned>,
    asks: u64,
    leaving: bool,
    handled: u64,
    busy_cycles: u64,
    /// By which it is on the lists of those who are called.
    place: sync::Arc<Place>,
    looks: Looks,
    /// Threads that may want a CPU for the same work.
    ends: usize,
}

struct Assigned {
    id: u64,
    source: u64,
    duty: Box<dyn Duty>,
    /// Its handler could not take more in the last cycle.
    holds: bool,
    /// It had something, and has not been told since that there is nothing.
    was_busy: bool,
}

impl Assigned {
    fn new(id: u64, source: u64, duty: Box<dyn Duty>) -> Self {
        Self { id, source, duty, holds: false, was_busy: false }
    }
}

impl Worker {
    /// One of `workers`.
    pub(crate) fn new(desk: Arc<Desk>, board: Arc<Board>, limits: Limits, workers: usize) -> Self {
        Self {
            desk,
            board,
            limits,
            duties: Vec::new(),
            asks: 0,
            leaving: false,
            handled: 0,
            busy_cycles: 0,
            place: sync::Arc::new(Place::default()),
            looks: Looks::default(),
            ends: workers + 1,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.desk.name
    }

    /// Does what was asked, and gives each handler one turn. Never waits, unless a handler does.
    ///
    /// # Cost
    /// One look at the clock, and one at each shard; another at the clock between handlers that had something.
    pub fn poll(&mut self) -> Polled {
        let mut now = Instant::now();
        self.desk.beat.set(now.duration_since(self.desk.epoch).as_nanos() as u64);
        if self.desk.asks.get() != self.asks {
            self.do_as_asked();
        }
        let _in_handlers = enter_handlers();
        let (mut handled, mut at) = (0, 0);
        while at < self.duties.len() {
            let assigned = &mut self.duties[at];
            let turn = catch_unwind(AssertUnwindSafe(|| assigned.duty.turn(&self.limits, now)));
            assigned.holds = matches!(turn, Ok(Turn::Held));
            match turn {
                Ok(Turn::Handled(items)) => {
                    handled += items;
                    assigned.was_busy = true;
                    // The time of the next one begins when this one's is over.
                    if at + 1 < self.duties.len() {
                        now = Instant::now();
                    }
                }
                Ok(Turn::Idle) if std::mem::take(&mut assigned.was_busy) => assigned.duty.idle(),
                Ok(Turn::Idle | Turn::Held) => {}
                Ok(Turn::Ended) => {
                    self.dismiss(at);
                    continue;
                }
                Err(panic) => assigned.duty.note(panic),
            }
            at += 1;
        }
        if handled > 0 {
            self.handled += handled as u64;
            self.busy_cycles += 1;
            self.desk.handled.set(self.handled);
            self.desk.busy_cycles.set(self.busy_cycles);
            return Polled::Handled(handled);
        }
        if self.leaving && self.duties.is_empty() { Polled::Ended } else { Polled::Idle }
    }

    /// As [`poll`](Self::poll), but waits until something is there: looks again for a moment, then sleeps. `Idle` only when
    /// `until` has passed.
    ///
    /// # Examples
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # use ringway::{Engine, router::Held, worker::Polled};
    /// let engine = Engine::builder().workers(1).by_hand().start()?;
    /// let jobs = engine.queue::<u64>("jobs").open()?;
    /// engine.consume(&jobs).handle(|_shard| |_job: Held<'_, u64>| ())?;
    /// let mut worker = engine.take_workers().remove(0);
    /// jobs.publisher().publish(&0_u64, 7)?;
    /// assert_eq!(worker.poll_until(Instant::now() + Duration::from_secs(1)), Polled::Handled(1));
    /// assert_eq!(worker.poll_until(Instant::now()), Polled::Idle);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll_until(&mut self, until: Instant) -> Polled {
        self.poll_or_sleep(Deadline::at(until))
    }

    /// Polls until the engine is over; sleeps when nothing is there.
    pub(crate) fn run(mut self) {
        while self.poll_or_sleep(Deadline::NEVER) != Polled::Ended {}
    }

    #[cold]
    fn do_as_asked(&mut self) {
        let asked = {
            let mut asked = self.desk.asked();
            self.asks = self.desk.asks.get();
            asked.as_mut().map(std::mem::take).unwrap_or_default()
        };
        for command in asked {
            match command {
                Command::Attach { id, source, duty } => self.duties.push(Assigned::new(id, source, duty)),
                Command::End { id, end } => {
                    let named = self.duties.iter_mut().filter(|assigned| assigned.id == id);
                    named.for_each(|assigned| assigned.duty.end(end));
                }
                Command::EndAll(end) => {
                    self.duties.iter_mut().for_each(|assigned| assigned.duty.end(end));
                    self.leaving = true;
                }
                Command::Leave => self.leaving = true,
            }
        }
        self.desk.duties.set(self.duties.len() as u64);
    }

    /// A duty is over. Its handler is the caller's, and may panic as it goes.
    #[cold]
    fn dismiss(&mut self, at: usize) {
        let Assigned { id, source, duty, .. } = self.duties.remove(at);
        // Or it would take calls there that are for others.
        duty.bells(&mut |sleepers| _ = sleepers.strike(&self.place));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(duty))) {
            forget(panic);
        }
        self.desk.duties.set(self.duties.len() as u64);
        self.board.end(id, source);
    }
}

/// Lets go of what a panic brought; it has been printed by the panic hook, and its drop may panic, too.
fn forget(panic: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
}

impl Drop for Worker {
    /// A worker by hand that is given up ends its duties: nobody waits for them for ever.
    fn drop(&mut self) {
        self.do_as_asked();
        let late = self.desk.asked().take().unwrap_or_default();
        let late = late.into_iter().filter_map(|command| match command {
            Command::Attach { id, source, duty } => Some(Assigned::new(id, source, duty)),
            _ => None,
        });
        for Assigned { id, source, duty, .. } in std::mem::take(&mut self.duties).into_iter().chain(late) {
            abandon(duty);
            self.board.end(id, source);
        }
        self.desk.duties.set(0);
    }
}

/// Ends a duty that no worker has.
fn abandon(mut duty: Box<dyn Duty>) {
    let _in_handlers = enter_handlers();
    duty.end(End::Aborted);
    // A claim of a thread that is stopped just now may be in the way for a moment.
    let mut moments = 1000;
    loop {
        match catch_unwind(AssertUnwindSafe(|| duty.turn(&Limits::default(), Instant::now()))) {
            Ok(Turn::Ended) => break,
            Ok(_) if moments > 0 => {
                moments -= 1;
                std::thread::yield_now();
            }
            Ok(_) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| duty.give_up())) {
                    forget(panic);
                }
                break;
            }
            // Of an item whose drop panics nothing is left: there is one less.
            Err(panic) => forget(panic),
        }
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(duty))) {
        forget(panic);
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name()).field("duties", &self.duties.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever looks at what goes on, and then waits for a change, does not wait for one that came in between.
    #[test]
    fn an_end_between_the_look_and_the_wait_is_not_missed() {
        let board = Board::default();
        board.begin(1);
        board.begin(2);
        let ended = board.ended();
        assert_eq!(board.count(1), 1);
        board.end(7, 1);
        assert_eq!(board.take_over(), [7]);
        assert!(board.wait_for_end(Instant::now(), ended));
        assert!(!board.wait_for_end(Instant::now(), board.ended()));
    }
}
