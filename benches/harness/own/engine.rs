//! Publish → handler beside push → pop of the ring below, and what each further subscription costs.
//!
//! Rows *inline* run on one thread, a burst in and a burst out: they tell of instructions. The others go from thread to thread,
//! and tell of cache lines as well. Workers are polled on the threads of the sample, so that these are pinned, watched and
//! counted like any contender's.

use std::{hint::black_box, sync::Arc};

use ringway::{
    Engine,
    ring::{broadcast_multi::BroadcastMulti, lanes::Lanes, mpmc::Mpmc},
    router::{Order, Queue, Topic, queue::Publisher as QueuePublisher, topic::Publisher as TopicPublisher},
    worker::{Pin, Polled, Worker},
};

use super::handler::{Checking, Told, since};
use crate::harness::{
    adapters::RingwayEach,
    entries::{Entry, ceiling, ours},
    measure::{
        Check, Exact, Job, Outcome, Phase, Role, Tally, clock, polling, run_batches, run_items, shape, stream, words,
    },
    queue::{Push, Queue as Contender, Take},
    rows::{
        Row,
        Topology::{QueueAcross, QueueInline, Subscriptions, TopicAcross, TopicInline},
    },
};

/// Items of a burst.
const BURST: u64 = 64;

/// ringway's engine, and the rings below it.
pub(crate) fn entries() -> Vec<Entry> {
    let bare = |name, topologies, run| Entry {
        package: "ringway",
        ..ceiling(name, "bare: try_push, pop_each", topologies, run)
    };
    let over = |ring, entry| Entry { over: Some(ring), ..entry };
    let (total, lanes) = ("queue of total order: publish, a handler", "queue ordered by publisher: publish, a handler");
    vec![
        bare("(ring mpmc)", &[QueueInline], ring_inline::<RingwayEach<Mpmc>>),
        bare("(ring lanes)", &[QueueInline], ring_inline::<RingwayEach<Lanes>>),
        over(
            "(ring mpmc)",
            ours("ringway queue", total, &[QueueInline], |row, job| queue_inline(Order::Total, row, job)),
        ),
        over(
            "(ring lanes)",
            ours("ringway queue, lanes", lanes, &[QueueInline], |row, job| queue_inline(Order::PerPublisher, row, job)),
        ),
        bare("(ring mpmc)", &[QueueAcross], |row, job| stream(polling::<RingwayEach<Mpmc>, u64>, row, job)),
        bare("(ring lanes)", &[QueueAcross], |row, job| stream(polling::<RingwayEach<Lanes>, u64>, row, job)),
        over(
            "(ring mpmc)",
            ours("ringway queue", total, &[QueueAcross], |row, job| queue_across(Order::Total, row, job)),
        ),
        over(
            "(ring lanes)",
            ours("ringway queue, lanes", lanes, &[QueueAcross], |row, job| queue_across(Order::PerPublisher, row, job)),
        ),
        bare("(ring broadcast_multi)", &[TopicInline], ring_inline::<RingwayEach<BroadcastMulti>>),
        over(
            "(ring broadcast_multi)",
            ours("ringway topic", "topic: publish, one gating handler", &[TopicInline], topic_inline),
        ),
        bare("(ring broadcast_multi)", &[TopicAcross], |row, job| {
            stream(polling::<RingwayEach<BroadcastMulti>, u64>, row, job)
        }),
        over(
            "(ring broadcast_multi)",
            ours("ringway topic", "topic: publish, one gating handler", &[TopicAcross], topic_across),
        ),
        ours("ringway topic", "topic: try_publish; gating handlers", &[Subscriptions], subscriptions),
    ]
}

/// An engine whose workers are polled by hand, and its only worker. The worker goes first.
struct ByHand {
    worker: Worker,
    engine: Engine,
}

