//! How an end waits until there is something for it to do, and what waking it costs the others.
//!
//! | strategy | waits by | wakes after | costs while it waits |
//! |---|---|---|---|
//! | [`Spin`] | looking all the time | tens of nanoseconds | its CPU |
//! | [`Relax`] | looking, yielding, napping up to a millisecond | up to a nap | little |
//! | [`Park`] | looking as long as that has paid off lately, then sleeping | some microseconds, if it slept | nothing |
//!
//! A strategy is a type parameter of both ends of a channel: senders that wait for room wait as receivers wait for items.
//! With `Spin` and `Relax` nobody is ever woken, and so nobody pays for it.
//!
//! # What a notifier pays
//! Whoever has made something ready calls [`Signal::notify`]. While nobody sleeps that is one relaxed load of a word that is
//! written only when somebody falls asleep, and no fence: the sleeper brings the notifier's half of the fence along, by
//! [`membarrier`](crate::docs::ordering#6-sleeping). Where that is missing, on a side on which a *task* has slept, and on one
//! whose threads sleep long each time (both sleep too often to interrupt every CPU each time), the notifier takes a full fence.
//!
//! # Why no call is lost
//! A strategy is given a question (`ready`) instead of being told to sleep: it announces itself, asks again, and sleeps only
//! then. Who makes something ready does so before it looks for sleepers. One of the two sees the other.
//!
//! A call wakes one sleeper, and belongs to it. A sleeper that was called and then gives up (its time is over, its future
//! is dropped) passes the call on.

mod alarm;
mod deadline;
mod looks;
mod park;
mod relax;
mod sleepers;
mod spin;
mod task;

pub(crate) use self::{
    alarm::Alarm,
    looks::Looks,
    park::sleep,
    sleepers::{Caller, Fence, Place},
    task::Waiter,
};
pub use self::{deadline::Deadline, park::Park, relax::Relax, sleepers::Sleepers, spin::Spin};

/// A strategy: what an end does until it is ready. Each end has its own value, which may learn.
///
/// The trait is sealed: its implementors are [`Spin`], [`Relax`] and [`Park`].
pub trait Wait: Default + Send + sealed::Sealed + 'static {
    /// What those who wait and those who wake them share.
    type Signal: Signal;

    /// Waits until `ready` has an answer, or the deadline is over: then `None`.
    ///
    /// `ready` is asked at least once, and again whenever there may be an answer.
    ///
    /// # Panics
    /// Only if `ready` does.
    fn wait<R>(&mut self, signal: &Self::Signal, terms: Terms, ready: impl FnMut() -> Option<R>) -> Option<R>;

    /// Says that this end will not wait any more. A call that it has got and not answered goes to another.
    fn leave(&mut self, signal: &Self::Signal);
}

/// What those who wait and those who wake them share.
///
/// The trait is sealed: `()` is the signal of strategies that nobody wakes, [`Sleepers`] that of the others.
pub trait Signal: Default + Send + Sync + sealed::Sealed + 'static {
    /// Wakes up to `count` sleepers of that key: something has become ready for so many.
    fn notify(&self, count: usize, key: usize);

    /// Wakes every sleeper, whatever its key.
    fn notify_all(&self);

    /// How many are asleep, or about to be.
    fn sleepers(&self) -> usize;
}

/// The terms on which an end waits.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// When it gives up.
    pub until: Deadline,
    /// Which calls are for it: see [`Signal::notify`].
    pub key: usize,
    /// Threads that may want a CPU for the same work, this one included: with more of them than CPUs it does not spin.
    pub ends: usize,
}

impl Terms {
    /// Waits up to `until`, for calls of key 0, as one of two.
    pub fn until(until: Deadline) -> Self {
        Self { until, key: 0, ends: 2 }
    }
}

impl Signal for () {
    #[inline(always)]
    fn notify(&self, _count: usize, _key: usize) {}

    #[inline(always)]
    fn notify_all(&self) {}

    #[inline(always)]
    fn sleepers(&self) -> usize {
        0
    }
}

impl sealed::Sealed for () {}

/// An end that waits. When it stops, by a panic of the caller's code too, it is on no list, and a call that it got and has not
/// answered goes to another.
pub(crate) struct Waiting<'a, W: Wait>(pub(crate) &'a mut W, pub(crate) &'a W::Signal);

impl<W: Wait> Drop for Waiting<'_, W> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
