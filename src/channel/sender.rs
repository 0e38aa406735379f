//! The end that sends.
#![allow(unsafe_code)]

use std::{
    fmt,
    mem::ManuallyDrop,
    panic::{RefUnwindSafe, UnwindSafe},
    thread::panicking,
    time::Duration,
};

use super::{
    SendError, SendUntilError, TrySendError,
    link::{Leaving, Link},
};
use crate::ring::{Kind, Mpmc, Producer, PushError, sealed::Slots};
use crate::sync::{Arc, full_fence};
use crate::wait::{Deadline, Park, Signal, Wait, Waiting};

/// The end of a channel that sends; `Clone` it for more, where the kind of channel has many.
///
/// # Progress
/// The calls that do not wait make the progress of their ring; see [`ring`](crate::ring).
pub struct Sender<T, K: Kind<T>, W: Wait = Park> {
    pub(super) producer: ManuallyDrop<K::Producer>,
    pub(super) link: Arc<Link<K::Producer, W::Signal>>,
    pub(super) wait: W,
}

impl<T, K: Kind<T>, W: Wait> Sender<T, K, W> {
    /// For a sender that has been counted.
    pub(super) fn new(producer: K::Producer, link: Arc<Link<K::Producer, W::Signal>>) -> Self {
        Self { producer: ManuallyDrop::new(producer), link, wait: W::default() }
    }

