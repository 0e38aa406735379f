//! The consumer of a `lanes` ring: walks the lanes round, each under its turn.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop, ptr, ptr::NonNull};

use super::{
    super::{
        Closes, PopError, Remaining,
        lane::{Lane, Turn},
        members::Member,
        packed::Packed,
        sealed::{MakesRoom, Sealed},
        track::Reader,
    },
    Storage,
};
use crate::sync::{Arc, Ordering, full_fence, into_last};

/// The end that takes items out of a [`lanes()`](super::lanes()) ring; `Clone` it for more, which take turns. Its calls are
/// those of [`Consumer`](crate::ring::Consumer).
pub struct Consumer<T> {
    /// The lane that is read first.
    current: NonNull<Member<Lane<T>>>,
    /// Items that may be taken from it before the next lane has its turn. 0 also while the turn is kept.
    budget: usize,
    /// Whether this end kept its turn, to hold on to the item it peeked at.
    holds_turn: bool,
    /// Whether a lane's slots were given back by this end since somebody asked.
    gave_back: bool,
    /// Whether the end was told: it stays told, whoever has a lane's turn.
    ended: bool,
    shared: Arc<Storage<T>>,
}

// SAFETY: lanes live in the storage that the end keeps alive, and are read under their turns.
unsafe impl<T: Send> Send for Consumer<T> {}

/// Items that are taken from one lane before the next has its turn.
const STREAK: usize = 256;

/// What one look at every lane brought, if no item.
enum Round {
    /// Some lane is not at its end, or was another's turn.
    Open,
    /// Every lane is at its end.
    Ended,
}

/// A reader at work. Whether it gave slots back is noted at the end, also if the caller's code panics.
struct Noting<'a, T> {
    reader: &'a mut Reader<T>,
    gave_back: &'a mut bool,
}

impl<T> Drop for Noting<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        *self.gave_back |= *self.reader.gave_back();
    }
}

impl<T> Consumer<T> {
    /// The first consumer of a ring that has one lane.
    pub(super) fn new(shared: Arc<Storage<T>>, current: NonNull<Member<Lane<T>>>) -> Self {
        Self { current, budget: STREAK, holds_turn: false, gave_back: false, ended: false, shared }
    }

    /// Whether there is no other consumer. Only this one could make another, so a yes stays true during the call.
    #[inline(always)]
    fn is_alone(&self) -> bool {
        // ORDER: Acquire; what a consumer that is gone did to the readers is visible. Partner: the Release in `leave`.
        self.shared.consumers.load(Ordering::Acquire) == 1
    }

