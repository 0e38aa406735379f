//! The ledger as a property: random topologies, contracts, policies, panics, comings and goings, and after every single step
//! each item is accounted for. One thread turns everything, so every step is a quiescent point, and each case repeats.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::{collection::vec, prelude::*, test_runner::Config};
use ringway::{
    Engine,
    engine::Attached,
    router::{Contract, Held, Order, Policy, Queue, Sharing, Start, Topic, queue, topic},
    worker::{End, Handler, OnPanic, Worker},
};

use super::{BOOM, by_hand, poll_all};

/// What handlers saw, by handler.
type Seen = Arc<Mutex<HashMap<usize, Vec<u64>>>>;

/// Panics at some items, always or at the first attempts.
#[derive(Clone)]
struct Picky {
    id: usize,
    seen: Seen,
    salt: u64,
    attempts: HashMap<u64, u32>,
    takes: bool,
}

impl Picky {
    fn take_in(&mut self, item: u64) {
        let roll = (item.wrapping_mul(0x9E37_79B9).wrapping_add(self.salt)) % 16;
        let attempt = self.attempts.entry(item).or_default();
        *attempt += 1;
        assert!(roll < 16);
        // 0: always; 1: at the first attempt.
        if roll == 0 || (roll == 1 && *attempt == 1) {
            std::panic::panic_any(BOOM);
        }
        self.seen.lock().unwrap().entry(self.id).or_default().push(item);
    }
}

impl Handler<Topic<u64>> for Picky {
    fn handle(&mut self, item: &u64) {
        self.take_in(*item);
    }

    fn ended(&mut self, _: End) {
        if self.salt.is_multiple_of(7) {
            std::panic::panic_any(BOOM);
        }
    }
}

impl Handler<Queue<u64>> for Picky {
    fn handle(&mut self, item: Held<'_, u64>) {
        if self.takes {
            let item = item.take();
            self.take_in(item);
        } else {
            self.take_in(*item);
        }
    }
}

#[derive(Debug, Clone)]
struct Shape {
    workers: usize,
    topic: (usize, usize),
    queue: (usize, usize, Policy, Order, Sharing),
    queue_on_panic: OnPanic,
    takes: bool,
    steps: Vec<Step>,
    abort: bool,
}

#[derive(Debug, Clone)]
enum Step {
    PublishTopic { publisher: usize, key: u32, items: u64 },
    PublishQueue { publisher: usize, key: u32, items: u64 },
    BatchTopic { key: u32, items: u64 },
    BatchQueue { key: u32, items: u64 },
    Subscribe { contract: u8, capacity: usize, on_panic: OnPanic, oldest: bool },
    Detach { nth: usize },
    Poll { worker: usize },
    NewPublisher,
    DropPublisher,
}

fn on_panic() -> impl Strategy<Value = OnPanic> {
    prop_oneof![Just(OnPanic::Skip), (0..3_u32).prop_map(OnPanic::Retry), Just(OnPanic::Restart), Just(OnPanic::Stop),]
}

