//! Many producers, each with a lane of its own; one consumer, or several that take turns.
//!
//! `Clone` of a producer brings a lane: a whole [`spsc`](mod@super::spsc) track, so that no push ever meets another. Items
//! of one producer stay in order; between producers there is none. Every lane has the ring's capacity.
//!
//! A consumer walks the lanes round, and stays with one as long as it yields, up to 256 items. Consumers that are not
//! alone take a lane's *turn* for the length of a call, by one compare-and-swap; a lone consumer takes none.
//!
//! # Progress
//! Pushes are wait-free, and so are the pops of a lone consumer for a given number of lanes. With several consumers a
//! thread stopped inside a call keeps its turn: the others pass that lane by, the other lanes flow, and its producer fills
//! its own lane only. A batch keeps the turn while the caller's closure runs.
//!
//! # What `Full` and `Empty` mean
//! `Full`: of this producer's lane; as on [`spsc`](mod@super::spsc). `Empty`: every lane was looked at, and was empty or
//! another consumer's turn.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop, ptr, ptr::NonNull};

use super::{
    Capacity, CapacityError, Closes, Kind, PopError, PushError, Remaining,
    lane::{Lane, Turn},
    members::{Member, Members},
    packed::Packed,
    sealed::{Leftover, Sealed, Slots},
    track::{Reader, Writer},
};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, Padded, full_fence, into_last};

/// A ring for any number of producers, with `capacity` slots for each, and any number of consumers.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, Consumer, PopError, Producer, lanes};
///
/// let (tx, mut rx) = lanes(Capacity::at_least(64))?;
/// let threads: Vec<_> = (0..3_u64)
///     .map(|id| {
///         let mut tx = tx.clone();
///         std::thread::spawn(move || (0..10).for_each(|n| tx.try_push((id, n)).expect("64 slots hold 10 items")))
///     })
///     .collect();
/// drop(tx);
/// let mut next = [0; 3];
/// loop {
///     match rx.try_pop() {
///         Ok((id, n)) => {
///             assert_eq!(n, next[id as usize]); // in order, per producer
///             next[id as usize] += 1;
///         }
///         Err(PopError::Empty) => std::thread::yield_now(),
///         Err(PopError::Closed) => break,
///     }
/// }
/// assert_eq!(next, [10, 10, 10]);
/// # threads.into_iter().for_each(|t| t.join().unwrap());
/// # Ok::<(), ringway::ring::CapacityError>(())
/// ```
pub fn lanes<T: Send>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    let shared = Arc::new(Storage {
        lanes: Members::new(),
        capacity,
        closed: Padded::new(AtomicBool::new(false)),
        producers: AtomicUsize::new(1),
        consumers: Padded::new(AtomicUsize::new(1)),
    });
    let producer = Producer::join(Arc::clone(&shared))?;
    let consumer = Consumer { current: producer.lane, shared, budget: STREAK, holds_turn: false, ended: false };
    Ok((producer, consumer))
}

/// [`lanes()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct Lanes;

impl Sealed for Lanes {}

impl<T: Send> Kind<T> for Lanes {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        lanes(capacity)
    }
}

/// What the ends share.
pub struct Storage<T> {
    lanes: Members<Lane<T>>,
    /// Of each lane.
    capacity: Capacity,
    closed: Padded<AtomicBool>,
    producers: AtomicUsize,
    consumers: Padded<AtomicUsize>,
}

impl<T> Storage<T> {
    fn close(&self) {
        // ORDER: Relaxed; the fence puts it before the walk, with the one in `Producer::join` as partner: a lane that the walk
        // misses, its producer closes.
        self.closed.store(true, Ordering::Relaxed);
        full_fence();
        for lane in self.lanes.iter() {
            lane.value().packed.track.ask_for_end();
        }
    }

    fn is_closed(&self) -> bool {
        // ORDER: Relaxed; see `close`.
        self.closed.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.value().packed.bytes() + size_of::<Member<Lane<T>>>()).sum()
    }

    fn slots(&self) -> usize {
        self.lanes.iter().next().map_or(0, |lane| lane.value().packed.track.capacity())
    }
}

