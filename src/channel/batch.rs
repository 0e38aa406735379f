//! Many items at once, and items written in place.
#![allow(unsafe_code)]

use std::fmt;
use std::mem::MaybeUninit;

use super::{
    Receiver, RecvError, RecvUntilError, SendError, SendManyError, Sender, TryRecvError, TrySendError, link::Link,
    sender::Telling,
};
use crate::ring::{self, Closes, Consumer, Kind, PopError, Producer, PushError, sealed::Slots};
use crate::sync::yield_now;
use crate::wait::{Deadline, Signal, Wait};

/// Items that are moved before the other side is told: however long a batch is, nobody sleeps through it.
pub(super) const RUN: usize = 64;

impl<T, K: Kind<T>, W: Wait> Sender<T, K, W> {
    /// Sends all items; waits whenever the channel is full. Returns how many.
    ///
    /// # Errors
    /// [`SendManyError`], if the channel is closed. What was not sent is still in the iterator: lend it, as `&mut iterator`, to
    /// keep it.
    ///
    /// # Panics
    /// Only if the iterator does; what it yielded before is sent.
    ///
    /// # Cost
    /// As [`push_iter`](Producer::push_iter), and one look for sleepers a batch.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// let sender = std::thread::spawn(move || tx.send_many(0..100));
    /// assert_eq!(rx.iter().count(), 100);
    /// assert_eq!(sender.join().unwrap(), Ok(100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_many(&mut self, items: impl IntoIterator<Item = T>) -> Result<usize, SendManyError> {
        let mut items = items.into_iter();
        self.send_runs(|producer| producer.push_iter(&mut items.by_ref().take(RUN)))
    }

    /// Sends by `push`, a run at a time, until it has nothing more.
    pub(super) fn send_runs(
        &mut self,
        mut push: impl FnMut(&mut K::Producer) -> Result<usize, PushError<()>>,
    ) -> Result<usize, SendManyError> {
        let mut sent = 0;
        loop {
            match self.push_run(&mut push) {
                Ok(0) => return Ok(sent),
                Ok(pushed) => sent += pushed,
                Err(PushError::Full(())) => {
                    // Waits for room only: the iterator's code does not run while this end is on a list. A slot that is
                    // claimed by a pop and not free yet counts as room: whoever pops it may need this CPU.
                    let is_ready = |producer: &mut K::Producer| producer.room() > 0 || producer.is_closed();
                    let _ = self.wait_for_room(Deadline::NEVER, |producer| is_ready(producer).then_some(()));
                    yield_now();
                }
                Err(PushError::Closed(())) => return Err(SendManyError { sent, end: self.link.receivers.end() }),
            }
        }
    }

    /// Sends as many items as there is room for; returns how many. The others are still in the iterator: lend it, as
    /// `&mut iterator`, to keep them.
    ///
    /// # Errors
    /// [`TrySendError`], if not one was sent.
    ///
    /// # Panics
    /// Only if the iterator does; what it yielded before is sent.
    pub fn try_send_many(&mut self, items: impl IntoIterator<Item = T>) -> Result<usize, TrySendError<()>> {
        let (mut items, mut sent) = (items.into_iter(), 0);
        loop {
            match self.push_run(|producer| producer.push_iter(&mut items.by_ref().take(RUN))) {
                Ok(0) => return Ok(sent),
                Ok(pushed) => sent += pushed,
                Err(_) if sent > 0 => return Ok(sent),
                Err(PushError::Full(())) => return Err(TrySendError::Full(())),
                Err(PushError::Closed(())) => return Err(SendError::new((), self.link.receivers.end()).into()),
            }
        }
    }

    /// Pushes some items, and tells receivers.
    pub(super) fn push_run(
        &mut self,
        push: impl FnOnce(&mut K::Producer) -> Result<usize, PushError<()>>,
    ) -> Result<usize, PushError<()>> {
        // How many went in before a panic is not known here; who is woken wakes the next.
        let mut telling = Telling(self, Some(1));
        let pushed = push(&mut telling.0.producer);
        telling.1 = pushed.ok();
        pushed
    }

    /// Takes up to `max` slots to be written in place, at least one; waits while there is none.
    ///
    /// # Errors
    /// [`SendError`], if the channel is closed.
    ///
    /// # Panics
    /// If `max` is 0.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc::<[u8; 512]>(8)?;
    /// let mut claim = tx.claim(1)?;
    /// let frame = claim.slot().expect("one slot").write([0; 512]); // in the channel's own memory
    /// frame[0] = 7;
    /// // SAFETY: the slot was written by the line above.
    /// unsafe { claim.assume_written() };
    /// assert_eq!(claim.commit(), 1);
    /// assert_eq!(rx.recv()?[0], 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn claim(&mut self, max: usize) -> Result<Claim<'_, T, K, W>, SendError<()>> {
        let mut slots = self.claim_slots(max);
        if let Err(PushError::Full(())) = slots {
            let mut telling = Telling(self, Some(1));
            slots = telling
                .0
                .wait_for_room(Deadline::NEVER, |producer| match producer.claim(max) {
                    Err(PushError::Full(())) => None,
                    slots => Some(slots),
                })
                .unwrap_or(slots);
            telling.1 = None;
        }
        match slots {
            Ok(slots) => Ok(self.claimed(slots)),
            Err(_) => Err(SendError::new((), self.link.receivers.end())),
        }
    }

    /// Takes up to `max` slots to be written in place, at least one, if there is one.
    ///
    /// # Errors
    /// [`TrySendError`].
    ///
    /// # Panics
    /// If `max` is 0.
    #[track_caller]
    pub fn try_claim(&mut self, max: usize) -> Result<Claim<'_, T, K, W>, TrySendError<()>> {
        match self.claim_slots(max) {
            Ok(slots) => Ok(self.claimed(slots)),
            Err(PushError::Full(())) => Err(TrySendError::Full(())),
            Err(PushError::Closed(())) => Err(SendError::new((), self.link.receivers.end()).into()),
        }
    }

    /// Opens a claim, which ends a forgotten one: others may have stood behind it. For one that is refused a receiver may
    /// have put the end of the channel off.
    #[track_caller]
    fn claim_slots(&mut self, max: usize) -> Result<usize, PushError<()>> {
        assert!(max > 0, "a claim is of one slot at the least");
        let mut telling = Telling(self, Some(1));
        let slots = telling.0.producer.claim(max);
        telling.1 = slots.is_ok().then_some(1);
        slots
    }

    /// The claim that this producer has just opened.
    fn claimed(&mut self, slots: usize) -> Claim<'_, T, K, W> {
        let Self { producer, link, .. } = self;
        Claim { claim: ring::Claim::of(producer, slots), tells: Tells::<K::Producer, W::Signal>(link, slots) }
    }
}

