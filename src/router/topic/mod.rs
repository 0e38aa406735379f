//! Events: every subscription sees every item, by reference.
//!
//! Behind each shard is one `broadcast_multi` ring. Gating subscriptions read it by cursor. Every other subscription has a
//! ring of its own beside it, which publishers feed; they look for new ones at a counter, once an item.

use std::{fmt, sync::Arc};

use super::{
    Bells, Contract, Key, Name, OpenError, PublishError, Published, SHARDS_MAX, Shape, Start,
    plan::TopicPlan as Plan,
    roll::Roll,
    sealed::Sealed,
    side::{Fed, Feeder, side},
};
use crate::ring::{Capacity, CapacityError, Producer, broadcast_multi};
use crate::sync::{Counter, Mutex, MutexGuard, Tally};
use crate::wait::Signal;

mod publisher;
mod record;
mod subscription;

pub use self::{
    publisher::Publisher,
    subscription::{Event, Subscription},
};
pub(crate) use self::{
    record::{Gone, Record, Records, Seen},
    subscription::{Membership, Reader},
};

/// A named, sharded stream of events. A clone is another handle of the same topic.
pub struct Topic<T> {
    core: Arc<Core<T>>,
}

struct Core<T> {
    name: Name,
    plan: Plan,
    /// The ends that publishers and gating subscriptions are made from. Each lock guards one shard's; control plane: taken
    /// when somebody comes, closes or asks.
    shards: Box<[Mutex<broadcast_multi::Producer<T>>]>,
    bells: Box<[Arc<Bells>]>,
    roll: Roll,
    /// Guards the rings beside the topic and the list of all subscriptions; control plane: taken when subscriptions come and
    /// go, when publishers come, and by each publisher once after such a change.
    members: Mutex<Members<T>>,
    /// Counts the changes of the rings beside.
    changes: Counter,
    /// 1 when the topic's own rings are closed: readers of the rings beside look whether they have come to their end.
    closed: Tally,
}

struct Members<T> {
    sides: Vec<Side<T>>,
    records: Records,
    next_id: u64,
    closed: bool,
    leaving: Vec<Leaving<T>>,
}

/// A reader whose subscription is gone, with a publisher in the middle of feeding it: what that brings is counted later.
struct Leaving<T> {
    reader: Reader<T>,
    record: Arc<Record>,
    shard: usize,
}

impl<T: Send + Sync> Leaving<T> {
    /// Counts what is left; gives itself back if more may come.
    fn count(mut self) -> Option<Self> {
        let left = &self.record.shards[self.shard].left;
        let over = self.reader.count_rest(true, |items| left.add(items));
        (!over).then_some(self)
    }
}

/// One subscription's rings beside the topic, a feeder for each shard.
struct Side<T> {
    id: u64,
    feeders: Vec<Feeder<T>>,
}

