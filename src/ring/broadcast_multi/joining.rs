//! Consumers that come while the ring runs.

use super::{Consumer, Producer};
use crate::sync::Arc;

impl<T> Producer<T> {
    /// Another consumer, which sees what is pushed from now on.
    ///
    /// # Cost
    /// Takes over the gate of a consumer that is gone, if there is one; else allocates one.
    pub fn join(&mut self) -> Consumer<T>
    where
        T: Send + Sync,
    {
        let mut consumer = Consumer::join(Arc::clone(&self.shared), self.shared.tail());
        // Producers that looked at the gates before this one was in may have gone past that tail by up to a lap: what is
        // claimed by now is theirs to overwrite, and what comes after they can't claim without seeing the gate.
        consumer.move_to(self.shared.tail());
        consumer
    }

    /// Another consumer, which starts at the oldest item still held: what some consumer has still to see, and what no
    /// producer has looked for room in since.
    ///
    /// # Cost
    /// As [`join`](Self::join).
    pub fn join_oldest(&mut self) -> Consumer<T>
    where
        T: Send + Sync,
    {
        let mut consumer = Consumer::join(Arc::clone(&self.shared), self.shared.gates.floor());
        consumer.move_to(self.shared.gates.floor());
        consumer
    }

    /// Consumers that are in. Without any, nothing gates the producers.
    pub fn consumers(&self) -> usize {
        self.shared.gates.consumers()
    }

    /// The sequence that the next claim gets: slots claimed so far, by all producers.
    pub fn sequence(&self) -> u64 {
        self.shared.tail()
    }
}
