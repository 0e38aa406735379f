//! Fits a queue to the loops of a row, and turns what the threads saw into one figure.

use std::{
    array,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use super::{
    asleep::{self, Sleeper},
    check::{self, Exact, Growing, PRODUCERS_MAX, Tally, words},
    crew::{self, End, Job, Ran, Regime, Role},
    drive::{Ends, Get, Polling, Put},
    figure::{self, Figure, clock},
    keyed::{OfOneShard, SHARDS, Sharded, quota},
    loops::{self, Drain},
};
use crate::harness::{
    open::distribution::Distribution,
    queue::{Payload, PushMany, Queue, Shape, Take, open_elsewhere},
    rows::{Calls, Row, Topology},
};

/// The share of a CPU's time that others may have had.
pub(crate) const TAKEN_MAX: f64 = 0.05;

/// One figure, with what stood beside it.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// ns an item, a pair, or (the median) a round trip or a hop.
    pub(crate) ns: f64,
    /// The 99th percentile, where there is one.
    pub(crate) p99_ns: Option<f64>,
    /// How long the burst took.
    pub(crate) elapsed_ns: f64,
    /// ns of a raw round trip, before and after.
    pub(crate) probes: [f64; 2],
    /// The share of the time that others had one of the CPUs.
    pub(crate) taken: f64,
    /// CPU seconds a second, where the row asks for them.
    pub(crate) cpu: Option<f64>,
    /// All of its times, where it has many; whoever keeps samples takes them out, and merges them.
    pub(crate) times: Option<Box<Distribution>>,
}

impl Sample {
    /// Figures of a sample, and what stood beside them.
    pub(crate) fn new(ns: f64, p99_ns: Option<f64>, ran: &Ran) -> Self {
        let elapsed_ns = ran.elapsed.as_nanos() as f64;
        Self { ns, p99_ns, elapsed_ns, probes: ran.probes, taken: ran.taken, cpu: None, times: None }
    }

    /// How far the CPUs were from each other; `None` if that changed meanwhile, or if the CPUs were not ours alone.
    pub(crate) fn regime(&self) -> Option<Regime> {
        let [before, after] = self.probes.map(Regime::of);
        (before == after && !self.is_disturbed()).then_some(before)
    }

    /// Whether others had so much of a CPU that the sample says little about the queue.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.taken > TAKEN_MAX
    }
}

/// What became of a try to measure.
#[derive(Debug, Clone)]
pub(crate) enum Outcome<S = Sample> {
    /// It was measured, and the stream was whole.
    Measured(S),
    /// The stream was not whole, or the contender panicked.
    Fault(String),
    /// The deadline passed.
    Hung {
        /// What was seen.
        what: String,
        /// Threads that never came back.
        stuck: usize,
        /// Those of them that use a CPU.
        burning: usize,
    },
}

/// One thread, push and pop by turns.
pub(crate) fn pair<T: Payload, P: Put<T>, C: Get<T>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = one(open(&shape(row)));
    let roles: Vec<Role> = vec![Box::new(move |phase| loops::alternate(&mut tx, &mut rx, phase))];
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// One thread, a batch of sends, and out again.
pub(crate) fn send_cost<T: Payload, P: Put<T>, C: Get<T>>(
    open: fn(&Shape) -> Ends<P, C>,
    row: &Row,
    job: &Job,
) -> Outcome {
    let (mut tx, mut rx) = one(open(&shape(row)));
    let batch = row.batch;
    let roles: Vec<Role> = vec![Box::new(move |phase| loops::fill(&mut tx, &mut rx, batch, clock(), phase))];
    conclude(row, crew::run(roles, job), figure::per_batch)
}