/// Slots of a channel that are this claim's to write: a [`ring::Claim`] that tells receivers when it ends.
///
/// Forgetting it abandons it as soon as its sender is used again or dropped.
#[must_use = "a claim that is dropped without a `commit` sends nothing"]
pub struct Claim<'a, T, K: Kind<T>, W: Wait> {
    // FIRST: the claim ends before receivers are told.
    pub(super) claim: ring::Claim<'a, K::Producer>,
    tells: Tells<'a, K::Producer, W::Signal>,
}

/// Tells, when it is dropped, of so many slots.
struct Tells<'a, P: Slots, S: Signal>(&'a Link<P, S>, usize);

impl<P: Slots, S: Signal> Drop for Tells<'_, P, S> {
    fn drop(&mut self) {
        self.0.tell_of_claim(self.1);
    }
}

impl<T, K: Kind<T>, W: Wait> Claim<'_, T, K, W> {
    /// Slots of this claim.
    pub fn slots(&self) -> usize {
        self.claim.slots()
    }

    /// Slots written so far.
    pub fn written(&self) -> usize {
        self.claim.written()
    }

    /// Writes an item to the next slot.
    ///
    /// # Errors
    /// Hands the item back if every slot is written.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), T> {
        self.claim.push(item)
    }

    /// The next slot, to be written in place; then say so by [`assume_written`](Self::assume_written).
    #[inline]
    pub fn slot(&mut self) -> Option<&mut MaybeUninit<T>> {
        self.claim.slot()
    }

    /// Counts the slot that [`slot`](Self::slot) returns as written.
    ///
    /// # Safety
    /// * That slot holds a valid item.
    ///
    /// # Panics
    /// If every slot is written already.
    #[inline]
    pub unsafe fn assume_written(&mut self) {
        // SAFETY: by the caller's word.
        unsafe { self.claim.assume_written() };
    }

    /// Counts every slot of the claim as written.
    ///
    /// # Safety
    /// * All its slots hold valid items.
    #[inline]
    pub unsafe fn assume_all_written(&mut self) {
        // SAFETY: by the caller's word.
        unsafe { self.claim.assume_all_written() };
    }

    /// Takes the item written last out of its slot.
    pub fn take_back(&mut self) -> Option<T> {
        self.claim.take_back()
    }

    /// Sends the written slots, in order; returns how many. The others are abandoned.
    ///
    /// It can't be refused: a claim opened before the channel was closed is accepted after it.
    #[inline]
    pub fn commit(self) -> usize {
        let Self { claim, tells } = self;
        let written = claim.commit();
        drop(tells);
        written
    }

    /// Gives the slots up; the same as dropping the claim.
    pub fn abandon(self) {}
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for Claim<'_, T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.claim.fmt(f)
    }
}

