//! Requests that wait for their replies: a job goes by a queue, and its result comes home to whoever sent it.
//!
//! A [`Caller`] has a ring of its own for replies, with room for each call that it may have open, so a reply never waits and is
//! never lost. Nothing is allocated for a call.

use std::{
    error::Error,
    fmt,
    time::{Duration, Instant as Moment},
};

use super::{
    Engine,
    call::{Call, Ending, ReplyTo},
};
use crate::channel::{self, Mpmc, Receiver, Sender};
use crate::delivery::{BatchId, CallError, Calls, Joined, Progress, Reply, Ticket, TooManyCalls};
use crate::router::{Key, PublishError, Queue, queue::Publisher};
use crate::time::{AnyClock, CapacityError};
use crate::wait::Deadline;

impl Engine {
    /// A caller with room for so many calls at once, whose jobs go by `queue`.
    ///
    /// # Errors
    /// [`CapacityError`].
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// use ringway::{Engine, delivery::Rules, engine::Call, worker::Leased};
    ///
    /// type Square = Call<u64, u64, String>;
    ///
    /// let engine = Engine::builder().workers(1).start()?;
    /// let squares = engine.queue::<Square>("squares").open()?;
    /// engine.consume(&squares).deliver(Rules::default()).reply(|_shard| {
    ///     |call: &mut Leased<'_, Square, String>| {
    ///         let number = *call.job();
    ///         number.checked_mul(number).ok_or_else(|| "too large".to_owned())
    ///     }
    /// })?;
    /// let mut caller = engine.caller(&squares, 100)?;
    /// assert_eq!(caller.call(&1_u64, 7)?.wait(), Ok(49));
    ///
    /// // Many at once, joined.
    /// let batch = caller.batch()?;
    /// for job in 1..=10 {
    ///     caller.open(&job, job, Some(batch), Duration::from_secs(5))?;
    /// }
    /// assert_eq!(caller.join(batch).map(|joined| joined.succeeded), Some(10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn caller<T, R, E>(&self, queue: &Queue<Call<T, R, E>>, calls: usize) -> Result<Caller<T, R, E>, CapacityError>
    where
        T: Send + 'static,
        R: Send + 'static,
        E: Send + 'static,
    {
        let clock = self.clock.clone();
        let no_memory = |_| CapacityError::OutOfMemory { places: calls, place_bytes: size_of::<Ending<R, E>>() };
        let states = Calls::new(calls, clock.now())?;
        let (home, endings) = channel::mpmc(calls).map_err(no_memory)?;
        let (progress, reports) = channel::mpmc(calls).map_err(no_memory)?;
        let publisher = queue.publisher();
        Ok(Caller { calls: states, capacity: calls, under_way: 0, publisher, home, endings, progress, reports, clock })
    }
}

/// The end that calls: it sends jobs by a queue, and takes their replies. Each thread or task has its own.
///
/// A job that is left when its shard or its engine ends is handed back with the queue's others, and nobody replies until
/// somebody takes it: `drop(queue.take_left())` tells the callers at once that the [worker died](CallError::WorkerDied), and
/// [`Call::cancel`] that the job was dropped. Else they wait as long as they said.
///
/// Replies are taken while it waits, and whenever it is asked. It must not wait in a handler: the worker that stands still may
/// be the one that has the job.
///
/// JetStream: `request`; RabbitMQ: RPC client with direct reply-to; SQS: temporary queue client; Sidekiq: `Batch` (Pro).
pub struct Caller<T: Send + 'static, R: Send + 'static, E: Send + 'static> {
    calls: Calls<R, E>,
    capacity: usize,
    /// Jobs that have not ended, also those whose calls have.
    under_way: usize,
    pub(super) publisher: Publisher<Call<T, R, E>>,
    home: Sender<Ending<R, E>, Mpmc>,
    pub(super) endings: Receiver<Ending<R, E>, Mpmc>,
    progress: Sender<(Ticket, Progress), Mpmc>,
    reports: Receiver<(Ticket, Progress), Mpmc>,
    clock: AnyClock,
}

/// A call that is open, and what is to be published for it.
pub(super) type Begun<T, R, E> = (Ticket, Call<T, R, E>);

/// How often whoever waits looks at a clock that is turned by hand.
const LOOK: Duration = Duration::from_millis(1);

