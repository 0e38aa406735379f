//! What the engine adds to its rings: publish → handler beside push → pop of the bare ring, in the same run.
//!
//! Each row times both ways of doing one job, in turns, and prints the medians in ns an item and their ratio. Rows *inline* run
//! on one thread, a burst in and a burst out, and measure instructions; rows *across* run from thread to thread, and measure
//! cache lines as well. What is done with an item is the same on both ways, and so is where its state lies: a sum in memory,
//! told after each batch, by which every sample checks that everything arrived. `cargo bench --bench engine`; `-- --test` runs
//! each once.
#![allow(clippy::type_complexity)]

use std::{
    env,
    hint::black_box,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    ring::{Capacity, CapacityError, Consumer, PopError, Producer, broadcast_multi, lanes, mpmc, spsc},
    router::{Held, Order, Queue, Topic},
    worker::{Handler, Pin, Worker, pin_here},
};

const CAPACITY: usize = 1024;
const BURST: u64 = 64;

struct Size {
    items: u64,
    rounds: usize,
    /// Rows whose names hold this.
    only: String,
}

fn main() {
    let quick = env::args().any(|argument| argument == "--test");
    let only = env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let (items, rounds) = if quick { (10_000, 1) } else { (2_000_000, 15) };
    let size = Size { items, rounds, only };
    println!("{:<34} {:>10} {:>10} {:>7}   (medians, ns an item)", "row", "bare", "engine", "ratio");
    inline_rows(&size);
    across_rows(&size);
    println!("\n{:<34} {:>10}", "row", "ns");
    many_rows(&size);
    subscription_rows(&size);
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn nanos(items: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / items as f64
}

/// Runs both ways in turns, and prints the row.
fn row(name: &str, size: &Size, mut bare: impl FnMut(u64) -> f64, mut engine: impl FnMut(u64) -> f64) {
    if !name.contains(&size.only) {
        return;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        if round % 2 == 0 {
            theirs.push(bare(size.items));
            ours.push(engine(size.items));
        } else {
            ours.push(engine(size.items));
            theirs.push(bare(size.items));
        }
    }
    let (bare, engine) = (median(theirs), median(ours));
    println!("{name:<34} {bare:>10.2} {engine:>10.2} {:>6.2}x", engine / bare);
}

/// An engine of one worker, which is polled by hand or runs on a thread.
fn one_worker(by_hand: bool) -> (Engine, Vec<Worker>) {
    let builder = Engine::builder().workers(1).pin(Pin::Cores(vec![1]));
    let engine = if by_hand { builder.by_hand() } else { builder }.start().expect("an engine");
    let workers = engine.take_workers();
    (engine, workers)
}

/// Adds up what it is handed, and tells the sum after each batch.
#[derive(Clone, Default)]
struct Summing {
    sum: u64,
    told: Arc<AtomicU64>,
}

impl Summing {
    /// Makes handlers that tell the same word.
    fn maker(&self) -> impl Fn(usize) -> Self + Send + Sync + 'static {
        let handler = self.clone();
        move |_shard| handler.clone()
    }

    /// Whether the items up to this one came.
    fn check(&self, items: u64) {
        assert_eq!(self.told.load(Relaxed), items * (items - 1) / 2);
    }

    #[inline]
    fn add(&mut self, item: u64) {
        self.sum += item;
    }

    fn tell(&self) {
        self.told.store(self.sum, Relaxed);
    }
}

impl Handler<Queue<u64>> for Summing {
    #[inline]
    fn handle(&mut self, item: Held<'_, u64>) {
        self.add(*item);
    }

    fn batch(&mut self) {
        self.tell();
    }
}

impl Handler<Topic<u64>> for Summing {
    #[inline]
    fn handle(&mut self, item: &u64) {
        self.add(*item);
    }

    fn batch(&mut self) {
        self.tell();
    }
}

