//! Bounded lock-free storage with two kinds of end. A ring never waits and never learns why it is used.
//!
//! A ring is split once, into a [`Producer`] and a [`Consumer`]. `&mut self` on an end proves that nobody else works
//! through it, and `Clone` on an end is the permission to share, so misuse does not compile.
//!
//! | kind | producers | consumers | an item goes to | order | atomic read-modify-writes, push + pop |
//! |---|---|---|---|---|---|
//! | [`spsc`](mod@spsc) | 1 | 1 | the consumer | total | 0 |
//! | [`dense`](mod@dense) | 1 | 1 | the consumer; slices both ways | total | 0 |
//! | [`lanes`](mod@lanes) | many | 1, or many in turns | one consumer | per producer | 0 (1 to pop, with several consumers) |
//! | [`mpmc`](mod@mpmc) | many | many | one consumer | total | 2 |
//! | [`broadcast`](mod@broadcast) | 1 | many | each consumer, by reference | total | 0 |
//! | [`broadcast_multi`](mod@broadcast_multi) | many | many | each consumer, by reference | total | 1 |
//!
//! # What every ring keeps
//! * **Every item is somewhere.** What is refused comes back; what was accepted is popped once (or seen once by each
//!   consumer of a broadcast), handed back by `into_remaining`, or dropped with the ring.
//! * **Close is exact.** After [`close`](Producer::close), by whichever end, an item is refused or it will be delivered;
//!   [`PopError::Closed`] means that nothing is left and nothing will come. [`PopError::Empty`] promises nothing: another
//!   end may stand between claim and commit.
//! * **Nothing wedges.** No panic of the caller's code, no dropped claim and no dead end stops the others; a forgotten claim
//!   is over as soon as its producer is used again or dropped. What a claim leaves unwritten becomes a tombstone that
//!   consumers skip and [count](Consumer::skipped).
//! * **No allocation** after construction, but for `Clone` of an end that brings its own lane or gate.
//!
//! # What an ending thread may do to the others
//! Ends may be dropped at any time, also by unwinding. An end that is *leaked* ([`std::mem::forget`]) never says goodbye:
//! its peers go on, but a close by "the last end is gone" does not come, and a claim that is leaked with its producer is never
//! over: on `mpmc` and `broadcast_multi` nobody passes it.
//!
//! The protocols, each with its pairs of orderings, are told once in [`docs::ordering`](crate::docs::ordering).

use std::mem::MaybeUninit;

mod capacity;
mod claim;
mod distance;
mod end;
mod error;
mod gates;
mod lane;
mod leftover;
mod lines;
mod members;
mod packed;
mod stamped;
mod stash;
mod track;

pub mod broadcast;
pub mod broadcast_multi;
pub mod dense;
pub mod lanes;
pub mod mpmc;
pub mod spsc;

pub use self::{
    broadcast::{Broadcast, broadcast},
    broadcast_multi::{BroadcastMulti, broadcast_multi},
    capacity::{Capacity, CapacityError},
    claim::Claim,
    dense::{Dense, dense},
    error::{DisplaceError, PopError, PushError},
    lanes::{Lanes, lanes},
    leftover::Remaining,
    mpmc::{Mpmc, mpmc},
    spsc::{Spsc, spsc},
};

/// The end that puts items in.
///
/// The trait is sealed: its implementors are the producers of this module.
pub trait Producer: Send + Sized + sealed::Slots {
    /// Puts one item in.
    ///
    /// # Errors
    /// [`PushError::Full`] or [`PushError::Closed`]; the item comes back in it.
    fn try_push(&mut self, item: Self::Item) -> Result<(), PushError<Self::Item>>;

    /// Puts items in until the ring is full or the iterator ends; returns how many went in.
    ///
    /// A slot is secured before an item is asked for, so what the iterator still holds afterwards is what did not fit.
    /// `Ok(0)` means that the iterator had nothing.
    ///
    /// # Errors
    /// [`PushError`], if not one item went in.
    ///
    /// # Panics
    /// Only if the iterator does; what it yielded before is in the ring.
    ///
    /// # Cost
    /// Exclusive producers publish once per cache line or batch. A shared producer claims as many slots as the iterator
    /// says it has at the least ([`size_hint`](Iterator::size_hint), at most 64) by one read-modify-write; an iterator
    /// that can't tell costs one claim an item, and a tombstone at its end.
    fn push_iter<I>(&mut self, items: &mut I) -> Result<usize, PushError<()>>
    where
        I: Iterator<Item = Self::Item>,
    {
        claim::push_iter(self, items)
    }

