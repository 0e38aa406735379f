//! One item between a worker's tracker and its handler: it gets its header, it is handed over, its answer is taken, and what
//! follows is shown.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    Action, DeliveryHandler,
    duty::RUN_MAX,
    leased::{Home, Homecoming, Leased, WaysHome},
    supervisor::Supervised,
    tracking::{OwnedDelivery, OwnedTracker},
};
use crate::delivery::{Answer, Effect, Envelope, Lease, Refused};
use crate::router::Queue;
use crate::time::{AnyClock, Instant};

/// A handler, and what it takes to hand it an item.
pub(super) struct Handing<T, E: Send, H> {
    pub(super) run: Supervised<H, T>,
    ways: WaysHome<E>,
    /// Leases that have no time yet: those of the last run. Most answers are home before they would get one.
    pub(super) timeless: Vec<(Lease, Duration)>,
    pub(super) clock: AnyClock,
}

/// What is left to do after a delivery that was not acked at once.
enum Sequel<T> {
    Effect(Effect<T>),
    Panicked(Action),
}

impl<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>> Handing<T, E, H> {
    pub(super) fn new(run: Supervised<H, T>, home: Home<E>, clock: AnyClock) -> Self {
        Self { run, ways: WaysHome::new(home), timeless: Vec::with_capacity(RUN_MAX), clock }
    }

    /// Gives an item its header; of one at which that panics nothing is left.
    #[inline(always)]
    pub(super) fn envelop(&self, item: T, envelope: &mut impl FnMut(T) -> Envelope<T>) -> Option<Envelope<T>> {
        match catch_unwind(AssertUnwindSafe(|| envelope(item))) {
            Ok(envelope) => Some(envelope),
            Err(panic) => {
                self.skip(panic);
                None
            }
        }
    }

    /// Takes an item in, and if `straight` hands over what is next then: this one, if nothing waits. Returns whether it did.
    #[inline(always)]
    pub(super) fn accept(
        &mut self,
        tracker: &mut OwnedTracker<T, E>,
        envelope: Envelope<T>,
        straight: bool,
        now: Instant,
    ) -> Result<bool, Refused<T>> {
        let straight = straight && !self.run.stopped;
        let Some(delivery) = enter(tracker, envelope, straight, now)? else { return Ok(false) };
        if let Some(sequel) = self.hand(delivery) {
            self.follow(tracker, sequel);
        }
        Ok(true)
    }

    /// Hands over what is next, of all that waits; whether there was one.
    #[inline(always)]
    pub(super) fn next(&mut self, tracker: &mut OwnedTracker<T, E>, now: Instant) -> bool {
        let Some(delivery) = tracker.next(now) else { return false };
        if let Some(sequel) = self.hand(delivery) {
            self.follow(tracker, sequel);
        }
        true
    }

    /// Does what a tracker's refusal asks for.
    #[inline(never)]
    pub(super) fn refuse(&mut self, queue: &Queue<T>, refused: Refused<T>) {
        match refused {
            Refused::Duplicate(envelope) => self.run.hook(|handler| handler.duplicate(envelope)),
            // There is room for as many as were taken.
            Refused::Full(envelope) => queue.leave(envelope.payload),
            Refused::Header(_) => self.skip(Box::new(refused.to_string())),
        }
    }

    /// Takes what came home and is no ack. What comes too late is counted by the tracker.
    #[inline(never)]
    pub(super) fn take_home(&mut self, tracker: &mut OwnedTracker<T, E>, homecoming: Homecoming<E>, now: Instant) {
        let effect = match homecoming {
            Homecoming::Answer(lease, answer) => tracker.settle(lease, answer, now).ok(),
            Homecoming::Unanswered(lease) => tracker.release(lease, now).ok(),
            Homecoming::Extend(lease, time) => {
                let _ = tracker.extend(lease, now + time);
                None
            }
        };
        if let Some(effect) = effect {
            self.show(tracker, effect);
        }
    }

    /// Hands one item over, and takes the answer.
    #[inline(always)]
    fn hand(&mut self, delivery: OwnedDelivery<'_, T, E>) -> Option<Sequel<T>> {
        let Self { run, ways, timeless, clock } = self;
        let mut leased = Leased::new(delivery, ways);
        match catch_unwind(AssertUnwindSafe(|| run.handler.handle(&mut leased))) {
            Ok(Answer::Ack) => {
                match leased.deferred {
                    None => leased.delivery.ack(),
                    Some(time) => timeless.push((leased.delivery.leave(), time)),
                }
                None
            }
            Ok(answer) => Some(Sequel::Effect(not_acked(leased, answer, clock))),
            Err(panic) => Some(Sequel::Panicked(panicked(run, leased, panic))),
        }
    }

    /// Does what a delivery left to do.
    #[cold]
    fn follow(&mut self, tracker: &mut OwnedTracker<T, E>, sequel: Sequel<T>) {
        let action = match sequel {
            Sequel::Effect(effect) => return self.show(tracker, effect),
            Sequel::Panicked(action) => action,
        };
        match action {
            Action::Restarted => self.run.restart(),
            Action::Stopped => self.run.stopped = true,
            _ => {}
        }
        while let Some(effect) = tracker.tick(self.clock.now()) {
            self.show(tracker, effect);
        }
    }

    /// Shows the handler what followed.
    pub(super) fn show(&mut self, tracker: &mut OwnedTracker<T, E>, effect: Effect<T>) {
        if !matches!(effect, Effect::Acked) {
            self.run.hook(|handler| handler.effect(effect, tracker.dead_letters_mut()));
        }
    }

    /// Notes and counts an item that is dropped before its handler has seen it.
    #[cold]
    fn skip(&self, panic: Box<dyn Any + Send>) {
        self.run.failure(panic, 1, Action::Skipped, None);
        self.run.figures.dropped.add(1);
    }
}

/// Puts an item into the tracker; if `straight`, what is next comes out again to be handled.
#[inline(always)]
fn enter<T, E>(
    tracker: &mut OwnedTracker<T, E>,
    envelope: Envelope<T>,
    straight: bool,
    now: Instant,
) -> Result<Option<OwnedDelivery<'_, T, E>>, Refused<T>> {
    if straight {
        tracker.accept_next(envelope, now).map(|(_, delivery)| delivery)
    } else {
        tracker.accept(envelope, now).map(|_| None)
    }
}

/// Takes an answer that is no ack; whether it was deferred or not, it is given now.
#[inline(never)]
fn not_acked<T, E: Send>(leased: Leased<'_, T, E>, answer: Answer<E>, clock: &AnyClock) -> Effect<T> {
    leased.delivery.at(clock.now()).answer(answer)
}

/// Leaves a delivery at which the handler panicked without an answer: the next tick tells what follows.
#[cold]
fn panicked<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    leased: Leased<'_, T, E>,
    panic: Box<dyn Any + Send>,
) -> Action {
    let key = leased.envelope().key.map(|key| key.to_string());
    let action = run.after_delivery();
    let failure = run.failure(panic, leased.attempt(), action, key);
    run.hook(|handler| handler.failed(&leased, &failure));
    action
}
