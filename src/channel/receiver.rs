//! The end that receives.
#![allow(unsafe_code)]

use std::{
    fmt,
    iter::FusedIterator,
    mem::ManuallyDrop,
    panic::{RefUnwindSafe, UnwindSafe},
    thread::panicking,
    time::Duration,
};

use super::{
    RecvError, RecvUntilError, TryRecvError,
    link::{Leaving, Link},
};
use crate::ring::{
    Closes, Consumer, Kind, PopError,
    mpmc::Mpmc,
    sealed::{MakesRoom, Slots},
};
use crate::sync::Arc;
use crate::wait::{Deadline, Park, Signal, Wait, Waiting};

/// The end of a channel that receives; `Clone` it for more, where the kind of channel has many.
pub struct Receiver<T, K: Kind<T>, W: Wait = Park> {
    pub(super) consumer: ManuallyDrop<K::Consumer>,
    pub(super) link: Arc<Link<K::Producer, W::Signal>>,
    pub(super) wait: W,
    /// Losses that this end was told of.
    pub(super) told: u64,
    /// Whether this end has said that nothing will come.
    pub(super) ended: bool,
}

/// The consumer during a call, after which senders are told of the room it made; also if the caller's code panics.
pub(super) struct Taking<'a, T, K: Kind<T>, S: Signal> {
    pub(super) consumer: &'a mut K::Consumer,
    link: &'a Link<K::Producer, S>,
}

impl<'a, T, K: Kind<T>, S: Signal> Taking<'a, T, K, S> {
    #[inline(always)]
    pub(super) fn new(consumer: &'a mut K::Consumer, link: &'a Link<K::Producer, S>) -> Self {
        Self { consumer, link }
    }
}

