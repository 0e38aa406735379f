//! Waiting for several receivers.

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use ringway::{
    channel::{
        self,
        Chosen::{First, Fourth, Second, Third},
        Receiver, Select, Source, Spsc, Ticker,
    },
    wait::Deadline,
};

use crate::{
    beside,
    support::{
        patience::until,
        wakes::{Cloned, Wakes},
    },
};

/// Chooses `times` times among channels that are always ready, and counts.
fn choices(select: &mut Select, channels: usize, times: usize) -> Vec<usize> {
    let mut ends: Vec<_> = (0..channels).map(|_| channel::spsc::<u64>(2).unwrap()).collect();
    let mut counts = vec![0; channels];
    for _ in 0..times {
        let mut receivers: Vec<&mut Receiver<u64, Spsc>> = Vec::new();
        for (tx, rx) in &mut ends {
            let _ = tx.try_send(1);
            receivers.push(rx);
        }
        let chosen = select.wait(&mut receivers, Deadline::NEVER).expect("all are ready");
        assert_eq!(receivers[chosen].try_recv(), Ok(1));
        counts[chosen] += 1;
    }
    counts
}

/// sv2-apps #801: a biased select starves. Here it must be asked for.
#[test]
fn the_order_is_what_it_says() {
    assert_eq!(choices(&mut Select::fair(), 3, 300), [100, 100, 100]);
    assert_eq!(choices(&mut Select::biased(), 3, 300), [300, 0, 0]);
    assert_eq!(choices(&mut Select::weighted(&[3, 2]), 3, 600), [300, 200, 100]);
}

#[test]
fn a_sleeping_select_wakes_for_any_source() {
    let (mut one, mut from_one) = channel::spsc::<u64>(2).unwrap();
    let (mut two, mut from_two) = channel::mpmc::<u64>(2).unwrap();
    let selecting = beside(move || {
        let mut select = Select::fair();
        let (mut received, mut open) = (Vec::new(), [true, true]);
        while open != [false, false] {
            let mut sources: Vec<&mut dyn Source> = Vec::new();
            let mut places = Vec::new();
            if open[0] {
                sources.push(&mut from_one);
                places.push(0);
            }
            if open[1] {
                sources.push(&mut from_two);
                places.push(1);
            }
            let chosen = places[select.wait(&mut sources, Deadline::NEVER).expect("no deadline")];
            drop(sources);
            match if chosen == 0 { from_one.try_recv() } else { from_two.try_recv() } {
                Ok(item) => received.push(item),
                Err(ended) => {
                    assert!(!ended.is_empty(), "what was chosen was not ready");
                    open[chosen] = false;
                }
            }
        }
        received
    });
    for number in 0..20 {
        until("a sleeping select", || (one.sleeping_receivers() + two.sleeping_receivers() == 2).then_some(()));
        if number % 2 == 0 { one.send(number).unwrap() } else { two.send(number).unwrap() }
    }
    drop(one);
    drop(two);
    assert_eq!(selecting.join().unwrap(), (0..20).collect::<Vec<_>>());
}

/// A select that was called for an item of one source and takes that of another leaves nobody asleep.
#[test]
fn a_call_for_what_is_not_chosen_goes_to_another() {
    let (mut one, mut from_one) = channel::mpmc::<u64>(2).unwrap();
    let (mut two, mut from_two) = channel::mpmc::<u64>(2).unwrap();
    let mut waits_for_two = from_two.clone();
    let selecting = beside(move || {
        let chosen = Select::biased().wait(&mut [&mut from_one, &mut from_two], Deadline::NEVER);
        (chosen, from_one.try_recv(), from_two)
    });
    until("a sleeping select", || (one.sleeping_receivers() + two.sleeping_receivers() == 2).then_some(()));
    let waiting = beside(move || waits_for_two.recv());
    until("another sleeper", || (two.sleeping_receivers() == 2).then_some(()));
    // The call for it goes to the select, which was first; by the time it looks, it may prefer the other.
    two.send(2).unwrap();
    let _ = one.send(1);
    let (chosen, first, mut from_two) = selecting.join().unwrap();
    let received = match chosen {
        Some(0) => {
            assert_eq!(first, Ok(1));
            waiting.join().unwrap().unwrap()
        }
        _ => {
            let received = from_two.try_recv().unwrap();
            drop(two);
            assert!(waiting.join().unwrap().is_err());
            received
        }
    };
    assert_eq!(received, 2);
}

