//! How the loops drive an end: by calls that never wait, tried again by the harness's one policy, or by calls that wait.
//!
//! A call that waits does not see that a sample was given up. The loop of a producer looks for that now and then, and its
//! thread drops its ends when it leaves: that ends the calls of the others, unless they hang.

use super::gate::Retry;
use crate::harness::queue::{BlockingPush, BlockingTake, Payload, Push, Queue, Shape, Take, open_elsewhere};

/// All ends of one queue, ready to be driven.
pub(crate) type Ends<P, C> = (Vec<P>, Vec<C>);

/// An end that pushes, as a loop sees it.
pub(crate) trait Put<T>: Send + 'static {
    /// Puts an item in; false if the sample was given up, or the other side is gone.
    fn put(&mut self, item: T, retry: &Retry<'_>) -> bool;
}

/// An end that takes, as a loop sees it.
pub(crate) trait Get<T>: Send + 'static {
    /// Whether it waits by itself.
    const WAITS: bool;

    /// Hands over what one call takes out; 0 if it gave up. An end that does not wait asks after each failed try whether to
    /// try `again`.
    fn get(&mut self, each: impl FnMut(&T), again: impl FnMut() -> bool) -> usize;
}

/// Tries again until it goes.
#[derive(Debug)]
pub(crate) struct Polling<E>(pub(super) E);

/// Waits as the peer does.
#[derive(Debug)]
pub(crate) struct Waiting<E>(E);

impl<T: Copy, P: Push<T>> Put<T> for Polling<P> {
    #[inline(always)]
    fn put(&mut self, mut item: T, retry: &Retry<'_>) -> bool {
        let mut failed = 0;
        while let Err(refused) = self.0.try_push(item) {
            item = refused;
            if !retry.again(&mut failed) {
                return false;
            }
        }
        true
    }
}

impl<T, C: Take<T>> Get<T> for Polling<C> {
    const WAITS: bool = false;

    #[inline(always)]
    fn get(&mut self, mut each: impl FnMut(&T), mut again: impl FnMut() -> bool) -> usize {
        loop {
            let taken = self.0.try_take(&mut each);
            if taken > 0 || !again() {
                return taken;
            }
        }
    }
}

impl<T, P: BlockingPush<T>> Put<T> for Waiting<P> {
    #[inline(always)]
    fn put(&mut self, item: T, _retry: &Retry<'_>) -> bool {
        self.0.push_waiting(item).is_ok()
    }
}

impl<T, C: BlockingTake<T>> Get<T> for Waiting<C> {
    const WAITS: bool = true;

    #[inline(always)]
    fn get(&mut self, mut each: impl FnMut(&T), _again: impl FnMut() -> bool) -> usize {
        match self.0.take_waiting() {
            Ok(item) => {
                each(&item);
                1
            }
            Err(_) => 0,
        }
    }
}

/// Opens a queue whose ends are polled.
pub(crate) fn polling<Q: Queue<T>, T: Payload>(shape: &Shape) -> Ends<Polling<Q::Tx>, Polling<Q::Rx>> {
    let (txs, rxs) = open_elsewhere::<Q, T>(shape);
    (txs.into_iter().map(Polling).collect(), rxs.into_iter().map(Polling).collect())
}

/// Opens a queue whose ends wait.
pub(crate) fn waiting<Q: Queue<T>, T: Payload>(shape: &Shape) -> Ends<Waiting<Q::Tx>, Waiting<Q::Rx>> {
    let (txs, rxs) = open_elsewhere::<Q, T>(shape);
    (txs.into_iter().map(Waiting).collect(), rxs.into_iter().map(Waiting).collect())
}