    /// Sends an item; waits while the channel is full.
    ///
    /// # Errors
    /// [`SendError`], if the channel is closed; the item comes back in it.
    ///
    /// # Cost
    /// The ring's push, and while nobody sleeps one relaxed load; no fence, and no read-modify-write beside the push's own.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, mut rx) = channel::spsc(2)?;
    /// let sender = std::thread::spawn(move || (0..10).try_for_each(|n| tx.send(n)));
    /// assert_eq!(rx.iter().sum::<u32>(), 45);
    /// assert!(sender.join().unwrap().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn send(&mut self, item: T) -> Result<(), SendError<T>> {
        match self.push(item) {
            Ok(()) => Ok(()),
            Err(refused) => self.send_refused(refused),
        }
    }

    /// Sends an item if there is room.
    ///
    /// # Errors
    /// [`TrySendError`]; the item comes back in it.
    ///
    /// # Cost
    /// As [`send`](Self::send).
    #[inline]
    pub fn try_send(&mut self, item: T) -> Result<(), TrySendError<T>> {
        self.push(item).map_err(|refused| match refused {
            PushError::Full(item) => TrySendError::Full(item),
            PushError::Closed(item) => self.ended(item).into(),
        })
    }

    /// Sends an item; waits while the channel is full, up to the deadline.
    ///
    /// # Errors
    /// [`SendUntilError`]; the item comes back in it. With a deadline that is over, as [`try_send`](Self::try_send).
    #[inline]
    pub fn send_until(&mut self, item: T, until: Deadline) -> Result<(), SendUntilError<T>> {
        let pushed = match self.push(item) {
            Err(PushError::Full(item)) => self.push_until(item, until),
            pushed => pushed,
        };
        pushed.map_err(|refused| match refused {
            PushError::Full(item) => SendUntilError::Timeout(item),
            PushError::Closed(item) => self.ended(item).into(),
        })
    }

    /// As [`send_until`](Self::send_until), with a deadline so long from now.
    ///
    /// # Errors
    /// [`SendUntilError`]; the item comes back in it.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use ringway::channel::{self, SendUntilError};
    ///
    /// let (mut tx, _rx) = channel::spsc(1)?;
    /// tx.send(1)?;
    /// assert_eq!(tx.send_timeout(2, Duration::from_millis(1)), Err(SendUntilError::Timeout(2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_timeout(&mut self, item: T, time: Duration) -> Result<(), SendUntilError<T>> {
        // The clock is asked only if there is something to wait for.
        match self.try_send(item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(item)) => self.send_until(item, Deadline::after(time)),
            Err(TrySendError::Closed(item)) => Err(SendUntilError::Closed(item)),
            Err(TrySendError::PeerDied(item)) => Err(SendUntilError::PeerDied(item)),
        }
    }

    /// The ring's push, and the call to whoever waits for it.
    #[inline(always)]
    pub(super) fn push(&mut self, item: T) -> Result<(), PushError<T>> {
        if <K::Producer as Slots>::SHOWN_TO_ALL {
            // A push may drop the item that it overwrites, and that may panic.
            let mut telling = Telling(self, Some(1));
            let pushed = telling.0.producer.try_push(item);
            telling.1 = pushed.is_ok().then_some(1);
            return pushed;
        }
        match self.producer.try_push(item) {
            Ok(()) => {
                self.tell(1);
                Ok(())
            }
            refused => {
                self.tell_of_forgotten();
                refused
            }
        }
    }

    /// A claim that was forgotten may have ended, although a push was refused: receivers may stand behind it. Senders behind
    /// it are stopped by what has stopped this one.
    #[inline(never)]
    pub(super) fn tell_of_forgotten(&self) {
        self.link.tell_receivers(1);
    }

    /// Tells of so many new items.
    #[inline(always)]
    pub(super) fn tell(&self, items: usize) {
        self.link.tell_of_claim(items);
    }

    #[inline(never)]
    fn send_refused(&mut self, refused: PushError<T>) -> Result<(), SendError<T>> {
        let refused = match refused {
            PushError::Full(item) => match self.push_until(item, Deadline::NEVER) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            },
            closed => closed,
        };
        Err(self.ended(refused.into_inner()))
    }

    /// Pushes as soon as there is room; `Full`, if there is none up to the deadline.
    #[inline(never)]
    pub(super) fn push_until(&mut self, item: T, until: Deadline) -> Result<(), PushError<T>> {
        let mut item = Some(item);
        let mut telling = Telling(self, Some(1));
        let pushed = telling.0.wait_for_room(until, |producer| match producer.try_push(item.take()?) {
            Err(PushError::Full(refused)) => {
                item = Some(refused);
                None
            }
            pushed => Some(pushed),
        });
        telling.1 = matches!(pushed, Some(Ok(()))).then_some(1);
        match (pushed, item) {
            (Some(pushed), _) => pushed,
            (None, Some(item)) => Err(PushError::Full(item)),
            (None, None) => unreachable!("what is not in is here"),
        }
    }

    /// Waits until `push` has an answer, or for the deadline.
    pub(super) fn wait_for_room<R>(
        &mut self,
        until: Deadline,
        mut push: impl FnMut(&mut K::Producer) -> Option<R>,
    ) -> Option<R> {
        let Self { producer, link, wait } = self;
        let key = producer.key();
        let waiting = Waiting(wait, &link.senders.signal);
        let answer = waiting.0.wait(waiting.1, link.terms(key, until), || push(producer));
        drop(waiting);
        self.call_next();
        answer
    }

    /// Calls the next sender, if there is room for it: a call that this one got may have been for the room of several, when
    /// a pop that was claimed first has ended last.
    pub(super) fn call_next(&self) {
        let signal = &self.link.senders.signal;
        if signal.sleepers() > 0 && self.producer.room() > 0 {
            signal.notify(1, self.producer.key());
        }
    }

    /// The error of an item that came too late.
    #[cold]
    pub(super) fn ended(&self, item: T) -> SendError<T> {
        SendError::new(item, self.link.receivers.end())
    }

    /// Refuses whatever is sent from now on, by any sender; what was accepted stays, and will be received.
    ///
    /// Everybody who waits learns of it. Closing twice changes nothing. Dropping the last sender closes too.
    pub fn close(&mut self) {
        // Who sees the close sees what this sender has lost. Partner: the fence in `Side::end`.
        full_fence();
        self.producer.close();
        self.link.notify_end();
    }

    /// Whether the channel refuses to be sent to. A `false` may be outdated when it arrives.
    pub fn is_closed(&self) -> bool {
        self.producer.is_closed()
    }

    /// Items that fit for certain; never changes.
    pub fn capacity(&self) -> usize {
        self.producer.capacity()
    }

    /// Slots that are not free, as this end sees it.
    #[doc(alias = "len")]
    pub fn depth(&self) -> usize {
        self.producer.depth()
    }

    /// Sends that would go through for certain if nobody else sent.
    pub fn room(&self) -> usize {
        self.producer.room()
    }

    /// Whether no send goes through for certain now: [`room`](Self::room) is 0.
    pub fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Receivers that are in.
    pub fn receivers(&self) -> usize {
        self.link.receivers.ends()
    }

    /// Receivers that are asleep, or about to be. Always 0 for strategies that do not sleep.
    pub fn sleeping_receivers(&self) -> usize {
        self.link.receivers.signal.sleepers()
    }

    /// Gives this end up; if it was the channel's last one, returns the items that nobody received, oldest first.
    ///
    /// So what lay in the channel when its receivers died is not lost.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (mut tx, rx) = channel::spsc(8)?;
    /// tx.send_many(1..=3)?;
    /// drop(rx); // nobody receives any more
    /// let left = tx.into_remaining().expect("the last end");
    /// assert_eq!(left.collect::<Vec<_>>(), [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_remaining(self) -> Option<impl Iterator<Item = T>> {
        let mut this = ManuallyDrop::new(self);
        let (producer, leaving) = this.leave();
        // SAFETY: `this` is never dropped, so each field moves out once.
        let producer = unsafe { ManuallyDrop::take(producer) };
        let remaining = producer.into_remaining();
        drop(leaving);
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&this.link) });
        // SAFETY: as above.
        drop(unsafe { std::ptr::read(&this.wait) });
        remaining
    }

    /// Counts this end out, and closes if it is the last. The producer is to be dropped, and the others are told after that:
    /// also if it is not the last, for it may have held a claim that they stand behind.
    fn leave(&mut self) -> (&mut ManuallyDrop<K::Producer>, Leaving<'_, W>) {
        let Self { producer, link, wait } = self;
        if link.senders.leave(panicking()) {
            producer.close();
            // Without it no weak sender becomes a sender any more.
            let seed = link.seed.lock().take();
            drop(seed);
        }
        let others = (!<K::Producer as Slots>::STOPS_OTHERS).then_some(0);
        (producer, Leaving { wait, own: &link.senders.signal, peers: &link.receivers.signal, others })
    }
}