#[test]
fn a_deadline_and_a_ticker_end_the_wait() {
    let (tx, mut rx) = channel::spsc::<u64>(2).unwrap();
    let mut select = Select::fair();
    assert_eq!(select.wait(&mut [&mut rx], Deadline::now()), None);
    assert_eq!(select.wait(&mut [&mut rx], Deadline::after(Duration::from_millis(2))), None);
    assert_eq!(select.wait(&mut [] as &mut [&mut Ticker], Deadline::NEVER), None);
    let mut tick = Ticker::every(Duration::from_millis(2));
    let sources: &mut [&mut dyn Source] = &mut [&mut rx, &mut tick];
    assert_eq!(select.wait(sources, Deadline::NEVER), Some(1));
    assert!(tick.ticks() >= 1);
    until("a look before the next tick", || (tick.ticks() == 0).then_some(()));
    assert_eq!(Ticker::every(Duration::MAX).ticks(), 0);
    drop(tx);
    assert_eq!(select.wait(&mut [&mut rx], Deadline::NEVER), Some(0), "an ended channel is ready");
    assert!(rx.try_recv().is_err_and(|ended| !ended.is_empty()));
}

/// Each of four sources is received from, none twice, and one that is left out is never chosen; all left out end the loop.
#[test]
fn a_choice_brings_what_it_has_chosen() {
    let (mut one, from_one) = channel::spsc::<u64>(2).unwrap();
    let (mut two, from_two) = channel::mpsc::<String>(2).unwrap();
    let (three, from_three) = channel::mpmc::<u64>(2).unwrap();
    let (mut select, mut tick) = (Select::fair(), Ticker::every(Duration::from_micros(100)));
    let mut sources = (Some(from_one), Some(from_two), Some(from_three));
    let feeding = beside(move || {
        for number in 0..100 {
            one.send(number).unwrap();
            two.send(number.to_string()).unwrap();
        }
        drop(three);
    });
    let (mut numbers, mut texts, mut ticks, mut ended) = (Vec::new(), Vec::new(), 0, 0);
    while ended < 3 || ticks == 0 {
        let (one, two, three) = (sources.0.as_mut(), sources.1.as_mut(), sources.2.as_mut());
        match select.recv((one, two, three, &mut tick), Deadline::NEVER) {
            Some(First(Ok(number))) => numbers.push(number),
            Some(Second(Ok(text))) => texts.push(text),
            Some(Third(Ok(number))) => panic!("{number} came from nowhere"),
            Some(First(Err(_))) => ended += usize::from(sources.0.take().is_some()),
            Some(Second(Err(_))) => ended += usize::from(sources.1.take().is_some()),
            Some(Third(Err(_))) => ended += usize::from(sources.2.take().is_some()),
            Some(Fourth(passed)) => ticks += passed,
            None => panic!("there is no deadline"),
        }
    }
    assert!((0..100).eq(numbers));
    assert!((0..100).map(|number: u64| number.to_string()).eq(texts));
    feeding.join().unwrap();
    assert!(select.recv((sources.0.as_mut(), sources.1.as_mut()), Deadline::NEVER).is_none(), "all are left out");
}

