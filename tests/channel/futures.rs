//! Ends for tasks: mixed with blocking ones, cancelled at every point, and what they cost.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    thread,
};

use pollster::block_on;
use ringway::{
    channel::{
        self, Broadcast, BroadcastMulti, Dense, DropOldest, End,
        ItemOrGap::{Gap, Item},
        Lanes, Mpmc, RecvError, SendError, SendManyError, Spsc,
    },
    ring::Kind,
    wait::Park,
};

use crate::{
    beside, ends,
    support::{
        counted::{Counted, Ledger},
        patience::{dies, until},
        random::Random,
        wakes::{Cloned, Wakes},
    },
};

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

/// Both sides by turns blocking and async.
fn ends_mix<K: Kind<u64, Producer: 'static, Consumer: 'static> + 'static>() {
    let (mut tx, mut rx) = ends::<u64, K, Park>(4);
    let sender = beside(move || {
        for number in 0..2000 {
            if number / 100 % 2 == 0 {
                tx.send(number).expect("open");
            } else {
                block_on(tx.send_async(number)).expect("open");
            }
        }
    });
    let mut items = Vec::new();
    while items.len() < 2000 {
        match items.len() / 70 % 3 {
            0 => items.push(rx.recv().expect("an item")),
            1 => items.push(block_on(rx.recv_async()).expect("an item")),
            _ => assert!(block_on(rx.recv_many_async(&mut items, 3)).is_ok_and(|taken| taken <= 3)),
        }
    }
    assert!((0..2000).eq(items));
    sender.join().unwrap();
    assert_eq!(block_on(rx.recv_async()), Err(RecvError::Closed));
    assert_eq!(block_on(rx.recv_many_async(&mut Vec::new(), 3)), Err(RecvError::Closed));
}

#[test]
fn blocking_and_async_ends_mix() {
    ends_mix::<Spsc>();
    ends_mix::<Dense>();
    ends_mix::<Lanes>();
    ends_mix::<Mpmc>();
    ends_mix::<Broadcast>();
    ends_mix::<BroadcastMulti>();
}

#[test]
fn a_close_resolves_what_waits() {
    let (mut tx, mut rx) = channel::spsc::<u64>(1).unwrap();
    while tx.try_send(0).is_ok() {}
    let (count, waker) = Wakes::waker();
    let mut send = tx.send_async(9);
    assert!(poll_once(&mut send, &waker).is_pending());
    rx.close();
    assert_eq!(count.get(), 1);
    assert_eq!(poll_once(&mut send, &waker), Poll::Ready(Err(SendError::Closed(9))));
    drop(send);
    let (mut tx, mut rx) = channel::mpmc::<u64>(1).unwrap();
    let (count, waker) = Wakes::waker();
    let mut recv = rx.recv_async();
    assert!(poll_once(&mut recv, &waker).is_pending());
    tx.close();
    assert_eq!(count.get(), 1);
    assert_eq!(poll_once(&mut recv, &waker), Poll::Ready(Err(RecvError::Closed)));
}

/// kanal #24 and #50, flume and iroh #2536: futures dropped at any point lose no item, and no wake-up. Random futures of both
/// sides are dropped half-way, on one thread and beside others; every item is accounted for in the end.
#[test]
fn cancelled_futures_lose_nothing() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let ledger = Ledger::new(4096);
        let (mut tx, mut rx) = channel::mpmc::<Counted>(2).unwrap();
        let (mut other_tx, mut other_rx) = (tx.clone(), rx.clone());
        let waker = Waker::noop();
        let (mut sent, mut received) = (0_usize, 0_usize);
        for value in 0..500 {
            let tx = if random.below(2) == 0 { &mut tx } else { &mut other_tx };
            let mut send = tx.send_async(ledger.make(value));
            for _ in 0..random.below(3) {
                if poll_once(&mut send, waker).is_ready() {
                    sent += 1;
                    break;
                }
            }
            if random.below(3) == 0 {
                drop(send.take_back());
            }
            drop(send);
            let rx = if random.below(2) == 0 { &mut rx } else { &mut other_rx };
            let mut recv = rx.recv_async();
            for _ in 0..random.below(3) {
                if poll_once(&mut recv, waker).is_ready() {
                    received += 1;
                    break;
                }
            }
        }
        drop((tx, other_tx));
        while other_rx.recv().is_ok() {
            received += 1;
        }
        assert_eq!(sent, received, "seed {seed}");
        drop((rx, other_rx));
        ledger.settle(0);
    }
}