    /// Puts the first items of a slice in, as many as fit; returns how many.
    ///
    /// # Errors
    /// [`PushError`], if not one item of a slice that has some went in.
    fn push_slice(&mut self, items: &[Self::Item]) -> Result<usize, PushError<()>>
    where
        Self::Item: Copy,
    {
        self.push_iter(&mut items.iter().copied())
    }

    /// Takes up to `max` slots to be written in place, at least one.
    ///
    /// What is not [committed](Claim::commit) is abandoned when the claim is dropped. On [`mpmc`](mod@mpmc) and
    /// [`broadcast_multi`](mod@broadcast_multi) the slots of an open claim stand in everybody's way: consumers can't pass
    /// them, and producers not by more than a lap. On every ring the end of a closed stream waits for open claims. Keep
    /// claims short.
    ///
    /// # Errors
    /// [`PushError`], if there is not one free slot.
    ///
    /// # Panics
    /// If `max` is 0.
    ///
    /// # Examples
    /// ```
    /// use ringway::ring::{Capacity, Consumer, Producer, mpmc};
    ///
    /// let (mut tx, mut rx) = mpmc::<[u8; 512]>(Capacity::at_least(8))?;
    /// let mut claim = tx.try_claim(1)?;
    /// let frame = claim.slot().expect("one slot").write([0; 512]); // no copy: this is the ring's own memory
    /// frame[0] = 7;
    /// // SAFETY: the slot was written by the line above.
    /// unsafe { claim.assume_written() };
    /// assert_eq!(claim.commit(), 1);
    /// assert_eq!(rx.try_pop()?[0], 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    fn try_claim(&mut self, max: usize) -> Result<Claim<'_, Self>, PushError<()>> {
        Claim::open(self, max)
    }

    /// Items that fit for certain; never changes.
    fn capacity(&self) -> usize;

    /// Slots that are not free, claims included, as this end sees it: a true value of now or a moment ago.
    ///
    /// Where slots are given back by the half of a ring, up to so many less one may be empty already;
    /// [`Consumer::depth`] counts items.
    fn depth(&self) -> usize;

    /// Pushes that would succeed for certain if nobody else pushed. (On [`broadcast_multi`](mod@broadcast_multi) without
    /// consumers an open claim stops the other producers a lap later, whatever the room.)
    fn room(&self) -> usize {
        self.capacity().saturating_sub(self.depth())
    }

    /// Bytes of heap that the ring holds.
    fn bytes(&self) -> usize;

    /// Refuses whatever is pushed from now on, by any producer; what was accepted stays and will be delivered.
    ///
    /// Closing twice changes nothing. Dropping the last producer closes too.
    fn close(&mut self);

    /// Whether pushes are refused. A `false` may be outdated when it arrives.
    fn is_closed(&self) -> bool;

    /// Gives this end up; if it was the ring's last end, returns what is left inside.
    ///
    /// Of all ends that are given up this way exactly the last one gets the items, however they race. `None` means that
    /// another end still lives, and nothing was in this one's hands.
    fn into_remaining(self) -> Option<Remaining<Self::Leftover>>;
}

/// The end that takes items out.
///
/// The trait is sealed: its implementors are the consumers of this module. Those of a broadcast take items out by cloning
/// them, and have calls of their own that lend a reference instead.
pub trait Consumer: Send + Sized + sealed::MakesRoom {
    /// What comes out.
    type Item;

    /// What [`into_remaining`](Self::into_remaining) iterates over.
    #[doc(hidden)]
    type Leftover: sealed::Leftover<Item = Self::Item>;

    /// Takes the oldest item out.
    ///
    /// # Errors
    /// [`PopError::Empty`]: nothing to take now. [`PopError::Closed`]: nothing, and nothing will come.
    fn try_pop(&mut self) -> Result<Self::Item, PopError>;

