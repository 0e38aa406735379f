//! Close, drain, abort: three words with three meanings, and a ledger after each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use ringway::{
    Engine,
    engine::{AttachError, Probe, Watermarks},
    router::{Held, OpenError, Policy, PublishError, Shape},
    worker::{End, Handler},
};

use super::{by_hand, poll_all, until};

#[test]
fn close_refuses_and_what_was_accepted_is_handled() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let events = engine.topic::<u64>("events").open().unwrap();
    engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
    engine.subscribe(&events, "all").handle(|_| |_: &u64| ()).unwrap();
    let (mut to_jobs, mut to_events) = (jobs.publisher(), events.publisher());
    for item in 0..10 {
        to_jobs.try_publish(&item, item).unwrap();
        to_events.try_publish(&item, item).unwrap();
    }
    assert!(!engine.is_drained());
    engine.close();
    assert_eq!(to_jobs.publish(&0_u64, 1), Err(PublishError::Closed(1)));
    assert_eq!(to_events.publish(&0_u64, 1), Err(PublishError::Closed(1)));
    assert!(matches!(engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()), Err(AttachError::Closed)));
    assert!(!engine.is_drained());
    poll_all(&mut workers);
    assert!(engine.is_drained());
    let report = engine.drain(Duration::ZERO);
    assert!(report.is_drained());
    report.ledger.check().unwrap();
    assert_eq!(report.ledger.queue("jobs").unwrap().handled, 10);
    assert_eq!(report.ledger.topic("events").unwrap().subscription("all").unwrap().handled, 10);
    assert_eq!(report.ledger.queue("jobs").unwrap().published.refused, 1);
}

#[test]
fn abort_hands_back_what_was_not_handled() {
    let engine = Engine::builder().workers(1).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let events = engine.topic::<u64>("events").open().unwrap();
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    engine
        .consume(&jobs)
        .handle(move |_| {
            let gate = Arc::clone(&gate);
            move |_: Held<'_, u64>| until("the test opens the gate", || gate.load(Relaxed))
        })
        .unwrap();
    engine.subscribe(&events, "all").handle(|_| |_: &u64| ()).unwrap();
    let mut publisher = jobs.publisher();
    let mut to_events = events.publisher();
    for item in 0..100 {
        publisher.publish(&0_u32, item).unwrap();
        to_events.publish(&0_u32, item).unwrap();
    }
    let opener = std::thread::spawn({
        let (jobs, open) = (jobs.clone(), Arc::clone(&open));
        move || {
            let mut publisher = jobs.publisher();
            until("the engine is closed", || publisher.try_publish(&0_u32, 999).is_err_and(|e| e.is_closed()));
            open.store(true, Relaxed);
        }
    });
    let report = engine.abort();
    opener.join().unwrap();
    assert!(!report.is_drained());
    if report.stuck.is_empty() {
        report.ledger.check().unwrap();
        let queue = report.ledger.queue("jobs").unwrap();
        assert_eq!(queue.handled + queue.left, queue.published.total());
        assert_eq!(jobs.take_left().len() as u64, queue.left);
        let seen = report.ledger.topic("events").unwrap().subscription("all").unwrap();
        assert_eq!((seen.offered, seen.handled + seen.left), (100, 100));
    }
}

/// A handler that never returns: the drain ends in time and names it, and its publishers are refused.
#[test]
fn a_stuck_handler_is_named_and_nobody_hangs() {
    let engine = Engine::builder().name("stuck").workers(2).start().unwrap();
    let events = engine.topic::<u64>("events").capacity(4).open().unwrap();
    let release = Arc::new(AtomicBool::new(false));
    let (held, entered) = (Arc::clone(&release), Arc::new(AtomicBool::new(false)));
    let enters = Arc::clone(&entered);
    engine
        .subscribe(&events, "stuck")
        .on(&[0])
        .handle(move |_| {
            let (held, enters) = (Arc::clone(&held), Arc::clone(&enters));
            move |_: &u64| {
                enters.store(true, Relaxed);
                while !held.load(Relaxed) {
                    std::thread::yield_now();
                }
            }
        })
        .unwrap();
    let mut publisher = events.publisher();
    publisher.publish(&0_u32, 1).unwrap();
    until("the handler is in", || entered.load(Relaxed));
    let tight = Watermarks { heartbeat_age_max: Duration::ZERO, lag_max: 0 };
    assert!(!engine.health(&tight).is_live);
    let waiting = std::thread::spawn(move || {
        let mut refused = 0;
        for item in 0..10 {
            refused += u64::from(publisher.publish(&0_u32, item).is_err());
        }
        refused
    });
    let report = engine.drain(Duration::from_millis(20));
    assert!(!report.is_drained());
    assert_eq!(report.stuck, ["stuck-0"]);
    assert!(waiting.join().unwrap() > 0, "who waited for room was refused at the close");
    release.store(true, Relaxed);
}