    /// The turn of the current lane, unless it is another's.
    #[inline(always)]
    fn turn<'a>(&mut self, lane: &'a Lane<T>, alone: bool) -> Option<Turn<'a, T>> {
        if std::mem::take(&mut self.holds_turn) {
            // SAFETY: the note says so, and has just been struck out.
            Some(unsafe { Turn::kept(lane) })
        } else if alone {
            // SAFETY: there is no other consumer, and only this one could make one.
            Some(unsafe { Turn::of_lone(lane) })
        } else {
            Turn::take(lane)
        }
    }

    #[inline]
    fn next_lane(&mut self) {
        // SAFETY: as in `round`.
        let current = unsafe { self.current.as_ref() };
        self.current = self.shared.lanes.after(current).as_ptr();
        self.budget = STREAK;
    }

    /// Calls `read` with one lane after the other, the current one first, until it has something: a result, and how many
    /// items it took. `keep` says whether the turn is to be kept then; `all_asked`, that every lane was asked for its end: one
    /// that is open all the same was added since, and its producer is about to learn that it is too late.
    #[inline(always)]
    fn round<R>(
        &mut self,
        mut read: impl FnMut(&mut Reader<T>, &Packed<T>, usize) -> Result<(R, usize), PopError>,
        keep: bool,
        all_asked: bool,
    ) -> Result<R, Round> {
        if self.budget == 0 && !self.holds_turn {
            self.next_lane();
        }
        let alone = self.is_alone();
        let start = self.current;
        let mut round = Round::Ended;
        loop {
            // SAFETY: places live as long as the storage, which this end keeps alive.
            let lane = unsafe { self.current.as_ref() }.value();
            match self.turn(lane, alone) {
                None => {
                    lane.pass_by();
                    round = Round::Open;
                }
                Some(mut turn) => {
                    let (reader, packed) = turn.reader();
                    let too_late = all_asked && packed.track.is_open();
                    let noting = Noting { reader, gave_back: &mut self.gave_back };
                    let taken = read(noting.reader, packed, self.budget.max(1));
                    drop(noting);
                    match taken {
                        Ok((result, items)) => {
                            if keep {
                                turn.keep();
                            } else {
                                drop(turn);
                            }
                            self.holds_turn = keep;
                            self.budget = if keep { 0 } else { self.budget.saturating_sub(items) };
                            return Ok(result);
                        }
                        Err(PopError::Empty) if !too_late => round = Round::Open,
                        Err(_) => {}
                    }
                }
            }
            self.next_lane();
            if self.current == start {
                return Err(round);
            }
        }
    }

    /// As `round`, and tells the end of the stream.
    #[inline(always)]
    fn read<R>(
        &mut self,
        mut read: impl FnMut(&mut Reader<T>, &Packed<T>, usize) -> Result<(R, usize), PopError>,
        keep: bool,
    ) -> Result<R, PopError> {
        loop {
            let mut round = match self.round(&mut read, keep, false) {
                Ok(result) => return Ok(result),
                Err(round) => round,
            };
            if matches!(round, Round::Ended) || self.shared.is_closed() {
                // The ring is closed, but a lane may not have been asked for its end yet, or this thread may not know of it:
                // its producer has just joined, or whoever closes has stopped on the way. Asking again mends both.
                self.shared.close();
                round = match self.round(&mut read, keep, true) {
                    Ok(result) => return Ok(result),
                    Err(round) => round,
                };
                self.ended |= matches!(round, Round::Ended);
            }
            if self.ended {
                return Err(PopError::Closed);
            }
            if self.is_alone() || !self.has_been_passed_by() {
                return Err(PopError::Empty);
            }
        }
    }

    /// Whether another consumer passed by while this one looked in vain, or this one passed by where the other's turn is over
    /// now. The other may have been called for an item that this one had looked too early for: then neither would find it.
    #[cold]
    #[inline(never)]
    fn has_been_passed_by(&self) -> bool {
        // With that of the other: who passes by sees that the turn is over, or whose turn it was sees who passed by.
        full_fence();
        self.shared.lanes.iter().any(|lane| lane.value().was_passed_by())
    }

    /// Pops from the current lane, if nobody else reads and the lane goes on: the common case, short enough to be inlined.
    /// Calls `after_turn` as [`Reader::pop`] does.
    #[inline(always)]
    fn pop_on(&mut self, mut after_turn: impl FnMut(&mut Self, &mut bool)) -> Option<T> {
        if self.budget == 0 || !self.is_alone() {
            return None;
        }
        // SAFETY: as in `round`.
        let lane = unsafe { self.current.as_ref() }.value();
        // SAFETY: there is no other consumer, and only this one could make one.
        let mut turn = unsafe { Turn::of_lone(lane) };
        let (reader, packed) = turn.reader();
        let after_turn = |gave_back: &mut bool| {
            // Line by line: no word is written for an item.
            self.budget = self.budget.saturating_sub(Reader::<T>::PER_TURN);
            after_turn(self, gave_back);
        };
        reader.pop(&packed.track, &packed.head, after_turn).ok()
    }

    /// Pops from whichever lane comes first.
    #[inline(never)]
    fn pop_around(&mut self) -> Result<T, PopError> {
        self.read(|reader, packed, _| reader.pop(&packed.track, &packed.head, |_| ()).map(|item| (item, 1)), false)
    }

    /// Tells the producers whose lanes have got slots back; all of them, where other consumers may be reading.
    #[cold]
    fn tell_lanes(&mut self, mut tell: impl FnMut(usize)) {
        self.gave_back = false;
        let alone = self.is_alone();
        for lane in self.shared.lanes.iter() {
            // SAFETY: there is no other consumer, and only this one could make one.
            let gave_back = !alone || std::mem::take(unsafe { Turn::of_lone(lane.value()) }.reader().0.gave_back());
            if gave_back {
                tell(lane.as_ptr().addr().get());
            }
        }
    }

    /// Lets go of an item that was peeked at.
    fn end_hold(&mut self) {
        if std::mem::take(&mut self.holds_turn) {
            // SAFETY: as in `round`.
            let lane = unsafe { self.current.as_ref() }.value();
            // SAFETY: the note says so, and has just been struck out.
            drop(unsafe { Turn::kept(lane) });
        }
    }

    fn leave(&mut self) {
        self.end_hold();
        // ORDER: AcqRel; the last consumer sees what the others did to the readers, and `is_alone` sees this one's doing.
        if self.shared.consumers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
            for lane in self.shared.lanes.iter() {
                // SAFETY: the last consumer is alone.
                let mut turn = unsafe { Turn::of_lone(lane.value()) };
                let (reader, packed) = turn.reader();
                reader.give_back(&packed.track, &packed.head);
            }
        }
    }
}