impl<T, K: Kind<T>, S: Signal> Drop for Taking<'_, T, K, S> {
    #[inline(always)]
    fn drop(&mut self) {
        self.consumer.made_room(|key| self.link.senders.signal.notify(1, key));
    }
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W> {
    /// For a receiver that has been counted.
    pub(super) fn new(consumer: K::Consumer, link: Arc<Link<K::Producer, W::Signal>>) -> Self {
        let told = link.losses().total();
        Self { consumer: ManuallyDrop::new(consumer), link, wait: W::default(), told, ended: false }
    }

    #[inline(always)]
    pub(super) fn taking(&mut self) -> Taking<'_, T, K, W::Signal> {
        Taking::new(&mut *self.consumer, &self.link)
    }

    #[inline(always)]
    fn pop(&mut self) -> Result<T, PopError> {
        if <K::Producer as Slots>::SHOWN_TO_ALL {
            // The item is cloned, and that may panic.
            return self.taking().consumer.try_pop();
        }
        let link = &self.link;
        self.consumer.pop_and_tell(|key| link.senders.signal.notify(1, key))
    }

    /// Receives the next item; waits for it.
    ///
    /// # Errors
    /// [`RecvError`], if the channel is closed and everything accepted was received.
    ///
    /// # Cost
    /// The ring's pop, and a look at whether a sender sleeps: with every item on `mpmc`, once half the ring on the
    /// others.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        match self.pop() {
            Ok(item) => Ok(item),
            Err(nothing) => self.recv_later(nothing),
        }
    }

    /// Receives the next item if there is one.
    ///
    /// # Errors
    /// [`TryRecvError`]. `Empty` only means that nothing can be taken now.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.pop().map_err(|nothing| match nothing {
            PopError::Empty => TryRecvError::Empty,
            PopError::Closed => self.end().into(),
        })
    }

    /// Receives the next item; waits for it, up to the deadline.
    ///
    /// # Errors
    /// [`RecvUntilError`]. With a deadline that is over, as [`try_recv`](Self::try_recv).
    #[inline]
    pub fn recv_until(&mut self, until: Deadline) -> Result<T, RecvUntilError> {
        let mut popped = self.pop();
        if matches!(popped, Err(PopError::Empty)) {
            popped = self.take_until(until, |consumer| consumer.try_pop());
        }
        popped.map_err(|nothing| match nothing {
            PopError::Empty => RecvUntilError::Timeout,
            PopError::Closed => self.end().into(),
        })
    }

    /// As [`recv_until`](Self::recv_until), with a deadline so long from now.
    ///
    /// # Errors
    /// [`RecvUntilError`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use ringway::channel::{self, RecvUntilError};
    ///
    /// let (tx, mut rx) = channel::spsc::<u32>(1)?;
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvUntilError::Timeout));
    /// drop(tx);
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(1)), Err(RecvUntilError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_timeout(&mut self, time: Duration) -> Result<T, RecvUntilError> {
        match self.try_recv() {
            Ok(item) => Ok(item),
            Err(TryRecvError::Empty) => self.recv_until(Deadline::after(time)),
            Err(TryRecvError::Closed) => Err(RecvUntilError::Closed),
            Err(TryRecvError::PeerDied) => Err(RecvUntilError::PeerDied),
        }
    }

    #[inline(never)]
    fn recv_later(&mut self, nothing: PopError) -> Result<T, RecvError> {
        if nothing == PopError::Empty
            && let Ok(item) = self.take_until(Deadline::NEVER, |consumer| consumer.try_pop())
        {
            return Ok(item);
        }
        Err(self.end().into())
    }

    /// Takes as soon as `take` can; `Empty`, if it could not up to the deadline.
    #[inline(never)]
    pub(super) fn take_until<R>(
        &mut self,
        until: Deadline,
        mut take: impl FnMut(&mut K::Consumer) -> Result<R, PopError>,
    ) -> Result<R, PopError> {
        let Self { consumer, link, wait, .. } = self;
        let waiting = Waiting(wait, &link.receivers.signal);
        let taken = waiting.0.wait(waiting.1, link.terms(0, until), || {
            let taking = Taking::<T, K, _>::new(consumer, link);
            match take(taking.consumer) {
                Err(PopError::Empty) => None,
                taken => Some(taken),
            }
        });
        drop(waiting);
        self.call_next(self.consumer.in_hand());
        taken.unwrap_or(Err(PopError::Empty))
    }

    /// Calls the next receiver, if there are more items than this one keeps: a call that it got may have been for several,
    /// when a claim that was made first has ended last.
    pub(super) fn call_next(&self, keeps: usize) {
        let signal = &self.link.receivers.signal;
        if !<K::Producer as Slots>::SHOWN_TO_ALL && signal.sleepers() > 0 && self.consumer.depth() > keeps {
            signal.notify(1, 0);
        }
    }

    /// How the channel ended, for this end, which has found it drained. Others may wait for the same.
    #[cold]
    pub(super) fn end(&mut self) -> super::End {
        self.ended = true;
        self.link.receivers.signal.notify_all();
        self.link.senders.end()
    }

    /// The items as they come, each waited for, up to the end of the channel.
    pub fn iter(&mut self) -> Iter<'_, T, K, W> {
        Iter(self)
    }

    /// The items that are there, without waiting.
    pub fn try_iter(&mut self) -> TryIter<'_, T, K, W> {
        TryIter(self)
    }

    /// Looks at the item that this end would receive next, if there is one.
    ///
    /// On `mpmc` that takes it into this end's hands: no other receiver gets it, as long as this end lives.
    ///
    /// # Errors
    /// [`TryRecvError`].
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// tx.send(7)?;
    /// assert_eq!(rx.peek(), Ok(&7));
    /// assert_eq!(rx.recv(), Ok(7)); // it was still there
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek(&mut self) -> Result<&T, TryRecvError> {
        let looked = self.taking().consumer.peek().map(drop);
        match looked {
            Ok(()) => self.consumer.peek().map_err(|_| TryRecvError::Empty),
            Err(PopError::Empty) => Err(TryRecvError::Empty),
            Err(PopError::Closed) => Err(self.end().into()),
        }
    }

    /// Items that lie before this end, open claims included.
    #[doc(alias = "len")]
    pub fn depth(&self) -> usize {
        self.consumer.depth()
    }

    /// Whether nothing lies before this end: [`depth`](Self::depth) is 0.
    pub fn is_empty(&self) -> bool {
        self.depth() == 0
    }

    /// Items that fit for certain; never changes.
    pub fn capacity(&self) -> usize {
        self.consumer.capacity()
    }

    /// Whether sends are refused; what was accepted is still to be received. A `false` may be outdated when it arrives.
    pub fn is_closed(&self) -> bool {
        self.consumer.is_closed()
    }

    /// Senders that are in.
    pub fn senders(&self) -> usize {
        self.link.senders.ends()
    }

    /// Senders that are asleep, or about to be. Always 0 for strategies that do not sleep.
    pub fn sleeping_senders(&self) -> usize {
        self.link.senders.signal.sleepers()
    }

    /// Gives this end up; if it was the channel's last one, returns the items that nobody received, oldest first.
    #[must_use = "what is left is dropped with the iterator; so it is when the end is dropped"]
    pub fn into_remaining(self) -> Option<impl Iterator<Item = T>> {
        let mut this = ManuallyDrop::new(self);
        let (consumer, leaving) = this.leave();
        // SAFETY: `this` is never dropped, so each field moves out once.
        let consumer = unsafe { ManuallyDrop::take(consumer) };
        let remaining = consumer.into_remaining();
        drop(leaving);
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&this.link) });
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&this.wait) });
        remaining
    }

    /// Counts this end out, and closes if it is the last. The consumer is to be dropped, and senders are told after that:
    /// also if it is not the last, for it may have kept slots back.
    fn leave(&mut self) -> (&mut ManuallyDrop<K::Consumer>, Leaving<'_, W>) {
        let Self { consumer, link, wait, .. } = self;
        if link.receivers.leave(panicking()) {
            consumer.end();
        }
        let others = Some(consumer.in_hand());
        (consumer, Leaving { wait, own: &link.receivers.signal, peers: &link.senders.signal, others })
    }
}

