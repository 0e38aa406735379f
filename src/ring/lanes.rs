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
//! another consumer's turn. If that one had looked too early and found nothing either, one of the two looks again before it says
//! so: of consumers that sleep on `Empty`, one is awake for each item as long as those that got one call again.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop, ptr, ptr::NonNull};

use super::{
    Capacity, CapacityError, Kind, PushError, Remaining,
    lane::Lane,
    leftover::drop_all,
    members::{Member, Members},
    packed::Packed,
    sealed::{Leftover, Sealed, Slots},
    track::Writer,
};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, Padded, full_fence, into_last};

mod consumer;

pub use self::consumer::Consumer;

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
    let consumer = Consumer::new(shared, producer.lane);
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

    /// One of those who are counted as producers goes.
    fn leave(&self) {
        // ORDER: Relaxed; the count decides who closes. What a close says, each lane says for itself.
        if self.producers.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.close();
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

impl<T> Drop for Storage<T> {
    /// Of all lanes, before one that panics takes the others along.
    fn drop(&mut self) {
        drop_all(self);
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
        Self::added(&self.shared)
    }

    /// A producer beside an end that is counted among them.
    fn added(shared: &Arc<Storage<T>>) -> Result<Self, CapacityError> {
        // ORDER: Relaxed; the caller's end keeps the count above zero meanwhile.
        shared.producers.fetch_add(1, Ordering::Relaxed);
        Self::join(Arc::clone(shared)).inspect_err(|_| {
            // ORDER: Relaxed; as above.
            shared.producers.fetch_sub(1, Ordering::Relaxed);
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

    fn leave_lane(&mut self) {
        let (writer, packed) = self.parts();
        writer.leave(&packed.track);
        self.member().leave();
    }

    fn leave(&mut self) {
        self.leave_lane();
        self.shared.leave();
    }
}

/// Makes producers, and keeps the ring open as one of them does, but has no lane that consumers would walk past.
pub(crate) struct Template<T> {
    shared: Arc<Storage<T>>,
}

impl<T> Template<T> {
    /// In place of a producer, whose lane the next one takes over.
    pub(crate) fn of(producer: Producer<T>) -> Self {
        let mut producer = ManuallyDrop::new(producer);
        producer.leave_lane();
        // SAFETY: `producer` is never dropped, so its share moves out once; nothing else in it owns anything.
        Self { shared: unsafe { ptr::read(&producer.shared) } }
    }

    /// Another producer.
    ///
    /// # Panics
    /// As `clone` of a producer.
    pub(crate) fn producer(&self) -> Producer<T> {
        Producer::added(&self.shared).expect("memory for another lane")
    }

    pub(crate) fn close(&self) {
        self.shared.close();
    }

    /// Bytes of heap that all lanes hold.
    pub(crate) fn bytes(&self) -> usize {
        self.shared.bytes()
    }
}

impl<T> Drop for Template<T> {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl<T> Sealed for Producer<T> {}

impl<T: Send> Slots for Producer<T> {
    type Item = T;
    type Leftover = Storage<T>;

    /// Its lane.
    fn key(&self) -> usize {
        self.lane.addr().get()
    }

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        let (writer, packed) = self.parts();
        writer.claim(&packed.track, |_| packed.gate(), max)
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
        writer.push(&packed.track, |_| packed.gate(), item)
    }

    #[inline(always)]
    fn push_iter<I: Iterator<Item = T>>(&mut self, items: &mut I) -> Result<usize, PushError<()>> {
        let (writer, packed) = self.parts();
        writer.push_iter(&packed.track, |_| packed.gate(), items)
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
