//! What a panic of a handler costs those behind it: from the panic to the next item in the handler's hands, by each policy.
//! The ledger must balance, and the panics counted must be those that happened.
//!
//! Handlers unwind without calling the panic hook: what a program's hook prints is its own affair.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex},
};

use ringway::{
    Engine,
    router::{Held, Queue, queue::Publisher as QueuePublisher},
    worker::{Handler, OnPanic, Pin, Polled, Worker},
};

use crate::harness::{
    entries::{Entry, ours},
    measure::{Check, Exact, Job, Outcome, Phase, Role, Tally, clock, run_trips, words},
    rows::{Row, Topology::Recovery},
};

/// Every so many items the handler panics once.
const PANIC_EVERY: u64 = 16;

/// By each policy that goes on.
pub(super) fn entries() -> Vec<Entry> {
    vec![
        ours("ringway queue, skip", "the item is dropped", &[Recovery], |row, job| run(OnPanic::Skip, row, job)),
        ours("ringway queue, retry", "the item is tried again", &[Recovery], |row, job| {
            run(OnPanic::Retry(1), row, job)
        }),
        ours("ringway queue, restart", "the handler is made anew", &[Recovery], |row, job| {
            run(OnPanic::Restart, row, job)
        }),
    ]
}

/// What outlives the handler.
#[derive(Debug)]
struct Seen {
    check: Exact,
    count: u64,
    /// When the last panic was, and of which item, until the next one is handled.
    fallen: Option<(u64, u64)>,
    trips: Vec<u64>,
}

#[derive(Clone)]
struct Falling(Arc<Mutex<Seen>>);

impl Handler<Queue<u64>> for Falling {
    fn handle(&mut self, item: Held<'_, u64>) {
        let now = clock().raw();
        let mut seen = self.0.lock().expect("it is let go before each panic");
        let fallen = seen.fallen.take();
        if let Some((at, _)) = fallen {
            seen.trips.push(now.wrapping_sub(at));
        }
        // A second attempt is no second item.
        if fallen.is_some_and(|(_, word)| word == *item) {
            return;
        }
        seen.check.see(&*item);
        seen.count += 1;
        if item.is_multiple_of(PANIC_EVERY) {
            seen.fallen = Some((clock().raw(), *item));
            drop(seen);
            resume_unwind(Box::new("on purpose"));
        }
    }
}

/// The worker goes before the engine.
struct Hand {
    worker: Worker,
    engine: Engine,
    publisher: QueuePublisher<u64>,
    panics: u64,
}

fn run(policy: OnPanic, row: &Row, job: &Job) -> Outcome {
    let engine = Engine::builder().workers(1).pin(Pin::None).by_hand().start().expect("an engine");
    let queue = engine.queue::<u64>("jobs").capacity(row.capacity).open().expect("a queue");
    let seen = Seen { check: Exact::new(1), count: 0, fallen: None, trips: Vec::new() };
    let falling = Falling(Arc::new(Mutex::new(seen)));
    let handler = falling.clone();
    engine.consume(&queue).on_panic(policy).handle(move |_| handler.clone()).expect("a handler");
    let worker = engine.take_workers().pop().expect("one worker");
    let mut hand = Hand { worker, engine, publisher: queue.publisher(), panics: 0 };
    let role: Role = Box::new(move |phase| fall(&mut hand, &falling, phase));
    run_trips(vec![role], row, job)
}

/// Publishes and polls until all items are through.
fn fall(hand: &mut Hand, falling: &Falling, phase: &Phase<'_>) -> Tally {
    {
        let mut seen = falling.0.lock().expect("no panic holds it");
        (seen.check, seen.count, seen.trips) = (Exact::new(phase.first), 0, Vec::new());
    }
    for word in words(0, phase.first, phase.items) {
        assert!(hand.publisher.try_publish(&0_u64, word).is_ok(), "room for one item");
        hand.panics += u64::from(word.is_multiple_of(PANIC_EVERY));
        if word.is_multiple_of(PANIC_EVERY * 2) {
            work_off(&mut hand.worker);
        }
        if phase.retry.is_aborted() {
            break;
        }
    }
    work_off(&mut hand.worker);
    let (ledger, failures) = (hand.engine.audit(), hand.engine.failure_count());
    assert!(ledger.check().is_ok() && failures == hand.panics, "{failures} of {} panics: {ledger:?}", hand.panics);
    let mut seen = falling.0.lock().expect("no panic holds it");
    let trips = std::mem::take(&mut seen.trips);
    // Nothing may follow the last panic.
    Tally { trips, ..seen.check.clone().tally(seen.count) }
}

/// Polls until nothing is there.
fn work_off(worker: &mut Worker) {
    while matches!(worker.poll(), Polled::Handled(_)) {}
}
