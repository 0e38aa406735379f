//! The account of every item: what was accepted is handled, dropped by a policy that says so, left over, or still there.
//!
//! ```text
//! queue         accepted = handled + dropped newest, oldest, by panic + left + waiting
//!               with rules of delivery, handled is acked, and there are besides:
//!               dead, expired, dropped or cancelled, duplicates, in hand
//! subscription  offered  = handled + dropped by panic + lost + merged + passed over + left + waiting
//! ```
//! Both hold at any moment at which nobody publishes and no handler runs; otherwise figures told at different moments meet.

use std::{error::Error, fmt, sync::Arc};

use super::{HandlerRecord, Handlers, Registry, source::ShapeFigures};
use crate::delivery;
use crate::router::{Balance, Fed, Gone, Name, Published, Record, Seen};
use crate::worker::{Desk, End};

/// The account of an engine.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Of each queue.
    pub queues: Vec<QueueLedger>,
    /// Of each topic.
    pub topics: Vec<TopicLedger>,
}

/// The account of a queue.
#[derive(Debug, Clone)]
pub struct QueueLedger {
    /// Its name.
    pub name: Name,
    /// What publishers did.
    pub published: Published,
    /// Items handled.
    pub handled: u64,
    /// Items dropped after a panic.
    pub dropped: u64,
    /// Further attempts, after panics or by rules of delivery.
    pub retried: u64,
    /// Panics.
    pub failures: u64,
    /// Items that were not handled and are, or were, handed back.
    pub left: u64,
    /// What became of the deliveries, if it has rules of delivery.
    pub delivery: Option<delivery::Ledger>,
    /// Items inside. With [`Order::PerPublisher`](crate::router::Order::PerPublisher) only the handler of a shard can count
    /// them: while it is there, this is what remains of the others.
    pub waiting: u64,
    /// What each handler did; of those that are gone, only of the last.
    pub shards: Vec<ShardLedger>,
}

/// The account of a topic.
#[derive(Debug, Clone)]
pub struct TopicLedger {
    /// Its name.
    pub name: Name,
    /// What publishers did.
    pub published: Published,
    /// Slots that publishers claimed and left empty.
    pub tombstones: u64,
    /// Of each subscription that is there, and of the last that went: 64 with those that are there.
    pub subscriptions: Vec<SubscriptionLedger>,
    /// The sums of all subscriptions that went before, as if they were one, whose contract says how many.
    pub gone: Option<SubscriptionLedger>,
}

/// The account of a subscription.
#[derive(Debug, Clone)]
pub struct SubscriptionLedger {
    /// Its name.
    pub name: Name,
    /// Its contract, as text.
    pub contract: String,
    /// Items published while it was there.
    pub offered: u64,
    /// Items handled.
    pub handled: u64,
    /// Items dropped after a panic.
    pub dropped: u64,
    /// Further attempts after panics.
    pub retried: u64,
    /// Panics.
    pub failures: u64,
    /// Items that newer ones displaced, or for which there was no room.
    pub lost: u64,
    /// Items that were merged into newer ones of the same key.
    pub merged: u64,
    /// Items that sampling passed over.
    pub passed_over: u64,
    /// Items that it had not seen when it ended.
    pub left: u64,
    /// Items on their way.
    pub waiting: u64,
    /// Whether a publisher evicted it from some shard.
    pub evicted: bool,
    /// What each shard's handler did; none for a subscription that is polled.
    pub shards: Vec<ShardLedger>,
    /// Items that its readers went past and nobody accounts for; told apart from tombstones by `check`.
    unaccounted: i128,
    /// How often each tombstone may be among them: of several gating subscriptions in one, once for each.
    gates: u64,
}

/// What one handler did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardLedger {
    /// Its shard.
    pub shard: usize,
    /// The worker that serves it.
    pub worker: String,
    /// Items handled.
    pub handled: u64,
    /// Items that wait for it; `None` where only it could count them.
    pub lag: Option<u64>,
    /// Why it ended, if it did.
    pub end: Option<End>,
}

