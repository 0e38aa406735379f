//! Publishing for tasks: the same calls as futures, by the same policies. Tasks and threads mix at one queue or topic, and by
//! turns on one publisher. No runtime is needed.
//!
//! # Cancel safety
//! Dropping a future loses no item: one that was not accepted is dropped with its future, or
//! [taken back](PublishFuture::take_back). It loses no wake-up either: a call that the future got and did not answer goes to the
//! next publisher that waits.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Key, PublishError, publishing::Publishing, queue, shard_of, topic};
use crate::wait::{Alarm, Deadline};

impl<T: Send + 'static> queue::Publisher<T> {
    /// Publishes to the shard of `key`, for a task; what waits for room there is the task, and no thread. With
    /// [`Policy::BlockFor`](super::Policy::BlockFor) it waits so long from the first look on; with a policy that does not wait it
    /// answers at once, as [`publish`](Self::publish) does.
    ///
    /// # Errors
    /// As [`publish`](Self::publish). A task that is polled on a thread that runs handlers, by a handler or in its own waker, does
    /// not wait there: it is `Full`.
    ///
    /// # Cancel safety
    /// Until it resolves, the item is not accepted; dropping the future drops it, unless it was
    /// [taken back](PublishFuture::take_back). So a runtime's timeout loses nothing.
    ///
    /// # Cost
    /// That of [`try_publish`](Self::try_publish), as long as there is room. Else a lock for each poll that waits, an allocation
    /// for the publisher's first sleep, and a clone of the waker; up to a time, an alarm, which one thread of the process rings
    /// for all. Whoever waits at a shard is woken by each batch there. From the first task on that sleeps at a shard, its workers
    /// take a full fence for each batch.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Engine, router::Held};
    ///
    /// let engine = Engine::builder().workers(1).start()?;
    /// let jobs = engine.queue::<u64>("jobs").capacity(2).open()?;
    /// engine.consume(&jobs).handle(|_shard| |_job: Held<'_, u64>| ())?;
    /// let mut publisher = jobs.publisher();
    /// pollster::block_on(async {
    ///     for job in 0..100 {
    ///         publisher.publish_async(&job, job).await?; // waits for the handler
    ///     }
    ///     publisher.publish_unkeyed_async(100).await
    /// })?;
    /// assert_eq!(jobs.published().total(), 101);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_async<K: Key + ?Sized>(&mut self, key: &K, item: T) -> PublishFuture<'_, Self> {
        PublishFuture::new(self, Publish::keyed(key, item, self.queue().shards()))
    }

    /// As [`publish_unkeyed`](Self::publish_unkeyed), for a task; see [`publish_async`](Self::publish_async).
    ///
    /// # Errors
    /// As [`publish_async`](Self::publish_async).
    ///
    /// # Cancel safety
    /// As [`publish_async`](Self::publish_async).
    pub fn publish_unkeyed_async(&mut self, item: T) -> PublishFuture<'_, Self> {
        PublishFuture::new(self, Publish::unkeyed(item))
    }
}

impl<T: Send + Sync + 'static> topic::Publisher<T> {
    /// Publishes to the shard of `key`, for a task; what waits for gating subscriptions is the task, and no thread.
    ///
    /// # Errors
    /// [`PublishError::Closed`]; for a task that is polled on a thread that runs handlers, by a handler or in its own waker, and
    /// so does not wait, also `Full`.
    ///
    /// # Panics
    /// As [`try_publish`](Self::try_publish), when it is polled.
    ///
    /// # Cancel safety
    /// Until it resolves, no subscription sees the item; dropping the future drops it, unless it was
    /// [taken back](PublishFuture::take_back). So a runtime's timeout loses nothing.
    ///
    /// # Cost
    /// That of [`try_publish`](Self::try_publish), as long as there is room. Else a lock for each poll that waits, an allocation
    /// for the publisher's first sleep, and a clone of the waker. Whoever waits at a shard is woken by each batch there; beside a
    /// subscription with a ring of its own a task looks again every 200 µs, too, since nobody calls when a patience is over. From
    /// the first task on that sleeps at a shard, each item that is published there takes a full fence.
    ///
    /// # Examples
    /// ```
    /// use ringway::{Engine, router::Contract};
    ///
    /// let engine = Engine::builder().workers(1).start()?;
    /// let trades = engine.topic::<u64>("trades").capacity(2).open()?;
    /// engine.subscribe(&trades, "volume").contract(Contract::gate()).handle(|_shard| |_size: &u64| ())?;
    /// let mut publisher = trades.publisher();
    /// pollster::block_on(async {
    ///     for size in 0..100 {
    ///         publisher.publish_async(&7_u32, size).await?; // waits for the handler
    ///     }
    ///     Ok::<(), ringway::router::PublishError<u64>>(())
    /// })?;
    /// assert_eq!(trades.published().total(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn publish_async<K: Key + ?Sized>(&mut self, key: &K, item: T) -> PublishFuture<'_, Self> {
        PublishFuture::new(self, Publish::keyed(key, item, self.topic().shards()))
    }

    /// As [`publish_unkeyed`](Self::publish_unkeyed), for a task; see [`publish_async`](Self::publish_async).
    ///
    /// # Errors
    /// As [`publish_async`](Self::publish_async).
    ///
    /// # Cancel safety
    /// As [`publish_async`](Self::publish_async).
    pub fn publish_unkeyed_async(&mut self, item: T) -> PublishFuture<'_, Self> {
        PublishFuture::new(self, Publish::unkeyed(item))
    }
}