    /// [`try_pop`](Self::try_pop), then [`made_room`](sealed::MakesRoom::made_room); at no cost with most items, where the
    /// ring knows which of them make room.
    #[doc(hidden)]
    #[inline(always)]
    fn pop_and_tell(&mut self, tell: impl FnMut(usize)) -> Result<Self::Item, PopError> {
        let popped = self.try_pop();
        self.made_room(tell);
        popped
    }

    /// Hands up to `max` items to `each`, oldest first; returns how many: at least one, unless `max` is 0.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there was not one item.
    ///
    /// # Panics
    /// Only if `each` does. The item it was given is gone; those after it are still to be had.
    ///
    /// # Cost
    /// One Acquire load a cache line or slot, and freed slots are given back in batches. No lock, no allocation.
    fn pop_each(&mut self, max: usize, each: impl FnMut(Self::Item)) -> Result<usize, PopError>;

    /// As [`pop_each`](Self::pop_each), for a caller that has items already and so does not say `Closed`: 0, if there was none.
    #[doc(hidden)]
    #[inline(always)]
    fn pop_more(&mut self, max: usize, each: impl FnMut(Self::Item)) -> usize {
        self.pop_each(max, each).unwrap_or(0)
    }

    /// Appends up to `max` items to `items`; returns how many, at least one.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there was not one item.
    fn pop_into(&mut self, items: &mut Vec<Self::Item>, max: usize) -> Result<usize, PopError> {
        self.pop_each(max, |item| items.push(item))
    }

    /// Fills `items` from its start with as many items as there are; returns how many, at least one.
    ///
    /// The first so many elements are initialised then, and are the caller's to take or drop.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there was not one item.
    fn pop_slice(&mut self, items: &mut [MaybeUninit<Self::Item>]) -> Result<usize, PopError> {
        let max = items.len();
        let mut free = items.iter_mut();
        self.pop_each(max, |item| {
            if let Some(place) = free.next() {
                place.write(item);
            }
        })
    }

    /// Overwrites `items` from its start with as many items as there are; returns how many, at least one. For a buffer that is
    /// used again and again: samples, bytes.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), if there was not one item.
    ///
    /// # Examples
    /// ```
    /// use ringway::ring::{Capacity, Consumer, Producer, dense};
    ///
    /// let (mut tx, mut rx) = dense::<f32>(Capacity::at_least(1024))?;
    /// tx.push_slice(&[0.5; 100])?;
    /// let mut out = [0.0; 128];
    /// assert_eq!(rx.pop_over(&mut out)?, 100);
    /// out[100..].fill(0.0); // silence for what has not come in time
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn pop_over(&mut self, items: &mut [Self::Item]) -> Result<usize, PopError> {
        let max = items.len();
        let mut old = items.iter_mut();
        self.pop_each(max, |item| {
            if let Some(place) = old.next() {
                *place = item;
            }
        })
    }

    /// Looks at the item that this end would pop next.
    ///
    /// Where consumers compete for items, looking takes the item into this end's hands: no other consumer gets it.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    fn peek(&mut self) -> Result<&Self::Item, PopError>;

    /// Tombstones that this end has skipped so far: slots that a producer claimed and left unwritten.
    fn skipped(&self) -> u64;

    /// Items that fit for certain; never changes.
    fn capacity(&self) -> usize;

    /// Items that lie before this end, open claims included. Exact when nobody pushes or pops; else a true value of a
    /// moment ago.
    fn depth(&self) -> usize;

    /// Bytes of heap that the ring holds.
    fn bytes(&self) -> usize;

    /// Whether pushes are refused. A `false` may be outdated when it arrives.
    fn is_closed(&self) -> bool;

    /// Gives this end up; if it was the ring's last end, returns what is left inside.
    ///
    /// Of all ends that are given up this way exactly the last one gets the items, however they race. `None` means that
    /// another end still lives, and nothing was in this one's hands.
    fn into_remaining(self) -> Option<Remaining<Self::Leftover>>;
}

/// A consumer that competes with the others, if any, and may end the stream.
pub trait Closes: Consumer {
    /// Refuses whatever is pushed from now on, by any producer; what was accepted can still be popped, up to
    /// [`PopError::Closed`].
    ///
    /// Closing twice changes nothing. Dropping the last consumer closes too.
    fn close(&mut self);
}

