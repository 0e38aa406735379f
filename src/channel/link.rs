//! What the ends of a channel share beside the ring: who sleeps on which side, who is left, who died, what was lost.

use crate::ring::sealed::Slots;
use crate::sync::{AtomicBool, AtomicUsize, Counter, Mutex, Ordering, Padded, full_fence};
use crate::wait::{Deadline, Signal, Terms, Wait};

use super::{End, Losses};

pub(super) struct Link<P, S> {
    /// Senders wait here for room.
    pub(super) senders: Side<S>,
    /// Receivers wait here for items.
    pub(super) receivers: Side<S>,
    pub(super) dropped_newest: Counter,
    pub(super) dropped_oldest: Counter,
    /// A producer that is used for nothing but to be cloned, where there are weak senders. Touched only when a weak sender
    /// is made or becomes a sender, and when the last sender is gone: so a lock may be here.
    pub(super) seed: Mutex<Option<P>>,
}

/// One side of a channel.
pub(super) struct Side<S> {
    pub(super) signal: S,
    /// Ends of this side.
    ends: Padded<AtomicUsize>,
    /// Whether one was dropped by a panic.
    died: AtomicBool,
}

impl<S: Signal> Side<S> {
    fn new() -> Self {
        Self { signal: S::default(), ends: Padded::new(AtomicUsize::new(1)), died: AtomicBool::new(false) }
    }

    /// Counts one more end, which is made from another.
    pub(super) fn join(&self) {
        // ORDER: Relaxed; the other keeps the count above zero meanwhile.
        self.ends.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one more end, unless all are gone.
    pub(super) fn rejoin(&self) -> bool {
        let one_more = |ends: usize| (ends > 0).then_some(ends + 1);
        // ORDER: Relaxed; the count decides who is last, and publishes nothing to who joins.
        self.ends.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Counts an end out, which says whether it dies; returns whether it is the last one, which has to close.
    pub(super) fn leave(&self, dies: bool) -> bool {
        if dies {
            // ORDER: Relaxed; published by the count below, and by the fence of whoever closes.
            self.died.store(true, Ordering::Relaxed);
        }
        // ORDER: AcqRel; the last to leave knows who died before. Partner: itself in the others.
        let is_last = self.ends.fetch_sub(1, Ordering::AcqRel) == 1;
        // Before the close that follows. Partner: the fence in `end`.
        full_fence();
        is_last
    }

    pub(super) fn ends(&self) -> usize {
        // ORDER: Relaxed; a figure.
        self.ends.load(Ordering::Relaxed)
    }

    /// How this side ended, asked by the other, which has found the channel closed.
    #[cold]
    pub(super) fn end(&self) -> End {
        full_fence();
        // ORDER: Relaxed; the fences put it after the close, and the mark before it.
        if self.died.load(Ordering::Relaxed) { End::PeerDied } else { End::Closed }
    }
}

impl<P: Slots, S: Signal> Link<P, S> {
    /// Tells receivers of so many slots that may hold items now.
    #[inline(always)]
    pub(super) fn tell_receivers(&self, slots: usize) {
        let signal = &self.receivers.signal;
        if P::SHOWN_TO_ALL {
            signal.notify_all();
        } else {
            signal.notify(slots, 0);
        }
    }

    /// Tells everybody of a claim of so many slots that has ended; a push is one, too.
    #[inline(always)]
    pub(super) fn tell_of_claim(&self, slots: usize) {
        self.tell_receivers(slots);
        if P::STOPS_OTHERS {
            self.senders.signal.notify(1, 0);
        }
    }
}

/// An end that is leaving. What it owes the others runs their wakers, so it comes last, and also if a waker, or the drop of
/// what the end held, panics: peers learn of it, and a call that this end has not answered goes to another of its side.
pub(super) struct Leaving<'a, W: Wait> {
    pub(super) wait: &'a mut W,
    pub(super) own: &'a W::Signal,
    pub(super) peers: &'a W::Signal,
    /// How many others of its side may go on when it is gone; `None`, if all may.
    pub(super) others: Option<usize>,
}

impl<W: Wait> Drop for Leaving<'_, W> {
    fn drop(&mut self) {
        let Self { wait, own, peers, others } = self;
        let to_others = || match *others {
            Some(count) => own.notify(count, 0),
            None => own.notify_all(),
        };
        both(|| peers.notify_all(), || both(to_others, || wait.leave(own)));
    }
}

/// Calls both, the second also if the first panics.
fn both(first: impl FnOnce(), second: impl FnOnce()) {
    struct Second<F: FnOnce()>(Option<F>);

    impl<F: FnOnce()> Drop for Second<F> {
        fn drop(&mut self) {
            if let Some(second) = self.0.take() {
                second();
            }
        }
    }

    let _second = Second(Some(second));
    first();
}

impl<P, S: Signal> Link<P, S> {
    pub(super) fn new() -> Self {
        Self {
            senders: Side::new(),
            receivers: Side::new(),
            dropped_newest: Counter::default(),
            dropped_oldest: Counter::default(),
            seed: Mutex::new(None),
        }
    }

    /// The terms on which an end waits now.
    pub(super) fn terms(&self, key: usize, until: Deadline) -> Terms {
        Terms { until, key, ends: self.senders.ends() + self.receivers.ends() }
    }

    /// Wakes everybody: the channel has ended.
    pub(super) fn notify_end(&self) {
        both(|| self.receivers.signal.notify_all(), || self.senders.signal.notify_all());
    }

    pub(super) fn losses(&self) -> Losses {
        Losses { dropped_newest: self.dropped_newest.get(), dropped_oldest: self.dropped_oldest.get() }
    }
}
