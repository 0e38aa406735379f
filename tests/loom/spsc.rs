//! One producer, one consumer: two threads, rings of one or two slots. The consumer's thread is the model's own.

use loom::thread;
use ringway::ring::{
    Capacity, Consumer as _, Producer as _, spsc,
    spsc::{Consumer, Producer},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Numbered,
        Popped::{Closed as End, Empty, Item},
        Pushed::{Closed, Full, In},
        Wide, claim_and_abandon, claim_and_commit, give_up_consumer, give_up_producer, left, pop, pop_batch,
        pop_until_has, push, push_until_in, pushed,
    },
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    ring_of(capacity)
}

fn ring_of<T: Numbered>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    spsc(Capacity::exactly(capacity)).expect("a small ring")
}

/// `Full` and `Empty` are what they say, and nothing is lost or doubled in between.
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
    explore_unbounded("spsc: push push | pop pop", 30, accepted, || pair::attempt_twice(ring(1)));
}

/// Slots and lines are used again, in order, and not before they are free. Two items make a line: the third is of lap 2.
#[test]
fn three_items_through_one_slot() {
    explore("spsc: push* push* push* | pop* pop* pop*", 100, [vec![1, 2, 3]], || pair::pass(ring(1), 3));
}

/// The same with an item a line, so that the second item already needs the slot of the first.
#[test]
fn three_wide_items_through_one_slot() {
    explore("spsc: push* push* push* | pop* pop* pop*, wide", 100, [vec![1, 2, 3]], || {
        pair::pass(ring_of::<Wide>(1), 3)
    });
}

/// The same over two lines, so that the ends follow each other from one to the next and round.
#[test]
fn five_items_through_two_lines() {
    explore("spsc: push* × 5 | pop* × 5", 3000, [vec![1, 2, 3, 4, 5]], || pair::pass(ring(2), 5));
}

/// A batch ends with its line, though the producer may be about to come round to it: without a line to spare, the header
/// of the next lap would be taken for a long run of this one.
#[test]
fn batches_while_the_producer_comes_round() {
    explore("spsc: push* × 4 | pop_slice* × 4", 100, [vec![1, 2, 3, 4]], || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || (1..=4).for_each(|item| push_until_in(&mut tx, item)));
        let mut items = vec![pop_until_has(&mut rx, 1)[0]];
        while items.len() < 4 {
            match pop_batch(&mut rx, 3) {
                batch if batch.is_empty() => thread::yield_now(),
                batch => items.extend(batch),
            }
        }
        producer.join().unwrap();
        items
    });
}

/// What the consumer leaves behind is accounted for: each push is refused, or its item popped or handed back.
#[test]
fn the_consumer_leaves_midway() {
    let accepted = [
        ([Closed, Closed], Empty, vec![]),
        ([In, Closed], Empty, vec![1]),
        ([In, Closed], Item(1), vec![]),
        ([In, Full], Empty, vec![1]),
        ([In, Full], Item(1), vec![]),
        ([In, In], Item(1), vec![2]),
    ];
    explore("spsc: push push leave | pop leave", 150, accepted, || pair::leave_midway(ring(1)));
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
    explore_unbounded("spsc: push drop | pop pop pop", 400, accepted, || pair::push_and_leave(ring(1)));
}

/// Close is exact while a push is in flight: its item is delivered, or it comes back. The producer makes no further call.
#[test]
fn the_consumer_closes_on_a_push_in_flight() {
    explore("spsc: push | close pop*", 40, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(1), |tx| push(tx, 1))
    });
}

/// The same with a second push, which must not get in after a first that did not.
#[test]
fn the_consumer_closes_on_two_pushes_in_flight() {
    let accepted = [([In, In], vec![1, 2]), ([In, Closed], vec![1]), ([Closed, Closed], vec![])];
    explore("spsc: push push | close pop*", 100, accepted, || {
        pair::close_during(ring(2), |tx| [push(tx, 1), push(tx, 2)])
    });
}

/// Both ends close at once: one of them settles where the stream ends, and both keep to it.
#[test]
fn both_ends_close() {
    explore("spsc: push close push | close pop*", 80, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(2), |tx| {
            let pushed = push(tx, 1);
            tx.close();
            assert_eq!(push(tx, 2), Closed);
            pushed
        })
    });
}

/// A claim that is open when the ring is closed is accepted; the end waits for it.
#[test]
fn the_consumer_closes_on_an_open_claim() {
    explore("spsc: claim commit | close pop*", 80, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(1), |tx| claim_and_commit(tx, 1))
    });
}

