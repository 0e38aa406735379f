//! A queue with rules of delivery: retries, delays and leases come due by themselves, and every item is accounted for.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ringway::{
    Engine,
    delivery::{
        Answer, AtBound, CancelError, Class, DedupWindow, Envelope, Headers, Id, Order, Origin, Priorities, Rate,
        Reason, Rules,
    },
    router::Sharing,
    worker::{Action, DeferredError, Leased, OnPanic},
};

use super::{
    BOOM, by_hand, keep_the_first_shard_busy,
    obedient::{Bench, Log, MS, note, rules, taken},
    poll_all, quiet_booms, until,
};

#[test]
fn a_nack_comes_again_when_it_is_due_and_dies_when_its_attempts_are_used_up() {
    let mut bench = Bench::new(rules(), OnPanic::Skip);
    assert_eq!(bench.publish(&["fail once", "fail", "fine"]), ["fail once 1", "fail 1", "fine 1"]);
    assert!(bench.after(5 * MS).is_empty());
    assert_eq!(bench.after(6 * MS), ["fail once 2", "fail 2"]);
    assert_eq!(bench.after(11 * MS), ["fail 3", "fail died of Failed Some(\"failed\")"]);
    assert_eq!(bench.publish(&["reject"]), ["reject 1", "reject died of Rejected Some(\"rejected\")"]);
    let ledger = bench.engine.audit();
    let queue = ledger.queue("jobs").unwrap();
    assert_eq!((queue.handled, queue.retried), (2, 3));
    assert_eq!(queue.delivery.unwrap().dead, 2);
    assert!(ledger.to_string().contains("dead 2 + expired 0"), "{ledger}");
}

#[test]
fn a_panic_is_a_nack_and_is_reported_with_its_key() {
    for (on_panic, action) in [(OnPanic::Skip, Action::Nacked), (OnPanic::Restart, Action::Restarted)] {
        let mut bench = Bench::new(rules(), on_panic);
        let told = |attempt| format!("panic once {attempt} Some(\"10\") {action:?}");
        assert_eq!(bench.publish(&["panic once", "fine"]), ["panic once 1".to_owned(), told(1), "fine 1".to_owned()]);
        assert_eq!(bench.after(11 * MS), ["panic once 2"]);
        let failure = &bench.engine.failures()[0];
        assert_eq!((failure.attempt, failure.key.as_deref(), failure.action), (1, Some("10"), action));
        assert!(failure.to_string().contains("attempt 1 at key 10 panicked: boom"), "{failure}");
    }
}

#[test]
fn a_handler_that_must_stop_hands_everything_back() {
    let mut bench = Bench::new(rules(), OnPanic::Stop);
    let seen = bench.publish(&["fail once", "panic", "fine", "fine"]);
    assert_eq!(seen, ["fail once 1", "panic 1", "panic 1 Some(\"5\") Stopped", "stopped"]);
    assert!(bench.queue.publisher().try_publish(&0_u32, "late").is_err_and(|refused| refused.is_closed()));
    assert_eq!(bench.queue.take_left(), ["fail once", "panic", "fine", "fine"]);
    assert_eq!(bench.engine.audit().queue("jobs").unwrap().left, 4);
}

#[test]
fn deferred_answers_come_home() {
    let mut bench = Bench::new(Rules { lease: 50 * MS, ..rules() }, OnPanic::Skip);
    assert_eq!(bench.publish(&["defer", "defer", "defer", "defer"]), ["defer 1"; 4]);
    let mut deferred: Vec<_> = bench.deferred.try_iter().collect();
    assert_eq!(bench.deliveries.ledger().in_hand, 4);
    deferred.remove(0).ack().unwrap();
    assert!(bench.poll().is_empty());
    assert_eq!(bench.deliveries.ledger().acked, 1);
    // A nack, and one that is dropped: both come again after 10 ms.
    deferred.remove(0).answer(Answer::Nack("later")).unwrap();
    drop(deferred.remove(0));
    // The last asks for more time, and uses it up.
    deferred[0].extend(100 * MS).unwrap();
    assert!(bench.poll().is_empty());
    assert_eq!(bench.after(11 * MS), ["defer 2", "defer 2"]);
    bench.deferred.try_iter().for_each(|deferred| deferred.ack().unwrap());
    assert!(bench.after(60 * MS).is_empty(), "the lease was extended");
    assert!(bench.after(40 * MS).is_empty(), "it ran out, and 10 ms follow");
    assert_eq!(bench.after(11 * MS), ["defer 2"]);
    deferred.remove(0).ack().unwrap();
    bench.poll();
    let ledger = bench.deliveries.ledger();
    assert_eq!((ledger.acked, ledger.stale, ledger.leases_expired, ledger.in_hand), (3, 1, 1, 1));
    bench.deferred.try_iter().for_each(|deferred| deferred.ack().unwrap());
    bench.poll();
    assert_eq!(bench.deliveries.ledger().in_hand, 0);
}