/// How long a [`Caller::call`] may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Caller<T, R, E> {
    /// Sends a job to the shard of `key`, to be waited for; it has [`CALL_TIMEOUT`].
    ///
    /// While the queue is full it waits as the queue's policy says, and that on its thread. Tasks have `call_async`, with the
    /// feature `async`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn call<K: Key + ?Sized>(&mut self, key: &K, job: T) -> Result<Pending<'_, T, R, E>, CallRefused<T>> {
        self.call_for(key, job, CALL_TIMEOUT)
    }

    /// As [`call`](Self::call), with a time of its own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn call_for<K: Key + ?Sized>(
        &mut self,
        key: &K,
        job: T,
        timeout: Duration,
    ) -> Result<Pending<'_, T, R, E>, CallRefused<T>> {
        let ticket = self.open(key, job, None, timeout)?;
        Ok(Pending { caller: self, ticket, is_kept: false })
    }

    /// Sends a job to the shard of `key`, maybe as part of a batch; its reply has to come within `timeout`. Publishes as the
    /// queue's policy says, as [`call`](Self::call) does; tasks have `open_async`.
    ///
    /// # Errors
    /// [`CallRefused`]: the job comes back.
    pub fn open<K: Key + ?Sized>(
        &mut self,
        key: &K,
        job: T,
        batch: Option<BatchId>,
        timeout: Duration,
    ) -> Result<Ticket, CallRefused<T>> {
        let (ticket, call) = self.begin(job, batch, timeout)?;
        let published = self.publisher.publish(key, call);
        self.sent(ticket, published)
    }

    /// Opens a call, whose job is to be published; [`sent`](Self::sent) is told what came of it.
    pub(super) fn begin(
        &mut self,
        job: T,
        batch: Option<BatchId>,
        timeout: Duration,
    ) -> Result<Begun<T, R, E>, CallRefused<T>> {
        self.take_replies();
        if self.under_way == self.capacity {
            return Err(CallRefused::TooManyCalls(job));
        }
        let now = self.clock.now();
        let Ok(ticket) = self.calls.open(batch, now, timeout) else { return Err(CallRefused::TooManyCalls(job)) };
        let reply = ReplyTo { ticket, home: Some(self.home.clone()), progress: self.progress.clone() };
        self.under_way += 1;
        Ok((ticket, Call { job, until: now + timeout, reply: Some(reply) }))
    }

    /// What came of it: a call whose job was refused is forgotten.
    pub(super) fn sent(
        &mut self,
        ticket: Ticket,
        published: Result<(), PublishError<Call<T, R, E>>>,
    ) -> Result<Ticket, CallRefused<T>> {
        match published {
            Ok(()) => Ok(ticket),
            Err(PublishError::Full(call)) => Err(CallRefused::Full(self.take_back(call))),
            Err(PublishError::Closed(call)) => Err(CallRefused::Closed(self.take_back(call))),
        }
    }

    /// Forgets a call whose job was not published; returns the job.
    pub(super) fn take_back(&mut self, call: Call<T, R, E>) -> T {
        self.under_way -= 1;
        if let Some(mut reply) = call.reply {
            self.calls.forget(reply.ticket);
            reply.home = None;
        }
        call.job
    }

    /// Takes the replies that are there, and lets time pass.
    fn take_replies(&mut self) {
        while let Ok((ticket, progress)) = self.reports.try_recv() {
            self.calls.progress(ticket, progress);
        }
        while let Ok(ending) = self.endings.try_recv() {
            self.take_in(ending);
        }
        while self.calls.tick(self.clock.now()).is_some() {}
    }

    pub(super) fn take_in(&mut self, (ticket, reply): Ending<R, E>) {
        self.under_way -= 1;
        self.calls.settle(ticket, reply);
    }

    /// How a call stands; its result comes out once. Does not wait.
    pub fn look(&mut self, ticket: Ticket) -> Reply<R, E> {
        self.take_replies();
        self.calls.take(ticket)
    }

    /// Waits for the reply to a call, up to the call's time by [`Engine::now`]: that of a [clock](super::Builder::clock) by hand
    /// is over when somebody has turned it so far. `None` if there is no such call (any more).
    pub fn wait(&mut self, ticket: Ticket) -> Option<Result<R, CallError<E>>> {
        self.wait_until(|caller| caller.look_for(ticket))
    }

    /// The reply, if the call is over; `Some(None)` if there is none.
    pub(super) fn look_for(&mut self, ticket: Ticket) -> Option<Option<Result<R, CallError<E>>>> {
        match self.look(ticket) {
            Reply::Ready(reply) => Some(Some(reply)),
            Reply::Gone => Some(None),
            Reply::Pending(_) => None,
        }
    }

    /// A batch to open calls in.
    ///
    /// # Errors
    /// [`TooManyCalls`].
    pub fn batch(&mut self) -> Result<BatchId, TooManyCalls> {
        self.calls.batch()
    }

    /// Waits until all calls of a batch are over; `None` if there is no such batch (any more). The replies are still to be
    /// taken one by one, each with [`wait`](Self::wait) or [`look`](Self::look).
    pub fn join(&mut self, batch: BatchId) -> Option<Joined> {
        self.wait_until(|caller| caller.look_for_batch(batch))
    }

    pub(super) fn look_for_batch(&mut self, batch: BatchId) -> Option<Option<Joined>> {
        self.take_replies();
        match self.calls.join(batch) {
            None if self.calls.has_batch(batch) => None,
            joined => Some(joined),
        }
    }

    /// Gives a call up: nobody waits for its reply any more. The job may still be done.
    pub fn forget(&mut self, ticket: Ticket) {
        self.calls.forget(ticket);
    }

    fn wait_until<A>(&mut self, mut ready: impl FnMut(&mut Self) -> Option<A>) -> A {
        loop {
            if let Some(answer) = ready(self) {
                return answer;
            }
            let until = self.alarm().map_or(Deadline::NEVER, Deadline::at);
            if let Ok(ending) = self.endings.recv_until(until) {
                self.take_in(ending);
            }
        }
    }

    /// When to look whether a call has timed out.
    pub(super) fn alarm(&self) -> Option<Moment> {
        let at = self.calls.next_at()?;
        match self.clock {
            // Nobody tells when it is turned.
            AnyClock::Manual(_) => Some(Moment::now() + LOOK),
            AnyClock::Machine(_) => self.clock.alarm(at),
        }
    }

    /// Calls that are open: pending, or with a reply that was not taken.
    pub fn depth(&self) -> usize {
        self.calls.depth()
    }

    /// Replies to calls that were over.
    pub fn stale(&self) -> u64 {
        self.calls.stale()
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> fmt::Debug for Caller<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("open", &self.depth())
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

/// A call that was sent. Dropped, it is given up; the job may still be done.
#[must_use = "`wait` for the reply, or keep its `ticket`"]
pub struct Pending<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static> {
    pub(super) caller: &'a mut Caller<T, R, E>,
    pub(super) ticket: Ticket,
    pub(super) is_kept: bool,
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Pending<'_, T, R, E> {
    /// Waits for the reply.
    ///
    /// # Errors
    /// [`CallError`]: the handler's error, no reply in time, or nobody to give one.
    pub fn wait(mut self) -> Result<R, CallError<E>> {
        self.is_kept = true;
        self.caller.wait(self.ticket).unwrap_or(Err(CallError::WorkerDied))
    }

    /// Keeps the call open, to be waited for later by its ticket.
    pub fn ticket(mut self) -> Ticket {
        self.is_kept = true;
        self.ticket
    }

    /// How far the job is.
    pub fn progress(&mut self) -> Progress {
        self.caller.take_replies();
        self.caller.calls.progress_of(self.ticket).unwrap_or_default()
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Drop for Pending<'_, T, R, E> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.caller.forget(self.ticket);
        }
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> fmt::Debug for Pending<'_, T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// Why a job was not sent; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CallRefused<T> {
    /// As many calls are open, or as many jobs under way, as fit.
    TooManyCalls(T),
    /// The queue is full, and its policy is not to wait.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> CallRefused<T> {
    /// The job.
    pub fn into_inner(self) -> T {
        match self {
            Self::TooManyCalls(job) | Self::Full(job) | Self::Closed(job) => job,
        }
    }
}

impl<T> fmt::Debug for CallRefused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyCalls(_) => "TooManyCalls(..)",
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for CallRefused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyCalls(_) => "as many calls are open as fit: take replies, or ask for a caller with more room",
            Self::Full(_) => "the queue of the jobs is full: call less often, or choose a policy that waits",
            Self::Closed(_) => "the queue of the jobs is closed",
        })
    }
}

impl<T> Error for CallRefused<T> {}