fn step() -> impl Strategy<Value = Step> {
    let (publisher, key, items) = (0..3_usize, 0..6_u32, 1..12_u64);
    prop_oneof![
        4 => (publisher.clone(), key.clone(), items.clone())
            .prop_map(|(publisher, key, items)| Step::PublishTopic { publisher, key, items }),
        3 => (publisher, key.clone(), items.clone())
            .prop_map(|(publisher, key, items)| Step::PublishQueue { publisher, key, items }),
        1 => (key.clone(), items.clone()).prop_map(|(key, items)| Step::BatchTopic { key, items }),
        1 => (key, items).prop_map(|(key, items)| Step::BatchQueue { key, items }),
        2 => (0..6_u8, 1..9_usize, on_panic(), any::<bool>()).prop_map(|(contract, capacity, on_panic, oldest)| {
            Step::Subscribe { contract, capacity, on_panic, oldest }
        }),
        1 => (0..8_usize).prop_map(|nth| Step::Detach { nth }),
        5 => (0..3_usize).prop_map(|worker| Step::Poll { worker }),
        1 => Just(Step::NewPublisher),
        1 => Just(Step::DropPublisher),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let full =
        prop_oneof![Just(Policy::Block), Just(Policy::Reject), Just(Policy::DropNewest), Just(Policy::DropOldest)];
    let queue = (1..4_usize, 1..17_usize, full, any::<bool>(), any::<bool>()).prop_map(
        |(shards, capacity, full, per, shared)| {
            let order = if per && full != Policy::DropOldest { Order::PerPublisher } else { Order::Total };
            (shards, capacity, full, order, if shared { Sharing::Shared } else { Sharing::Keyed })
        },
    );
    (1..4_usize, (1..4_usize, 1..17_usize), queue, on_panic(), any::<bool>(), vec(step(), 1..40), any::<bool>())
        .prop_map(|(workers, topic, queue, queue_on_panic, takes, steps, abort)| Shape {
            workers,
            topic,
            queue,
            queue_on_panic,
            takes,
            steps,
            abort,
        })
}

/// What a case counts by itself, beside the engine.
struct Run {
    engine: Engine,
    workers: Vec<Worker>,
    topic: Topic<u64>,
    queue: Queue<u64>,
    topic_publishers: Vec<topic::Publisher<u64>>,
    queue_publishers: Vec<queue::Publisher<u64>>,
    attached: Vec<Attached>,
    next: u64,
    topic_accepted: u64,
    queue_accepted: Vec<u64>,
    seen: Seen,
    handlers: usize,
}

impl Run {
    fn new(shape: &Shape) -> Self {
        let (engine, workers) = by_hand(shape.workers);
        let (shards, capacity) = shape.topic;
        let topic = engine.topic("events").shards(shards).capacity(capacity).open().unwrap();
        let (shards, capacity, full, order, sharing) = shape.queue;
        let opening = engine.queue("jobs").shards(shards).capacity(capacity).full(full).order(order);
        let queue = opening.sharing(sharing).open().unwrap();
        let seen = Seen::default();
        let picky = Picky { id: 0, seen: Arc::clone(&seen), salt: 3, attempts: HashMap::new(), takes: shape.takes };
        engine.consume(&queue).on_panic(shape.queue_on_panic).handle(move |_| picky.clone()).unwrap();
        Self {
            topic_publishers: vec![topic.publisher()],
            queue_publishers: vec![queue.publisher()],
            engine,
            workers,
            topic,
            queue,
            attached: Vec::new(),
            next: 0,
            topic_accepted: 0,
            queue_accepted: Vec::new(),
            seen,
            handlers: 1,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::PublishTopic { publisher, key, items } => {
                for _ in 0..items {
                    self.next += 1;
                    let nth = publisher % self.topic_publishers.len();
                    self.topic_accepted += u64::from(self.topic_publishers[nth].try_publish(&key, self.next).is_ok());
                }
            }
            Step::PublishQueue { publisher, key, items } => {
                for _ in 0..items {
                    self.next += 1;
                    let nth = publisher % self.queue_publishers.len();
                    if self.queue_publishers[nth].try_publish(&key, self.next).is_ok() {
                        self.queue_accepted.push(self.next);
                    }
                }
            }
            Step::BatchTopic { key, items } => {
                let mut batch = (self.next + 1..=self.next + items).collect();
                self.next += items;
                self.topic_accepted += self.topic_publishers[0].try_publish_batch(&key, &mut batch).unwrap_or(0) as u64;
            }
            Step::BatchQueue { key, items } => {
                let first = self.next + 1;
                let mut batch = (first..first + items).collect();
                self.next += items;
                let accepted = self.queue_publishers[0].try_publish_batch(&key, &mut batch).unwrap_or(0) as u64;
                self.queue_accepted.extend(first..first + accepted);
            }
            Step::Subscribe { contract, capacity, on_panic, oldest } => {
                let contract = match contract {
                    0 | 1 => Contract::gate(),
                    2 => Contract::gate_for(Duration::from_secs(if capacity % 2 == 0 { 0 } else { 3600 })),
                    3 => Contract::latest(),
                    4 => Contract::conflate(|item| item % 5, capacity),
                    _ => Contract::sample(capacity as u64),
                };
                let start = if oldest { Start::Oldest } else { Start::Newest };
                let (id, salt) = (self.handlers, self.next);
                self.handlers += 1;
                let picky = Picky { id, seen: Arc::clone(&self.seen), salt, attempts: HashMap::new(), takes: false };
                let subscribing = self.engine.subscribe(&self.topic, &format!("s{id}"));
                let subscribing = subscribing.contract(contract.capacity(capacity)).start(start).on_panic(on_panic);
                self.attached.push(subscribing.handle(move |_| picky.clone()).unwrap());
            }
            Step::Detach { nth } => {
                if let Some(attached) = self.attached.get(nth) {
                    attached.detach();
                }
            }
            Step::Poll { worker } => {
                let nth = worker % self.workers.len();
                self.workers[nth].poll();
            }
            Step::NewPublisher => {
                self.topic_publishers.push(self.topic_publishers[0].clone());
                self.queue_publishers.push(self.queue.publisher());
            }
            Step::DropPublisher => {
                if self.topic_publishers.len() > 1 {
                    self.topic_publishers.remove(0);
                    self.queue_publishers.remove(0);
                }
            }
        }
    }

    fn check(&self) {
        let ledger = self.engine.audit();
        if let Err(imbalance) = ledger.check() {
            panic!("{imbalance}\n{ledger}\n{ledger:?}");
        }
        assert_eq!(ledger.topics[0].published.total(), self.topic_accepted);
        assert_eq!(ledger.queues[0].published.total(), self.queue_accepted.len() as u64);
        let seen = self.seen.lock().unwrap();
        for subscription in &ledger.topics[0].subscriptions {
            let id: usize = subscription.name.as_str()[1..].parse().unwrap();
            assert_eq!(subscription.handled, seen.get(&id).map_or(0, Vec::len) as u64, "{}", subscription.name);
        }
        assert_eq!(ledger.queues[0].handled, seen.get(&0).map_or(0, Vec::len) as u64);
    }

    /// The end, after which nothing is on its way any more.
    fn end(mut self, abort: bool) {
        let report = if abort {
            self.engine.close();
            // What workers by hand still have ends with them.
            drop(std::mem::take(&mut self.workers));
            self.engine.abort()
        } else {
            self.engine.close();
            // A subscription that gates for an hour may be in the way of nothing any more.
            let mut cycles = 0;
            while !self.engine.is_drained() {
                cycles += 1;
                assert!(cycles < 10_000, "it does not end:\n{}", self.engine.audit());
                self.workers.iter_mut().for_each(|worker| _ = worker.poll());
            }
            self.engine.drain(Duration::ZERO)
        };
        assert!(report.stuck.is_empty());
        if let Err(imbalance) = report.ledger.check() {
            panic!("{imbalance}\n{report}\n{:?}", report.ledger);
        }
        let queue = &report.ledger.queues[0];
        assert_eq!(queue.waiting, 0, "{report}");
        assert!(report.ledger.topics[0].subscriptions.iter().all(|subscription| subscription.waiting == 0), "{report}");

        // Each item of the queue was handled at most once, and is nowhere twice.
        let mut found = self.seen.lock().unwrap().remove(&0).unwrap_or_default();
        let left = self.queue.take_left();
        assert_eq!(left.len() as u64, queue.left);
        found.extend(left);
        let dropped = queue.dropped + queue.published.dropped_newest + queue.published.dropped_oldest;
        let places = found.len() as u64;
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len() as u64, places, "an item in two places");
        assert_eq!(places + dropped, self.queue_accepted.len() as u64, "{report}");
        assert!(found.iter().all(|item| self.queue_accepted.binary_search(item).is_ok()), "an item from nowhere");
    }
}