impl<T> Sealed for Consumer<T> {}

impl<T: Send> MakesRoom for Consumer<T> {
    #[inline(always)]
    fn made_room(&mut self, tell: impl FnMut(usize)) {
        if self.gave_back {
            self.tell_lanes(tell);
        }
    }

    fn end(&mut self) {
        self.shared.close();
    }
}

impl<T: Send> crate::ring::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        match self.pop_on(|consumer, gave_back| consumer.gave_back |= *gave_back) {
            Some(item) => Ok(item),
            None => self.pop_around(),
        }
    }

    #[inline(always)]
    fn pop_and_tell(&mut self, mut tell: impl FnMut(usize)) -> Result<T, PopError> {
        let tell_lane = |consumer: &mut Self, gave_back: &mut bool| {
            if std::mem::take(gave_back) {
                tell(consumer.current.addr().get());
            }
        };
        if let Some(item) = self.pop_on(tell_lane) {
            return Ok(item);
        }
        let popped = self.pop_around();
        self.made_room(tell);
        popped
    }

    #[inline(always)]
    fn pop_each(&mut self, max: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        let mut popped = 0;
        while popped < max {
            let take = |reader: &mut Reader<T>, packed: &Packed<T>, budget: usize| {
                let run = reader.pop_each(&packed.track, &packed.head, budget.min(max - popped), &mut each)?;
                Ok((run, run))
            };
            let run = self.read(take, false);
            match run {
                Ok(run) => popped += run,
                Err(_) if popped > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(popped)
    }

    /// Looks at the item that this end would pop next.
    ///
    /// Keeps the turn of its lane until this end's next call.
    fn peek(&mut self) -> Result<&T, PopError> {
        self.read(|reader, packed, _| reader.peek(&packed.track, &packed.head).map(|_| ((), 0)), true)?;
        // SAFETY: as in `round`.
        let lane = unsafe { self.current.as_ref() }.value();
        // SAFETY: it was kept by the first line, and goes on being kept.
        let turn = unsafe { Turn::kept(lane) };
        let (reader, packed) = turn.keep();
        reader.peek(&packed.track, &packed.head)
    }

    /// Always 0: what the single producer of a lane abandons is never seen.
    fn skipped(&self) -> u64 {
        0
    }

    /// Items that fit into each lane for certain.
    fn capacity(&self) -> usize {
        self.shared.slots()
    }

    /// Items in all lanes; of a lane that is another consumer's turn, those that were there before it, or whose slots it has
    /// not given back.
    fn depth(&self) -> usize {
        let alone = self.is_alone();
        let depth = |member: &Member<Lane<T>>| {
            let lane = member.value();
            if !alone {
                return lane.depth();
            }
            // SAFETY: this consumer is alone.
            unsafe { Turn::of_lone(lane) }.reader().0.depth(&lane.packed.track)
        };
        self.shared.lanes.iter().map(depth).sum()
    }

    /// Bytes of heap that all lanes hold.
    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: as for the producer.
        into_last(unsafe { ptr::read(&this.shared) }).map(Remaining::new)
    }
}

impl<T: Send> Closes for Consumer<T> {
    fn close(&mut self) {
        self.shared.close();
    }
}

impl<T> Clone for Consumer<T> {
    fn clone(&self) -> Self {
        if self.is_alone() {
            // It took no turns so far, after which it would have told.
            for lane in self.shared.lanes.iter() {
                // SAFETY: this consumer is alone.
                unsafe { Turn::of_lone(lane.value()) }.tell();
            }
        }
        // ORDER: Relaxed; this end keeps the count above zero, and knows from now on that it is not alone.
        self.shared.consumers.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        let mut clone = Self::new(shared, self.current);
        clone.ended = self.ended;
        clone
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lanes::Consumer").field("budget", &self.budget).finish_non_exhaustive()
    }
}
