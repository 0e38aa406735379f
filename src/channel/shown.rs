//! What only channels have of which every receiver sees every item.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Receiver, RecvError, RecvUntilError, Sender, TryRecvError};
use crate::ring::{
    Kind, PopError, Shows, broadcast, broadcast::Broadcast, broadcast_multi, broadcast_multi::BroadcastMulti,
};
use crate::sync::Arc;
use crate::wait::{Deadline, Park, Signal, Wait};

impl<T: Clone + Send + Sync, W: Wait> Sender<T, Broadcast, W> {
    /// Another receiver, which sees what is sent from now on.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut early) = channel::broadcast(8)?;
    /// tx.send(1)?;
    /// let mut late = tx.subscribe();
    /// tx.send(2)?;
    /// drop(tx);
    /// assert_eq!(early.iter().collect::<Vec<_>>(), [1, 2]);
    /// assert_eq!(late.iter().collect::<Vec<_>>(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subscribe(&mut self) -> Receiver<T, Broadcast, W> {
        let consumer: broadcast::Consumer<T> = self.producer.join();
        self.link.receivers.join();
        Receiver::new(consumer, Arc::clone(&self.link))
    }
}

impl<T: Clone + Send + Sync, W: Wait> Sender<T, BroadcastMulti, W> {
    /// Another receiver, which sees what is sent from now on.
    pub fn subscribe(&mut self) -> Receiver<T, BroadcastMulti, W> {
        let consumer: broadcast_multi::Consumer<T> = self.producer.join();
        self.link.receivers.join();
        // While it joined it held other senders up for a moment at an earlier place.
        self.link.senders.signal.notify_all();
        Receiver::new(consumer, Arc::clone(&self.link))
    }
}

impl<T: Clone + Send + Sync, W: Wait> Clone for Receiver<T, Broadcast, W> {
    /// Another receiver, which sees everything that this one has still to see.
    fn clone(&self) -> Self {
        let consumer = broadcast::Consumer::clone(&self.consumer);
        self.link.receivers.join();
        let mut clone = Self::new(consumer, Arc::clone(&self.link));
        clone.told = self.told;
        clone
    }
}

impl<T: Clone + Send + Sync, W: Wait> Clone for Receiver<T, BroadcastMulti, W> {
    /// Another receiver, which sees everything that this one has still to see.
    fn clone(&self) -> Self {
        let consumer = broadcast_multi::Consumer::clone(&self.consumer);
        self.link.receivers.join();
        let mut clone = Self::new(consumer, Arc::clone(&self.link));
        clone.told = self.told;
        clone
    }
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W>
where
    K::Consumer: Shows<Item = T>,
{
    /// Receives the next item by reference; waits for it. It is lent until this end's next call, and gates the senders so
    /// long.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut prices, mut book) = channel::broadcast(64)?;
    /// let mut log = book.clone();
    /// prices.send(("BTC", 58_710.2))?;
    /// drop(prices);
    /// assert_eq!(book.recv_ref()?.0, "BTC"); // no clone
    /// assert_eq!(log.recv()?.1, 58_710.2);
    /// assert!(log.recv_ref().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn recv_ref(&mut self) -> Result<&T, RecvError> {
        if let Err(nothing) = self.look(Deadline::NEVER) {
            debug_assert_eq!(nothing, PopError::Closed);
            return Err(self.end().into());
        }
        self.consumer.try_next().map_err(|_| RecvError::Closed)
    }

    /// As [`recv_ref`](Self::recv_ref), up to the deadline.
    ///
    /// # Errors
    /// [`RecvUntilError`].
    #[inline]
    pub fn recv_ref_until(&mut self, until: Deadline) -> Result<&T, RecvUntilError> {
        match self.look(until) {
            Ok(()) => self.consumer.try_next().map_err(|_| RecvUntilError::Closed),
            Err(PopError::Empty) => Err(RecvUntilError::Timeout),
            Err(PopError::Closed) => Err(self.end().into()),
        }
    }

    /// As [`recv_ref`](Self::recv_ref), without waiting.
    ///
    /// # Errors
    /// [`TryRecvError`].
    #[inline]
    pub fn try_recv_ref(&mut self) -> Result<&T, TryRecvError> {
        let looked = self.taking().consumer.peek_next().map(drop);
        match looked {
            Ok(()) => self.consumer.try_next().map_err(|_| TryRecvError::Closed),
            Err(PopError::Empty) => Err(TryRecvError::Empty),
            Err(PopError::Closed) => Err(self.end().into()),
        }
    }

    /// Whether there is a next item; waits for it up to the deadline.
    #[inline]
    fn look(&mut self, until: Deadline) -> Result<(), PopError> {
        let looked = self.taking().consumer.peek_next().map(drop);
        match looked {
            Err(PopError::Empty) => self.take_until(until, |consumer| consumer.peek_next().map(drop)),
            looked => looked,
        }
    }
}

impl<T, K: Kind<T>> Receiver<T, K, Park>
where
    K::Consumer: Shows<Item = T>,
{
    /// As [`recv_ref`](Self::recv_ref), for a task.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Cancel safety
    /// An item counts as received only by the poll that lends it.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut prices, mut book) = channel::broadcast(64)?;
    /// prices.send(("BTC".to_owned(), 58_710.2))?;
    /// drop(prices);
    /// pollster::block_on(async {
    ///     while let Ok((symbol, price)) = book.recv_ref_async().await {
    ///         assert_eq!((symbol.as_str(), *price), ("BTC", 58_710.2)); // no clone
    ///     }
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_ref_async(&mut self) -> RecvRefFuture<'_, T, K> {
        RecvRefFuture(Some(self))
    }
}

/// [`Receiver::recv_ref_async`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvRefFuture<'a, T, K: Kind<T>>(Option<&'a mut Receiver<T, K, Park>>);

impl<'a, T, K: Kind<T>> Future for RecvRefFuture<'a, T, K>
where
    K::Consumer: Shows<Item = T>,
{
    type Output = Result<&'a T, RecvError>;

    /// # Panics
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let receiver = self.0.take().expect("a future is not polled again after it was ready");
        match receiver.poll_look(context, |consumer| consumer.peek_next().map(drop)) {
            Poll::Pending => {
                self.0 = Some(receiver);
                Poll::Pending
            }
            Poll::Ready(Ok(())) => Poll::Ready(receiver.consumer.try_next().map_err(|_| RecvError::Closed)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(receiver.end().into())),
        }
    }
}

impl<T, K: Kind<T>> Drop for RecvRefFuture<'_, T, K> {
    fn drop(&mut self) {
        if let Some(receiver) = &mut self.0 {
            receiver.give_up();
        }
    }
}

impl<T, K: Kind<T>> fmt::Debug for RecvRefFuture<'_, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvRefFuture").field(&self.0).finish()
    }
}
