//! Requests that wait for their replies, on the caller's side.
//!
//! The caller opens a call and sends its ticket along with the job; whoever handles the job sends the ticket back with the
//! result, through a ring. A ticket is two numbers: it may travel anywhere, and answers to calls that are over find nothing.

use std::{error::Error, fmt, time::Duration};

use super::effect::{DroppedBy, Reason};
use crate::time::{
    CapacityError, Instant,
    slab::{Handle, Slab},
    timers::Timers,
};

/// Names one call, for ever.
///
/// JetStream: reply subject; RabbitMQ: `reply_to` and `correlation_id`; SQS: temporary queue client; Sidekiq: `jid` of a
/// job whose status is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(Handle);

/// Names one batch of calls, for ever. Sidekiq: `Batch` (Pro).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId(Handle);

/// Why a call has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The handler's own error.
    Failed(E),
    /// No reply came in time.
    TimedOut,
    /// The job was given up without an error of its handler's, which panicked, did not answer, or was not asked in time.
    GivenUp(Reason),
    /// The job was dropped before it was done: by a rule, or by whoever [cancelled](crate::engine::Call::cancel) it.
    Dropped(DroppedBy),
    /// A job of the same id was accepted before; this one is not done.
    Duplicate,
    /// The worker that had the job is gone, or dropped it.
    WorkerDied,
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the handler failed: {error}"),
            Self::TimedOut => f.write_str("no reply came in time: the job may still be done"),
            Self::GivenUp(reason) => write!(f, "the job was given up: {reason}"),
            Self::Dropped(by) => write!(f, "the job was dropped: {by}"),
            Self::Duplicate => f.write_str("a job of the same id was accepted before: this one is not done"),
            Self::WorkerDied => f.write_str("the worker that had the job is gone: the job may be half done"),
        }
    }
}

/// Also where the handler's own error is only text. It has no source: what the handler said is in its own words already.
impl<E: fmt::Debug + fmt::Display> Error for CallError<E> {}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<R, E> {
    /// No reply yet.
    Pending(Progress),
    /// Over; the ticket is used up.
    Ready(Result<R, CallError<E>>),
    /// There is no such call (any more).
    Gone,
}

/// How far a long job is, in units of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all; 0 if not known.
    pub total: u64,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Joined {
    /// Calls with a result.
    pub succeeded: u64,
    /// Calls without.
    pub failed: u64,
}

/// As many calls, or batches, are open as fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyCalls;

impl fmt::Display for TooManyCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many calls are open as fit: take replies, or build with more capacity")
    }
}

impl Error for TooManyCalls {}

#[derive(Debug)]
struct Call<R, E> {
    reply: Option<Result<R, CallError<E>>>,
    progress: Progress,
    worker: Option<u32>,
    batch: Option<BatchId>,
}

#[derive(Debug, Default)]
struct Batch {
    pending: u64,
    joined: Joined,
}

/// The open calls of one caller. Driven by replies and by `now`; allocates at the start only.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::{delivery::{CallError, Calls, Reply}, time::Instant};
///
/// let now = Instant::START;
/// let mut calls = Calls::<u64, String>::new(100, now)?;
/// let (square, lost) = (calls.open(None, now, Duration::from_secs(1))?, calls.open(None, now, Duration::from_secs(1))?);
/// // The tickets travel with the jobs, and one comes home.
/// assert!(calls.answer(square, Ok(49)));
/// assert_eq!(calls.take(square), Reply::Ready(Ok(49)));
///
/// let now = now + Duration::from_secs(2);
/// assert_eq!(calls.tick(now), Some(lost));
/// assert_eq!(calls.take(lost), Reply::Ready(Err(CallError::TimedOut)));
/// assert!(!calls.answer(lost, Ok(1)), "too late");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Calls<R, E> {
    calls: Slab<Call<R, E>>,
    batches: Slab<Batch>,
    timers: Timers,
    stale: u64,
}

impl<R, E> Calls<R, E> {
    /// Room for so many calls at once, and as many batches.
    ///
    /// # Errors
    /// [`CapacityError`].
    pub fn new(capacity: usize, now: Instant) -> Result<Self, CapacityError> {
        let timers = Timers::new(capacity, 1_000_000, now)?;
        Ok(Self { calls: Slab::new(capacity)?, batches: Slab::new(capacity)?, timers, stale: 0 })
    }

    /// Opens a call, maybe as part of a batch, whose reply has to come within `timeout`.
    ///
    /// # Errors
    /// [`TooManyCalls`].
    pub fn open(&mut self, batch: Option<BatchId>, now: Instant, timeout: Duration) -> Result<Ticket, TooManyCalls> {
        let call = Call { reply: None, progress: Progress::default(), worker: None, batch };
        let handle = self.calls.insert(call).map_err(|_| TooManyCalls)?;
        self.timers.arm(handle.index, now + timeout);
        if let Some(batch) = self.batch_of(batch) {
            batch.pending += 1;
        }
        Ok(Ticket(handle))
    }

