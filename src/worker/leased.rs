//! An item of a queue with rules of delivery in its handler's hands, and the answer that is given later.

use std::{
    error::Error,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use super::{End, Failure, tracking::OwnedDelivery};
use crate::channel::{self, Mpmc, Receiver, Sender, TrySendError};
use crate::delivery::{Answer, Class, DeadLetters, Effect, Envelope, ItemId, Lease};
use crate::time::{CapacityError, Instant};
use crate::wait::{Signal, Sleepers};

/// Tells the class of an error; called after failures only.
pub(crate) type Classes<E> = Box<dyn FnMut(&E) -> Class + Send>;

/// What handles the items of a queue with rules of delivery: a closure that answers each, or a type of your own that also
/// wants to know what follows.
///
/// A closure names the type of its item, `|job: &mut Leased<'_, Job, JobError>|`; what it fails with is said there.
/// An `Ok` is an ack and an `Err` a nack; an [`Answer`] says more. A panic is a nack without an error.
///
/// SQS, JetStream: message callback; Kafka: listener; RabbitMQ: consumer callback; Sidekiq: `perform`.
pub trait DeliveryHandler<T, E: Send>: Send + 'static {
    /// Handles one item, and answers. After [`Leased::defer`] an ack leaves the answer to whoever has the [`Deferred`]; any
    /// other answer is given at once.
    fn handle(&mut self, item: &mut Leased<'_, T, E>) -> Answer<E>;

    /// What followed from an answer, or from time; acks are not told. An item that [died](Effect::Dead) is among `letters`.
    fn effect(&mut self, _effect: Effect<T>, _letters: &mut DeadLetters<T, E>) {}

    /// An item with an id that was accepted before; it is dropped, and counted.
    fn duplicate(&mut self, _envelope: Envelope<T>) {}

    /// An attempt panicked.
    fn failed(&mut self, _item: &T, _failure: &Failure) {}

    /// Nothing will come any more. What was not finished is handed back.
    fn ended(&mut self, _end: End) {}
}

impl<T, E: Send, F, R> DeliveryHandler<T, E> for F
where
    F: FnMut(&mut Leased<'_, T, E>) -> R + Send + 'static,
    R: Into<Answer<E>>,
{
    #[inline(always)]
    fn handle(&mut self, item: &mut Leased<'_, T, E>) -> Answer<E> {
        self(item).into()
    }
}

/// An item of a queue, leased to its handler for one attempt. It stays in the worker's hands, and comes again if the answer
/// is no ack.
///
/// SQS, JetStream, RabbitMQ: a received message; Kafka: an acquired record; Sidekiq: a fetched job.
pub struct Leased<'a, T, E: Send> {
    pub(super) delivery: OwnedDelivery<'a, T, E>,
    ways: &'a mut WaysHome<E>,
    /// How long a deferred answer may take, if the answer is deferred.
    pub(super) deferred: Option<Duration>,
}

impl<'a, T, E: Send> Leased<'a, T, E> {
    #[inline(always)]
    pub(super) fn new(delivery: OwnedDelivery<'a, T, E>, ways: &'a mut WaysHome<E>) -> Self {
        Self { delivery, ways, deferred: None }
    }

    /// The item with its header.
    pub fn envelope(&self) -> Envelope<&T> {
        self.delivery.envelope()
    }

    /// Which attempt this is, from 1; above 1 it is a redelivery.
    ///
    /// SQS: `ApproximateReceiveCount`; JetStream: `NumDelivered`; Kafka: delivery count; RabbitMQ: `x-delivery-count` + 1;
    /// Sidekiq: `retry_count` + 1.
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt()
    }

    /// When the item was first delivered.
    pub fn first(&self) -> Instant {
        self.delivery.first()
    }

    /// The item's name, to cancel it later.
    pub fn item(&self) -> ItemId {
        self.delivery.item()
    }

    /// Takes the right to answer out of the handler, for any thread; the handler returns `Ok` then. Without an answer in the
    /// time of [`Rules::lease`](crate::delivery::Rules::lease) the item is delivered again. The time begins when the run of
    /// items that the worker has taken at once is through.
    ///
    /// SQS: keeping the receipt handle; JetStream: manual ack policy; RabbitMQ: manual ack by delivery tag.
    pub fn defer(&mut self) -> Deferred<E> {
        self.defer_for(self.ways.home.lease)
    }

    /// As [`defer`](Self::defer), with a time of its own.
    pub fn defer_for(&mut self, time: Duration) -> Deferred<E> {
        self.deferred = Some(time);
        Deferred { lease: self.delivery.lease(), home: Some(self.ways.next()) }
    }
}

impl<T, E: Send> Deref for Leased<'_, T, E> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.delivery.payload()
    }
}

impl<T, E: Send> DerefMut for Leased<'_, T, E> {
    /// A later attempt sees what this one left.
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.delivery.payload_mut()
    }
}

