//! The end that publishes to a topic.

use std::{collections::VecDeque, fmt, mem, sync::Arc, time::Instant};

use super::{Feeder, Topic};
use crate::ring::{Producer, broadcast_multi};
use crate::router::{
    Bells, Key, PublishError,
    bells::Bed,
    publishing::{Front, Publishing, told},
    roll::{Accepted, Sheet},
    sealed::Publishes,
    shard_of,
    side::{Lost, push_all, room_for_all},
};
use crate::wait::{Deadline, Signal};

/// The end that publishes to a [`Topic`]; `Clone` it for more.
pub struct Publisher<T: Send + Sync + 'static> {
    lines: Box<[Line<T>]>,
    sheet: Arc<Sheet>,
    /// The shard whose turn it is for an item without a key.
    next: usize,
    /// The count of changes of the rings beside, as of when they were looked at.
    changes: u64,
    bed: Bed,
    topic: Topic<T>,
}

/// A shard's ends for one publisher.
struct Line<T> {
    main: broadcast_multi::Producer<T>,
    beside: Vec<Feeder<T>>,
    /// What was overwritten, and what the rings beside had no place for, until it is counted.
    lost: Lost<T>,
    bells: Arc<Bells>,
    accepted: Accepted,
}

impl<T: Send + Sync + 'static> Publisher<T> {
    pub(super) fn new(topic: Topic<T>, sheet: Arc<Sheet>) -> Self {
        let line = |shard: usize| Line {
            main: topic.shard(shard).clone(),
            beside: Vec::new(),
            lost: Lost::new(),
            bells: Arc::clone(&topic.core.bells[shard]),
            accepted: Arc::clone(&sheet.accepted[shard]),
        };
        let lines = (0..topic.shards()).map(line).collect();
        let mut publisher = Self { lines, sheet, next: 0, changes: 0, bed: Bed::default(), topic };
        publisher.look();
        publisher
    }

    /// Publishes to the shard of `key`, without waiting.
    ///
    /// # Errors
    /// [`PublishError`]; the item comes back in it, and no subscription sees it.
    ///
    /// # Panics
    /// Only if the payload's `clone` or `drop` does.
    ///
    /// # Cost
    /// One hash of the key (none for a single shard), one push to the ring, and what each subscription with a ring of its own
    /// costs. No lock, except after subscriptions came or went; no allocation.
    #[inline(always)]
    pub fn try_publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        self.try_publish_to(key, item)
    }

    /// Publishes to the shard of `key`; waits for gating subscriptions. It blocks the thread: tasks, whose runtime has other
    /// things to do there, have [`publish_async`](Self::publish_async).
    ///
    /// # Errors
    /// [`PublishError::Closed`]; on a thread that runs handlers also `Full`.
    #[inline(always)]
    pub fn publish<K: Key + ?Sized>(&mut self, key: &K, item: T) -> Result<(), PublishError<T>> {
        self.publish_to(key, item, Deadline::NEVER)
    }

    /// As [`publish`](Self::publish), and gives up at `until`.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and `Full` when the time is over.
    pub fn publish_until<K: Key + ?Sized>(&mut self, key: &K, item: T, until: Instant) -> Result<(), PublishError<T>> {
        self.publish_to(key, item, Deadline::at(until))
    }

    /// Publishes an item without a key to the next shard in turn, or to one after it that has room.
    ///
    /// # Errors
    /// As [`try_publish`](Self::try_publish), if every shard refuses.
    pub fn try_publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        self.try_publish_next(item)
    }

    /// As [`try_publish_unkeyed`](Self::try_publish_unkeyed); where no shard has room it waits at the last one, for gating
    /// subscriptions.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_unkeyed(&mut self, item: T) -> Result<(), PublishError<T>> {
        self.publish_next(item)
    }

    /// Publishes items from the front of `items` to the shard of `key`, as many as there is room for; returns how many. The
    /// others stay where they are.
    ///
    /// # Errors
    /// [`PublishError`], if not one of several went in.
    ///
    /// # Cost
    /// One claim of slots for up to 64 items; one an item, if some subscription has a ring of its own.
    pub fn try_publish_batch<K: Key + ?Sized>(
        &mut self,
        key: &K,
        items: &mut VecDeque<T>,
    ) -> Result<usize, PublishError<()>> {
        let shard = shard_of(key, self.lines.len());
        self.look_again();
        let line = &mut self.lines[shard];
        if line.beside.is_empty() {
            let mut front = Front { items, taken: |items| line.accepted.add(items) };
            let telling = Telling(&line.bells);
            let pushed = line.main.push_iter(&mut front).map_err(told);
            if pushed.is_err() {
                // Nothing was put in.
                mem::forget(telling);
            }
            return pushed;
        }
        let mut published = 0;
        while let Some(item) = items.pop_front() {
            match self.put(shard, item) {
                Ok(()) => published += 1,
                Err(refused) => {
                    let (is_full, item) = (refused.is_full(), refused.into_inner());
                    items.push_front(item);
                    if published == 0 {
                        return Err(if is_full { PublishError::Full(()) } else { PublishError::Closed(()) });
                    }
                    break;
                }
            }
        }
        Ok(published)
    }

    /// The topic that it publishes to.
    pub fn topic(&self) -> &Topic<T> {
        &self.topic
    }

    #[inline(never)]
    fn put_beside(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        let line = &mut self.lines[shard];
        // Before it begins: who is refused here tries again, and calls no reader for that, who would call it back.
        if let Err(refused) = room_for_all(&line.main, &mut line.beside) {
            return Err(told(refused.map(|()| item)));
        }
        let feeding = Feeding::begin(&self.sheet, &line.bells, shard);
        push_all(&mut line.main, &mut line.beside, item, &mut line.lost).map_err(told)?;
        feeding.end();
        line.bells.published();
        line.accepted.add(1);
        line.lost.drop_all();
        Ok(())
    }

    /// Looks at the rings beside again if they changed.
    #[inline(always)]
    fn look_again(&mut self) {
        if self.topic.core.changes.get() != self.changes {
            self.look();
        }
    }

    #[cold]
    fn look(&mut self) {
        // Dropped after the lock is released: items of the caller's may go with them.
        let mut gone = Vec::new();
        let members = self.topic.members();
        // Under the lock that every change is made under.
        self.changes = self.topic.core.changes.get();
        for (shard, line) in self.lines.iter_mut().enumerate() {
            // Those that stay keep what they know: their step, and since when they are full.
            let mut before = mem::take(&mut line.beside);
            let kept_or_new = members.sides.iter().map(|side| {
                let feeder = &side.feeders[shard];
                let kept = before.iter().position(|before| before.is_like(feeder));
                kept.map_or_else(|| feeder.clone(), |at| before.swap_remove(at))
            });
            line.beside = kept_or_new.collect();
            gone.append(&mut before);
        }
    }
}

