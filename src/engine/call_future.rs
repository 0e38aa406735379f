//! Calls for tasks: a reply, or a batch, as a future. No runtime is needed.
//!
//! # Cancel safety
//! A future of a [`Caller`] that is dropped leaves its call open, and the reply can still be taken. That of a [`Pending`] gives
//! its call up, as the `Pending` does.

use std::{
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use super::{Caller, Pending};
use crate::delivery::{BatchId, CallError, Joined, Ticket};
use crate::wait::Alarm;

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Caller<T, R, E> {
    /// As [`wait`](Self::wait), for a task.
    pub fn wait_async(
        &mut self,
        ticket: Ticket,
    ) -> impl Future<Output = Option<Result<R, CallError<E>>>> + Send + use<'_, T, R, E> {
        let mut alarm = Alarm::default();
        poll_fn(move |context| self.poll_until(&mut alarm, context, |caller| caller.look_for(ticket)))
    }

    /// As [`join`](Self::join), for a task.
    pub fn join_async(&mut self, batch: BatchId) -> impl Future<Output = Option<Joined>> + Send + use<'_, T, R, E> {
        let mut alarm = Alarm::default();
        poll_fn(move |context| self.poll_until(&mut alarm, context, |caller| caller.look_for_batch(batch)))
    }

    /// Looks whenever a reply comes, and when the next call times out.
    fn poll_until<A>(
        &mut self,
        alarm: &mut Alarm,
        context: &mut Context<'_>,
        mut ready: impl FnMut(&mut Self) -> Option<A>,
    ) -> Poll<A> {
        // Its own end keeps the ring open: an error does not come.
        while let Poll::Ready(Ok(ending)) = self.endings.poll_recv(context) {
            self.take_in(ending);
        }
        if let Some(answer) = ready(self) {
            return Poll::Ready(answer);
        }
        if let Some(at) = self.alarm() {
            alarm.set(at, context.waker());
        }
        Poll::Pending
    }
}

impl<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static> IntoFuture for Pending<'a, T, R, E> {
    type Output = Result<R, CallError<E>>;
    type IntoFuture = PendingFuture<'a, T, R, E>;

    fn into_future(self) -> PendingFuture<'a, T, R, E> {
        PendingFuture { pending: self, alarm: Alarm::default() }
    }
}

/// [`Pending`], awaited.
///
/// # Examples
/// ```
/// # use ringway::{Engine, delivery::Rules, engine::Call, worker::Leased};
/// # let engine = Engine::builder().workers(1).start()?;
/// # let squares = engine.queue::<Call<u64, u64, ()>>("squares").open()?;
/// # let square = |call: &mut Leased<'_, Call<u64, u64, ()>, ()>| Ok(call.job() * call.job());
/// # engine.consume(&squares).deliver(Rules::default()).reply(move |_| square)?;
/// let mut caller = engine.caller(&squares, 100)?;
/// pollster::block_on(async {
///     assert_eq!(caller.call(&1_u64, 7)?.await, Ok(49));
///     Ok::<_, ringway::engine::CallRefused<u64>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct PendingFuture<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static> {
    pending: Pending<'a, T, R, E>,
    alarm: Alarm,
}

/// Nothing in it is pinned.
impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Unpin for PendingFuture<'_, T, R, E> {}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Future for PendingFuture<'_, T, R, E> {
    type Output = Result<R, CallError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { pending, alarm } = self.get_mut();
        let ticket = pending.ticket;
        let polled = pending.caller.poll_until(alarm, context, |caller| caller.look_for(ticket));
        polled.map(|reply| reply.unwrap_or(Err(CallError::WorkerDied)))
    }
}
