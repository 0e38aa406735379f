//! Ends that close, leave and die in the middle of the traffic: everybody finishes, and every item is accounted for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use ringway::ring::{
    Closes, Consumer, PopError, Producer, PushError, dense::Dense, lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
};

use crate::{
    Crew, load,
    support::{
        counted::{Counted, Ledger},
        kinds::Subject,
        random::{Random, SayOnPanic},
    },
    traffic::{assert_order, ends, number},
};

/// What one end did: how much it got accepted, what it popped, what it was left in the end.
#[derive(Default)]
struct Deeds {
    id: usize,
    accepted: u64,
    popped: Vec<u64>,
    left: Option<Vec<u64>>,
}

/// Pushes until refused for good or `enough`; returns how many were accepted.
fn produce<P: Producer<Item = Counted>>(tx: &mut P, id: usize, ledger: &'static Ledger, enough: u64) -> u64 {
    for nth in 0..enough {
        let mut item = Some(ledger.make(number(id, nth)));
        while let Some(refused) = item.take() {
            match tx.try_push(refused) {
                Ok(()) => {}
                Err(PushError::Closed(_)) => return nth,
                Err(PushError::Full(refused)) => {
                    item = Some(refused);
                    thread::yield_now();
                }
            }
        }
    }
    enough
}

/// Pops to the end of the stream or `enough`.
fn consume<C: Consumer<Item = Counted>>(rx: &mut C, enough: usize) -> Vec<u64> {
    let mut popped = Vec::new();
    while popped.len() < enough {
        match rx.try_pop() {
            Ok(item) => popped.push(item.value),
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed) => break,
        }
    }
    popped
}

/// Asserts that all that was accepted was popped once, in order, or is left, and nothing else.
#[track_caller]
fn assert_accounted_for(deeds: &[Deeds]) {
    deeds.iter().for_each(|deed| assert_order(&deed.popped));
    assert_all_there(deeds);
}

/// The same, where what somebody had in hand may have come late.
#[track_caller]
fn assert_all_there(deeds: &[Deeds]) {
    let mut numbers: Vec<u64> = Vec::new();
    for deed in deeds {
        numbers.extend(&deed.popped);
        numbers.extend(deed.left.iter().flatten());
    }
    numbers.sort_unstable();
    let mut accepted: Vec<u64> =
        deeds.iter().flat_map(|deed| (0..deed.accepted).map(|nth| number(deed.id, nth))).collect();
    accepted.sort_unstable();
    assert_eq!(numbers, accepted, "an item was lost, came twice, or was refused and came");
}

