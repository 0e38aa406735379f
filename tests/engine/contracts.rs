//! Each contract of a subscription, with one that stalls: what it is promised, and that nobody else waits for it.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use ringway::{
    Engine,
    engine::SubscriptionLedger,
    router::{
        Contract, Event, Held, Missed, Name, PopError, PublishError, Sharing, Start, Subscription, Topic, shard_of,
        topic,
    },
    worker::{End, Handler},
};

use super::{by_hand, keep_the_first_shard_busy, poll_all};

fn open(capacity: usize) -> (Engine, Topic<u64>, topic::Publisher<u64>) {
    let (engine, _) = by_hand(1);
    let events = engine.topic::<u64>("events").capacity(capacity).open().unwrap();
    let publisher = events.publisher();
    (engine, events, publisher)
}

fn subscribe(events: &Topic<u64>, contract: Contract<u64>) -> Subscription<u64> {
    events.subscribe(Name::new("one").unwrap(), &contract, Start::Newest).unwrap()
}

/// What is there: items as themselves, and in front of one what was missed.
fn see(subscription: &mut Subscription<u64>) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(items) = subscription.poll(100, |event| {
        seen.push(match event {
            Event::Item(item) => item.to_string(),
            Event::Missed(Missed::Gap { from, to }) => format!("gap {from}..{to}"),
            Event::Missed(Missed::Merged { count }) => format!("merged {count}"),
        });
    }) {
        assert!(items > 0);
    }
    seen
}

fn ledger(engine: &Engine) -> SubscriptionLedger {
    let ledger = engine.audit();
    ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    ledger.topic("events").unwrap().subscription("one").unwrap().clone()
}

fn publish(publisher: &mut topic::Publisher<u64>, items: impl IntoIterator<Item = u64>) {
    for item in items {
        publisher.try_publish(&0_u32, item).expect("nobody is in the way");
    }
}

/// Publishes from `first` on until somebody is in the way; returns what was accepted: `capacity` items at the least.
fn fill(publisher: &mut topic::Publisher<u64>, first: u64, capacity: u64) -> Vec<String> {
    let mut next = first;
    while publisher.try_publish(&0_u32, next).is_ok() {
        next += 1;
        assert!(next <= first + 2 * capacity, "nobody is in the way");
    }
    assert!(next >= first + capacity, "full at {next}");
    (first..next).map(|item| item.to_string()).collect()
}

#[test]
fn a_gate_holds_publishers_and_sees_everything() {
    let (engine, events, mut publisher) = open(4);
    let mut gate = subscribe(&events, Contract::gate());
    let held = fill(&mut publisher, 0, 4);
    assert_eq!(publisher.try_publish(&0_u32, 4), Err(PublishError::Full(4)));
    assert_eq!(gate.lag(), held.len());
    assert_eq!(see(&mut gate), held);
    publish(&mut publisher, 4..5);
    // One that is gone holds nobody.
    drop(gate);
    publish(&mut publisher, 5..50);
    let (ledger, held) = (ledger(&engine), held.len() as u64);
    assert_eq!((ledger.offered, ledger.handled, ledger.waiting), (held, held, 0));
}

#[test]
fn a_stalled_gate_for_a_time_is_evicted_and_told() {
    let (engine, events, mut publisher) = open(4);
    let mut patient = subscribe(&events, Contract::gate_for(Duration::from_secs(3600)).capacity(2));
    publish(&mut publisher, 0..2);
    assert!(publisher.try_publish(&0_u32, 2).is_err(), "it is waited for");
    assert_eq!(see(&mut patient), ["0", "1"]);
    publish(&mut publisher, 2..3);
    drop(patient);

    let mut hasty = subscribe(&events, Contract::gate_for(Duration::ZERO).capacity(2));
    publish(&mut publisher, 3..5);
    assert!(publisher.try_publish(&0_u32, 5).is_err(), "its time begins with the first that finds it full");
    publish(&mut publisher, 5..30);
    assert!(hasty.is_evicted());
    assert_eq!(see(&mut hasty), ["3", "4"], "what it was given before is its own");
    assert_eq!(hasty.poll(1, |_| ()), Err(PopError::Closed));
    let ledger = ledger(&engine);
    assert!(ledger.evicted);
    assert_eq!((ledger.offered, ledger.handled), (2, 2));
}

