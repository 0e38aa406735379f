//! Items that come back when their time has come.

use std::{error::Error, fmt, time::Duration};

use super::{
    CapacityError, Instant,
    ahead::Ahead,
    instant::nanos,
    slab::{Handle, Slab},
    timers::Timers,
};

/// A timing wheel: schedules, cancels and fires items in constant time, however many are pending.
///
/// It is driven by `now`: nothing happens between two calls, and nothing sleeps. Items fire in the order of their ticks,
/// and first in, first out within a tick. Everything is allocated at the start.
///
/// | | called |
/// |---|---|
/// | Linux, tokio | timer wheel |
/// | Kafka | purgatory (`TimingWheel`) |
/// | Sidekiq | scheduled set, polled |
///
/// # Cost
/// A few dependent memory accesses to schedule, cancel or fire one; 40 bytes an item beside itself (rounded up to its
/// alignment). An item that is far ahead moves at most once per factor of 256 ticks in its distance; such moves happen in
/// [`fire`](Self::fire), many at once when many items lie in the same stretch of time.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::time::{Instant, Wheel};
///
/// let now = Instant::START;
/// let mut wheel = Wheel::new(1000, Duration::from_millis(1), now)?;
/// let tea = wheel.schedule(now + Duration::from_secs(240), "tea")?;
/// wheel.schedule(now + Duration::from_secs(60), "egg")?;
///
/// let now = now + Duration::from_secs(120);
/// assert_eq!(wheel.fire(now), Some("egg"));
/// assert_eq!(wheel.fire(now), None);
/// assert_eq!(wheel.cancel(tea), Some("tea"));
/// assert_eq!(wheel.cancel(tea), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Wheel<T> {
    items: Slab<T>,
    timers: Timers,
    ahead: Ahead,
}

/// Names one scheduled item, for ever: after it fired or was cancelled, its timer finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timer(Handle);

impl<T> Wheel<T> {
    /// A wheel for `capacity` items. An item fires not before its time, and less than `resolution` after it.
    ///
    /// # Errors
    /// [`CapacityError`]. The resolution may be anything: it is rounded down to a power of two nanoseconds, at least one.
    pub fn new(capacity: usize, resolution: Duration, now: Instant) -> Result<Self, CapacityError> {
        let (timers, items) = (Timers::new(capacity, nanos(resolution), now)?, Slab::new(capacity)?);
        Ok(Self { items, timers, ahead: Ahead::default() })
    }

    /// Keeps `item` until `at`. A time in the past is due at the next [`fire`](Self::fire).
    ///
    /// # Errors
    /// [`Full`] gives the item back.
    #[inline]
    pub fn schedule(&mut self, at: Instant, item: T) -> Result<Timer, Full<T>> {
        let handle = self.items.insert(item).map_err(Full)?;
        self.ahead.filled(handle.index, &self.items, &self.timers);
        self.timers.arm(handle.index, at);
        Ok(Timer(handle))
    }

    /// Takes an item back before its time; `None` if it is gone.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) -> Option<T> {
        if !self.items.holds(timer.0) {
            return None;
        }
        self.timers.disarm(timer.0.index);
        self.take_out(timer.0.index)
    }

    /// Gives an item another time; `false` if it is gone.
    #[inline]
    pub fn reschedule(&mut self, timer: Timer, at: Instant) -> bool {
        let is_here = self.items.holds(timer.0);
        if is_here {
            self.timers.arm(timer.0.index, at);
        }
        is_here
    }

    /// Hands out one item whose time has come; `None` if there is none (left).
    ///
    /// Time does not go back: an earlier `now` than one given before finds nothing new.
    #[inline]
    pub fn fire(&mut self, now: Instant) -> Option<T> {
        let items = &self.items;
        let index = self.timers.fire(now, |index| items.fetch(index))?;
        self.take_out(index)
    }

    /// Takes out an item whose timer has stopped.
    #[inline]
    fn take_out(&mut self, index: u32) -> Option<T> {
        self.ahead.leaves(index, &self.items, &mut self.timers);
        self.items.remove(index)
    }

    /// A time before which nothing fires, to sleep until; `None` if nothing is pending.
    #[inline]
    pub fn next_at(&self) -> Option<Instant> {
        self.timers.next_at()
    }

    /// Items pending.
    pub fn depth(&self) -> usize {
        self.items.depth()
    }

    /// The most items that may be pending.
    pub fn capacity(&self) -> usize {
        self.items.capacity()
    }

    /// How late an item may fire: less than this.
    pub fn resolution(&self) -> Duration {
        Duration::from_nanos(self.timers.resolution())
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.items.bytes() + self.timers.bytes()
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("depth", &self.depth())
            .field("capacity", &self.capacity())
            .field("resolution", &self.resolution())
            .field("next_at", &self.next_at())
            .finish()
    }
}

/// The item that did not fit, back again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> Full<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many items are pending as fit: cancel some, fire what is due, or build with more capacity")
    }
}

impl<T> Error for Full<T> {}