impl QueueLedger {
    /// What became of the items, all but what is waiting.
    fn accounted(&self) -> u64 {
        let Published { dropped_newest, dropped_oldest, .. } = self.published;
        let by_rule =
            self.delivery.map_or(0, |delivery| delivery.taken().saturating_sub(delivery.acked + delivery.handed_back));
        self.handled + self.dropped + dropped_newest + dropped_oldest + self.left + by_rule
    }
}

impl SubscriptionLedger {
    fn accounted(&self) -> u64 {
        self.handled + self.dropped + self.lost + self.merged + self.passed_over + self.left
    }
}

impl TopicLedger {
    /// How evenly the shards were used.
    pub fn balance(&self) -> Option<Balance> {
        Balance::of(&self.published.accepted)
    }

    /// The subscription of this name; the last of several.
    pub fn subscription(&self, name: &str) -> Option<&SubscriptionLedger> {
        self.subscriptions.iter().rev().find(|subscription| subscription.name.as_str() == name)
    }

    /// All of its subscriptions, with those that are gone as one.
    fn all(&self) -> impl Iterator<Item = &SubscriptionLedger> {
        self.subscriptions.iter().chain(&self.gone)
    }
}

impl Ledger {
    pub(super) fn of(registry: &Registry, desks: &[Arc<Desk>]) -> Self {
        let mut ledger = Self { queues: Vec::new(), topics: Vec::new() };
        for source in &registry.sources {
            let own: Vec<_> = registry.handlers.iter().filter(|record| record.source == source.id()).collect();
            let before = registry.gone.get(&source.id()).copied().unwrap_or_default();
            let (name, published) = (source.name().clone(), source.published());
            match source.shape() {
                ShapeFigures::Queue { depths, left } => {
                    ledger.queues.push(queue_ledger(name, published, &depths, left, (before, &own), desks));
                }
                ShapeFigures::Topic { sequences, subscriptions, gone } => {
                    let is_kept = |handler: &&HandlerRecord| {
                        subscriptions.iter().any(|(record, _)| record.id == handler.subscription)
                    };
                    let (own, others): (Vec<_>, Vec<_>) = own.into_iter().partition(is_kept);
                    let gone = (gone.subscriptions > 0).then(|| gone_ledger(&gone, sum(before, &others)));
                    let subscriptions = subscriptions.iter().map(|(record, beside)| {
                        let served: Vec<_> = own.iter().filter(|own| own.subscription == record.id).copied().collect();
                        subscription_ledger(record, beside, &sequences, &served, desks)
                    });
                    let subscriptions = subscriptions.collect();
                    let tombstones = sequences.iter().sum::<u64>().saturating_sub(published.total());
                    ledger.topics.push(TopicLedger { name, published, tombstones, subscriptions, gone });
                }
            }
        }
        ledger
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<&QueueLedger> {
        self.queues.iter().find(|queue| queue.name.as_str() == name)
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&TopicLedger> {
        self.topics.iter().find(|topic| topic.name.as_str() == name)
    }

    /// Whether every item is accounted for.
    ///
    /// # Errors
    /// The first [`Imbalance`]. While somebody publishes or handles it says nothing; afterwards it is a fault of this crate,
    /// or a handler that has not returned.
    pub fn check(&self) -> Result<(), Imbalance> {
        for queue in &self.queues {
            let (accepted, accounted) = (queue.published.total(), queue.accounted() + queue.waiting);
            if accepted != accounted {
                return Err(Imbalance { what: queue.name.to_string(), accepted, accounted });
            }
            if let Some(delivery) = queue.delivery.filter(|delivery| !delivery.balances()) {
                let what = format!("deliveries of {}", queue.name);
                return Err(Imbalance { what, accepted: delivery.accepted, accounted: delivery.accounted() });
            }
        }
        for topic in &self.topics {
            for subscription in topic.all() {
                let accounted = subscription.accounted() + subscription.waiting;
                // Tombstones look like items to a reader that counts by sequence.
                let tombstones = i128::from(topic.tombstones) * i128::from(subscription.gates);
                let explained = (0..=tombstones).contains(&subscription.unaccounted);
                if subscription.offered != accounted || !explained {
                    let what = format!("{} of {}", subscription.name, topic.name);
                    let accepted = (i128::from(accounted) + subscription.unaccounted).max(0) as u64;
                    let accepted = if explained { subscription.offered } else { accepted };
                    return Err(Imbalance { what, accepted, accounted });
                }
            }
        }
        Ok(())
    }

    /// Items that wait somewhere for the slowest: the most of any subscription or queue.
    pub(super) fn lag_max(&self) -> u64 {
        let queues = self.queues.iter().map(|queue| queue.waiting);
        let topics = self.topics.iter().flat_map(TopicLedger::all).map(|subscription| subscription.waiting);
        queues.chain(topics).max().unwrap_or(0)
    }
}

/// What each handler did; `lags` says what waits for each, by shard.
fn shards(own: &[&HandlerRecord], lags: &[Option<u64>], desks: &[Arc<Desk>]) -> Vec<ShardLedger> {
    let shard = |record: &&HandlerRecord| ShardLedger {
        shard: record.shard,
        worker: desks[record.worker].name.clone(),
        handled: record.figures.handled.get(),
        lag: lags.get(record.shard).copied().flatten(),
        end: record.figures.end(),
    };
    own.iter().map(shard).collect()
}

/// What these handlers did, and others before them.
fn sum(before: Handlers, own: &[&HandlerRecord]) -> Handlers {
    own.iter().fold(before, |mut sum, record| {
        sum.add(record);
        sum
    })
}

fn queue_ledger(
    name: Name,
    published: Published,
    depths: &[Option<u64>],
    left: u64,
    (before, own): (Handlers, &[&HandlerRecord]),
    desks: &[Arc<Desk>],
) -> QueueLedger {
    let Handlers { handled, dropped, retried, failures, delivery, .. } = sum(before, own);
    let shards = shards(own, depths, desks);
    let mut ledger =
        QueueLedger { name, published, handled, dropped, retried, failures, left, delivery, waiting: 0, shards };
    let told: Option<u64> = depths.iter().copied().sum();
    ledger.waiting = told.unwrap_or_else(|| ledger.published.total().saturating_sub(ledger.accounted()));
    ledger
}

fn subscription_ledger(
    record: &Record,
    beside: &[u64],
    sequences: &[u64],
    served: &[&HandlerRecord],
    desks: &[Arc<Desk>],
) -> SubscriptionLedger {
    let polled = |figure: fn(&Seen) -> u64| record.shards.iter().map(figure).sum::<u64>();
    let fed = record.fed.as_deref();
    let fed_figure = |figure: fn(&Fed) -> u64| fed.map_or(0, figure);
    let by_handlers = sum(Handlers::default(), served);
    let mut ledger = SubscriptionLedger {
        name: record.name.clone(),
        contract: record.contract.clone(),
        offered: 0,
        handled: by_handlers.handled + polled(|seen| seen.items.get()),
        dropped: by_handlers.dropped,
        retried: by_handlers.retried,
        failures: by_handlers.failures,
        lost: fed_figure(|fed| fed.lost.get()),
        merged: fed_figure(|fed| fed.merged.get()),
        passed_over: fed_figure(|fed| fed.passed_over.get()),
        left: by_handlers.left + polled(|seen| seen.left.get()),
        waiting: 0,
        evicted: record.is_evicted(),
        shards: Vec::new(),
        unaccounted: 0,
        gates: u64::from(fed.is_none()),
    };
    let lags: Vec<Option<u64>> = match fed {
        Some(_) => beside.iter().copied().map(Some).collect(),
        None => {
            let lag = |(seen, &sequence): (&Seen, &u64)| match seen.ended.get() {
                0 => Some(sequence.saturating_sub(seen.position.get())),
                _ => None,
            };
            record.shards.iter().zip(sequences).map(lag).collect()
        }
    };
    ledger.waiting = lags.iter().flatten().sum();
    ledger.shards = shards(served, &lags, desks);
    match fed {
        Some(fed) => ledger.offered = fed.offered.get(),
        None => {
            let passed: u64 = record.shards.iter().map(|seen| seen.position.get() - seen.from).sum();
            ledger.unaccounted = i128::from(passed) - i128::from(ledger.accounted());
            ledger.offered = ledger.accounted() + ledger.waiting;
        }
    }
    ledger
}

/// The subscriptions that are kept no more, as one.
fn gone_ledger(gone: &Gone, by_handlers: Handlers) -> SubscriptionLedger {
    let Gone { subscriptions, gates, offered, passed_over, lost, merged, polled, left, evicted } = *gone;
    let mut ledger = SubscriptionLedger {
        name: "gone".parse().expect("a name"),
        contract: format!("{subscriptions} subscriptions"),
        offered: 0,
        handled: by_handlers.handled + polled,
        dropped: by_handlers.dropped,
        retried: by_handlers.retried,
        failures: by_handlers.failures,
        lost,
        merged,
        passed_over,
        left: by_handlers.left + left,
        waiting: 0,
        evicted,
        shards: Vec::new(),
        unaccounted: 0,
        gates,
    };
    ledger.offered = ledger.accounted();
    ledger.unaccounted = i128::from(offered) - i128::from(ledger.accounted());
    ledger
}

/// Items that nobody accounts for, or that were accounted for twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imbalance {
    /// The queue or subscription.
    pub what: String,
    /// Items that it accepted, or was offered.
    pub accepted: u64,
    /// Items that are accounted for.
    pub accounted: u64,
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} items came in, and {} are accounted for", self.what, self.accepted, self.accounted)
    }
}

