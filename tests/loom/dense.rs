//! One producer, one consumer, slices: two threads, rings of one or two slots. The consumer's thread is the model's own.

use loom::thread;
use ringway::ring::{
    Capacity, Closes as _, Consumer as _, PopError, Producer as _, dense,
    dense::{Consumer, Producer},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Drops,
        Popped::{Closed as End, Empty, Item},
        Pushed::{Closed, Full, In},
        claim_and_abandon, claim_and_commit, close_and_drain, pop, pop_batch, push, push_until_in, pushed,
    },
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    dense(Capacity::exactly(capacity)).expect("a small ring")
}

/// A ring of two slots whose next item goes into the second, so that two items lie on both sides of the border.
fn ring_at_its_border() -> (Producer<u64>, Consumer<u64>) {
    let (mut tx, mut rx) = ring(2);
    assert_eq!((push(&mut tx, 0), pop(&mut rx)), (In, Item(0)));
    (tx, rx)
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
    explore_unbounded("dense: push push | pop pop", 20, accepted, || pair::attempt_twice(ring(1)));
}

/// A slot is used again, in order, and not before it is free.
#[test]
fn three_items_through_one_slot() {
    explore("dense: push* push* push* | pop* pop* pop*", 50, [vec![1, 2, 3]], || pair::pass(ring(1), 3));
}

/// The same with two slots, so that the ends follow each other round.
#[test]
fn three_items_through_two_slots() {
    explore("dense: push* push* push* | pop* pop* pop*, 2", 500, [vec![1, 2, 3]], || pair::pass(ring(2), 3));
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
    explore("dense: push push leave | pop leave", 100, accepted, || pair::leave_midway(ring(1)));
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
    explore_unbounded("dense: push drop | pop pop pop", 200, accepted, || pair::push_and_leave(ring(1)));
}

/// Close is exact while a push is in flight: its item is delivered, or it comes back. The producer makes no further call.
#[test]
fn the_consumer_closes_on_a_push_in_flight() {
    explore_unbounded("dense: push | close pop*", 5000, [(In, vec![1]), (Closed, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        let producer = thread::spawn(move || (push(&mut tx, 1), tx));
        let items = close_and_drain(&mut rx);
        let (pushed, _tx) = producer.join().unwrap();
        assert_eq!(rx.depth(), 0, "nothing is left at the end");
        (pushed, items)
    });
}

/// Room that the consumer makes after it has closed is of no use: the push was too early for it, or is too late.
#[test]
fn the_consumer_closes_and_makes_room() {
    explore_unbounded("dense: full: push | close pop", 30, [Full, Closed], || {
        let (mut tx, mut rx) = ring(1);
        assert_eq!(push(&mut tx, 1), In);
        let producer = thread::spawn(move || (push(&mut tx, 2), tx));
        rx.close();
        assert_eq!(pop(&mut rx), Item(1));
        let (pushed, _tx) = producer.join().unwrap();
        pushed
    });
}

/// So it is for a claim.
#[test]
fn the_consumer_closes_and_makes_room_for_a_claim() {
    explore_unbounded("dense: full: claim commit | close pop", 30, [Full, Closed], || {
        let (mut tx, mut rx) = ring(1);
        assert_eq!(push(&mut tx, 1), In);
        let producer = thread::spawn(move || (claim_and_commit(&mut tx, 2), tx));
        rx.close();
        assert_eq!(pop(&mut rx), Item(1));
        let (pushed, _tx) = producer.join().unwrap();
        pushed
    });
}

/// The same with a second push, which must not get in after a first that did not; the second slot is the first of the
/// buffer, so that taking an item back crosses the border.
#[test]
fn the_consumer_closes_on_two_pushes_in_flight() {
    let accepted = [([In, In], vec![1, 2]), ([In, Closed], vec![1]), ([Closed, Closed], vec![])];
    explore("dense: push push | close pop*", 100, accepted, || {
        pair::close_during(ring_at_its_border(), |tx| [push(tx, 1), push(tx, 2)])
    });
}

/// Both ends close at once: one of them settles where the stream ends, and both keep to it.
#[test]
fn both_ends_close() {
    explore("dense: push close push | close pop*", 80, [(In, vec![1]), (Closed, vec![])], || {
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
    explore_unbounded("dense: claim commit | close pop*", 3000, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(1), |tx| claim_and_commit(tx, 1))
    });
}

/// A claim that is abandoned leaves nothing, and the end does not wait for it for ever.
#[test]
fn the_consumer_closes_on_an_abandoned_claim() {
    let accepted = [([In, In], vec![1]), ([In, Closed], vec![1]), ([Closed, Closed], vec![])];
    explore("dense: push abandon | close pop*", 150, accepted, || {
        pair::close_during(ring(2), |tx| [push(tx, 1), claim_and_abandon(tx, 1)])
    });
}

/// A slice is in as a whole or refused as a whole when the ring is closed meanwhile.
#[test]
fn the_consumer_closes_on_a_slice() {
    explore("dense: push_slice(2) | close pop*", 100, [(In, vec![1, 2]), (Closed, vec![])], || {
        pair::close_during(ring_at_its_border(), |tx| {
            let result = tx.push_slice(&[1, 2]);
            pushed(result.as_ref().map(|&count| assert_eq!(count, 2)))
        })
    });
}

/// A run shows what was there when it was asked for, on both sides of the border; nothing of it is overwritten before it is
/// consumed, and what is not consumed is there again.
#[test]
fn a_run_is_lent_while_the_producer_pushes() {
    let accepted = [
        vec![vec![1], vec![2], vec![3]],
        vec![vec![1], vec![2, 3], vec![3]],
        vec![vec![1, 2], vec![2], vec![3]],
        vec![vec![1, 2], vec![2, 3], vec![3]],
    ];
    explore("dense: push* push* push* | (run consume(1))*", 150, accepted, || {
        let (mut tx, mut rx) = ring_at_its_border();
        let producer = thread::spawn(move || (1..=3).for_each(|item| push_until_in(&mut tx, item)));
        let mut shown = Vec::new();
        let mut last = 0;
        while last < 3 {
            match rx.try_run(2) {
                Ok(run) => {
                    let items = || {
                        let (left, right) = run.slices();
                        [left, right].concat()
                    };
                    let seen = items();
                    thread::yield_now();
                    assert_eq!(items(), seen, "overwritten while it was lent");
                    last = seen[0];
                    shown.push(seen);
                    run.consume(1);
                }
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Closed) => break,
            }
        }
        producer.join().unwrap();
        shown
    });
}