impl<T: Send + Sync + 'static> Topic<T> {
    /// Opens a topic by itself. The engine's `topic` does so, and knows it by its name.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(name: Name, plan: Plan) -> Result<Self, OpenError> {
        if !(1..=SHARDS_MAX).contains(&plan.shards) {
            return Err(OpenError::Shards { asked: plan.shards });
        }
        let shard = || -> Result<_, CapacityError> {
            let (producer, _) = broadcast_multi(Capacity::at_least(plan.capacity))?;
            Ok(Mutex::new(producer))
        };
        let shards = (0..plan.shards).map(|_| shard()).collect::<Result<_, _>>();
        let shards = shards.map_err(|error| OpenError::Capacity { name: name.clone(), error })?;
        let members =
            Members { sides: Vec::new(), records: Records::default(), next_id: 0, closed: false, leaving: Vec::new() };
        let (roll, members, changes) = (Roll::new(plan.shards), Mutex::new(members), Counter::default());
        let bells = (0..plan.shards).map(|_| Arc::default()).collect();
        let closed = Tally::default();
        Ok(Self { core: Arc::new(Core { name, plan, shards, bells, roll, members, changes, closed }) })
    }

    /// A new publisher.
    ///
    /// # Cost
    /// A few allocations, one more a shard, and those of the rings' ends.
    pub fn publisher(&self) -> Publisher<T> {
        Publisher::new(self.clone(), self.core.roll.join())
    }

    /// A new subscription, which holds what its contract says until it is dropped.
    ///
    /// When this returns, whatever is published afterwards is meant for it.
    ///
    /// # Errors
    /// [`OpenError`]: the topic is closed, or there is no ring of the contract's capacity.
    pub fn subscribe(&self, name: Name, contract: &Contract<T>, start: Start) -> Result<Subscription<T>, OpenError> {
        self.settle();
        let fed = Arc::new(Fed::default());
        let mut members = self.members();
        if members.closed {
            return Err(OpenError::Closed { name: self.name().clone() });
        }
        let (mut readers, mut feeders, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for shard in 0..self.shards() {
            let built = side(contract, self.core.plan.capacity, &fed);
            if let Some((feeder, reader)) = built.map_err(|error| OpenError::Capacity { name: name.clone(), error })? {
                feeders.push(feeder);
                readers.push(reader);
                seen.push(Seen::default());
            } else {
                let mut producer = self.shard(shard);
                let consumer = match start {
                    Start::Newest => producer.join(),
                    Start::Oldest => producer.join_oldest(),
                };
                let position = Tally::default();
                position.set(consumer.sequence());
                seen.push(Seen { from: consumer.sequence(), position, ..Seen::default() });
                readers.push(Reader::Gate(consumer));
            }
        }
        members.next_id += 1;
        let id = members.next_id;
        let contract_text = contract.to_string();
        let fed = (!feeders.is_empty()).then_some(fed);
        let record = Record { id, name, contract: contract_text, shards: seen.into(), fed };
        let record = Arc::new(record);
        members.records.add(Arc::clone(&record));
        if !feeders.is_empty() {
            members.sides.push(Side { id, feeders });
            self.core.changes.add(1);
        }
        drop(members);
        // Where a gate is set it holds publishers up for a moment at an earlier place, and nobody else calls them for that.
        self.core.bells.iter().for_each(|bells| bells.room.notify_all());
        Ok(Subscription::new(self.clone(), record, readers))
    }

    /// Refuses whatever is published from now on; what was accepted will be seen by every subscription, as its contract says.
    pub fn close(&self) {
        let mut members = self.members();
        members.closed = true;
        // The topic's own rings only. Those beside come to their end when nobody is in the middle of feeding them.
        for shard in 0..self.shards() {
            self.shard(shard).close();
        }
        self.core.closed.set(1);
        for bells in &self.core.bells {
            bells.items.notify_all();
            bells.room.notify_all();
        }
    }

    /// Whether nothing will come any more into the rings beside a shard.
    fn has_ended(&self, shard: usize) -> bool {
        self.core.closed.get() > 0 && self.has_ended_for_certain(shard)
    }

    #[cold]
    fn has_ended_for_certain(&self, shard: usize) -> bool {
        // Under the lock that the topic's own rings are closed under: that they are is seen after it.
        let is_closed = self.members().closed;
        is_closed && !self.core.roll.is_fed(shard)
    }

    /// Bytes of heap that the rings hold now.
    pub fn bytes(&self) -> usize {
        let beside: usize = self.members().sides.iter().flat_map(|side| &side.feeders).map(Feeder::bytes).sum();
        beside + (0..self.shards()).map(|shard| self.shard(shard).bytes()).sum::<usize>()
    }

    /// The sequence that a shard's next item gets.
    pub(crate) fn sequence(&self, shard: usize) -> u64 {
        self.shard(shard).sequence()
    }

    /// Items on their way to a subscription in rings of its own, by shard; nothing if it has none, or is gone.
    pub(crate) fn depths_beside(&self, id: u64) -> Vec<u64> {
        let members = self.members();
        let side = members.sides.iter().find(|side| side.id == id);
        side.map_or(Vec::new(), |side| side.feeders.iter().map(|feeder| feeder.depth() as u64).collect())
    }

    /// All subscriptions that ever were.
    pub(crate) fn records(&self) -> Records {
        self.members().records.clone()
    }

    /// Counts what publishers in the middle of feeding have brought meanwhile to those that are gone. Items of the caller's go
    /// here, whose drop may do anything: hold no lock.
    pub(crate) fn settle(&self) {
        let leaving = std::mem::take(&mut self.members().leaving);
        leaving.into_iter().for_each(|leaving| self.count_leaving(leaving));
    }

    /// Counts what is left for a reader that goes, now or when it has come.
    fn count_leaving(&self, leaving: Leaving<T>) {
        if let Some(leaving) = leaving.count() {
            self.members().leaving.push(leaving);
        }
    }

    /// A subscription goes: publishers stop feeding it.
    fn unsubscribe(&self, id: u64) {
        let mut members = self.members();
        if let Some(at) = members.sides.iter().position(|side| side.id == id) {
            members.sides.remove(at);
            self.core.changes.add(1);
        }
    }

    /// Who waits at a shard.
    pub(crate) fn bells(&self, shard: usize) -> &Bells {
        &self.core.bells[shard]
    }

    pub(super) fn shard(&self, shard: usize) -> MutexGuard<'_, broadcast_multi::Producer<T>> {
        self.core.shards[shard].lock()
    }

    fn members(&self) -> MutexGuard<'_, Members<T>> {
        self.core.members.lock()
    }
}

impl<T> Topic<T> {
    /// Its name.
    pub fn name(&self) -> &Name {
        &self.core.name
    }

    /// How it was built.
    pub fn plan(&self) -> Plan {
        self.core.plan
    }

    /// Shards that it has.
    pub fn shards(&self) -> usize {
        self.core.shards.len()
    }

    /// What publishers did so far; exact while none of them works.
    pub fn published(&self) -> Published {
        self.core.roll.published()
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topic").field("name", self.name()).field("plan", &self.plan()).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Sealed for Topic<T> {}

impl<T: Send + Sync + 'static> Shape for Topic<T> {
    type Payload = T;
    type Item<'a> = &'a T;
    type Publisher = Publisher<T>;

    fn publisher(&self) -> Publisher<T> {
        Self::publisher(self)
    }

    fn try_publish<K: Key + ?Sized>(publisher: &mut Publisher<T>, key: &K, item: T) -> Result<(), PublishError<T>> {
        publisher.try_publish(key, item)
    }

    fn name(&self) -> &Name {
        Self::name(self)
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }
}