/// The publisher waits no longer than was granted, and goes on.
#[test]
fn a_waiting_publisher_evicts() {
    let (engine, events, mut publisher) = open(4);
    let stalled = subscribe(&events, Contract::gate_for(Duration::from_millis(20)).capacity(2));
    for item in 0..10 {
        publisher.publish(&0_u32, item).expect("it waits, and then goes on");
    }
    assert!(stalled.is_evicted());
    assert_eq!(ledger(&engine).offered, 2);
}

#[test]
fn the_latest_loses_the_oldest_and_is_told_the_gap() {
    let (engine, events, mut publisher) = open(4);
    let mut latest = subscribe(&events, Contract::latest().capacity(4));
    publish(&mut publisher, 0..3);
    assert_eq!(see(&mut latest), ["0", "1", "2"]);
    publish(&mut publisher, 3..13);
    assert_eq!(see(&mut latest), ["gap 3..9", "9", "10", "11", "12"]);
    let ledger = ledger(&engine);
    assert_eq!((ledger.offered, ledger.handled, ledger.lost, ledger.waiting), (13, 7, 6, 0));
}

#[test]
fn conflation_keeps_the_newest_of_each_key_in_order_of_first_change() {
    let (engine, events, mut publisher) = open(4);
    let mut screen = subscribe(&events, Contract::conflate(|item| item % 10, 3));
    publish(&mut publisher, [1, 2, 11, 21, 12, 3]);
    assert_eq!(see(&mut screen), ["merged 2", "21", "merged 1", "12", "3"]);
    // A fourth key has no room; the others go on.
    publish(&mut publisher, [4, 31, 4]);
    assert_eq!(see(&mut screen), ["31"]);
    let ledger = ledger(&engine);
    assert_eq!((ledger.offered, ledger.handled, ledger.merged, ledger.lost), (9, 4, 3, 2));
}

#[test]
fn a_sample_is_every_nth() {
    let (engine, events, mut publisher) = open(4);
    let mut sample = subscribe(&events, Contract::sample(4).capacity(2));
    publish(&mut publisher, 0..16);
    assert_eq!(see(&mut sample), ["gap 0..2", "8", "12"]);
    let ledger = ledger(&engine);
    assert_eq!((ledger.offered, ledger.handled, ledger.passed_over, ledger.lost), (16, 2, 12, 2));
}

/// The slow one loses, the gate beside it sees everything, and neither changes what the other was promised.
#[test]
fn attaching_changes_nobody_elses_promise() {
    let (_engine, events, mut publisher) = open(8);
    let mut gate = subscribe(&events, Contract::gate());
    let mut beside: Vec<_> = [
        Contract::latest().capacity(2),
        Contract::conflate(|item| item % 2, 2),
        Contract::sample(3),
        Contract::latest(),
    ]
    .into_iter()
    .map(|contract| subscribe(&events, contract))
    .collect();
    for round in 0..10 {
        let held = fill(&mut publisher, round * 100, 8);
        assert_eq!(see(&mut gate), held);
        beside.pop();
    }
}

/// What is refused, no subscription sees, whichever ring refused it.
#[test]
fn a_refused_item_is_seen_by_nobody() {
    let (_engine, events, mut publisher) = open(2);
    let mut gate = subscribe(&events, Contract::gate());
    let mut latest = subscribe(&events, Contract::latest().capacity(8));
    let mut patient = subscribe(&events, Contract::gate_for(Duration::from_secs(3600)).capacity(4));
    publish(&mut publisher, 0..2);
    assert!(publisher.try_publish(&0_u32, 2).is_err(), "the gate");
    assert_eq!(see(&mut gate), ["0", "1"]);
    publish(&mut publisher, 3..5);
    see(&mut gate);
    assert!(publisher.try_publish(&0_u32, 5).is_err(), "the patient one");
    assert_eq!(see(&mut patient), ["0", "1", "3", "4"]);
    publish(&mut publisher, 6..7);
    assert_eq!(see(&mut latest), ["0", "1", "3", "4", "6"]);
    assert_eq!(see(&mut gate), ["6"]);
}

