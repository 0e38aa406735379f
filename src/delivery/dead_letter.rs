//! Items that were given up, with the reason: listed, looked at, redriven, purged.

use std::fmt;

use crate::time::{
    CapacityError, Instant,
    slab::{Handle, List, Slab},
};

use super::{effect::Reason, envelope::Envelope};

/// How many dead letters are kept, and what happens when there are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetterRules {
    /// Dead letters kept. Memory for so many is taken at the start.
    pub capacity: usize,
    /// What happens to one more.
    pub when_full: WhenFull,
}

impl Default for DeadLetterRules {
    fn default() -> Self {
        Self { capacity: 1024, when_full: WhenFull::DropOldest }
    }
}

/// What happens to a dead letter when there is no room for it. Nothing is given up twice: there are no dead letters of dead
/// letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest dead letter is dropped for it, and counted. Sidekiq does so.
    DropOldest,
    /// It is dropped, and counted.
    DropNewest,
    /// It waits in hand, where it takes the place of an item that could be accepted: in the end nothing is, until somebody
    /// redrives or purges.
    Hold,
}

/// An item that was given up.
///
/// | | called |
/// |---|---|
/// | SQS | message of a dead-letter queue |
/// | JetStream | advisory `MAX_DELIVERIES`; the message stays in its stream |
/// | Kafka | record of a dead-letter topic, written by the application or Connect |
/// | RabbitMQ | dead-lettered message, `x-death` |
/// | Sidekiq | job of the dead set |
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter<T, E> {
    /// The item, with its key and origin.
    pub envelope: Envelope<T>,
    /// Why it was given up.
    pub reason: Reason,
    /// The last error of its handler, if that gave one.
    pub error: Option<E>,
    /// How often it was delivered.
    pub attempts: u32,
    /// When it was first delivered; when it was accepted, if never.
    pub first: Instant,
    /// When it was given up.
    pub last: Instant,
}

impl<T, E: fmt::Debug> fmt::Debug for DeadLetter<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("envelope", &self.envelope)
            .field("reason", &self.reason)
            .field("error", &self.error)
            .field("attempts", &self.attempts)
            .field("first", &self.first)
            .field("last", &self.last)
            .finish()
    }
}

/// Names one dead letter, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LetterId(Handle);

/// The dead letters of one tracker, oldest first.
#[derive(Debug)]
pub struct DeadLetters<T, E> {
    letters: Slab<DeadLetter<T, E>>,
    order: List,
    when_full: WhenFull,
    displaced: u64,
    purged: u64,
}

impl<T, E> DeadLetters<T, E> {
    pub(super) fn new(rules: DeadLetterRules) -> Result<Self, CapacityError> {
        let letters = Slab::new(rules.capacity)?;
        Ok(Self { letters, order: List::default(), when_full: rules.when_full, displaced: 0, purged: 0 })
    }

    pub(super) fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// Whether one more would have to be held or dropped.
    pub(super) fn is_full(&self) -> bool {
        self.when_full != WhenFull::DropOldest && self.letters.depth() == self.letters.capacity()
    }

    /// Keeps a dead letter; the caller has asked [`is_full`](Self::is_full).
    pub(super) fn push(&mut self, letter: DeadLetter<T, E>) -> LetterId {
        let is_full = self.letters.depth() == self.letters.capacity();
        let oldest = if is_full { self.order.pop_front(&mut self.letters) } else { None };
        let displaced = oldest.and_then(|oldest| self.letters.remove(oldest));
        self.displaced += u64::from(displaced.is_some());
        let Ok(handle) = self.letters.insert(letter) else { unreachable!("there is room") };
        self.order.push_back(&mut self.letters, handle.index);
        // Last, as it is the caller's, and may panic.
        drop(displaced);
        LetterId(handle)
    }

    pub(super) fn take(&mut self, id: LetterId) -> Option<DeadLetter<T, E>> {
        if !self.letters.holds(id.0) {
            return None;
        }
        self.order.unlink(&mut self.letters, id.0.index);
        self.letters.remove(id.0.index)
    }

    /// The oldest, if it is not younger than `last`.
    pub(super) fn oldest_until(&self, last: LetterId) -> Option<LetterId> {
        let id = self.oldest()?;
        (id.0.serial <= last.0.serial).then_some(id)
    }

    pub(super) fn oldest(&self) -> Option<LetterId> {
        Some(LetterId(self.letters.handle(self.order.front()?)))
    }

    /// The youngest.
    pub fn newest(&self) -> Option<LetterId> {
        Some(LetterId(self.letters.handle(self.order.back()?)))
    }

    /// All dead letters, oldest first.
    pub fn list(&self) -> impl Iterator<Item = (LetterId, &DeadLetter<T, E>)> {
        let order = self.order.iter(&self.letters);
        order.filter_map(|index| Some((LetterId(self.letters.handle(index)), self.letters.get(index)?)))
    }

    /// One dead letter, where it lies.
    pub fn peek(&self, id: LetterId) -> Option<&DeadLetter<T, E>> {
        if self.letters.holds(id.0) { self.letters.get(id.0.index) } else { None }
    }

    /// One dead letter, to be changed: what belongs to a caller that still waits is taken out of it.
    pub fn peek_mut(&mut self, id: LetterId) -> Option<&mut DeadLetter<T, E>> {
        if self.letters.holds(id.0) { self.letters.get_mut(id.0.index) } else { None }
    }

    /// Takes one dead letter out for good.
    pub fn remove(&mut self, id: LetterId) -> Option<DeadLetter<T, E>> {
        let letter = self.take(id)?;
        self.purged += 1;
        Some(letter)
    }

    /// Drops all dead letters; returns how many there were.
    pub fn purge(&mut self) -> usize {
        let count = self.depth();
        while let Some(index) = self.order.pop_front(&mut self.letters) {
            self.purged += 1;
            drop(self.letters.remove(index));
        }
        count
    }

    /// Dead letters kept.
    pub fn depth(&self) -> usize {
        self.letters.depth()
    }

    /// The most that are kept.
    pub fn capacity(&self) -> usize {
        self.letters.capacity()
    }

    /// Dropped by [`WhenFull::DropOldest`].
    pub fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Taken out by [`remove`](Self::remove) or [`purge`](Self::purge).
    pub fn purged(&self) -> u64 {
        self.purged
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.letters.bytes()
    }
}
