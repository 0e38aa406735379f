//! A handler that panics, under each policy: nobody else notices, and the item is accounted for.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use ringway::{
    router::{Held, Order, PublishError, Queue, Sharing, Topic, shard_of},
    worker::{Action, End, Failure, Handler, OnPanic},
};

use super::{BOOM, by_hand, poll_all};

type Log = Arc<Mutex<Vec<String>>>;

/// Panics at 3, every time or the first `times`; writes down what it is told.
struct Fragile {
    log: Log,
    times: u32,
}

impl Fragile {
    fn take_in(&mut self, item: u64) {
        if item == 3 && self.times > 0 {
            self.times -= 1;
            std::panic::panic_any(BOOM);
        }
        self.log.lock().unwrap().push(item.to_string());
    }
}

fn told(item: Option<&u64>, failure: &Failure) -> String {
    format!("{item:?} attempt {} {:?} {}", failure.attempt, failure.action, failure.message)
}

impl Handler<Topic<u64>> for Fragile {
    fn handle(&mut self, item: &u64) {
        self.take_in(*item);
    }

    fn failed(&mut self, item: Option<&u64>, failure: &Failure) {
        self.log.lock().unwrap().push(told(item, failure));
    }

    fn ended(&mut self, end: End) {
        self.log.lock().unwrap().push(end.to_string());
    }
}

impl Handler<Queue<u64>> for Fragile {
    fn handle(&mut self, item: Held<'_, u64>) {
        self.take_in(*item);
    }

    fn failed(&mut self, item: Option<&u64>, failure: &Failure) {
        self.log.lock().unwrap().push(told(item, failure));
    }

    fn ended(&mut self, end: End) {
        self.log.lock().unwrap().push(end.to_string());
    }
}

/// What a topic's handler and another subscription's see of 1 to 5.
fn topic(on_panic: OnPanic, times: u32) -> (Vec<String>, u64, Vec<Failure>) {
    let (engine, mut workers) = by_hand(2);
    let events = engine.topic::<u64>("events").capacity(4).open().unwrap();
    let log = Log::default();
    let made = Arc::clone(&log);
    engine
        .subscribe(&events, "fragile")
        .on_panic(on_panic)
        .handle(move |_| Fragile { log: Arc::clone(&made), times })
        .unwrap();
    let other = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&other);
    engine
        .subscribe(&events, "other")
        .handle(move |_| {
            let counted = Arc::clone(&counted);
            move |_: &u64| _ = counted.fetch_add(1, Relaxed)
        })
        .unwrap();
    let mut publisher = events.publisher();
    for item in 1..=5 {
        publisher.try_publish(&0_u32, item).expect("nobody is in the way");
        poll_all(&mut workers);
        engine.audit().check().unwrap();
    }
    engine.close();
    poll_all(&mut workers);
    assert!(engine.is_drained());
    let failures = engine.failures();
    assert_eq!(engine.failure_count(), failures.len() as u64);
    let seen = log.lock().unwrap().clone();
    (seen, other.load(Relaxed), failures)
}

#[test]
fn skip_goes_on_with_the_next() {
    let (seen, other, failures) = topic(OnPanic::Skip, 9);
    assert_eq!(seen, ["1", "2", "Some(3) attempt 1 Skipped boom", "4", "5", "closed"]);
    assert_eq!(other, 5);
    let failure = &failures[0];
    assert_eq!((failure.source.as_str(), failure.subscription.as_str(), failure.shard), ("events", "fragile", 0));
    assert_eq!((failure.attempt, failure.action, failure.message.as_str()), (1, Action::Skipped, BOOM));
    assert!(!failure.thread.is_empty());
}