impl<T, K: Kind<T>, W: Wait> Receiver<T, K, W>
where
    K::Consumer: Closes,
{
    /// Refuses whatever is sent from now on, by any sender; what was accepted can still be received, up to the end.
    ///
    /// Everybody who waits learns of it. Closing twice changes nothing. Dropping the last receiver closes too.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel::{self, RecvError, SendError};
    ///
    /// let (mut tx, mut rx) = channel::spsc(8)?;
    /// tx.send(1)?;
    /// rx.close();
    /// assert_eq!(tx.send(2), Err(SendError::Closed(2)));
    /// assert_eq!(rx.recv(), Ok(1)); // was accepted
    /// assert_eq!(rx.recv(), Err(RecvError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&mut self) {
        self.consumer.close();
        self.link.notify_end();
    }
}

/// Whatever panics in a call, the channel stays in order: see [`docs::guarantees`](crate::docs::guarantees).
impl<T, K: Kind<T>, W: Wait> UnwindSafe for Receiver<T, K, W> {}
impl<T, K: Kind<T>, W: Wait> RefUnwindSafe for Receiver<T, K, W> {}

impl<T, K: Kind<T>, W: Wait> Drop for Receiver<T, K, W> {
    fn drop(&mut self) {
        let (consumer, _leaving) = self.leave();
        // SAFETY: the end is being dropped: nobody uses its consumer after this.
        unsafe { ManuallyDrop::drop(consumer) };
    }
}

impl<T: Send, W: Wait> Clone for Receiver<T, Mpmc, W> {
    /// Another receiver of the same items: each goes to one of them.
    fn clone(&self) -> Self {
        let consumer = self.consumer.clone();
        self.link.receivers.join();
        let told = self.told;
        Self { told, consumer, link: Arc::clone(&self.link), wait: W::default(), ended: false }
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for Receiver<T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("depth", &self.depth())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// The items of a [`Receiver`], each waited for.
#[must_use = "iterators are lazy: what is not asked for stays in the channel"]
pub struct Iter<'a, T, K: Kind<T>, W: Wait>(&'a mut Receiver<T, K, W>);

impl<T, K: Kind<T>, W: Wait> Iterator for Iter<'_, T, K, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T, K: Kind<T>, W: Wait> FusedIterator for Iter<'_, T, K, W> {}

/// The items of a [`Receiver`] that are there.
#[must_use = "iterators are lazy: what is not asked for stays in the channel"]
pub struct TryIter<'a, T, K: Kind<T>, W: Wait>(&'a mut Receiver<T, K, W>);

impl<T, K: Kind<T>, W: Wait> Iterator for TryIter<'_, T, K, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<'a, T, K: Kind<T>, W: Wait> IntoIterator for &'a mut Receiver<T, K, W> {
    type Item = T;
    type IntoIter = Iter<'a, T, K, W>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The items of a [`Receiver`] that the iterator owns, each waited for.
#[must_use = "iterators are lazy: what is not asked for is lost with the receiver"]
pub struct IntoIter<T, K: Kind<T>, W: Wait>(Receiver<T, K, W>);

impl<T, K: Kind<T>, W: Wait> Iterator for IntoIter<T, K, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T, K: Kind<T>, W: Wait> FusedIterator for IntoIter<T, K, W> {}

impl<T, K: Kind<T>, W: Wait> IntoIterator for Receiver<T, K, W> {
    type Item = T;
    type IntoIter = IntoIter<T, K, W>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter(self)
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for Iter<'_, T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.0).finish()
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for TryIter<'_, T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(&self.0).finish()
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for IntoIter<T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.0).finish()
    }
}
