//! Several producers, several consumers, every item to one of them: up to three threads, rings of one or two slots.

use std::mem;

use loom::thread;
use ringway::ring::{
    Capacity, Closes as _, Consumer as _, Producer as _, mpmc,
    mpmc::{Consumer, Producer},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Drops,
        Popped::{Closed as End, Empty, Item},
        Pushed::{Closed, Full, In},
        claim_and_abandon, claim_and_commit, close_and_drain, give_up_consumer, give_up_producer, pop, pop_batch,
        pop_until_closed, popped, push, pushed, with_the_rest,
    },
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    mpmc(Capacity::exactly(capacity)).expect("a small ring")
}

/// A ring that holds the items from 1 on, so many that it is full.
fn full_ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    let (mut tx, rx) = ring(capacity);
    (1..=capacity as u64).for_each(|item| assert_eq!(push(&mut tx, item), In));
    (tx, rx)
}

/// `Full` and `Empty` between one producer and one consumer; nothing is lost or doubled.
#[test]
fn two_pushes_against_two_pops() {
    let accepted = [
        ([In, Full], [Empty, Empty], vec![1]),
        ([In, Full], [Empty, Item(1)], vec![]),
        ([In, Full], [Item(1), Empty], vec![]),
        ([In, In], [Empty, Item(1)], vec![2]),
        ([In, In], [Item(1), Empty], vec![2]),
        ([In, In], [Item(1), Item(2)], vec![]),
    ];
    explore_unbounded("mpmc: push push | pop pop", 30, accepted, || pair::attempt_twice(ring(1)));
}

/// A slot is used again, in order, and not before it is free.
#[test]
fn three_items_through_one_slot() {
    explore("mpmc: push* push* push* | pop* pop* pop*", 100, [vec![1, 2, 3]], || pair::pass(ring(1), 3));
}

/// The same with two slots.
#[test]
fn three_items_through_two_slots() {
    explore("mpmc: push* push* push* | pop* pop* pop*, 2", 100, [vec![1, 2, 3]], || pair::pass(ring(2), 3));
}

/// Two producers claim different slots. `Empty` may be said while a claim before a committed item is open.
#[test]
fn two_producers_against_a_consumer() {
    let accepted = [
        ([Empty, Empty], 2),
        ([Empty, Item(1)], 1),
        ([Empty, Item(2)], 1),
        ([Item(1), Empty], 1),
        ([Item(2), Empty], 1),
        ([Item(1), Item(2)], 0),
        ([Item(2), Item(1)], 0),
    ];
    explore("mpmc: push | push | pop pop", 1000, accepted, || {
        let (mut tx, mut rx) = ring(2);
        let producers = [1, 2].map(|item| {
            let mut tx = tx.clone();
            thread::spawn(move || assert_eq!(push(&mut tx, item), In))
        });
        let popped = [pop(&mut rx), pop(&mut rx)];
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        tx.close();
        (popped, pop_until_closed(&mut rx).len())
    });
}

/// Two producers fight for one slot: one of them gets it.
#[test]
fn two_producers_fight_for_a_slot() {
    let accepted = [(Full, In, vec![2]), (In, Full, vec![1])];
    explore_unbounded("mpmc: push | push", 10, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producer = thread::spawn(move || push(&mut other, 1));
        let here = push(&mut tx, 2);
        let there = producer.join().unwrap();
        drop(tx);
        (there, here, pop_until_closed(&mut rx))
    });
}

/// Two producers and a consumer fight for one slot.
#[test]
fn two_producers_and_a_pop_at_one_slot() {
    let accepted = [([Full, Full], Item(1), vec![]), ([Full, In], Item(1), vec![3]), ([In, Full], Item(1), vec![2])];
    explore("mpmc: full: push | push | pop", 100, accepted, || {
        let (tx, mut rx) = full_ring(1);
        let producers = [2, 3].map(|item| {
            let mut tx = tx.clone();
            thread::spawn(move || push(&mut tx, item))
        });
        let popped = pop(&mut rx);
        let pushed = producers.map(|producer| producer.join().unwrap());
        drop(tx);
        (pushed, popped, pop_until_closed(&mut rx))
    });
}

/// Two consumers fight for items: each item goes to one of them.
#[test]
fn two_consumers_against_a_producer() {
    let accepted = [
        (Empty, Empty, vec![1, 2]),
        (Empty, Item(1), vec![2]),
        (Item(1), Empty, vec![2]),
        (Item(1), Item(2), vec![]),
        (Item(2), Item(1), vec![]),
    ];
    explore("mpmc: push push | pop | pop", 1000, accepted, || {
        let (mut tx, mut rx) = ring(2);
        let mut other = rx.clone();
        let producer = thread::spawn(move || assert_eq!([push(&mut tx, 1), push(&mut tx, 2)], [In, In]));
        let consumer = thread::spawn(move || pop(&mut other));
        let here = pop(&mut rx);
        producer.join().unwrap();
        let there = consumer.join().unwrap();
        (here, there, pop_until_closed(&mut rx))
    });
}