#[test]
fn retry_tries_so_many_times() {
    let (seen, other, _) = topic(OnPanic::Retry(2), 2);
    let tries = ["Some(3) attempt 1 Retried boom", "Some(3) attempt 2 Retried boom"];
    assert_eq!(seen, ["1", "2", tries[0], tries[1], "3", "4", "5", "closed"]);
    assert_eq!(other, 5);

    let (seen, ..) = topic(OnPanic::Retry(1), 9);
    assert_eq!(seen[2..4], ["Some(3) attempt 1 Retried boom", "Some(3) attempt 2 Skipped boom"]);
    assert_eq!(seen[4..], ["4", "5", "closed"]);
}

#[test]
fn restart_makes_the_handler_anew() {
    // The new one would panic at another 3 only.
    let (seen, other, failures) = topic(OnPanic::Restart, 1);
    assert_eq!(seen, ["1", "2", "Some(3) attempt 1 Restarted boom", "4", "5", "closed"]);
    assert_eq!((other, failures.len()), (5, 1));
}

#[test]
fn stop_ends_this_shard_of_this_subscription_only() {
    let (seen, other, _) = topic(OnPanic::Stop, 9);
    assert_eq!(seen, ["1", "2", "Some(3) attempt 1 Stopped boom", "stopped"]);
    assert_eq!(other, 5, "the topic has 4 slots: it would be full if the dead one gated");
}

#[test]
fn a_queue_shard_whose_handler_stops_closes_and_hands_back() {
    for order in [Order::Total, Order::PerPublisher] {
        let (engine, mut workers) = by_hand(1);
        let jobs = engine.queue::<u64>("jobs").shards(2).capacity(8).order(order).open().unwrap();
        let log = Log::default();
        let made = Arc::clone(&log);
        engine
            .consume(&jobs)
            .on_panic(OnPanic::Stop)
            .handle(move |_| Fragile { log: Arc::clone(&made), times: 9 })
            .unwrap();
        let mut publisher = jobs.publisher();
        // A key for each shard.
        let keys = [0, 1].map(|shard| (0_u32..).find(|key| ringway::router::shard_of(key, 2) == shard).unwrap());
        for item in 1..=5 {
            publisher.try_publish(&keys[0], item).unwrap();
        }
        poll_all(&mut workers);
        engine.audit().check().unwrap();
        assert_eq!(publisher.try_publish(&keys[0], 6), Err(PublishError::Closed(6)));
        assert_eq!(publisher.publish(&keys[0], 7), Err(PublishError::Closed(7)), "it does not hang");
        publisher.try_publish(&keys[1], 8).expect("the other shard goes on");
        poll_all(&mut workers);
        engine.close();
        poll_all(&mut workers);
        let report = engine.drain(std::time::Duration::ZERO);
        assert!(!report.is_drained(), "two items of the shard that stopped are left over");
        report.ledger.check().unwrap();
        let queue = report.ledger.queue("jobs").unwrap();
        assert_eq!((queue.handled, queue.dropped, queue.left), (3, 1, 2));
        assert_eq!(jobs.take_left(), [4, 5]);
        assert_eq!(*log.lock().unwrap(), ["1", "2", "Some(3) attempt 1 Stopped boom", "stopped", "8", "closed"]);
    }
}

#[test]
fn a_shared_queue_goes_on_with_the_workers_that_are_left() {
    let (engine, mut workers) = by_hand(2);
    let jobs = engine.queue::<u64>("jobs").sharing(Sharing::Shared).open().unwrap();
    let log = Log::default();
    let made = Arc::clone(&log);
    engine
        .consume(&jobs)
        .on_panic(OnPanic::Stop)
        .handle(move |_| Fragile { log: Arc::clone(&made), times: 9 })
        .unwrap();
    let mut publisher = jobs.publisher();
    publisher.try_publish(&0_u32, 3).unwrap();
    poll_all(&mut workers);
    publisher.try_publish(&0_u32, 1).expect("one worker is left");
    poll_all(&mut workers);
    assert_eq!(log.lock().unwrap().last().map(String::as_str), Some("1"));
    publisher.try_publish(&0_u32, 3).unwrap();
    poll_all(&mut workers);
    assert_eq!(publisher.publish(&0_u32, 1), Err(PublishError::Closed(1)), "nobody is left, and nobody waits for ever");
    engine.close();
    assert!(engine.is_drained());
    engine.audit().check().unwrap();
}