/// A lease gets its time when the run of its item is through; what its handler asked for meanwhile is at home before that.
#[test]
fn a_lease_that_its_handler_has_extended_keeps_its_time() {
    let mut bench = Bench::new(Rules { lease: 50 * MS, ..rules() }, OnPanic::Skip);
    assert_eq!(bench.publish(&["defer longer", "defer"]), ["defer longer 1", "defer 1"]);
    assert!(bench.after(52 * MS).is_empty(), "one ran out, and 10 ms follow");
    assert_eq!(bench.deliveries.ledger().leases_expired, 1);
    assert_eq!(bench.after(11 * MS), ["defer 2"]);
    assert!(bench.after(39 * MS).is_empty(), "the other ran out, and 10 ms follow");
    assert_eq!(bench.after(11 * MS), ["defer longer 2"]);
    bench.deferred.try_iter().for_each(|deferred| deferred.ack().unwrap());
    bench.poll();
    let ledger = bench.deliveries.ledger();
    assert_eq!((ledger.acked, ledger.stale, ledger.leases_expired, ledger.in_hand), (2, 2, 2, 0));
}

#[test]
fn a_drain_waits_for_what_is_in_hand_and_an_abort_hands_it_back() {
    let mut bench = Bench::new(rules(), OnPanic::Skip);
    bench.publish(&["fail once", "defer"]);
    bench.engine.close();
    assert!(bench.poll().is_empty() && !bench.engine.is_drained());
    let deferred = bench.deferred.try_recv().unwrap();
    deferred.ack().unwrap();
    assert!(bench.poll().is_empty() && !bench.engine.is_drained());
    assert_eq!(bench.after(11 * MS), ["fail once 2", "closed"]);
    assert!(bench.engine.is_drained());

    let mut bench = Bench::new(rules(), OnPanic::Skip);
    bench.publish(&["fail", "defer", "reject"]);
    let deferred = bench.deferred.try_recv().unwrap();
    bench.engine.close();
    drop(std::mem::take(&mut bench.workers));
    assert_eq!(deferred.ack(), Err(DeferredError::Ended));
    let Bench { engine, queue, deliveries, .. } = bench;
    let report = engine.abort();
    report.ledger.check().unwrap_or_else(|imbalance| panic!("{imbalance}\n{report}"));
    assert_eq!(queue.take_left(), ["fail", "defer"]);
    let queue = report.ledger.queue("jobs").unwrap();
    assert_eq!((queue.left, queue.delivery.unwrap().handed_back), (2, 2));
    // The dead letter is still to be looked at.
    let letters = deliveries.dead_letters(|_, letter| (letter.envelope.payload, letter.reason));
    assert_eq!(letters, [(0, ("reject", Reason::Rejected))]);
    assert_eq!(deliveries.purge(), 1);
    assert!(deliveries.dead_letters(|id, _| id).is_empty());
}

