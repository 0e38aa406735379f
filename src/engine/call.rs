//! A job that somebody waits for, in its worker's hands: what a queue of calls carries, and the way home of its result.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use super::{AttachError, Deliveries, Delivering};
use crate::channel::{DropOldest, Mpmc, Sender};
use crate::delivery::{Answer, CallError, DeadLetters, DroppedBy, Effect, Envelope, Progress, Ticket};
use crate::time::Instant;
use crate::worker::{DeliveryHandler, Leased};

/// What comes home: of which call, and its result.
pub(super) type Ending<R, E> = (Ticket, Result<R, CallError<E>>);

/// A job on its way, with the way home of its result: what a queue of calls carries. It derefs to the job.
///
/// JetStream: request message; RabbitMQ: message with `reply_to`; SQS: message of a temporary queue client.
pub struct Call<T, R: Send, E: Send> {
    pub(super) job: T,
    pub(super) until: Instant,
    pub(super) reply: Option<ReplyTo<R, E>>,
}

impl<T, R: Send, E: Send> Call<T, R, E> {
    /// When the caller gives up, by [`Engine::now`](super::Engine::now): for an envelope's `expires_at`.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// The job.
    pub fn job(&self) -> &T {
        &self.job
    }

    /// Takes the job out, and tells the caller that it was [dropped](CallError::Dropped): for what
    /// [`Deliveries::cancel`](super::Deliveries::cancel) or [`Queue::take_left`](crate::router::Queue::take_left) handed back.
    pub fn cancel(mut self) -> T {
        self.end(Err(CallError::Dropped(DroppedBy::Cancel)));
        self.job
    }

    /// Tells the caller how far the job is.
    pub fn progress(&mut self, progress: Progress) {
        if let Some(reply) = &mut self.reply {
            reply.progress(progress);
        }
    }

    /// Takes the way home out, for whoever will have the result; see [`Leased::defer`]. `None` if it was taken, or used.
    pub fn take_reply(&mut self) -> Option<ReplyTo<R, E>> {
        self.reply.take()
    }

    fn end(&mut self, reply: Result<R, CallError<E>>) {
        if let Some(to) = self.reply.take() {
            to.end(reply);
        }
    }
}

impl<T, R: Send, E: Send> Deref for Call<T, R, E> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.job
    }
}

impl<T, R: Send, E: Send> DerefMut for Call<T, R, E> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.job
    }
}

impl<T: fmt::Debug, R: Send, E: Send> fmt::Debug for Call<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("job", &self.job).field("until", &self.until).finish_non_exhaustive()
    }
}

/// The way home of one result. Dropped unused it tells the caller [`CallError::WorkerDied`].
pub struct ReplyTo<R: Send, E: Send> {
    pub(super) ticket: Ticket,
    /// Gone when it is used.
    pub(super) home: Option<Sender<Ending<R, E>, Mpmc>>,
    pub(super) progress: Sender<(Ticket, Progress), Mpmc>,
}

impl<R: Send, E: Send> ReplyTo<R, E> {
    /// Sends the result home. Never waits.
    pub fn send(self, result: Result<R, E>) {
        self.end(result.map_err(CallError::Failed));
    }

    /// Tells the caller how far the job is. Where the caller does not look, the newest reports are kept.
    pub fn progress(&mut self, progress: Progress) {
        // A caller that is gone does not care.
        let _ = self.progress.send_with(DropOldest, (self.ticket, progress));
    }

    fn end(mut self, reply: Result<R, CallError<E>>) {
        self.end_once(reply);
    }

    fn end_once(&mut self, reply: Result<R, CallError<E>>) {
        if let Some(mut home) = self.home.take() {
            // There is room for every call; a caller that is gone does not care.
            let _ = home.try_send((self.ticket, reply));
        }
    }
}

impl<R: Send, E: Send> Drop for ReplyTo<R, E> {
    fn drop(&mut self) {
        self.end_once(Err(CallError::WorkerDied));
    }
}

impl<R: Send, E: Send> fmt::Debug for ReplyTo<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// Replies with what `0` makes of a job, when the job is acked or given up.
struct Replying<F>(F);

impl<T, R, E, F> DeliveryHandler<Call<T, R, E>, E> for Replying<F>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Clone + Send + 'static,
    F: FnMut(&mut Leased<'_, Call<T, R, E>, E>) -> Result<R, E> + Send + 'static,
{
    fn handle(&mut self, item: &mut Leased<'_, Call<T, R, E>, E>) -> Answer<E> {
        match (self.0)(item) {
            Ok(result) => {
                item.end(Ok(result));
                Answer::Ack
            }
            Err(error) => Answer::Nack(error),
        }
    }

    fn effect(&mut self, effect: Effect<Call<T, R, E>>, letters: &mut DeadLetters<Call<T, R, E>, E>) {
        match effect {
            Effect::Dead { letter, reason } => {
                if let Some(letter) = letters.peek_mut(letter) {
                    let error = letter.error.clone().map_or(CallError::GivenUp(reason), CallError::Failed);
                    letter.envelope.payload.end(Err(error));
                }
            }
            Effect::Expired(mut envelope) => envelope.payload.end(Err(CallError::TimedOut)),
            Effect::Dropped { mut envelope, by } => envelope.payload.end(Err(CallError::Dropped(by))),
            _ => {}
        }
    }

    fn duplicate(&mut self, mut envelope: Envelope<Call<T, R, E>>) {
        envelope.payload.end(Err(CallError::Duplicate));
    }
}

impl<'e, T, R, E, M> Delivering<'e, Call<T, R, E>, E, M>
where
    T: Send + 'static,
    R: Send + 'static,
    E: Clone + Send + 'static,
    M: Fn(Call<T, R, E>) -> Envelope<Call<T, R, E>> + Clone + Send + 'static,
{
    /// Attaches functions whose results are sent to the callers: an `Ok` at once, an error when the job is given up. See
    /// [`handle`](Self::handle), which leaves that to the handler.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    ///
    /// # Panics
    /// Only if `make` does.
    pub fn reply<F>(
        self,
        make: impl Fn(usize) -> F + Send + Sync + 'static,
    ) -> Result<Deliveries<Call<T, R, E>, E>, AttachError>
    where
        F: FnMut(&mut Leased<'_, Call<T, R, E>, E>) -> Result<R, E> + Send + 'static,
    {
        self.handle(move |shard| Replying(make(shard)))
    }
}