#[test]
fn an_item_that_was_taken_cannot_be_tried_again() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<String>("jobs").open().unwrap();
    let attempts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&attempts);
    engine
        .consume(&jobs)
        .on_panic(OnPanic::Retry(5))
        .handle(move |_| {
            let counted = Arc::clone(&counted);
            move |job: Held<'_, String>| {
                counted.fetch_add(1, Relaxed);
                if job.as_str() == "take" {
                    drop(job.take());
                }
                std::panic::panic_any(BOOM);
            }
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    publisher.try_publish("", "take".to_owned()).unwrap();
    poll_all(&mut workers);
    assert_eq!(attempts.load(Relaxed), 1);
    publisher.try_publish("", "look".to_owned()).unwrap();
    poll_all(&mut workers);
    assert_eq!(attempts.load(Relaxed), 1 + 6);
    let ledger = engine.audit();
    ledger.check().unwrap();
    assert_eq!((ledger.queues[0].dropped, ledger.queues[0].retried, ledger.queues[0].failures), (2, 5, 7));
}

/// Whoever says what the key of an item is finds it in the report; a key function that panics costs nothing more.
#[test]
fn a_failure_tells_the_key_of_its_item() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let events = engine.topic::<u64>("events").open().unwrap();
    let consuming = engine.consume(&jobs).key(|job| format!("account {}", job % 10));
    consuming.handle(|_| |_: Held<'_, u64>| std::panic::panic_any(BOOM)).unwrap();
    let subscribing = engine.subscribe(&events, "all").key(|_| std::panic::panic_any(BOOM));
    subscribing.handle(|_| |_: &u64| std::panic::panic_any(BOOM)).unwrap();
    jobs.publisher().try_publish(&0_u32, 47).unwrap();
    events.publisher().try_publish(&0_u32, 1).unwrap();
    poll_all(&mut workers);
    engine.audit().check().unwrap();
    let failures = engine.failures();
    let mut keys: Vec<_> = failures.iter().map(|failure| (failure.source.as_str(), failure.key.as_deref())).collect();
    keys.sort_unstable();
    assert_eq!(keys, [("events", None), ("jobs", Some("account 7"))]);
    let mut told: Vec<_> =
        failures.iter().map(|failure| failure.to_string().replace(&failure.thread, "worker")).collect();
    told.sort_unstable();
    let event = "events shard 0, all on worker: attempt 1 panicked: boom: skipped";
    let job = "jobs shard 0 on worker: attempt 1 at key account 7 panicked: boom: skipped";
    assert_eq!(told, [event, job]);
}

