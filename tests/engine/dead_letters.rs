//! Dead letters, asked for from outside: looked at where they are, mended, redriven, taken out.

use ringway::{
    delivery::{Answer, DeadLetter, RedriveError, Rules},
    router::shard_of,
    worker::{Leased, OnPanic},
};

use super::{
    BOOM, by_hand,
    obedient::{Bench, rules},
    poll_all,
};

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
    let (engine, mut workers) = by_hand(2);
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

/// A look at dead letters that panics for one handler's does not make the next handler's letters its own.
#[test]
fn letters_are_told_with_their_own_handler() {
    let (engine, mut workers) = by_hand(1);
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
