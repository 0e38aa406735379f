//! What others ask of a tracker, and what its worker tells of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};

use parking_lot::Mutex;

use super::{forget, leased::Classes};
use crate::delivery::{Delivery, Ledger, Tracker};
use crate::sync::{Counter, Tally};
use crate::time::{AnyClock, Instant};
use crate::wait::{Signal, Sleepers};

/// The tracker of one handler.
pub type OwnedTracker<T, E> = Tracker<T, E, Classes<E>>;

/// A delivery of such a tracker.
pub(super) type OwnedDelivery<'t, T, E> = Delivery<'t, T, E, Classes<E>>;

type Question<T, E> = Box<dyn FnOnce(Look<'_, T, E>) + Send>;

/// What a question is shown.
pub(crate) struct Look<'t, T, E> {
    pub(crate) tracker: &'t mut OwnedTracker<T, E>,
    pub(crate) now: Instant,
    /// Whether anybody still delivers what is in hand.
    pub(crate) goes_on: bool,
}

/// The figures of a tracker, told by its worker after each batch.
#[derive(Debug, Default)]
pub(crate) struct Told([Tally; Ledger::WORDS]);

impl Told {
    pub(super) fn set(&self, ledger: &Ledger) {
        self.0.iter().zip(ledger.words()).for_each(|(tally, word)| tally.set(word));
    }

    pub(crate) fn get(&self) -> Ledger {
        Ledger::from_words(std::array::from_fn(|nth| self.0[nth].get()))
    }
}

/// Where others ask for a tracker, whose owner is a worker; and where the tracker stays when that owner has ended.
pub(crate) struct Inquiry<T, E> {
    /// Guards what is asked; control plane: dead letters are looked at, the handler ends.
    asked: Mutex<Asked<T, E>>,
    /// Counts what was asked.
    asks: Counter,
    /// Calls the worker: for questions, and for answers that come home.
    pub(super) bell: Arc<Sleepers>,
    told: Arc<Told>,
    clock: AnyClock,
}

struct Asked<T, E> {
    questions: Vec<Question<T, E>>,
    /// There when the handler has ended.
    tracker: Option<OwnedTracker<T, E>>,
}

impl<T: Send + 'static, E: Send + 'static> Inquiry<T, E> {
    pub(crate) fn new(told: Arc<Told>, clock: AnyClock) -> Self {
        let asked = Asked { questions: Vec::new(), tracker: None };
        Self { asked: Mutex::new(asked), asks: Counter::default(), bell: Arc::default(), told, clock }
    }

    pub(crate) fn told(&self) -> Arc<Told> {
        Arc::clone(&self.told)
    }

    /// Tells what became of the items.
    pub(super) fn tell(&self, ledger: &Ledger) {
        self.told.set(ledger);
    }

    pub(crate) fn bell(&self) -> Arc<Sleepers> {
        Arc::clone(&self.bell)
    }

    /// Lets `question` look at the tracker, on its worker's thread, or here when that has ended.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(Look<'_, T, E>) -> R + Send + 'static,
    ) -> mpsc::Receiver<R> {
        let (answer, answers) = mpsc::channel();
        let question = Box::new(move |look: Look<'_, T, E>| {
            // Whoever asked may be gone.
            let _ = answer.send(question(look));
        });
        let resting = {
            let mut asked = self.asked.lock();
            asked.questions.push(question);
            asked.tracker.take()
        };
        match resting {
            Some(tracker) => self.put_down(tracker),
            None => {
                self.asks.add(1);
                self.bell.notify_all();
            }
        }
        answers
    }

    /// How much was asked so far.
    #[inline]
    pub(super) fn asks(&self) -> u64 {
        self.asks.get()
    }

    /// Answers what was asked. Questions are the caller's code, so nothing is locked meanwhile; one that panics has no answer.
    pub(super) fn answer_all(&self, tracker: &mut OwnedTracker<T, E>, now: Instant, goes_on: bool) {
        let questions = std::mem::take(&mut self.asked.lock().questions);
        for question in questions {
            let look = Look { tracker: &mut *tracker, now, goes_on };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| question(look))) {
                forget(panic);
            }
        }
        self.told.set(&tracker.ledger());
    }

    /// Puts the tracker down for good.
    pub(super) fn put_down(&self, mut tracker: OwnedTracker<T, E>) {
        loop {
            self.answer_all(&mut tracker, self.clock.now(), false);
            let mut asked = self.asked.lock();
            if asked.questions.is_empty() {
                asked.tracker = Some(tracker);
                return;
            }
        }
    }
}
