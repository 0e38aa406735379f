//! Waiting for several receivers at once.

use std::{
    fmt,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::Receiver;
use crate::ring::{Consumer, Kind, PopError};
use crate::sync::yield_now;
use crate::wait::{Caller, Deadline, Fence, Park, sleep};

/// Looks before it goes to sleep, yielding in between.
const YIELDS: u32 = 8;

/// Something that [`Select`] can wait for: a [`Receiver`] whose ends park, or a [`Ticker`]. An `Option` that is `None` is
/// left out.
///
/// The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a `Select` can wait for",
    note = "it waits for receivers whose ends `Park`, for a `Ticker`, for a reference to one of them, and for an `Option` of one"
)]
pub trait Source: selects::Selects {}

impl<T, K: Kind<T>> Source for Receiver<T, K, Park> {}
impl Source for Ticker {}
impl<S: Source + ?Sized> Source for &mut S {}
impl<S: Source> Source for Option<S> {}

/// Chooses among several sources the next one that is ready.
///
/// Ready is a receiver that has an item, or whose channel has ended. [`recv`](Self::recv) receives from it at once, from up
/// to four sources of any types; [`wait`](Self::wait) names its place in a list of any length.
///
/// A receiver of `mpmc` that is found ready has the item in its hands, as after a [`peek`](Receiver::peek): no other gets it.
///
/// # Examples
/// ```
/// use ringway::{channel::{self, Chosen::*, Select}, wait::Deadline};
///
/// let (mut orders, mut from_orders) = channel::spsc::<u64>(8)?;
/// let (mut prices, mut from_prices) = channel::mpsc::<f64>(8)?;
/// orders.send(1)?;
/// prices.send(2.5)?;
/// let (mut select, mut seen) = (Select::fair(), (0, 0.0));
/// for _ in 0..2 {
///     match select.recv((&mut from_orders, &mut from_prices), Deadline::NEVER) {
///         Some(First(order)) => seen.0 += order?,
///         Some(Second(price)) => seen.1 += price?,
///         None => unreachable!("there is no deadline"),
///     }
/// }
/// assert_eq!(seen, (1, 2.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Select {
    order: Order,
    /// The source that is looked at first.
    next: usize,
    /// Choices that the source at `next` may still have in a row, if it is weighted.
    credit: u32,
}

#[derive(Debug, Clone)]
enum Order {
    Fair,
    Biased,
    Weighted(Box<[u32]>),
}

impl Select {
    /// Every ready source has its turn: who was chosen last is looked at last.
    pub fn fair() -> Self {
        Self { order: Order::Fair, next: 0, credit: 0 }
    }

    /// The first ready source of the list, always: the others may starve.
    pub fn biased() -> Self {
        Self { order: Order::Biased, next: 0, credit: 0 }
    }

    /// Every ready source has its turn, and is chosen up to so many times in a row. A source without a weight has 1.
    ///
    /// # Panics
    /// If a weight is 0.
    #[track_caller]
    pub fn weighted(weights: &[u32]) -> Self {
        assert!(weights.iter().all(|&weight| weight > 0), "a source of weight 0 would never be chosen: leave it out");
        Self { order: Order::Weighted(weights.into()), next: 0, credit: weights.first().copied().unwrap_or(1) }
    }

    /// Waits until a source is ready, and returns its place in the list; `None`, if none is up to the deadline, or there
    /// is none. What to do with it is the caller's: receive from it, or leave it out of the next choice when it has ended.
    ///
    /// # Cost
    /// A look at the sources up to the ready one. If it must sleep: a place on the list of each, and a fence for all.
    ///
    /// # Examples
    /// ```
    /// use ringway::{channel::{self, Select}, wait::Deadline};
    ///
    /// let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
    ///     (0..9).map(|_| channel::spsc::<u64>(8)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    /// senders[7].send(1)?;
    /// let ready = Select::fair().wait(&mut receivers, Deadline::NEVER).expect("there is no deadline");
    /// assert_eq!((ready, receivers[ready].try_recv()), (7, Ok(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the choice names the source to receive from"]
    pub fn wait<S: Source>(&mut self, sources: &mut [S], until: Deadline) -> Option<usize> {
        if sources.iter().all(|source| source.is_left_out()) {
            return None;
        }
        for look in 0..=YIELDS {
            if let Some(ready) = self.choose(sources) {
                return Some(ready);
            }
            if look == 0 && until.is_over() {
                return None;
            }
            yield_now();
        }
        loop {
            let listed = sources.iter_mut().map(|source| source.enlist(Caller::this_thread()));
            listed.fold(Fence::NONE, Fence::and).take();
            let mut ready = self.choose(sources);
            if ready.is_none() {
                let wake = sources.iter().fold(until, |wake, source| wake.min(source.wakes_at()));
                sleep(wake, || sources.iter().any(|source| source.was_called()));
            }
            let called = strike_all(sources);
            ready = ready.or_else(|| self.choose(sources));
            if called {
                pass_on_all(sources, ready);
            }
            if ready.is_some() || until.is_over() {
                return ready;
            }
        }
    }

