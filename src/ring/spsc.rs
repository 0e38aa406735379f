//! One producer, one consumer: the fastest ring item by item, near or far.
//!
//! Items are packed into cache lines whose headers publish them, so the two ends share no index on the way forward; freed
//! slots go back half the ring at a time. For slices and bytes see [`dense`](mod@super::dense).
//!
//! # Progress
//! Every `try_` call of either end is wait-free. A thread stopped anywhere in a call keeps its peer waiting for exactly
//! what it was about to do, and for nothing else.
//!
//! # What `Full` and `Empty` mean
//! `Full`: at least [`capacity`](super::Producer::capacity) items have not been given back yet. `Empty`: nothing was
//! published. Both are exact for the end that asks: no third party can stand in between.
#![allow(unsafe_code)]

use std::{fmt, mem::ManuallyDrop};

use super::{
    Capacity, CapacityError, Closes, Kind, PopError, PushError, Remaining,
    packed::Packed,
    sealed::{MakesRoom, Sealed, Slots},
    track::{Reader, Writer},
};
use crate::sync::{Arc, into_last};

/// A ring for one producer and one consumer.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, Consumer, PopError, Producer, spsc};
///
/// let (mut tx, mut rx) = spsc(Capacity::at_least(1000))?;
/// let thread = std::thread::spawn(move || {
///     let mut sum = 0;
///     loop {
///         match rx.try_pop() {
///             Ok(item) => sum += item,
///             Err(PopError::Empty) => std::hint::spin_loop(),
///             Err(PopError::Closed) => return sum,
///         }
///     }
/// });
/// for item in 1..=100_u64 {
///     tx.try_push(item).expect("a ring of 1024 holds 100 items");
/// }
/// drop(tx); // closes: the consumer drains, then sees the end
/// assert_eq!(thread.join().unwrap(), 5050);
/// # Ok::<(), ringway::ring::CapacityError>(())
/// ```
pub fn spsc<T: Send>(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    let shared = Arc::new(Packed::new(capacity)?);
    let (writer, reader) = (Writer::resume(&shared.track), Reader::at(&shared.track, 0));
    Ok((
        Producer { shared: ManuallyDrop::new(Arc::clone(&shared)), writer },
        Consumer { shared: ManuallyDrop::new(shared), reader },
    ))
}

/// [`spsc()`] as a type.
#[derive(Debug, Clone, Copy)]
pub struct Spsc;

impl Sealed for Spsc {}

impl<T: Send> Kind<T> for Spsc {
    type Producer = Producer<T>;
    type Consumer = Consumer<T>;

    fn ring(capacity: Capacity) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
        spsc(capacity)
    }
}

/// The end that puts items into an [`spsc()`] ring. Its calls are those of [`Producer`](super::Producer).
pub struct Producer<T> {
    writer: Writer<T>,
    shared: ManuallyDrop<Arc<Packed<T>>>,
}

impl<T> Sealed for Producer<T> {}

impl<T: Send> Slots for Producer<T> {
    type Item = T;
    type Leftover = Packed<T>;

    fn claim(&mut self, max: usize) -> Result<usize, PushError<()>> {
        self.writer.claim(&self.shared.track, |_| self.shared.gate(), max)
    }

    fn slot(&mut self, nth: usize) -> *mut T {
        self.writer.slot(&self.shared.track, nth)
    }

    fn commit(&mut self, written: usize) {
        self.writer.commit(&self.shared.track, written);
    }
}