/// An item that a task publishes, by whichever publisher it is polled with.
pub(crate) struct Publish<T> {
    /// Gone when it is accepted, refused, or taken back.
    item: Option<T>,
    way: Way,
    alarm: Alarm,
}

#[derive(Clone, Copy)]
enum Way {
    /// To the next shard that has room.
    Any,
    To(usize),
    /// There was none.
    Waits {
        shard: usize,
        until: Deadline,
    },
}

impl<T> Publish<T> {
    pub(crate) fn keyed<K: Key + ?Sized>(key: &K, item: T, shards: usize) -> Self {
        Self { item: Some(item), way: Way::To(shard_of(key, shards)), alarm: Alarm::default() }
    }

    fn unkeyed(item: T) -> Self {
        Self { item: Some(item), way: Way::Any, alarm: Alarm::default() }
    }

    /// One attempt. Without an item there is nothing to do.
    pub(crate) fn poll<P: Publishing<Item = T>>(
        &mut self,
        publisher: &mut P,
        context: &Context<'_>,
    ) -> Poll<Result<(), PublishError<T>>> {
        let Some(item) = self.item.take() else { return Poll::Ready(Ok(())) };
        let (shard, until) = match self.way {
            Way::Waits { shard, until } => {
                self.item = Some(item);
                (shard, until)
            }
            Way::Any | Way::To(_) => match self.put(publisher, item) {
                Ok(waits) => waits,
                Err(answer) => return Poll::Ready(publisher.counted(answer)),
            },
        };
        let polled = publisher.poll_later(shard, &mut self.item, until, (&mut self.alarm, context));
        polled.map(|answer| publisher.counted(answer))
    }

    /// The first attempt: its answer, or where and up to when to wait.
    fn put<P: Publishing<Item = T>>(
        &mut self,
        publisher: &mut P,
        item: T,
    ) -> Result<(usize, Deadline), Result<(), PublishError<T>>> {
        let offered = if let Way::To(shard) = self.way { Err((shard, item)) } else { publisher.push_past_full(item) };
        let Err((shard, item)) = offered else { return Err(Ok(())) };
        let item = match publisher.put(shard, item) {
            Err(PublishError::Full(item)) => item,
            answer => return Err(answer),
        };
        let Some(until) = publisher.patience(Deadline::NEVER) else { return Err(Err(PublishError::Full(item))) };
        (self.item, self.way) = (Some(item), Way::Waits { shard, until });
        Ok((shard, until))
    }

    /// The item, if it was neither accepted nor refused.
    pub(crate) fn take_back(&mut self) -> Option<T> {
        self.item.take()
    }

    /// Waits no more, by the publisher that it was polled with.
    pub(crate) fn give_up<P: Publishing<Item = T>>(&self, publisher: &mut P) {
        if let Way::Waits { .. } = self.way {
            publisher.bed().leave();
        }
    }
}

/// [`queue::Publisher::publish_async`] and [`topic::Publisher::publish_async`]: resolves to what `publish` returns.
#[must_use = "futures do nothing unless they are awaited"]
#[expect(private_bounds, reason = "sealed: the publishers of queues and topics")]
pub struct PublishFuture<'a, P: Publishing> {
    publisher: &'a mut P,
    publish: Publish<P::Item>,
}

/// The item is moved, never pinned.
impl<P: Publishing> Unpin for PublishFuture<'_, P> {}

#[expect(private_bounds, reason = "as above")]
impl<'a, P: Publishing> PublishFuture<'a, P> {
    fn new(publisher: &'a mut P, publish: Publish<P::Item>) -> Self {
        Self { publisher, publish }
    }

    /// The item, if it was not published. The future has nothing to do then.
    ///
    /// # Examples
    /// ```
    /// use std::{pin::pin, task::{Context, Waker}};
    /// use ringway::router::{Queue, QueuePlan};
    ///
    /// let jobs = Queue::open("jobs".parse()?, QueuePlan { capacity: 1, ..QueuePlan::default() })?;
    /// let mut publisher = jobs.publisher();
    /// publisher.publish(&7_u32, 1)?;
    /// let mut publish = publisher.publish_async(&7_u32, 2);
    /// assert!(pin!(&mut publish).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// assert_eq!(publish.take_back(), Some(2)); // cancelled, and nothing is lost
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_back(&mut self) -> Option<P::Item> {
        self.publish.take_back()
    }
}

impl<P: Publishing> Future for PublishFuture<'_, P> {
    type Output = Result<(), PublishError<P::Item>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { publisher, publish } = self.get_mut();
        publish.poll(*publisher, context)
    }
}

impl<P: Publishing> Drop for PublishFuture<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.publish.give_up(self.publisher);
    }
}