#[test]
fn duplicates_priorities_and_keys() {
    let keyed = Order::Keyed { keys_max: 16, parked_per_key_max: 16, at_bound: AtBound::Stall };
    let dedup = Some(DedupWindow { time: Duration::from_secs(60), count: 100 });
    let mut bench =
        Bench::new(Rules { order: keyed, dedup, priorities: Priorities::Strict(2), ..rules() }, OnPanic::Skip);
    assert_eq!(bench.publish(&["id 7", "id 7", "id 8", "urgent"]), ["id 7 again", "urgent 1", "id 7 1", "id 8 1"]);
    // "fail once" holds up those of its key: of nine letters.
    assert_eq!(bench.publish(&["fail once", "nine char", "other"]), ["fail once 1", "other 1"]);
    assert_eq!(bench.after(11 * MS), ["fail once 2", "nine char 1"]);
    let ledger = bench.deliveries.ledger();
    assert_eq!((ledger.refused_duplicate, ledger.taken()), (1, 7));
}

/// Of two with one id the one accepted first is found, whatever it waits for, but is not taken out of a handler's hands.
#[test]
fn items_are_found_and_cancelled_by_their_id() {
    let mut bench = Bench::new(rules(), OnPanic::Skip);
    let cancel = |bench: &mut Bench| {
        let answer = bench.deliveries.ask(0, |tracker, _| tracker.find(7_u64).map(|item| tracker.cancel(item)));
        bench.poll();
        answer.recv().unwrap().map(|cancelled| cancelled.map(|envelope| envelope.payload))
    };
    assert_eq!(cancel(&mut bench), None);
    assert_eq!(bench.publish(&["id 7 fails", "id 7 fails", "id 7 defers"]).len(), 3);
    for _ in 0..2 {
        assert_eq!(cancel(&mut bench), Some(Ok("id 7 fails")));
    }
    assert_eq!(cancel(&mut bench), Some(Err(CancelError::Leased)));
    bench.deferred.recv().unwrap().ack().unwrap();
    bench.poll();
    assert_eq!(cancel(&mut bench), None);
    let ledger = bench.deliveries.ledger();
    assert_eq!((ledger.cancelled, ledger.acked, ledger.in_hand), (2, 1, 0));
    assert!(bench.engine.audit().to_string().contains("dropped or cancelled 2 + "));
}

/// A full tracker takes nothing more: the ring fills up, and its backpressure works.
#[test]
fn a_full_tracker_pushes_back() {
    let mut bench = Bench::new(Rules { capacity: 4, in_flight_max: 4, ..rules() }, OnPanic::Skip);
    assert_eq!(bench.publish(&["defer"; 6]).len(), 4);
    assert_eq!(bench.engine.audit().queue("jobs").unwrap().waiting, 2);
    bench.deferred.try_iter().for_each(|deferred| deferred.ack().unwrap());
    assert_eq!(bench.poll().len(), 2);
    bench.deferred.try_iter().for_each(|deferred| deferred.ack().unwrap());
    bench.poll();
    assert_eq!(bench.deliveries.ledger().acked, 6);
}

/// Origins are told if they are kept. A header that says what is not kept is told as a failure, as an envelope that panics is,
/// and its item is dropped and counted.
#[test]
fn headers_are_kept_as_the_rules_say() {
    for (headers, told, dropped) in [
        (Headers::ALL, ["1 is 0 of 2", "7 is 1 of 2", "2 is 2 of 2"].as_slice(), 0),
        (Headers::NONE, ["1 is 0 of 0", "2 is 0 of 0"].as_slice(), 1),
    ] {
        let (engine, mut workers) = by_hand(1);
        let queue = engine.queue("jobs").shards(4).open().unwrap();
        let log = Log::default();
        let made = Arc::clone(&log);
        let _deliveries = engine
            .consume(&queue)
            .deliver(Rules { headers, ..rules() })
            .envelope(|item: u64| Envelope { id: (item == 7).then(|| Id::from(item)), ..Envelope::new(item) })
            .handle(move |_| {
                let log = Arc::clone(&made);
                move |item: &mut Leased<'_, u64, ()>| {
                    let Origin { shard, sequence } = item.envelope().origin;
                    note(&log, format!("{} is {sequence} of {shard}", **item));
                    Answer::Ack
                }
            })
            .unwrap();
        let mut publisher = queue.publisher();
        for item in [1, 7, 2] {
            publisher.publish(&5_u32, item).unwrap();
        }
        poll_all(&mut workers);
        assert_eq!(taken(&log), told);
        let ledger = engine.audit();
        ledger.check().unwrap();
        let queue = ledger.queue("jobs").unwrap();
        assert_eq!((queue.dropped, queue.failures), (dropped, dropped));
        assert!(engine.failures().iter().all(|failure| failure.message.contains("Rules::headers")));
    }
}