impl Error for Imbalance {}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for queue in &self.queues {
            let QueueLedger { name, published, handled, dropped, left, waiting, .. } = queue;
            let Published { dropped_newest, dropped_oldest, .. } = published;
            writeln!(
                f,
                "queue {name}: accepted {} = handled {handled} + dropped newest {dropped_newest} oldest {dropped_oldest} \
                 panicked {dropped} + left {left} + waiting {waiting}",
                published.total()
            )?;
            if let Some(delivery) = &queue.delivery {
                let delivery::Ledger { dead, redriven, expired, refused_duplicate, in_hand, .. } = delivery;
                let delivery::Ledger { deliveries, redeliveries, .. } = delivery;
                writeln!(
                    f,
                    "  + dead {} + expired {expired} + dropped or cancelled {} + duplicates {refused_duplicate} \
                     + in hand {in_hand} ({deliveries} deliveries, {redeliveries} of them again; {dead} died, \
                     {redriven} came back)",
                    dead.saturating_sub(*redriven),
                    delivery.dropped(),
                )?;
            }
        }
        for topic in &self.topics {
            writeln!(
                f,
                "topic {}: accepted {}, refused {}",
                topic.name,
                topic.published.total(),
                topic.published.refused
            )?;
            for subscription in topic.all() {
                let SubscriptionLedger { name, contract, offered, handled, dropped, lost, merged, .. } = subscription;
                let SubscriptionLedger { passed_over, left, waiting, .. } = subscription;
                writeln!(
                    f,
                    "  {name} ({contract}): offered {offered} = handled {handled} + panicked {dropped} + lost {lost} + merged \
                     {merged} + passed over {passed_over} + left {left} + waiting {waiting}"
                )?;
            }
        }
        match self.check() {
            Ok(()) => write!(f, "balanced"),
            Err(imbalance) => write!(f, "NOT BALANCED, unless somebody still publishes or handles: {imbalance}"),
        }
    }
}
