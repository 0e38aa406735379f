//! Producers on lanes of their own, consumers in turns: up to three threads, lanes of one or two slots.

use std::sync::Arc;

use loom::thread;
use ringway::{
    ring::{
        Capacity, Closes as _, Consumer as _, Producer as _, lanes,
        lanes::{Consumer, Producer},
    },
    wait::{Deadline, Park, Signal as _, Sleepers, Terms, Wait as _},
};

use crate::{
    explore::{explore, explore_unbounded},
    pair,
    steps::{
        Drops, Numbered as _,
        Popped::{Closed as End, Empty, Item},
        Pushed::{Closed, Full, In},
        Wide, claim_and_commit, close_and_drain, give_up_consumer, give_up_producer, pop, pop_batch, pop_until_closed,
        popped, push, pushed, with_the_rest,
    },
};

fn ring(capacity: usize) -> (Producer<u64>, Consumer<u64>) {
    lanes(Capacity::exactly(capacity)).expect("small lanes")
}

/// One lane of two slots that holds the items 1 and 2.
fn full_lane() -> (Producer<u64>, Consumer<u64>) {
    let (mut tx, rx) = ring(2);
    assert_eq!([push(&mut tx, 1), push(&mut tx, 2)], [In, In]);
    (tx, rx)
}

/// `Full` and `Empty` of one lane. Wide items have one slot and no more, so that the second one needs the first one's.
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
    explore_unbounded("lanes: push push | pop pop", 20, accepted, || {
        pair::attempt_twice(lanes::<Wide>(Capacity::exactly(1)).expect("small lanes"))
    });
}

/// A lane that comes while the consumer drains, and that it does not know of at first: the end does not come before its
/// item.
#[test]
fn a_producer_is_cloned_while_the_consumer_drains() {
    explore("lanes: clone push drop drop | pop*", 50, [vec![1]], || {
        let (tx, mut rx) = ring(1);
        let producer = thread::spawn(move || {
            let mut other = tx.clone();
            assert_eq!(push(&mut other, 1), In);
            drop(tx);
        });
        let items = pop_until_closed(&mut rx);
        producer.join().unwrap();
        items
    });
}

/// The same, and the first lane has an item too: between lanes there is no order.
#[test]
fn two_lanes_are_drained() {
    explore("lanes: push drop | push drop | pop*", 50, [vec![1, 2], vec![2, 1]], || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producers = [
            thread::spawn(move || assert_eq!(push(&mut tx, 1), In)),
            thread::spawn(move || assert_eq!(push(&mut other, 2), In)),
        ];
        let items = pop_until_closed(&mut rx);
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        items
    });
}

/// Close by the consumer is exact while pushes are in flight on two lanes.
#[test]
fn the_consumer_closes_on_pushes_in_flight() {
    let accepted =
        [([Closed, Closed], vec![]), ([Closed, In], vec![2]), ([In, Closed], vec![1]), ([In, In], vec![1, 2])];
    explore("lanes: push | push | close pop*", 50, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = tx.clone();
        let producers =
            [thread::spawn(move || (push(&mut tx, 1), tx)), thread::spawn(move || (push(&mut other, 2), other))];
        let mut items = close_and_drain(&mut rx);
        assert_eq!(rx.depth(), 0, "nothing is left at the end");
        items.sort();
        (producers.map(|producer| producer.join().unwrap().0), items)
    });
}

/// Room that the consumer makes after it has closed is of no use to a push.
#[test]
fn the_consumer_closes_and_makes_room() {
    explore_unbounded("lanes: full: push | close pop", 20, [Full, Closed], || {
        let (mut tx, mut rx) = lanes::<Wide>(Capacity::exactly(1)).expect("small lanes");
        assert_eq!(push(&mut tx, 1), In);
        let producer = thread::spawn(move || (push(&mut tx, 2), tx));
        rx.close();
        assert_eq!(pop(&mut rx), Item(1));
        let (pushed, _tx) = producer.join().unwrap();
        pushed
    });
}

/// So it is to a batch, also to one that had begun before the close.
#[test]
fn the_consumer_closes_and_makes_room_for_a_batch() {
    let accepted = [(Full, vec![1]), (Closed, vec![1])];
    explore_unbounded("lanes: full: push_iter(1) | close pop", 20, accepted, || {
        let (mut tx, mut rx) = lanes::<Wide>(Capacity::exactly(1)).expect("small lanes");
        assert_eq!(push(&mut tx, 1), In);
        let producer = thread::spawn(move || {
            let result = tx.push_iter(&mut std::iter::once(Wide::with(2)));
            (pushed(result.as_ref().map(drop)), tx)
        });
        rx.close();
        let popped = [pop(&mut rx)];
        let (pushed, _tx) = producer.join().unwrap();
        (pushed, with_the_rest(&popped, &mut rx))
    });
}