/// Tells of what a batch has put in, also if the drop of an overwritten item panics on the way.
struct Telling<'a>(&'a Bells);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.published();
    }
}

/// Notes that the rings beside a shard are being fed, until it is dropped: they do not end before.
struct Feeding<'a> {
    sheet: &'a Sheet,
    bells: &'a Bells,
}

impl<'a> Feeding<'a> {
    fn begin(sheet: &'a Sheet, bells: &'a Bells, shard: usize) -> Self {
        sheet.begin_to_feed(shard);
        Self { sheet, bells }
    }

    /// Something was put in, for which the readers are called next.
    fn end(self) {
        self.sheet.end_to_feed();
        mem::forget(self);
    }
}

impl Drop for Feeding<'_> {
    /// Nothing was put in; but a reader may have waited for just this to know that it has come to the end.
    fn drop(&mut self) {
        self.sheet.end_to_feed();
        self.bells.items.notify_all();
    }
}

impl<T: Send + Sync + 'static> Publishes for Publisher<T> {
    type Item = T;
}

impl<T: Send + Sync + 'static> Publishing for Publisher<T> {
    #[inline(always)]
    fn shards(&self) -> usize {
        self.lines.len()
    }

    fn next(&mut self) -> &mut usize {
        &mut self.next
    }

    #[inline(always)]
    fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    fn bells(&self, shard: usize) -> &Arc<Bells> {
        &self.lines[shard].bells
    }

    fn bed(&mut self) -> &mut Bed {
        &mut self.bed
    }

    fn publishers(&self) -> usize {
        self.topic.core.roll.publishers()
    }

    /// The common case, short enough to be inlined: nobody has a ring beside.
    #[inline(always)]
    fn push(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        self.look_again();
        let line = &mut self.lines[shard];
        if !line.beside.is_empty() {
            return self.put_beside(shard, item);
        }
        match line.main.push_over(item) {
            Ok(overwritten) => {
                line.bells.published();
                line.accepted.add(1);
                // Last, since its drop may panic: everybody is told, and everything counted, by now.
                drop(overwritten);
                Ok(())
            }
            Err(refused) => Err(told(refused)),
        }
    }

    #[inline(always)]
    fn put(&mut self, shard: usize, item: T) -> Result<(), PublishError<T>> {
        self.push(shard, item)
    }

    fn patience(&self, until: Deadline) -> Option<Deadline> {
        Some(until)
    }

    /// Nobody calls when a subscription beside has been in the way for too long.
    fn looks_again(&self, shard: usize) -> bool {
        !self.lines[shard].beside.is_empty()
    }

    /// What was told from within the wait may have called this publisher itself.
    fn has_waited(&self, shard: usize) {
        self.lines[shard].bells.published();
    }
}

