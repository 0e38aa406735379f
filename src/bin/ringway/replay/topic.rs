//! Rows through the engine: one topic, its subscriptions on pinned workers, and the account at the end.

use std::{
    fs,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use ringway::{
    Engine,
    engine::{Ledger, Settings, SubscriptionLedger, TopicLedger},
    router::{Key, PublishError, Topic, topic::Publisher},
    worker::{End, Handler, Pin, Pinned, cpus_granted},
};

use crate::{args, fault::Fault, show};

use super::{row::Row, witness::Witness};

const NAME: &str = "rows";

/// A topic that is published to.
pub(crate) struct Running {
    engine: Engine,
    topic: Topic<Row>,
    publisher: Publisher<Row>,
    is_keyed: bool,
    subscriptions: Vec<args::Subscription>,
    seen: Receiver<Seen>,
}

/// What became of the rows.
pub(crate) struct Outcome {
    ledger: Ledger,
    /// The witnesses of each subscription, by shard; fewer where a handler has not returned.
    witnesses: Vec<Vec<Witness>>,
    /// Threads that hang in a handler.
    pub(crate) stuck: Vec<String>,
}

/// What one handler saw, told at its end.
struct Seen {
    subscription: usize,
    shard: usize,
    witness: Witness,
}

/// A witness at work.
struct Witnessing {
    subscription: usize,
    shard: usize,
    witness: Option<Witness>,
    tell: Sender<Seen>,
}

impl Handler<Topic<Row>> for Witnessing {
    #[inline]
    fn handle(&mut self, row: &Row) {
        if let Some(witness) = &mut self.witness {
            witness.see(row);
        }
    }

    fn ended(&mut self, _: End) {
        let Self { subscription, shard, .. } = *self;
        if let Some(witness) = self.witness.take() {
            // Nobody is there to be told when the program is giving up.
            let _ = self.tell.send(Seen { subscription, shard, witness });
        }
    }
}

impl Running {
    /// Starts workers and attaches a handler for each subscription and shard. `start` is when the run begins.
    ///
    /// # Errors
    /// A [`Fault`], if the engine can't be had like this.
    pub(crate) fn start(
        told: &args::Replay,
        subscriptions: Vec<args::Subscription>,
        is_keyed: bool,
        start: Instant,
    ) -> Result<Self, Fault> {
        check_memory(told)?;
        // The publisher and the reader want a CPU, too.
        let workers = cpus_granted().saturating_sub(1).max(1);
        let settings = Settings::from_environment().fallback(&["workers"], workers).fallback(&["pin"], Pin::Spread);
        let mut builder = Engine::builder().settings(settings);
        if let Some(workers) = told.workers {
            builder = builder.workers(workers.into());
        }
        if let Some(pin) = &told.pin {
            builder = builder.pin(pin.clone());
        }
        let fault = |error: &dyn std::error::Error| Fault::new(error.to_string());
        let engine = builder.start().map_err(|error| fault(&error))?;
        let opening = engine.topic::<Row>(NAME).shards(told.shards.into()).capacity(told.capacity as usize);
        let topic = opening.open().map_err(|error| fault(&error))?;
        let (tell, seen) = channel();
        // A histogram of three digits takes some 200 kB.
        let witnesses = subscriptions.len() * topic.shards();
        let digits = if witnesses <= 256 { 3 } else { 2 };
        for (nth, subscription) in subscriptions.iter().enumerate() {
            let (tell, cost) = (tell.clone(), subscription.cost);
            let make = move |shard| {
                let witness = Some(Witness::new(start, cost, digits));
                Witnessing { subscription: nth, shard, witness, tell: tell.clone() }
            };
            let subscribing = engine.subscribe(&topic, subscription.name.as_str());
            let attached = subscribing.contract(subscription.contract.clone()).handle(make);
            attached.map_err(|error| fault(&error))?;
        }
        let publisher = topic.publisher();
        Ok(Self { engine, topic, publisher, is_keyed, subscriptions, seen })
    }

    /// Shards, slots of one, bytes of all rings, and where the workers run.
    pub(crate) fn told(&self) -> String {
        let plan = self.topic.plan();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let pinned = self.engine.pinned();
        format!(
            "{} shard{} of {} rows ({}); {} worker{}: {}",
            plan.shards,
            plural(plan.shards),
            show::count(plan.capacity as u64),
            show::bytes(self.topic.bytes() as f64),
            pinned.len(),
            plural(pinned.len()),
            places(&pinned),
        )
    }

    /// Publishes a row, and waits for room up to `until`; the row comes back if there is none by then.
    #[inline]
    pub(crate) fn publish(&mut self, row: Row, until: Instant) -> Option<Row> {
        if self.is_keyed {
            let key = Hashed(row.key().hash64());
            return self.publisher.publish_until(&key, row, until).err().map(PublishError::into_inner);
        }
        let mut row = row;
        // Any shard will do, so one that is full holds nothing up.
        while let Err(refused) = self.publisher.try_publish_unkeyed(row) {
            row = refused.into_inner();
            if Instant::now() >= until {
                return Some(row);
            }
            thread::yield_now();
        }
        None
    }

    /// Refuses further rows, so that the handlers can come to their end.
    pub(crate) fn close(&self) {
        self.engine.close();
    }

    /// Whether it is closed, and every row has been handled.
    pub(crate) fn is_drained(&self) -> bool {
        self.engine.is_drained()
    }

    /// Ends it, and accounts for every row. What is not handled by now is left.
    pub(crate) fn finish(self) -> Outcome {
        let Self { engine, topic, publisher, subscriptions, seen, .. } = self;
        drop(publisher);
        // Whoever waited for the end has done so.
        let report = engine.drain(Duration::ZERO);
        drop(topic);
        let mut witnesses: Vec<Vec<(usize, Witness)>> = subscriptions.iter().map(|_| Vec::new()).collect();
        while let Ok(Seen { subscription, shard, witness }) = seen.try_recv() {
            witnesses[subscription].push((shard, witness));
        }
        let sorted = |mut seen: Vec<(usize, Witness)>| {
            seen.sort_by_key(|&(shard, _)| shard);
            seen.into_iter().map(|(_, witness)| witness).collect()
        };
        Outcome { ledger: report.ledger, witnesses: witnesses.into_iter().map(sorted).collect(), stuck: report.stuck }
    }
}

/// Where workers run: the CPUs, and what kept the others from one.
fn places(pinned: &[Pinned]) -> String {
    let mut cpus: Vec<usize> = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for place in pinned {
        match place {
            Pinned::On(cpu) => cpus.push(*cpu),
            other => others.push(other.to_string()),
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    others.dedup();
    let on = match cpus.len() {
        0 => None,
        1 => Some(format!("on CPU {}", cpus[0])),
        _ => Some(format!("on CPUs {}", show::cpus(&cpus))),
    };
    on.into_iter().chain(others).collect::<Vec<_>>().join("; ")
}

/// Refuses rings that would take more than half of the memory that is free.
fn check_memory(told: &args::Replay) -> Result<(), Fault> {
    let free = memory_free().unwrap_or(8 << 30);
    let wanted = u64::from(told.shards) * u64::from(told.capacity).next_power_of_two() * size_of::<Row>() as u64;
    if wanted <= free / 2 {
        return Ok(());
    }
    Err(Fault::new(format!(
        "--shards {} with --capacity {} would take {} of {} that are free; use less of one",
        told.shards,
        told.capacity,
        show::bytes(wanted as f64),
        show::bytes(free as f64),
    )))
}

/// Bytes of memory that can be had, where the system tells.
fn memory_free() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A key that has been hashed.
struct Hashed(u64);

impl Key for Hashed {
    fn hash64(&self) -> u64 {
        self.0
    }
}

impl Outcome {
    pub(crate) fn topic(&self) -> &TopicLedger {
        self.ledger.topic(NAME).expect("the topic was opened")
    }

    /// Each subscription's account, and what its handlers saw.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = (&SubscriptionLedger, &[Witness])> {
        self.topic().subscriptions.iter().zip(self.witnesses.iter().map(Vec::as_slice))
    }

    /// What does not add up.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.ledger.check().err().iter().map(ToString::to_string).collect();
        for (ledger, witnesses) in self.subscriptions() {
            let seen: u64 = witnesses.iter().map(|witness| witness.rows).sum();
            if seen != ledger.handled {
                faults.push(format!(
                    "{}: the ledger has {} rows handled, its handlers {seen}",
                    ledger.name, ledger.handled
                ));
            }
        }
        faults
    }
}

/// The latencies of all shards.
pub(crate) fn latency(witnesses: &[Witness]) -> Histogram<u64> {
    let mut all = Histogram::new(3).expect("the digits are allowed");
    for witness in witnesses {
        all.add(&witness.latency).expect("a histogram that resizes itself takes every value");
    }
    all
}
