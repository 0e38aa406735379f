//! Commands: each item goes to one handler.
//!
//! A queue is *keyed* (each shard has one owner, so the items of a key are handled in order) or *shared* (every worker
//! takes from any shard, its own first). Its [`Order`] says which ring is behind a shard, its [`Policy`] what happens when
//! there is no room.

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use super::{
    Bells, Held, Key, Name, OpenError, Policy, Published, SHARDS_MAX, Shape,
    bells::put_when_room,
    error::PublishError,
    plan::{Order, QueuePlan as Plan, Sharing},
    roll::{Roll, Sheet},
    sealed::Sealed,
    shard_of,
};
use crate::ring::{Capacity, Closes, Consumer, Displace, DisplaceError, PopError, Producer, PushError, lanes, mpmc};
use crate::sync::{Counter, Mutex, MutexGuard};
use crate::wait::{Park, Signal};

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
    line: Line<T>,
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
        let ends = || -> Result<_, OpenError> {
            Ok(Mutex::new(match plan.order {
                Order::Total => {
                    let (producer, consumer) = mpmc(capacity)?;
                    Ends { line: Line::Total(producer), intake: Some(Intake::Total(consumer)) }
                }
                Order::PerPublisher => {
                    let (producer, consumer) = lanes(capacity)?;
                    Ends { line: Line::PerPublisher(producer), intake: Some(Intake::PerPublisher(consumer)) }
                }
            }))
        };
        let shards = (0..plan.shards).map(|_| ends()).collect::<Result<_, _>>()?;
        let (roll, left, left_total) = (Roll::new(plan.shards), Mutex::new(Vec::new()), Counter::default());
        let (bells, handlers) = ((0..plan.shards).map(|_| Arc::default()).collect(), Mutex::new(0));
        Ok(Self { core: Arc::new(Core { name, plan, shards, bells, roll, left, left_total, handlers }) })
    }

    /// A new publisher.
    ///
    /// # Cost
    /// Two allocations, and a lane a shard with [`Order::PerPublisher`].
    pub fn publisher(&self) -> Publisher<T> {
        let line = |shard| (self.ends(shard).line.clone(), Arc::clone(&self.core.bells[shard]));
        let lines = (0..self.shards()).map(line).collect();
        Publisher { lines, sheet: self.core.roll.join(), next: 0, park: Park::default(), queue: self.clone() }
    }

    /// Refuses whatever is published from now on; what was accepted will be handled.
    pub fn close(&self) {
        for shard in 0..self.shards() {
            self.ends(shard).line.close();
            self.bells(shard).items.notify_all();
            self.bells(shard).room.notify_all();
        }
    }

    /// Items in a shard: a true value of now or a moment ago; `None` where only its handler can tell.
    pub fn depth(&self, shard: usize) -> Option<usize> {
        let ends = self.ends(shard);
        match (&ends.intake, &ends.line) {
            (Some(intake), _) => Some(intake.depth()),
            (None, Line::Total(producer)) => Some(producer.depth()),
            // The template's own lane is empty; what the others hold is its owner's to see.
            (None, Line::PerPublisher(_)) => None,
        }
    }

    /// Bytes of heap that the rings hold now.
    pub fn bytes(&self) -> usize {
        (0..self.shards()).map(|shard| self.ends(shard).line.bytes()).sum()
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

/// The end that publishes to a [`Queue`]; `Clone` it for more.
pub struct Publisher<T: Send + 'static> {
    /// Of each shard: the end, and who waits there.
    lines: Box<[(Line<T>, Arc<Bells>)]>,
    sheet: Arc<Sheet>,
    /// The shard whose turn it is for an item without a key.
    next: usize,
    park: Park,
    queue: Queue<T>,
}

