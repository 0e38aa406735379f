//! One producer, and consumers that see every item: up to three threads, rings of one slot.
//!
//! Wide items have one slot and no more, so that an item lies where the one before it lay.

use loom::thread;
use ringway::ring::{
    Capacity, Producer as _, PushError, broadcast,
    broadcast::{Consumer, Producer},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Counted, Drops,
        Popped::{Closed as End, Empty, Item},
        Pushed::{self, Full, In},
        Wide, give_up_consumer, give_up_producer, pop, pop_until_closed, pop_until_has, push, push_until_in,
        with_the_rest,
    },
};

fn ring() -> (Producer<u64>, Consumer<u64>) {
    broadcast(Capacity::exactly(1)).expect("a small ring")
}

fn wide_ring() -> (Producer<Wide>, Consumer<Wide>) {
    broadcast(Capacity::exactly(1)).expect("a small ring")
}

/// The items that went in, of those from 1 on.
fn went_in(pushed: &[Pushed]) -> Vec<u64> {
    (1..).zip(pushed).filter(|&(_, &how)| how == In).map(|(item, _)| item).collect()
}

/// Slots and lines are used again, in order, and not before the consumer has given them back.
#[test]
fn three_items_through_one_slot() {
    explore("broadcast: push* × 3 | pop* × 3", 100, [vec![1, 2, 3]], || pair::pass(ring(), 3));
}

/// The same with an item a line.
#[test]
fn three_wide_items_through_one_slot() {
    explore("broadcast: push* × 3 | pop* × 3, wide", 100, [vec![1, 2, 3]], || pair::pass(wide_ring(), 3));
}

/// Both consumers see every item, in order; the slower one holds the producer back.
#[test]
fn two_consumers_see_every_item() {
    explore("broadcast: push push | pop pop | pop", 500, [[In, Full], [In, In]], || {
        let (mut tx, mut here) = wide_ring();
        let mut there = here.clone();
        let producer = thread::spawn(move || [push(&mut tx, 1), push(&mut tx, 2)]);
        let consumer = thread::spawn(move || ([pop(&mut there), pop(&mut there)], there));
        let popped_here = [pop(&mut here)];
        let pushed = producer.join().unwrap();
        let (popped_there, mut there) = consumer.join().unwrap();
        assert_eq!(with_the_rest(&popped_here, &mut here), went_in(&pushed));
        assert_eq!(with_the_rest(&popped_there, &mut there), went_in(&pushed));
        pushed
    });
}

/// A clone sees everything that its origin had still to see, also if the origin goes on at once and the producer, at its
/// limit, looks at the gates meanwhile.
#[test]
fn a_consumer_is_cloned_while_the_producer_waits() {
    explore("broadcast: push* × 3 | pop* clone pop* pop | …", 100, [vec![2, 3]], || {
        let (mut tx, mut origin) = wide_ring();
        let producer = thread::spawn(move || (1..=3).for_each(|item| push_until_in(&mut tx, item)));
        assert_eq!(pop_until_has(&mut origin, 1), [1]);
        let mut clone = origin.clone();
        assert_eq!(pop_until_has(&mut origin, 1), [2]);
        let mut seen = pop_until_has(&mut clone, 1);
        drop(origin);
        seen.extend(pop_until_has(&mut clone, 1));
        producer.join().unwrap();
        seen
    });
}

/// The origin leaves at once: its place says so after the clone's gate stands.
#[test]
fn a_consumer_is_cloned_and_leaves() {
    explore("broadcast: push* × 3 | pop* clone drop | …", 100, [vec![2, 3]], || {
        let (mut tx, mut origin) = wide_ring();
        let producer = thread::spawn(move || (1..=3).for_each(|item| push_until_in(&mut tx, item)));
        assert_eq!(pop_until_has(&mut origin, 1), [1]);
        let mut clone = origin.clone();
        drop(origin);
        let seen = pop_until_has(&mut clone, 2);
        producer.join().unwrap();
        seen
    });
}

/// A consumer that joins through the producer sees what is pushed from then on.
#[test]
fn a_consumer_joins_through_the_producer() {
    explore("broadcast: push* join push* | pop* × 2", 50, [vec![2]], || {
        let (mut tx, mut rx) = wide_ring();
        let producer = thread::spawn(move || {
            push_until_in(&mut tx, 1);
            let joined = tx.join();
            push_until_in(&mut tx, 2);
            joined
        });
        assert_eq!(pop_until_has(&mut rx, 2), [1, 2]);
        let mut joined = producer.join().unwrap();
        pop_until_closed(&mut joined)
    });
}

/// A consumer that leaves no longer holds the producer back, which overwrites what it saw only after it is gone.
#[test]
fn a_consumer_leaves_while_the_producer_waits_for_it() {
    explore("broadcast: push* push* | pop* see drop pop*", 50, [vec![1, 2]], || {
        let (mut tx, mut stays) = wide_ring();
        let mut leaves = stays.clone();
        let producer = thread::spawn(move || [1, 2].map(|item| push_until_in(&mut tx, item)));
        let mut seen = pop_until_has(&mut stays, 1);
        leaves.try_next().expect("the other has seen it");
        drop(leaves);
        seen.extend(pop_until_has(&mut stays, 1));
        producer.join().unwrap();
        seen
    });
}

/// The last consumer leaves: nothing gates any more.
#[test]
fn the_last_consumer_leaves() {
    explore("broadcast: push push | see drop", 20, [[In, Full], [In, In]], || {
        let (mut tx, mut rx) = wide_ring();
        let producer = thread::spawn(move || [push(&mut tx, 1), push(&mut tx, 2)]);
        let _ = rx.try_next();
        drop(rx);
        producer.join().unwrap()
    });
}

