//! concurrent-queue, bounded.

use std::sync::Arc;

use concurrent_queue::{ConcurrentQueue, PushError};

use crate::harness::adapters::{clones, hand_over};
use crate::harness::queue::{Payload, Push, Queue, Shape, Take};

/// `ConcurrentQueue::bounded`.
pub(crate) struct Bounded;

impl<T: Payload> Queue<T> for Bounded {
    type Tx = Arc<ConcurrentQueue<T>>;
    type Rx = Arc<ConcurrentQueue<T>>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let queue = Arc::new(ConcurrentQueue::bounded(shape.capacity));
        (clones(Arc::clone(&queue), shape.producers), clones(queue, shape.consumers))
    }
}

impl<T: Payload> Push<T> for Arc<ConcurrentQueue<T>> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item).map_err(PushError::into_inner)
    }
}

impl<T: Payload> Take<T> for Arc<ConcurrentQueue<T>> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop().ok(), each)
    }
}