impl<T: Send + 'static> Publisher<T> {
    /// Publishes to the shard of `key`, without waiting.
    ///
    /// # Errors
    /// [`PublishError`]; the item comes back in it. With [`Policy::DropNewest`] and [`Policy::DropOldest`] hardly ever `Full`: only
    /// while another thread stands in the middle of taking the oldest item.
    ///
    /// # Cost
    /// One hash of the key (none for a single shard), and one push to the ring. No lock, no allocation.
    #[inline(always)]
    pub fn try_publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        let shard = shard_of(key, self.lines.len());
        self.put(shard, item).inspect_err(|_| self.sheet.refused.add(1))
    }

    /// Publishes to the shard of `key`; waits for room, if that is the queue's policy.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish); with [`Policy::Block`] `Full` only on a thread that runs handlers, with
    /// [`Policy::BlockFor`] also when that time is over.
    #[inline(always)]
    pub fn publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        let shard = shard_of(key, self.lines.len());
        self.put_waiting(shard, item, None)
    }

    /// As [`publish`](Self::publish), and gives up at `until`.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Full` when the time is over.
    pub fn publish_until<K: Key + ?Sized>(&mut self, key: &K, item: T, until: Instant) -> Result<(), PublishError<T>> {
        let shard = shard_of(key, self.lines.len());
        self.put_waiting(shard, item, Some(until))
    }

    /// Publishes an item without a key to the next shard in turn, or to one after it that has room.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish), if every shard refuses.
    pub fn try_publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        let Err(item) = self.push_past_full(item) else { return Ok(()) };
        let shard = self.turn();
        self.put(shard, item).inspect_err(|_| self.sheet.refused.add(1))
    }

    /// As [`try_publish_unkeyed`](Self::try_publish_unkeyed); where no shard has room it waits at the last one, if that is the
    /// queue's policy.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        let Err(item) = self.push_past_full(item) else { return Ok(()) };
        let shard = self.turn();
        self.put_waiting(shard, item, None)
    }

    /// Publishes items from the front of `items` to the shard of `key`, as many as there is room for; returns how many. The
    /// others stay where they are, whatever the queue's [`Policy`] says.
    ///
    /// # Errors
    /// [`PublishError`], if not one of several went in.
    ///
    /// # Cost
    /// One claim of slots for up to 64 items.
    pub fn try_publish_batch<K: Key + ?Sized>(
        &mut self,
        key: &K,
        items: &mut VecDeque<T>,
    ) -> Result<usize, PublishError<()>> {
        let shard = shard_of(key, self.lines.len());
        let accepted = &self.sheet.accepted[shard];
        let mut front = Front { items, taken: |items| accepted.add(items) };
        let (line, bells) = &mut self.lines[shard];
        let pushed = match line {
            Line::Total(producer) => producer.push_iter(&mut front),
            Line::PerPublisher(producer) => producer.push_iter(&mut front),
        };
        bells.items.notify(*pushed.as_ref().unwrap_or(&0), 0);
        pushed.map_err(told)
    }

    /// The queue that it publishes to.
    pub fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    fn turn(&mut self) -> usize {
        let shard = self.next;
        self.next = if shard + 1 == self.lines.len() { 0 } else { shard + 1 };
        shard
    }

    /// Pushes to the next shard in turn that has room, of all but the last one.
    fn push_past_full(&mut self, mut item: T) -> Result<(), T> {
        for _ in 1..self.lines.len() {
            let shard = self.turn();
            item = match self.push(shard, item) {
                Ok(()) => return Ok(()),
                Err(refused) => refused.into_inner(),
            };
        }
        Err(item)
    }

    #[inline(always)]
    fn put(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        match self.push(shard, item) {
            Err(PublishError::Full(item)) => self.put_into_full(shard, item),
            done => done,
        }
    }

    #[inline(always)]
    fn push(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        let (line, bells) = &mut self.lines[shard];
        let pushed = match line {
            Line::Total(producer) => producer.try_push(item),
            Line::PerPublisher(producer) => producer.try_push(item),
        };
        match pushed {
            Ok(()) => {
                bells.items.notify(1, 0);
                self.sheet.accepted[shard].add(1);
                Ok(())
            }
            Err(refused) => Err(told(refused)),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_into_full(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        let dropped = match (self.queue.plan().full, &mut self.lines[shard].0) {
            (Policy::DropNewest, _) => {
                self.sheet.dropped_newest.add(1);
                Some(item)
            }
            (Policy::DropOldest, Line::Total(producer)) => match producer.displace(item) {
                Ok(oldest) => {
                    self.sheet.dropped_oldest.add(u64::from(oldest.is_some()));
                    oldest
                }
                Err(DisplaceError::Busy(item)) => return Err(PublishError::Full(item)),
                Err(DisplaceError::Closed { item, displaced }) => {
                    self.sheet.dropped_oldest.add(u64::from(displaced.is_some()));
                    drop(displaced);
                    return Err(PublishError::Closed(item));
                }
            },
            _ => return Err(PublishError::Full(item)),
        };
        self.sheet.accepted[shard].add(1);
        // Last, since its drop may panic: everything is counted by now.
        drop(dropped);
        Ok(())
    }

    #[inline(always)]
    fn put_waiting(&mut self, shard: usize, item: T, until: Option<Instant>) -> Result<(), PublishError<T>> {
        match self.put(shard, item) {
            Ok(()) => Ok(()),
            Err(PublishError::Full(item)) if self.queue.plan().full != Policy::Reject => self.wait(shard, item, until),
            Err(refused) => {
                self.sheet.refused.add(1);
                Err(refused)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn wait(&mut self, shard: usize, item: T, until: Option<Instant>) -> Result<(), PublishError<T>> {
        let (mut park, bells) = (std::mem::take(&mut self.park), Arc::clone(&self.lines[shard].1));
        let full = self.queue.plan().full;
        let until = match full {
            Policy::BlockFor(time) => until.into_iter().chain(Instant::now().checked_add(time)).min(),
            _ => until,
        };
        // Nobody calls when the thread that takes the oldest item out just now has done so.
        let looks_again = full == Policy::DropOldest;
        // Besides, one worker at least.
        let ends = self.queue.core.roll.publishers() + 1;
        let answer = put_when_room(&mut park, &bells, until, ends, item, |item| (self.put(shard, item), looks_again));
        self.park = park;
        answer.inspect_err(|_| self.sheet.refused.add(1))
    }
}

impl<T: Send + 'static> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        self.queue.publisher()
    }
}

impl<T: Send + 'static> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.queue.core.roll.leave(&self.sheet);
    }
}

