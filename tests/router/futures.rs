//! Publishing for tasks: polled by hand, cancelled, by each policy, and on a small executor.

use std::{
    future::Future,
    panic::panic_any,
    pin::{Pin, pin},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use pollster::block_on;
use ringway::{
    Engine,
    channel::{self, Mpmc, Sender},
    router::{
        Contract, Held, Name, Order, Policy, PublishError, Queue, QueuePlan, Start, Topic, TopicPlan, queue::Publisher,
        shard_of,
    },
    worker::{Polled, Worker},
};

use crate::support::{random::Random, wakes::Wakes};

const KEY: &u32 = &0;

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A queue that is full, its worker, and a publisher; and how many items it holds.
struct Full {
    engine: Engine,
    worker: Worker,
    queue: Queue<u64>,
    publisher: Publisher<u64>,
    items: u64,
}

impl Full {
    fn new(order: Order) -> Self {
        let engine = Engine::builder().workers(1).by_hand().start().unwrap();
        let queue = engine.queue::<u64>("jobs").capacity(2).order(order).open().unwrap();
        engine.consume(&queue).handle(|_| |_: Held<'_, u64>| ()).unwrap();
        let mut publisher = queue.publisher();
        let items = (0..).take_while(|&item| publisher.try_publish(KEY, item).is_ok()).count() as u64;
        Self { worker: engine.take_workers().remove(0), engine, queue, publisher, items }
    }

    /// How many items the worker has handled, if nothing is lost.
    fn check(self, items: u64) {
        let Self { engine, mut worker, queue, publisher, .. } = self;
        drop(publisher);
        while let Polled::Handled(_) = worker.poll() {}
        engine.audit().check().unwrap();
        assert_eq!(engine.audit().queue(queue.name().as_str()).unwrap().handled, items);
    }
}

#[test]
fn a_full_queue_pends_and_room_wakes() {
    for order in [Order::Total, Order::PerPublisher] {
        let mut full = Full::new(order);
        let (count, waker) = Wakes::waker();
        let mut publish = full.publisher.publish_async(KEY, 10);
        for _ in 0..3 {
            assert!(poll_once(&mut publish, &waker).is_pending());
        }
        assert_eq!(count.get(), 0);
        assert!(matches!(full.worker.poll(), Polled::Handled(_)));
        assert_eq!(count.get(), 1, "room was made");
        assert_eq!(poll_once(&mut publish, &waker), Poll::Ready(Ok(())));
        drop(publish);
        assert_eq!((full.queue.published().total(), full.queue.published().refused), (full.items + 1, 1));
        let items = full.items + 1;
        full.check(items);
    }
}

#[test]
fn a_close_wakes_and_the_item_comes_back() {
    let mut full = Full::new(Order::Total);
    let mut other = full.publisher.clone();
    let ((count, waker), (other_count, other_waker)) = (Wakes::waker(), Wakes::waker());
    let (mut publish, mut unkeyed) = (full.publisher.publish_async(KEY, 10), other.publish_unkeyed_async(11));
    assert!(poll_once(&mut publish, &waker).is_pending() && poll_once(&mut unkeyed, &other_waker).is_pending());
    full.queue.close();
    assert_eq!((count.get(), other_count.get()), (1, 1));
    assert_eq!(poll_once(&mut publish, &waker), Poll::Ready(Err(PublishError::Closed(10))));
    assert_eq!(poll_once(&mut unkeyed, &other_waker), Poll::Ready(Err(PublishError::Closed(11))));
    assert_eq!(publish.take_back(), None, "it is in the error");
    drop((publish, unkeyed));
    assert_eq!(full.queue.published().refused, 3);
    let items = full.items;
    full.check(items);
}

/// What was not accepted is the caller's, what was is not, and who waits beside gets in.
#[test]
fn a_future_that_is_dropped_loses_nothing() {
    let mut full = Full::new(Order::Total);
    let (mut other, (count, waker)) = (full.publisher.clone(), Wakes::waker());
    let mut publish = full.publisher.publish_async(KEY, 10);
    let mut beside = other.publish_async(KEY, 11);
    assert!(poll_once(&mut publish, Waker::noop()).is_pending() && poll_once(&mut beside, &waker).is_pending());
    assert!(matches!(full.worker.poll(), Polled::Handled(_)));
    assert_eq!(publish.take_back(), Some(10));
    drop(publish);
    assert_eq!((poll_once(&mut beside, &waker), count.get()), (Poll::Ready(Ok(())), 1));
    assert_eq!(beside.take_back(), None, "it was accepted");
    drop(beside);
    drop(other);
    // One that was never polled has done nothing.
    assert_eq!(full.publisher.publish_unkeyed_async(12).take_back(), Some(12));
    drop(full.publisher.publish_async(KEY, 13));
    let items = full.items + 1;
    full.check(items);
}

#[test]
fn each_policy_answers_a_task_as_a_thread() {
    let plan = QueuePlan { capacity: 2, ..QueuePlan::default() };
    let queue = |full| Queue::<u64>::open(name("jobs"), QueuePlan { full, ..plan }).unwrap();
    for full in [Policy::Reject, Policy::DropNewest, Policy::DropOldest] {
        let (tasks, threads) = (queue(full), queue(full));
        let (mut task, mut thread) = (tasks.publisher(), threads.publisher());
        for item in 0..5 {
            let answer = poll_once(&mut task.publish_async(KEY, item), Waker::noop());
            assert_eq!(answer, Poll::Ready(thread.publish(KEY, item)), "{full}");
            let answer = poll_once(&mut task.publish_unkeyed_async(item), Waker::noop());
            assert_eq!(answer, Poll::Ready(thread.publish_unkeyed(item)), "{full}");
        }
        assert_eq!(tasks.published(), threads.published(), "{full}");
        assert_eq!(tasks.depth(0), Some(2));
    }
    let jobs = queue(Policy::BlockFor(Duration::from_millis(20)));
    let mut publisher = jobs.publisher();
    assert!((0..2).all(|item| block_on(publisher.publish_async(KEY, item)).is_ok()));
    let before = Instant::now();
    assert_eq!(block_on(publisher.publish_async(KEY, 3)), Err(PublishError::Full(3)));
    assert!(before.elapsed() >= Duration::from_millis(20));
    assert_eq!(jobs.published().refused, 1);
    let jobs = queue(Policy::BlockFor(Duration::MAX));
    let mut publisher = jobs.publisher();
    assert!((0..2).all(|item| publisher.publish(KEY, item).is_ok()));
    assert!(poll_once(&mut publisher.publish_async(KEY, 3), Waker::noop()).is_pending());
}

/// Past what is full, and then at the last shard that is full, not at one that is closed by then or later.
#[test]
fn items_without_a_key_go_round() {
    let jobs = Queue::<u64>::open(name("jobs"), QueuePlan { shards: 2, capacity: 2, ..QueuePlan::default() }).unwrap();
    let mut publisher = jobs.publisher();
    let key = (0_u32..).find(|key| shard_of(key, 2) == 0).unwrap();
    while publisher.try_publish(&key, 1).is_ok() {}
    let filled = jobs.published().accepted[0];
    (0..2).for_each(|item| block_on(publisher.publish_unkeyed_async(item)).unwrap());
    assert_eq!(jobs.published().accepted, [filled, 2]);
    let mut waits = publisher.publish_unkeyed_async(9);
    assert!(poll_once(&mut waits, Waker::noop()).is_pending());
    assert_eq!(waits.take_back(), Some(9));
}

/// A topic pends for its gates, and is woken by what they see, or by their end.
#[test]
fn a_topic_pends_for_its_gates() {
    let events = Topic::<u64>::open(name("events"), TopicPlan { shards: 1, capacity: 2 }).unwrap();
    let mut gate = events.subscribe(name("gate"), &Contract::gate(), Start::Newest).unwrap();
    let mut publisher = events.publisher();
    let filled = (0..).take_while(|&item| publisher.try_publish(KEY, item).is_ok()).count();
    let (count, waker) = Wakes::waker();
    let mut publish = publisher.publish_async(KEY, 10);
    assert!(poll_once(&mut publish, &waker).is_pending());
    assert_eq!(gate.poll(usize::MAX, |_| ()), Ok(filled));
    assert_eq!(count.get(), 1, "the gate went on");
    assert_eq!(poll_once(&mut publish, &waker), Poll::Ready(Ok(())));
    drop(publish);
    while publisher.try_publish(KEY, 10).is_ok() {}
    let mut publish = publisher.publish_unkeyed_async(11);
    assert!(poll_once(&mut publish, &waker).is_pending());
    drop(gate);
    assert_eq!(count.get(), 2, "the gate went");
    assert_eq!(poll_once(&mut publish, &waker), Poll::Ready(Ok(())));
    drop(publish);
    let _gate = events.subscribe(name("another"), &Contract::gate(), Start::Newest).unwrap();
    while publisher.try_publish(KEY, 12).is_ok() {}
    let mut publish = publisher.publish_async(KEY, 13);
    assert!(poll_once(&mut publish, &waker).is_pending());
    events.close();
    assert_eq!(count.get(), 3, "the topic closed");
    assert_eq!(poll_once(&mut publish, &waker), Poll::Ready(Err(PublishError::Closed(13))));
}

/// Nobody calls when a patience is over: the task looks again by itself.
#[test]
fn a_task_evicts_who_is_in_the_way_for_too_long() {
    let events = Topic::<u64>::open(name("events"), TopicPlan { shards: 1, capacity: 8 }).unwrap();
    let contract = Contract::gate_for(Duration::from_millis(5)).capacity(1);
    let stalled = events.subscribe(name("stalled"), &contract, Start::Newest).unwrap();
    let mut publisher = events.publisher();
    for item in 0..4 {
        assert_eq!(block_on(publisher.publish_async(KEY, item)), Ok(()));
    }
    assert!(stalled.is_evicted());
}

/// A handler that blocks on a publish to its own worker's queue would wait for itself.
#[test]
fn a_task_that_is_polled_in_a_handler_does_not_wait() {
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let queue = engine.queue::<u64>("jobs").capacity(1).open().unwrap();
    let (answers, told) = mpsc::channel();
    let answers = Mutex::new(answers);
    let handler = {
        let queue = queue.clone();
        move |_| {
            let (mut publisher, answers) = (queue.publisher(), answers.lock().unwrap().clone());
            move |job: Held<'_, u64>| {
                // Of those that it publishes, it publishes none.
                if *job < 100 {
                    let all = (100..104).map(|next| block_on(publisher.publish_async(KEY, next)));
                    answers.send(all.collect::<Vec<_>>()).unwrap();
                }
            }
        }
    };
    engine.consume(&queue).handle(handler).unwrap();
    let mut worker = engine.take_workers().remove(0);
    queue.publisher().publish(KEY, 1).unwrap();
    assert!(matches!(worker.poll(), Polled::Handled(_)));
    let all = told.try_recv().unwrap();
    assert!(all.contains(&Err(PublishError::Full(103))), "{all:?}");
    while let Polled::Handled(_) = worker.poll() {}
    engine.audit().check().unwrap();
}

/// A task's waker panics on the worker that has made room: that is not its handler's doing, costs it nothing, and the next
/// publisher is woken.
#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic_any("a waker that was told to");
        }
    }
    let mut full = Full::new(Order::Total);
    let (mut other, (count, waker)) = (full.publisher.clone(), Wakes::waker());
    let (mut publish, mut beside) = (full.publisher.publish_async(KEY, 10), other.publish_async(KEY, 11));
    assert!(poll_once(&mut publish, &Waker::from(Arc::new(Panics))).is_pending());
    assert!(poll_once(&mut beside, &waker).is_pending());
    assert_eq!(full.worker.poll(), Polled::Handled(full.items as usize));
    assert_eq!(count.get(), 1);
    drop((publish, beside));
    drop(other);
    assert_eq!(full.engine.failures().len(), 0);
    let items = full.items;
    full.check(items);
}