impl<T> Leftover for Storage<T> {
    type Item = T;

    fn next_place(&mut self) -> Option<*mut T> {
        self.lanes.iter_mut().find_map(|lane| lane.packed.next_place())
    }
}

/// The end that puts items into a [`lanes()`] ring; `Clone` it for another lane. Its calls are those of
/// [`Producer`](super::Producer).
///
/// `capacity`, `depth`, `room` and `Full` are those of this producer's own lane.
pub struct Producer<T> {
    writer: Writer<T>,
    lane: NonNull<Member<Lane<T>>>,
    shared: Arc<Storage<T>>,
}

// SAFETY: the lane lives in the storage that the end keeps alive, and is this producer's alone.
unsafe impl<T: Send> Send for Producer<T> {}

impl<T> Producer<T> {
    /// For a producer that has been counted.
    fn join(shared: Arc<Storage<T>>) -> Result<Self, CapacityError> {
        let member = match shared.lanes.rejoin() {
            Some(member) => member,
            None => shared.lanes.join(Lane::new(shared.capacity)?),
        };
        full_fence();
        // A close that walked the lanes before this one was linked has not asked it.
        if shared.is_closed() {
            member.value().packed.track.ask_for_end();
        }
        let (writer, lane) = (Writer::resume(&member.value().packed.track), member.as_ptr());
        Ok(Self { writer, lane, shared })
    }

    /// Another producer, with a lane of its own.
    ///
    /// # Errors
    /// [`CapacityError::OutOfMemory`], if a new lane is needed and there is no memory for it.
    ///
    /// # Cost
    /// Takes over the lane of a producer that is gone, if there is one; else allocates one.
    pub fn try_clone(&self) -> Result<Self, CapacityError> {
        // ORDER: Relaxed; this end keeps the count above zero meanwhile.
        self.shared.producers.fetch_add(1, Ordering::Relaxed);
        Self::join(Arc::clone(&self.shared)).inspect_err(|_| {
            // ORDER: Relaxed; as above.
            self.shared.producers.fetch_sub(1, Ordering::Relaxed);
        })
    }

    #[inline(always)]
    fn member(&self) -> &Member<Lane<T>> {
        // SAFETY: places live as long as the storage, which this end keeps alive.
        unsafe { self.lane.as_ref() }
    }

    #[inline(always)]
    fn packed(&self) -> &Packed<T> {
        &self.member().value().packed
    }

    /// The own knowledge and the shared track, side by side.
    #[inline(always)]
    fn parts(&mut self) -> (&mut Writer<T>, &Packed<T>) {
        // SAFETY: as in `member`.
        let lane = unsafe { self.lane.as_ref() };
        (&mut self.writer, &lane.value().packed)
    }

    fn leave(&mut self) {
        let (writer, packed) = self.parts();
        writer.leave(&packed.track);
        self.member().leave();
        // ORDER: Relaxed; the count decides who closes. What a close says, each lane says for itself.
        if self.shared.producers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.close();
        }
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send> Slots for Producer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        let (writer, packed) = self.parts();
        writer.claim(&packed.track, || packed.gate(), max)
    }

    fn slot(&mut self, nth: usize) -> *mut T {
        let (writer, packed) = self.parts();
        writer.slot(&packed.track, nth)
    }

    fn commit(&mut self, written: usize) {
        let (writer, packed) = self.parts();
        writer.commit(&packed.track, written);
    }
}

impl<T: Send> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        let (writer, packed) = self.parts();
        writer.push(&packed.track, || packed.gate(), item)
    }

    #[inline(always)]
    fn push_iter<I: Iterator<Item = T>>(&mut self, items: &mut I) -> Result<usize, PushError<()>> {
        let (writer, packed) = self.parts();
        writer.push_iter(&packed.track, || packed.gate(), items)
    }

    fn capacity(&self) -> usize {
        self.packed().track.capacity()
    }

    fn depth(&self) -> usize {
        self.writer.depth(self.packed().gate())
    }

    fn room(&self) -> usize {
        self.writer.room(&self.packed().track, self.packed().gate())
    }

    /// Bytes of heap that all lanes hold.
    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn close(&mut self) {
        let (writer, packed) = self.parts();
        writer.end_claim(&packed.track);
        self.shared.close();
    }

    fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    fn into_remaining(self) -> Option<Remaining<Storage<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once; nothing else in it owns anything.
        into_last(unsafe { ptr::read(&this.shared) }).map(Remaining::new)
    }
}