impl<T, E: Send> fmt::Debug for Leased<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leased").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// What comes home to the worker that has the item.
pub(crate) enum Homecoming<E> {
    Answer(Lease, Answer<E>),
    /// The right to answer was dropped.
    Unanswered(Lease),
    Extend(Lease, Duration),
}

impl<E> Homecoming<E> {
    pub(super) fn lease(&self) -> Lease {
        match *self {
            Self::Answer(lease, _) | Self::Unanswered(lease) | Self::Extend(lease, _) => lease,
        }
    }
}

/// The way home of answers: a ring to the worker, and its bell. Shared by all who may answer.
pub(crate) struct Home<E: Send> {
    ring: Sender<Homecoming<E>, Mpmc>,
    bell: Arc<Sleepers>,
    lease: Duration,
}

impl<E: Send> Home<E> {
    /// For `leases` at once, each of which may be answered, and the bell of whoever gives them.
    pub(crate) fn new(
        leases: usize,
        lease: Duration,
        bell: Arc<Sleepers>,
    ) -> Result<(Self, Receiver<Homecoming<E>, Mpmc>), CapacityError> {
        let (ring, answers) = channel::mpmc(leases)
            .map_err(|_| CapacityError::OutOfMemory { places: leases, place_bytes: size_of::<Homecoming<E>>() })?;
        Ok((Self { ring, bell, lease }, answers))
    }
}

impl<E: Send> Home<E> {
    #[inline]
    fn send(&self, homecoming: Homecoming<E>) -> Result<(), DeferredError> {
        self.ring.try_send_shared(homecoming).map_err(DeferredError::of)?;
        self.bell.notify_all();
        Ok(())
    }
}

/// Shares of the way home, one for each answer that is given later.
///
/// Whoever answers on another thread writes the count of shares as it lets go of its own. So the worker makes many of them at once,
/// while it has that count's line: one for each item would fetch it anew each time.
pub(super) struct WaysHome<E: Send> {
    home: Arc<Home<E>>,
    ready: Vec<Arc<Home<E>>>,
}

const READY: usize = 64;

impl<E: Send> WaysHome<E> {
    pub(super) fn new(home: Home<E>) -> Self {
        Self { home: Arc::new(home), ready: Vec::with_capacity(READY) }
    }

    #[inline(always)]
    fn next(&mut self) -> Arc<Home<E>> {
        self.ready.pop().unwrap_or_else(|| self.refill())
    }

    #[cold]
    fn refill(&mut self) -> Arc<Home<E>> {
        self.ready.resize_with(READY, || Arc::clone(&self.home));
        Arc::clone(&self.home)
    }
}

/// The right to answer one delivery later, from any thread. Dropped without an answer it is a nack.
///
/// SQS: receipt handle; JetStream: a message whose ack is manual; Kafka: acquisition lock; RabbitMQ: delivery tag.
#[must_use = "dropped without an answer it is a nack"]
pub struct Deferred<E: Send> {
    lease: Lease,
    /// Gone when it is answered.
    home: Option<Arc<Home<E>>>,
}

impl<E: Send> Deferred<E> {
    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.lease.attempt()
    }

    /// Answers: with an [`Answer`], or a `Result`. Never waits. An answer that comes too late is counted as stale.
    ///
    /// # Errors
    /// [`DeferredError`]: it was not sent.
    ///
    /// # Cost
    /// One push to a ring, and a call if the worker sleeps.
    pub fn answer(mut self, answer: impl Into<Answer<E>>) -> Result<(), DeferredError> {
        let homecoming = Homecoming::Answer(self.lease, answer.into());
        let sent = self.home.as_ref().map_or(Ok(()), |home| home.send(homecoming));
        if sent.is_ok() {
            self.home = None;
        }
        sent
    }

    /// Done.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn ack(self) -> Result<(), DeferredError> {
        self.answer(Answer::Ack)
    }

    /// Asks for so much time from when the worker hears of it; the lease may have run out by then.
    ///
    /// SQS: `ChangeMessageVisibility`; JetStream: `InProgress`; Kafka: `renew`.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn extend(&mut self, time: Duration) -> Result<(), DeferredError> {
        let homecoming = Homecoming::Extend(self.lease, time);
        self.home.as_ref().map_or(Ok(()), |home| home.send(homecoming))
    }
}

impl<E: Send> Drop for Deferred<E> {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            // Where that is refused the lease runs out instead.
            let _ = home.send(Homecoming::Unanswered(self.lease));
        }
    }
}

impl<E: Send> fmt::Debug for Deferred<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// Why an answer did not go home. The delivery counts as not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferredError {
    /// More is on its way than there can be leases.
    Full,
    /// The handler has ended.
    Ended,
}

impl DeferredError {
    #[cold]
    fn of<T>(refused: TrySendError<T>) -> Self {
        if refused.is_full() { Self::Full } else { Self::Ended }
    }
}

impl fmt::Display for DeferredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many answers and extensions are on their way: extend less often",
            Self::Ended => "the handler has ended: the item was handed back, or will be",
        })
    }
}

impl Error for DeferredError {}
