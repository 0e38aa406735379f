//! Commands: each item goes to one handler.
//!
//! A queue is *keyed* (each shard has one owner, so the items of a key are handled in order) or *shared* (every worker
//! takes from any shard, its own first). Its [`Order`] says which ring is behind a shard, its [`Policy`] what happens when
//! there is no room.

use std::{fmt, sync::Arc};

use super::{
    Bells, Held, Key, Name, OpenError, Policy, Published, SHARDS_MAX, Shape,
    error::PublishError,
    plan::{Order, QueuePlan as Plan, Sharing},
    roll::Roll,
    sealed::Sealed,
};
use crate::ring::{Capacity, CapacityError, Producer, lanes, mpmc};
use crate::sync::{Counter, Mutex, MutexGuard};
use crate::wait::Signal;

pub(crate) use self::ends::Intake;
use self::ends::Template;
pub use self::publisher::Publisher;

mod ends;
mod publisher;

/// A named, sharded queue of commands. A clone is another handle of the same queue.
pub struct Queue<T> {
    core: Arc<Core<T>>,
}

struct Core<T> {
    name: Name,
    plan: Plan,
    /// The ends that new publishers and handlers are made from. Each lock guards one shard's; control plane: taken when
    /// somebody comes, goes, closes or asks.
    shards: Box<[Mutex<Ends<T>>]>,
    bells: Box<[Arc<Bells>]>,
    roll: Roll,
    /// Guards what was not handled and is to be handed back; control plane: written when a handler ends.
    left: Mutex<Vec<T>>,
    /// Items that were ever there.
    left_total: Counter,
    /// Guards the number of handlers; control plane: they come and go.
    handlers: Mutex<usize>,
}

struct Ends<T> {
    template: Template<T>,
    /// Gone while a handler owns it.
    intake: Option<Intake<T>>,
}