/// Two consumers and a producer fight for one slot, whose second item is not to be had before the first was read.
#[test]
fn two_consumers_and_a_push_at_one_slot() {
    let accepted = [
        (Full, Empty, Item(1), vec![]),
        (Full, End, Item(1), vec![]),
        (Full, Item(1), Empty, vec![]),
        (Full, Item(1), End, vec![]),
        (In, Empty, Item(1), vec![2]),
        (In, Item(1), Empty, vec![2]),
        (In, Item(1), Item(2), vec![]),
        (In, Item(2), Item(1), vec![]),
    ];
    explore("mpmc: full: push | pop | pop", 500, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let mut other = rx.clone();
        let producer = thread::spawn(move || push(&mut tx, 2));
        let consumer = thread::spawn(move || pop(&mut other));
        let here = pop(&mut rx);
        let pushed = producer.join().unwrap();
        let there = consumer.join().unwrap();
        (pushed, here, there, pop_until_closed(&mut rx))
    });
}

/// Close by a consumer is exact while pushes are in flight on two threads.
#[test]
fn the_consumer_closes_on_pushes_in_flight() {
    let accepted = [
        ([Closed, Closed], vec![]),
        ([Closed, In], vec![2]),
        ([In, Closed], vec![1]),
        ([In, In], vec![1, 2]),
        ([In, In], vec![2, 1]),
    ];
    explore("mpmc: push | push | close pop*", 100, accepted, || {
        let (tx, mut rx) = ring(2);
        let producers = [1, 2].map(|item| {
            let mut tx = tx.clone();
            thread::spawn(move || push(&mut tx, item))
        });
        let items = close_and_drain(&mut rx);
        (producers.map(|producer| producer.join().unwrap()), items)
    });
}

/// Room that the consumer makes after it has closed is of no use.
#[test]
fn the_consumer_closes_and_makes_room() {
    explore_unbounded("mpmc: full: push | close pop", 20, [Full, Closed], || {
        let (mut tx, mut rx) = full_ring(1);
        let producer = thread::spawn(move || (push(&mut tx, 2), tx));
        rx.close();
        assert_eq!(pop(&mut rx), Item(1));
        let (pushed, _tx) = producer.join().unwrap();
        pushed
    });
}