/// The consumer closes while a producer joins: the new lane is asked for its end by the one or by the other.
#[test]
fn the_consumer_closes_on_a_join() {
    explore("lanes: clone push | close pop*", 50, [(In, vec![1]), (Closed, vec![])], || {
        let (tx, mut rx) = ring(1);
        let producer = thread::spawn(move || {
            let mut other = tx.clone();
            (push(&mut other, 1), tx, other)
        });
        let items = close_and_drain(&mut rx);
        let (pushed, ..) = producer.join().unwrap();
        (pushed, items)
    });
}

/// One producer closes while another joins.
#[test]
fn a_producer_closes_on_a_join() {
    explore("lanes: close | clone push", 200, [(In, vec![1]), (Closed, vec![])], || {
        let (mut tx, mut rx) = ring(1);
        let second = tx.clone();
        let closer = thread::spawn(move || {
            tx.close();
            assert_eq!(push(&mut tx, 2), Closed, "refused from then on");
            tx
        });
        let joiner = thread::spawn(move || {
            let mut third = second.clone();
            (push(&mut third, 1), second, third)
        });
        let _tx = closer.join().unwrap();
        let (pushed, _second, _third) = joiner.join().unwrap();
        (pushed, pop_until_closed(&mut rx))
    });
}

/// The end waits for a claim that is open on one lane.
#[test]
fn the_consumer_closes_on_an_open_claim() {
    explore("lanes: claim commit | close pop*", 50, [(In, vec![1]), (Closed, vec![])], || {
        pair::close_during(ring(1), |tx| claim_and_commit(tx, 1))
    });
}

/// A lane whose producer left is taken over where it was left, or a new one is made.
#[test]
fn a_lane_is_taken_over() {
    explore("lanes: push drop | clone push | pop pop", 1000, [vec![1, 2], vec![2, 1]], || {
        let (tx, mut rx) = ring(2);
        let mut other = tx.clone();
        let leaves = thread::spawn(move || assert_eq!(push(&mut other, 1), In));
        let joins = thread::spawn(move || {
            let mut third = tx.clone();
            drop(tx);
            assert_eq!(push(&mut third, 2), In);
        });
        let popped = [pop(&mut rx), pop(&mut rx)];
        leaves.join().unwrap();
        joins.join().unwrap();
        with_the_rest(&popped, &mut rx)
    });
}

/// A lane is taken over while the consumer reads it and closes: its end is settled once.
#[test]
fn a_lane_is_taken_over_while_the_consumer_closes() {
    let accepted = [([In, In], vec![1, 2]), ([In, Closed], vec![1]), ([Closed, Closed], vec![])];
    explore("lanes: push drop clone push | close pop*", 50, accepted, || {
        let (tx, mut rx) = ring(2);
        let mut other = tx.clone();
        let producer = thread::spawn(move || {
            let first = push(&mut other, 1);
            drop(other);
            let mut third = tx.clone();
            ([first, push(&mut third, 2)], tx, third)
        });
        let items = close_and_drain(&mut rx);
        let (pushed, ..) = producer.join().unwrap();
        (pushed, items)
    });
}

/// Two consumers at one lane: each item goes to one of them, and the lane's order is kept from turn to turn.
#[test]
fn two_consumers_take_turns_at_one_lane() {
    let accepted =
        [(Empty, Item(1), vec![2]), (Item(1), Empty, vec![2]), (Item(1), Item(2), vec![]), (Item(2), Item(1), vec![])];
    explore_unbounded("lanes: full: pop | pop", 20, accepted, || {
        let (tx, mut rx) = full_lane();
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let here = pop(&mut rx);
        let (there, _other) = consumer.join().unwrap();
        drop(tx);
        (here, there, pop_until_closed(&mut rx))
    });
}

/// Two consumers and two lanes: whoever comes too late for the one lane takes the other.
#[test]
fn two_consumers_take_turns_at_two_lanes() {
    let accepted = [(Item(1), Item(2)), (Item(2), Item(1))];
    explore("lanes: 2 items: pop | pop", 20, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut second = tx.clone();
        assert_eq!([push(&mut tx, 1), push(&mut second, 2)], [In, In]);
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let here = pop(&mut rx);
        let (there, _other) = consumer.join().unwrap();
        (here, there)
    });
}