impl ByHand {
    fn new() -> Self {
        let engine = Engine::builder().workers(1).pin(Pin::None).by_hand().start().expect("an engine");
        let worker = engine.take_workers().pop().expect("one worker");
        Self { worker, engine }
    }

    fn queue(&self, order: Order, row: &Row, told: &Arc<Told>) -> Queue<u64> {
        let queue = self.engine.queue::<u64>("jobs").capacity(row.capacity).order(order).open().expect("a queue");
        let handler = Checking::<Exact>::new(Arc::clone(told));
        self.engine.consume(&queue).handle(move |_| handler.clone()).expect("a handler");
        queue
    }

    fn topic(&self, row: &Row, told: &[Arc<Told>]) -> Topic<u64> {
        let topic = self.engine.topic::<u64>("events").capacity(row.capacity).open().expect("a topic");
        for (nth, told) in told.iter().enumerate() {
            let handler = Checking::<Exact>::new(Arc::clone(told));
            let subscribing = self.engine.subscribe(&topic, &format!("s{nth}"));
            subscribing.handle(move |_| handler.clone()).expect("a handler");
        }
        topic
    }

    /// Polls until so many items were handled in all: one turn, as a rule, unless its time is over before.
    fn work_off(&mut self, told: &Told, count: u64, phase: &Phase<'_>) {
        while told.count() < count && !phase.retry.is_aborted() {
            self.worker.poll();
        }
    }

    /// Polls until so many items more were handled.
    fn work(&mut self, told: &Told, items: u64, phase: &Phase<'_>) -> Tally {
        let before = told.tally();
        let mut failed = 0;
        while told.count() - before.count < items {
            match self.worker.poll() {
                Polled::Handled(_) => failed = 0,
                Polled::Idle if phase.retry.again(&mut failed) => {}
                Polled::Idle | Polled::Ended => break,
            }
        }
        since(&before, &told.tally())
    }
}

/// Where an item goes, by the call that never waits.
trait Publish: Send + 'static {
    /// False if there is no room.
    fn offer(&mut self, item: u64) -> bool;
}

impl Publish for QueuePublisher<u64> {
    #[inline(always)]
    fn offer(&mut self, item: u64) -> bool {
        self.try_publish(&0_u64, item).is_ok()
    }
}

impl Publish for TopicPublisher<u64> {
    #[inline(always)]
    fn offer(&mut self, item: u64) -> bool {
        self.try_publish(&0_u64, item).is_ok()
    }
}

fn ring_inline<Q: Contender<u64, Tx: Push<u64>, Rx: Take<u64>>>(row: &Row, job: &Job) -> Outcome {
    let (mut txs, mut rxs) = Q::open(&shape(row));
    let (mut tx, mut rx) = txs.pop().zip(rxs.pop()).expect("two ends");
    run_items(vec![Box::new(move |phase| ring_bursts(&mut tx, &mut rx, phase))], row, job)
}

/// Pushes a burst and takes it out again, until all items are through.
#[inline(never)]
fn ring_bursts(tx: &mut impl Push<u64>, rx: &mut impl Take<u64>, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    // In memory, where a handler has it.
    let seen = black_box(&mut check);
    let mut left = words(0, phase.first, phase.items);
    while left.start < left.end && !phase.retry.is_aborted() {
        let end = left.end.min(left.start + BURST);
        (left.start..end).for_each(|word| assert!(tx.try_push(black_box(word)).is_ok(), "room for a burst"));
        let mut taken = 0;
        while taken < end - left.start {
            taken += rx.try_take(|item| seen.see(item)) as u64;
        }
        left.start = end;
    }
    check.tally(left.start - phase.first)
}

fn queue_inline(order: Order, row: &Row, job: &Job) -> Outcome {
    let (hand, told) = (ByHand::new(), Arc::<Told>::default());
    let publisher = hand.queue(order, row, &told).publisher();
    run_items(vec![inline(hand, publisher, told)], row, job)
}

