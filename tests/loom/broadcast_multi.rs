//! Several producers, and consumers that see every item: up to three threads, rings of one or two slots.

use loom::thread;
use ringway::ring::{
    Capacity, Consumer as _, Producer as _, PushError, broadcast_multi,
    broadcast_multi::{Consumer, Producer},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Drops,
        Popped::{Closed as End, Empty, Item},
        Pushed::{Closed, Full, In},
        claim_and_abandon, claim_and_commit, give_up_consumer, give_up_producer, items, pop, pop_until_closed,
        pop_until_has, push, push_until_in, with_the_rest,
    },
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    broadcast_multi(Capacity::exactly(capacity)).expect("a small ring")
}

/// A ring of one slot with an item that its consumer has not seen.
fn full_ring() -> (Producer<u64>, Consumer<u64>) {
    let (mut tx, rx) = ring(1);
    assert_eq!(push(&mut tx, 1), In);
    (tx, rx)
}

/// A slot is used again, in order, and not before the consumer has given it back.
#[test]
fn three_items_through_one_slot() {
    explore("broadcast_multi: push* × 3 | pop* × 3", 100, [vec![1, 2, 3]], || pair::pass(ring(1), 3));
}

/// Two producers claim different slots; their items come in the order of the slots.
#[test]
fn two_producers_push() {
    explore("broadcast_multi: push drop | push drop | pop pop", 1000, [vec![1, 2], vec![2, 1]], || {
        let (tx, mut rx) = ring(2);
        let mut other = tx.clone();
        let mut third = tx;
        let producers = [
            thread::spawn(move || assert_eq!(push(&mut other, 1), In)),
            thread::spawn(move || assert_eq!(push(&mut third, 2), In)),
        ];
        let popped = [pop(&mut rx), pop(&mut rx)];
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        with_the_rest(&popped, &mut rx)
    });
}

/// The slot that one producer looks at is claimed and filled by the other meanwhile: it looks again, for there is room for
/// both.
#[test]
fn two_producers_push_a_lap_later() {
    explore("broadcast_multi: a lap later: push | push", 50, [vec![1, 2], vec![2, 1]], || {
        let (mut tx, mut rx) = ring(2);
        [0, 0].into_iter().for_each(|item| assert_eq!(push(&mut tx, item), In));
        [Item(0), Item(0), Empty].into_iter().for_each(|popped| assert_eq!(pop(&mut rx), popped));
        let mut other = tx.clone();
        let producer = thread::spawn(move || assert_eq!(push(&mut other, 1), In));
        assert_eq!(push(&mut tx, 2), In);
        drop(tx);
        producer.join().unwrap();
        with_the_rest(&[], &mut rx)
    });
}

/// Two producers and a consumer at one slot: nobody overwrites what the consumer has not seen.
#[test]
fn two_producers_push_at_the_limit() {
    let accepted = [([Full, Full], vec![1]), ([Full, In], vec![1, 3]), ([In, Full], vec![1, 2])];
    explore("broadcast_multi: full: push | push | pop", 100, accepted, || {
        let (tx, mut rx) = full_ring();
        let producers = [2, 3].map(|item| {
            let mut tx = tx.clone();
            thread::spawn(move || push(&mut tx, item))
        });
        let popped = [pop(&mut rx)];
        let pushed = producers.map(|producer| producer.join().unwrap());
        drop(tx);
        (pushed, with_the_rest(&popped, &mut rx))
    });
}

/// Both consumers see every item, in the same order.
#[test]
fn two_consumers_see_every_item() {
    let accepted = [
        (vec![], vec![]),
        (vec![], vec![1]),
        (vec![], vec![1, 2]),
        (vec![1], vec![]),
        (vec![1], vec![1]),
        (vec![1], vec![1, 2]),
    ];
    explore("broadcast_multi: push push | pop pop | pop", 100, accepted, || {
        let (mut tx, mut here) = ring(2);
        let mut there = here.clone();
        let producer = thread::spawn(move || assert_eq!([push(&mut tx, 1), push(&mut tx, 2)], [In, In]));
        let consumer = thread::spawn(move || ([pop(&mut there), pop(&mut there)], there));
        let popped_here = [pop(&mut here)];
        producer.join().unwrap();
        let (popped_there, mut there) = consumer.join().unwrap();
        assert_eq!(with_the_rest(&popped_here, &mut here), [1, 2]);
        assert_eq!(with_the_rest(&popped_there, &mut there), [1, 2]);
        (items(&popped_here), items(&popped_there))
    });
}