/// The traffic of small rings, round after round, in the shapes that a kind allows.
fn rounds<K>(shapes: &[(usize, usize)], full: u64, round: impl Fn(u64, usize, (usize, usize), &'static Ledger))
where
    K: Subject<Counted>,
{
    for nth in 0..load(full) {
        let (slots, shape) = (1 << (nth % 4), shapes[nth as usize % shapes.len()]);
        let _say = SayOnPanic(|| format!("{}, round {nth}, {slots} slots, {shape:?}", K::FACTS.name));
        round(nth, slots, shape, Ledger::new(400));
    }
}

/// Somebody closes, at any moment: accepted or refused, there is nothing between.
fn a_close_is_exact<K>(shapes: &[(usize, usize)])
where
    K: Subject<Counted, Producer: 'static, Consumer: 'static + Closes>,
{
    rounds::<K>(shapes, 1500, |round, slots, shape, ledger| {
        let (txs, rxs) = ends::<K, Counted>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let mut random = Random::new(round);
        let closer = random.below(shape.0 + shape.1);
        let after = random.below(30) as u64;
        for (id, mut tx) in txs.into_iter().enumerate() {
            crew.add(move || {
                let enough = if id == closer { after } else { 50 };
                let accepted = produce(&mut tx, id, ledger, enough);
                if id == closer {
                    tx.close();
                }
                Deeds { id, accepted, ..Deeds::default() }
            });
        }
        for (id, mut rx) in rxs.into_iter().enumerate() {
            let closes = id + shape.0 == closer;
            crew.add(move || {
                let mut popped = consume(&mut rx, if closes { after as usize } else { usize::MAX });
                if closes {
                    rx.close();
                    popped.extend(consume(&mut rx, usize::MAX));
                }
                Deeds { popped, ..Deeds::default() }
            });
        }
        assert_accounted_for(&crew.finish());
        ledger.settle(0);
    });
}

/// Every end leaves when it likes, and asks for what is left: exactly one gets it, and it is what nobody popped (T5, T22).
fn the_last_to_leave_gets_the_rest<K>(shapes: &[(usize, usize)])
where
    K: Subject<Counted, Producer: 'static, Consumer: 'static + Closes>,
{
    rounds::<K>(shapes, 1500, |round, slots, shape, ledger| {
        let (txs, rxs) = ends::<K, Counted>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let mut random = Random::new(round);
        for (id, mut tx) in txs.into_iter().enumerate() {
            let enough = random.below(40) as u64;
            crew.add(move || {
                let accepted = produce(&mut tx, id, ledger, enough);
                let left = tx.into_remaining().map(|left| left.map(|item| item.value).collect());
                Deeds { id, accepted, left, ..Deeds::default() }
            });
        }
        for mut rx in rxs {
            let enough = random.below(60);
            crew.add(move || {
                let popped = consume(&mut rx, enough);
                let left = rx.into_remaining().map(|left| left.map(|item| item.value).collect());
                Deeds { popped, left, ..Deeds::default() }
            });
        }
        let deeds = crew.finish();
        assert_eq!(deeds.iter().filter(|deed| deed.left.is_some()).count(), 1, "one of all ends is the last");
        assert_accounted_for(&deeds);
        ledger.settle(0);
    });
}

/// Ends are dropped at any moment, all at once: what is inside is dropped once, by whoever is last.
fn ends_may_be_dropped_at_once<K>(shapes: &[(usize, usize)])
where
    K: Subject<Counted, Producer: 'static, Consumer: 'static + Closes>,
{
    rounds::<K>(shapes, 1500, |round, slots, shape, ledger| {
        let (txs, rxs) = ends::<K, Counted>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let mut random = Random::new(round);
        for (id, mut tx) in txs.into_iter().enumerate() {
            let enough = random.below(6) as u64;
            crew.add(move || _ = produce(&mut tx, id, ledger, enough));
        }
        for mut rx in rxs {
            let enough = random.below(6);
            crew.add(move || drop(consume(&mut rx, enough)));
        }
        crew.finish();
        ledger.settle(0);
    });
}

/// A panic that is not reported: hundreds of messages help nobody, and the threads of a round would write them into one
/// buffer of the harness, under a lock that ThreadSanitizer cannot see.
fn die(place: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(place))
}

/// Some threads die, anywhere: in a claim, in a batch, between two calls. The others finish, and lose nothing by it.
fn the_dead_take_nobody_along<K>(shapes: &[(usize, usize)])
where
    K: Subject<Counted, Producer: 'static, Consumer: 'static + Closes>,
{
    rounds::<K>(shapes, 600, |round, slots, shape, ledger| {
        let (txs, rxs) = ends::<K, Counted>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let mut random = Random::new(round);
        for (id, mut tx) in txs.into_iter().enumerate() {
            let (dies, enough) = (random.below(4), random.below(40) as u64);
            crew.add(move || {
                let accepted = produce(&mut tx, id, ledger, enough);
                if dies == 0 {
                    if let Ok(mut claim) = tx.try_claim(3) {
                        drop(claim.push(ledger.make(number(id, accepted))));
                        die("in a claim");
                    }
                    die("with its end in hand");
                }
                Deeds { id, accepted, ..Deeds::default() }
            });
        }
        // What somebody had in hand who died comes late, where it does not stay in the ring.
        let mut in_order = true;
        for mut rx in rxs {
            let (dies, enough) = (random.below(4), random.below(60));
            in_order &= dies > 0 || !K::FACTS.hands;
            crew.add(move || {
                let mut popped = consume(&mut rx, if dies < 2 { enough } else { usize::MAX });
                match dies {
                    0 => _ = rx.pop_each(8, |_| die("in a batch")),
                    1 => die("with its end in hand"),
                    _ => popped.extend(consume(&mut rx, usize::MAX)),
                }
                Deeds { popped, ..Deeds::default() }
            });
        }
        // That all threads end is half of the test.
        for deed in crew.survivors() {
            if in_order {
                assert_order(&deed.popped);
            }
        }
        ledger.settle(0);
    });
}

/// Some consumers leave with an item in hand, at any moment. It does not come to who was told the end by then, but to another
/// consumer or the last end.
fn the_end_stays_the_end<K>(shapes: &[(usize, usize)])
where
    K: Subject<Counted, Producer: 'static, Consumer: 'static + Closes>,
{
    rounds::<K>(shapes, 1500, |round, slots, shape, ledger| {
        let (txs, rxs) = ends::<K, Counted>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let mut random = Random::new(round);
        let left_so_far = Arc::new(AtomicUsize::new(0));
        for (id, mut tx) in txs.into_iter().enumerate() {
            let enough = random.below(20) as u64;
            crew.add(move || {
                let accepted = produce(&mut tx, id, ledger, enough);
                let left = tx.into_remaining().map(|left| left.map(|item| item.value).collect());
                Deeds { id, accepted, left, ..Deeds::default() }
            });
        }
        let leavers = random.below(shape.1);
        for (nth, mut rx) in rxs.into_iter().enumerate() {
            let (enough, yields, left_so_far) = (random.below(20), random.below(100), Arc::clone(&left_so_far));
            if nth < leavers {
                crew.add(move || {
                    let popped = consume(&mut rx, enough);
                    let _ = rx.peek();
                    (0..yields).for_each(|_| thread::yield_now());
                    drop(rx);
                    left_so_far.fetch_add(1, Relaxed);
                    Deeds { popped, ..Deeds::default() }
                });
                continue;
            }
            crew.add(move || {
                let popped = consume(&mut rx, usize::MAX);
                let mut all_left = false;
                while !all_left {
                    all_left = left_so_far.load(Relaxed) == leavers;
                    let more = rx.try_pop().map(|item| item.value);
                    assert_eq!(more, Err(PopError::Closed), "after the end");
                    thread::yield_now();
                }
                let left = rx.into_remaining().map(|left| left.map(|item| item.value).collect());
                Deeds { popped, left, ..Deeds::default() }
            });
        }
        assert_all_there(&crew.finish());
        ledger.settle(0);
    });
}

const PAIR: &[(usize, usize)] = &[(1, 1)];
const CROWD: &[(usize, usize)] = &[(1, 1), (2, 1), (1, 2), (2, 2), (3, 3)];

macro_rules! kind {
    ($kind:ident: $Kind:ident, $shapes:ident) => {
        mod $kind {
            use super::*;
            #[test]
            fn a_close_is_exact() {
                super::a_close_is_exact::<$Kind>($shapes);
            }
            #[test]
            fn the_last_to_leave_gets_the_rest() {
                super::the_last_to_leave_gets_the_rest::<$Kind>($shapes);
            }
            #[test]
            fn ends_may_be_dropped_at_once() {
                super::ends_may_be_dropped_at_once::<$Kind>($shapes);
            }
            #[test]
            fn the_dead_take_nobody_along() {
                super::the_dead_take_nobody_along::<$Kind>($shapes);
            }
            #[test]
            fn the_end_stays_the_end() {
                super::the_end_stays_the_end::<$Kind>($shapes);
            }
        }
    };
}

kind!(spsc: Spsc, PAIR);
kind!(dense: Dense, PAIR);
kind!(lanes: Lanes, CROWD);
kind!(mpmc: Mpmc, CROWD);
