//! With real threads: order by key, comings and goings under way, and a machine with fewer CPUs than threads.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use ringway::{
    Engine,
    delivery::Rules,
    engine::{Consuming, Watermarks, WorkerHealth},
    router::{Contract, Held, Order, Sharing, Start},
    worker::{Leased, Pin, Pinned, Polled, cpus},
};

use super::{poll_all, until};

const ITEMS: u64 = 20_000;

/// Items of a key arrive in the order in which their publisher sent them.
#[test]
fn a_key_keeps_its_order() {
    for order in [Order::Total, Order::PerPublisher] {
        let engine = Engine::builder().workers(3).pin(Pin::Spread).start().unwrap();
        let jobs = engine.queue::<(u64, u64)>("jobs").shards(4).capacity(64).order(order).open().unwrap();
        let events = engine.topic::<(u64, u64)>("events").shards(4).capacity(64).open().unwrap();
        let handled = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&handled);
        let in_order = move |_shard: usize| {
            let (counted, mut last) = (Arc::clone(&counted), HashMap::new());
            move |key: u64, item: u64| {
                let before = last.insert(key, item);
                assert!(before.is_none_or(|before| before < item), "key {key}: {item} after {before:?}");
                counted.fetch_add(1, Relaxed);
            }
        };
        let make = in_order.clone();
        engine
            .consume(&jobs)
            .handle(move |shard| {
                let mut check = make(shard);
                move |item: Held<'_, (u64, u64)>| check(item.0, item.1)
            })
            .unwrap();
        engine
            .subscribe(&events, "check")
            .handle(move |shard| {
                let mut check = in_order(shard);
                move |item: &(u64, u64)| check(item.0, item.1)
            })
            .unwrap();
        thread::scope(|scope| {
            for thread in 0..3 {
                let (mut to_jobs, mut to_events) = (jobs.publisher(), events.publisher());
                scope.spawn(move || {
                    for item in 0..ITEMS / 3 {
                        let key = thread * 100 + item % 7;
                        to_jobs.publish(&key, (key, item)).unwrap();
                        to_events.publish(&key, (key, item)).unwrap();
                    }
                });
            }
        });
        let report = engine.drain(Duration::from_secs(60));
        assert!(report.is_drained(), "{report}");
        report.ledger.check().unwrap();
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        assert_eq!(handled.load(Relaxed), 2 * 3 * (ITEMS / 3));
    }
}

/// A shared queue uses every worker, and each item is handled once.
#[test]
fn a_shared_queue_is_served_by_all() {
    let engine = Engine::builder().workers(3).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(2).capacity(32).sharing(Sharing::Shared).open().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    engine
        .consume(&jobs)
        .handle(move |_| {
            let kept = Arc::clone(&kept);
            move |item: Held<'_, u64>| kept.lock().push(item.take())
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    (0..ITEMS).for_each(|item| publisher.publish_unkeyed(item).unwrap());
    let report = engine.drain(Duration::from_secs(60));
    assert!(report.is_drained());
    report.ledger.check().unwrap();
    let mut seen = std::mem::take(&mut *seen.lock());
    seen.sort_unstable();
    assert_eq!(seen, (0..ITEMS).collect::<Vec<_>>());
}

/// Subscriptions of every contract come and go while publishers run. What stays sees everything, in order.
#[test]
fn subscriptions_come_and_go() {
    let engine = Engine::builder().workers(2).start().unwrap();
    let events = engine.topic::<u64>("events").shards(2).capacity(32).open().unwrap();
    let wrong = Arc::new(AtomicU64::new(0));
    let noted = Arc::clone(&wrong);
    let all = engine
        .subscribe(&events, "all")
        .handle(move |_| {
            let (noted, mut next) = (Arc::clone(&noted), None);
            move |item: &u64| {
                noted.fetch_add(u64::from(next.is_some_and(|next| next >= *item)), Relaxed);
                next = Some(*item);
            }
        })
        .unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let (events, stop) = (&events, &stop);
        let publishing = scope.spawn(move || {
            let mut publisher = events.publisher();
            let mut item = 0;
            while !stop.load(Relaxed) {
                publisher.publish(&(item % 5), item).unwrap();
                item += 1;
            }
            item
        });
        for round in 0..60_u64 {
            let contract = match round % 5 {
                0 => Contract::gate(),
                1 => Contract::gate_for(Duration::from_secs(60)),
                2 => Contract::latest(),
                3 => Contract::conflate(|item| item % 3, 3),
                _ => Contract::sample(2),
            };
            let start = if round % 2 == 0 { Start::Newest } else { Start::Oldest };
            let name = format!("guest-{round}");
            let guest = engine.subscribe(events, &name).contract(contract).start(start);
            let guest = guest.handle(|_| |_: &u64| ()).unwrap();
            until("a guest has seen something", || guest.handled() > 0);
            guest.detach();
            if round % 4 == 0 {
                until("a guest is gone", || guest.is_over());
            }
        }
        stop.store(true, Relaxed);
        let published = publishing.join().unwrap();
        assert_eq!(events.published().total(), published);
    });
    let report = engine.drain(Duration::from_secs(60));
    assert!(report.is_drained(), "{report}");
    report.ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{report}"));
    assert_eq!(wrong.load(Relaxed), 0);
    let events = report.ledger.topic("events").unwrap();
    assert_eq!(all.handled(), events.published.total());
    assert_eq!(events.subscriptions.len(), 61);
}

