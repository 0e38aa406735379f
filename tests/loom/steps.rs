//! What the threads of a model do, and how it ended, as values that can be compared: the same for every kind of ring.
#![allow(unsafe_code)]

use std::{
    mem::MaybeUninit,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use loom::thread::yield_now;
use ringway::ring::{Closes, Consumer, PopError, Producer, PushError};

/// A payload that is told apart by a number.
pub(crate) trait Numbered: Copy + Send + 'static {
    fn with(number: u64) -> Self;
    fn number(self) -> u64;
}

impl Numbered for u64 {
    fn with(number: u64) -> Self {
        number
    }

    fn number(self) -> u64 {
        self
    }
}

/// Too big for a line of the model: each slot has a header of its own, and a ring has not one slot more than it must.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide([u64; 16]);

impl Numbered for Wide {
    fn with(number: u64) -> Self {
        Self([number; 16])
    }

    fn number(self) -> u64 {
        assert!(self.0.iter().all(|&part| part == self.0[0]), "a torn item: {:?}", self.0);
        self.0[0]
    }
}

/// How a push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pushed {
    In,
    Full,
    Closed,
}

/// How a pop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Popped {
    Item(u64),
    Empty,
    Closed,
}

/// One attempt. A refused item must come back.
pub(crate) fn push(producer: &mut impl Producer<Item = impl Numbered>, item: u64) -> Pushed {
    let refused = match producer.try_push(Numbered::with(item)) {
        Ok(()) => return Pushed::In,
        Err(refused) => refused,
    };
    let why = pushed(Err(&refused));
    assert_eq!(refused.into_inner().number(), item, "another item came back");
    why
}

/// How a push, a claim or a batch ended.
pub(crate) fn pushed<T>(result: Result<(), &PushError<T>>) -> Pushed {
    match result {
        Ok(()) => Pushed::In,
        Err(PushError::Full(_)) => Pushed::Full,
        Err(PushError::Closed(_)) => Pushed::Closed,
    }
}

/// As many attempts as it takes, as long as the ring is open.
pub(crate) fn push_until_in(producer: &mut impl Producer<Item = impl Numbered>, item: u64) {
    loop {
        match push(producer, item) {
            Pushed::In => return,
            Pushed::Full => yield_now(),
            Pushed::Closed => panic!("closed, and nobody closed it"),
        }
    }
}

/// Claims one slot, writes the item and commits.
pub(crate) fn claim_and_commit(producer: &mut impl Producer<Item = impl Numbered>, item: u64) -> Pushed {
    match producer.try_claim(1) {
        Ok(mut claim) => {
            claim.slot().expect("a claim has a slot").write(Numbered::with(item));
            // SAFETY: the slot was written by the line above.
            unsafe { claim.assume_written() };
            assert_eq!(claim.commit(), 1);
            Pushed::In
        }
        Err(refused) => pushed(Err(&refused)),
    }
}

/// Claims up to `max` slots and leaves them unwritten.
pub(crate) fn claim_and_abandon(producer: &mut impl Producer<Item = impl Numbered>, max: usize) -> Pushed {
    match producer.try_claim(max) {
        Ok(claim) => {
            claim.abandon();
            Pushed::In
        }
        Err(refused) => pushed(Err(&refused)),
    }
}

/// One attempt.
pub(crate) fn pop(consumer: &mut impl Consumer<Item = impl Numbered>) -> Popped {
    popped(consumer.try_pop().map(Numbered::number))
}

/// How a pop or a peek ended.
pub(crate) fn popped(result: Result<u64, PopError>) -> Popped {
    match result {
        Ok(item) => Popped::Item(item),
        Err(PopError::Empty) => Popped::Empty,
        Err(PopError::Closed) => Popped::Closed,
    }
}

/// As many attempts as it takes to get so many items.
pub(crate) fn pop_until_has(consumer: &mut impl Consumer<Item = impl Numbered>, count: usize) -> Vec<u64> {
    let mut items = Vec::new();
    while items.len() < count {
        match pop(consumer) {
            Popped::Item(item) => items.push(item),
            Popped::Empty => yield_now(),
            Popped::Closed => panic!("the end came after {items:?}"),
        }
    }
    items
}

