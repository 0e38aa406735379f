//! An envelope in a handler's hands.

use std::{fmt, time::Duration};

use crate::time::{Instant, slab::NONE};

use super::{
    effect::{Answer, Effect, ItemId, Lease},
    envelope::Envelope,
    retry::Class,
    slot::Slot,
    tracker::Tracker,
};

/// An envelope in a handler's hands, to be answered once. Dropped without an answer, by a panic for one, or forgotten, it is a
/// nack, which the next [`Tracker::tick`] tells.
///
/// SQS, JetStream, RabbitMQ: a received message; Kafka: a polled record; Sidekiq: a fetched job.
#[must_use = "a delivery that is dropped without an answer is a nack"]
pub struct Delivery<'t, T, E, C: FnMut(&E) -> Class> {
    tracker: &'t mut Tracker<T, E, C>,
    index: u32,
    now: Instant,
}

impl<'t, T, E, C: FnMut(&E) -> Class> Delivery<'t, T, E, C> {
    #[inline]
    pub(super) fn new(tracker: &'t mut Tracker<T, E, C>, index: u32, now: Instant) -> Self {
        tracker.handed = index;
        Self { tracker, index, now }
    }

    #[inline]
    fn slot(&self) -> &Slot<T> {
        self.tracker.slots.get(self.index).expect("a leased item is in hand")
    }

    /// What the caller gave.
    #[inline]
    pub fn payload(&self) -> &T {
        &self.slot().payload
    }

    /// The payload, to be changed: a later attempt sees what this one left.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut T {
        let slot = self.tracker.slots.get_mut(self.index).expect("a leased item is in hand");
        &mut slot.payload
    }

    /// The item with its header.
    pub fn envelope(&self) -> Envelope<&T> {
        let Slot { payload, header } = self.slot();
        self.tracker.columns.envelope(self.index, payload, header)
    }

    /// Which attempt this is, from 1; above 1 it is a redelivery.
    ///
    /// SQS: `ApproximateReceiveCount`; JetStream: `NumDelivered`; RabbitMQ: `x-delivery-count` + 1; Sidekiq:
    /// `retry_count` + 1.
    pub fn attempt(&self) -> u32 {
        self.slot().header.attempt
    }

    /// When the item was first delivered.
    pub fn first(&self) -> Instant {
        self.slot().header.first
    }

    /// The item's name, to cancel it later.
    pub fn item(&self) -> ItemId {
        self.lease().item()
    }

    /// What the delivery is answered by if it is [deferred](Self::defer).
    pub fn lease(&self) -> Lease {
        self.tracker.lease_of(self.index)
    }

    /// Counts what follows from a later time than that of [`Tracker::next`]: for handlers that take long.
    pub fn at(mut self, now: Instant) -> Self {
        self.now = self.now.max(now);
        self
    }

    /// Answers as the handler did: with an [`Answer`], or a `Result`.
    #[inline]
    pub fn answer(self, answer: impl Into<Answer<E>>) -> Effect<T> {
        let answer = answer.into();
        // An ack is counted before the payload is dropped, which may panic; the class of an error is asked for before
        // anything changes, which may panic too and leaves a delivery without an answer.
        if matches!(answer, Answer::Ack) {
            self.tracker.handed = NONE;
        }
        self.tracker.answer(self.index, answer, self.now)
    }

    /// Done.
    #[inline(always)]
    pub fn ack(self) {
        self.tracker.handed = NONE;
        drop(self.tracker.acked(self.index));
    }

    /// Done; the item comes out.
    #[inline]
    pub fn take(self) -> Envelope<T> {
        self.tracker.handed = NONE;
        let Slot { payload, header } = self.tracker.acked(self.index);
        self.tracker.columns.envelope(self.index, payload, &header)
    }

    /// Not done: again, by the rules of the subscription and the class of the error.
    pub fn nack(self, error: E) -> Effect<T> {
        self.answer(Answer::Nack(error))
    }

    /// Not done: again after so long, if attempts are left.
    pub fn nack_after(self, error: E, wait: Duration) -> Effect<T> {
        self.answer(Answer::NackAfter(error, wait))
    }

    /// Never: a dead letter.
    pub fn reject(self, error: E) -> Effect<T> {
        self.answer(Answer::Reject(error))
    }

    /// Leaves the answer for later, to whoever gets the lease. Without one in the time of
    /// [`Rules::lease`](super::Rules::lease) the item is delivered again.
    pub fn defer(self) -> Lease {
        let until = self.now + self.tracker.lease;
        self.defer_until(until)
    }

    /// Leaves the answer for later, without a time: [`Tracker::limit`] gives it one.
    #[inline(always)]
    pub(crate) fn leave(self) -> Lease {
        self.tracker.handed = NONE;
        self.tracker.leave_leased(self.index)
    }

    /// Leaves the answer for later, with a time of its own.
    pub fn defer_until(self, until: Instant) -> Lease {
        self.tracker.handed = NONE;
        self.tracker.defer(self.index, until)
    }
}

impl<T, E, C: FnMut(&E) -> Class> Drop for Delivery<'_, T, E, C> {
    #[inline]
    fn drop(&mut self) {
        self.tracker.leave_unanswered();
    }
}

impl<T, E, C: FnMut(&E) -> Class> fmt::Debug for Delivery<'_, T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("envelope", &self.envelope()).field("attempt", &self.attempt()).finish()
    }
}
