//! A handler that does as its items say, at a queue whose workers and whose time the test turns.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ringway::{
    Engine,
    delivery::{Answer, Backoff, DeadLetters, Effect, Envelope, Id, Jitter, Retry, Rules},
    engine::Deliveries,
    router::Queue,
    time::Manual,
    worker::{Deferred, DeliveryHandler, End, Failure, Leased, OnPanic, Worker},
};

use super::{BOOM, poll_all, quiet_booms};

pub(super) const MS: Duration = Duration::from_millis(1);

pub(super) type Log = Arc<Mutex<Vec<String>>>;

pub(super) fn note(log: &Log, what: impl ToString) {
    log.lock().unwrap().push(what.to_string());
}

pub(super) fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

/// Retries after 10 ms, three attempts.
pub(super) fn rules() -> Rules {
    let backoff = Backoff::Fixed(10 * MS);
    Rules { retry: Retry { backoff, jitter: Jitter::None, attempts_max: 3, ..Retry::default() }, ..Rules::default() }
}

/// Fails, panics, defers as items ask; writes down what it sees.
struct Obedient {
    log: Log,
    deferred: mpsc::Sender<Deferred<&'static str>>,
}

impl DeliveryHandler<&'static str, &'static str> for Obedient {
    fn handle(&mut self, item: &mut Leased<'_, &'static str, &'static str>) -> Answer<&'static str> {
        note(&self.log, format!("{} {}", **item, item.attempt()));
        match (**item, item.attempt()) {
            ("fail once", 1) | ("fail" | "id 7 fails", _) => Answer::Nack("failed"),
            ("reject", _) => Answer::Reject("rejected"),
            ("panic once", 1) | ("panic", _) => std::panic::panic_any(BOOM),
            ("defer" | "id 7 defers", _) => {
                self.deferred.send(item.defer()).unwrap();
                Answer::Ack
            }
            ("defer longer", _) => {
                let mut deferred = item.defer();
                deferred.extend(100 * MS).unwrap();
                self.deferred.send(deferred).unwrap();
                Answer::Ack
            }
            _ => Answer::Ack,
        }
    }

    fn effect(&mut self, effect: Effect<&'static str>, letters: &mut DeadLetters<&'static str, &'static str>) {
        if let Effect::Dead { letter, .. } = effect {
            let letter = letters.peek(letter).unwrap();
            note(&self.log, format!("{} died of {:?} {:?}", letter.envelope.payload, letter.reason, letter.error));
        }
    }

    fn duplicate(&mut self, envelope: Envelope<&'static str>) {
        note(&self.log, format!("{} again", envelope.payload));
    }

    fn failed(&mut self, item: &&'static str, failure: &Failure) {
        note(&self.log, format!("{item} {} {:?} {:?}", failure.attempt, failure.key, failure.action));
    }

    fn ended(&mut self, end: End) {
        note(&self.log, end);
    }
}

/// What a test of one queue needs.
pub(super) struct Bench {
    pub(super) engine: Engine,
    pub(super) workers: Vec<Worker>,
    clock: Manual,
    pub(super) queue: Queue<&'static str>,
    pub(super) deliveries: Deliveries<&'static str, &'static str>,
    log: Log,
    pub(super) deferred: mpsc::Receiver<Deferred<&'static str>>,
}

impl Bench {
    pub(super) fn new(rules: Rules, on_panic: OnPanic) -> Self {
        quiet_booms();
        let clock = Manual::new();
        let engine = Engine::builder().workers(1).by_hand().clock(clock.clone()).start().unwrap();
        let workers = engine.take_workers();
        let queue = engine.queue("jobs").open().unwrap();
        let log = Log::default();
        let (told, deferred) = mpsc::channel();
        let (made, told) = (Arc::clone(&log), Mutex::new(told));
        let deliveries = engine
            .consume(&queue)
            .on_panic(on_panic)
            .deliver(rules)
            .envelope(|item: &'static str| Envelope {
                key: Some(item.len() as u64),
                id: item.strip_prefix("id ").map(|rest| Id::from(u64::from(rest.as_bytes()[0]) - u64::from(b'0'))),
                priority: u8::from(!item.starts_with("urgent")),
                ..Envelope::new(item)
            })
            .handle(move |_| Obedient { log: Arc::clone(&made), deferred: told.lock().unwrap().clone() })
            .unwrap();
        Self { engine, workers, clock, queue, deliveries, log, deferred }
    }

    pub(super) fn publish(&mut self, items: &[&'static str]) -> Vec<String> {
        let mut publisher = self.queue.publisher();
        items.iter().for_each(|&item| publisher.try_publish(&0_u32, item).unwrap());
        self.poll()
    }

    pub(super) fn after(&mut self, time: Duration) -> Vec<String> {
        self.clock.advance(time);
        self.poll()
    }

    pub(super) fn poll(&mut self) -> Vec<String> {
        poll_all(&mut self.workers);
        self.check();
        taken(&self.log)
    }

    #[track_caller]
    fn check(&self) {
        let ledger = self.engine.audit();
        if let Err(imbalance) = ledger.check() {
            panic!("{imbalance}\n{ledger}\n{ledger:?}");
        }
    }
}