/// A claim that is abandoned leaves nothing, and the end does not wait for it for ever.
#[test]
fn the_consumer_closes_on_an_abandoned_claim() {
    explore(
        "spsc: push abandon | close pop*",
        10,
        [([In, In], vec![1]), ([In, Closed], vec![1]), ([Closed, Closed], vec![])],
        || pair::close_during(ring(2), |tx| [push(tx, 1), claim_and_abandon(tx, 1)]),
    );
}

/// A batch is in as a whole or refused as a whole when the ring is closed meanwhile.
#[test]
fn the_consumer_closes_on_a_batch() {
    explore("spsc: push_iter(2) | close pop*", 80, [(In, vec![1, 2]), (Closed, vec![])], || {
        pair::close_during(ring(2), |tx| {
            let result = tx.push_iter(&mut [1, 2].into_iter());
            pushed(result.as_ref().map(|&count| assert_eq!(count, 2)))
        })
    });
}

/// So it is if it has to ask the consumer for its room, with its claim open.
#[test]
fn the_consumer_closes_on_a_batch_that_asks_for_room() {
    explore("spsc: push pop, push_iter(1) | close pop*", 20, [(In, vec![2]), (Closed, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        assert_eq!((push(&mut tx, 1), pop(&mut rx)), (In, Item(1)));
        pair::close_during((tx, rx), |tx| {
            let result = tx.push_iter(&mut [2].into_iter());
            pushed(result.as_ref().map(|&count| assert_eq!(count, 1)))
        })
    });
}

/// A claim waits for its slot like a push, and is written in place.
#[test]
fn two_wide_claims_of_one_slot() {
    explore("spsc: push claim* commit | pop* pop*, wide", 20, [vec![1, 2]], || {
        let (mut tx, mut rx) = ring_of::<Wide>(1);
        let producer = thread::spawn(move || {
            push_until_in(&mut tx, 1);
            while claim_and_commit(&mut tx, 2) == Full {
                thread::yield_now();
            }
        });
        let items = pop_until_has(&mut rx, 2);
        producer.join().unwrap();
        items
    });
}

/// A claim across the border of two lines appears in order, and item by item if the consumer comes between.
#[test]
fn a_claim_crosses_a_line() {
    explore("spsc: push claim(2) commit | pop* pop* pop*", 250, [vec![1, 2, 3]], || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || {
            push_until_in(&mut tx, 1);
            let mut next = 2;
            while next <= 3 {
                match tx.try_claim(4 - next as usize) {
                    Ok(mut claim) => {
                        for item in next..next + claim.slots() as u64 {
                            claim.push(item).expect("a slot for each");
                        }
                        next += claim.commit() as u64;
                    }
                    Err(refused) => {
                        assert!(refused.is_full());
                        thread::yield_now();
                    }
                }
            }
        });
        let items = pop_until_has(&mut rx, 3);
        producer.join().unwrap();
        items
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
    explore_unbounded("spsc: push leave | leave", 60, accepted, || pair::give_up(ring(1)));
}

/// A peek promises the item to the pop after it.
#[test]
fn a_peek_and_then_a_pop() {
    explore_unbounded("spsc: push | peek pop", 12, [(Empty, Empty), (Empty, Item(1)), (Item(1), Item(1))], || {
        pair::peek_then_pop(ring(1))
    });
}

/// A batch takes what is there, and the rest stays.
#[test]
fn a_batch_is_popped() {
    let accepted = [(vec![], vec![1, 2]), (vec![1], vec![2]), (vec![1, 2], vec![])];
    explore_unbounded("spsc: push push | pop_slice(2)", 12, accepted, || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || (push(&mut tx, 1), push(&mut tx, 2), tx));
        let batch = pop_batch(&mut rx, 2);
        let (.., tx) = producer.join().unwrap();
        (batch, left(give_up_producer(tx), give_up_consumer(rx)))
    });
}

/// A depth is true of a moment, never more than the ring holds; what the consumer has counted it can pop.
#[test]
fn the_depth_is_within_the_capacity() {
    let accepted = [(0, Empty, 1), (0, Item(1), 0), (0, Item(1), 1), (1, Item(1), 0), (1, Item(1), 1)];
    explore_unbounded("spsc: push depth | depth pop", 25, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || {
            assert_eq!(push(&mut tx, 1), In);
            (tx.depth(), tx)
        });
        let depth = rx.depth();
        let popped = pop(&mut rx);
        let (after, _tx) = producer.join().unwrap();
        (depth, popped, after)
    });
}