/// An idle engine sleeps, and wakes for a single item.
#[test]
fn a_single_item_wakes_a_sleeping_worker() {
    let engine = Engine::builder().workers(2).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(8).open().unwrap();
    let attached = engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
    let mut publisher = jobs.publisher();
    for item in 0..200_u64 {
        publisher.publish(&item, item).unwrap();
        until("it is handled", || attached.handled() == item + 1);
        if item % 10 == 0 {
            // Workers find nothing meanwhile, and fall asleep, or are about to: the next item comes at either.
            let until = Instant::now() + Duration::from_micros(20 * item);
            while Instant::now() < until {
                thread::yield_now();
            }
        }
    }
    assert!(engine.drain(Duration::from_secs(30)).is_drained());
}

#[test]
fn pins_are_reported_and_never_fatal() {
    let all = cpus().to_vec();
    let beyond = all.iter().max().map_or(5000, |cpu| cpu + 5000);
    let engine = Engine::builder().workers(2).pin(Pin::Cores(vec![all[0], beyond])).start().unwrap();
    assert_eq!(engine.pinned(), [Pinned::On(all[0]), Pinned::NotAllowed(beyond)]);
    assert!(engine.pinned()[1].to_string().contains("none of"));
    // A pinned engine does not shrink the next one's list.
    let engine = Engine::builder().workers(all.len() + 1).pin(Pin::Spread).start().unwrap();
    let pinned = engine.pinned();
    assert!(pinned.last().is_some_and(|last| matches!(last, Pinned::NoneLeft | Pinned::Quota(_))), "{pinned:?}");
    assert_eq!(cpus(), all);
    let wrong: Vec<_> = pinned[..all.len()].iter().filter(|pinned| matches!(pinned, Pinned::Refused(_))).collect();
    assert!(wrong.is_empty(), "{pinned:?}");
}

/// A handler that takes its time takes it from nobody else: each turn has a time of its own.
#[test]
fn a_slow_handler_leaves_the_next_its_whole_batch() {
    let time = Duration::from_millis(20);
    let engine = Engine::builder().workers(1).batch_items(256).batch_time(time).by_hand().start().unwrap();
    let mut workers = engine.take_workers();
    let slow = engine.topic::<u64>("slow").open().unwrap();
    let quick = engine.topic::<u64>("quick").open().unwrap();
    let spin = move |_: &u64| {
        let start = Instant::now();
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
    };
    engine.subscribe(&slow, "slow").handle(move |_| spin).unwrap();
    engine.subscribe(&quick, "quick").handle(|_| |_: &u64| ()).unwrap();
    let (mut to_slow, mut to_quick) = (slow.publisher(), quick.publisher());
    let mut handles_all = || {
        to_slow.publish(&0_u32, 0).unwrap();
        (0..256).for_each(|item| to_quick.publish(&0_u32, item).unwrap());
        let polled = workers[0].poll();
        poll_all(&mut workers);
        polled == Polled::Handled(1 + 256)
    };
    // Others may have the CPU for as long as a batch may take; not each time.
    assert!((0..50).any(|_| handles_all()));
}