impl<T: Send + 'static> Queue<T> {
    /// Opens a queue by itself. The engine's `queue` does so, and knows it by its name.
    ///
    /// # Errors
    /// [`OpenError`]; it says what to change.
    pub fn open(name: Name, plan: Plan) -> Result<Self, OpenError> {
        if !(1..=SHARDS_MAX).contains(&plan.shards) {
            return Err(OpenError::Shards { asked: plan.shards });
        }
        if plan.full == Policy::DropOldest && plan.order == Order::PerPublisher {
            return Err(OpenError::CannotDisplace { name });
        }
        let capacity = Capacity::at_least(plan.capacity);
        let ends = || -> Result<_, CapacityError> {
            Ok(Mutex::new(match plan.order {
                Order::Total => {
                    let (producer, consumer) = mpmc(capacity)?;
                    Ends { template: Template::Total(producer), intake: Some(Intake::Total(consumer)) }
                }
                Order::PerPublisher => {
                    let (producer, consumer) = lanes(capacity)?;
                    let template = Template::PerPublisher(lanes::Template::of(producer));
                    Ends { template, intake: Some(Intake::PerPublisher(consumer)) }
                }
            }))
        };
        let shards = (0..plan.shards).map(|_| ends()).collect::<Result<_, _>>();
        let shards = shards.map_err(|error| OpenError::Capacity { name: name.clone(), error })?;
        let (roll, left, left_total) = (Roll::new(plan.shards), Mutex::new(Vec::new()), Counter::default());
        let (bells, handlers) = ((0..plan.shards).map(|_| Arc::default()).collect(), Mutex::new(0));
        Ok(Self { core: Arc::new(Core { name, plan, shards, bells, roll, left, left_total, handlers }) })
    }

    /// A new publisher.
    ///
    /// # Cost
    /// A few allocations, one more a shard, and a lane a shard with [`Order::PerPublisher`].
    pub fn publisher(&self) -> Publisher<T> {
        let inlets = (0..self.shards()).map(|shard| self.ends(shard).template.inlet());
        Publisher::new(self.clone(), inlets, self.core.roll.join())
    }

    /// Refuses whatever is published from now on; what was accepted will be handled.
    pub fn close(&self) {
        for shard in 0..self.shards() {
            self.ends(shard).template.close();
            self.bells(shard).items.notify_all();
            self.bells(shard).room.notify_all();
        }
    }

    /// Items in a shard: a true value of now or a moment ago; `None` where only its handler can tell.
    pub fn depth(&self, shard: usize) -> Option<usize> {
        let ends = self.ends(shard);
        match (&ends.intake, &ends.template) {
            (Some(intake), _) => Some(intake.depth()),
            (None, Template::Total(producer)) => Some(producer.depth()),
            // What the lanes hold is for who reads them to see.
            (None, Template::PerPublisher(_)) => None,
        }
    }

    /// Bytes of heap that the rings hold now.
    pub fn bytes(&self) -> usize {
        (0..self.shards()).map(|shard| self.ends(shard).template.bytes()).sum()
    }

    /// What was accepted and never handled: after the handlers of a shard have ended, those items are here, oldest first.
    pub fn take_left(&self) -> Vec<T> {
        std::mem::take(&mut self.left())
    }

    /// The end that hands out a shard's items: of a keyed queue the only one, or `None` if somebody has it.
    pub(crate) fn intake(&self, shard: usize) -> Option<Intake<T>> {
        let mut ends = self.ends(shard);
        match self.plan().sharing {
            Sharing::Keyed => ends.intake.take(),
            Sharing::Shared => ends.intake.clone(),
        }
    }

    /// Gives the end of a shard back.
    pub(crate) fn give_back(&self, shard: usize, intake: Intake<T>) {
        match self.plan().sharing {
            Sharing::Keyed => self.ends(shard).intake = Some(intake),
            Sharing::Shared => intake.leave_stash(|item| self.leave(item)),
        }
    }

    /// A handler comes.
    pub(crate) fn enlist(&self) {
        *self.core.handlers.lock() += 1;
    }

    /// A handler goes. If it was the last one of a shared queue and had to stop, nobody serves the queue, and it closes.
    pub(crate) fn retire(&self, stopped: bool) {
        let mut handlers = self.core.handlers.lock();
        *handlers -= 1;
        if stopped && *handlers == 0 && self.plan().sharing == Sharing::Shared {
            self.close();
        }
    }

    /// Adds an item to those that nobody will handle.
    pub(crate) fn leave(&self, item: T) {
        self.left().push(item);
        self.core.left_total.add(1);
    }

    /// Takes what closed shards without a handler hold over to those that nobody will handle.
    pub(crate) fn leave_all(&self) {
        for shard in 0..self.shards() {
            // Not under the lock, and whichever sharing: nobody takes from it any more.
            let intake = self.ends(shard).intake.take();
            if let Some(mut intake) = intake {
                let _ = intake.pop_each(usize::MAX, |item| self.leave(item));
                self.ends(shard).intake = Some(intake);
            }
        }
    }

    /// Items that nobody handled, taken by the caller meanwhile or not.
    pub(crate) fn left_total(&self) -> u64 {
        self.core.left_total.get()
    }

    /// Who waits at a shard.
    pub(crate) fn bells(&self, shard: usize) -> &Bells {
        &self.core.bells[shard]
    }

    /// An end of a shard's ring, to stand in its way.
    #[cfg(test)]
    pub(crate) fn producer(&self, shard: usize) -> impl Producer<Item = T> + use<T> {
        let Template::Total(producer) = &self.ends(shard).template else { panic!("an order for all publishers") };
        producer.clone()
    }

    fn ends(&self, shard: usize) -> MutexGuard<'_, Ends<T>> {
        self.core.shards[shard].lock()
    }

    fn left(&self) -> MutexGuard<'_, Vec<T>> {
        self.core.left.lock()
    }
}

impl<T> Queue<T> {
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

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", self.name()).field("plan", &self.plan()).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Sealed for Queue<T> {}

impl<T: Send + 'static> Shape for Queue<T> {
    type Payload = T;
    type Item<'a> = Held<'a, T>;
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
