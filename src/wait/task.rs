//! One end's place among the sleepers, for threads and for tasks.

use std::task::{Context, Poll, Waker};

use super::{Caller, Fence, Place, Signal, Sleepers};
use crate::sync::Arc;

/// What an end keeps from one sleep to the next: its place, made when it first sleeps.
#[derive(Default)]
pub(crate) struct Waiter {
    place: Option<Arc<Place>>,
    /// The key it is listed by, if it may be on the list: a future that was pending, and perhaps forgotten.
    listed: Option<usize>,
    /// Whether it was on the list when the last poll had its answer: a call may have come with it.
    was_listed: bool,
}

impl Waiter {
    /// Goes on the list; see [`Sleepers::enlist`].
    pub(crate) fn enlist(&mut self, signal: &Sleepers, key: usize, caller: Caller) -> Fence {
        let place = self.place.get_or_insert_with(|| Arc::new(Place::default()));
        if self.listed.is_none() {
            place.reset();
        }
        self.listed = Some(key);
        signal.enlist(place, key, caller)
    }

    /// Goes on the list for a task, unless it is on it for that very one.
    pub(crate) fn enlist_task(&mut self, signal: &Sleepers, key: usize, waker: &Waker) -> Fence {
        if self.has_task(signal, waker) {
            return Fence::NONE;
        }
        self.strike(signal);
        self.enlist(signal, key, Caller::Task(waker.clone()))
    }

    fn has_task(&self, signal: &Sleepers, waker: &Waker) -> bool {
        self.listed.is_some() && self.place.as_ref().is_some_and(|place| signal.has_task(place, waker))
    }

    /// Whether it was called since it went on the list.
    pub(crate) fn was_called(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.was_called())
    }

    /// Leaves the list; returns whether it was called instead.
    #[inline]
    pub(crate) fn strike(&mut self, signal: &Sleepers) -> bool {
        self.listed.is_some() && self.strike_listed(signal)
    }

    #[cold]
    fn strike_listed(&mut self, signal: &Sleepers) -> bool {
        self.listed = None;
        self.place.as_ref().is_some_and(|place| !signal.strike(place))
    }

    /// Whether the last poll had its answer while this end was on the list.
    pub(crate) fn was_listed(&self) -> bool {
        self.was_listed
    }

    /// Leaves the list without an answer. A call that came meanwhile goes to another.
    pub(crate) fn give_up(&mut self, signal: &Sleepers) {
        let key = self.listed.unwrap_or(0);
        if self.strike(signal) {
            signal.notify(1, key);
        }
    }

    /// One look of a task, which is woken when it should look again.
    #[inline]
    pub(crate) fn poll<R>(
        &mut self,
        signal: &Sleepers,
        key: usize,
        context: &Context<'_>,
        ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        self.poll_by(signal, key, context, Caller::Task, ready)
    }

    /// The same, where whoever calls is not to hear of a waker that panics.
    pub(crate) fn poll_quietly<R>(
        &mut self,
        signal: &Sleepers,
        context: &Context<'_>,
        ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        self.poll_by(signal, 0, context, Caller::QuietTask, ready)
    }

    #[inline(always)]
    fn poll_by<R>(
        &mut self,
        signal: &Sleepers,
        key: usize,
        context: &Context<'_>,
        caller: impl FnOnce(Waker) -> Caller,
        mut ready: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        self.was_listed = self.listed.is_some();
        if let Some(answer) = ready() {
            self.strike(signal);
            return Poll::Ready(answer);
        }
        if self.has_task(signal, context.waker()) {
            // On the list since before the look above: whatever it missed calls this task.
            return Poll::Pending;
        }
        self.strike(signal);
        self.was_listed = true;
        self.enlist(signal, key, caller(context.waker().clone())).take();
        match ready() {
            Some(answer) => {
                self.strike(signal);
                Poll::Ready(answer)
            }
            None => Poll::Pending,
        }
    }
}
