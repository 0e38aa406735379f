//! What the harness asks of a queue. An adapter is these few methods and nothing else, so that every contender runs
//! through the same loops.

use std::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};

/// What a queue carries. It starts with a word that names its producer and its place in that producer's stream.
pub(crate) trait Payload: Copy + Default + Send + Sync + Unpin + 'static {
    /// A payload that can be checked.
    fn new(word: u64) -> Self;

    /// The word it was made from.
    fn word(&self) -> u64;

    /// 0, unless the payload is a mix of two.
    fn torn(&self) -> u64;
}

impl Payload for u64 {
    #[inline(always)]
    fn new(word: u64) -> Self {
        word
    }

    #[inline(always)]
    fn word(&self) -> u64 {
        *self
    }

    #[inline(always)]
    fn torn(&self) -> u64 {
        0
    }
}

/// 64 bytes that all repeat the word. Aligned as a struct of a user would be, not to a cache line.
#[derive(Clone, Copy, Default)]
pub(crate) struct Block([u64; 8]);

#[cfg(test)]
impl Block {
    /// What a torn read of two payloads looks like.
    pub(crate) fn mixed(word: u64, other: u64) -> Self {
        Self([word, word, word, word, word, word, word, other])
    }
}

impl Payload for Block {
    #[inline(always)]
    fn new(word: u64) -> Self {
        Self([word; 8])
    }

    #[inline(always)]
    fn word(&self) -> u64 {
        self.0[0]
    }

    #[inline(always)]
    fn torn(&self) -> u64 {
        // In pairs, so that no load straddles two of the stores that made the payload: that would stall a loop that has no
        // queue between the two.
        let [a, b, c, d, e, f, g, h] = self.0;
        (a ^ b) | (c ^ d) | (e ^ f) | (g ^ h) | (a ^ c) | (e ^ g) | (a ^ e)
    }
}

/// So many words that all repeat the first. For rows of wide items, which only ringway runs.
#[derive(Clone, Copy)]
pub(crate) struct Wide<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Default for Wide<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> Payload for Wide<WORDS> {
    #[inline(always)]
    fn new(word: u64) -> Self {
        Self([word; WORDS])
    }

    #[inline(always)]
    fn word(&self) -> u64 {
        self.0[0]
    }

    #[inline(always)]
    fn torn(&self) -> u64 {
        self.0.iter().fold(0, |torn, word| torn | (word ^ self.0[0]))
    }
}

/// How many ends a queue has, how much it holds, and how much one call may move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Ends that push.
    pub(crate) producers: usize,
    /// Ends that take.
    pub(crate) consumers: usize,
    /// Items that the queue holds. Lanes share it out among themselves.
    pub(crate) capacity: usize,
    /// Items that a bulk call moves at the most.
    pub(crate) batch: usize,
}

impl Shape {
    /// The share of one lane, where every producer has a lane of its own.
    pub(crate) fn lane_capacity(&self) -> usize {
        (self.capacity / self.producers).max(1)
    }
}

/// The end of one producer.
pub(crate) trait Push<T>: Send + 'static {
    /// Puts one item in, or gives it back when there is no room. Never waits.
    fn try_push(&mut self, item: T) -> Result<(), T>;
}

/// The end of a producer that moves many items by one call.
pub(crate) trait PushMany<T>: Send + 'static {
    /// Puts as many of the items in as the peer's best bulk call takes at once; returns how many. Never waits.
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize;
}

/// The end of one consumer.
pub(crate) trait Take<T>: Send + 'static {
    /// Hands over what one call of the peer's API takes out: one item, or a poll's worth where polling is the API.
    /// Returns how many; 0 when there was nothing. Never waits.
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize;
}

/// The other side is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

/// The end of a producer, by the call that waits.
pub(crate) trait BlockingPush<T>: Send + 'static {
    /// Puts one item in, and waits for room in the peer's own way.
    fn push_waiting(&mut self, item: T) -> Result<(), Ended>;
}

/// The end of a consumer, by the call that waits.
pub(crate) trait BlockingTake<T>: Send + 'static {
    /// Takes one item out, and waits for it in the peer's own way.
    fn take_waiting(&mut self) -> Result<T, Ended>;
}

/// The end of a producer, by its future.
pub(crate) trait AsyncPush<T>: Send + 'static {
    /// Puts one item in; the task waits for room.
    fn push_async(&mut self, item: T) -> impl Future<Output = Result<(), Ended>> + Send;
}

/// The end of a consumer, by its future.
pub(crate) trait AsyncTake<T>: Send + 'static {
    /// Takes one item out; the task waits for it.
    fn take_async(&mut self) -> impl Future<Output = Result<T, Ended>> + Send;
}

/// A contender: how to open it, and its two kinds of end.
pub(crate) trait Queue<T: Payload>: 'static {
    /// The end that pushes, by one of the traits above.
    type Tx: Send + 'static;
    /// The end that takes, by one of the traits above.
    type Rx: Send + 'static;

    /// Opens a queue with all its ends, ready to be moved to their threads.
    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>);
}

/// Opens a queue at another place of memory each time. How an allocator's blocks lie to cache lines made a peer's 64-byte items
/// cost twice as much or half, run by run; so each sample throws the dice anew, and the median says what to expect.
pub(crate) fn open_elsewhere<Q: Queue<T>, T: Payload>(shape: &Shape) -> (Vec<Q::Tx>, Vec<Q::Rx>) {
    /// The smallest block that comes from where large ones come from, and what an allocator aligns to.
    const BASE: usize = 8192;
    const STEP: usize = 16;
    static OPENED: AtomicUsize = AtomicUsize::new(0);

    // ORDER: Relaxed; a dice.
    let nth = OPENED.fetch_add(1, Ordering::Relaxed);
    // Fibonacci hashing: neighbours get places far apart.
    let place = (nth as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
    let shift = black_box(Vec::<u8>::with_capacity(BASE + STEP * place as usize));
    let ends = Q::open(shape);
    drop(shift);
    ends
}