/// A producer that can make room by taking out the oldest item.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't take the oldest item out",
    note = "of the kinds of ring only `mpmc` can: take that one, or a policy other than `DropOldest` and `Policy`"
)]
pub trait Displace: Producer {
    /// Puts one item in, and takes the oldest one out if the ring is full; returns that one.
    ///
    /// # Errors
    /// [`DisplaceError`]; the item comes back in it.
    fn displace(&mut self, item: Self::Item) -> Result<Option<Self::Item>, DisplaceError<Self::Item>>;
}

/// A consumer that sees every item by reference: of a broadcast.
pub trait Shows: sealed::MakesRoom {
    /// What it sees.
    type Item;

    /// Lends out the next item, until this end's next call.
    ///
    /// # Errors
    /// [`PopError`], as [`Consumer::try_pop`].
    fn try_next(&mut self) -> Result<&Self::Item, PopError>;

    /// Looks at the next item without moving on.
    ///
    /// # Errors
    /// [`PopError`], as [`Consumer::try_pop`].
    fn peek_next(&mut self) -> Result<&Self::Item, PopError>;
}

/// A kind of ring, as a type: for code that is generic over it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no kind of ring for items of `{T}`",
    note = "items of every kind must be `Send`; those of `Broadcast` and `BroadcastMulti` also `Sync` and `Clone`"
)]
pub trait Kind<T>: sealed::Sealed {
    /// The end that puts items in.
    type Producer: Producer<Item = T>;
    /// The end that takes items out.
    type Consumer: Consumer<Item = T>;

    /// Builds a ring and splits it into its first two ends.
    ///
    /// # Errors
    /// [`CapacityError`]; it says what to pass instead.
    fn ring(capacity: Capacity) -> Result<(Self::Producer, Self::Consumer), CapacityError>;
}

pub(crate) mod sealed {
    use super::PushError;

    pub trait Sealed {}

    /// What a claim needs of its producer. At most one claim is open at a time; opening one ends a forgotten one.
    pub trait Slots: Sealed {
        /// What goes in.
        type Item;
        /// What is left in the ring when its ends are gone.
        type Leftover: Leftover<Item = Self::Item>;

        /// Whether every consumer sees every item.
        const SHOWN_TO_ALL: bool = false;

        /// Whether a claim may be all that stops the other producers, with no consumer in between that would tell them of
        /// the room it makes.
        const STOPS_OTHERS: bool = false;

        /// Which room this producer waits for: those of one key push to the same slots.
        fn key(&self) -> usize {
            0
        }

        /// Takes up to `max` free slots, at least one.
        fn claim(&mut self, max: usize) -> Result<usize, PushError<()>>;

        /// The place of the `nth` slot of the open claim, which the caller is about to write or take back.
        fn slot(&mut self, nth: usize) -> *mut Self::Item;

        /// Writes items to the open claim as long as there are some, and commits them, also those before a panic of the
        /// iterator; returns how many.
        fn fill(&mut self, slots: usize, items: &mut impl Iterator<Item = Self::Item>) -> usize {
            super::claim::fill(self, slots, items)
        }

        /// Ends the open claim: its first `written` slots hold items, the others nothing.
        fn commit(&mut self, written: usize);
    }

    /// What a consumer does for producers that wait.
    pub trait MakesRoom: Sealed {
        /// Calls `tell` with the [key](Slots::key) of those producers for whom this end may have made room since it was asked
        /// last. A ring that gives slots back in batches says so when it has given one back.
        fn made_room(&mut self, tell: impl FnMut(usize));

        /// Closes, if the ring is one that its last consumer closes.
        fn end(&mut self);

        /// Items in this end's hands, which are left to the other consumers when it is dropped.
        fn in_hand(&self) -> usize {
            0
        }
    }

    /// The storage of a ring without ends.
    pub trait Leftover {
        /// What it holds.
        type Item;

        /// The place of the oldest item, which is the caller's from now on, to be read or dropped there.
        fn next_place(&mut self) -> Option<*mut Self::Item>;
    }
}