fn inline_rows(size: &Size) {
    let (mut tx, mut rx) = mpmc::<u64>(Capacity::exactly(CAPACITY)).expect("a ring");
    row(
        "inline: queue, mpmc",
        size,
        |items| bursts(items, &mut tx, |handler| rx.pop_each(256, |item| handler.add(item)).expect("a burst")),
        |items| queue_inline(items, Order::Total),
    );
    let (mut tx, mut rx) = lanes::<u64>(Capacity::exactly(CAPACITY)).expect("a ring");
    row(
        "inline: queue, a lane",
        size,
        |items| bursts(items, &mut tx, |handler| rx.pop_each(256, |item| handler.add(item)).expect("a burst")),
        |items| queue_inline(items, Order::PerPublisher),
    );
    let (mut tx, mut rx) = spsc::<u64>(Capacity::exactly(CAPACITY)).expect("a ring");
    row(
        "inline: queue, a lane (bare spsc)",
        size,
        |items| bursts(items, &mut tx, |handler| rx.pop_each(256, |item| handler.add(item)).expect("a burst")),
        |items| queue_inline(items, Order::PerPublisher),
    );
    let (mut tx, mut rx) = broadcast_multi::<u64>(Capacity::exactly(CAPACITY)).expect("a ring");
    row(
        "inline: topic, one gate",
        size,
        |items| bursts(items, &mut tx, |handler| rx.next_each(256, |item| handler.add(*item)).expect("a burst")),
        topic_inline,
    );
}

/// Pushes a burst and takes it out again, until all items are through.
#[inline(never)]
fn bursts<P: Producer<Item = u64>>(items: u64, tx: &mut P, mut take: impl FnMut(&mut Summing) -> usize) -> f64 {
    let mut handler = Summing::default();
    let lent = black_box(&mut handler);
    let time = nanos(items, || {
        for burst in 0..items / BURST {
            for item in 0..BURST {
                tx.try_push(burst * BURST + item).expect("room for a burst");
            }
            assert_eq!(take(lent), BURST as usize);
            lent.tell();
        }
    });
    handler.check(items / BURST * BURST);
    time
}

#[inline(never)]
fn queue_inline(items: u64, order: Order) -> f64 {
    let (engine, mut workers) = one_worker(true);
    let queue = engine.queue::<u64>("jobs").capacity(CAPACITY).order(order).open().expect("a queue");
    let handler = Summing::default();
    engine.consume(&queue).handle(handler.maker()).expect("a handler");
    let mut publisher = queue.publisher();
    let time = nanos(items, || {
        for burst in 0..items / BURST {
            for item in 0..BURST {
                publisher.try_publish(&0_u64, burst * BURST + item).expect("room for a burst");
            }
            workers[0].poll();
        }
    });
    handler.check(items / BURST * BURST);
    time
}

#[inline(never)]
fn topic_inline(items: u64) -> f64 {
    let (engine, mut workers) = one_worker(true);
    let topic = engine.topic::<u64>("events").capacity(CAPACITY).open().expect("a topic");
    let handler = Summing::default();
    engine.subscribe(&topic, "sum").handle(handler.maker()).expect("a handler");
    let mut publisher = topic.publisher();
    let time = nanos(items, || {
        for burst in 0..items / BURST {
            for item in 0..BURST {
                publisher.try_publish(&0_u64, burst * BURST + item).expect("room for a burst");
            }
            workers[0].poll();
        }
    });
    handler.check(items / BURST * BURST);
    time
}

fn across_rows(size: &Size) {
    row("across: queue, mpmc", size, |items| bare_across(items, mpmc), |items| queue_across(items, Order::Total));
    row(
        "across: queue, a lane",
        size,
        |items| bare_across(items, lanes),
        |items| queue_across(items, Order::PerPublisher),
    );
    row(
        "across: queue, a lane (bare spsc)",
        size,
        |items| bare_across(items, spsc),
        |items| queue_across(items, Order::PerPublisher),
    );
    row("across: topic, one gate", size, |items| bare_across(items, broadcast_multi), topic_across);
}

fn bare_across<P, C>(items: u64, ring: fn(Capacity) -> Result<(P, C), CapacityError>) -> f64
where
    P: Producer<Item = u64> + 'static,
    C: Consumer<Item = u64> + 'static,
{
    let (mut tx, mut rx) = ring(Capacity::exactly(CAPACITY)).expect("a ring");
    let start = Arc::new(Barrier::new(2));
    let ready = Arc::clone(&start);
    let consumer = thread::spawn(move || {
        pin_here(1);
        ready.wait();
        let mut handler = Summing::default();
        let lent = black_box(&mut handler);
        loop {
            match rx.pop_each(256, |item| lent.add(item)) {
                Ok(_) => lent.tell(),
                Err(PopError::Empty) => std::hint::spin_loop(),
                Err(PopError::Closed) => return handler,
            }
        }
    });
    pin_here(0);
    start.wait();
    let mut handler = Summing::default();
    let time = nanos(items, || {
        for item in 0..items {
            while tx.try_push(item).is_err() {
                std::hint::spin_loop();
            }
        }
        drop(tx);
        handler = consumer.join().expect("a sum");
    });
    handler.check(items);
    time
}