/// Close by another producer is exact.
#[test]
fn a_producer_closes_on_a_push_in_flight() {
    explore("mpmc: push | close | pop pop", 500, [(In, vec![1]), (Closed, vec![])], || {
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
fn the_consumer_closes_on_an_open_claim() {
    explore_unbounded("mpmc: claim commit | close pop*", 10, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(1), |tx| claim_and_commit(tx, 1))
    });
}

/// An abandoned claim is a tombstone, which consumers skip and count; the other producer's item comes.
#[test]
fn an_abandoned_claim_is_skipped() {
    explore("mpmc: abandon | push | pop pop", 1000, [(vec![1], 1)], || {
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

/// What a claim wrote and took back is over before anybody else writes there. Fails when `leave_hole` is Relaxed.
#[test]
fn a_written_slot_is_abandoned() {
    explore_unbounded("mpmc: write abandon | pop push", 10, [(In, vec![2]), (Full, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let abandons = thread::spawn(move || {
            if let Ok(mut claim) = other.try_claim(1) {
                claim.push(1).expect("a claim has a slot");
            }
        });
        assert_eq!(pop(&mut rx), Empty);
        let pushed = push(&mut tx, 2);
        abandons.join().unwrap();
        drop(tx);
        (pushed, pop_until_closed(&mut rx))
    });
}

/// Two consumers meet a tombstone and an item: the one is counted once, the other popped once.
#[test]
fn two_consumers_meet_a_tombstone() {
    let accepted = [(Empty, Item(1)), (Item(1), Empty)];
    explore("mpmc: hole, item: pop | pop", 10, accepted, || {
        let (mut tx, mut rx) = ring(2);
        assert_eq!((claim_and_abandon(&mut tx, 1), push(&mut tx, 1)), (In, In));
        let mut other = rx.clone();
        let consumer = thread::spawn(move || pop(&mut other));
        let here = pop(&mut rx);
        let there = consumer.join().unwrap();
        assert_eq!(rx.skipped(), 1);
        drop(tx);
        (here, there)
    });
}

/// A forgotten claim is made a tombstone when its producer is dropped, also while the consumer stands before it.
#[test]
fn a_forgotten_claim_is_healed_by_the_drop() {
    explore_unbounded("mpmc: forget drop | pop*", 10, [(vec![], 1)], || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || mem::forget(tx.try_claim(1).expect("a free slot")));
        let items = pop_until_closed(&mut rx);
        producer.join().unwrap();
        (items, rx.skipped())
    });
}

/// A forgotten claim is made a tombstone by the next call of its producer.
#[test]
fn a_forgotten_claim_is_healed_by_the_next_call() {
    explore_unbounded("mpmc: forget push drop | pop*", 10, [(vec![1], 1)], || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || {
            mem::forget(tx.try_claim(1).expect("a free slot"));
            assert_eq!(push(&mut tx, 1), In);
        });
        let items = pop_until_closed(&mut rx);
        producer.join().unwrap();
        (items, rx.skipped())
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
    explore("mpmc: push drop | pop pop pop", 200, accepted, || pair::push_and_leave(ring(1)));
}

/// Of two producers the last to leave closes, and what both have pushed comes before the end.
#[test]
fn two_producers_leave() {
    explore("mpmc: push drop | push drop | pop pop", 1000, [vec![1, 2], vec![2, 1]], || {
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

/// The last consumer's drop, a push in progress and the last producer's drop at once: the item is dropped once, by the
/// producer that got it back or with the ring.
#[test]
fn everybody_drops_while_a_push_is_in_progress() {
    explore("mpmc: push drop | drop | drop", 100, [In, Closed], || {
        let drops = Drops::default();
        let (tx, rx) = mpmc(Capacity::exactly(1)).expect("a small ring");
        let mut other = tx.clone();
        let item = drops.item(1);
        let producer = thread::spawn(move || pushed(other.try_push(item).as_ref().map(|&()| ())));
        let leaves = thread::spawn(move || drop(tx));
        drop(rx);
        leaves.join().unwrap();
        let pushed = producer.join().unwrap();
        drops.each_once(1);
        pushed
    });
}

/// A batch takes items off one consumer's reach by one claim, and a single pop what is left.
#[test]
fn a_batch_against_a_pop() {
    let accepted = [(vec![1, 2], Empty), (vec![2], Item(1))];
    explore("mpmc: pop_slice(2) | pop", 10, accepted, || {
        let (tx, mut rx) = full_ring(2);
        let mut other = rx.clone();
        let consumer = thread::spawn(move || pop(&mut other));
        let batch = pop_batch(&mut rx, 2);
        let there = consumer.join().unwrap();
        drop(tx);
        (batch, there)
    });
}

/// A batch of claims against a pop: it appears in order, slot by slot.
#[test]
fn a_batch_is_pushed_while_the_consumer_pops() {
    let accepted = [
        ([Empty, Empty], vec![1, 2]),
        ([Empty, Item(1)], vec![2]),
        ([Item(1), Empty], vec![2]),
        ([Item(1), Item(2)], vec![]),
    ];
    explore("mpmc: push_iter(2) | pop pop", 100, accepted, || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || assert_eq!(tx.push_iter(&mut [1, 2].into_iter()), Ok(2)));
        let popped = [pop(&mut rx), pop(&mut rx)];
        producer.join().unwrap();
        (popped, pop_until_closed(&mut rx))
    });
}

/// Looking takes the item into this end's hands: the other consumer gets the next one, or none.
#[test]
fn a_peek_against_a_pop() {
    let accepted = [(Item(1), Item(1), Item(2)), (Item(2), Item(2), Item(1))];
    explore("mpmc: peek pop | pop", 10, accepted, || {
        let (tx, mut rx) = full_ring(2);
        let mut other = rx.clone();
        let consumer = thread::spawn(move || pop(&mut other));
        let peeked = popped(rx.peek().copied());
        let then = pop(&mut rx);
        let there = consumer.join().unwrap();
        drop(tx);
        (peeked, then, there)
    });
}

/// Whoever is given up last gets what is left, and nobody else does.
#[test]
fn both_ends_are_given_up() {
    let accepted = [
        (In, Some(vec![1]), None),
        (In, None, Some(vec![1])),
        (Closed, Some(vec![]), None),
        (Closed, None, Some(vec![])),
    ];
    explore_unbounded("mpmc: push leave | leave", 20, accepted, || pair::give_up(ring(1)));
}

/// Of two consumers and a producer the last gets what is left; what a consumer has in its hands it keeps.
#[test]
fn three_ends_are_given_up() {
    let accepted =
        [(None, Some(vec![1]), Some(vec![2])), (None, Some(vec![1, 2]), None), (Some(vec![2]), Some(vec![1]), None)];
    explore("mpmc: leave | peek leave | leave", 200, accepted, || {
        let (tx, rx) = full_ring(2);
        let mut other = rx.clone();
        let producer = thread::spawn(move || give_up_producer(tx));
        let consumer = thread::spawn(move || {
            other.peek().expect("an item");
            give_up_consumer(other)
        });
        let here = give_up_consumer(rx);
        let there = producer.join().unwrap();
        (here, consumer.join().unwrap(), there)
    });
}

/// A depth is true of a moment, never more than the ring holds.
#[test]
fn the_depth_is_within_the_capacity() {
    let accepted = [(Full, Item(1), 0), (In, Item(1), 0), (In, Item(1), 1)];
    explore_unbounded("mpmc: full: push | pop depth", 10, accepted, || {
        let (mut tx, mut rx) = full_ring(1);
        let producer = thread::spawn(move || (push(&mut tx, 2), tx));
        let popped = pop(&mut rx);
        let depth = rx.depth();
        let (pushed, _tx) = producer.join().unwrap();
        (pushed, popped, depth)
    });
}
