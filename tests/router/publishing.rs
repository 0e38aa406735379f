//! Publishers of queues and topics that nobody else touches: policies, turns, batches, figures.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use ringway::router::{
    Contract, Name, Order, Policy, PublishError, Queue, QueuePlan, Start, Topic, TopicPlan, shard_of,
};

use crate::support::bomb::Bomb;

fn queue(plan: QueuePlan) -> Queue<u64> {
    Queue::open(Name::new("jobs").unwrap(), plan).unwrap()
}

#[test]
fn each_policy_of_a_full_shard() {
    let plan = QueuePlan { capacity: 2, ..QueuePlan::default() };
    for full in [Policy::Block, Policy::Reject] {
        let jobs = queue(QueuePlan { full, ..plan });
        let mut publisher = jobs.publisher();
        assert!([1, 2].map(|item| publisher.try_publish(&0_u32, item).is_ok()).iter().all(|&ok| ok));
        assert_eq!(publisher.try_publish(&0_u32, 3), Err(PublishError::Full(3)));
        // Who does not wait is back in any case before an hour is over.
        let waits = full == Policy::Block;
        let until = Instant::now() + if waits { Duration::from_millis(5) } else { Duration::from_secs(3600) };
        assert_eq!(publisher.publish_until(&0_u32, 4, until), Err(PublishError::Full(4)));
        assert_eq!(Instant::now() >= until, waits, "{full} waits or not");
        let published = jobs.published();
        assert_eq!((published.total(), published.refused), (2, 2));
    }
    let jobs = queue(QueuePlan { full: Policy::BlockFor(Duration::from_millis(5)), ..plan });
    let mut publisher = jobs.publisher();
    assert!([1, 2].map(|item| publisher.publish(&0_u32, item).is_ok()).iter().all(|&ok| ok));
    let before = Instant::now();
    assert_eq!(publisher.publish(&0_u32, 3), Err(PublishError::Full(3)));
    assert!(before.elapsed() >= Duration::from_millis(5));
    let jobs = queue(QueuePlan { full: Policy::DropNewest, ..plan });
    let mut publisher = jobs.publisher();
    (1..=5).for_each(|item| publisher.publish(&0_u32, item).unwrap());
    assert_eq!((jobs.published().total(), jobs.published().dropped_newest, jobs.depth(0)), (5, 3, Some(2)));
    let jobs = queue(QueuePlan { full: Policy::DropOldest, ..plan });
    let mut publisher = jobs.publisher();
    (1..=5).for_each(|item| publisher.publish(&0_u32, item).unwrap());
    assert_eq!((jobs.published().total(), jobs.published().dropped_oldest, jobs.depth(0)), (5, 3, Some(2)));
}

/// A queue had a lane that nobody wrote to, and that its workers walked past: the first publisher brought a second one.
#[test]
fn a_queue_has_no_lane_without_a_publisher() {
    let jobs = queue(QueuePlan { order: Order::PerPublisher, ..QueuePlan::default() });
    let one_lane = jobs.bytes();
    let first = jobs.publisher();
    assert_eq!(jobs.bytes(), one_lane);
    let second = jobs.publisher();
    assert!(jobs.bytes() > one_lane);
    drop((first, second));
    // It stays open without them.
    jobs.publisher().try_publish(&0_u32, 1).unwrap();
    jobs.close();
    assert_eq!(jobs.publisher().try_publish(&0_u32, 2), Err(PublishError::Closed(2)));
}

#[test]
fn words_of_configurations() {
    for order in [Order::Total, Order::PerPublisher] {
        assert_eq!(order.to_string().parse(), Ok(order));
    }
    let error = "wait".parse::<Order>().unwrap_err();
    assert_eq!(error.to_string(), "\"wait\" is none of total, per-publisher");
}

#[test]
fn items_without_a_key_go_round_and_past_what_is_full() {
    let jobs = queue(QueuePlan { shards: 3, capacity: 2, ..QueuePlan::default() });
    let mut publisher = jobs.publisher();
    (0..3).for_each(|item| publisher.try_publish_unkeyed(item).unwrap());
    assert_eq!(jobs.published().accepted, [1, 1, 1]);
    let key = (0_u32..).find(|key| shard_of(key, 3) == 0).unwrap();
    publisher.try_publish(&key, 9).unwrap();
    (3..5).for_each(|item| publisher.try_publish_unkeyed(item).unwrap());
    assert_eq!(jobs.published().accepted, [2, 2, 2]);
    assert_eq!(publisher.try_publish_unkeyed(7), Err(PublishError::Full(7)));
}

