//! Ends for tasks: the same calls as futures. Blocking and async ends mix on one channel. No runtime is needed.
//!
//! # Cancel safety
//! Dropping a future loses no item: one is taken out of the channel only by the poll that returns it, and an item that was not
//! sent is dropped with its future, or [taken back](SendFuture::take_back). It loses no wake-up either: a call that the
//! future got and did not answer goes to the next waiter.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Receiver, RecvError, SendError, SendManyError, Sender, batch::RUN, receiver::Taking, sender::Telling};
use crate::ring::{
    Consumer, Kind, PopError, Producer, PushError,
    sealed::{MakesRoom, Slots},
};
use crate::wait::{Park, Wait, Waiting};

impl<T, K: Kind<T>> Receiver<T, K, Park> {
    /// Receives the next item, for a task that waits for it.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Cancel safety
    /// An item leaves the channel only by the poll that returns it.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(1)?;
    /// let sender = std::thread::spawn(move || (1..=3).try_for_each(|n| tx.send(n))); // a blocking end
    /// pollster::block_on(async {
    ///     let mut sum = 0;
    ///     while let Ok(n) = rx.recv_async().await {
    ///         sum += n;
    ///     }
    ///     assert_eq!(sum, 6);
    /// });
    /// # sender.join().unwrap().unwrap();
    /// # Ok::<(), ringway::ring::CapacityError>(())
    /// ```
    pub fn recv_async(&mut self) -> RecvFuture<'_, T, K> {
        RecvFuture(self)
    }

    /// Waits for one item, then appends it, and what else is there, to `items`: up to `max`. For a task; resolves to how many.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Cancel safety
    /// Items leave the channel only by the poll that resolves, and are in `items` then.
    pub fn recv_many_async<'a>(&'a mut self, items: &'a mut Vec<T>, max: usize) -> RecvManyFuture<'a, T, K> {
        RecvManyFuture { receiver: self, items, max }
    }

    /// One look for the next item; if there is none, the task is woken when it should look again.
    ///
    /// A task that is not going to look again after `Pending` should drop the receiver, or receive through it by other means:
    /// until then it may stand in the way of a call that would wake another receiver.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    #[inline]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        self.poll_take(context, |consumer| consumer.try_pop())
    }

    #[inline]
    fn poll_take<R>(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnMut(&mut K::Consumer) -> Result<R, PopError>,
    ) -> Poll<Result<R, RecvError>> {
        self.poll_look(context, take).map(|taken| taken.map_err(|_| self.end().into()))
    }

    /// As soon as `take` has an answer, that; never `Empty`.
    #[inline]
    pub(super) fn poll_look<R>(
        &mut self,
        context: &mut Context<'_>,
        mut take: impl FnMut(&mut K::Consumer) -> Result<R, PopError>,
    ) -> Poll<Result<R, PopError>> {
        let Self { consumer, link, wait, .. } = self;
        let waiting = Waiting(wait, &link.receivers.signal);
        let polled = waiting.0.waiter().poll(waiting.1, 0, context, || {
            let taking = Taking::<T, K, _>::new(consumer, link);
            match take(taking.consumer) {
                Err(PopError::Empty) => None,
                taken => Some(taken),
            }
        });
        // Goes on waiting, unless `take` has panicked.
        mem::forget(waiting);
        polled.map(|taken| {
            if self.wait.waiter().was_listed() {
                self.call_next(self.consumer.in_hand());
            }
            taken
        })
    }

    /// Says that the future of this end is gone.
    pub(super) fn give_up(&mut self) {
        self.wait.leave(&self.link.receivers.signal);
    }
}

impl<T, K: Kind<T>> Sender<T, K, Park> {
    /// Sends an item, for a task that waits for room.
    ///
    /// # Errors
    /// [`SendError`], if the channel is closed; the item comes back in it.
    ///
    /// # Cancel safety
    /// Until it resolves, the item is not sent; dropping the future drops it, unless it was
    /// [taken back](SendFuture::take_back).
    pub fn send_async(&mut self, item: T) -> SendFuture<'_, T, K> {
        SendFuture { sender: self, item: Some(item) }
    }

    /// Sends all items, for a task that waits for room whenever the channel is full. Resolves to how many.
    ///
    /// # Errors
    /// [`SendManyError`], if the channel is closed.
    ///
    /// # Cancel safety
    /// What was taken out of the iterator is sent. Lend it, as `&mut iterator`, to keep the rest when the future is dropped.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// let receiver = std::thread::spawn(move || rx.iter().sum::<u32>());
    /// assert_eq!(pollster::block_on(tx.send_many_async(1..=100))?, 100);
    /// drop(tx);
    /// assert_eq!(receiver.join().unwrap(), 5050);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_many_async<I: IntoIterator<Item = T>>(&mut self, items: I) -> SendManyFuture<'_, T, K, I::IntoIter> {
        SendManyFuture { sender: self, items: items.into_iter(), sent: 0 }
    }

    /// One attempt to send `item`, which is taken out of its option when it is in. If there is no room, the task is woken when
    /// it should try again; one that is not going to should drop the sender, or send through it by other means, as with
    /// [`poll_recv`](Receiver::poll_recv).
    ///
    /// # Errors
    /// [`SendError`], if the channel is closed; the item comes back in it.
    #[inline]
    pub fn poll_send(&mut self, context: &mut Context<'_>, item: &mut Option<T>) -> Poll<Result<(), SendError<T>>> {
        let mut telling = Telling(self, Some(1));
        let Sender { producer, link, wait } = &mut *telling.0;
        let key = producer.key();
        let waiting = Waiting(wait, &link.senders.signal);
        let polled = waiting.0.waiter().poll(waiting.1, key, context, || {
            let Some(unsent) = item.take() else { return Some(Ok(())) };
            match producer.try_push(unsent) {
                Err(PushError::Full(refused)) => {
                    *item = Some(refused);
                    None
                }
                pushed => Some(pushed),
            }
        });
        // Goes on waiting, unless the drop of an item has panicked.
        mem::forget(waiting);
        telling.1 = matches!(polled, Poll::Ready(Ok(()))).then_some(1);
        drop(telling);
        polled.map(|pushed| {
            if self.wait.waiter().was_listed() {
                self.call_next();
            }
            pushed.map_err(|refused| self.ended(refused.into_inner()))
        })
    }

    /// Ready when there may be room, or the channel is closed.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { producer, link, wait } = self;
        let key = producer.key();
        let is_ready = || (producer.room() > 0 || producer.is_closed()).then_some(());
        let polled = wait.waiter().poll(&link.senders.signal, key, context, is_ready);
        if polled.is_ready() && self.wait.waiter().was_listed() {
            self.call_next();
        }
        polled
    }
}