impl<P: Publishing> fmt::Debug for PublishFuture<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishFuture").field("done", &self.publish.item.is_none()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Wake};

    use super::*;
    use crate::ring::Producer;
    use crate::router::{Name, Queue, QueuePlan, Topic, TopicPlan};
    use crate::sync::Counter;
    use crate::wait::Signal;

    const KEY: &u32 = &0;

    #[derive(Default)]
    struct Wakes(Counter);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.add(1);
        }
    }

    fn poll_once<F: Future + Unpin>(future: &mut F, wakes: &Arc<Wakes>) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(&Arc::clone(wakes).into()))
    }

    /// Two tasks wait at a topic that nobody gates, since they have caught up with another's push by a lap. That push ends, and
    /// nobody is told of it yet. Whatever `then` does with the first, the second is to be woken, once.
    fn two_wait_behind_a_push(
        then: impl FnOnce(
            &mut topic::Publisher<u64>,
            (PublishFuture<'_, topic::Publisher<u64>>, &Arc<Wakes>),
            &dyn Fn() -> u64,
        ),
    ) {
        let events = Topic::<u64>::open(Name::new("events").unwrap(), TopicPlan { shards: 1, capacity: 1 }).unwrap();
        let (mut first, mut second, mut third) = (events.publisher(), events.publisher(), events.publisher());
        let [one, two] = [(); 2].map(|()| Arc::<Wakes>::default());
        let mut push = events.shard(0).clone();
        let mut claim = push.try_claim(1).unwrap();
        claim.push(1).unwrap();
        let (mut publish, mut beside) = (first.publish_async(KEY, 2), second.publish_async(KEY, 3));
        assert!(poll_once(&mut publish, &one).is_pending() && poll_once(&mut beside, &two).is_pending());
        assert_eq!(claim.commit(), 1);
        then(&mut third, (publish, &one), &|| two.0.get());
        assert_eq!(two.0.get(), 1, "there is room, and who waits for it sleeps");
        assert_eq!(poll_once(&mut beside, &two), Poll::Ready(Ok(())));
    }

    #[test]
    fn a_call_that_a_dropped_future_has_got_goes_to_the_next() {
        two_wait_behind_a_push(|third, (publish, wakes), others| {
            third.try_publish(KEY, 4).unwrap();
            assert_eq!((wakes.0.get(), others()), (1, 0));
            drop(publish);
        });
    }

    /// Who gets in tells the next publisher, and may be on the list itself still: then that call is its own.
    #[test]
    fn a_task_that_called_itself_calls_the_next() {
        two_wait_behind_a_push(|_, (mut publish, wakes), others| {
            assert_eq!(others(), 0);
            assert_eq!(poll_once(&mut publish, wakes), Poll::Ready(Ok(())));
        });
    }

    fn full_queue(shards: usize) -> (Queue<u64>, queue::Publisher<u64>) {
        let plan = QueuePlan { shards, capacity: 1, ..QueuePlan::default() };
        let queue = Queue::open(Name::new("jobs").unwrap(), plan).unwrap();
        let mut publisher = queue.publisher();
        while publisher.try_publish_unkeyed(0).is_ok() {}
        (queue, publisher)
    }

    /// A task is called, and finds its time over before it finds room.
    #[test]
    fn a_call_that_comes_too_late_goes_to_the_next() {
        let (queue, mut publisher) = full_queue(1);
        let (mut other, wakes) = (publisher.clone(), Arc::default());
        let (mut publish, mut beside) = (publisher.publish_async(KEY, 1), other.publish_async(KEY, 2));
        assert!(poll_once(&mut publish, &wakes).is_pending() && poll_once(&mut beside, &wakes).is_pending());
        let room = &queue.bells(0).room;
        room.notify(1, 0);
        assert_eq!((room.sleepers(), wakes.0.get()), (1, 1));
        publish.publish.way = Way::Waits { shard: 0, until: Deadline::now() };
        assert_eq!(poll_once(&mut publish, &wakes), Poll::Ready(Err(PublishError::Full(1))));
        assert_eq!((room.sleepers(), wakes.0.get()), (0, 2), "the call was passed on");
        assert_eq!(queue.published().refused, 2);
    }

    /// A future that is forgotten, and never dropped, would swallow a call: its place goes when its publisher waits elsewhere, or
    /// goes itself.
    #[test]
    fn a_forgotten_future_stands_in_nobodys_way() {
        let (queue, mut publisher) = full_queue(2);
        let sleepers = || [0, 1].map(|shard| queue.bells(shard).room.sleepers());
        let key_of = |shard| (0_u32..).find(|key| shard_of(key, 2) == shard).unwrap();
        for (shard, asleep) in [(0, [1, 0]), (1, [0, 1])] {
            let mut publish = publisher.publish_async(&key_of(shard), 1);
            assert!(poll_once(&mut publish, &Arc::default()).is_pending());
            assert_eq!(sleepers(), asleep);
            std::mem::forget(publish);
        }
        drop(publisher);
        assert_eq!(sleepers(), [0, 0]);
    }
}