fn queue_across(items: u64, order: Order) -> f64 {
    let (engine, _) = one_worker(false);
    let queue = engine.queue::<u64>("jobs").capacity(CAPACITY).order(order).open().expect("a queue");
    let handler = Summing::default();
    engine.consume(&queue).handle(handler.maker()).expect("a handler");
    pin_here(0);
    let mut publisher = queue.publisher();
    let mut report = None;
    let time = nanos(items, || {
        for item in 0..items {
            publisher.publish(&0_u64, item).expect("open");
        }
        report = Some(engine.drain(Duration::from_secs(60)));
    });
    assert_eq!(report.expect("a report").ledger.queues[0].handled, items);
    handler.check(items);
    time
}

fn topic_across(items: u64) -> f64 {
    let (engine, _) = one_worker(false);
    let topic = engine.topic::<u64>("events").capacity(CAPACITY).open().expect("a topic");
    let handler = Summing::default();
    engine.subscribe(&topic, "sum").handle(handler.maker()).expect("a handler");
    pin_here(0);
    let mut publisher = topic.publisher();
    let mut report = None;
    let time = nanos(items, || {
        for item in 0..items {
            publisher.publish(&0_u64, item).expect("open");
        }
        report = Some(engine.drain(Duration::from_secs(60)));
    });
    assert_eq!(report.expect("a report").ledger.topics[0].subscriptions[0].handled, items);
    handler.check(items);
    time
}

/// 4 producers, a keyed queue of 4 shards, 2 workers.
fn many_rows(size: &Size) {
    for (name, order) in
        [("4 -> 4 shards -> 2, mpmc", Order::Total), ("4 -> 4 shards -> 2, lanes", Order::PerPublisher)]
    {
        if !name.contains(&size.only) {
            continue;
        }
        let samples = (0..size.rounds).map(|_| {
            let engine = Engine::builder().workers(2).start().expect("an engine");
            let queue = engine.queue::<u64>("jobs").shards(4).capacity(CAPACITY).order(order).open().expect("a queue");
            engine.consume(&queue).handle(|_| |item: Held<'_, u64>| _ = black_box(*item)).expect("handlers");
            nanos(size.items, || {
                thread::scope(|scope| {
                    for producer in 0..4 {
                        let mut publisher = queue.publisher();
                        scope.spawn(move || {
                            for item in 0..size.items / 4 {
                                publisher.publish(&(item * 4 + producer), item).expect("open");
                            }
                        });
                    }
                });
                let report = engine.drain(Duration::from_secs(60));
                assert_eq!(report.ledger.queues[0].handled, size.items / 4 * 4);
            })
        });
        println!("{name:<34} {:>10.2}", median(samples.collect()));
    }
}

/// What publishing costs with 1, 4 and 16 gating subscriptions on 2 threads.
fn subscription_rows(size: &Size) {
    for subscriptions in [1, 4, 16] {
        if !"publish, n gates".contains(&size.only) {
            break;
        }
        let samples = (0..size.rounds).map(|_| {
            let (engine, mut workers) = one_worker(true);
            let topic = engine.topic::<u64>("events").capacity(CAPACITY).open().expect("a topic");
            for nth in 0..subscriptions {
                let handler = |_| |item: &u64| _ = black_box(*item);
                engine.subscribe(&topic, &format!("s{nth}")).handle(handler).expect("a handler");
            }
            let mut publisher = topic.publisher();
            let mut time = Duration::ZERO;
            for burst in 0..size.items / BURST {
                let start = Instant::now();
                for item in 0..BURST {
                    publisher.try_publish(&0_u64, burst * BURST + item).expect("room for a burst");
                }
                time += start.elapsed();
                workers[0].poll();
            }
            time.as_secs_f64() * 1e9 / size.items as f64
        });
        println!("{:<34} {:>10.2}", format!("publish, {subscriptions} gates"), median(samples.collect()));
    }
}