#[test]
fn futures_may_cross_threads() {
    fn may_cross<T: Send>(value: T) -> T {
        value
    }
    let jobs = Queue::<u64>::open(name("jobs"), QueuePlan::default()).unwrap();
    let events = Topic::<u64>::open(name("events"), TopicPlan::default()).unwrap();
    let (mut to_jobs, mut to_events) = (jobs.publisher(), events.publisher());
    let (job, event) = (may_cross(to_jobs.publish_async(KEY, 1)), may_cross(to_events.publish_async(KEY, 2)));
    assert_eq!(format!("{job:?} {event:?}"), "PublishFuture { done: false, .. } PublishFuture { done: false, .. }");
    assert_eq!((block_on(job), block_on(event)), (Ok(()), Ok(())));
}

/// A task of the small executor: polled by whichever thread takes it from the ready ones.
struct Task {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    ready: Mutex<Sender<Arc<Task>, Mpmc>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap().clone();
        // Nobody takes it when all are done.
        let _ = ready.send(self);
    }
}

/// Runs all futures on so many threads.
fn execute(threads: usize, futures: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let (mut ready, tasks) = channel::mpmc::<Arc<Task>>(1024).unwrap();
    let left = Arc::new(Mutex::new(futures.len()));
    for future in futures {
        let task = Task { future: Mutex::new(Some(future)), ready: Mutex::new(ready.clone()) };
        ready.send(Arc::new(task)).unwrap();
    }
    thread::scope(|scope| {
        for _ in 0..threads {
            let (mut tasks, left) = (tasks.clone(), Arc::clone(&left));
            scope.spawn(move || {
                while let Ok(task) = tasks.recv() {
                    let mut future = task.future.lock().unwrap();
                    let waker = Waker::from(Arc::clone(&task));
                    let Some(running) = &mut *future else { continue };
                    if running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                        *future = None;
                        let mut left = left.lock().unwrap();
                        *left -= 1;
                        if *left == 0 {
                            tasks.close();
                        }
                    }
                }
            });
        }
    });
}