pub(super) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_item_is_accounted_for(shape in shape()) {
        let mut run = Run::new(&shape);
        for step in &shape.steps {
            run.step(step);
            run.check();
        }
        run.end(shape.abort);
    }
}

/// Subscriptions and handlers that come and go for ever: what is kept of them stays small, and the sums stay exact.
#[test]
fn what_is_gone_is_summed_up() {
    const ROUNDS: u64 = 1000;
    let (engine, mut workers) = by_hand(2);
    let events = engine.topic::<u64>("events").shards(2).capacity(8).open().unwrap();
    let polled = engine.topic::<u64>("polled").capacity(8).open().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(2).capacity(8).open().unwrap();
    let (mut to_events, mut to_polled) = (events.publisher(), polled.publisher());
    let mut to_jobs = jobs.publisher();
    let every = engine.subscribe(&events, "every").handle(|_| |_: &u64| ()).unwrap();
    let copy = |round: u64| match round % 4 {
        0 => Contract::gate(),
        1 => Contract::latest().capacity(1),
        2 => Contract::conflate(|_: &u64| 0, 1),
        _ => Contract::sample(2),
    };
    for round in 0..ROUNDS {
        let guest = engine.subscribe(&events, "guest").contract(copy(round)).handle(|_| |_: &u64| ()).unwrap();
        let served = engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
        let mut reader = polled.subscribe("reader".parse().unwrap(), &copy(round), Start::Newest).unwrap();
        for item in 0..3 {
            to_events.try_publish_unkeyed(item).unwrap();
            to_polled.try_publish_unkeyed(item).unwrap();
            to_jobs.try_publish_unkeyed(item).unwrap();
        }
        let _ = reader.poll(1, |_| ());
        drop(reader);
        poll_all(&mut workers);
        to_events.try_publish_unkeyed(3).unwrap();
        guest.detach();
        served.detach();
        (0..2).for_each(|_| _ = poll_all(&mut workers));
        assert!(guest.is_over() && served.is_over());
    }
    let ledger = engine.audit();
    ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{ledger}"));
    let topic = ledger.topic("events").unwrap();
    assert_eq!(topic.published.total(), 4 * ROUNDS);
    assert_eq!(topic.subscription("every").unwrap().handled, 4 * ROUNDS);
    let queue = ledger.queue("jobs").unwrap();
    assert_eq!((queue.published.total(), queue.handled), (3 * ROUNDS, 3 * ROUNDS));
    assert!(queue.shards.len() <= 64 + 2, "{} handlers are kept", queue.shards.len());
    for topic in &ledger.topics {
        assert!(topic.subscriptions.len() <= 64, "{} are kept of {}", topic.subscriptions.len(), topic.name);
        let gone = topic.gone.as_ref().unwrap();
        let guests = topic.subscriptions.iter().filter(|one| one.name.as_str() != "every").count() as u64;
        assert_eq!(gone.contract, format!("{} subscriptions", ROUNDS - guests));
        let all = topic.subscriptions.iter().chain(&topic.gone);
        let seen: u64 = all.clone().map(|one| one.handled + one.left + one.lost + one.merged + one.passed_over).sum();
        assert_eq!(seen, all.map(|one| one.offered).sum());
        assert!(gone.handled > 0 && gone.lost > 0 && gone.merged > 0 && gone.passed_over > 0, "{topic:?}");
    }
    drop(every);
}
