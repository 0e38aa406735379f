//! A broadcast whose consumers come and go while its producers push: no consumer misses anything from its first item on.

use std::{panic::resume_unwind, thread};

use ringway::ring::{
    PopError, Producer, broadcast, broadcast::Broadcast, broadcast_multi, broadcast_multi::BroadcastMulti,
};

use crate::{
    Crew, load, stamp,
    support::{
        counted::{Counted, Ledger},
        kinds::{Subject, ring},
        patience::push,
        random::{Random, SayOnPanic},
    },
    traffic::{number, producer_of},
};

/// The calls that no trait of the crate names.
trait Sees: Clone + Send + 'static {
    fn see(&mut self) -> Result<u64, PopError>;
}

trait Shows: Producer<Item = Counted> + 'static {
    type Consumer: Sees;
    fn admit(&mut self) -> Self::Consumer;
}

macro_rules! calls {
    ($kind:ident) => {
        impl Sees for $kind::Consumer<Counted> {
            fn see(&mut self) -> Result<u64, PopError> {
                self.try_next().map(|item| item.value)
            }
        }
        impl Shows for $kind::Producer<Counted> {
            type Consumer = $kind::Consumer<Counted>;
            fn admit(&mut self) -> Self::Consumer {
                self.join()
            }
        }
    };
}
calls!(broadcast);
calls!(broadcast_multi);

/// What one consumer has seen, per producer: each item after the first must follow the one before.
#[derive(Clone, Default)]
struct Seen {
    next: [Option<u64>; 4],
    count: u64,
}

impl Seen {
    fn see(&mut self, number: u64) {
        let next = &mut self.next[producer_of(number)];
        assert!(next.is_none_or(|next| next == number), "{number:x} came, and {next:x?} was next");
        *next = Some(number + 1);
        self.count += 1;
    }
}

/// Watches the stream to its end: now and then through a clone, or from a late start.
fn watch<C: Sees>(mut rx: C, mut random: Random) -> Seen {
    let mut seen = Seen::default();
    loop {
        match rx.see() {
            Ok(number) => seen.see(number),
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed) => return seen,
        }
        if random.below(50) == 0 {
            // The clone goes on exactly here; which of the two leaves is no matter.
            let clone = rx.clone();
            if random.below(2) == 0 {
                rx = clone;
            }
        }
    }
}

/// What a consumer dies of that is to die.
struct MeantToDie;

fn nobody_misses_anything<K>(slots: usize, producers: usize)
where
    K: Subject<Counted, Producer: Shows<Consumer = K::Consumer>, Consumer: Sees>,
{
    let _say = SayOnPanic(|| format!("{}, {slots} slots, {producers} producers", K::FACTS.name));
    let each = load(16_000) / producers as u64;
    let ledger = Ledger::new(each as usize * producers);
    let (tx, rx) = ring::<K, Counted>(slots);
    let mut crew = Crew::of(producers + 2);
    let mut txs = vec![tx];
    while txs.len() < producers {
        txs.push(K::clone_producer(&txs[0]).expect("a broadcast with many producers"));
    }
    for (id, mut tx) in txs.into_iter().enumerate() {
        crew.add(move || {
            let mut random = Random::new(id as u64);
            let mut late = Vec::new();
            for nth in 0..each {
                assert!(push(&mut tx, ledger.make(number(id, nth))).is_ok());
                // Somebody joins for a moment, and sees what this producer pushes from now on.
                if random.below(500) == 0 && late.len() < 8 {
                    let joined = tx.admit();
                    late.push(thread::spawn(move || {
                        let (mut rx, mut seen) = (joined, Seen::default());
                        while seen.count < 50 {
                            match rx.see() {
                                Ok(number) => seen.see(number),
                                Err(PopError::Empty) => thread::yield_now(),
                                Err(PopError::Closed) => break,
                            }
                        }
                        // And dies with its end in hand, if it has seen that many. Without a report, whose buffer is shared
                        // under a lock that ThreadSanitizer can't see.
                        if seen.count == 50 {
                            resume_unwind(Box::new(MeantToDie));
                        }
                    }));
                }
            }
            drop(tx);
            let dead = late.into_iter().filter_map(|thread| thread.join().err());
            dead.for_each(|why| assert!(why.is::<MeantToDie>(), "who joined late missed something"));
            Seen::default()
        });
    }
    for id in 0..2 {
        let rx = rx.clone();
        crew.add(move || watch(rx, Random::new(100 + id)));
    }
    drop(rx);
    let watched = crew.finish().split_off(producers);
    for seen in watched {
        assert_eq!(seen.count, each * producers as u64, "these were there from the start");
    }
    ledger.settle(0);
}

fn consumers_come_and_go<K>()
where
    K: Subject<Counted, Producer: Shows<Consumer = K::Consumer>, Consumer: Sees>,
{
    for slots in [1, 2, 16, 64] {
        nobody_misses_anything::<K>(slots, 1);
    }
}

/// Without anybody to see it, everything goes through, and is dropped; now and then somebody looks in.
fn nobody_watches<K>()
where
    K: Subject<Counted, Producer: Shows<Consumer = K::Consumer>, Consumer: Sees>,
{
    let items = load(40_000);
    let ledger = Ledger::new(items as usize);
    let (mut tx, rx) = ring::<K, Counted>(8);
    drop(rx);
    let mut guests = Vec::new();
    for nth in 0..items {
        assert!(push(&mut tx, ledger.make(nth)).is_ok());
        if nth % (items / 10) == 0 {
            let mut rx = tx.admit();
            guests.push(thread::spawn(move || {
                let mut seen = Seen::default();
                while seen.count < 20 {
                    match rx.see() {
                        Ok(number) => seen.see(number),
                        Err(PopError::Empty) => thread::yield_now(),
                        Err(PopError::Closed) => break,
                    }
                }
            }));
        }
    }
    drop(tx);
    guests.into_iter().for_each(|guest| guest.join().unwrap());
    ledger.settle(0);
}

stamp! { broadcast_alone: Broadcast; consumers_come_and_go nobody_watches }
stamp! { broadcast_multi_alone: BroadcastMulti; consumers_come_and_go nobody_watches }

#[test]
fn consumers_of_several_producers_come_and_go() {
    for slots in [1, 2, 16] {
        nobody_misses_anything::<BroadcastMulti>(slots, 2);
        nobody_misses_anything::<BroadcastMulti>(slots, 3);
    }
}
