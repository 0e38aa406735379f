//! Producers against consumers in every shape that a kind allows, item by item, in batches and by claims.

use std::{mem::forget, thread};

use ringway::ring::{
    Consumer, PopError, Producer, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes,
    mpmc::Mpmc, spsc::Spsc,
};

use crate::{
    Crew, load,
    support::{
        counted::{Counted, Ledger},
        kinds::{Subject, ring},
        patience::{push, until},
        payload::Payload,
        random::{Random, SayOnPanic},
    },
};

/// An item says who pushed it, and as which of his.
pub(crate) fn number(producer: usize, nth: u64) -> u64 {
    (producer as u64) << 40 | nth
}

pub(crate) fn producer_of(number: u64) -> usize {
    (number >> 40) as usize
}

/// How the ends work.
#[derive(Debug, Clone, Copy)]
enum How {
    OneByOne,
    Batches,
    Claims,
    AllOfIt,
}

/// Both ends of a ring, in the numbers asked for.
pub(crate) fn ends<K: Subject<T>, T>(
    slots: usize,
    (producers, consumers): (usize, usize),
) -> (Vec<K::Producer>, Vec<K::Consumer>) {
    let (tx, rx) = ring::<K, T>(slots);
    let (mut txs, mut rxs) = (vec![tx], vec![rx]);
    while txs.len() < producers {
        txs.push(K::clone_producer(&txs[0]).expect("a kind with many producers"));
    }
    while rxs.len() < consumers {
        rxs.push(K::clone_consumer(&rxs[0]).expect("a kind with many consumers"));
    }
    (txs, rxs)
}

/// Pushes `each` items; returns how many values it leaked on purpose.
fn produce<P: Producer>(tx: &mut P, how: How, random: &mut Random, each: u64, make: impl Fn(u64) -> P::Item) -> usize {
    let (mut nth, mut leaked) = (0, 0);
    while nth < each {
        let most = (each - nth).min(1 + random.below(40) as u64);
        match (how, random.below(3)) {
            (How::OneByOne, _) | (How::AllOfIt, 0) => {
                assert!(push(tx, make(nth)).is_ok());
                nth += 1;
            }
            (How::Batches, _) | (How::AllOfIt, 1) => {
                let mut items = (nth..nth + most).map(&make);
                nth += until("room", || tx.push_iter(&mut items).ok()) as u64;
            }
            (How::Claims, _) | (How::AllOfIt, _) => {
                let (written, ending) = (random.below(most as usize + 1), random.below(8));
                let Ok(mut claim) = tx.try_claim(most as usize) else {
                    thread::yield_now();
                    continue;
                };
                let written = (nth..nth + written as u64).take_while(|&nth| claim.push(make(nth)).is_ok()).count();
                match ending {
                    0 => claim.abandon(),
                    1 => {
                        forget(claim);
                        leaked += written;
                    }
                    _ => nth += claim.commit() as u64,
                }
            }
        }
    }
    leaked
}

/// Pops up to the end; returns the numbers in the order in which they came.
fn consume<T: Payload, C: Consumer<Item = T>>(rx: &mut C, how: How, random: &mut Random) -> Vec<u64> {
    let mut out = Vec::new();
    let mut several = Vec::new();
    loop {
        let most = 1 + random.below(40);
        let popped = match (how, random.below(4)) {
            (How::OneByOne, _) | (How::AllOfIt, 0) => rx.try_pop().map(|item| out.push(item.value())),
            (How::Batches, 0..2) | (How::AllOfIt, 1) => rx.pop_each(most, |item| out.push(item.value())).map(|_| ()),
            (How::AllOfIt, 2) => rx.peek().map(T::value).map(|number| {
                assert_eq!(rx.try_pop().map(|item| item.value()), Ok(number), "not what was peeked at");
                out.push(number);
            }),
            _ => rx.pop_into(&mut several, most).map(|_| out.extend(several.drain(..).map(|item: T| item.value()))),
        };
        match popped {
            Ok(()) => {}
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed) => return out,
        }
    }
}

