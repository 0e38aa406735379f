//! One item in hand, and where it stands.

use crate::time::Instant;

use super::envelope::{Envelope, Origin};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In a lane, not tried before.
    Fresh,
    /// In a lane, before the fresh ones.
    Again,
    /// For its time, not tried before.
    Delayed,
    /// For its timer, to come again.
    Waiting,
    /// Behind the holder of its key.
    Parked,
    /// In a handler's hands.
    Leased,
    /// Given up, until there is room among the dead letters.
    Held,
    /// Will end at the next tick.
    Doomed(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Expired,
    /// A dead letter, for too much waits already.
    TooMuchParked,
    /// Dropped, for too much waits already.
    AtBound,
    /// Not an end yet: the delivery was dropped.
    Unanswered,
}

/// What is true of an item, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    const KEY: Self = Self(1);
    /// Others of its key wait for it.
    const HOLDS_KEY: Self = Self(2);
    /// It is to be tried again, or was.
    const RETRIED: Self = Self(4);
    /// It carries one, beside its slot.
    pub(super) const ID: Self = Self(8);
    pub(super) const EXPIRY: Self = Self(16);
    pub(super) const ORIGIN: Self = Self(32);
    pub(super) const BESIDE: Self = Self::ID.or(Self::EXPIRY).or(Self::ORIGIN);

    #[inline]
    pub(super) const fn when(self, is_true: bool) -> Self {
        Self(self.0 * is_true as u8)
    }

    #[inline]
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[inline]
    pub(super) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// What an item carries that does not fit its slot.
    #[inline]
    pub(super) fn beside<T>(envelope: &Envelope<T>) -> Self {
        let has_origin = envelope.origin != Origin::default();
        Self::ID
            .when(envelope.id.is_some())
            .or(Self::EXPIRY.when(envelope.expires_at != Instant::FAR))
            .or(Self::ORIGIN.when(has_origin))
    }
}

/// What every item needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    key: u64,
    /// When it was first delivered; until then, when it was accepted.
    pub(super) first: Instant,
    /// `not_before`; if it was retried, nanoseconds of the last wait.
    time: u64,
    /// Deliveries so far.
    pub(super) attempt: u32,
    pub(super) redrives: u8,
    pub(super) priority: u8,
    flags: Flags,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) payload: T,
    pub(super) header: Header,
}

// A vacant place costs no byte: it is a state that no item is in.
const _: () = assert!(size_of::<Header>() == 32 && size_of::<Option<Slot<u64>>>() == 40);

impl Header {
    /// Of an item that is accepted now.
    #[inline]
    pub(super) fn new<T>(envelope: &Envelope<T>, state: State, now: Instant) -> Self {
        Self {
            key: envelope.key.unwrap_or(0),
            first: now,
            time: envelope.not_before.as_nanos(),
            attempt: u32::from(state == State::Leased),
            redrives: envelope.redrives,
            priority: envelope.priority,
            flags: Flags::KEY.when(envelope.key.is_some()).or(Flags::beside(envelope)),
            state,
        }
    }

    #[inline]
    pub(super) fn has(&self, flag: Flags) -> bool {
        self.flags.any(flag)
    }

    #[inline]
    pub(super) fn key(&self) -> Option<u64> {
        self.has(Flags::KEY).then_some(self.key)
    }

    /// Whether others of its key wait for it.
    #[inline]
    pub(super) fn holds_key(&self) -> bool {
        self.has(Flags::HOLDS_KEY)
    }

    #[inline]
    pub(super) fn set_holds_key(&mut self, holds: bool) {
        self.flags = self.flags.without(Flags::HOLDS_KEY).or(Flags::HOLDS_KEY.when(holds));
    }

    #[inline]
    pub(super) fn not_before(&self) -> Instant {
        if self.has(Flags::RETRIED) { Instant::START } else { Instant::from_nanos(self.time) }
    }

    /// Nanoseconds of the last wait before a retry; 0 before the first.
    pub(super) fn waited(&self) -> u64 {
        if self.has(Flags::RETRIED) { self.time } else { 0 }
    }

    /// It is to be tried again, after so many nanoseconds.
    pub(super) fn waits(&mut self, nanos: u64) {
        self.time = nanos;
        self.flags = self.flags.or(Flags::RETRIED);
        self.state = State::Waiting;
    }
}