impl<T: Send, W: Wait> Sender<T, Mpmc, W> {
    /// [`try_send`](Self::try_send), by threads that share this sender: to count one more user costs less than another sender.
    #[inline]
    pub(crate) fn try_send_shared(&self, item: T) -> Result<(), TrySendError<T>> {
        match self.producer.push_shared(item) {
            Ok(()) => {
                self.tell(1);
                Ok(())
            }
            Err(PushError::Full(item)) => Err(TrySendError::Full(item)),
            Err(PushError::Closed(item)) => Err(self.ended(item).into()),
        }
    }
}

/// Whatever panics in a call, the channel stays in order: see [`docs::guarantees`](crate::docs::guarantees).
impl<T, K: Kind<T>, W: Wait> UnwindSafe for Sender<T, K, W> {}
impl<T, K: Kind<T>, W: Wait> RefUnwindSafe for Sender<T, K, W> {}

/// A sender during a call, after which it tells of so many items, or that it was refused; also if the caller's code panics.
pub(super) struct Telling<'a, T, K: Kind<T>, W: Wait>(pub(super) &'a mut Sender<T, K, W>, pub(super) Option<usize>);

impl<T, K: Kind<T>, W: Wait> Drop for Telling<'_, T, K, W> {
    fn drop(&mut self) {
        match self.1 {
            Some(items) => self.0.tell(items),
            None => self.0.tell_of_forgotten(),
        }
    }
}

impl<T, K: Kind<T>, W: Wait> Drop for Sender<T, K, W> {
    fn drop(&mut self) {
        let (producer, _leaving) = self.leave();
        // SAFETY: the end is being dropped: nobody uses its producer after this.
        unsafe { ManuallyDrop::drop(producer) };
    }
}

impl<T, K: Kind<T>, W: Wait> Clone for Sender<T, K, W>
where
    K::Producer: Clone,
{
    /// Another sender. One that brings a lane of its own allocates it.
    fn clone(&self) -> Self {
        let producer = K::Producer::clone(&self.producer);
        self.link.senders.join();
        Self::new(producer, Arc::clone(&self.link))
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for Sender<T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("depth", &self.depth())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