#[test]
fn a_publisher_on_a_worker_does_not_wait_for_itself() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").capacity(2).full(Policy::Block).open().unwrap();
    let full = Arc::new(AtomicU64::new(0));
    let (counted, to_itself) = (Arc::clone(&full), jobs.clone());
    engine
        .consume(&jobs)
        .handle(move |_| {
            let (counted, mut publisher) = (Arc::clone(&counted), to_itself.publisher());
            move |item: Held<'_, u64>| {
                for _ in 0..3 {
                    if *item == 0 && publisher.publish(&0_u32, 1).is_err_and(|error| error.is_full()) {
                        counted.fetch_add(1, Relaxed);
                    }
                }
            }
        })
        .unwrap();
    jobs.publisher().publish(&0_u32, 0).unwrap();
    poll_all(&mut workers);
    assert!(full.load(Relaxed) >= 1);
    engine.audit().check().unwrap();
}

/// A publisher that is killed in the middle of a batch, by its own iterator, or forgotten: consumers pass what it left.
#[test]
fn a_publisher_that_dies_in_a_publish_holds_nobody() {
    #[derive(Debug)]
    struct Fuse(u64);
    impl Clone for Fuse {
        fn clone(&self) -> Self {
            if self.0 == 3 {
                std::panic::panic_any(super::BOOM);
            }
            Self(self.0)
        }
    }
    let (engine, mut workers) = by_hand(1);
    let events = engine.topic::<Fuse>("events").capacity(8).open().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    for (name, contract) in [
        ("gate", ringway::router::Contract::gate()),
        ("patient", ringway::router::Contract::gate_for(Duration::from_secs(3600))),
        ("latest", ringway::router::Contract::latest()),
    ] {
        let seen = Arc::clone(&seen);
        let handler = move |_| {
            let seen = Arc::clone(&seen);
            move |item: &Fuse| _ = seen.fetch_add(item.0, Relaxed)
        };
        engine.subscribe(&events, name).contract(contract).handle(handler).unwrap();
    }
    let mut publisher = events.publisher();
    publisher.try_publish(&0_u32, Fuse(1)).unwrap();
    let mut doomed = events.publisher();
    let died = std::thread::spawn(move || doomed.publish(&0_u32, Fuse(3))).join();
    assert!(died.is_err(), "its clone panicked between claim and commit");
    for item in [10, 20] {
        publisher.try_publish(&0_u32, Fuse(item)).unwrap();
        poll_all(&mut workers);
    }
    assert_eq!(seen.load(Relaxed), 3 * 31);
    engine.close();
    poll_all(&mut workers);
    assert!(engine.is_drained());
    let ledger = engine.audit();
    ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    assert_eq!(ledger.topics[0].published.total(), 3);
}

#[test]
fn what_is_refused_says_what_to_change() {
    let (engine, _workers) = by_hand(1);
    let say = |error: OpenError| error.to_string();
    assert!(say(engine.topic::<u64>("a b").open().unwrap_err()).contains("' ' at byte 1"));
    assert!(say(engine.topic::<u64>("a").shards(1025).open().unwrap_err()).contains("pass 1 to 1024"));
    assert!(say(engine.topic::<u64>("a").capacity(0).open().unwrap_err()).contains("pass 1 or more"));
    engine.topic::<u64>("a").open().unwrap();
    assert!(say(engine.queue::<u64>("a").open().unwrap_err()).contains("name a is taken"));
    let lanes = engine.queue::<u64>("b").order(ringway::router::Order::PerPublisher).full(Policy::DropOldest);
    assert!(say(lanes.open().unwrap_err()).contains("use Order::Total"));
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let missing = engine.consume(&jobs).on(&[7]).handle(|_| |_: Held<'_, u64>| ()).unwrap_err();
    assert_eq!(missing.to_string(), "no worker 7: pass 0 to 0");
    engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
    let twice = engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap_err();
    assert!(twice.to_string().contains("shard 0 of queue jobs has a handler"));
    assert!(Engine::builder().workers(0).start().unwrap_err().to_string().contains("pass 1 to 1024"));
    let text = engine.effective_config();
    assert!(text.contains("[queue.\"jobs\"]") && text.contains("bytes reserved in all"), "{text}");
}

/// A queue that nobody serves is not drained: its items are handed back.
#[test]
fn what_nobody_serves_is_not_drained() {
    let engine = Engine::builder().workers(1).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    jobs.publisher().publish(&0_u32, 7).unwrap();
    let report = engine.drain(Duration::from_secs(10));
    assert!(!report.is_drained(), "{report}");
    report.ledger.check().unwrap();
    assert_eq!(jobs.take_left(), [7]);
}

/// A handler that is given to a worker that is gone ends at once, and may look at the engine as it does.
#[test]
fn a_handler_without_a_worker_may_ask_as_it_ends() {
    struct Asks(Probe, Arc<AtomicU64>);
    impl<S: Shape> Handler<S> for Asks {
        fn handle(&mut self, _item: S::Item<'_>) {}

        fn ended(&mut self, _end: End) {
            self.0.audit();
            self.1.fetch_add(1, Relaxed);
        }
    }

    let (engine, workers) = by_hand(1);
    drop(workers);
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let events = engine.topic::<u64>("events").open().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let (probe, told) = (engine.probe(), Arc::clone(&asked));
    let attached = thread::spawn(move || {
        let make = move |_| Asks(probe.clone(), Arc::clone(&told));
        let (of_jobs, of_events) = (make.clone(), make);
        engine.consume(&jobs).handle(of_jobs).unwrap();
        engine.subscribe(&events, "one").handle(of_events).unwrap();
    });
    until("both are attached", || attached.is_finished());
    attached.join().unwrap();
    assert_eq!(asked.load(Relaxed), 2);
}
