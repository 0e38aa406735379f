//! Receivers as streams, senders as sinks: feature `async`.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;

use super::{Receiver, SendError, Sender};
use crate::ring::Kind;
use crate::wait::{Park, Wait};

/// Ends are moved, never pinned.
impl<T, K: Kind<T>, W: Wait> Unpin for Receiver<T, K, W> {}

/// The items up to the end of the channel.
impl<T, K: Kind<T>> Stream for Receiver<T, K, Park> {
    type Item = T;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll_recv(context).map(Result::ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<T, K: Kind<T>> FusedStream for Receiver<T, K, Park> {
    /// Whether this end has said that nothing will come. A close alone is not the end: what was on its way comes after it.
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T, K: Kind<T>> Sender<T, K, Park> {
    /// This sender as a [`Sink`].
    pub fn into_sink(self) -> SendSink<T, K> {
        SendSink { sender: self, item: None }
    }
}

/// A [`Sender`] as a [`Sink`]. It takes one item more than the channel has room for: flush it before it is dropped, or the
/// item is dropped with it.
///
/// `close` flushes; the channel is closed when its last sender is dropped, as ever.
#[must_use = "sinks do nothing unless they are sent to and flushed"]
pub struct SendSink<T, K: Kind<T>> {
    sender: Sender<T, K, Park>,
    item: Option<T>,
}

/// The item is moved, never pinned.
impl<T, K: Kind<T>> Unpin for SendSink<T, K> {}

impl<T, K: Kind<T>> SendSink<T, K> {
    /// The sender, and the item that it has not sent yet.
    pub fn into_inner(mut self) -> (Sender<T, K, Park>, Option<T>) {
        // It waits for room no more.
        self.sender.wait.leave(&self.sender.link.senders.signal);
        (self.sender, self.item)
    }
}

impl<T, K: Kind<T>> Sink<T> for SendSink<T, K> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }

    /// # Panics
    /// If the sink was not ready: an item is waiting.
    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), SendError<T>> {
        let this = self.get_mut();
        assert!(this.item.is_none(), "poll_ready comes before start_send");
        match this.sender.try_send(item) {
            Ok(()) => Ok(()),
            Err(refused) => match refused.end() {
                None => {
                    this.item = Some(refused.into_inner());
                    Ok(())
                }
                Some(end) => Err(SendError::new(refused.into_inner(), end)),
            },
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Self { sender, item } = self.get_mut();
        if item.is_some() {
            ready!(sender.poll_send(context, item))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }
}

impl<T, K: Kind<T>> fmt::Debug for SendSink<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink").field("sender", &self.sender).field("flushed", &self.item.is_none()).finish()
    }
}
