//! Items that are taken in and not delivered at once: duplicates, delayed ones, those whose header can't be made.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ringway::{
    Engine,
    delivery::{Answer, DedupWindow, Envelope, Id, Rules},
    time::{Instant, Manual},
    worker::{Leased, Polled, Worker},
};

use super::{BOOM, quiet_booms, until};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Job {
    Duplicate,
    Delayed,
    Broken,
    Plain,
}

fn envelope(job: Job) -> Envelope<Job> {
    let envelope = Envelope::new(job);
    match job {
        Job::Duplicate => Envelope { id: Some(Id::from(7_u64)), ..envelope },
        Job::Delayed => Envelope { not_before: Instant::FAR, ..envelope },
        Job::Broken => std::panic::panic_any(BOOM),
        Job::Plain => envelope,
    }
}

/// A worker that found nothing but duplicates in a run of items fell asleep, and what came after them waited.
#[test]
fn a_cycle_that_only_takes_items_in_is_not_idle() {
    quiet_booms();
    for before in [Job::Duplicate, Job::Delayed, Job::Broken] {
        let clock = Manual::new();
        let engine = Engine::builder().workers(1).by_hand().clock(clock).start().unwrap();
        let mut worker: Worker = engine.take_workers().remove(0);
        let jobs = engine.queue::<Job>("jobs").open().unwrap();
        let handled = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&handled);
        let dedup = Some(DedupWindow { time: Duration::from_secs(60), count: 10 });
        engine
            .consume(&jobs)
            .deliver(Rules { dedup, ..Rules::default() })
            .envelope(envelope)
            .handle(move |_| {
                let log = Arc::clone(&log);
                move |job: &mut Leased<'_, Job, ()>| {
                    log.lock().unwrap().push(**job);
                    Answer::Ack
                }
            })
            .unwrap();
        let mut publisher = jobs.publisher();
        for _ in 0..600 {
            publisher.publish_unkeyed(before).unwrap();
        }
        publisher.publish_unkeyed(Job::Plain).unwrap();
        while worker.poll() != Polled::Idle {}
        assert_eq!(handled.lock().unwrap().last(), Some(&Job::Plain), "after {before:?}");
        engine.audit().check().unwrap();
    }
}

/// Panics when it goes.
struct Clumsy;

impl Drop for Clumsy {
    fn drop(&mut self) {
        std::panic::panic_any(BOOM);
    }
}

/// The drop of the last item in a full ring panicked as it was acked: there was room, and nobody told the publisher.
#[test]
fn a_publisher_hears_of_room_although_the_last_item_panicked_as_it_went() {
    quiet_booms();
    for _ in 0..3 {
        let engine = Engine::builder().workers(1).by_hand().start().unwrap();
        let mut worker = engine.take_workers().remove(0);
        let jobs = engine.queue::<Option<Clumsy>>("jobs").capacity(1).open().unwrap();
        engine
            .consume(&jobs)
            .deliver(Rules::default())
            .handle(|_| |_: &mut Leased<'_, Option<Clumsy>, ()>| Answer::Ack)
            .unwrap();
        let mut publisher = jobs.publisher();
        let mut filled = 0;
        while publisher.try_publish_unkeyed(None).is_ok() {
            filled += 1;
        }
        while worker.poll() != Polled::Idle {}
        (1..filled).for_each(|_| publisher.try_publish_unkeyed(None).unwrap());
        publisher.try_publish_unkeyed(Some(Clumsy)).unwrap();
        let (begins, begun) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            begins.send(()).unwrap();
            publisher.publish_unkeyed(None)
        });
        begun.recv().unwrap();
        // Most probably it sleeps by then.
        (0..200).for_each(|_| std::thread::yield_now());
        worker.poll();
        worker.poll();
        until("the publisher has found room", || waiting.is_finished());
        waiting.join().unwrap().unwrap();
    }
}

/// Answers are taken home many at once: those behind one whose item panics as it goes count, too, and every panic is noted.
#[test]
fn an_item_that_panics_as_it_goes_leaves_the_answers_behind_it() {
    quiet_booms();
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let mut worker = engine.take_workers().remove(0);
    let jobs = engine.queue::<Option<Clumsy>>("jobs").capacity(64).open().unwrap();
    let (told, deferred) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    let deliveries = engine
        .consume(&jobs)
        .deliver(Rules::default())
        .handle(move |_| {
            let told = told.lock().unwrap().clone();
            move |job: &mut Leased<'_, Option<Clumsy>, ()>| told.send(job.defer()).unwrap()
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    (0..40).for_each(|job| publisher.publish_unkeyed((job % 3 == 0).then(|| Clumsy)).unwrap());
    while worker.poll() != Polled::Idle {}
    (0..40).for_each(|_| deferred.recv().unwrap().ack().unwrap());
    while worker.poll() != Polled::Idle {}
    let ledger = deliveries.ledger();
    assert_eq!((ledger.acked, ledger.in_hand, ledger.redeliveries, ledger.stale), (40, 0, 0, 0), "{ledger:?}");
    assert_eq!(engine.failure_count(), 14);
    engine.audit().check().unwrap();
}

/// What was acked in time is not handed back, although the end came before the worker's next turn.
#[test]
fn an_answer_that_is_home_counts_at_the_end() {
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let mut worker = engine.take_workers().remove(0);
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let (told, deferred) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    engine
        .consume(&jobs)
        .deliver(Rules::default())
        .handle(move |_| {
            let told = told.lock().unwrap().clone();
            move |job: &mut Leased<'_, u64, ()>| {
                told.send(job.defer()).unwrap();
                Answer::Ack
            }
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    (0..2).for_each(|job| publisher.publish_unkeyed(job).unwrap());
    while worker.poll() != Polled::Idle {}
    deferred.recv().unwrap().ack().unwrap();
    drop(worker);
    let report = engine.abort();
    report.ledger.check().unwrap();
    let queue = report.ledger.queue("jobs").unwrap();
    assert_eq!((queue.handled, queue.left), (1, 1));
    assert_eq!(jobs.take_left().len(), 1);
}