/// A close by another producer is exact.
#[test]
fn a_producer_closes_on_a_push_in_flight() {
    explore("broadcast_multi: push | close | pop pop", 500, [(In, vec![1]), (Closed, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || push(&mut other, 1));
        let closer = thread::spawn(move || {
            tx.close();
            assert_eq!(push(&mut tx, 2), Closed, "refused from then on");
        });
        let popped = [pop(&mut rx), pop(&mut rx)];
        closer.join().unwrap();
        (producer.join().unwrap(), with_the_rest(&popped, &mut rx))
    });
}

/// A claim that is open when the ring is closed is accepted, and the end waits for it.
#[test]
fn a_producer_closes_on_an_open_claim() {
    explore("broadcast_multi: claim commit | close pop*", 10, [(In, vec![1]), (Closed, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || claim_and_commit(&mut other, 1));
        tx.close();
        let items = pop_until_closed(&mut rx);
        (producer.join().unwrap(), items)
    });
}

/// An abandoned claim is a tombstone, which the consumer skips and counts.
#[test]
fn an_abandoned_claim_is_skipped() {
    explore("broadcast_multi: abandon | push | pop pop", 1000, [(vec![1], 1)], || {
        let (tx, mut rx) = ring(2);
        let mut other = tx.clone();
        let mut third = tx;
        let abandons = thread::spawn(move || assert_eq!(claim_and_abandon(&mut other, 1), In));
        let pushes = thread::spawn(move || assert_eq!(push(&mut third, 1), In));
        let popped = [pop(&mut rx), pop(&mut rx)];
        abandons.join().unwrap();
        pushes.join().unwrap();
        (with_the_rest(&popped, &mut rx), rx.skipped())
    });
}

/// A tombstone is overwritten like an item, by whoever comes first.
#[test]
fn a_tombstone_is_overwritten() {
    explore("broadcast_multi: abandon push* | pop*", 20, [(vec![1], 1)], || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || {
            assert_eq!(claim_and_abandon(&mut tx, 1), In);
            push_until_in(&mut tx, 1);
        });
        let items = pop_until_closed(&mut rx);
        producer.join().unwrap();
        (items, rx.skipped())
    });
}

/// A slot that was written and abandoned is overwritten by another producer, after the one that gave it up.
#[test]
fn an_abandoned_slot_is_overwritten() {
    let accepted = [(Full, vec![]), (In, vec![2])];
    explore_unbounded("broadcast_multi: write abandon | pop push", 20, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let abandons = thread::spawn(move || {
            if let Ok(mut claim) = other.try_claim(1) {
                claim.push(1).expect("a claim has a slot");
            }
        });
        let popped = [pop(&mut rx)];
        let pushed = push(&mut tx, 2);
        abandons.join().unwrap();
        drop(tx);
        (pushed, with_the_rest(&popped, &mut rx))
    });
}

/// A forgotten claim is made a tombstone when its producer is dropped.
#[test]
fn a_forgotten_claim_is_healed_by_the_drop() {
    explore_unbounded("broadcast_multi: forget drop | pop*", 10, [(vec![], 1)], || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || std::mem::forget(tx.try_claim(1).expect("a free slot")));
        let items = pop_until_closed(&mut rx);
        producer.join().unwrap();
        (items, rx.skipped())
    });
}