/// Producers push, consumers compete for what comes.
pub(crate) fn stream<T: Payload, P: Put<T>, C: Get<T>>(
    open: fn(&Shape) -> Ends<P, C>,
    row: &Row,
    job: &Job,
) -> Outcome {
    assert!(row.producers <= PRODUCERS_MAX, "the check tells {PRODUCERS_MAX} producers apart");
    let (txs, rxs) = open(&shape(row));
    let drains: Arc<[Drain; 2]> = Arc::new(array::from_fn(|_| Drain::new(row.producers, row.consumers)));
    let mut roles: Vec<Role> = Vec::new();
    // Consumers that wait, and don't know how many items are theirs.
    let to_stop = if C::WAITS && row.consumers > 1 { row.consumers } else { 0 };
    for (producer, mut tx) in txs.into_iter().enumerate() {
        let drains = Arc::clone(&drains);
        roles.push(Box::new(move |phase| {
            loops::produce(&mut tx, producer, phase);
            if drains[phase.index].produced() {
                loops::stop(&mut tx, to_stop, phase);
            }
            Tally::default()
        }));
    }
    let producers = row.producers as u64;
    for (consumer, mut rx) in rxs.into_iter().enumerate() {
        let drains = Arc::clone(&drains);
        roles.push(match (row.producers, row.consumers) {
            (1, 1) => Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)),
            (_, 1) => Box::new(move |phase| loops::consume::<T, _, Growing>(&mut rx, phase.items * producers, phase)),
            _ => Box::new(move |phase| {
                let quota = phase.items * producers;
                loops::compete::<T, _, Growing>(&mut rx, consumer, quota, &drains[phase.index], phase)
            }),
        });
    }
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// Producers push to the shard of each item's key, and a thread takes what comes to each shard.
pub(crate) fn keyed<P: Put<u64>, C: Get<u64>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    assert!(row.consumers == SHARDS && row.producers <= PRODUCERS_MAX, "a thread a shard");
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..SHARDS).map(|_| open(&Shape { consumers: 1, ..shape(row) })).unzip();
    let mut shards: Vec<_> = txs.into_iter().map(Vec::into_iter).collect();
    let mut roles: Vec<Role> = Vec::new();
    for producer in 0..row.producers {
        let mut tx = Sharded(shards.iter_mut().filter_map(Iterator::next).collect());
        roles.push(Box::new(move |phase| {
            loops::produce(&mut tx, producer, phase);
            Tally::default()
        }));
    }
    let producers = row.producers as u64;
    for (shard, mut rx) in rxs.into_iter().flatten().enumerate() {
        roles.push(Box::new(move |phase| {
            let quota = quota(shard, producers, phase.first, phase.items);
            loops::consume::<u64, _, OfOneShard>(&mut rx, quota, phase)
        }));
    }
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// One producer and one consumer, many items a call.
pub(crate) fn bulk<Q, T: Payload>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<T, Tx: PushMany<T>, Rx: Take<T>>,
{
    let (mut tx, rx) = one(open_elsewhere::<Q, T>(&shape(row)));
    let mut rx = Polling(rx);
    let batch = row.batch;
    let roles: Vec<Role> = vec![
        Box::new(move |phase| {
            loops::produce_many(&mut tx, batch, phase);
            Tally::default()
        }),
        Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)),
    ];
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// One producer, and consumers that each see every item.
pub(crate) fn broadcast<T: Payload, P: Put<T>, C: Get<T>>(
    open: fn(&Shape) -> Ends<P, C>,
    row: &Row,
    job: &Job,
) -> Outcome {
    let (txs, rxs) = open(&shape(row));
    let mut roles: Vec<Role> = Vec::new();
    for mut tx in txs {
        roles.push(Box::new(move |phase| {
            loops::produce(&mut tx, 0, phase);
            Tally::default()
        }));
    }
    for mut rx in rxs {
        roles.push(Box::new(move |phase| loops::consume::<T, _, Exact>(&mut rx, phase.items, phase)));
    }
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// An item to and fro over two queues.
pub(crate) fn round_trip<T: Payload, P: Put<T>, C: Get<T>>(
    open: fn(&Shape) -> Ends<P, C>,
    row: &Row,
    job: &Job,
) -> Outcome {
    let (mut there_tx, mut there_rx) = one(open(&shape(row)));
    let (mut back_tx, mut back_rx) = one(open(&shape(row)));
    let roles: Vec<Role> = vec![
        Box::new(move |phase| loops::serve(&mut there_tx, &mut back_rx, clock(), phase)),
        Box::new(move |phase| loops::strike_back(&mut back_tx, &mut there_rx, phase)),
    ];
    conclude(row, crew::run(roles, job), figure::per_trip)
}

/// Items for a receiver that sleeps.
pub(crate) fn wake<T: Payload, P: Put<T>, C: Get<T>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = one(open(&shape(row)));
    let (epoch, sleeper) = (Instant::now(), Arc::new(Sleeper::default()));
    let seen = Arc::clone(&sleeper);
    let roles: Vec<Role> = vec![
        Box::new(move |phase| asleep::send_waking(&mut tx, &seen, epoch, phase)),
        Box::new(move |phase| asleep::receive_waking(&mut rx, &sleeper, epoch, phase)),
    ];
    conclude(row, crew::run(roles, job), figure::per_hop)
}

/// Items by a plan, while every CPU is busy with something else.
pub(crate) fn paced<T: Payload, P: Put<T>, C: Get<T>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = one(open(&shape(row)));
    let epoch = Instant::now();
    let over: Arc<[AtomicBool; 2]> = Arc::default();
    let received = Arc::clone(&over);
    let mut roles: Vec<Role> = vec![
        Box::new(move |phase| asleep::send_paced(&mut tx, epoch, phase)),
        Box::new(move |phase| asleep::receive_paced(&mut rx, &received[phase.index], epoch, phase)),
    ];
    for _ in &job.pins {
        let over = Arc::clone(&over);
        roles.push(Box::new(move |phase| {
            asleep::burn(&over[phase.index], phase);
            Tally::default()
        }));
    }
    conclude(row, crew::run(roles, job), figure::per_hop)
}