/// [`Receiver::recv_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvFuture<'a, T, K: Kind<T>>(&'a mut Receiver<T, K, Park>);

impl<T, K: Kind<T>> Future for RecvFuture<'_, T, K> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_recv(context)
    }
}

impl<T, K: Kind<T>> Drop for RecvFuture<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// [`Receiver::recv_many_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvManyFuture<'a, T, K: Kind<T>> {
    receiver: &'a mut Receiver<T, K, Park>,
    items: &'a mut Vec<T>,
    max: usize,
}

impl<T, K: Kind<T>> Future for RecvManyFuture<'_, T, K> {
    type Output = Result<usize, RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { receiver, items, max } = &mut *self;
        receiver.poll_take(context, |consumer| consumer.pop_into(items, *max))
    }
}

impl<T, K: Kind<T>> Drop for RecvManyFuture<'_, T, K> {
    fn drop(&mut self) {
        self.receiver.give_up();
    }
}

/// [`Sender::send_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendFuture<'a, T, K: Kind<T>> {
    sender: &'a mut Sender<T, K, Park>,
    item: Option<T>,
}

/// The item is moved, never pinned.
impl<T, K: Kind<T>> Unpin for SendFuture<'_, T, K> {}

impl<T, K: Kind<T>> SendFuture<'_, T, K> {
    /// The item, if it was not sent. The future has nothing to do then.
    ///
    /// # Examples
    /// ```
    /// use std::{pin::pin, task::{Context, Waker}};
    /// use ringway::channel;
    ///
    /// let (mut tx, _rx) = channel::spsc(1)?;
    /// tx.try_send(1)?;
    /// let mut send = tx.send_async(2);
    /// assert!(pin!(&mut send).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// assert_eq!(send.take_back(), Some(2)); // cancelled, and nothing is lost
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_back(&mut self) -> Option<T> {
        self.item.take()
    }
}

impl<T, K: Kind<T>> Future for SendFuture<'_, T, K> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sender, item } = &mut *self;
        sender.poll_send(context, item)
    }
}

impl<T, K: Kind<T>> Drop for SendFuture<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        self.sender.wait.leave(&self.sender.link.senders.signal);
    }
}

/// [`Sender::send_many_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendManyFuture<'a, T, K: Kind<T>, I> {
    sender: &'a mut Sender<T, K, Park>,
    items: I,
    sent: usize,
}

/// The iterator is moved, never pinned.
impl<T, K: Kind<T>, I> Unpin for SendManyFuture<'_, T, K, I> {}

/// Runs of items that one poll sends at the most: its thread has other tasks.
const RUNS_MAX: usize = 16;

impl<T, K: Kind<T>, I: Iterator<Item = T>> Future for SendManyFuture<'_, T, K, I> {
    type Output = Result<usize, SendManyError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sender, items, sent } = &mut *self;
        // The iterator's code does not run while this end is on a list.
        sender.wait.leave(&sender.link.senders.signal);
        for _ in 0..RUNS_MAX {
            match sender.push_run(|producer| producer.push_iter(&mut items.by_ref().take(RUN))) {
                Ok(0) => return Poll::Ready(Ok(*sent)),
                Ok(pushed) => *sent += pushed,
                Err(PushError::Full(())) if sender.poll_room(context).is_pending() => return Poll::Pending,
                Err(PushError::Full(())) => {}
                Err(PushError::Closed(())) => {
                    return Poll::Ready(Err(SendManyError { sent: *sent, end: sender.link.receivers.end() }));
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T, K: Kind<T>, I> Drop for SendManyFuture<'_, T, K, I> {
    fn drop(&mut self) {
        self.sender.wait.leave(&self.sender.link.senders.signal);
    }
}

impl<T, K: Kind<T>, I> fmt::Debug for SendManyFuture<'_, T, K, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendManyFuture").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl<T, K: Kind<T>> fmt::Debug for RecvFuture<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvFuture").field(&self.0).finish()
    }
}

impl<T, K: Kind<T>> fmt::Debug for RecvManyFuture<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvManyFuture").field("max", &self.max).finish_non_exhaustive()
    }
}

impl<T, K: Kind<T>> fmt::Debug for SendFuture<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").field("sent", &self.item.is_none()).finish_non_exhaustive()
    }
}
