//! Items side by side: slices sent from a buffer, and on channels over a `dense` ring written and read in place.

use std::mem::MaybeUninit;

use super::{Claim, Receiver, RecvError, RecvUntilError, SendManyError, Sender, TryRecvError, batch::RUN};
use crate::ring::{Consumer, Dense, Kind, PopError, Producer, dense};
use crate::wait::{Deadline, Wait};

impl<T: Copy, K: Kind<T>, W: Wait> Sender<T, K, W> {
    /// Sends all items of a slice; waits whenever the channel is full. Returns how many.
    ///
    /// # Errors
    /// [`SendManyError`], if the channel is closed; it says how many were sent.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::dense(64)?;
    /// let sender = std::thread::spawn(move || tx.send_slice(&[7_u8; 1000]));
    /// let mut bytes = Vec::new();
    /// while rx.recv_many(&mut bytes, 256).is_ok() {}
    /// assert_eq!(bytes, [7; 1000]);
    /// assert_eq!(sender.join().unwrap(), Ok(1000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_slice(&mut self, items: &[T]) -> Result<usize, SendManyError> {
        let mut rest = items;
        self.send_runs(move |producer| {
            let pushed = producer.push_slice(&rest[..rest.len().min(RUN)])?;
            rest = &rest[pushed..];
            Ok(pushed)
        })
    }
}

impl<T: Send, W: Wait> Claim<'_, T, Dense, W> {
    /// The slots not written yet, in order: two slices where the ring wraps.
    ///
    /// Write them, then say so by [`assume_all_written`](Self::assume_all_written).
    pub fn slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        self.claim.slices()
    }
}

impl<T: Send, W: Wait> Receiver<T, Dense, W> {
    /// Waits for one item, then shows it, and what else is there, to `with`, in place: up to `max`. What `with`
    /// [consumes](dense::Run::consume) is received; the others stay.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Panics
    /// Only if `with` does.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::dense::<f32>(4096)?;
    /// let mut claim = tx.claim(480)?; // up to so many
    /// let (samples, wrapped) = claim.slices();
    /// for (nth, sample) in samples.iter_mut().chain(wrapped).enumerate() {
    ///     sample.write(nth as f32);
    /// }
    /// // SAFETY: each slot was written by the loop above.
    /// unsafe { claim.assume_all_written() };
    /// assert_eq!(claim.commit(), 480);
    ///
    /// let sum = rx.recv_run(100, |run| {
    ///     let (samples, wrapped) = run.slices();
    ///     let sum = samples.iter().chain(wrapped).sum::<f32>();
    ///     run.consume(100);
    ///     sum
    /// })?;
    /// assert_eq!((sum, rx.depth()), (4950.0, 380));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_run<R>(&mut self, max: usize, with: impl FnOnce(dense::Run<'_, T>) -> R) -> Result<R, RecvError> {
        self.run_until(Deadline::NEVER, max, with).map_err(|_| self.end().into())
    }

    /// As [`recv_run`](Self::recv_run), and waits up to the deadline for the first item.
    ///
    /// # Errors
    /// [`RecvUntilError`].
    ///
    /// # Panics
    /// Only if `with` does.
    pub fn recv_run_until<R>(
        &mut self,
        until: Deadline,
        max: usize,
        with: impl FnOnce(dense::Run<'_, T>) -> R,
    ) -> Result<R, RecvUntilError> {
        self.run_until(until, max, with).map_err(|nothing| match nothing {
            PopError::Empty => RecvUntilError::Timeout,
            PopError::Closed => self.end().into(),
        })
    }

    /// As [`recv_run`](Self::recv_run), without waiting.
    ///
    /// # Errors
    /// [`TryRecvError`].
    ///
    /// # Panics
    /// Only if `with` does.
    pub fn try_recv_run<R>(
        &mut self,
        max: usize,
        with: impl FnOnce(dense::Run<'_, T>) -> R,
    ) -> Result<R, TryRecvError> {
        let shown = self.taking().consumer.try_run(max).map(with);
        shown.map_err(|nothing| match nothing {
            PopError::Empty => TryRecvError::Empty,
            PopError::Closed => self.end().into(),
        })
    }

    fn run_until<R>(
        &mut self,
        until: Deadline,
        max: usize,
        with: impl FnOnce(dense::Run<'_, T>) -> R,
    ) -> Result<R, PopError> {
        let looked = self.taking().consumer.peek().map(drop);
        if looked == Err(PopError::Empty) {
            // Waits for an item only: the caller's code does not run while this end is on a list.
            self.take_until(until, |consumer| consumer.peek().map(drop))?;
        }
        self.taking().consumer.try_run(max).map(with)
    }
}