/// With threads that sleep: a delay, a retry, an answer that comes home and a question wake their worker.
#[test]
fn what_is_due_wakes_a_sleeping_worker() {
    quiet_booms();
    let engine = Engine::builder().workers(2).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").shards(2).sharing(Sharing::Shared).open().unwrap();
    let (told, deferred) = mpsc::channel();
    let told = Mutex::new(told);
    let probe = engine.probe();
    let deliveries = engine
        .consume(&jobs)
        .deliver(rules())
        .envelope(move |job: u64| Envelope { not_before: probe.now() + job as u32 * MS, ..Envelope::new(job) })
        .classes(|_| Class::After(20 * MS))
        .handle(move |_| {
            let told = told.lock().unwrap().clone();
            move |job: &mut Leased<'_, u64, ()>| match job.attempt() {
                1 => Err(()),
                2 => told.send(job.defer()).map_err(drop),
                _ => std::panic::panic_any(BOOM),
            }
        })
        .unwrap();
    let mut publisher = jobs.publisher();
    for job in [0, 30, 60] {
        publisher.publish_unkeyed(job).unwrap();
    }
    for acked in 1..=3 {
        // Each was delayed, failed, and came again.
        let deferred = deferred.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(deferred.attempt(), 2);
        std::thread::spawn(move || deferred.ack()).join().unwrap().unwrap();
        until("the answer is home", || deliveries.ledger().acked == acked);
    }
    assert!(deliveries.dead_letters(|id, _| id).is_empty());
    let report = engine.drain(Duration::from_secs(30));
    assert!(report.is_drained());
    report.ledger.check().unwrap();
    assert_eq!(deliveries.ledger().redeliveries, 3);
}

/// Each worker of a shared queue would keep its own keys and ids: what it could not hold to is not taken.
#[test]
fn rules_that_go_by_keys_are_not_for_shared_queues() {
    let (engine, _workers) = by_hand(2);
    let jobs = engine.queue::<u64>("jobs").sharing(Sharing::Shared).open().unwrap();
    let keyed = Order::Keyed { keys_max: 16, parked_per_key_max: 16, at_bound: AtBound::Stall };
    let window = DedupWindow { time: Duration::from_secs(60), count: 100 };
    let rate = Rate { interval: MS, burst: 1 };
    for (rules, rule) in [
        (Rules { order: keyed, ..rules() }, "order by key"),
        (Rules { dedup: Some(window), ..rules() }, "the window of duplicates"),
        (Rules { key_rate: Some((rate, 16)), ..rules() }, "a rate of each key"),
    ] {
        let refused = engine.consume(&jobs).deliver(rules).handle(|_| |_: &mut Leased<'_, u64, ()>| ());
        let said = refused.err().map(|error| error.to_string());
        let wanted = format!("queue jobs is shared, and {rule} is kept by each worker for itself: open it as keyed");
        assert_eq!(said, Some(wanted));
    }
    assert!(engine.consume(&jobs).deliver(rules()).handle(|_| |_: &mut Leased<'_, u64, ()>| ()).is_ok());
}

/// One item fits in at a time, and a shared queue's own shard always has one: the other shard has its turns all the same.
#[test]
fn a_shard_does_not_starve_beside_a_busy_one() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").shards(2).sharing(Sharing::Shared).open().unwrap();
    let log = Log::default();
    let kept = Arc::clone(&log);
    engine
        .consume(&jobs)
        .deliver(Rules { capacity: 1, in_flight_max: 1, ..rules() })
        .handle(move |_| {
            let kept = Arc::clone(&kept);
            move |job: &mut Leased<'_, u64, ()>| {
                note(&kept, **job);
                Answer::Ack
            }
        })
        .unwrap();
    keep_the_first_shard_busy(&jobs, &mut workers[0]);
    let seen = taken(&log);
    assert!(seen.contains(&"1000".to_owned()), "{seen:?}");
}