/// A clone sees everything that its origin had still to see, also if the origin goes on at once and the producers, at their
/// limit, look at the gates meanwhile.
#[test]
fn a_consumer_is_cloned_while_a_producer_waits() {
    explore("broadcast_multi: push* × 3 | pop* clone pop* pop*", 100, [vec![2, 3]], || {
        let (mut tx, mut origin) = ring(1);
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

/// A clone takes over the place of a consumer that has just left: the producer, which finds the new gate there, must know
/// that the one who left reads no more.
#[test]
fn a_clone_takes_over_the_place_of_one_that_left() {
    let accepted = [(In, vec![2]), (Full, vec![])];
    explore("broadcast_multi: full: push | see drop | clone", 50, accepted, || {
        let (mut tx, mut origin) = full_ring();
        let mut leaves = origin.clone();
        assert_eq!(pop(&mut origin), Item(1));
        let producer = thread::spawn(move || push(&mut tx, 2));
        let leaver = thread::spawn(move || assert!(leaves.try_next().is_ok()));
        let mut clone = origin.clone();
        leaver.join().unwrap();
        let pushed = producer.join().unwrap();
        (pushed, pop_until_closed(&mut clone))
    });
}

/// A consumer joins through one producer while another, whom nothing has gated so far, goes on at its limit: whatever the
/// new consumer sees from its first item on, it sees without a gap.
#[test]
fn a_consumer_joins_while_another_producer_pushes() {
    let accepted = [
        ([In, In, In], vec![]),
        ([In, In, In], vec![3]),
        ([In, In, In], vec![2, 3]),
        ([In, In, Full], vec![]),
        ([In, In, Full], vec![2]),
        ([In, In, Full], vec![1, 2]),
        ([In, Full, In], vec![3]),
        ([In, Full, In], vec![1, 3]),
        ([In, Full, Full], vec![]),
        ([In, Full, Full], vec![1]),
    ];
    explore("broadcast_multi: push push push | join pop pop", 100, accepted, || {
        let (mut tx, rx) = ring(1);
        drop(rx);
        let mut other = tx.clone();
        let producer = thread::spawn(move || [1, 2, 3].map(|item| push(&mut other, item)));
        let mut joined = tx.join();
        let popped = [pop(&mut joined), pop(&mut joined)];
        let pushed = producer.join().unwrap();
        drop(tx);
        (pushed, with_the_rest(&popped, &mut joined))
    });
}

/// The same with a consumer that is in all the time and is seen by every walk.
#[test]
fn a_consumer_joins_beside_another() {
    let accepted = [
        ([In, Full], vec![1], vec![]),
        ([In, Full], vec![1], vec![1]),
        ([In, In], vec![1, 2], vec![]),
        ([In, In], vec![1, 2], vec![2]),
        ([In, In], vec![1, 2], vec![1, 2]),
    ];
    explore("broadcast_multi: push push | join pop | pop pop", 100, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || [1, 2].map(|item| push(&mut other, item)));
        let joiner = thread::spawn(move || {
            let mut joined = tx.join();
            (pop(&mut joined), joined)
        });
        let here = [pop(&mut rx), pop(&mut rx)];
        let pushed = producer.join().unwrap();
        let (there, mut joined) = joiner.join().unwrap();
        (pushed, with_the_rest(&here, &mut rx), with_the_rest(&[there], &mut joined))
    });
}

/// How many of the accepted items 1, 2, … a consumer missed that saw `seen`: it may miss the first ones only.
fn missed<const N: usize>(pushed: [crate::steps::Pushed; N], seen: &[u64]) -> usize {
    let accepted: Vec<u64> = (1..).zip(pushed).filter(|(_, pushed)| *pushed == In).map(|(item, _)| item).collect();
    assert!(accepted.ends_with(seen), "saw {seen:?} of {accepted:?}");
    accepted.len() - seen.len()
}

/// One joins at the oldest item held, while another producer overwrites: it sees what is held without a gap, and nothing that
/// is overwritten.
#[test]
fn a_consumer_joins_at_the_oldest_while_another_producer_pushes() {
    explore("broadcast_multi: push push push | join_oldest pop pop", 100, [0, 1, 2], || {
        let (mut tx, rx) = ring(1);
        drop(rx);
        let mut other = tx.clone();
        let producer = thread::spawn(move || [1, 2, 3].map(|item| push(&mut other, item)));
        let mut joined = tx.join_oldest();
        let popped = [pop(&mut joined), pop(&mut joined)];
        let pushed = producer.join().unwrap();
        drop(tx);
        missed(pushed, &with_the_rest(&popped, &mut joined))
    });
}

/// The same with a consumer that is in all the time, and holds what it has not seen for the one that joins.
#[test]
fn a_consumer_joins_at_the_oldest_beside_another() {
    explore("broadcast_multi: push push | join_oldest pop | pop", 100, [0, 1], || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || [1, 2].map(|item| push(&mut other, item)));
        let joiner = thread::spawn(move || {
            let mut joined = tx.join_oldest();
            (pop(&mut joined), joined)
        });
        let here = [pop(&mut rx)];
        let pushed = producer.join().unwrap();
        let (there, mut joined) = joiner.join().unwrap();
        assert_eq!(missed(pushed, &with_the_rest(&here, &mut rx)), 0);
        missed(pushed, &with_the_rest(&[there], &mut joined))
    });
}

