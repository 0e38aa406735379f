//! Topics: subscriptions that come and go while items are published. Nobody else loses one, and nobody is left waiting.

use std::time::Duration;

use loom::thread;
use ringway::{
    ring::PopError,
    router::{Contract, Event, Start, Subscription, Topic, TopicPlan},
};

use crate::{
    explore::{explore, explore_briefly},
    task::{Task, block_on},
};

const KEY: &u64 = &0;

/// A topic of one shard with so many slots.
fn topic(capacity: usize) -> Topic<u64> {
    Topic::open("events".parse().expect("a name"), TopicPlan { shards: 1, capacity }).expect("a small topic")
}

fn subscribe(topic: &Topic<u64>, contract: &Contract<u64>) -> Subscription<u64> {
    topic.subscribe("reader".parse().expect("a name"), contract, Start::Newest).expect("open")
}

/// What the subscription has to see now.
fn seen(subscription: &mut Subscription<u64>) -> Vec<u64> {
    let mut items = Vec::new();
    let mut note = |event: Event<'_, u64>| {
        if let Event::Item(&item) = event {
            items.push(item);
        }
    };
    while subscription.poll(8, &mut note).is_ok() {}
    items
}

/// Publishes so many numbers from 1 on, each as soon as there is room.
fn publish(topic: &Topic<u64>, items: u64) {
    let mut publisher = topic.publisher();
    for item in 1..=items {
        publisher.publish(KEY, item).expect("open");
    }
}

fn accepted(topic: &Topic<u64>) -> u64 {
    topic.published().accepted.iter().sum()
}

/// Nothing gates. A publisher that has caught up with another's push by a lap sleeps until that push is done.
#[test]
fn publishers_without_a_subscription_do_not_wait_for_ever() {
    explore("topic: publish | publish publish", 100, [3], || {
        let topic = topic(1);
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 1));
        publish(&topic, 2);
        publisher.join().unwrap();
        accepted(&topic)
    });
}

/// One that comes, sees what it is shown, and goes, while another gates throughout: that one sees everything, and it sees a
/// part without a hole.
#[test]
fn a_gate_comes_and_goes() {
    let parts = [vec![], vec![1], vec![1, 2], vec![2]];
    explore("topic: publish publish | attach poll detach", 300, parts, || {
        let topic = topic(2);
        let mut stays = subscribe(&topic, &Contract::gate());
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 2));
        let part = seen(&mut subscribe(&topic, &Contract::gate()));
        publisher.join().unwrap();
        assert_eq!(accepted(&topic), 2);
        assert_eq!(seen(&mut stays), [1, 2], "another subscription cost this one an item");
        part
    });
}

/// Whoever goes holds nobody back, whatever it has not seen, and whenever it came.
#[test]
fn a_gate_that_goes_releases_a_sleeping_publisher() {
    explore("topic: publish × 3 | attach detach", 200, [3], || {
        let topic = topic(1);
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 3));
        drop(subscribe(&topic, &Contract::gate()));
        publisher.join().unwrap();
        accepted(&topic)
    });
}

/// A gate that was there before the first item, and goes while one publisher sleeps on it and another pushes.
#[test]
fn two_publishers_outlive_a_gate() {
    explore_briefly("topic: publish publish | publish | detach", 300, [3], || {
        let topic = topic(1);
        let gate = subscribe(&topic, &Contract::gate());
        let publishers = [2, 1].map(|items| {
            let topic = topic.clone();
            thread::spawn(move || publish(&topic, items))
        });
        drop(gate);
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        accepted(&topic)
    });
}

/// A task that waits for a gate is woken when that one has seen something, and when it goes.
#[test]
fn a_task_sleeps_for_a_gate() {
    explore("topic: publish × 2 by a task | poll detach", 100, [vec![], vec![1], vec![1, 2]], || {
        let topic = topic(1);
        let mut gate = subscribe(&topic, &Contract::gate());
        let mut publisher = topic.publisher();
        let task = thread::spawn(move || {
            (1..=2).for_each(|item| block_on(publisher.publish_async(KEY, item)).expect("open"));
        });
        let part = seen(&mut gate);
        drop(gate);
        task.join().unwrap();
        assert_eq!(accepted(&topic), 2);
        part
    });
}

/// Two tasks have caught up with a push by a lap, and the one that its end wakes is dropped: the other is woken.
#[test]
fn a_cancelled_publish_passes_its_call_on() {
    explore("topic: publish | poll cancel publish by a task", 100, [2, 3], || {
        let topic = topic(1);
        let (other, mut one, mut two) = (topic.clone(), topic.publisher(), topic.publisher());
        let publisher = thread::spawn(move || publish(&other, 1));
        let mut first = Task::new(one.publish_async(KEY, 2));
        first.poll();
        let mut second = Task::new(two.publish_async(KEY, 3));
        let early = second.poll();
        drop(first);
        early.unwrap_or_else(|| second.finish()).expect("open");
        publisher.join().unwrap();
        accepted(&topic)
    });
}

