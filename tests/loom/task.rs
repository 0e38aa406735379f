//! Futures on a thread of a model.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use loom::sync::Notify;

/// A waker of a thread of the model.
struct Token(Notify);

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// A future on a thread of the model.
pub(crate) struct Task<F> {
    future: Pin<Box<F>>,
    token: Arc<Token>,
}

impl<F: Future> Task<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), token: Arc::new(Token(Notify::new())) }
    }

    pub(crate) fn poll(&mut self) -> Option<F::Output> {
        let waker = Waker::from(Arc::clone(&self.token));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    /// Sleeps after each poll until it is woken.
    pub(crate) fn finish(mut self) -> F::Output {
        loop {
            self.token.0.wait();
            if let Some(output) = self.poll() {
                return output;
            }
        }
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut task = Task::new(future);
    task.poll().unwrap_or_else(|| task.finish())
}
