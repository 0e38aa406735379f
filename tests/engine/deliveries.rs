//! A queue with rules of delivery: retries, delays and leases come due by themselves, and every item is accounted for.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use ringway::{
    Engine,
    delivery::{
        Answer, AtBound, Backoff, CancelError, Class, DeadLetter, DeadLetters, DedupWindow, Effect, Envelope, Headers,
        Id, Jitter, Order, Origin, Priorities, Rate, Reason, RedriveError, Retry, Rules,
    },
    engine::Deliveries,
    router::{Queue, Sharing, shard_of},
    time::Manual,
    worker::{Action, Deferred, DeferredError, DeliveryHandler, End, Failure, Leased, OnPanic, Worker},
};

use super::{BOOM, keep_the_first_shard_busy, poll_all, quiet_booms, until};

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, what: impl ToString) {
    log.lock().unwrap().push(what.to_string());
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

/// An engine whose workers and whose time the test turns.
fn by_hand(workers: usize) -> (Engine, Vec<Worker>, Manual) {
    quiet_booms();
    let clock = Manual::new();
    let engine = Engine::builder().workers(workers).by_hand().clock(clock.clone()).start().unwrap();
    let workers = engine.take_workers();
    (engine, workers, clock)
}

const MS: Duration = Duration::from_millis(1);

/// Retries after 10 ms, three attempts.
fn rules() -> Rules {
    let backoff = Backoff::Fixed(10 * MS);
    Rules { retry: Retry { backoff, jitter: Jitter::None, attempts_max: 3, ..Retry::default() }, ..Rules::default() }
}

/// Fails, panics, defers as items ask; writes down what it sees.
struct Obedient {
    log: Log,
    deferred: mpsc::Sender<Deferred<&'static str>>,
}

impl DeliveryHandler<&'static str, &'static str> for Obedient {
    fn handle(&mut self, item: &mut Leased<'_, &'static str, &'static str>) -> Answer<&'static str> {
        note(&self.log, format!("{} {}", **item, item.attempt()));
        match (**item, item.attempt()) {
            ("fail once", 1) | ("fail" | "id 7 fails", _) => Answer::Nack("failed"),
            ("reject", _) => Answer::Reject("rejected"),
            ("panic once", 1) | ("panic", _) => std::panic::panic_any(BOOM),
            ("defer" | "id 7 defers", _) => {
                self.deferred.send(item.defer()).unwrap();
                Answer::Ack
            }
            ("defer longer", _) => {
                let mut deferred = item.defer();
                deferred.extend(100 * MS).unwrap();
                self.deferred.send(deferred).unwrap();
                Answer::Ack
            }
            _ => Answer::Ack,
        }
    }

    fn effect(&mut self, effect: Effect<&'static str>, letters: &mut DeadLetters<&'static str, &'static str>) {
        if let Effect::Dead { letter, .. } = effect {
            let letter = letters.peek(letter).unwrap();
            note(&self.log, format!("{} died of {:?} {:?}", letter.envelope.payload, letter.reason, letter.error));
        }
    }

    fn duplicate(&mut self, envelope: Envelope<&'static str>) {
        note(&self.log, format!("{} again", envelope.payload));
    }

    fn failed(&mut self, item: &&'static str, failure: &Failure) {
        note(&self.log, format!("{item} {} {:?} {:?}", failure.attempt, failure.key, failure.action));
    }

    fn ended(&mut self, end: End) {
        note(&self.log, end);
    }
}

/// What a test of one queue needs.
struct Bench {
    engine: Engine,
    workers: Vec<Worker>,
    clock: Manual,
    queue: Queue<&'static str>,
    deliveries: Deliveries<&'static str, &'static str>,
    log: Log,
    deferred: mpsc::Receiver<Deferred<&'static str>>,
}

impl Bench {
    fn new(rules: Rules, on_panic: OnPanic) -> Self {
        let (engine, workers, clock) = by_hand(1);
        let queue = engine.queue("jobs").open().unwrap();
        let log = Log::default();
        let (told, deferred) = mpsc::channel();
        let (made, told) = (Arc::clone(&log), Mutex::new(told));
        let deliveries = engine
            .consume(&queue)
            .on_panic(on_panic)
            .deliver(rules)
            .envelope(|item: &'static str| Envelope {
                key: Some(item.len() as u64),
                id: item.strip_prefix("id ").map(|rest| Id::from(u64::from(rest.as_bytes()[0]) - u64::from(b'0'))),
                priority: u8::from(!item.starts_with("urgent")),
                ..Envelope::new(item)
            })
            .handle(move |_| Obedient { log: Arc::clone(&made), deferred: told.lock().unwrap().clone() })
            .unwrap();
        Self { engine, workers, clock, queue, deliveries, log, deferred }
    }

    fn publish(&mut self, items: &[&'static str]) -> Vec<String> {
        let mut publisher = self.queue.publisher();
        items.iter().for_each(|&item| publisher.try_publish(&0_u32, item).unwrap());
        self.poll()
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.clock.advance(time);
        self.poll()
    }

    fn poll(&mut self) -> Vec<String> {
        poll_all(&mut self.workers);
        self.check();
        taken(&self.log)
    }

    #[track_caller]
    fn check(&self) {
        let ledger = self.engine.audit();
        if let Err(imbalance) = ledger.check() {
            panic!("{imbalance}\n{ledger}\n{ledger:?}");
        }
    }
}

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
fn dead_letters_are_redriven_from_outside() {
    let mut bench = Bench::new(rules(), OnPanic::Skip);
    bench.publish(&["reject", "fine"]);
    let asked = bench.deliveries.ask(0, |tracker, now| {
        let (letter, dead) =
            tracker.dead_letters_mut().list().next().map(|(id, letter)| (id, letter.attempts)).unwrap();
        tracker.dead_letters_mut().peek_mut(letter).unwrap().envelope.payload = "fine";
        (dead, tracker.redrive(letter, now).is_ok())
    });
    assert!(asked.try_recv().is_err(), "its worker answers");
    assert_eq!(bench.poll(), ["fine 1"]);
    assert_eq!(asked.try_recv(), Ok((1, true)));
    let ledger = bench.deliveries.ledger();
    assert_eq!((ledger.acked, ledger.dead, ledger.redriven), (2, 1, 1));
    // A question that panics has no answer, and ends nothing.
    let asked = bench.deliveries.ask(0, |_, _| std::panic::panic_any(BOOM));
    assert_eq!(bench.publish(&["fine"]), ["fine 1"]);
    assert!(asked.recv().is_err());
}

/// Neither payload nor error can be copied: they are looked at where they are, and taken by value.
#[test]
fn dead_letters_need_no_clone() {
    struct Job(&'static str);
    struct Fault(&'static str);
    let (engine, mut workers, _) = by_hand(2);
    let jobs = engine.queue::<Job>("jobs").shards(2).open().unwrap();
    let deliveries = engine.consume(&jobs).deliver(rules()).handle(|_| {
        |job: &mut Leased<'_, Job, Fault>| match (job.0, job.envelope().redrives) {
            ("again", 1) => Answer::Ack,
            (text, _) => Answer::Reject(Fault(text)),
        }
    });
    let (deliveries, mut publisher) = (deliveries.unwrap(), jobs.publisher());
    ["again", "never", "lost"].into_iter().for_each(|text| publisher.publish(&text, Job(text)).unwrap());
    poll_all(&mut workers);
    // Everybody else asks from another thread than the workers'.
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let told =
                |id, letter: &DeadLetter<Job, Fault>| (id, letter.envelope.payload.0, letter.error.as_ref().unwrap().0);
            let letters = deliveries.dead_letters(told);
            assert!(letters.len() == 3 && letters.iter().all(|(_, (_, text, fault))| text == fault));
            for (nth, (id, text, _)) in letters {
                if text == "again" {
                    assert!(deliveries.redrive(nth, id).is_ok());
                    assert_eq!(deliveries.redrive(nth, id), Err(RedriveError::Gone));
                } else {
                    assert_eq!(deliveries.remove(nth, id).unwrap().envelope.payload.0, text);
                    assert!(deliveries.remove(nth, id).is_none());
                }
            }
        });
        while !asking.is_finished() {
            poll_all(&mut workers);
        }
        asking.join().unwrap();
    });
    poll_all(&mut workers);
    let ledger = deliveries.ledger();
    assert_eq!((ledger.acked, ledger.dead, ledger.redriven, ledger.in_hand), (1, 3, 1, 0));
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
        let (engine, mut workers, _) = by_hand(1);
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
    let (engine, _workers, _clock) = by_hand(2);
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
    let (engine, mut workers, _clock) = by_hand(1);
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

/// A look at dead letters that panics for one handler's does not make the next handler's letters its own.
#[test]
fn letters_are_told_with_their_own_handler() {
    quiet_booms();
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let mut workers = engine.take_workers();
    let jobs = engine.queue::<u64>("jobs").shards(2).open().unwrap();
    let rejects = |_: &mut Leased<'_, u64, &'static str>| Answer::Reject("no");
    let deliveries = engine.consume(&jobs).deliver(Rules::default()).handle(move |_| rejects).unwrap();
    let mut publisher = jobs.publisher();
    for shard in 0..2 {
        let key = (0_u64..).find(|key| shard_of(key, 2) == shard).unwrap();
        publisher.publish(&key, shard as u64).unwrap();
    }
    poll_all(&mut workers);
    drop(workers);
    let looked = deliveries.dead_letters(|_, letter| {
        if letter.envelope.payload == 0 {
            std::panic::panic_any(BOOM);
        }
        letter.envelope.payload
    });
    assert_eq!(looked, [(1, 1)]);
}
