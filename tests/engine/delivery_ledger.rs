//! The ledger of a queue with rules of delivery as a property: random rules, handlers, answers and ends, and after every step
//! each item is accounted for. One thread turns the workers and the clock, so every case repeats.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::{collection::vec, prelude::*, test_runner::Config};
use ringway::{
    Engine,
    delivery::{
        Answer, AtBound, Backoff, BreakerRules, DeadLetterRules, DeadLetters, DedupWindow, Effect, Envelope, Expired,
        Id, Jitter, Order, Priorities, Rate, Retry, Rules, WhenFull,
    },
    engine::Deliveries,
    router::{Queue, Sharing, queue::Publisher},
    time::{Instant, Manual},
    worker::{Deferred, DeliveryHandler, Leased, OnPanic, Worker},
};

use super::{BOOM, ledger::cases, quiet_booms};

const MS: Duration = Duration::from_millis(1);

/// Where each item was last seen to end, and what is out of hand.
#[derive(Default)]
struct Seen {
    /// Handled, by how many answers that end it: never more than one, but for redriven ones.
    acked: HashMap<u64, u32>,
    attempts: HashMap<u64, u32>,
    gone: u64,
    duplicates: u64,
    deferred: Vec<(u64, Deferred<u64>)>,
}

/// Does with each attempt what the item and the attempt say.
#[derive(Clone)]
struct Moody {
    seen: Arc<Mutex<Seen>>,
    salt: u64,
}

impl DeliveryHandler<u64, u64> for Moody {
    fn handle(&mut self, item: &mut Leased<'_, u64, u64>) -> Answer<u64> {
        let (number, attempt) = (**item, item.attempt());
        let roll = (number * 7 + u64::from(attempt) * 3 + self.salt) % 11;
        let mut seen = self.seen.lock().unwrap();
        *seen.attempts.entry(number).or_default() += 1;
        match roll {
            0 => Answer::Nack(number),
            1 => Answer::Reject(number),
            2 => Answer::NackAfter(number, 3 * MS),
            3 => {
                drop(seen);
                std::panic::panic_any(BOOM)
            }
            4 | 5 => {
                let deferred = item.defer();
                seen.deferred.push((number, deferred));
                Answer::Ack
            }
            6 => {
                // Deferred, and answered at once: the later answer is stale.
                let deferred = item.defer_for(MS);
                seen.deferred.push((u64::MAX, deferred));
                Answer::Nack(number)
            }
            _ => {
                *seen.acked.entry(number).or_default() += 1;
                Answer::Ack
            }
        }
    }

    fn effect(&mut self, effect: Effect<u64>, letters: &mut DeadLetters<u64, u64>) {
        match effect {
            Effect::Expired(_) | Effect::Dropped { .. } => self.seen.lock().unwrap().gone += 1,
            Effect::Dead { letter, .. } => assert!(letters.peek(letter).is_some()),
            _ => {}
        }
        if self.salt == 5 {
            std::panic::panic_any(BOOM);
        }
    }

    fn duplicate(&mut self, _: Envelope<u64>) {
        self.seen.lock().unwrap().duplicates += 1;
    }
}

