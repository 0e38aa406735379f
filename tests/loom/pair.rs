//! Models of one producer on a thread of its own against one consumer on the model's: the same for every kind of ring.

use loom::thread;
use ringway::ring::{Closes, Consumer, Producer};

use crate::steps::{
    Numbered, Popped, Pushed, close_and_drain, give_up_consumer, give_up_producer, left, pop, pop_until_closed,
    pop_until_has, popped, push, push_until_in,
};

/// So many items, one after the other, each as soon as there is room.
pub(crate) fn pass<P, C>((mut tx, mut rx): (P, C), count: u64) -> Vec<u64>
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || (1..=count).for_each(|item| push_until_in(&mut tx, item)));
    let items = pop_until_has(&mut rx, count as usize);
    producer.join().unwrap();
    items
}

/// Two attempts each, and what is left.
pub(crate) fn attempt_twice<P, C>((mut tx, mut rx): (P, C)) -> ([Pushed; 2], [Popped; 2], Vec<u64>)
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || ([push(&mut tx, 1), push(&mut tx, 2)], tx));
    let popped = [pop(&mut rx), pop(&mut rx)];
    let (pushed, tx) = producer.join().unwrap();
    (pushed, popped, left(give_up_producer(tx), give_up_consumer(rx)))
}

/// Two pushes; the consumer pops once and leaves.
pub(crate) fn leave_midway<P, C>((mut tx, mut rx): (P, C)) -> ([Pushed; 2], Popped, Vec<u64>)
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || ([push(&mut tx, 1), push(&mut tx, 2)], give_up_producer(tx)));
    let popped = pop(&mut rx);
    let here = give_up_consumer(rx);
    let (pushed, there) = producer.join().unwrap();
    (pushed, popped, left(there, here))
}

/// A push, then the producer is dropped; three pops meanwhile, and all that comes after them.
pub(crate) fn push_and_leave<P, C>((mut tx, mut rx): (P, C)) -> ([Popped; 3], Vec<u64>)
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || assert_eq!(push(&mut tx, 1), Pushed::In));
    let popped = [pop(&mut rx), pop(&mut rx), pop(&mut rx)];
    producer.join().unwrap();
    (popped, pop_until_closed(&mut rx))
}

/// The consumer closes and drains during the producer's work. The producer is used no more, and dropped after that.
pub(crate) fn close_during<P, C, R>(
    (mut tx, mut rx): (P, C),
    work: impl FnOnce(&mut P) -> R + Send + 'static,
) -> (R, Vec<u64>)
where
    P: Producer<Item: Numbered> + 'static,
    C: Closes<Item: Numbered>,
    R: Send + 'static,
{
    let producer = thread::spawn(move || (work(&mut tx), tx));
    let items = close_and_drain(&mut rx);
    let (done, _tx) = producer.join().unwrap();
    (done, items)
}

/// A push, then both ends are given up: how it ended, and what the producer and the consumer got.
pub(crate) fn give_up<P, C>((mut tx, rx): (P, C)) -> (Pushed, Option<Vec<u64>>, Option<Vec<u64>>)
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || (push(&mut tx, 1), give_up_producer(tx)));
    let here = give_up_consumer(rx);
    let (pushed, there) = producer.join().unwrap();
    left(there.clone(), here.clone());
    (pushed, there, here)
}

/// A push; the consumer looks, and then pops.
pub(crate) fn peek_then_pop<P, C>((mut tx, mut rx): (P, C)) -> (Popped, Popped)
where
    P: Producer<Item: Numbered> + 'static,
    C: Consumer<Item: Numbered>,
{
    let producer = thread::spawn(move || (push(&mut tx, 1), tx));
    let peeked = popped(rx.peek().copied().map(Numbered::number));
    let seen = (peeked, pop(&mut rx));
    producer.join().unwrap();
    seen
}