#[test]
fn a_batch_leaves_what_did_not_fit() {
    for order in [Order::Total, Order::PerPublisher] {
        let jobs = queue(QueuePlan { capacity: 4, order, ..QueuePlan::default() });
        let mut publisher = jobs.publisher();
        let mut items = (0..16).collect();
        // A lane may hold some more than its capacity.
        let fit = publisher.try_publish_batch(&0_u32, &mut items).unwrap() as u64;
        assert!((4..16).contains(&fit));
        let others: Vec<u64> = (fit..16).collect();
        assert_eq!(items, others);
        assert_eq!(publisher.try_publish_batch(&0_u32, &mut items), Err(PublishError::Full(())));
        assert_eq!(items, others);
        jobs.close();
        assert_eq!(publisher.try_publish_batch(&0_u32, &mut items), Err(PublishError::Closed(())));
        assert_eq!(jobs.published().total(), fit);
    }
}

/// What a publisher did stays counted when it is gone.
#[test]
fn figures_outlive_their_publisher() {
    let events = Topic::<u64>::open(Name::new("events").unwrap(), TopicPlan { shards: 2, capacity: 8 }).unwrap();
    let mut publisher = events.publisher();
    publisher.publish(&1_u32, 1).unwrap();
    let mut other = publisher.clone();
    other.publish(&1_u32, 2).unwrap();
    assert_eq!((events.published().total(), events.published().publishers), (2, 2));
    drop(other);
    assert_eq!((events.published().total(), events.published().publishers), (2, 1));
    events.close();
    assert_eq!(publisher.publish(&1_u32, 3), Err(PublishError::Closed(3)));
    assert_eq!(events.published().refused, 1);
}

/// A publisher that waits is called when there is room, and when there never will be.
#[test]
fn who_waits_is_called() {
    let jobs = queue(QueuePlan { capacity: 1, ..QueuePlan::default() });
    let mut publisher = jobs.publisher();
    publisher.publish(&0_u32, 1).unwrap();
    let waiting = thread::spawn(move || publisher.publish(&0_u32, 2));
    jobs.close();
    assert_eq!(waiting.join().unwrap(), Err(PublishError::Closed(2)));
}

/// An item without a key is not dropped as long as some shard has room.
#[test]
fn items_without_a_key_are_dropped_only_where_every_shard_is_full() {
    for full in [Policy::DropNewest, Policy::DropOldest] {
        let jobs = queue(QueuePlan { shards: 2, capacity: 2, full, ..QueuePlan::default() });
        let mut publisher = jobs.publisher();
        let key = (0_u32..).find(|key| shard_of(key, 2) == 0).unwrap();
        (0..2).for_each(|item| publisher.try_publish(&key, item).unwrap());
        publisher.try_publish_unkeyed(2).unwrap();
        publisher.publish_unkeyed(3).unwrap();
        let published = jobs.published();
        assert_eq!(
            (published.accepted, published.dropped_newest + published.dropped_oldest),
            (vec![2, 2], 0),
            "{full}"
        );
        publisher.try_publish_unkeyed(4).unwrap();
        let published = jobs.published();
        assert_eq!((published.total(), published.dropped_newest + published.dropped_oldest), (5, 1), "{full}");
    }
}

/// The item that is overwritten panics when it is dropped: the new one is in, for everybody, and counted.
#[test]
fn an_item_that_panics_when_overwritten_hides_no_other() {
    let events = Topic::<Bomb>::open(Name::new("events").unwrap(), TopicPlan { shards: 1, capacity: 1 }).unwrap();
    let mut publisher = events.publisher();
    let mut publish = |armed: bool| {
        catch_unwind(AssertUnwindSafe(|| assert!(publisher.try_publish(&0_u32, Bomb { armed }).is_ok()))).is_ok()
    };
    assert_eq!((publish(true), publish(false)), (true, false));
    assert_eq!(events.published().total(), 2);
    let mut latest = events.subscribe(Name::new("latest").unwrap(), &Contract::latest(), Start::Newest).unwrap();
    assert_eq!((publish(true), latest.poll(1, |_| ())), (true, Ok(1)));
    assert_eq!((publish(false), latest.poll(1, |_| ())), (false, Ok(1)));
    assert_eq!(events.published().total(), 4);
}
