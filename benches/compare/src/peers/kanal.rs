//! kanal, bounded, by its calls that never wait.

use kanal::{Receiver, Sender, bounded};

use super::{clones, hand_over};
use crate::queue::{Payload, Push, Queue, Shape, Take};

/// `kanal::bounded`.
pub(crate) struct Bounded;

impl<T: Payload> Queue<T> for Bounded {
    type Tx = Sender<T>;
    type Rx = Receiver<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = bounded(shape.capacity);
        (clones(tx, shape.producers), clones(rx, shape.consumers))
    }
}

impl<T: Payload> Push<T> for Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        // A refused item is dropped; it is a copy.
        if self.try_send(item) == Ok(true) { Ok(()) } else { Err(item) }
    }
}

impl<T: Payload> Take<T> for Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.try_recv().ok().flatten(), each)
    }
}