    /// One look at the sources, for a task; if none is ready, it is woken when it should look again. A [`Ticker`] wakes no
    /// task: that takes a timer of the runtime. With no source left nothing is ready, and nobody wakes the task.
    ///
    /// A task that is not going to poll again after `Pending` should drop the receivers, or receive through them by other
    /// means: see [`Receiver::poll_recv`].
    pub fn poll<S: Source>(&mut self, sources: &mut [S], context: &mut Context<'_>) -> Poll<usize> {
        let mut ready = self.choose(sources);
        let looks_twice = ready.is_none();
        if looks_twice {
            let listed = sources.iter_mut().map(|source| source.enlist_task(context.waker()));
            listed.fold(Fence::NONE, Fence::and).take();
            ready = self.choose(sources);
        }
        let Some(chosen) = ready else { return Poll::Pending };
        // A source that was called between the looks is on its list anew, and its call forgotten.
        if strike_all(sources) | looks_twice {
            pass_on_all(sources, ready);
        }
        Poll::Ready(chosen)
    }

    /// The next ready source in this order.
    fn choose<S: Source>(&mut self, sources: &mut [S]) -> Option<usize> {
        let count = sources.len();
        let start = match self.order {
            Order::Biased => 0,
            Order::Fair | Order::Weighted(_) => self.next,
        };
        let ready = (0..count).map(|nth| (start + nth) % count).find(|&at| sources[at].is_ready())?;
        match &self.order {
            Order::Biased => {}
            Order::Fair => self.next = ready + 1,
            Order::Weighted(weights) => {
                let weight = |at: usize| weights.get(at).copied().unwrap_or(1);
                if ready != self.next % count {
                    (self.next, self.credit) = (ready, weight(ready));
                }
                self.credit -= 1;
                if self.credit == 0 {
                    self.next = (ready + 1) % count;
                    self.credit = weight(self.next);
                }
            }
        }
        Some(ready)
    }
}

/// Takes every source off its list; returns whether one was called instead.
fn strike_all<S: Source>(sources: &mut [S]) -> bool {
    // All of them, so not `any`.
    sources.iter_mut().filter_map(|source| source.strike().then_some(())).count() > 0
}

/// Calls for what is not chosen now go to others.
fn pass_on_all<S: Source>(sources: &[S], chosen: Option<usize>) {
    for (at, source) in sources.iter().enumerate() {
        source.pass_on(usize::from(chosen == Some(at)));
    }
}

/// A source that is ready from time to time.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::{channel::{Select, Ticker}, wait::Deadline};
///
/// let mut tick = Ticker::every(Duration::from_micros(100));
/// assert_eq!(Select::fair().wait(&mut [&mut tick], Deadline::NEVER), Some(0));
/// assert!(tick.ticks() >= 1);
/// ```
pub struct Ticker {
    next: Option<Instant>,
    period: Duration,
}

impl Ticker {
    /// Ticks every `period`, for the first time one from now.
    ///
    /// # Panics
    /// If the period is zero.
    #[track_caller]
    pub fn every(period: Duration) -> Self {
        assert!(!period.is_zero(), "a ticker needs a period");
        Self { next: Instant::now().checked_add(period), period }
    }

    /// Takes the ticks that have passed since they were taken last; returns how many.
    pub fn ticks(&mut self) -> u64 {
        let (now, period) = (Instant::now(), self.period.as_nanos());
        let Some(late) = self.next.and_then(|next| now.checked_duration_since(next)) else { return 0 };
        let late = late.as_nanos();
        // Less than a period, and what the clock can't say never comes.
        let left = period - late % period;
        let left = Duration::new((left / 1_000_000_000) as u64, (left % 1_000_000_000) as u32);
        self.next = now.checked_add(left);
        (late / period).saturating_add(1).try_into().unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("period", &self.period).finish_non_exhaustive()
    }
}

pub(crate) mod selects {
    use super::{Caller, Deadline, Fence, Waker};