impl<T: Send + 'static> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("queue::Publisher").field("queue", self.queue.name()).finish_non_exhaustive()
    }
}

/// The front of a deque as an iterator that says how long it is, and counts what it gave.
pub(super) struct Front<'a, T, C: FnMut(u64)> {
    pub(super) items: &'a mut VecDeque<T>,
    pub(super) taken: C,
}

impl<T, C: FnMut(u64)> Iterator for Front<'_, T, C> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        (self.taken)(1);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.len(), Some(self.items.len()))
    }
}

pub(super) fn told<T>(refused: PushError<T>) -> PublishError<T> {
    match refused {
        PushError::Full(item) => PublishError::Full(item),
        PushError::Closed(item) => PublishError::Closed(item),
    }
}

/// A shard's end for one publisher.
enum Line<T> {
    Total(mpmc::Producer<T>),
    PerPublisher(lanes::Producer<T>),
}

impl<T: Send> Line<T> {
    fn close(&mut self) {
        match self {
            Self::Total(producer) => producer.close(),
            Self::PerPublisher(producer) => producer.close(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Total(producer) => producer.bytes(),
            Self::PerPublisher(producer) => producer.bytes(),
        }
    }
}

impl<T: Send> Clone for Line<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Total(producer) => Self::Total(producer.clone()),
            Self::PerPublisher(producer) => Self::PerPublisher(producer.clone()),
        }
    }
}

/// A shard's end for one handler.
pub(crate) enum Intake<T> {
    Total(mpmc::Consumer<T>),
    PerPublisher(lanes::Consumer<T>),
}

impl<T: Send> Intake<T> {
    #[inline(always)]
    pub(crate) fn pop_each(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        match self {
            Self::Total(consumer) => consumer.pop_each(max, each),
            Self::PerPublisher(consumer) => consumer.pop_each(max, each),
        }
    }

    /// Gives the end up; what a panic left in its hands goes to `each`.
    fn leave_stash(self, each: impl FnMut(T)) {
        match self {
            Self::Total(consumer) => consumer.into_remaining().into_iter().flatten().for_each(each),
            // A lane's consumer takes nothing into its hands.
            Self::PerPublisher(_) => {}
        }
    }

    pub(crate) fn close(&mut self) {
        match self {
            Self::Total(consumer) => consumer.close(),
            Self::PerPublisher(consumer) => consumer.close(),
        }
    }

    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Total(consumer) => consumer.depth(),
            Self::PerPublisher(consumer) => consumer.depth(),
        }
    }
}

impl<T: Send> Clone for Intake<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Total(consumer) => Self::Total(consumer.clone()),
            Self::PerPublisher(consumer) => Self::PerPublisher(consumer.clone()),
        }
    }
}