/// A clone takes over the place of a consumer that has just left: the producer, which finds the new gate there, must know
/// that the one who left reads no more.
#[test]
fn a_clone_takes_over_the_place_of_one_that_left() {
    let accepted = [(In, vec![2]), (Full, vec![])];
    explore("broadcast: full: push | see drop | clone", 50, accepted, || {
        let (mut tx, mut origin) = wide_ring();
        let mut leaves = origin.clone();
        assert_eq!((push(&mut tx, 1), pop(&mut origin)), (In, Item(1)));
        let producer = thread::spawn(move || push(&mut tx, 2));
        let leaver = thread::spawn(move || assert!(leaves.try_next().is_ok()));
        let mut clone = origin.clone();
        leaver.join().unwrap();
        let pushed = producer.join().unwrap();
        (pushed, pop_until_closed(&mut clone))
    });
}

/// The end is seen after the last item, never instead of it.
#[test]
fn the_producer_leaves_while_the_consumer_pops() {
    let accepted = [
        ([Empty, Empty, Empty], vec![1]),
        ([Empty, Empty, Item(1)], vec![]),
        ([Empty, Item(1), Empty], vec![]),
        ([Empty, Item(1), End], vec![]),
        ([Item(1), Empty, Empty], vec![]),
        ([Item(1), Empty, End], vec![]),
        ([Item(1), End, End], vec![]),
    ];
    explore_unbounded("broadcast: push drop | pop pop pop", 50, accepted, || pair::push_and_leave(ring()));
}

/// Too big for a line of the model, and counts its drop.
struct Fat(Counted, #[allow(dead_code)] [u64; 16]);

/// Pushes the items from 1 to `last`, each as often as it takes.
fn push_all(producer: &mut Producer<Fat>, drops: &Drops, last: usize) {
    for number in 1..=last {
        let mut item = Fat(drops.item(number), [0; 16]);
        while let Err(PushError::Full(back)) = producer.try_push(item) {
            item = back;
            thread::yield_now();
        }
    }
}

/// What is lent out stays until the consumer's next call; every item is dropped once, overwritten or left.
#[test]
fn an_item_stays_while_it_is_lent() {
    explore("broadcast: push* × 3 drop | see drop", 100, [3], || {
        let drops = Drops::default();
        let (mut tx, mut rx) = broadcast(Capacity::exactly(1)).expect("a small ring");
        let producer = {
            let drops = drops.clone();
            thread::spawn(move || push_all(&mut tx, &drops, 3))
        };
        let mut seen = 0;
        while seen < 3 {
            match rx.try_next() {
                Ok(item) => {
                    seen += 1;
                    assert_eq!(item.0.number, seen);
                    thread::yield_now();
                    assert_eq!(item.0.number, seen, "overwritten while it was lent");
                    assert_eq!(drops.of(seen), 0, "dropped while it was lent");
                }
                Err(_) => thread::yield_now(),
            }
        }
        drop(rx);
        producer.join().unwrap();
        drops.each_once(3);
        seen
    });
}

/// A claim that is abandoned has dropped what was overwritten already, and nobody drops it again.
#[test]
fn an_abandoned_claim_and_a_consumer_that_leaves() {
    let accepted = [(false, false), (false, true), (true, false), (true, true)];
    explore("broadcast: push abandon drop | see drop", 30, accepted, || {
        let drops = Drops::default();
        let (mut tx, mut rx) = broadcast(Capacity::exactly(1)).expect("a small ring");
        let producer = {
            let item = Fat(drops.item(1), [0; 16]);
            thread::spawn(move || {
                assert!(tx.try_push(item).is_ok());
                tx.try_claim(1).is_ok()
            })
        };
        let seen = rx.try_next().is_ok();
        drop(rx);
        let claimed = producer.join().unwrap();
        drops.each_once(1);
        (seen, claimed)
    });
}

/// Whoever is given up last gets what the consumer has not seen, and nobody else does.
#[test]
fn both_ends_are_given_up() {
    let accepted = [
        (Empty, Some(vec![1]), None),
        (Empty, None, Some(vec![1])),
        (Item(1), Some(vec![]), None),
        (Item(1), None, Some(vec![])),
    ];
    explore_unbounded("broadcast: push leave | pop leave", 20, accepted, || {
        let (mut tx, mut rx) = ring();
        let producer = thread::spawn(move || {
            assert_eq!(push(&mut tx, 1), In);
            give_up_producer(tx)
        });
        let popped = pop(&mut rx);
        let here = give_up_consumer(rx);
        (popped, producer.join().unwrap(), here)
    });
}

/// A consumer takes over the place of another thread's: the producer that reads the new gate waits for the old owner's
/// reads, too. (`a_clone_takes_over_the_place_of_one_that_left` is the one that fails when the new owner's gate is Relaxed.)
#[test]
fn another_threads_place_is_taken_over() {
    explore("broadcast: push* | see drop | see clone, wide", 20, [()], || {
        let (mut tx, mut rx) = wide_ring();
        assert_eq!(push(&mut tx, 1), In);
        let mut other = rx.clone();
        let producer = thread::spawn(move || push_until_in(&mut tx, 2));
        let leaver = thread::spawn(move || assert_eq!(pop(&mut other), Item(1)));
        assert_eq!(pop(&mut rx), Item(1));
        let taker = rx.clone();
        producer.join().unwrap();
        leaver.join().unwrap();
        drop(taker);
    });
}