impl<T: Send> super::Producer for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), PushError<T>> {
        self.writer.push(&self.shared.track, |_| self.shared.gate(), item)
    }

    #[inline(always)]
    fn push_iter<I: Iterator<Item = T>>(&mut self, items: &mut I) -> Result<usize, PushError<()>> {
        self.writer.push_iter(&self.shared.track, |_| self.shared.gate(), items)
    }

    fn capacity(&self) -> usize {
        self.shared.track.capacity()
    }

    fn depth(&self) -> usize {
        self.writer.depth(self.shared.gate())
    }

    fn room(&self) -> usize {
        self.writer.room(&self.shared.track, self.shared.gate())
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn close(&mut self) {
        self.writer.finish(&self.shared.track);
    }

    fn is_closed(&self) -> bool {
        !self.shared.track.is_open()
    }

    fn into_remaining(self) -> Option<Remaining<Packed<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: `this` is never dropped, so its share moves out once; the writer owns nothing.
        into_last(unsafe { ManuallyDrop::take(&mut this.shared) }).map(Remaining::new)
    }
}

impl<T> Producer<T> {
    fn leave(&mut self) {
        self.writer.leave(&self.shared.track);
        self.writer.finish(&self.shared.track);
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.leave();
        // SAFETY: the end is being dropped: nobody uses its share after this.
        drop(unsafe { ManuallyDrop::take(&mut self.shared) });
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Producer").field("depth", &self.writer.depth(self.shared.gate())).finish_non_exhaustive()
    }
}

/// The end that takes items out of an [`spsc()`] ring. Its calls are those of [`Consumer`](super::Consumer).
pub struct Consumer<T> {
    reader: Reader<T>,
    shared: ManuallyDrop<Arc<Packed<T>>>,
}

impl<T> Sealed for Consumer<T> {}

impl<T: Send> MakesRoom for Consumer<T> {
    #[inline(always)]
    fn made_room(&mut self, mut tell: impl FnMut(usize)) {
        if *self.reader.gave_back() {
            *self.reader.gave_back() = false;
            tell(0);
        }
    }

    fn end(&mut self) {
        self.shared.track.ask_for_end();
    }
}

impl<T: Send> super::Consumer for Consumer<T> {
    type Item = T;
    type Leftover = Packed<T>;

    #[inline(always)]
    fn try_pop(&mut self) -> Result<T, PopError> {
        self.reader.pop(&self.shared.track, &self.shared.head, |_| ())
    }

    #[inline(always)]
    fn pop_and_tell(&mut self, mut tell: impl FnMut(usize)) -> Result<T, PopError> {
        self.reader.pop(&self.shared.track, &self.shared.head, |gave_back| {
            if std::mem::take(gave_back) {
                tell(0);
            }
        })
    }

    #[inline(always)]
    fn pop_each(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        self.reader.pop_each(&self.shared.track, &self.shared.head, max, each)
    }

    fn peek(&mut self) -> Result<&T, PopError> {
        self.reader.peek(&self.shared.track, &self.shared.head)
    }

    /// Always 0: what a single producer abandons is never seen.
    fn skipped(&self) -> u64 {
        0
    }

    fn capacity(&self) -> usize {
        self.shared.track.capacity()
    }

    fn depth(&self) -> usize {
        self.reader.depth(&self.shared.track)
    }

    fn bytes(&self) -> usize {
        self.shared.bytes()
    }

    fn is_closed(&self) -> bool {
        !self.shared.track.is_open()
    }

    fn into_remaining(self) -> Option<Remaining<Packed<T>>> {
        let mut this = ManuallyDrop::new(self);
        this.leave();
        // SAFETY: as for the producer.
        into_last(unsafe { ManuallyDrop::take(&mut this.shared) }).map(Remaining::new)
    }
}

impl<T: Send> Closes for Consumer<T> {
    fn close(&mut self) {
        self.shared.track.ask_for_end();
    }
}

impl<T> Consumer<T> {
    fn leave(&mut self) {
        self.reader.give_back(&self.shared.track, &self.shared.head);
        self.shared.track.ask_for_end();
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.leave();
        // SAFETY: the end is being dropped: nobody uses its share after this.
        drop(unsafe { ManuallyDrop::take(&mut self.shared) });
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("spsc::Consumer").field("depth", &self.reader.depth(&self.shared.track)).finish_non_exhaustive()
    }
}
