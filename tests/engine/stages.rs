//! Stages: what one makes of an item goes on, in order, and the end comes from the front.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use ringway::{
    Engine,
    engine::AttachError,
    router::{Contract, Event, Held, Name, Start},
    worker::OnPanic,
};

use super::{BOOM, by_hand, poll_all};

#[test]
fn a_chain_drains_from_its_front() {
    let engine = Engine::builder().workers(2).start().unwrap();
    let lines = engine.topic::<u64>("lines").capacity(16).open().unwrap();
    let halves = engine.topic::<u64>("halves").shards(3).capacity(4).open().unwrap();
    let jobs = engine.queue::<u64>("jobs").capacity(2).open().unwrap();
    engine
        .subscribe(&lines, "halve")
        .then(&halves, |_| |item: &u64| item.is_multiple_of(2).then_some((7_u32, item / 2)))
        .unwrap();
    engine.subscribe(&halves, "pass").then(&jobs, |_| |item: &u64| Some((0_u32, *item))).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    engine
        .consume(&jobs)
        .handle(move |_| {
            let kept = Arc::clone(&kept);
            move |item: Held<'_, u64>| kept.lock().push(*item)
        })
        .unwrap();
    let mut publisher = lines.publisher();
    for item in 0..2000 {
        publisher.publish(&0_u32, item).unwrap();
    }
    let report = engine.drain(Duration::from_secs(30));
    assert!(report.is_drained(), "{report}");
    report.ledger.check().unwrap();
    assert_eq!(*seen.lock(), (0..1000).collect::<Vec<u64>>(), "every one, in order");
}

/// All on one worker, with the smallest rings: a stage that waited for room would wait for itself.
#[test]
fn a_stage_never_waits_for_its_own_worker() {
    let (engine, mut workers) = by_hand(1);
    let first = engine.topic::<u64>("first").capacity(64).open().unwrap();
    let second = engine.topic::<u64>("second").capacity(1).open().unwrap();
    engine.subscribe(&first, "stage").then(&second, |_| |item: &u64| Some((0_u32, *item))).unwrap();
    let attached = engine.subscribe(&second, "end").handle(|_| |_: &u64| ()).unwrap();
    let mut publisher = first.publisher();
    for item in 0..64 {
        publisher.try_publish(&0_u32, item).unwrap();
    }
    engine.close();
    let mut cycles = 0;
    while !engine.is_drained() {
        workers[0].poll();
        cycles += 1;
        assert!(cycles < 10_000, "{}", engine.audit());
    }
    assert_eq!(attached.handled(), 64);
    engine.audit().check().unwrap();
}

#[test]
fn a_stage_made_anew_keeps_what_it_had_made() {
    let (engine, mut workers) = by_hand(1);
    let first = engine.topic::<u64>("first").open().unwrap();
    let second = engine.topic::<u64>("second").capacity(1).open().unwrap();
    engine
        .subscribe(&first, "stage")
        .on_panic(OnPanic::Restart)
        .then(&second, |_| {
            let mut made = 0;
            move |item: &u64| {
                if *item == 5 {
                    std::panic::panic_any(BOOM);
                }
                made += 1;
                Some((0_u32, item * 100 + made))
            }
        })
        .unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    engine
        .subscribe(&second, "end")
        .handle(move |_| {
            let kept = Arc::clone(&kept);
            move |item: &u64| kept.lock().push(*item)
        })
        .unwrap();
    let mut publisher = first.publisher();
    (1..=8).for_each(|item| publisher.try_publish(&0_u32, item).unwrap());
    engine.close();
    while !engine.is_drained() {
        poll_all(&mut workers);
    }
    assert_eq!(*seen.lock(), [101, 202, 303, 404, 601, 702, 803]);
}

#[test]
fn a_cycle_is_refused() {
    let (engine, _) = by_hand(1);
    let [a, b, c] = ["a", "b", "c"].map(|name| engine.topic::<u64>(name).open().unwrap());
    let pass = |_| |item: &u64| Some((0_u32, *item));
    engine.subscribe(&a, "ab").then(&b, pass).unwrap();
    engine.subscribe(&b, "bc").then(&c, pass).unwrap();
    let error = engine.subscribe(&c, "ca").then(&a, pass).unwrap_err();
    assert!(matches!(error, AttachError::Cycle { .. }));
    assert!(error.to_string().starts_with("c -> a -> b -> c is a cycle"), "{error}");
    assert!(engine.subscribe(&a, "aa").feeds(&a).handle(|_| |_: &u64| ()).is_err());
    engine.subscribe(&a, "ac").then(&c, pass).expect("two ways to one place are no cycle");
}

/// What a stage has made, and had no room for, is not lost because the stage is detached.
#[test]
fn what_a_detached_stage_has_made_goes_on() {
    let (engine, mut workers) = by_hand(1);
    let first = engine.topic::<u64>("first").capacity(64).open().unwrap();
    let second = engine.topic::<u64>("second").capacity(4).open().unwrap();
    let stage = engine.subscribe(&first, "stage").then(&second, |_| |item: &u64| Some((0_u32, *item))).unwrap();
    let mut gate = second.subscribe(Name::new("gate").unwrap(), &Contract::gate(), Start::Newest).unwrap();
    let mut publisher = first.publisher();
    let mut made = 0;
    while second.published().total() == made {
        publisher.try_publish(&0_u32, made).unwrap();
        poll_all(&mut workers);
        made += 1;
    }
    let mut seen = 0;
    while let Ok(items) = gate.poll(100, |_| ()) {
        seen += items as u64;
    }
    assert_eq!(seen + 1, made, "one had no room");
    stage.detach();
    poll_all(&mut workers);
    assert_eq!(gate.poll(100, |event| assert_eq!(event, Event::Item(&seen))), Ok(1));
    engine.audit().check().unwrap();
}

/// What a handler feeds must be this engine's own, not only have the name of something that is.
#[test]
fn what_is_fed_is_known_by_more_than_its_name() {
    let (engine, _workers) = by_hand(1);
    let (other, _others) = by_hand(1);
    let events = engine.topic::<u64>("events").open().unwrap();
    engine.queue::<u64>("jobs").open().unwrap();
    let foreign = other.queue::<u64>("jobs").open().unwrap();
    let attached = engine.subscribe(&events, "stage").then(&foreign, |_| |item: &u64| Some((0_u32, *item)));
    assert_eq!(attached.unwrap_err(), AttachError::Foreign { name: foreign.name().clone() });
}