/// An item whose drop panics, after it was handled: it counts as handled, and the next ones follow.
#[test]
fn a_panicking_drop_of_an_item_ends_no_worker() {
    struct Rude(u64);
    impl Drop for Rude {
        fn drop(&mut self) {
            if self.0 == 2 {
                std::panic::panic_any(BOOM);
            }
        }
    }
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<Rude>("jobs").open().unwrap();
    engine.consume(&jobs).handle(|_| |_: Held<'_, Rude>| ()).unwrap();
    let mut publisher = jobs.publisher();
    for item in 1..=4 {
        assert!(publisher.try_publish(&0_u32, Rude(item)).is_ok());
    }
    poll_all(&mut workers);
    poll_all(&mut workers);
    let ledger = engine.audit();
    ledger.check().unwrap();
    assert_eq!(ledger.queues[0].handled, 4);
    assert_eq!(engine.failures().len(), 1);
    assert_eq!(engine.failures()[0].action, Action::Noted);
}

/// A handler that panics whenever it is asked whether it can take more: its stream goes on by its policy, or ends by it.
#[test]
fn a_handler_that_can_not_say_whether_it_is_ready_does_not_stall() {
    struct Speechless(Arc<AtomicU64>);
    impl<S: ringway::router::Shape> Handler<S> for Speechless {
        fn handle(&mut self, _item: S::Item<'_>) {
            self.0.fetch_add(1, Relaxed);
        }

        fn is_ready(&mut self) -> bool {
            std::panic::panic_any(BOOM)
        }
    }

    for on_panic in [OnPanic::Skip, OnPanic::Retry(2), OnPanic::Restart, OnPanic::Stop] {
        let (engine, mut workers) = by_hand(1);
        let jobs = engine.queue::<u64>("jobs").open().unwrap();
        let events = engine.topic::<u64>("events").open().unwrap();
        let handled = Arc::<AtomicU64>::default();
        let [of_jobs, of_events] = [(); 2].map(|()| Arc::clone(&handled));
        let jobs_served =
            engine.consume(&jobs).on_panic(on_panic).handle(move |_| Speechless(Arc::clone(&of_jobs))).unwrap();
        let subscribing = engine.subscribe(&events, "one").on_panic(on_panic);
        let events_served = subscribing.handle(move |_| Speechless(Arc::clone(&of_events))).unwrap();
        let (mut to_jobs, mut to_events) = (jobs.publisher(), events.publisher());
        for item in 0..5 {
            to_jobs.try_publish(&0_u32, item).unwrap();
            to_events.try_publish(&0_u32, item).unwrap();
        }
        // Whoever stops ends in the turn after.
        (0..2).for_each(|_| _ = poll_all(&mut workers));
        let stops = on_panic == OnPanic::Stop;
        assert_eq!(handled.load(Relaxed), if stops { 0 } else { 10 }, "{on_panic}");
        let end = stops.then_some(End::Stopped);
        assert_eq!([jobs_served.ends(), events_served.ends()], [[end], [end]], "{on_panic}");
        assert_eq!(jobs.take_left().len(), if stops { 5 } else { 0 });
        assert!(engine.failure_count() > 0);
        let ledger = engine.audit();
        ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    }
}

/// One shard of two is dead, the other only full: an item for either is refused because there is no room, not for ever.
#[test]
fn an_item_without_a_key_is_not_refused_for_ever_because_of_one_dead_shard() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").shards(2).capacity(1).open().unwrap();
    let attached = engine
        .consume(&jobs)
        .on_panic(OnPanic::Stop)
        .handle(|_| {
            |item: Held<'_, u64>| {
                if *item == 3 {
                    std::panic::panic_any(BOOM)
                }
            }
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    publisher.try_publish_unkeyed(1).unwrap();
    publisher.try_publish_unkeyed(3).unwrap();
    poll_all(&mut workers);
    assert_eq!(attached.ends(), [None, Some(End::Stopped)]);
    // Now it is the turn of the first again, and the dead one is the last to be asked.
    let first = (0_u64..).find(|key| shard_of(key, 2) == 0).unwrap();
    publisher.try_publish(&first, 4).unwrap();
    assert_eq!(publisher.try_publish_unkeyed(5), Err(PublishError::Full(5)));
    assert_eq!(jobs.published().refused, 1);
    engine.close();
    assert_eq!(publisher.try_publish_unkeyed(5), Err(PublishError::Closed(5)));
}

/// Who drops its item loudly after each is handled: the panics are noted, and nothing is miscounted.
#[test]
fn items_whose_drop_panics_are_handled_and_counted() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            std::panic::panic_any(BOOM)
        }
    }
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<Loud>("jobs").capacity(8).open().unwrap();
    let attached = engine.consume(&jobs).handle(|_| |_: Held<'_, Loud>| ()).unwrap();
    let mut publisher = jobs.publisher();
    for _ in 0..5 {
        assert!(publisher.try_publish(&0_u32, Loud).is_ok());
    }
    assert_eq!(poll_all(&mut workers), 5);
    assert_eq!((attached.handled(), engine.failure_count()), (5, 5));
    assert!(engine.failures().iter().all(|failure| failure.action == Action::Noted));
    engine.audit().check().unwrap();
}