fn topic_inline(row: &Row, job: &Job) -> Outcome {
    let (hand, told) = (ByHand::new(), Arc::<Told>::default());
    let publisher = hand.topic(row, &[Arc::clone(&told)]).publisher();
    run_items(vec![inline(hand, publisher, told)], row, job)
}

/// Publishes a burst and polls the worker, until all items are through.
fn inline<P: Publish>(mut hand: ByHand, mut publisher: P, told: Arc<Told>) -> Role {
    Box::new(move |phase| {
        let before = told.tally();
        let mut left = words(0, phase.first, phase.items);
        while left.start < left.end && !phase.retry.is_aborted() {
            let end = left.end.min(left.start + BURST);
            publish_all(&mut publisher, left.start, end);
            hand.work_off(&told, before.count + end - phase.first, phase);
            left.start = end;
        }
        since(&before, &told.tally())
    })
}

#[inline(never)]
fn publish_all<P: Publish>(publisher: &mut P, start: u64, end: u64) {
    (start..end).for_each(|word| assert!(publisher.offer(black_box(word)), "room for a burst"));
}

fn queue_across(order: Order, row: &Row, job: &Job) -> Outcome {
    let (hand, told) = (ByHand::new(), Arc::<Told>::default());
    let publisher = hand.queue(order, row, &told).publisher();
    run_items(across(hand, publisher, told), row, job)
}

fn topic_across(row: &Row, job: &Job) -> Outcome {
    let (hand, told) = (ByHand::new(), Arc::<Told>::default());
    let publisher = hand.topic(row, &[Arc::clone(&told)]).publisher();
    run_items(across(hand, publisher, told), row, job)
}

/// One thread publishes, the other polls the worker.
fn across<P: Publish>(mut hand: ByHand, mut publisher: P, told: Arc<Told>) -> Vec<Role> {
    vec![
        Box::new(move |phase| {
            send_all(&mut publisher, phase);
            Tally::default()
        }),
        Box::new(move |phase| hand.work(&told, phase.items, phase)),
    ]
}

#[inline(never)]
fn send_all<P: Publish>(publisher: &mut P, phase: &Phase<'_>) {
    for word in words(0, phase.first, phase.items) {
        let mut failed = 0;
        while !publisher.offer(word) {
            if !phase.retry.again(&mut failed) {
                return;
            }
        }
    }
}

/// Publishes bursts, timed, that are handled in between, untimed, by as many subscriptions as the row has consumers.
fn subscriptions(row: &Row, job: &Job) -> Outcome {
    let mut hand = ByHand::new();
    let told: Vec<Arc<Told>> = (0..row.consumers).map(|_| Arc::default()).collect();
    let mut publisher = hand.topic(row, &told).publisher();
    let batch = row.batch as u64;
    let role: Role = Box::new(move |phase| {
        let before: Vec<Tally> = told.iter().map(|told| told.tally()).collect();
        let mut trips = Vec::with_capacity((phase.items / batch) as usize + 1);
        let mut left = words(0, phase.first, phase.items);
        while left.start < left.end && !phase.retry.is_aborted() {
            let end = left.end.min(left.start + batch);
            let start = clock().raw();
            publish_all(&mut publisher, left.start, end);
            trips.push(clock().raw().wrapping_sub(start));
            for (before, told) in before.iter().zip(&told) {
                hand.work_off(told, before.count + end - phase.first, phase);
            }
            left.start = end;
        }
        let seen: Vec<Tally> = before.iter().zip(&told).map(|(before, told)| since(before, &told.tally())).collect();
        // All of them must have seen the same; the first one speaks for them.
        let disorder = seen.iter().fold(0, |disorder, tally| {
            disorder | tally.disorder | (tally.count ^ seen[0].count) | (tally.sum ^ seen[0].sum)
        });
        Tally { count: seen[0].count, sum: seen[0].sum, disorder, trips, ..Tally::default() }
    });
    run_batches(vec![role], row, job)
}