impl<T> Clone for Producer<T> {
    /// Another producer, with a lane of its own.
    ///
    /// # Panics
    /// If there is no memory for a lane; [`try_clone`](Self::try_clone) says so instead.
    fn clone(&self) -> Self {
        self.try_clone().expect("memory for another lane")
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("lanes::Producer")
            .field("depth", &self.writer.depth(self.packed().gate()))
            .finish_non_exhaustive()
    }
}

/// The end that takes items out of a [`lanes()`] ring; `Clone` it for more, which take turns. Its calls are those of
/// [`Consumer`](super::Consumer).
pub struct Consumer<T> {
    /// The lane that is read first.
    current: NonNull<Member<Lane<T>>>,
    /// Items that may be taken from it before the next lane has its turn. 0 also while the turn is kept.
    budget: usize,
    /// Whether this end kept its turn, to hold on to the item it peeked at.
    holds_turn: bool,
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

impl<T> Consumer<T> {
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
                None => round = Round::Open,
                Some(mut turn) => {
                    let (reader, packed) = turn.reader();
                    let too_late = all_asked && packed.track.is_open();
                    match read(reader, packed, self.budget.max(1)) {
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
        let round = match self.round(&mut read, keep, false) {
            Ok(result) => return Ok(result),
            Err(round) => round,
        };
        if matches!(round, Round::Open) && !self.shared.is_closed() {
            return Err(PopError::Empty);
        }
        // The ring is closed, but a lane may not have been asked for its end yet, or this thread may not know of it: its
        // producer has just joined, or whoever closes has stopped on the way. Asking again mends both.
        self.shared.close();
        self.round(read, keep, true).map_err(|round| {
            self.ended |= matches!(round, Round::Ended);
            if self.ended { PopError::Closed } else { PopError::Empty }
        })
    }

    /// Pops from whichever lane comes first.
    #[inline(never)]
    fn pop_around(&mut self) -> Result<T, PopError> {
        self.read(|reader, packed, _| reader.pop(&packed.track, &packed.head).map(|item| (item, 1)), false)
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

impl<T: Send> super::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        // The common case, short enough to be inlined: nobody else reads, and the lane goes on.
        if self.budget > 0 && self.is_alone() {
            // SAFETY: as in `round`.
            let lane = unsafe { self.current.as_ref() }.value();
            // SAFETY: there is no other consumer, and only this one could make one.
            let mut turn = unsafe { Turn::of_lone(lane) };
            let (reader, packed) = turn.reader();
            if let Ok(item) = reader.pop(&packed.track, &packed.head) {
                self.budget -= 1;
                return Ok(item);
            }
        }
        self.pop_around()
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

    /// Items in all lanes; of a lane that is another consumer's turn, those whose slots it has not given back.
    fn depth(&self) -> usize {
        let alone = self.is_alone();
        let depth = |member: &Member<Lane<T>>| {
            let lane = member.value();
            let kept = self.holds_turn && self.current == member.as_ptr();
            let turn = if alone || kept {
                // SAFETY: this consumer is alone, or has the turn and keeps it.
                Some(unsafe { Turn::of_lone(lane) })
            } else {
                Turn::take(lane)
            };
            match turn {
                Some(mut turn) => turn.reader().0.depth(&lane.packed.track),
                None => lane.packed.track.published_from(lane.packed.gate()) as usize,
            }
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
        // ORDER: Relaxed; this end keeps the count above zero, and knows from now on that it is not alone.
        self.shared.consumers.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        Self { current: self.current, budget: STREAK, holds_turn: false, ended: self.ended, shared }
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