/// Nothing for a while.
pub(crate) fn idle<T: Payload, P: Put<T>, C: Get<T>>(open: fn(&Shape) -> Ends<P, C>, row: &Row, job: &Job) -> Outcome {
    let (mut tx, mut rx) = one(open(&shape(row)));
    let after = job.burst;
    let roles: Vec<Role> = vec![
        Box::new(move |phase| {
            asleep::send_late(&mut tx, after, phase);
            Tally::default()
        }),
        Box::new(move |phase| asleep::receive_late(&mut rx, phase)),
    ];
    match conclude(row, crew::run(roles, job), figure::per_wait) {
        Outcome::Measured(sample) => {
            Outcome::Measured(Sample { cpu: Some(sample.ns / sample.elapsed_ns.max(1.0)), ..sample })
        }
        other => other,
    }
}

/// What a queue of that row has.
pub(crate) fn shape(row: &Row) -> Shape {
    Shape { producers: row.producers, consumers: row.consumers, capacity: row.capacity, batch: row.batch }
}

fn one<P, C>((mut txs, mut rxs): Ends<P, C>) -> (P, C) {
    let ends = txs.pop().zip(rxs.pop());
    assert!(txs.is_empty() && rxs.is_empty(), "one end of each kind");
    ends.expect("a queue has two ends")
}

/// Roles of a caller's own; ns an item.
pub(crate) fn run_items(roles: Vec<Role>, row: &Row, job: &Job) -> Outcome {
    conclude(row, crew::run(roles, job), figure::per_item)
}

/// The same; the share of an item in the median batch, of what the first seat timed.
pub(crate) fn run_batches(roles: Vec<Role>, row: &Row, job: &Job) -> Outcome {
    conclude(row, crew::run(roles, job), figure::per_batch)
}

/// The same; median and 99th percentile of what the first seat timed.
pub(crate) fn run_trips(roles: Vec<Role>, row: &Row, job: &Job) -> Outcome {
    conclude(row, crew::run(roles, job), figure::per_trip)
}

fn conclude(row: &Row, end: End, figure: fn(&Row, &Ran) -> Figure) -> Outcome {
    match settle(row, end) {
        Outcome::Measured(ran) => match figure(row, &ran) {
            Ok((ns, p99_ns)) => {
                let times = figure::times(row, &ran).map(Box::new);
                Outcome::Measured(Sample { times, ..Sample::new(ns, p99_ns, &ran) })
            }
            Err(why) => Outcome::Fault(why),
        },
        Outcome::Fault(what) => Outcome::Fault(what),
        Outcome::Hung { what, stuck, burning } => Outcome::Hung { what, stuck, burning },
    }
}

/// What a sample's threads brought home, if the streams were whole.
pub(crate) fn settle(row: &Row, end: End) -> Outcome<Ran> {
    let ran = match end {
        End::Ran(ran) => ran,
        End::Panicked(message) => return Outcome::Fault(message),
        End::Hung { disorder: true, taken, .. } => {
            return Outcome::Fault(format!("items out of order, and others never came; {taken} had come"));
        }
        End::Hung { stuck: 0, taken, .. } => {
            let what = format!("no end after the deadline; {taken} items had come");
            return Outcome::Hung { what, stuck: 0, burning: 0 };
        }
        End::Hung { stuck, burning, .. } => {
            let what = format!("{stuck} threads do not return from a call, {burning} of them use a CPU");
            return Outcome::Hung { what, stuck, burning };
        }
    };
    match broken(row, &ran) {
        Some(fault) => Outcome::Fault(fault),
        None => Outcome::Measured(ran),
    }
}

/// What is wrong with the streams of either phase.
fn broken(row: &Row, ran: &Ran) -> Option<String> {
    use Topology::{Broadcast, QueueKeyed, RoundTrip, TopicGates};
    let seats = match row.topology {
        // Who sends also receives; of the tasks of a runtime's thread that goes for all.
        _ if row.calls == Calls::Async => 0..1,
        topology if topology.is_on_one_thread() => 0..1,
        RoundTrip => 0..2,
        // Who takes by how many threads is the contender's to say; who only sends has seen nothing.
        QueueKeyed | TopicGates => 0..ran.tallies.len(),
        _ => row.producers..row.producers + row.consumers,
    };
    let each_sees_all = matches!(row.topology, Broadcast | RoundTrip);
    let mut first = 1;
    for (phase, items) in ran.items.into_iter().enumerate() {
        let expected: Vec<_> = (0..row.producers).map(|producer| words(producer, first, items)).collect();
        let seen: Vec<&Tally> = ran.tallies[seats.clone()].iter().map(|tallies| &tallies[phase]).collect();
        if let Some(fault) = check::fault(&seen, &expected, each_sees_all) {
            return Some(fault);
        }
        first += items;
    }
    None
}