    fn batch_of(&mut self, batch: Option<BatchId>) -> Option<&mut Batch> {
        let BatchId(handle) = batch.filter(|batch| self.batches.holds(batch.0))?;
        self.batches.get_mut(handle.index)
    }

    fn pending(&mut self, ticket: Ticket) -> Option<&mut Call<R, E>> {
        let call = if self.calls.holds(ticket.0) { self.calls.get_mut(ticket.0.index) } else { None };
        call.filter(|call| call.reply.is_none())
    }

    /// Notes which worker has the job, to know what its end means.
    pub fn taken_by(&mut self, ticket: Ticket, worker: u32) {
        if let Some(call) = self.pending(ticket) {
            call.worker = Some(worker);
        }
    }

    /// Notes how far the job is.
    pub fn progress(&mut self, ticket: Ticket, progress: Progress) {
        if let Some(call) = self.pending(ticket) {
            call.progress = progress;
        }
    }

    /// Takes the reply to a call. `false` if the call is over; that is counted.
    pub fn answer(&mut self, ticket: Ticket, reply: Result<R, E>) -> bool {
        self.settle(ticket, reply.map_err(CallError::Failed))
    }

    /// As [`answer`](Self::answer), of a call that may have ended without its handler.
    pub fn settle(&mut self, ticket: Ticket, reply: Result<R, CallError<E>>) -> bool {
        let is_pending = self.end(ticket, reply);
        self.stale += u64::from(!is_pending);
        is_pending
    }

    /// Ends a call whose reply nobody will take; one that was part of a batch counts there as failed, unless it had its reply.
    pub fn forget(&mut self, ticket: Ticket) {
        self.end(ticket, Err(CallError::TimedOut));
        if self.calls.holds(ticket.0) {
            self.calls.remove(ticket.0.index);
        }
    }

    /// How far a pending job is.
    pub fn progress_of(&mut self, ticket: Ticket) -> Option<Progress> {
        self.pending(ticket).map(|call| call.progress)
    }

    fn end(&mut self, ticket: Ticket, reply: Result<R, CallError<E>>) -> bool {
        let Some(call) = self.pending(ticket) else { return false };
        let (succeeded, batch) = (reply.is_ok(), call.batch);
        call.reply = Some(reply);
        self.timers.disarm(ticket.0.index);
        if let Some(batch) = self.batch_of(batch) {
            batch.pending -= 1;
            batch.joined.succeeded += u64::from(succeeded);
            batch.joined.failed += u64::from(!succeeded);
        }
        true
    }

    /// A worker is gone: ends the calls whose jobs it had. Returns how many those are. Looks at all calls.
    pub fn worker_died(&mut self, worker: u32) -> usize {
        let mut count = 0;
        for index in 0..self.calls.capacity() as u32 {
            if self.calls.get(index).is_some_and(|call| call.worker == Some(worker)) {
                count += usize::from(self.end(Ticket(self.calls.handle(index)), Err(CallError::WorkerDied)));
            }
        }
        count
    }

    /// Lets time pass: a call that has just timed out, if there is one. Call until there is none.
    pub fn tick(&mut self, now: Instant) -> Option<Ticket> {
        let index = self.timers.fire(now, |_| ())?;
        let ticket = Ticket(self.calls.handle(index));
        self.end(ticket, Err(CallError::TimedOut));
        Some(ticket)
    }

    /// How a call stands; its result comes out once.
    pub fn take(&mut self, ticket: Ticket) -> Reply<R, E> {
        if !self.calls.holds(ticket.0) {
            return Reply::Gone;
        }
        match self.calls.get(ticket.0.index) {
            Some(call) if call.reply.is_none() => Reply::Pending(call.progress),
            _ => match self.calls.remove(ticket.0.index).and_then(|call| call.reply) {
                Some(reply) => Reply::Ready(reply),
                None => Reply::Gone,
            },
        }
    }

    /// A batch to open calls in.
    ///
    /// # Errors
    /// [`TooManyCalls`].
    pub fn batch(&mut self) -> Result<BatchId, TooManyCalls> {
        self.batches.insert(Batch::default()).map(BatchId).map_err(|_| TooManyCalls)
    }

    /// Whether there is such a batch still.
    pub fn has_batch(&self, batch: BatchId) -> bool {
        self.batches.holds(batch.0)
    }

    /// What became of a batch: `None` while calls are pending. The first answer that is not ends the batch; the replies are
    /// still to be taken one by one.
    pub fn join(&mut self, batch: BatchId) -> Option<Joined> {
        if self.batch_of(Some(batch))?.pending > 0 {
            return None;
        }
        self.batches.remove(batch.0.index).map(|batch| batch.joined)
    }

    /// When the next call times out, at the earliest.
    pub fn next_at(&self) -> Option<Instant> {
        self.timers.next_at()
    }

    /// Calls open: pending, or with a reply that was not taken.
    pub fn depth(&self) -> usize {
        self.calls.depth()
    }

    /// Replies to calls that were over.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.calls.bytes() + self.batches.bytes() + self.timers.bytes()
    }
}