#[test]
fn a_choice_ends_with_its_deadline() {
    let (mut one, mut from_one) = channel::spsc::<u64>(2).unwrap();
    let (_two, mut from_two) = channel::spsc::<u64>(2).unwrap();
    let mut select = Select::biased();
    assert_eq!(select.recv((&mut from_one, &mut from_two), Deadline::after(Duration::from_millis(2))), None);
    one.send(1).unwrap();
    let never = Ticker::every(Duration::MAX);
    assert_eq!(select.recv((never, &mut from_one, &mut from_two), Deadline::now()), Some(Second(Ok(1))));
    assert_eq!(select.recv((&mut from_one, &mut from_two), Deadline::now()), None);
}

#[test]
fn a_task_may_select() {
    let (mut one, mut from_one) = channel::spsc::<u64>(2).unwrap();
    let (mut two, mut from_two) = channel::spsc::<u64>(2).unwrap();
    let (count, waker) = Wakes::waker();
    let context = &mut Context::from_waker(&waker);
    let mut select = Select::fair();
    assert!(select.poll(&mut [&mut from_one, &mut from_two], context).is_pending());
    assert!(select.poll(&mut [&mut from_one, &mut from_two], context).is_pending());
    two.send(2).unwrap();
    assert_eq!(count.get(), 1);
    assert_eq!(select.poll(&mut [&mut from_one, &mut from_two], context), Poll::Ready(1));
    assert_eq!(from_two.try_recv(), Ok(2));
    one.send(1).unwrap();
    assert_eq!(select.poll(&mut [&mut from_one, &mut from_two], context), Poll::Ready(0));
    assert_eq!(from_one.recv(), Ok(1));
}

/// A task that has chosen is on no list any more: what comes after its choice, and what came beside it, goes to others.
#[test]
fn a_task_that_has_chosen_stands_in_nobodys_way() {
    for two_comes_first in [false, true] {
        let (mut one, mut from_one) = channel::mpmc::<u64>(2).unwrap();
        let (mut two, mut from_two) = channel::mpmc::<u64>(2).unwrap();
        let mut waits_for_two = from_two.clone();
        let ((_, selecting), (count, waiting)) = (Wakes::waker(), Wakes::waker());
        let (selecting, waiting) = (&mut Context::from_waker(&selecting), &mut Context::from_waker(&waiting));
        let mut select = Select::biased();
        assert!(select.poll(&mut [&mut from_one, &mut from_two], selecting).is_pending());
        assert!(waits_for_two.poll_recv(waiting).is_pending());
        if two_comes_first {
            two.send(2).unwrap();
        }
        one.send(1).unwrap();
        assert_eq!(select.poll(&mut [&mut from_one, &mut from_two], selecting), Poll::Ready(0));
        if !two_comes_first {
            two.send(2).unwrap();
        }
        assert_eq!(count.get(), 1, "called was one that had chosen");
        assert_eq!(waits_for_two.poll_recv(waiting), Poll::Ready(Ok(2)));
    }
}

/// A select finds nothing, and goes on the lists anew. On its way there one source calls it, and another gets ready, which it
/// chooses: the call goes to the next who waits at the first.
#[test]
fn a_select_passes_on_the_call_that_came_between_two_looks() {
    let (one, mut from_one) = channel::mpmc::<u64>(2).unwrap();
    let (two, mut from_two) = channel::mpmc::<u64>(2).unwrap();
    // Kept, since a sender that goes calls everybody.
    let senders = Arc::new(Mutex::new([one, two]));
    let mut waits = from_two.clone();
    let mut select = Select::biased();
    let context = &mut Context::from_waker(Waker::noop());
    assert!(select.poll(&mut [&mut from_one, &mut from_two], context).is_pending());
    let (count, waker) = Wakes::waker();
    assert!(waits.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    let sending = Arc::clone(&senders);
    let waker = Cloned::waker(move || sending.lock().unwrap().iter_mut().for_each(|tx| tx.send(1).unwrap()));
    let context = &mut Context::from_waker(&waker);
    assert_eq!(select.poll(&mut [&mut from_one, &mut from_two], context), Poll::Ready(0));
    assert_eq!(count.get(), 1, "an item lies there, and who waits for it sleeps");
}