#[test]
fn a_late_one_starts_at_the_newest_or_at_the_oldest_held() {
    let (engine, events, mut publisher) = open(8);
    let mut gate = subscribe(&events, Contract::gate());
    publish(&mut publisher, 0..5);
    gate.poll(2, |_| ()).unwrap();
    let start = |start| events.subscribe(Name::new("late").unwrap(), &Contract::gate(), start).unwrap();
    let (mut newest, mut oldest) = (start(Start::Newest), start(Start::Oldest));
    publish(&mut publisher, 5..6);
    assert_eq!(see(&mut newest), ["5"]);
    let seen = see(&mut oldest);
    let held: Vec<String> = (0..6).map(|item| item.to_string()).collect();
    assert!(held.ends_with(&seen) && seen.len() >= 4, "the gate had 2, 3, 4 and 5 to see: {seen:?}");
    engine.audit().check().unwrap();
}

/// A handler is told what it missed, in its place, and why it ended.
#[test]
fn a_handler_is_told() {
    struct Told(Arc<Mutex<Vec<String>>>);
    impl Handler<Topic<u64>> for Told {
        fn handle(&mut self, item: &u64) {
            self.0.lock().unwrap().push(item.to_string());
        }

        fn missed(&mut self, missed: Missed) {
            self.0.lock().unwrap().push(format!("{} missed", missed.count()));
        }

        fn batch(&mut self) {
            self.0.lock().unwrap().push("batch".into());
        }

        fn idle(&mut self) {
            self.0.lock().unwrap().push("idle".into());
        }

        fn ended(&mut self, end: End) {
            self.0.lock().unwrap().push(end.to_string());
        }
    }

    let (engine, mut workers) = by_hand(1);
    let events = engine.topic::<u64>("events").capacity(4).open().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let made = Arc::clone(&log);
    let told = move |_| Told(Arc::clone(&made));
    let attached = engine.subscribe(&events, "one").contract(Contract::latest().capacity(2)).handle(told).unwrap();
    let mut publisher = events.publisher();
    publish(&mut publisher, 0..5);
    poll_all(&mut workers);
    attached.detach();
    poll_all(&mut workers);
    assert_eq!(*log.lock().unwrap(), ["3 missed", "3", "4", "batch", "idle", "detached"]);
    assert_eq!(attached.ends(), [Some(End::Detached)]);
    publish(&mut publisher, 5..50);
    assert_eq!(ledger(&engine).offered, 5, "it is fed no more");
}

/// Topics of the same payload, present and future; others never.
#[test]
fn a_pattern_follows_topics_that_come() {
    let (engine, mut workers) = by_hand(1);
    let here = engine.topic::<u64>("orders.eu").open().unwrap();
    let other_type = engine.topic::<u32>("orders.us").open().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let made = Arc::clone(&log);
    let followed = engine.follow::<u64>("orders.*", "audit").handle(move |topic, _| {
        let (log, topic) = (Arc::clone(&made), topic.clone());
        move |item: &u64| log.lock().unwrap().push(format!("{topic} {item}"))
    });
    let followed = followed.unwrap();
    let there = engine.topic::<u64>("orders.asia").open().unwrap();
    let deeper = engine.topic::<u64>("orders.asia.new").open().unwrap();
    for topic in [&here, &there, &deeper] {
        topic.publisher().publish(&0_u32, 7).unwrap();
    }
    other_type.publisher().publish(&0_u32, 8).unwrap();
    poll_all(&mut workers);
    assert_eq!(*log.lock().unwrap(), ["orders.eu 7", "orders.asia 7"]);
    let names: Vec<String> = followed.topics().into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["orders.eu", "orders.asia"]);
    assert_eq!(followed.handled(), 2);
    assert!(engine.follow::<u64>("orders.>.new", "x").handle(|_, _| |_: &u64| ()).is_err());
    engine.audit().check().unwrap();
}

#[test]
fn a_sample_keeps_its_step_when_others_come_and_go() {
    let (_engine, events, mut publisher) = open(16);
    let mut sample = subscribe(&events, Contract::sample(4));
    publish(&mut publisher, 0..2);
    let other = subscribe(&events, Contract::latest());
    publish(&mut publisher, 2..3);
    drop(other);
    publish(&mut publisher, 3..6);
    assert_eq!(see(&mut sample), ["0", "4"]);
}

