//! Ids seen lately: a duplicate is told, exactly, within a window of time and of count.

use std::{collections::VecDeque, time::Duration};

use crate::time::{CapacityError, Instant, checked};

use super::{envelope::Id, table::Table};

/// How long, and how many, ids are remembered. Within both bounds no duplicate is missed and nothing else is called one.
///
/// | | called |
/// |---|---|
/// | SQS | deduplication interval (5 minutes) of a FIFO queue |
/// | JetStream | duplicate window, `Nats-Msg-Id` (2 minutes) |
/// | Kafka | idempotent producer, by sequence number |
/// | RabbitMQ | deduplication plug-in; streams by publishing id |
/// | Sidekiq | unique jobs (Enterprise) |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupWindow {
    /// An id is forgotten when it is so old.
    pub time: Duration,
    /// An id is forgotten when so many came after it.
    pub count: usize,
}

/// Remembers the last ids, each with a value of `V`: nothing for a window of duplicates, a result for idempotent handlers.
#[derive(Debug)]
pub(super) struct Recent<V> {
    window: DedupWindow,
    seen: Table<Id, V>,
    /// Oldest first; never more than `window.count`.
    order: VecDeque<(Id, Instant)>,
}

impl<V> Recent<V> {
    pub(super) fn new(window: DedupWindow) -> Result<Self, CapacityError> {
        let mut order = VecDeque::new();
        let out_of_memory =
            |_| CapacityError::OutOfMemory { places: window.count, place_bytes: size_of::<(Id, Instant)>() };
        checked(window.count)?;
        order.try_reserve_exact(window.count).map_err(out_of_memory)?;
        Ok(Self { window, seen: Table::new(window.count)?, order })
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen.bytes() + self.order.capacity() * size_of::<(Id, Instant)>()
    }

    pub(super) fn depth(&self) -> usize {
        self.order.len()
    }

    /// What was remembered with `id`, if that lies within the window.
    pub(super) fn get(&mut self, id: Id, now: Instant) -> Option<&V> {
        self.forget(now);
        self.seen.get(id)
    }

    /// Remembers an id that does not lie within the window; `false` if it does.
    pub(super) fn insert_new(&mut self, id: Id, value: V, now: Instant) -> bool {
        let is_new = self.get(id, now).is_none();
        if is_new {
            self.insert(id, value, now);
        }
        is_new
    }

    /// Remembers an id that is not there yet.
    fn insert(&mut self, id: Id, value: V, now: Instant) {
        if self.order.len() == self.window.count {
            self.forget_oldest();
        }
        // The order is that of time, whatever the clock does.
        let now = self.order.back().map_or(now, |&(_, last)| last.max(now));
        self.seen.insert(id, value);
        self.order.push_back((id, now));
    }

    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|&(_, at)| now - at >= self.window.time) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((id, _)) = self.order.pop_front() {
            self.seen.remove(id);
        }
    }
}

/// Makes a handler idempotent: the result of an id is remembered, and a second run is answered with it.
///
/// # Cost
/// One look-up and one insertion; nothing is allocated after the start but what a result itself holds.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::{delivery::{DedupWindow, Idempotent}, time::Instant};
///
/// let mut fills = Idempotent::new(DedupWindow { time: Duration::from_secs(60), count: 1000 })?;
/// let mut sent = 0;
/// for _ in 0..2 {
///     let fill = fills.run(7_u64, Instant::START, || { sent += 1; format!("fill {sent}") });
///     assert_eq!(fill, "fill 1");
/// }
/// assert_eq!((sent, fills.repeats()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Idempotent<R> {
    results: Recent<R>,
    repeats: u64,
}

impl<R> Idempotent<R> {
    /// Remembers the results of so many ids, for so long.
    ///
    /// # Errors
    /// [`CapacityError`].
    pub fn new(window: DedupWindow) -> Result<Self, CapacityError> {
        Ok(Self { results: Recent::new(window)?, repeats: 0 })
    }

    /// The result of `id`: remembered, or made by `work`. If `work` panics, nothing is remembered.
    pub fn run(&mut self, id: impl Into<Id>, now: Instant, work: impl FnOnce() -> R) -> &R {
        let id = id.into();
        if self.results.get(id, now).is_some() {
            self.repeats += 1;
        } else {
            let result = work();
            self.results.insert(id, result, now);
        }
        self.results.seen.get(id).expect("it was there or was put there")
    }

    /// The result of `id`, if it is remembered.
    pub fn get(&mut self, id: impl Into<Id>, now: Instant) -> Option<&R> {
        self.results.get(id.into(), now)
    }

    /// How often a remembered result was the answer.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Results remembered.
    pub fn depth(&self) -> usize {
        self.results.depth()
    }

    /// Bytes allocated here.
    pub fn bytes(&self) -> usize {
        self.results.bytes()
    }
}