/// What [`Receiver::drain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Items handed over.
    pub items: usize,
    /// Items that are still inside, open claims included, because the deadline came first. 0 at the end of the channel.
    pub left: usize,
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W> {
    /// Waits for one item, then appends it, and what else is there, to `items`: up to `max`; returns how many.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Cost
    /// As [`pop_each`](Consumer::pop_each), and one look for sleepers a batch.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// tx.send_many(1..=5)?;
    /// let mut items = Vec::new();
    /// assert_eq!(rx.recv_many(&mut items, 3)?, 3);
    /// assert_eq!(rx.recv_many(&mut items, 3)?, 2); // what was there
    /// assert_eq!(items, [1, 2, 3, 4, 5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_many(&mut self, items: &mut Vec<T>, max: usize) -> Result<usize, RecvError> {
        self.recv_each(max, |item| items.push(item))
    }

    /// Waits for one item, then hands it, and what else is there, to `each`: up to `max`; returns how many.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and drained.
    ///
    /// # Panics
    /// Only if `each` does. The item it was given is gone; those after it are still to be received.
    #[inline]
    pub fn recv_each(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, RecvError> {
        self.take_each_until(Deadline::NEVER, max, each).map_err(|_| self.end().into())
    }

    /// As [`recv_each`](Self::recv_each), and waits up to the deadline for the first item.
    ///
    /// # Errors
    /// [`RecvUntilError`].
    ///
    /// # Panics
    /// As [`recv_each`](Self::recv_each).
    #[inline]
    pub fn recv_each_until(
        &mut self,
        until: Deadline,
        max: usize,
        each: impl FnMut(T),
    ) -> Result<usize, RecvUntilError> {
        self.take_each_until(until, max, each).map_err(|nothing| match nothing {
            PopError::Empty => RecvUntilError::Timeout,
            PopError::Closed => self.end().into(),
        })
    }

    /// Hands what is there to `each`, up to `max`, without waiting; returns how many, at least one.
    ///
    /// # Errors
    /// [`TryRecvError`], if there was not one.
    ///
    /// # Panics
    /// As [`recv_each`](Self::recv_each).
    #[inline]
    pub fn try_recv_each(&mut self, max: usize, mut each: impl FnMut(T)) -> Result<usize, TryRecvError> {
        let taken = self.take_each(max, &mut each);
        taken.map_err(|nothing| match nothing {
            PopError::Empty => TryRecvError::Empty,
            PopError::Closed => self.end().into(),
        })
    }

    #[inline]
    fn take_each_until(&mut self, until: Deadline, max: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        match self.take_each(max, &mut each) {
            Err(PopError::Empty) => {
                // Waits for an item only: the caller's code does not run while this end is on a list.
                self.take_until(until, |consumer| consumer.peek().map(drop))?;
                self.take_each(max, &mut each)
            }
            taken => taken,
        }
    }

    /// Takes what is there, a run at a time, and tells senders after each.
    #[inline(always)]
    fn take_each(&mut self, max: usize, each: &mut impl FnMut(T)) -> Result<usize, PopError> {
        let mut taken = self.taking().consumer.pop_each(max.min(RUN), &mut *each)?;
        while taken < max {
            match self.taking().consumer.pop_more((max - taken).min(RUN), &mut *each) {
                0 => break,
                more => taken += more,
            }
        }
        Ok(taken)
    }
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W>
where
    K::Consumer: Closes,
{
    /// Closes, then hands everything that was accepted to `each`, up to the end or the deadline.
    ///
    /// An item is refused and back with its sender, or handed over here, or counted in [`left`](Drained::left). (Unless
    /// other receivers take some, or `Closed` is answered to them first.)
    ///
    /// # Panics
    /// Only if `each` does, as [`recv_each`](Self::recv_each).
    ///
    /// # Examples
    /// ```
    /// use ringway::{channel, wait::Deadline};
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// tx.send_many(1..=3)?;
    /// let mut sum = 0;
    /// let drained = rx.drain(Deadline::NEVER, |item| sum += item);
    /// assert_eq!((drained.items, drained.left, sum), (3, 0, 6));
    /// assert!(tx.send(4).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&mut self, until: Deadline, mut each: impl FnMut(T)) -> Drained {
        self.close();
        let mut items = 0;
        loop {
            match self.recv_each_until(until, RUN, &mut each) {
                Ok(taken) => items += taken,
                Err(RecvUntilError::Timeout) => return Drained { items, left: self.depth() },
                Err(RecvUntilError::Closed | RecvUntilError::PeerDied) => return Drained { items, left: 0 },
            }
            if until.is_over() {
                return Drained { items, left: self.depth() };
            }
        }
    }
}