/// The same while the producer pushes.
#[test]
fn two_consumers_take_turns_while_a_producer_pushes() {
    let accepted = [
        (Empty, Empty, vec![1, 2]),
        (Empty, Item(1), vec![2]),
        (Item(1), Empty, vec![2]),
        (Item(1), Item(2), vec![]),
        (Item(2), Item(1), vec![]),
    ];
    explore("lanes: push push | pop | pop", 100, accepted, || {
        let (mut tx, mut rx) = ring(2);
        let mut other = rx.clone();
        let producer = thread::spawn(move || assert_eq!([push(&mut tx, 1), push(&mut tx, 2)], [In, In]));
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let here = pop(&mut rx);
        producer.join().unwrap();
        let (there, _other) = consumer.join().unwrap();
        (here, there, pop_until_closed(&mut rx))
    });
}

/// A consumer that finds itself alone takes no turns any more: it goes on where the one that left had stopped.
#[test]
fn a_consumer_is_left_alone() {
    let accepted = [
        (Empty, [Item(1), Item(2)], vec![]),
        (Item(1), [Empty, Empty], vec![2]),
        (Item(1), [Empty, Item(2)], vec![]),
        (Item(1), [Item(2), Empty], vec![]),
        (Item(2), [Item(1), Empty], vec![]),
    ];
    explore("lanes: full: pop drop | pop pop", 20, accepted, || {
        let (tx, mut rx) = full_lane();
        let mut other = rx.clone();
        let consumer = thread::spawn(move || pop(&mut other));
        let here = [pop(&mut rx), pop(&mut rx)];
        let there = consumer.join().unwrap();
        drop(tx);
        (there, here, pop_until_closed(&mut rx))
    });
}

/// Both consumers come to the end, and both stay there.
#[test]
fn two_consumers_come_to_the_end() {
    let accepted = [(Empty, vec![1]), (End, vec![1]), (Item(1), vec![])];
    explore("lanes: push drop | pop | pop", 1000, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = rx.clone();
        let producer = thread::spawn(move || assert_eq!(push(&mut tx, 1), In));
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let here = [pop(&mut rx)];
        producer.join().unwrap();
        let (there, mut other) = consumer.join().unwrap();
        let here = with_the_rest(&here, &mut rx);
        assert_eq!(pop(&mut other), End);
        (there, here)
    });
}

/// Two consumers at the end of a lane that one of them holds the turn of: the other may say `Empty` before it has come to
/// the end, and not after.
#[test]
fn two_consumers_stay_at_the_end() {
    let accepted = [[Empty, Empty], [Empty, End], [End, End]];
    explore("lanes: closed: pop | pop pop", 20, accepted, || {
        let (tx, mut rx) = ring(1);
        drop(tx);
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let here = [pop(&mut rx), pop(&mut rx)];
        let (_there, _other) = consumer.join().unwrap();
        here
    });
}

/// Looking keeps the lane's turn: the item that was shown is the one that is popped, and nobody gets it in between.
#[test]
fn a_peek_keeps_the_turn() {
    let accepted = [
        (Empty, Empty, Item(1)),
        (Empty, Item(2), Item(1)),
        (Item(1), Item(1), Empty),
        (Item(1), Item(1), Item(2)),
        (Item(2), Item(2), Item(1)),
    ];
    explore_unbounded("lanes: full: peek pop | pop", 20, accepted, || {
        let (_tx, mut rx) = full_lane();
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let peeked = popped(rx.peek().copied());
        let then = pop(&mut rx);
        let (there, _other) = consumer.join().unwrap();
        (peeked, then, there)
    });
}

/// A lone consumer looks at an item and is cloned then: the clone can't take it.
#[test]
fn a_peek_before_the_clone_keeps_the_turn() {
    let accepted = [(Item(1), Empty), (Item(1), Item(2))];
    explore_unbounded("lanes: full: peek clone pop | pop", 10, accepted, || {
        let (_tx, mut rx) = full_lane();
        assert_eq!(rx.peek(), Ok(&1));
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let then = pop(&mut rx);
        let (there, _other) = consumer.join().unwrap();
        (then, there)
    });
}

/// Dropping a consumer that has looked at an item gives the turn up.
#[test]
fn a_peek_and_a_drop_give_the_turn_up() {
    let accepted = [(Empty, vec![1, 2]), (Item(1), vec![2])];
    explore_unbounded("lanes: full: peek drop | pop", 10, accepted, || {
        let (tx, mut rx) = full_lane();
        let mut other = rx.clone();
        let consumer = thread::spawn(move || {
            let _ = other.peek();
        });
        let here = pop(&mut rx);
        consumer.join().unwrap();
        drop(tx);
        (here, pop_until_closed(&mut rx))
    });
}

