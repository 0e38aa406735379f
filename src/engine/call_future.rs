//! Calls for tasks: to send a job, a reply, or a batch, as a future. No runtime is needed.
//!
//! # Cancel safety
//! A future of a [`Caller`] that sends a job and is dropped before has not sent it, and the call is forgotten. One that waits
//! for a reply or a batch leaves its calls open when it is dropped, and the replies can still be taken. That of a [`Pending`]
//! gives its call up, as the `Pending` does.

use std::{
    fmt,
    future::{Future, IntoFuture, poll_fn},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{CALL_TIMEOUT, Call, CallRefused, Caller, Pending};
use crate::delivery::{BatchId, CallError, Joined, Ticket};
use crate::router::{Key, Publish};
use crate::wait::Alarm;

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Caller<T, R, E> {
    /// As [`call`](Self::call), for a task: what waits while the queue is full is the task, and no thread.
    ///
    /// # Errors
    /// As [`open`](Self::open); on a thread that runs handlers it does not wait, and is `Full`.
    ///
    /// # Cancel safety
    /// Until it resolves, the job is not sent; dropping the future drops it, unless it was [taken back](CallFuture::take_back),
    /// and the call is forgotten.
    ///
    /// # Cost
    /// That of [`publish_async`](crate::router::queue::Publisher::publish_async).
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
    ///     let pending = caller.call_async(&1_u64, 7).await?; // when the job is in the queue
    ///     assert_eq!(pending.await, Ok(49)); // when its result is there
    ///     Ok::<_, ringway::engine::CallRefused<u64>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_async<K: Key + ?Sized>(&mut self, key: &K, job: T) -> CallFuture<'_, T, R, E> {
        self.call_for_async(key, job, CALL_TIMEOUT)
    }

    /// As [`call_async`](Self::call_async), with a time of its own, which begins now.
    ///
    /// # Errors
    /// As [`call_async`](Self::call_async).
    ///
    /// # Cancel safety
    /// As [`call_async`](Self::call_async).
    pub fn call_for_async<K: Key + ?Sized>(&mut self, key: &K, job: T, timeout: Duration) -> CallFuture<'_, T, R, E> {
        CallFuture(self.open_async(key, job, None, timeout))
    }

    /// As [`open`](Self::open), for a task; its time begins now.
    ///
    /// # Errors
    /// As [`call_async`](Self::call_async).
    ///
    /// # Cancel safety
    /// As [`call_async`](Self::call_async).
    pub fn open_async<K: Key + ?Sized>(
        &mut self,
        key: &K,
        job: T,
        batch: Option<BatchId>,
        timeout: Duration,
    ) -> OpenFuture<'_, T, R, E> {
        let shards = self.publisher.queue().shards();
        let state = match self.begin(job, batch, timeout) {
            Ok((ticket, call)) => State::Sends(ticket, Publish::keyed(key, call, shards)),
            Err(refused) => State::Refused(refused),
        };
        OpenFuture { caller: Some(self), state }
    }

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

/// [`Caller::open_async`]: resolves to the call's ticket.
#[must_use = "futures do nothing unless they are awaited"]
pub struct OpenFuture<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static> {
    /// Gone when it has resolved.
    caller: Option<&'a mut Caller<T, R, E>>,
    state: State<T, R, E>,
}

#[expect(clippy::large_enum_variant, reason = "it lies in a future, and is moved seldom")]
enum State<T: Send + 'static, R: Send + 'static, E: Send + 'static> {
    Sends(Ticket, Publish<Call<T, R, E>>),
    Refused(CallRefused<T>),
    Over,
}

/// The job is moved, never pinned.
impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Unpin for OpenFuture<'_, T, R, E> {}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> OpenFuture<'_, T, R, E> {
    /// The job, if it was not sent; the call is forgotten. The future is over then, and panics when it is polled.
    pub fn take_back(&mut self) -> Option<T> {
        match mem::replace(&mut self.state, State::Over) {
            State::Sends(_, mut publish) => {
                let caller = self.caller.as_mut()?;
                publish.give_up(&mut caller.publisher);
                publish.take_back().map(|call| caller.take_back(call))
            }
            State::Refused(refused) => Some(refused.into_inner()),
            State::Over => None,
        }
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Future for OpenFuture<'_, T, R, E> {
    type Output = Result<Ticket, CallRefused<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { caller, state } = self.get_mut();
        if let (State::Sends(ticket, publish), Some(caller)) = (&mut *state, caller) {
            let published = ready!(publish.poll(&mut caller.publisher, context));
            let sent = caller.sent(*ticket, published);
            *state = State::Over;
            return Poll::Ready(sent);
        }
        match mem::replace(state, State::Over) {
            State::Refused(refused) => Poll::Ready(Err(refused)),
            _ => panic!("polled when it was over"),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> Drop for OpenFuture<'_, T, R, E> {
    fn drop(&mut self) {
        drop(self.take_back());
    }
}

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> fmt::Debug for OpenFuture<'_, T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFuture").field("over", &matches!(self.state, State::Over)).finish_non_exhaustive()
    }
}

/// [`Caller::call_async`]: resolves to the call that was sent.
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct CallFuture<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static>(OpenFuture<'a, T, R, E>);

impl<T: Send + 'static, R: Send + 'static, E: Send + 'static> CallFuture<'_, T, R, E> {
    /// See [`OpenFuture::take_back`].
    pub fn take_back(&mut self) -> Option<T> {
        self.0.take_back()
    }
}

impl<'a, T: Send + 'static, R: Send + 'static, E: Send + 'static> Future for CallFuture<'a, T, R, E> {
    type Output = Result<Pending<'a, T, R, E>, CallRefused<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let opened = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(opened.map(|ticket| {
            let caller = self.0.caller.take().expect("it goes with the ticket");
            Pending { caller, ticket, is_kept: false }
        }))
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