/// The same beside a blocking receiver, which must get everything that the cancelled ones did not take.
#[test]
fn cancelled_receives_leave_the_items_to_others() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(4).unwrap();
    let mut cancelling = rx.clone();
    let blocking = beside(move || rx.iter().sum::<u64>());
    let canceller = beside(move || {
        let (mut sum, mut random) = (0, Random::new(7));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            let mut recv = cancelling.recv_async();
            match poll_once(&mut recv, &waker) {
                Poll::Ready(Ok(item)) => sum += item,
                Poll::Ready(Err(_)) => return sum,
                Poll::Pending if random.below(2) == 0 => drop(recv),
                Poll::Pending => {
                    thread::yield_now();
                    match poll_once(&mut recv, &waker) {
                        Poll::Ready(Ok(item)) => sum += item,
                        Poll::Ready(Err(_)) => return sum,
                        Poll::Pending => {}
                    }
                }
            }
        }
    });
    (0..5000).try_for_each(|number| tx.send(number)).unwrap();
    drop(tx);
    assert_eq!(blocking.join().unwrap() + canceller.join().unwrap(), 4999 * 5000 / 2);
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waker may panic, or call the channel again. The item is in, and the other sleepers wake.
#[test]
fn wakers_that_panic_or_come_back_harm_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that was told to");
        }
    }
    struct ComesBack(std::sync::Mutex<channel::Receiver<u64, Mpmc>>);
    impl Wake for ComesBack {
        fn wake(self: Arc<Self>) {
            assert!(self.0.lock().unwrap().try_recv().is_ok());
        }
    }
    let (mut tx, mut rx) = channel::mpmc::<u64>(8).unwrap();
    let mut second = rx.clone();
    let (count, waker) = Wakes::waker();
    assert!(rx.poll_recv(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    assert!(second.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    dies(|| {
        let _ = tx.send_many(&mut (0..2));
    });
    assert_eq!(count.get(), 1, "the second was not woken");
    assert_eq!((rx.try_recv(), second.try_recv()), (Ok(0), Ok(1)));
    let back = Arc::new(ComesBack(std::sync::Mutex::new(rx.clone())));
    assert!(rx.poll_recv(&mut Context::from_waker(&Waker::from(Arc::clone(&back)))).is_pending());
    tx.send(5).unwrap();
    assert!(rx.try_recv().is_err(), "the waker took it");
}

/// Longer than the channel, longer than one poll may send, and beside a blocking receiver.
#[test]
fn a_task_sends_many() {
    for items in [0, 1, 5000] {
        let (mut tx, mut rx) = channel::mpmc::<u64>(if items == 5000 { 8192 } else { 2 }).unwrap();
        let (count, waker) = Wakes::waker();
        let mut send = tx.send_many_async(0..items);
        let mut polls = 0;
        while poll_once(&mut send, &waker).is_pending() {
            polls += 1;
            assert_eq!(count.get(), polls, "there is room, so the task wants another turn");
        }
        assert_eq!(polls, items as usize / 1024);
        drop(send);
        assert!((0..items).eq(rx.try_iter()));
    }
    let (mut tx, mut rx) = channel::spsc::<u64>(2).unwrap();
    let sender = beside(move || block_on(tx.send_many_async(0..5000)));
    assert!((0..5000).eq(rx.iter()));
    assert_eq!(sender.join().unwrap(), Ok(5000));
}

/// What was not taken out of a lent iterator is still in it; a call that the future got goes to another sender.
#[test]
fn a_cancelled_send_of_many_keeps_the_rest() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    let mut other = tx.clone();
    let (count, waker) = Wakes::waker();
    let (other_count, other_waker) = Wakes::waker();
    let mut items = 0..10;
    let mut send = tx.send_many_async(&mut items);
    assert!(poll_once(&mut send, &waker).is_pending());
    let mut one = other.send_async(77);
    assert!(poll_once(&mut one, &other_waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!((count.get(), other_count.get()), (1, 0));
    drop(send);
    assert_eq!(other_count.get(), 1, "the call was passed on");
    assert!(poll_once(&mut one, &other_waker).is_ready());
    drop(one);
    assert_eq!(items, 2..10);
    assert!([1, 77].into_iter().eq(rx.try_iter()));
    drop(rx);
    assert_eq!(block_on(tx.send_many_async(&mut items)), Err(SendManyError { sent: 0, end: End::Closed }));
    assert!((2..10).eq(items));
}

#[test]
fn a_task_is_told_of_gaps() {
    let (mut tx, mut rx) = channel::mpmc::<u64>(2).unwrap();
    let (count, waker) = Wakes::waker();
    let mut next = rx.recv_or_gap_async();
    assert!(poll_once(&mut next, &waker).is_pending());
    (0..5).for_each(|number| assert!(tx.send_with(DropOldest, number).is_ok()));
    assert_eq!(count.get(), 1);
    assert_eq!(poll_once(&mut next, &waker), Poll::Ready(Ok(Gap(3))));
    drop(next);
    drop(tx);
    let rest: [_; 3] = std::array::from_fn(|_| block_on(rx.recv_or_gap_async()));
    assert_eq!(rest, [Ok(Item(3)), Ok(Item(4)), Err(RecvError::Closed)]);
}

/// A receive that panics, in the clone of its item, after its end has gone on the list: it is on it no more. The item comes at
/// the last moment, while the waker is cloned.
#[test]
fn a_poll_that_panics_is_on_no_list() {
    struct DiesWhenCloned;
    impl Clone for DiesWhenCloned {
        fn clone(&self) -> Self {
            panic!("a clone that was told to");
        }
    }
    let (tx, mut rx) = channel::broadcast::<DiesWhenCloned>(2).unwrap();
    let tx = Arc::new(Mutex::new(tx));
    let waker = Cloned::waker({
        let tx = Arc::clone(&tx);
        move || assert!(tx.lock().unwrap().send(DiesWhenCloned).is_ok())
    });
    dies(|| assert!(rx.poll_recv(&mut Context::from_waker(&waker)).is_pending()));
    assert_eq!((tx.lock().unwrap().sleeping_receivers(), rx.depth()), (0, 0));
}

#[test]
fn a_task_on_another_thread_is_woken() {
    let (mut tx, mut rx) = channel::spsc::<u64>(2).unwrap();
    let task = beside(move || block_on(async { (rx.recv_async().await, rx.recv_async().await) }));
    until("a sleeping task", || (tx.sleeping_receivers() == 1).then_some(()));
    tx.send(1).unwrap();
    until("a sleeping task", || (tx.sleeping_receivers() == 1).then_some(()));
    tx.send(2).unwrap();
    assert_eq!(task.join().unwrap(), (Ok(1), Ok(2)));
}

#[cfg(feature = "async")]
mod streams {
    use std::{future::poll_fn, pin::Pin};

    use futures_core::{FusedStream, Stream};
    use futures_sink::Sink;

    use super::*;

    #[test]
    fn a_stream_ends_with_the_channel() {
        let (tx, mut rx) = channel::channel::<u64, Lanes, Park>(ringway::ring::Capacity::exactly(2)).unwrap();
        let sender = beside(move || {
            let mut sink = tx.into_sink();
            block_on(async {
                for number in 0..500 {
                    poll_fn(|context| Pin::new(&mut sink).poll_ready(context)).await.expect("open");
                    Pin::new(&mut sink).start_send(number).expect("open");
                }
                poll_fn(|context| Pin::new(&mut sink).poll_close(context)).await.expect("open");
            });
            assert!(sink.into_inner().1.is_none());
        });
        let items = block_on(async {
            let mut items = Vec::new();
            while let Some(item) = poll_fn(|context| Pin::new(&mut rx).poll_next(context)).await {
                items.push(item);
            }
            items
        });
        assert!((0..500).eq(items));
        sender.join().unwrap();
    }

    /// An item may be on its way when a channel closes: the stream has not ended before it says so.
    #[test]
    fn a_stream_is_terminated_when_it_has_said_so() {
        let (mut tx, mut rx) = channel::spsc::<u64>(2).unwrap();
        let mut claim = tx.claim(1).unwrap();
        rx.close();
        assert!(!rx.is_terminated(), "a claim is open");
        claim.push(1).unwrap();
        assert_eq!(claim.commit(), 1);
        let mut next = || block_on(poll_fn(|context| Pin::new(&mut rx).poll_next(context)));
        assert_eq!((next(), next()), (Some(1), None));
        assert!(rx.is_terminated());
    }

    #[test]
    fn a_sink_holds_one_item_until_it_is_flushed() {
        let (tx, mut rx) = channel::mpmc::<u64>(1).unwrap();
        let mut sink = tx.into_sink();
        let (count, waker) = Wakes::waker();
        let context = &mut Context::from_waker(&waker);
        Pin::new(&mut sink).start_send(1).unwrap();
        Pin::new(&mut sink).start_send(2).unwrap();
        assert!(Pin::new(&mut sink).poll_ready(context).is_pending());
        assert_eq!((rx.try_recv(), count.get()), (Ok(1), 1));
        assert_eq!(Pin::new(&mut sink).poll_flush(context), Poll::Ready(Ok(())));
        assert_eq!(rx.try_recv(), Ok(2));
        drop(rx);
        assert_eq!(Pin::new(&mut sink).start_send(3), Err(SendError::Closed(3)));
    }

    /// A sink waits for room and is taken apart: the next call for room is not its any more.
    #[test]
    fn a_sink_that_is_taken_apart_waits_for_nothing() {
        let (mut tx, mut rx) = channel::mpmc::<u64>(1).unwrap();
        let mut waits = tx.clone();
        tx.send(1).unwrap();
        let mut sink = tx.into_sink();
        Pin::new(&mut sink).start_send(2).unwrap();
        assert!(Pin::new(&mut sink).poll_flush(&mut Context::from_waker(Waker::noop())).is_pending());
        let (count, waker) = Wakes::waker();
        assert!(waits.poll_send(&mut Context::from_waker(&waker), &mut Some(3)).is_pending());
        let (_tx, unsent) = sink.into_inner();
        assert_eq!((rx.try_recv(), unsent), (Ok(1), Some(2)));
        assert_eq!(count.get(), 1, "there is room, and who waits for it sleeps");
    }
}