/// Of two items the first is busy until the second is done.
#[derive(Clone, Default)]
struct Pairs {
    is_second_done: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Pairs {
    fn handle(&self, item: u64) {
        match item {
            0 => until("the second is done", || self.is_second_done.swap(false, Relaxed)),
            _ => self.is_second_done.store(true, Relaxed),
        }
        self.done.fetch_add(1, Relaxed);
    }
}

/// A worker that sleeps at two shards is called at both, and takes its time with what it finds at the first: the other worker
/// is called for what is at the second.
fn a_call_goes_to_another(attach: impl FnOnce(Consuming<'_, u64>, Pairs)) {
    let engine = Engine::builder().workers(2).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(2).sharing(Sharing::Shared).open().unwrap();
    let pairs = Pairs::default();
    attach(engine.consume(&jobs), pairs.clone());
    let mut publisher = jobs.publisher();
    let watermarks = Watermarks::default();
    let sleeps = |worker: &WorkerHealth| worker.heartbeat_age > Duration::from_millis(20);
    // Who is not called sleeps to the end of its nap of a second. That was a third of the rounds and more: in the others the first
    // woke between the two items, and the second was called by itself. On a busy machine a call may come late, too, but rarely.
    let late = (1..=30).filter(|round| {
        until("both workers sleep", || engine.health(&watermarks).workers.iter().all(sleeps));
        let start = Instant::now();
        publisher.publish_unkeyed(0).unwrap();
        publisher.publish_unkeyed(1).unwrap();
        until("they are done", || pairs.done.load(Relaxed) == 2 * round);
        start.elapsed() > Duration::from_millis(600)
    });
    let late = late.count();
    assert!(late < 9, "only the end of its nap woke the other, {late} times");
    assert!(engine.drain(Duration::from_secs(30)).is_drained());
}

#[test]
fn a_call_that_a_busy_worker_got_goes_to_another() {
    a_call_goes_to_another(|consuming, pairs| {
        let handler = move |_| {
            let pairs = pairs.clone();
            move |item: Held<'_, u64>| pairs.handle(*item)
        };
        consuming.handle(handler).unwrap();
    });
}

#[test]
fn a_call_that_a_busy_worker_got_goes_to_another_with_rules_of_delivery() {
    a_call_goes_to_another(|consuming, pairs| {
        let handler = move |_| {
            let pairs = pairs.clone();
            move |item: &mut Leased<'_, u64, ()>| pairs.handle(**item)
        };
        consuming.deliver(Rules::default()).handle(handler).unwrap();
    });
}

/// Whoever brings a thread may let it sleep until something is there, and gets it back when its time is over or the engine is.
#[test]
fn a_thread_of_ones_own_sleeps_until_something_is_there() {
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
    let mut worker = engine.take_workers().remove(0);
    let start = Instant::now();
    assert_eq!(worker.poll_until(start + Duration::from_millis(20)), Polled::Idle);
    assert!(start.elapsed() >= Duration::from_millis(20));

    let far = Instant::now() + Duration::from_secs(3600);
    let thread = thread::spawn(move || (worker.poll_until(far), worker.poll_until(far)));
    let asleep = || engine.health(&Watermarks::default()).workers[0].heartbeat_age > Duration::from_millis(50);
    until("it sleeps", asleep);
    jobs.publisher().publish(&0_u64, 1).unwrap();
    until("it has handled", || engine.audit().queues[0].handled == 1);
    drop(engine);
    assert_eq!(thread.join().unwrap(), (Polled::Handled(1), Polled::Ended));
}

/// A worker that is called for a shard's end finds another there, and sleeps again: that one calls it when it has seen the end.
#[test]
fn who_finds_the_end_of_a_shared_shard_calls_the_others() {
    let ends_at_once = || {
        let engine = Engine::builder().workers(2).start().unwrap();
        let jobs = engine.queue::<u64>("jobs").order(Order::PerPublisher).sharing(Sharing::Shared).open().unwrap();
        let (closing, probe, watermarks) = (jobs.clone(), Arc::new(engine.probe()), Watermarks::default());
        let handler = move |_| {
            let (closing, probe) = (closing.clone(), Arc::clone(&probe));
            move |_: Held<'_, u64>| {
                let start = Instant::now();
                closing.close();
                // This worker's own beat is older than the close.
                let has_looked = |worker: &WorkerHealth| {
                    (Duration::from_millis(20)..start.elapsed()).contains(&worker.heartbeat_age)
                };
                until("the other has looked", || probe.health(&watermarks).workers.iter().any(has_looked));
            }
        };
        let attached = engine.consume(&jobs).handle(handler).unwrap();
        jobs.publisher().publish_unkeyed(0).unwrap();
        until("it is handled", || attached.handled() == 1);
        let start = Instant::now();
        until("both are over", || attached.is_over());
        start.elapsed() < Duration::from_millis(500)
    };
    // Else the other wakes when its nap of a second is over. On a busy machine it may get its CPU late; not each time.
    assert!((0..5).any(|_| ends_at_once()));
}
