//! What is asked of handlers with rules of delivery has an answer, also when they have ended.

use std::{
    panic::panic_any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use ringway::{
    delivery::{Answer, DeadLetterRules, RedriveError, Rules, WhenFull},
    worker::Leased,
};

use super::{BOOM, by_hand, poll_all};

/// An error whose drop panics as long as it is armed, unless something has panicked already.
struct Fault {
    armed: Arc<AtomicBool>,
}

impl Drop for Fault {
    fn drop(&mut self) {
        if self.armed.load(Relaxed) && !std::thread::panicking() {
            panic_any(BOOM);
        }
    }
}

/// A worker goes that has more in hand whose drop panics than it has patience; who asked it before waited for ever.
#[test]
fn a_worker_that_goes_leaves_no_question_without_an_answer() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").capacity(2048).open().unwrap();
    let dead_letters = DeadLetterRules { capacity: 1, when_full: WhenFull::Hold };
    let armed = Arc::new(AtomicBool::new(true));
    let all = Arc::clone(&armed);
    let rules = Rules { dead_letters, ..Rules::default() };
    let handler = move |_| {
        let armed = Arc::clone(&all);
        move |_: &mut Leased<'_, u64, Fault>| Answer::Reject(Fault { armed: Arc::clone(&armed) })
    };
    let deliveries = engine.consume(&jobs).deliver(rules).handle(handler).unwrap();
    let mut publisher = jobs.publisher();
    (0..2000).for_each(|job| publisher.publish(&0_u64, job).unwrap());
    poll_all(&mut workers);
    let asked = deliveries.ask(0, |tracker, _| tracker.depth());
    drop(workers);
    assert_eq!(asked.try_recv(), Ok(0));
    assert!(deliveries.attached().is_over());
    assert_eq!(jobs.take_left().len(), 1999);
    engine.abort().ledger.check().unwrap();
    // The error of the one that is a dead letter is dropped with it.
    armed.store(false, Relaxed);
}

/// Nobody delivers any more: what came back from among the dead letters stayed in hand for ever.
#[test]
fn a_dead_letter_stays_where_it_is_when_its_handler_has_ended() {
    let (engine, mut workers) = by_hand(1);
    let jobs = engine.queue::<u64>("jobs").open().unwrap();
    let rejects = |_: &mut Leased<'_, u64, ()>| Answer::Reject(());
    let deliveries = engine.consume(&jobs).deliver(Rules::default()).handle(move |_| rejects).unwrap();
    jobs.publisher().publish(&0_u64, 7).unwrap();
    engine.close();
    poll_all(&mut workers);
    assert!(engine.is_drained());
    let letters = deliveries.dead_letters(|id, _| id);
    let [(0, letter)] = letters[..] else { panic!("one died") };
    assert_eq!(deliveries.redrive(0, letter), Err(RedriveError::Ended));
    assert_eq!(deliveries.redrive_all(None), 0);
    let ledger = deliveries.ledger();
    assert_eq!((ledger.in_hand, ledger.redriven), (0, 0));
    assert_eq!(deliveries.remove(0, letter).map(|letter| letter.envelope.payload), Some(7));
}