impl<T: Send + Sync + 'static> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        self.topic.publisher()
    }
}

impl<T: Send + Sync + 'static> Drop for Publisher<T> {
    fn drop(&mut self) {
        self.topic.core.roll.leave(&self.sheet);
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("topic::Publisher").field("topic", self.topic.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex, mpsc},
        thread,
        time::{Duration, Instant},
    };

    use crate::router::{Contract, Name, PopError, PublishError, Start, Topic, TopicPlan};
    use crate::wait::{Deadline, Park, Signal, Terms, Wait};

    /// A publisher sleeps because of a gate. Meanwhile a gate-for comes that nobody reads, and the gate goes on: now it is
    /// the other that is in the way, and nobody calls when that one's time is over.
    #[test]
    fn who_waits_for_a_gate_evicts_what_came_meanwhile() {
        // Who is held up between its place on the list and its last look before it sleeps finds the room that the gate makes,
        // and is in the other's way itself. Not each time.
        assert!((0..50).any(|_| a_sleeper_evicts_what_came_meanwhile()));
    }

    /// False if it did not sleep.
    fn a_sleeper_evicts_what_came_meanwhile() -> bool {
        let name = |text| Name::new(text).unwrap();
        let events = Topic::<u64>::open(name("events"), TopicPlan { shards: 1, capacity: 4 }).unwrap();
        // Not a subscription, whose `poll` would call the sleeper at once.
        let mut gate = events.shard(0).join();
        let mut publisher = events.publisher();
        while publisher.try_publish(&0_u32, 0).is_ok() {}
        let mut waiting = events.publisher();
        let until = Instant::now() + Duration::from_secs(60);
        let waiting = thread::spawn(move || waiting.publish_until(&0_u32, 1, until));
        while events.bells(0).room.sleepers() == 0 {
            thread::yield_now();
        }
        // Longer than the sleeper looks before it sleeps.
        let contract = Contract::gate_for(Duration::from_millis(50)).capacity(1);
        let stalled = events.subscribe(name("stalled"), &contract, Start::Newest).unwrap();
        gate.next_each(usize::MAX, |_| ()).unwrap();
        let slept = publisher.try_publish(&0_u32, 2).is_ok();
        events.bells(0).room.notify_all();
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert!(Instant::now() < until, "it slept until its own time was over");
        assert_eq!(stalled.is_evicted(), slept);
        slept
    }

    /// A publisher waits for a gate, beside a reader that has nothing to read: each of its tries called that reader once, whose
    /// look called the publisher, and both ran in circles.
    #[test]
    fn who_is_refused_calls_nobody() {
        let name = |text| Name::new(text).unwrap();
        let events = Topic::open(name("events"), TopicPlan { capacity: 1, ..TopicPlan::default() }).unwrap();
        let _gate = events.subscribe(name("gate"), &Contract::gate(), Start::Newest).unwrap();
        let mut latest = events.subscribe(name("latest"), &Contract::latest(), Start::Newest).unwrap();
        let mut publisher = events.publisher();
        while publisher.try_publish(&0_u32, 1).is_ok() {}
        while latest.poll(1, |_| ()).is_ok() {}
        let reading = thread::spawn({
            let events = events.clone();
            move || {
                let is_over = || (latest.poll(1, |_| ()) == Err(PopError::Closed)).then_some(());
                Park::default().wait(&events.bells(0).items, Terms::until(Deadline::NEVER), is_over)
            }
        });
        while events.bells(0).items.sleepers() == 0 {
            thread::yield_now();
        }
        for _ in 0..100 {
            assert!(matches!(publisher.try_publish(&0_u32, 2), Err(PublishError::Full(2))));
            assert_eq!(events.bells(0).items.sleepers(), 1);
        }
        events.close();
        assert_eq!(reading.join().unwrap(), Some(()));
    }

    /// Says that it is being cloned, and waits until it may be.
    struct Slow {
        cloning: mpsc::Sender<()>,
        may: Arc<Mutex<mpsc::Receiver<()>>>,
    }

    impl Clone for Slow {
        fn clone(&self) -> Self {
            self.cloning.send(()).unwrap();
            self.may.lock().unwrap().recv().unwrap();
            Self { cloning: self.cloning.clone(), may: Arc::clone(&self.may) }
        }
    }

    /// A topic closes while a publisher is copying an item for a subscription. Until that is over nobody knows whether the item
    /// will come, so the reader sleeps; and although it does not come, the reader is called.
    #[test]
    fn who_waits_for_the_end_is_called_by_who_feeds_last() {
        let name = |text| Name::new(text).unwrap();
        let events = Topic::<Slow>::open(name("events"), TopicPlan::default()).unwrap();
        let mut latest = events.subscribe(name("latest"), &Contract::latest(), Start::Newest).unwrap();
        let ((cloning, is_cloning), (let_go, may)) = (mpsc::channel(), mpsc::channel());
        let mut publisher = events.publisher();
        let publishing = thread::spawn(move || {
            let refused = publisher.publish(&0_u32, Slow { cloning, may: Arc::new(Mutex::new(may)) });
            matches!(refused, Err(PublishError::Closed(_)))
        });
        is_cloning.recv().unwrap();
        events.close();
        assert_eq!(latest.poll(1, |_| ()), Err(PopError::Empty));
        let until = Instant::now() + Duration::from_secs(60);
        let reading = thread::spawn({
            let events = events.clone();
            move || {
                let is_over = || (latest.poll(1, |_| ()) == Err(PopError::Closed)).then_some(());
                Park::default().wait(&events.bells(0).items, Terms::until(Deadline::at(until)), is_over)
            }
        });
        while events.bells(0).items.sleepers() == 0 {
            thread::yield_now();
        }
        let_go.send(()).unwrap();
        assert!(publishing.join().unwrap());
        assert_eq!(reading.join().unwrap(), Some(()));
        assert!(Instant::now() < until, "it slept until its own time was over");
    }

    /// An item whose drop panics, if it is armed.
    struct Bomb {
        armed: bool,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.armed, "a drop that was told to panic");
        }
    }

    /// A batch goes in by claims of 64, and an item that is to be overwritten by the second panics when it is dropped: readers
    /// that sleep are called for the first.
    #[test]
    fn a_batch_that_panics_calls_who_sleeps() {
        let name = |text| Name::new(text).unwrap();
        let events = Topic::<Bomb>::open(name("events"), TopicPlan { shards: 1, capacity: 128 }).unwrap();
        let mut gate = events.subscribe(name("gate"), &Contract::gate(), Start::Newest).unwrap();
        let mut publisher = events.publisher();
        for nth in 0..256 {
            assert!(publisher.try_publish(&0_u32, Bomb { armed: nth == 64 }).is_ok());
            assert_eq!(gate.poll(1, |_| ()), Ok(1));
        }
        let until = Instant::now() + Duration::from_secs(20);
        let reading = thread::spawn({
            let events = events.clone();
            move || {
                let mut looks = || gate.poll(usize::MAX, |_| ()).ok();
                Park::default().wait(&events.bells(0).items, Terms::until(Deadline::at(until)), &mut looks)
            }
        });
        while events.bells(0).items.sleepers() == 0 {
            thread::yield_now();
        }
        let mut items = (0..128).map(|_| Bomb { armed: false }).collect();
        let died = catch_unwind(AssertUnwindSafe(|| publisher.try_publish_batch(&0_u32, &mut items)));
        assert_eq!((died.is_err(), items.len()), (true, 64));
        assert_eq!(reading.join().unwrap(), Some(64));
        assert!(Instant::now() < until, "it slept until its own time was over");
        assert_eq!(events.published().total(), 256 + 64);
    }
}
