//! The engine as it is embedded: publishers that wait for room, workers that sleep when nothing is there.
//!
//! The workers' threads are those of the sample, so that they are pinned, watched and counted like any contender's; what they
//! run is what a thread of the engine's runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    router::{Order, queue::Publisher as QueuePublisher, topic::Publisher as TopicPublisher},
    worker::{Polled, Worker},
};

use super::handler::{Checking, Told, since};
use crate::harness::{
    entries::{Entry, ours},
    measure::{
        Exact, Job, OfOneShard, Outcome, Phase, Put, Retry, Role, SHARDS, Tally, key_of, produce, quota, run_items,
    },
    rows::{
        Calls, Row,
        Topology::{QueueKeyed, TopicGates},
    },
};

/// Workers that share the shards.
const WORKERS: usize = 2;
/// How long a worker sleeps before it looks whether the sample was given up.
const LOOK: Duration = Duration::from_millis(100);

/// ringway's engine.
pub(crate) fn entries() -> Vec<Entry> {
    let entries = [
        ours("ringway queue", "queue of total order: publish; 2 workers", &[QueueKeyed], |row, job| {
            keyed(Order::Total, row, job)
        }),
        ours("ringway queue, lanes", "queue ordered by publisher: publish; 2 workers", &[QueueKeyed], |row, job| {
            keyed(Order::PerPublisher, row, job)
        }),
        ours("ringway topic", "topic: publish; gating handlers on 1 worker", &[TopicGates], gates),
    ];
    entries.into_iter().map(|entry| Entry { calls: Calls::Blocking, ..entry }).collect()
}

impl Put<u64> for QueuePublisher<u64> {
    #[inline(always)]
    fn put(&mut self, word: u64, _retry: &Retry<'_>) -> bool {
        self.publish(&key_of(word), word).is_ok()
    }
}

impl Put<u64> for TopicPublisher<u64> {
    #[inline(always)]
    fn put(&mut self, word: u64, _retry: &Retry<'_>) -> bool {
        self.publish(&0_u64, word).is_ok()
    }
}

fn keyed(order: Order, row: &Row, job: &Job) -> Outcome {
    let engine = Engine::builder().workers(WORKERS).by_hand().start().expect("an engine");
    let queue = engine.queue::<u64>("jobs").shards(SHARDS).order(order);
    let capacity = if order == Order::Total { row.capacity } else { row.capacity / row.producers };
    let queue = queue.capacity(capacity).open().expect("a queue");
    let told: Vec<Arc<Told>> = (0..SHARDS).map(|_| Arc::default()).collect();
    let tell = told.clone();
    let make = move |shard: usize| Checking::<OfOneShard>::new(Arc::clone(&tell[shard]));
    engine.consume(&queue).handle(make).expect("handlers");

    let mut roles: Vec<Role> = Vec::new();
    for producer in 0..row.producers {
        roles.push(producing(queue.publisher(), producer));
    }
    let (served, producers) = (engine.audit().queues.remove(0).shards, row.producers as u64);
    for mut worker in engine.take_workers() {
        let own = served.iter().filter(|served| served.worker == worker.name()).map(|served| served.shard);
        let own: Vec<_> = own.map(|shard| (shard, Arc::clone(&told[shard]))).collect();
        roles.push(Box::new(move |phase| {
            let quota = |shard| quota(shard, producers, phase.first, phase.items);
            let own = own.iter().map(|(shard, told)| (quota(*shard), &**told));
            let seen = serve(&mut worker, &own.collect::<Vec<_>>(), phase);
            let together = |one: Tally, other: Tally| Tally {
                count: one.count + other.count,
                sum: one.sum.wrapping_add(other.sum),
                disorder: one.disorder | other.disorder,
                ..one
            };
            seen.into_iter().fold(Tally::default(), together)
        }));
    }
    run_items(roles, row, job)
}

fn gates(row: &Row, job: &Job) -> Outcome {
    let engine = Engine::builder().workers(1).by_hand().start().expect("an engine");
    let topic = engine.topic::<u64>("events").capacity(row.capacity).open().expect("a topic");
    let told: Vec<Arc<Told>> = (0..row.consumers).map(|_| Arc::default()).collect();
    for (nth, told) in told.iter().enumerate() {
        let handler = Checking::<Exact>::new(Arc::clone(told));
        engine.subscribe(&topic, &format!("s{nth}")).handle(move |_| handler.clone()).expect("a handler");
    }
    let mut worker = engine.take_workers().pop().expect("one worker");
    let serving: Role = Box::new(move |phase| {
        let own: Vec<_> = told.iter().map(|told| (phase.items, &**told)).collect();
        // All of them must have seen the same; the first one speaks for them.
        let agree = |one: Tally, other: Tally| Tally {
            disorder: one.disorder | other.disorder | (one.count ^ other.count) | (one.sum ^ other.sum),
            ..one
        };
        serve(&mut worker, &own, phase).into_iter().reduce(agree).unwrap_or_default()
    });
    run_items(vec![producing(topic.publisher(), 0), serving], row, job)
}

fn producing<P: Put<u64>>(mut publisher: P, producer: usize) -> Role {
    Box::new(move |phase| {
        produce(&mut publisher, producer, phase);
        Tally::default()
    })
}

/// Runs a worker until each handler has seen its quota; what each saw.
fn serve(worker: &mut Worker, handlers: &[(u64, &Told)], phase: &Phase<'_>) -> Vec<Tally> {
    let before: Vec<Tally> = handlers.iter().map(|(_, told)| told.tally()).collect();
    let lacks = |((quota, told), before): (&(u64, &Told), &Tally)| told.count() - before.count < *quota;
    while handlers.iter().zip(&before).any(lacks) {
        if worker.poll_until(Instant::now() + LOOK) != Polled::Idle {
            continue;
        }
        if phase.retry.is_aborted() {
            break;
        }
    }
    handlers.iter().zip(&before).map(|((_, told), before)| since(before, &told.tally())).collect()
}