/// The end is seen after the last item, never instead of it.
#[test]
fn the_last_producer_leaves_while_the_consumer_pops() {
    let accepted = [
        ([Empty, Empty, Empty], vec![1]),
        ([Empty, Empty, Item(1)], vec![]),
        ([Empty, Item(1), Empty], vec![]),
        ([Empty, Item(1), End], vec![]),
        ([Item(1), Empty, Empty], vec![]),
        ([Item(1), Empty, End], vec![]),
        ([Item(1), End, End], vec![]),
    ];
    explore("broadcast_multi: push drop | pop pop pop", 50, accepted, || pair::push_and_leave(ring(1)));
}

/// What is lent out stays until the consumer's next call; every item is dropped once, overwritten or left.
#[test]
fn an_item_stays_while_it_is_lent() {
    explore("broadcast_multi: push* × 3 drop | see drop", 100, [3], || {
        let drops = Drops::default();
        let (mut tx, mut rx) = broadcast_multi(Capacity::exactly(1)).expect("a small ring");
        let producer = {
            let drops = drops.clone();
            thread::spawn(move || {
                for number in 1..=3 {
                    let mut item = drops.item(number);
                    while let Err(PushError::Full(back)) = tx.try_push(item) {
                        item = back;
                        thread::yield_now();
                    }
                }
            })
        };
        let mut seen = 0;
        while seen < 3 {
            match rx.try_next() {
                Ok(item) => {
                    seen += 1;
                    assert_eq!(item.number, seen);
                    thread::yield_now();
                    assert_eq!(item.number, seen, "overwritten while it was lent");
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

/// Two producers overwrite what the consumer has seen, and each item is dropped once.
#[test]
fn two_producers_overwrite() {
    let accepted = [(false, false), (false, true), (true, false), (true, true)];
    explore("broadcast_multi: full: push | push | see drop", 1000, accepted, || {
        let drops = Drops::default();
        let (mut tx, mut rx) = broadcast_multi(Capacity::exactly(1)).expect("a small ring");
        assert!(tx.try_push(drops.item(1)).is_ok());
        let producers = [2, 3].map(|number| {
            let mut tx = tx.clone();
            let item = drops.item(number);
            thread::spawn(move || tx.try_push(item).is_ok())
        });
        drop(tx);
        assert!(rx.try_next().is_ok());
        drop(rx);
        let pushed = producers.map(|producer| producer.join().unwrap());
        drops.each_once(3);
        (pushed[0], pushed[1])
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
    explore_unbounded("broadcast_multi: push leave | pop leave", 20, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || {
            assert_eq!(push(&mut tx, 1), In);
            give_up_producer(tx)
        });
        let popped = pop(&mut rx);
        let here = give_up_consumer(rx);
        (popped, producer.join().unwrap(), here)
    });
}