/// Once `subscribe` has returned, whatever is published is meant for the new one, also by publishers that were there before;
/// those items that it is not offered it has no claim to.
#[test]
fn a_ring_beside_is_fed_from_the_moment_it_is_there() {
    explore("topic: publish | attach publish", 200, [vec![1, 9], vec![9], vec![9, 1]], || {
        let topic = topic(4);
        let mut stays = subscribe(&topic, &Contract::gate());
        let (other, mut publisher) = (topic.clone(), topic.publisher());
        let beside = thread::spawn(move || publish(&other, 1));
        let mut comes = subscribe(&topic, &Contract::latest());
        publisher.publish(KEY, 9).expect("open");
        beside.join().unwrap();
        assert_eq!(accepted(&topic), 2);
        let mut all = seen(&mut stays);
        all.sort_unstable();
        assert_eq!(all, [1, 9], "another subscription cost this one an item");
        seen(&mut comes)
    });
}

/// A ring beside that goes while it is fed costs nobody else an item, and its own are refused or gone with it.
#[test]
fn a_ring_beside_goes_while_it_is_fed() {
    explore("topic: publish publish | detach", 200, [vec![1, 2]], || {
        let topic = topic(2);
        let mut stays = subscribe(&topic, &Contract::gate());
        let goes = subscribe(&topic, &Contract::latest().capacity(1));
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 2));
        drop(goes);
        publisher.join().unwrap();
        assert_eq!(accepted(&topic), 2);
        seen(&mut stays)
    });
}

/// A close is exact: what was accepted is seen by who stays, by a ring beside too, what was refused by nobody, and everybody
/// learns of the end.
#[test]
fn a_close_is_exact_for_who_stays() {
    explore("topic: publish publish | close", 30, [vec![], vec![1], vec![1, 2]], || {
        let topic = topic(2);
        let mut stays = subscribe(&topic, &Contract::gate());
        let mut beside = subscribe(&topic, &Contract::latest());
        let other = topic.clone();
        let publisher = thread::spawn(move || {
            let mut publisher = other.publisher();
            (1..=2).take_while(|&item| publisher.publish(KEY, item).is_ok()).count() as u64
        });
        topic.close();
        let sent = publisher.join().unwrap();
        let items = seen(&mut stays);
        assert_eq!((items.len() as u64, accepted(&topic)), (sent, sent));
        assert_eq!(seen(&mut beside), items, "an item that was accepted missed the ring beside");
        assert_eq!([&mut stays, &mut beside].map(|reader| reader.poll(1, |_| ())), [Err(PopError::Closed); 2]);
        items
    });
}

/// What a subscription is shown: items, and how many others were merged into each.
fn shown(subscription: &mut Subscription<u64>) -> Vec<(u64, u64)> {
    shown_until_nothing(subscription).0
}

/// The same, and why that was all.
fn shown_until_nothing(subscription: &mut Subscription<u64>) -> (Vec<(u64, u64)>, PopError) {
    let (mut items, mut before) = (Vec::new(), 0);
    let mut note = |event: Event<'_, u64>| match event {
        Event::Item(&item) => items.push((item, std::mem::take(&mut before))),
        Event::Missed(missed) => before = missed.count(),
    };
    loop {
        if let Err(nothing) = subscription.poll(8, &mut note) {
            return (items, nothing);
        }
    }
}

/// A patience that no model outlasts: nobody is evicted.
fn patient() -> Contract<u64> {
    Contract::gate_for(Duration::MAX)
}

/// Every key is the same.
fn conflated() -> Contract<u64> {
    Contract::conflate(|_| 0, 1)
}

/// Its slot is claimed before the topic's: it is fed from the moment it is there, and nobody else misses a part.
#[test]
fn a_gate_for_a_time_is_fed_from_the_moment_it_is_there() {
    explore("topic: publish | attach gate-for publish", 200, [vec![1, 9], vec![9], vec![9, 1]], || {
        let topic = topic(4);
        let mut stays = subscribe(&topic, &Contract::gate());
        let (other, mut publisher) = (topic.clone(), topic.publisher());
        let beside = thread::spawn(move || publish(&other, 1));
        let mut comes = subscribe(&topic, &patient());
        publisher.publish(KEY, 9).expect("open");
        beside.join().unwrap();
        let mut all = seen(&mut stays);
        all.sort_unstable();
        assert_eq!(all, [1, 9], "another subscription cost this one an item");
        seen(&mut comes)
    });
}

