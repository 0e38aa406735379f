//! One item in hand, and where it stands.

use crate::time::Instant;

use super::{
    effect::{DroppedBy, Reason},
    envelope::Envelope,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In a lane, not tried before.
    Fresh,
    /// In a lane, before the fresh ones.
    Again,
    /// For its timer: for the first time, or again.
    Waiting { again: bool },
    /// Behind the holder of its key.
    Parked,
    /// In a handler's hands.
    Leased,
    /// Given up, until there is room among the dead letters.
    Held(Reason),
    /// Will end at the next tick.
    Doomed(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Expired,
    Dead(Reason),
    Dropped(DroppedBy),
    /// Not an end yet: the delivery was dropped.
    Unanswered,
}

#[derive(Debug)]
pub(super) struct Slot<T, E> {
    pub(super) envelope: Envelope<T>,
    pub(super) state: State,
    /// Whether others of its key wait for it.
    pub(super) holds_key: bool,
    /// Deliveries so far.
    pub(super) attempt: u32,
    /// When it was first delivered; until then, when it was accepted.
    pub(super) first: Instant,
    /// Nanoseconds of the last wait before a retry.
    pub(super) wait: u64,
    /// While held, the last error.
    pub(super) error: Option<E>,
}

impl<T, E> Slot<T, E> {
    /// Of an item that is accepted now.
    #[inline]
    pub(super) fn new(envelope: Envelope<T>, state: State, now: Instant) -> Self {
        let attempt = u32::from(state == State::Leased);
        Self { envelope, state, holds_key: false, attempt, first: now, wait: 0, error: None }
    }
}
