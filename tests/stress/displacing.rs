//! Producers that displace, among consumers that pop: every item goes to exactly one of them.

use std::thread;

use ringway::ring::{Consumer, Displace, DisplaceError, PopError, Producer, mpmc::Mpmc};

use crate::{
    Crew, load,
    support::{
        counted::{Counted, Ledger},
        kinds::Subject,
        random::SayOnPanic,
    },
    traffic::{assert_order, ends, number},
};

fn what_is_displaced_is_not_popped<K>(slots: usize, shape: (usize, usize), close_early: bool)
where
    K: Subject<Counted, Producer: 'static + Displace, Consumer: 'static>,
{
    let _say = SayOnPanic(|| format!("{} slots, {shape:?}, closed early: {close_early}", slots));
    let (producers, consumers) = shape;
    let each = load(20_000) / producers as u64;
    let ledger = Ledger::new((each as usize + 1) * producers);
    let (txs, rxs) = ends::<K, Counted>(slots, shape);
    let mut crew = Crew::of(producers + consumers);
    for (id, mut tx) in txs.into_iter().enumerate() {
        crew.add(move || {
            let mut displaced = Vec::new();
            let mut nth = 0;
            let mut item = None;
            while nth < each {
                if close_early && id == 0 && nth == each / 2 {
                    tx.close();
                }
                match tx.displace(item.take().unwrap_or_else(|| ledger.make(number(id, nth)))) {
                    Ok(oldest) => {
                        displaced.extend(oldest.map(|item| item.value));
                        nth += 1;
                    }
                    Err(DisplaceError::Busy(refused)) => {
                        item = Some(refused);
                        thread::yield_now();
                    }
                    Err(DisplaceError::Closed { displaced: oldest, .. }) => {
                        displaced.extend(oldest.map(|item| item.value));
                        break;
                    }
                }
            }
            (nth, displaced)
        });
    }
    for mut rx in rxs {
        crew.add(move || {
            let mut out = Vec::new();
            loop {
                match rx.try_pop() {
                    Ok(item) => out.push(item.value),
                    Err(PopError::Empty) => thread::yield_now(),
                    Err(PopError::Closed) => return (0, out),
                }
            }
        });
    }
    let shares = crew.finish();
    shares.iter().for_each(|(_, numbers)| assert_order(numbers));
    let mut numbers: Vec<u64> = shares.iter().flat_map(|(_, numbers)| numbers).copied().collect();
    numbers.sort_unstable();
    let accepted = shares[..producers].iter().enumerate();
    let sent = accepted.flat_map(|(id, (count, _))| (0..*count).map(move |nth| number(id, nth)));
    assert!(numbers.into_iter().eq(sent), "an item was lost or came twice");
    ledger.settle(0);
}

#[test]
fn mpmc_displaces_each_item_once() {
    for slots in [1, 2, 16] {
        for shape in [(1, 1), (2, 1), (2, 2), (3, 3)] {
            what_is_displaced_is_not_popped::<Mpmc>(slots, shape, false);
        }
    }
}

#[test]
fn mpmc_displaces_up_to_its_close() {
    for slots in [1, 4] {
        for shape in [(1, 1), (2, 1), (2, 2)] {
            what_is_displaced_is_not_popped::<Mpmc>(slots, shape, true);
        }
    }
}