/// A batch under a turn, against a pop.
#[test]
fn a_batch_against_a_pop() {
    let accepted = [(vec![], Item(1)), (vec![1, 2], Empty), (vec![2], Item(1))];
    explore_unbounded("lanes: full: pop_slice(2) | pop", 20, accepted, || {
        let (_tx, mut rx) = full_lane();
        let mut other = rx.clone();
        let consumer = thread::spawn(move || (pop(&mut other), other));
        let batch = pop_batch(&mut rx, 2);
        let (there, _other) = consumer.join().unwrap();
        (batch, there)
    });
}

/// Whoever is given up last gets what is left on all lanes, and nobody else does.
#[test]
fn three_ends_are_given_up() {
    let pushes = [[In, In], [In, Closed], [Closed, In], [Closed, Closed]];
    let accepted = pushes.into_iter().flat_map(|pushed| (0..3).map(move |last| (pushed, last)));
    explore("lanes: push leave | push leave | leave", 1000, accepted, || {
        let (mut tx, rx) = ring(1);
        let mut second = tx.clone();
        let first = thread::spawn(move || (push(&mut tx, 1), give_up_producer(tx)));
        let second = thread::spawn(move || (push(&mut second, 2), give_up_producer(second)));
        let here = give_up_consumer(rx);
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        let pushed = [first.0, second.0];
        let got = [here, first.1, second.1];
        let last = got.iter().position(Option::is_some).expect("somebody is the last");
        assert_eq!(got.iter().flatten().count(), 1, "exactly one end is the last: {got:?}");
        let mut left = got[last].clone().unwrap_or_default();
        left.sort();
        let put_in = [1, 2].into_iter().zip(pushed).filter(|&(_, how)| how == In).map(|(item, _)| item);
        assert_eq!(left, put_in.collect::<Vec<u64>>());
        (pushed, last)
    });
}

/// What a consumer that left has popped is not among what is left.
#[test]
fn consumers_are_given_up_after_a_pop() {
    let accepted = [(Item(1), None, Some(vec![2])), (Item(1), Some(vec![2]), None)];
    explore("lanes: full: pop leave | leave", 30, accepted, || {
        let (tx, rx) = full_lane();
        let mut other = rx.clone();
        drop(tx);
        let consumer = thread::spawn(move || (pop(&mut other), give_up_consumer(other)));
        let here = give_up_consumer(rx);
        let (popped, there) = consumer.join().unwrap();
        (popped, here, there)
    });
}

/// The last consumer's drop, a push in progress and the last producer's drop at once: the item is dropped once, by the
/// producer that got it back or with the ring.
#[test]
fn everybody_drops_while_a_push_is_in_progress() {
    explore("lanes: push drop | drop | drop", 100, [In, Closed], || {
        let drops = Drops::default();
        let (tx, rx) = lanes(Capacity::exactly(1)).expect("small lanes");
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

/// To look at the depth takes nothing out of anybody's sight: who is called for an item finds it, or would sleep on it.
#[test]
fn a_look_at_the_depth_hides_no_item() {
    explore("lanes: push call depth | wait pop", 20, [0, 1], || {
        let (mut tx, rx) = ring(1);
        let mut other = rx.clone();
        let signal = Arc::new(Sleepers::default());
        let sleeper = thread::spawn({
            let signal = Arc::clone(&signal);
            move || {
                let popped = || other.try_pop().ok();
                let popped = Park::default().wait(&signal, Terms::until(Deadline::NEVER), popped);
                (popped, other)
            }
        });
        assert_eq!(push(&mut tx, 1), In);
        signal.notify(1, 0);
        let depth = rx.depth();
        let (popped, _other) = sleeper.join().unwrap();
        assert_eq!((popped, rx.depth()), (Some(1), 0));
        depth
    });
}

/// Who looks after a push finds its item, although another looks at the same time in vain: that one has looked before the push,
/// and stood in the way. Or it looks again, and finds it itself.
#[test]
fn a_look_in_vain_hides_no_item() {
    let accepted = [(Item(1), Empty), (Empty, Item(1))];
    explore("lanes: pop | push pop, shared", 20, accepted, || {
        let (mut tx, mut rx) = ring(1);
        let mut other = rx.clone();
        let caller = thread::spawn(move || {
            assert_eq!(push(&mut tx, 1), In);
            (pop(&mut other), other, tx)
        });
        let here = pop(&mut rx);
        let (there, _other, _tx) = caller.join().unwrap();
        (here, there)
    });
}