/// Asserts that each producer's items lie in `numbers` in the order in which they were pushed.
#[track_caller]
pub(crate) fn assert_order(numbers: &[u64]) {
    let mut last = [None; 16];
    for &number in numbers {
        let before = last[producer_of(number)].replace(number);
        assert!(before < Some(number), "{number:x} after {before:x?}");
    }
}

fn traffic<K, T>(slots: usize, shape: (usize, usize), how: How)
where
    K: Subject<T, Producer: 'static, Consumer: 'static>,
    T: Payload,
{
    enum Did {
        Leaked(usize),
        Got(Vec<u64>),
    }
    let (producers, consumers) = shape;
    let each = load(24_000) / producers as u64;
    let all = each as usize * producers;
    // What is made for a claim and not committed is made again.
    let ledger = Ledger::new(8 * all * (1 + consumers) + 100_000);
    let _say = SayOnPanic(|| format!("{} slots, {producers}x{consumers}, {how:?}", slots));
    let (txs, rxs) = ends::<K, T>(slots, shape);
    let mut crew = Crew::of(producers + consumers);
    for (id, mut tx) in txs.into_iter().enumerate() {
        crew.add(move || {
            let make = |nth| T::make(number(id, nth), ledger);
            Did::Leaked(produce(&mut tx, how, &mut Random::new(id as u64), each, make))
        });
    }
    for (id, mut rx) in rxs.into_iter().enumerate() {
        crew.add(move || Did::Got(consume(&mut rx, how, &mut Random::new(100 + id as u64))));
    }
    let (mut shares, mut leaked) = (Vec::new(), 0);
    for did in crew.finish() {
        match did {
            Did::Leaked(values) => leaked += values,
            Did::Got(numbers) => shares.push(numbers),
        }
    }
    shares.iter().for_each(|numbers| assert_order(numbers));
    if K::FACTS.broadcast {
        assert!(shares.iter().all(|numbers| numbers.len() == all && *numbers == shares[0]), "one order for all");
    } else {
        let mut numbers = shares.concat();
        numbers.sort_unstable();
        let sent = (0..producers).flat_map(|id| (0..each).map(move |nth| number(id, nth)));
        assert!(numbers.into_iter().eq(sent), "an item was lost or came twice");
    }
    ledger.settle(if std::mem::needs_drop::<T>() { leaked } else { 0 });
}

fn shapes<K>(shapes: &[(usize, usize)], slots: usize, how: How)
where
    K: Subject<u64, Producer: 'static, Consumer: 'static> + Subject<Counted, Producer: 'static, Consumer: 'static>,
{
    for &shape in shapes {
        traffic::<K, u64>(slots, shape, how);
        traffic::<K, Counted>(slots, shape, how);
    }
}

/// The shapes that a kind allows.
macro_rules! kind {
    ($kind:ident: $Kind:ident, $($shape:expr),+) => {
        mod $kind {
            use super::*;
            const SHAPES: &[(usize, usize)] = &[$($shape),+];
            #[test]
            fn one_by_one() {
                shapes::<$Kind>(SHAPES, 8, How::OneByOne);
            }
            #[test]
            fn in_batches() {
                shapes::<$Kind>(SHAPES, 64, How::Batches);
            }
            #[test]
            fn by_claims() {
                shapes::<$Kind>(SHAPES, 16, How::Claims);
            }
            #[test]
            fn all_of_it() {
                shapes::<$Kind>(SHAPES, 32, How::AllOfIt);
            }
            #[test]
            fn through_one_slot() {
                shapes::<$Kind>(&SHAPES[..1], 1, How::AllOfIt);
            }
        }
    };
}

kind!(spsc: Spsc, (1, 1));
kind!(dense: Dense, (1, 1));
kind!(lanes: Lanes, (1, 1), (2, 1), (1, 2), (2, 2), (4, 4));
kind!(mpmc: Mpmc, (1, 1), (2, 1), (1, 2), (2, 2), (4, 4));
kind!(broadcast: Broadcast, (1, 1), (1, 2), (1, 4));
kind!(broadcast_multi: BroadcastMulti, (1, 1), (2, 1), (1, 2), (2, 2), (4, 4));