#[test]
fn patience_lasts_no_longer_when_others_come() {
    let (_engine, events, mut publisher) = open(16);
    let stalled = subscribe(&events, Contract::gate_for(Duration::ZERO).capacity(2));
    publish(&mut publisher, 0..2);
    assert!(publisher.try_publish(&0_u32, 2).is_err(), "its time begins");
    let _other = subscribe(&events, Contract::latest());
    publish(&mut publisher, 2..3);
    assert!(stalled.is_evicted());
}

/// Eviction is of a shard: the handlers of others see everything, and are told so.
#[test]
fn only_the_evicted_shard_is_told_so() {
    let (engine, mut workers) = by_hand(1);
    let events = engine.topic::<u64>("events").shards(2).capacity(16).open().unwrap();
    let contract = Contract::gate_for(Duration::ZERO).capacity(2);
    let attached = engine.subscribe(&events, "one").contract(contract).handle(|_| |_: &u64| ()).unwrap();
    let key = |wanted| (0_u32..).find(|key| shard_of(key, 2) == wanted).unwrap();
    let mut publisher = events.publisher();
    publisher.try_publish(&key(1), 0).unwrap();
    let accepted = (0..8).filter(|&item| publisher.try_publish(&key(0), item).is_ok()).count();
    assert_eq!(accepted, 7, "the first that finds it full begins its time");
    engine.close();
    poll_all(&mut workers);
    assert_eq!(attached.ends(), [Some(End::Evicted), Some(End::Closed)]);
}

/// A subscription that goes while a publisher is in the middle of feeding it: what that brings is counted all the same.
#[test]
fn an_item_on_its_way_to_one_that_goes_is_counted() {
    struct Leaving(Arc<Mutex<Option<Subscription<Leaving>>>>);
    impl Clone for Leaving {
        fn clone(&self) -> Self {
            drop(self.0.lock().unwrap().take());
            Self(Arc::clone(&self.0))
        }
    }

    let (engine, _workers) = by_hand(1);
    let events = engine.topic::<Leaving>("events").open().unwrap();
    let contract = Contract::gate_for(Duration::from_secs(3600));
    let one = events.subscribe(Name::new("one").unwrap(), &contract, Start::Newest).unwrap();
    let place = Arc::new(Mutex::new(Some(one)));
    events.publisher().try_publish(&0_u32, Leaving(Arc::clone(&place))).unwrap();
    assert!(place.lock().unwrap().is_none(), "its clone dropped the subscription");
    let ledger = engine.audit();
    ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    let one = ledger.topic("events").unwrap().subscription("one").unwrap();
    assert_eq!((one.offered, one.left), (1, 1));
}

/// An item whose drop panics as a newer one takes its place.
#[test]
fn a_merged_item_whose_drop_panics_is_counted() {
    #[derive(Clone)]
    struct Fuse(Arc<AtomicBool>);
    impl Drop for Fuse {
        fn drop(&mut self) {
            if self.0.load(Relaxed) && !std::thread::panicking() {
                panic::panic_any(super::BOOM);
            }
        }
    }

    for contract in [Contract::conflate(|_: &Fuse| 0, 4), Contract::latest().capacity(1)] {
        let (engine, _workers) = by_hand(1);
        let events = engine.topic::<Fuse>("events").open().unwrap();
        let _one = events.subscribe(Name::new("one").unwrap(), &contract, Start::Newest).unwrap();
        let mut publisher = events.publisher();
        let (armed, harmless) = (Arc::new(AtomicBool::new(true)), Arc::default());
        publisher.try_publish(&0_u32, Fuse(Arc::clone(&armed))).unwrap();
        let merged = panic::catch_unwind(AssertUnwindSafe(|| _ = publisher.try_publish(&0_u32, Fuse(harmless))));
        assert!(merged.is_err(), "the older one's drop panicked");
        let ledger = engine.audit();
        ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
        let figures = ledger.topic("events").unwrap().subscription("one").unwrap();
        assert_eq!((figures.offered, figures.merged + figures.lost, figures.waiting), (2, 1, 1));
        // The topic's own ring still holds it.
        armed.store(false, Relaxed);
    }
}