/// Sixteen tasks on two threads, to a queue with room for two and to a topic that is gated; some futures are dropped while they
/// wait. What was accepted is handled, and what was taken back is not.
#[test]
fn more_tasks_than_threads_publish() {
    const ITEMS: u64 = 300;
    let engine = Engine::builder().workers(2).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(2).capacity(2).open().unwrap();
    let events = engine.topic::<u64>("events").capacity(2).open().unwrap();
    engine.consume(&jobs).handle(|_| |_: Held<'_, u64>| ()).unwrap();
    engine.subscribe(&events, "gate").handle(|_| |_: &u64| ()).unwrap();
    let task = |seed: u64| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (mut to_jobs, mut to_events, mut random) = (jobs.publisher(), events.publisher(), Random::new(seed));
        Box::pin(async move {
            for item in 0..ITEMS {
                let mut given_back = Some(item);
                while let Some(item) = given_back.take() {
                    let mut publish = to_jobs.publish_async(&item, item);
                    if random.below(4) > 0 {
                        publish.await.unwrap();
                    } else if poll_once(&mut publish, Waker::noop()).is_pending() {
                        given_back = publish.take_back();
                    }
                }
                to_events.publish_async(&item, item).await.unwrap();
                if random.below(2) == 0 {
                    to_jobs.publish_unkeyed_async(item).await.unwrap();
                }
            }
        })
    };
    execute(2, (0..16).map(task).collect());
    let report = engine.drain(Duration::from_secs(60));
    report.ledger.check().unwrap();
    assert_eq!(report.ledger.topic("events").unwrap().published.total(), 16 * ITEMS);
    let jobs = report.ledger.queue("jobs").unwrap();
    assert!(jobs.published.total() >= 16 * ITEMS && jobs.handled == jobs.published.total());
}
