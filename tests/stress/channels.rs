//! Channels whose ends sleep, wake, give up, are cancelled, leave and die in the middle of the traffic. Small rings, so that
//! everybody sleeps often: a wake-up that is lost is a test that hangs.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use ringway::{
    channel::{Receiver, Sender, channel},
    ring::{Capacity, Kind, broadcast::Broadcast, lanes::Lanes, mpmc::Mpmc, spsc::Spsc},
    wait::Park,
};

use crate::{
    Crew, load,
    support::{
        counted::{Counted, Ledger},
        random::Random,
    },
};

type Tx<K> = Sender<Counted, K, Park>;
type Rx<K> = Receiver<Counted, K, Park>;

fn ends<K: Kind<Counted>>(slots: usize) -> (Tx<K>, Rx<K>) {
    channel(Capacity::exactly(slots)).expect("a power of two of slots")
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Sends `count` items by whatever call comes up: one that waits, one that gives up, a future, a claim, a batch. Returns how
/// many went in before the channel ended.
fn send_anyhow<K: Kind<Counted>>(tx: &mut Tx<K>, seed: u64, count: u64, ledger: &'static Ledger) -> u64 {
    let (mut random, waker) = (Random::new(seed), Waker::from(Arc::new(Unpark(thread::current()))));
    let mut sent = 0;
    while sent < count {
        let item = ledger.make(sent);
        match random.below(6) {
            0 | 1 => match tx.send(item) {
                Ok(()) => sent += 1,
                Err(_) => return sent,
            },
            2 => match tx.send_timeout(item, Duration::from_micros(random.below(40) as u64)) {
                Ok(()) => sent += 1,
                Err(refused) if refused.is_timeout() => {}
                Err(_) => return sent,
            },
            3 => {
                // Polled once, and dropped if it did not get in: the item comes back.
                let mut send = tx.send_async(item);
                match pin!(&mut send).poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Ok(())) => sent += 1,
                    Poll::Ready(Err(_)) => return sent,
                    Poll::Pending => assert!(send.take_back().is_some()),
                }
            }
            4 => {
                let Ok(mut claim) = tx.claim(1) else { return sent };
                if random.below(3) > 0 {
                    assert!(claim.push(item).is_ok());
                    sent += claim.commit() as u64;
                }
            }
            _ => {
                let mut items = std::iter::once(item)
                    .chain((1..4).map(|nth| ledger.make(sent + nth)))
                    .take((count - sent) as usize);
                match tx.send_many(&mut items) {
                    Ok(many) => sent += many as u64,
                    Err(ended) => return sent + ended.sent as u64,
                }
            }
        }
    }
    sent
}

/// Receives up to the end by whatever call comes up; returns how many, and checks the order if there is one sender.
fn receive_anyhow<K: Kind<Counted>>(rx: &mut Rx<K>, seed: u64, in_order: bool) -> u64 {
    let (mut random, waker) = (Random::new(seed), Waker::from(Arc::new(Unpark(thread::current()))));
    let (mut received, mut next) = (0, 0);
    let mut take = |item: Counted| {
        assert!(!in_order || item.value == next, "item {} where {next} was due", item.value);
        next += 1;
        received += 1;
    };
    loop {
        let ended = match random.below(5) {
            0 | 1 => rx.recv().map(&mut take).is_err(),
            2 => match rx.recv_timeout(Duration::from_micros(random.below(40) as u64)) {
                Ok(item) => {
                    take(item);
                    false
                }
                Err(nothing) => !nothing.is_timeout(),
            },
            3 => {
                let mut recv = rx.recv_async();
                match pin!(&mut recv).poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Ok(item)) => {
                        take(item);
                        false
                    }
                    Poll::Ready(Err(_)) => true,
                    Poll::Pending => false,
                }
            }
            _ => rx.recv_each(1 + random.below(7), &mut take).is_err(),
        };
        if ended {
            return received;
        }
    }
}

/// Every item of every sender is received once, whatever calls both sides make.
fn traffic<K>(senders: usize, receivers: usize, tx: &dyn Fn(&Tx<K>) -> Tx<K>, rx: &dyn Fn(&Rx<K>) -> Rx<K>)
where
    K: Kind<Counted, Producer: 'static, Consumer: 'static> + 'static,
{
    for slots in [1, 2, 16] {
        let each = load(1000) / senders as u64;
        let ledger = Ledger::new(8 * load(1000) as usize * (1 + receivers));
        let (first_tx, first_rx) = ends::<K>(slots);
        let mut crew = Crew::of(senders + receivers);
        let mut txs: Vec<_> = (1..senders).map(|_| tx(&first_tx)).collect();
        let mut rxs: Vec<_> = (1..receivers).map(|_| rx(&first_rx)).collect();
        txs.push(first_tx);
        rxs.push(first_rx);
        for (nth, mut tx) in txs.into_iter().enumerate() {
            crew.add(move || send_anyhow(&mut tx, 100 + nth as u64, each, ledger));
        }
        for (nth, mut rx) in rxs.into_iter().enumerate() {
            crew.add(move || receive_anyhow(&mut rx, 200 + nth as u64, senders == 1 && receivers == 1));
        }
        let counts = crew.finish();
        let (sent, received) = counts.split_at(senders);
        assert_eq!(sent.iter().sum::<u64>(), each * senders as u64);
        assert_eq!(received.iter().sum::<u64>(), each * senders as u64, "{slots} slots");
        ledger.settle(0);
    }
}

fn never<E>(_: &E) -> E {
    unreachable!("there is one")
}

#[test]
fn spsc() {
    traffic::<Spsc>(1, 1, &never, &never);
}

#[test]
fn lanes() {
    traffic::<Lanes>(3, 1, &Clone::clone, &never);
}

#[test]
fn mpmc() {
    traffic::<Mpmc>(3, 3, &Clone::clone, &Clone::clone);
}

/// Every receiver sees everything, some of them asleep at any time.
#[test]
fn broadcast() {
    let count = load(1000);
    let ledger = Ledger::new(8 * count as usize * 4);
    let (mut tx, rx) = ends::<Broadcast>(4);
    let mut crew = Crew::of(4);
    for nth in 0..3 {
        let mut rx = rx.clone();
        crew.add(move || receive_anyhow(&mut rx, nth, true));
    }
    drop(rx);
    crew.add(move || send_anyhow(&mut tx, 7, count, ledger));
    assert_eq!(crew.finish(), [count; 4]);
    ledger.settle(0);
}

/// Receivers die or leave one after the other, the last of them closes: what was accepted was received, dropped with a
/// receiver's batch, or comes back; senders that wait learn of it.
#[test]
fn receivers_die_one_after_the_other() {
    for round in 0..load(20) {
        let ledger = Ledger::new(1 << 16);
        let (tx, rx) = ends::<Mpmc>(2);
        let mut crew = Crew::of(5);
        for nth in 0..3 {
            let mut rx = rx.clone();
            crew.add(move || {
                for _ in 0..nth * 7 + round {
                    drop(rx.recv());
                }
                if nth == 1 {
                    // Without a report, whose buffer is shared under a lock that ThreadSanitizer can't see.
                    std::panic::resume_unwind(Box::new("meant to die"));
                }
                0
            });
        }
        drop(rx);
        for nth in 0..2 {
            let mut tx = tx.clone();
            crew.add(move || send_anyhow(&mut tx, nth, u64::from(u16::MAX) / 8, ledger));
        }
        drop(tx);
        assert_eq!(crew.survivors().len(), 4, "all but the one that was meant to die");
        ledger.settle(0);
    }
}