/// What a newer item displaced beside the topic may panic as it goes, and a key's function may panic: the other rings beside
/// get the newer one all the same, or none of them does.
#[test]
fn a_panic_of_what_is_published_is_for_all_or_for_none() {
    #[derive(Clone)]
    struct Fuse {
        drops: Arc<AtomicBool>,
        has_key: bool,
    }
    impl Drop for Fuse {
        fn drop(&mut self) {
            if self.drops.load(Relaxed) && !std::thread::panicking() {
                panic::panic_any(super::BOOM);
            }
        }
    }

    fn key(item: &Fuse) -> u64 {
        if item.has_key { 0 } else { panic::panic_any(super::BOOM) }
    }

    let (engine, _workers) = by_hand(1);
    let events = engine.topic::<Fuse>("events").open().unwrap();
    let contracts = [
        ("latest", Contract::latest().capacity(1)),
        ("newest", Contract::conflate(key, 4)),
        ("sample", Contract::sample(1).capacity(1)),
        ("gate-for", Contract::gate_for(Duration::from_secs(3600))),
    ];
    let mut readers =
        contracts.map(|(name, contract)| events.subscribe(Name::new(name).unwrap(), &contract, Start::Newest).unwrap());
    let mut publisher = events.publisher();
    let (armed, harmless) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicBool>::default());
    let mut publish = |drops: &Arc<AtomicBool>, has_key| {
        let item = Fuse { drops: Arc::clone(drops), has_key };
        panic::catch_unwind(AssertUnwindSafe(|| _ = publisher.try_publish(&0_u32, item))).is_err()
    };
    assert!(!publish(&armed, true));
    assert!(publish(&harmless, true), "what was displaced panics");
    assert!(publish(&harmless, false), "there is no key");
    armed.store(false, Relaxed);
    let ledger = engine.audit();
    ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    let topic = ledger.topic("events").unwrap();
    assert_eq!(topic.published.total(), 2);
    for subscription in &topic.subscriptions {
        assert_eq!(subscription.offered, 2, "{}", subscription.name);
    }
    for reader in &mut readers {
        let mut last = None;
        while reader
            .poll(1, |event| {
                if let Event::Item(item) = event {
                    last = Some(item.clone())
                }
            })
            .is_ok()
        {}
        assert!(last.is_some_and(|last| Arc::ptr_eq(&last.drops, &harmless)), "{}", reader.name());
    }
}

/// A handler whose own items are over is told so, whatever the others on its worker still have; one that had none is not.
#[test]
fn each_handler_is_told_of_its_own_idleness() {
    struct Counting(Arc<Mutex<Vec<&'static str>>>, &'static str);
    impl Handler<Topic<u64>> for Counting {
        fn handle(&mut self, _: &u64) {}

        fn idle(&mut self) {
            self.0.lock().unwrap().push(self.1);
        }
    }
    let (engine, mut workers) = by_hand(1);
    let log = Arc::new(Mutex::new(Vec::new()));
    let open = |name: &'static str| {
        let topic = engine.topic::<u64>(name).open().unwrap();
        let log = Arc::clone(&log);
        engine.subscribe(&topic, "reader").handle(move |_| Counting(Arc::clone(&log), name)).unwrap();
        topic.publisher()
    };
    let (mut busy, mut brief, _silent) = (open("busy"), open("brief"), open("silent"));
    brief.publish(&0_u32, 1).unwrap();
    for item in 0..3 {
        busy.publish(&0_u32, item).unwrap();
        workers[0].poll();
    }
    assert_eq!(*log.lock().unwrap(), ["brief"]);
    workers[0].poll();
    workers[0].poll();
    assert_eq!(*log.lock().unwrap(), ["brief", "busy"]);
}

/// A shared queue's own shard always has something: the other one has its turns all the same.
#[test]
fn a_shard_of_a_shared_queue_does_not_starve_beside_a_busy_one() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").shards(2).sharing(Sharing::Shared).open().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    engine
        .consume(&jobs)
        .handle(move |_| {
            let kept = Arc::clone(&kept);
            move |item: Held<'_, u64>| kept.lock().unwrap().push(*item)
        })
        .unwrap();
    keep_the_first_shard_busy(&jobs, &mut workers[0]);
    assert!(seen.lock().unwrap().contains(&1000), "{seen:?}");
}
