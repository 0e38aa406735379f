//! Looking at ends while others work: figures stay within their bounds, and everything shows itself.

use ringway::ring::{
    Consumer, Producer, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc,
    spsc::Spsc,
};

use crate::{
    Crew, load,
    support::{
        kinds::Subject,
        patience::{pop, push},
    },
    traffic::ends,
};

/// Two threads a side where the kind has them; each looks at its own end all the time (T8, T29).
fn figures_stay_in_bounds<K>(shape: (usize, usize))
where
    K: Subject<u64, Producer: 'static, Consumer: 'static>,
{
    for slots in [1, 4, 16] {
        let items = load(8_000);
        let (txs, rxs) = ends::<K, u64>(slots, shape);
        let mut crew = Crew::of(shape.0 + shape.1);
        let hold = K::FACTS.hold(slots);
        // A consumer of lanes looks at all of them.
        let inside = if K::FACTS.lanes { hold * shape.0 } else { hold };
        for mut tx in txs {
            crew.add(move || {
                for item in 0..items {
                    push(&mut tx, item).unwrap();
                    let (depth, room) = (tx.depth(), tx.room());
                    assert!(depth <= hold && room <= hold, "depth {depth}, room {room}");
                    assert_eq!((tx.capacity(), tx.is_closed()), (slots, false));
                    assert!(item % 64 > 0 || format!("{tx:?}").contains("Producer"));
                }
            });
        }
        for mut rx in rxs {
            crew.add(move || {
                let mut popped = 0;
                while pop(&mut rx).is_some() {
                    popped += 1;
                    let depth = rx.depth();
                    assert!(depth <= inside, "depth {depth}");
                    assert!(popped % 64 > 0 || format!("{rx:?}").contains("Consumer"));
                }
                assert!(rx.is_closed() && rx.depth() == 0);
            });
        }
        crew.finish();
    }
}

#[test]
fn spsc() {
    figures_stay_in_bounds::<Spsc>((1, 1));
}

#[test]
fn dense() {
    figures_stay_in_bounds::<Dense>((1, 1));
}

#[test]
fn lanes() {
    figures_stay_in_bounds::<Lanes>((2, 2));
}

#[test]
fn mpmc() {
    figures_stay_in_bounds::<Mpmc>((2, 2));
}

#[test]
fn broadcast() {
    figures_stay_in_bounds::<Broadcast>((1, 2));
}

#[test]
fn broadcast_multi() {
    figures_stay_in_bounds::<BroadcastMulti>((2, 2));
}