#[derive(Debug, Clone)]
struct Shape {
    workers: usize,
    shards: usize,
    ring: usize,
    sharing: Sharing,
    rules: Rules,
    on_panic: OnPanic,
    salt: u64,
    steps: Vec<Step>,
    abort: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Publish { key: u32, items: u64 },
    Poll { worker: usize },
    Advance { ms: u32 },
    Answer { nth: usize, how: u8 },
    Redrive { handler: usize },
    Purge { handler: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u32, 1..10_u64).prop_map(|(key, items)| Step::Publish { key, items }),
        6 => (0..3_usize).prop_map(|worker| Step::Poll { worker }),
        3 => (1..30_u32).prop_map(|ms| Step::Advance { ms }),
        3 => (0..8_usize, 0..4_u8).prop_map(|(nth, how)| Step::Answer { nth, how }),
        1 => (0..4_usize).prop_map(|handler| Step::Redrive { handler }),
        1 => (0..4_usize).prop_map(|handler| Step::Purge { handler }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let bounds = prop_oneof![Just(AtBound::Stall), Just(AtBound::DeadLetter), Just(AtBound::Drop)];
    let full = prop_oneof![Just(WhenFull::DropOldest), Just(WhenFull::DropNewest), Just(WhenFull::Hold)];
    let sizes = (1..20_usize, 1..6_usize, 1..4_u32, 1..6_usize);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (sizes, flags, bounds, full).prop_map(
        |((capacity, in_flight_max, attempts_max, letters), flags, at_bound, full)| {
            let (keyed, lanes, dedup, rate, dies) = flags;
            let keys = Order::Keyed { keys_max: letters, parked_per_key_max: in_flight_max, at_bound };
            Rules {
                capacity,
                in_flight_max,
                lease: 20 * MS,
                retry: Retry {
                    backoff: Backoff::Fixed(5 * MS),
                    jitter: Jitter::None,
                    attempts_max,
                    ..Retry::default()
                },
                order: if keyed { keys } else { Order::Unordered },
                priorities: if lanes { Priorities::Strict(2) } else { Priorities::One },
                dedup: dedup.then_some(DedupWindow { time: 50 * MS, count: 8 }),
                rate: rate.then_some(Rate { interval: MS, burst: 4 }),
                breaker: rate.then_some(BreakerRules { failures: 3, window: 20 * MS, open_for: 10 * MS, probes: 1 }),
                expired: if dies { Expired::DeadLetter } else { Expired::Drop },
                dead_letters: DeadLetterRules { capacity: letters, when_full: full },
                ..Rules::default()
            }
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let on_panic = prop_oneof![4 => Just(OnPanic::Skip), 1 => Just(OnPanic::Restart), 1 => Just(OnPanic::Stop)];
    let ring = (1..4_usize, 1..4_usize, 1..17_usize, any::<bool>());
    (ring, rules(), on_panic, 0..11_u64, vec(step(), 1..50), any::<bool>()).prop_map(
        |((workers, shards, ring, shared), rules, on_panic, salt, steps, abort)| {
            let sharing = if shared { Sharing::Shared } else { Sharing::Keyed };
            let for_one_worker = Rules { order: Order::Unordered, dedup: None, ..rules.clone() };
            let rules = if shared { for_one_worker } else { rules };
            Shape { workers, shards, ring, sharing, rules, on_panic, salt, steps, abort }
        },
    )
}

struct Run {
    engine: Engine,
    workers: Vec<Worker>,
    clock: Manual,
    queue: Queue<u64>,
    publisher: Publisher<u64>,
    deliveries: Deliveries<u64, u64>,
    seen: Arc<Mutex<Seen>>,
    accepted: u64,
    attempts_max: u32,
}

impl Run {
    fn new(shape: &Shape) -> Self {
        quiet_booms();
        let clock = Manual::new();
        let engine = Engine::builder().workers(shape.workers).by_hand().clock(clock.clone()).start().unwrap();
        let opening = engine.queue("jobs").shards(shape.shards).capacity(shape.ring).sharing(shape.sharing);
        let queue = opening.open().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let moody = Moody { seen: Arc::clone(&seen), salt: shape.salt };
        let attempts_max = shape.rules.retry.attempts_max;
        let deliveries = engine
            .consume(&queue)
            .on_panic(shape.on_panic)
            .deliver(shape.rules.clone())
            .envelope(|item: u64| Envelope {
                key: (!item.is_multiple_of(5)).then_some(item % 5),
                id: item.is_multiple_of(4).then(|| Id::from(item / 8)),
                not_before: if item.is_multiple_of(9) { Instant::from_nanos(item * 1_000_000) } else { Instant::START },
                expires_at: if item.is_multiple_of(6) { Instant::from_nanos(item * 2_000_000) } else { Instant::FAR },
                priority: (item % 3) as u8,
                ..Envelope::new(item)
            })
            .handle(move |_| moody.clone())
            .unwrap();
        let (workers, publisher) = (engine.take_workers(), queue.publisher());
        Self { engine, workers, clock, queue, publisher, deliveries, seen, accepted: 0, attempts_max }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Publish { key, items } => {
                for _ in 0..items {
                    self.accepted += u64::from(self.publisher.try_publish(&key, self.accepted).is_ok());
                }
            }
            Step::Poll { worker } => {
                let nth = worker % self.workers.len();
                self.workers[nth].poll();
            }
            Step::Advance { ms } => self.clock.advance(ms * MS),
            Step::Answer { nth, how } => self.answer(nth, how),
            Step::Redrive { handler } => {
                let _ =
                    self.deliveries.ask(handler % self.deliveries.handlers(), |tracker, _| tracker.redrive_all(None));
            }
            Step::Purge { handler } => {
                let nth = handler % self.deliveries.handlers();
                let _ = self.deliveries.ask(nth, |tracker, _| tracker.dead_letters_mut().purge());
            }
        }
    }

    fn answer(&mut self, nth: usize, how: u8) {
        let mut seen = self.seen.lock().unwrap();
        if nth >= seen.deferred.len() {
            return;
        }
        let (item, mut deferred) = seen.deferred.swap_remove(nth);
        drop(seen);
        match how {
            0 => drop(deferred),
            1 => _ = deferred.answer(Err(item)),
            2 => {
                let _ = deferred.extend(40 * MS);
                self.seen.lock().unwrap().deferred.push((item, deferred));
            }
            _ => _ = deferred.ack(),
        }
    }

    #[track_caller]
    fn check(&self) {
        let ledger = self.engine.audit();
        if let Err(imbalance) = ledger.check() {
            panic!("{imbalance}\n{ledger}\n{ledger:?}");
        }
        let queue = ledger.queue("jobs").unwrap();
        let delivery = queue.delivery.unwrap();
        assert_eq!(queue.published.total(), self.accepted);
        assert_eq!((queue.handled, delivery), (delivery.acked, self.deliveries.ledger()));
        let seen = self.seen.lock().unwrap();
        assert_eq!(delivery.deliveries, seen.attempts.values().map(|&count| u64::from(count)).sum::<u64>());
        assert_eq!((delivery.refused_duplicate, delivery.expired + delivery.dropped()), (seen.duplicates, seen.gone));
        assert!(delivery.acked >= seen.acked.len() as u64);
        if delivery.redriven == 0 {
            assert!(seen.attempts.values().all(|&count| count <= self.attempts_max), "too many attempts");
        }
    }

    /// The end, after which nothing is in hand any more.
    fn end(mut self, abort: bool, holds: bool) {
        self.engine.close();
        let mut turns = 0;
        while !abort && turns < 500 && !self.engine.is_drained() {
            turns += 1;
            self.workers.iter_mut().for_each(|worker| _ = worker.poll());
            self.clock.advance(5 * MS);
            self.check();
        }
        let drained = self.engine.is_drained();
        assert!(abort || drained || holds, "it does not end:\n{}", self.engine.audit());
        drop(std::mem::take(&mut self.workers));
        let report = if drained { self.engine.drain(Duration::ZERO) } else { self.engine.abort() };
        report.ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{report}"));
        let queue = report.ledger.queue("jobs").unwrap();
        let delivery = queue.delivery.unwrap();
        assert_eq!((queue.waiting, delivery.in_hand), (0, 0), "{report}");
        // No item is in two places.
        let mut left = self.queue.take_left();
        assert_eq!(left.len() as u64, queue.left);
        let seen = self.seen.lock().unwrap();
        assert!(delivery.redriven > 0 || seen.acked.values().all(|&times| times == 1));
        assert!(left.iter().all(|item| !seen.acked.contains_key(item)), "acked, and handed back");
        left.sort_unstable();
        left.dedup();
        assert_eq!(left.len() as u64, queue.left, "handed back twice");
        // The dead letters are there still.
        let (displaced, purged): (u64, u64) = (0..self.deliveries.handlers())
            .map(|nth| {
                let ask = |tracker: &mut ringway::worker::OwnedTracker<u64, u64>, _| {
                    let letters = tracker.dead_letters();
                    (letters.displaced(), letters.purged())
                };
                self.deliveries.ask(nth, ask).recv().unwrap()
            })
            .fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let letters = self.deliveries.dead_letters(|id, _| id).len() as u64;
        assert_eq!(letters + displaced + purged + delivery.redriven, delivery.dead);
    }
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_delivery_is_accounted_for(shape in shape()) {
        let mut run = Run::new(&shape);
        for step in &shape.steps {
            run.step(step);
            run.check();
        }
        run.end(shape.abort, shape.rules.dead_letters.when_full == WhenFull::Hold);
    }
}