/// One that goes while a publisher holds a slot of its ring, or waits for one, holds that publisher back no more.
#[test]
fn a_gate_for_a_time_goes_while_it_is_fed() {
    explore("topic: publish publish | poll detach gate-for", 100, [vec![], vec![1], vec![1, 2]], || {
        let topic = topic(2);
        let mut stays = subscribe(&topic, &Contract::gate());
        let mut goes = subscribe(&topic, &patient());
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 2));
        let part = seen(&mut goes);
        drop(goes);
        publisher.join().unwrap();
        assert_eq!((accepted(&topic), seen(&mut stays)), (2, vec![1, 2]));
        part
    });
}

/// What was accepted before a close it sees to the last item: a slot that was claimed before is delivered after.
#[test]
fn a_close_is_exact_for_a_gate_for_a_time() {
    explore("topic: publish publish | close, gate-for", 30, [vec![], vec![1], vec![1, 2]], || {
        let topic = topic(2);
        let mut patient = subscribe(&topic, &patient());
        let other = topic.clone();
        let publisher = thread::spawn(move || {
            let mut publisher = other.publisher();
            (1..=2).take_while(|&item| publisher.publish(KEY, item).is_ok()).count() as u64
        });
        topic.close();
        let sent = publisher.join().unwrap();
        let items = seen(&mut patient);
        assert_eq!((items.len() as u64, accepted(&topic)), (sent, sent));
        assert_eq!(patient.poll(1, |_| ()), Err(PopError::Closed));
        items
    });
}

/// A close costs a conflating one nothing either: of all that was accepted it is shown the newest, and told of the others.
#[test]
fn a_close_is_exact_for_a_conflation() {
    let ways = [vec![], vec![(1, 0)], vec![(2, 1)], vec![(1, 0), (2, 0)]];
    explore("topic: publish publish | close poll, conflate", 30, ways, || {
        let topic = topic(2);
        let mut screen = subscribe(&topic, &conflated());
        let other = topic.clone();
        let publisher = thread::spawn(move || {
            let mut publisher = other.publisher();
            (1..=2).take_while(|&item| publisher.publish(KEY, item).is_ok()).count() as u64
        });
        topic.close();
        let (mut items, nothing) = shown_until_nothing(&mut screen);
        let sent = publisher.join().unwrap();
        let late = shown(&mut screen);
        assert!(late.is_empty() || nothing == PopError::Empty, "the end was told before the last item");
        items.extend(late);
        assert_eq!(screen.poll(1, |_| ()), Err(PopError::Closed));
        assert_eq!(items.iter().map(|(_, merged)| 1 + merged).sum::<u64>(), sent);
        items
    });
}

/// The newest of a key is never missed, whatever was merged into it, and each older one was seen or is counted.
#[test]
fn a_conflation_ends_with_the_newest() {
    let ways = [vec![(1, 0), (2, 0)], vec![(2, 1)]];
    explore("topic: publish publish | poll, conflate", 100, ways, || {
        let topic = topic(2);
        let mut screen = subscribe(&topic, &conflated());
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 2));
        let mut items = shown(&mut screen);
        publisher.join().unwrap();
        items.extend(shown(&mut screen));
        items
    });
}

/// Two publishers that both meet a key for the first time share its slot.
#[test]
fn two_publishers_conflate_one_key() {
    let ways = [vec![(9, 0), (1, 0)], vec![(9, 1)], vec![(1, 1)]];
    explore("topic: publish | publish poll, conflate", 100, ways, || {
        let topic = topic(4);
        let mut screen = subscribe(&topic, &conflated());
        let (other, mut publisher) = (topic.clone(), topic.publisher());
        let beside = thread::spawn(move || publish(&other, 1));
        publisher.publish(KEY, 9).expect("open");
        let mut items = shown(&mut screen);
        beside.join().unwrap();
        items.extend(shown(&mut screen));
        items
    });
}

/// A conflating one comes and goes beside a gate, which sees everything.
#[test]
fn a_conflation_comes_and_goes() {
    let parts = [vec![], vec![(1, 0)], vec![(1, 0), (2, 0)], vec![(2, 0)], vec![(2, 1)]];
    explore("topic: publish publish | attach poll detach, conflate", 200, parts, || {
        let topic = topic(2);
        let mut stays = subscribe(&topic, &Contract::gate());
        let other = topic.clone();
        let publisher = thread::spawn(move || publish(&other, 2));
        let part = shown(&mut subscribe(&topic, &conflated()));
        publisher.join().unwrap();
        assert_eq!((accepted(&topic), seen(&mut stays)), (2, vec![1, 2]));
        part
    });
}
