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
    /// Whether items wait that the tracker has no room for.
    pub(crate) is_behind: bool,
}

/// What was asked at once.
pub(super) struct Questions<T, E> {
    list: Vec<Question<T, E>>,
    /// Whether one of them is for whatever waits in the queue, too.
    pub(super) takes_in: bool,
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
    questions: Questions<T, E>,
    /// There when the handler has ended.
    tracker: Option<OwnedTracker<T, E>>,
}

impl<T: Send + 'static, E: Send + 'static> Inquiry<T, E> {
    pub(crate) fn new(told: Arc<Told>, clock: AnyClock) -> Self {
        let asked = Asked { questions: Questions { list: Vec::new(), takes_in: false }, tracker: None };
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

    /// Lets `question` look at the tracker, on its worker's thread, or here when that has ended. If it `takes_in`, the worker takes
    /// from the queue before as much as there is room for.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        takes_in: bool,
        question: impl FnOnce(Look<'_, T, E>) -> R + Send + 'static,
    ) -> mpsc::Receiver<R> {
        let (answer, answers) = mpsc::channel();
        let question = Box::new(move |look: Look<'_, T, E>| {
            // Whoever asked may be gone.
            let _ = answer.send(question(look));
        });
        let resting = {
            let mut asked = self.asked.lock();
            asked.questions.list.push(question);
            asked.questions.takes_in |= takes_in;
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

    /// What was asked and has no answer yet.
    pub(super) fn take_questions(&self) -> Questions<T, E> {
        std::mem::replace(&mut self.asked.lock().questions, Questions { list: Vec::new(), takes_in: false })
    }

    /// Answers what was asked. Questions are the caller's code, so nothing is locked meanwhile; one that panics has no answer.
    pub(super) fn answer(&self, questions: Questions<T, E>, look: Look<'_, T, E>) {
        let Look { tracker, now, goes_on, is_behind } = look;
        for question in questions.list {
            let look = Look { tracker: &mut *tracker, now, goes_on, is_behind };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| question(look))) {
                forget(panic);
            }
        }
        self.told.set(&tracker.ledger());
    }

    /// Puts the tracker down for good.
    pub(super) fn put_down(&self, mut tracker: OwnedTracker<T, E>) {
        loop {
            let look = Look { tracker: &mut tracker, now: self.clock.now(), goes_on: false, is_behind: false };
            self.answer(self.take_questions(), look);
            let mut asked = self.asked.lock();
            if asked.questions.list.is_empty() {
                asked.tracker = Some(tracker);
                return;
            }
        }
    }
}