/// Everything up to the end, which must stay the end.
pub(crate) fn pop_until_closed(consumer: &mut impl Consumer<Item = impl Numbered>) -> Vec<u64> {
    let mut items = Vec::new();
    loop {
        match pop(consumer) {
            Popped::Item(item) => items.push(item),
            Popped::Empty => yield_now(),
            Popped::Closed => break,
        }
    }
    assert_eq!(pop(consumer), Popped::Closed, "something came after the end");
    items
}

/// Closes, then takes everything up to the end.
pub(crate) fn close_and_drain(consumer: &mut impl Closes<Item = impl Numbered>) -> Vec<u64> {
    consumer.close();
    pop_until_closed(consumer)
}

/// One attempt at a batch of up to `max` items.
pub(crate) fn pop_batch<C>(consumer: &mut C, max: usize) -> Vec<u64>
where
    C: Consumer<Item: Numbered>,
{
    let mut places = vec![MaybeUninit::uninit(); max];
    let count = consumer.pop_slice(&mut places).unwrap_or(0);
    places[..count]
        .iter()
        .map(|place| {
            // SAFETY: the first `count` places were filled.
            unsafe { place.assume_init() }.number()
        })
        .collect()
}

/// What an end that was given up got, if it was the last.
pub(crate) fn give_up_producer(producer: impl Producer<Item = impl Numbered>) -> Option<Vec<u64>> {
    producer.into_remaining().map(|rest| rest.map(Numbered::number).collect())
}

/// As [`give_up_producer`].
pub(crate) fn give_up_consumer(consumer: impl Consumer<Item = impl Numbered>) -> Option<Vec<u64>> {
    consumer.into_remaining().map(|rest| rest.map(Numbered::number).collect())
}

/// What was left in a ring whose two last ends got this when they were given up: exactly one of them gets it.
pub(crate) fn left(producer: Option<Vec<u64>>, consumer: Option<Vec<u64>>) -> Vec<u64> {
    match (producer, consumer) {
        (Some(items), None) | (None, Some(items)) => items,
        both => panic!("exactly one end is the last: {both:?}"),
    }
}

/// The items among some attempts, in order.
pub(crate) fn items(attempts: &[Popped]) -> Vec<u64> {
    attempts.iter().filter_map(|&how| if let Popped::Item(item) = how { Some(item) } else { None }).collect()
}

/// The items of some attempts, and all that come after them up to the end. Nothing else comes after the end.
pub(crate) fn with_the_rest(attempts: &[Popped], consumer: &mut impl Consumer<Item = impl Numbered>) -> Vec<u64> {
    let rest = pop_until_closed(consumer);
    if let Some(end) = attempts.iter().position(|&how| how == Popped::Closed) {
        assert!(attempts[end..].iter().all(|&how| how == Popped::Closed), "after the end: {attempts:?}");
        assert_eq!(rest, [], "after the end: {attempts:?}");
    }
    [items(attempts), rest].concat()
}

/// Counts how often each of a model's items is dropped. The counters are the machine's own, so that loom does not see them.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<[AtomicUsize; 4]>);

/// An item that counts its drop.
pub(crate) struct Counted {
    pub(crate) number: usize,
    drops: Drops,
}

impl Drops {
    /// The item of that number, from 1 on.
    pub(crate) fn item(&self, number: usize) -> Counted {
        Counted { number, drops: self.clone() }
    }

    /// How often it was dropped so far.
    pub(crate) fn of(&self, number: usize) -> usize {
        self.0[number].load(Ordering::SeqCst)
    }

    /// Asserts that the items up to `last` are gone, each of them dropped once.
    pub(crate) fn each_once(&self, last: usize) {
        (1..=last).for_each(|number| assert_eq!(self.of(number), 1, "drops of item {number}"));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.drops.0[self.number].fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, 0, "item {} is dropped again", self.number);
    }
}