    /// What a source does for a [`Select`](super::Select).
    pub trait Selects {
        /// Whether it will never be ready.
        fn is_left_out(&self) -> bool {
            false
        }
        fn is_ready(&mut self) -> bool;
        fn enlist(&mut self, caller: Caller) -> Fence;
        fn enlist_task(&mut self, waker: &Waker) -> Fence;
        fn was_called(&self) -> bool;
        /// Returns whether it was called.
        fn strike(&mut self) -> bool;
        /// Calls another receiver, if there are more items than this one keeps.
        fn pass_on(&self, keeps: usize);
        fn wakes_at(&self) -> Deadline;
    }
}

impl<T, K: Kind<T>> selects::Selects for Receiver<T, K, Park> {
    #[inline]
    fn is_ready(&mut self) -> bool {
        !matches!(self.taking().consumer.peek(), Err(PopError::Empty))
    }

    fn enlist(&mut self, caller: Caller) -> Fence {
        self.wait.waiter().enlist(&self.link.receivers.signal, 0, caller)
    }

    fn enlist_task(&mut self, waker: &Waker) -> Fence {
        self.wait.waiter().enlist_task(&self.link.receivers.signal, 0, waker)
    }

    fn was_called(&self) -> bool {
        self.wait.waiter_ref().was_called()
    }

    fn strike(&mut self) -> bool {
        self.wait.waiter().strike(&self.link.receivers.signal)
    }

    fn pass_on(&self, keeps: usize) {
        self.call_next(keeps);
    }

    fn wakes_at(&self) -> Deadline {
        Deadline::NEVER
    }
}

impl selects::Selects for Ticker {
    fn is_ready(&mut self) -> bool {
        self.next.is_some_and(|next| next <= Instant::now())
    }

    fn enlist(&mut self, _caller: Caller) -> Fence {
        Fence::NONE
    }

    fn enlist_task(&mut self, _waker: &Waker) -> Fence {
        Fence::NONE
    }

    fn was_called(&self) -> bool {
        false
    }

    fn strike(&mut self) -> bool {
        false
    }

    fn pass_on(&self, _keeps: usize) {}

    fn wakes_at(&self) -> Deadline {
        self.next.map_or(Deadline::NEVER, Deadline::at)
    }
}

/// `None` is never ready, and on no list.
impl<S: Source> selects::Selects for Option<S> {
    fn is_left_out(&self) -> bool {
        self.as_ref().is_none_or(|source| source.is_left_out())
    }

    fn is_ready(&mut self) -> bool {
        self.as_mut().is_some_and(|source| source.is_ready())
    }

    fn enlist(&mut self, caller: Caller) -> Fence {
        self.as_mut().map_or(Fence::NONE, |source| source.enlist(caller))
    }

    fn enlist_task(&mut self, waker: &Waker) -> Fence {
        self.as_mut().map_or(Fence::NONE, |source| source.enlist_task(waker))
    }

    fn was_called(&self) -> bool {
        self.as_ref().is_some_and(|source| source.was_called())
    }

    fn strike(&mut self) -> bool {
        self.as_mut().is_some_and(|source| source.strike())
    }

    fn pass_on(&self, keeps: usize) {
        if let Some(source) = self {
            source.pass_on(keeps);
        }
    }

    fn wakes_at(&self) -> Deadline {
        self.as_ref().map_or(Deadline::NEVER, |source| source.wakes_at())
    }
}

impl<S: Source + ?Sized> selects::Selects for &mut S {
    fn is_left_out(&self) -> bool {
        (**self).is_left_out()
    }

    fn is_ready(&mut self) -> bool {
        (**self).is_ready()
    }

    fn enlist(&mut self, caller: Caller) -> Fence {
        (**self).enlist(caller)
    }

    fn enlist_task(&mut self, waker: &Waker) -> Fence {
        (**self).enlist_task(waker)
    }

    fn was_called(&self) -> bool {
        (**self).was_called()
    }

    fn strike(&mut self) -> bool {
        (**self).strike()
    }

    fn pass_on(&self, keeps: usize) {
        (**self).pass_on(keeps);
    }

    fn wakes_at(&self) -> Deadline {
        (**self).wakes_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticker_that_was_left_alone_for_long_ticks_on() {
        let mut ticker = Ticker::every(Duration::from_nanos(1));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(5)).expect("a clock that has run for a while");
        ticker.next = Some(long_ago);
        assert!(ticker.ticks() > u64::from(u32::MAX));
        assert!(ticker.next.is_some_and(|next| next > long_ago));
    }
}