/// A slice that crosses the border appears as a whole, and is not written before both slots are free.
#[test]
fn slices_cross_the_border() {
    explore("dense: push_slice* | pop_slice(2)*", 50, [vec![1, 2, 3]], || {
        let (mut tx, mut rx) = ring(2);
        let producer = thread::spawn(move || {
            let items = [1, 2, 3];
            let mut pushed = 0;
            while pushed < items.len() {
                match tx.push_slice(&items[pushed..]) {
                    Ok(count) => pushed += count,
                    Err(refused) => {
                        assert!(refused.is_full());
                        thread::yield_now();
                    }
                }
            }
        });
        let mut items = Vec::new();
        while items.len() < 3 {
            let batch = pop_batch(&mut rx, 2);
            if batch.is_empty() {
                thread::yield_now();
            }
            items.extend(batch);
        }
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
    explore_unbounded("dense: push leave | leave", 50, accepted, || pair::give_up(ring(1)));
}

/// Every item is dropped once: refused, popped, consumed, taken back or left.
#[test]
fn items_are_dropped_once() {
    let accepted = [([In, In], 2), ([In, In], 1), ([In, Closed], 1), ([Closed, Closed], 0)];
    explore("dense: push push drop | close run consume drop", 200, accepted, || {
        let drops = Drops::default();
        let (mut tx, mut rx) = dense(Capacity::exactly(2)).expect("a small ring");
        let producer = {
            let (first, second) = (drops.item(1), drops.item(2));
            thread::spawn(move || {
                let results = [tx.try_push(first), tx.try_push(second)];
                results.map(|result| pushed(result.as_ref().map(drop)))
            })
        };
        rx.close();
        let consumed = match rx.try_run(2) {
            Ok(run) => {
                let (left, right) = run.slices();
                let items = left.len() + right.len();
                run.consume(items);
                items
            }
            Err(_) => 0,
        };
        drop(rx);
        let pushed = producer.join().unwrap();
        drops.each_once(2);
        (pushed, consumed)
    });
}

/// A peek promises the item to the pop after it.
#[test]
fn a_peek_and_then_a_pop() {
    explore_unbounded("dense: push | peek pop", 10, [(Empty, Empty), (Empty, Item(1)), (Item(1), Item(1))], || {
        pair::peek_then_pop(ring(1))
    });
}
