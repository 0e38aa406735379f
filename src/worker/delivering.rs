//! A handler of a queue with rules of delivery: what is taken from the queue stays in a tracker until it has ended.
//!
//! ```text
//! turn:  answer questions → then in runs: answers that came home → what time asks for → deliver what waits → take items in
//! ```
//! An item that is taken in while nothing waits goes straight to its handler, and on its ack out again; see
//! [`Tracker::accept_next`](crate::delivery::Tracker::accept_next).
//!
//! The tracker belongs to the worker, so nothing here is shared but the ring by which deferred answers come home, and what is
//! asked for. The worker sleeps until an item, an answer or a question comes, or until the tracker is due.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use super::{
    Action, DeliveryHandler, End, Limits,
    duty::{Duty, Pace, RUN_MAX, Turn},
    intakes::Intakes,
    leased::{Home, Homecoming, Leased},
    supervisor::Supervised,
    tracking::{Inquiry, Look, OwnedDelivery, OwnedTracker},
};
use crate::channel::{Mpmc, Receiver};
use crate::delivery::{Answer, Effect, Envelope, Lease, Origin, Refused};
use crate::router::{PopError, Queue};
use crate::time::{AnyClock, Instant};
use crate::wait::{Signal, Sleepers};

pub(crate) struct DeliveryDuty<T: Send + 'static, E: Send + 'static, H, M> {
    intakes: Intakes<T>,
    run: Supervised<H, T>,
    /// Makes an item's header.
    envelope: M,
    /// Put down where others find it when the handler has ended.
    tracker: Option<OwnedTracker<T, E>>,
    /// Whether items are taken in as far as there is room, so that the urgent ones are found among them.
    takes_all: bool,
    taken: u64,
    home: Arc<Home<E>>,
    homecoming: Receiver<Homecoming<E>, Mpmc>,
    /// Leases that have no time yet: those of the last run. Most answers are home before they would get one.
    timeless: Vec<(Lease, Duration)>,
    inquiry: Arc<Inquiry<T, E>>,
    asks: u64,
    clock: AnyClock,
    pace: Pace,
    ending: Option<End>,
}

/// What a delivering duty is made of.
pub(crate) struct DeliveryParts<T: Send + 'static, E: Send + 'static, M> {
    pub(crate) envelope: M,
    pub(crate) tracker: OwnedTracker<T, E>,
    pub(crate) takes_all: bool,
    pub(crate) home: (Home<E>, Receiver<Homecoming<E>, Mpmc>),
    pub(crate) inquiry: Arc<Inquiry<T, E>>,
    pub(crate) clock: AnyClock,
}

impl<T, E, H, M> DeliveryDuty<T, E, H, M>
where
    T: Send + 'static,
    E: Send + 'static,
    H: DeliveryHandler<T, E>,
    M: FnMut(T) -> Envelope<T> + Send + 'static,
{
    pub(crate) fn new(intakes: Intakes<T>, run: Supervised<H, T>, parts: DeliveryParts<T, E, M>) -> Self {
        let DeliveryParts { envelope, tracker, takes_all, home: (home, homecoming), inquiry, clock } = parts;
        Self {
            intakes,
            run,
            envelope,
            tracker: Some(tracker),
            takes_all,
            taken: 0,
            home: Arc::new(home),
            homecoming,
            timeless: Vec::with_capacity(RUN_MAX),
            inquiry,
            asks: 0,
            clock,
            pace: Pace::new(),
            ending: None,
        }
    }

    fn deliver_batch(&mut self, limits: &Limits, start: Moment) -> Turn {
        let asks = self.inquiry.asks();
        if asks != self.asks {
            self.asks = asks;
            self.answer(self.clock.at(start));
        }
        // One that is full takes nothing, and would call itself again and again.
        if self.tracker.as_ref().is_some_and(|tracker| tracker.room() > 0) {
            self.intakes.call_others(1);
        }
        let mut pace = std::mem::replace(&mut self.pace, Pace::new());
        let mut closed = false;
        let batch = pace.batch(limits, start, |max| {
            let now = self.clock.now();
            self.settle(now);
            let mut taken = 0;
            if self.takes_all {
                (taken, _, closed) = self.take_in(usize::MAX, now, false);
            }
            let mut delivered = self.deliver(max, now);
            if !self.takes_all {
                let passed;
                (taken, passed, closed) = self.take_in(max - delivered, now, true);
                delivered += passed;
            }
            // More may be behind what is only taken in, to be dropped or delivered later.
            match if delivered > 0 { delivered } else { taken } {
                0 => Err(PopError::Empty),
                items => Ok(items),
            }
        });
        self.pace = pace;
        if !self.timeless.is_empty() {
            self.settle(self.clock.now());
        }
        self.tell();
        if self.run.stopped {
            self.end(End::Stopped);
        } else if closed && self.tracker.as_ref().is_none_or(|tracker| tracker.depth() == 0) {
            return self.finish(End::Closed);
        }
        batch.map_or(Turn::Idle, Turn::Handled)
    }

    /// Answers what was asked.
    #[cold]
    fn answer(&mut self, now: Instant) {
        let questions = self.inquiry.take_questions();
        let is_behind = questions.takes_in && self.take_in_all(now);
        if let Some(tracker) = &mut self.tracker {
            self.inquiry.answer(questions, Look { tracker, now, goes_on: true, is_behind });
        }
    }

    /// Takes in what the shards hold, as far as there is room, and hands none of it out; whether they hold more.
    fn take_in_all(&mut self, now: Instant) -> bool {
        let depth = |intakes: &Intakes<T>| intakes.open.iter().map(|(_, intake)| intake.depth()).sum::<usize>();
        let mut left = depth(&self.intakes);
        let taken_in = catch_unwind(AssertUnwindSafe(|| {
            while left > 0 {
                match self.take_in(left, now, false) {
                    (0, ..) => break,
                    (taken, ..) => left -= taken,
                }
            }
        }));
        if let Err(panic) = taken_in {
            self.note(panic);
        }
        depth(&self.intakes) > 0
    }

    /// Takes the answers that came home, gives the leases of the last run their time, and lets time pass.
    fn settle(&mut self, now: Instant) {
        let Self { tracker: Some(tracker), run, homecoming, timeless, inquiry, .. } = self else { return };
        let (mut changed, mut attempt) = (false, 0);
        // Those after one that panics are still to be taken.
        loop {
            let taken = catch_unwind(AssertUnwindSafe(|| {
                homecoming.try_recv_each(usize::MAX, |homecoming| {
                    (changed, attempt) = (true, homecoming.lease().attempt());
                    // What comes too late is counted by the tracker.
                    if let Homecoming::Answer(lease, Answer::Ack) = homecoming {
                        let _ = tracker.settle_ack(lease);
                    } else {
                        take_home(run, tracker, homecoming, now);
                    }
                })
            }));
            let Err(panic) = taken else { break };
            run.failure(panic, attempt, Action::Noted, None);
        }
        for (lease, time) in timeless.drain(..) {
            tracker.limit(lease, now + time);
        }
        while let Some(effect) = tracker.tick(now) {
            changed = true;
            show(run, tracker, effect);
        }
        if changed {
            inquiry.tell(&tracker.ledger());
        }
    }

    /// Takes items in, as far as there is room, and if `straight` hands those out for which nothing waits. Returns how many were
    /// taken, how many of them handed out, and whether all shards are closed and empty.
    fn take_in(&mut self, max: usize, now: Instant, straight: bool) -> (usize, usize, bool) {
        let Self { intakes, run, envelope, tracker, taken, home, timeless, clock, .. } = self;
        let Some(tracker) = tracker else { return (0, 0, true) };
        let most = tracker.room().min(max);
        let mut want = most;
        let (mut delivered, mut closed) = (0, 0);
        for (shard, intake) in intakes.turns.order(&mut intakes.open) {
            if want == 0 {
                break;
            }
            let popped = intake.pop_each(want, |item| {
                let mut envelope = match catch_unwind(AssertUnwindSafe(|| envelope(item))) {
                    Ok(envelope) => envelope,
                    Err(panic) => {
                        run.failure(panic, 1, Action::Skipped, None);
                        return run.figures.dropped.add(1);
                    }
                };
                if tracker.keeps_origin() {
                    envelope.origin = Origin { shard: *shard as u32, sequence: *taken };
                }
                *taken += 1;
                let straight = straight && !run.stopped;
                let sequel = match accept(tracker, envelope, straight, now) {
                    Ok(None) => None,
                    Ok(Some(delivery)) => {
                        delivered += 1;
                        hand(run, home, timeless, clock, delivery)
                    }
                    Err(refused) => return refuse(run, &intakes.queue, refused),
                };
                if let Some(sequel) = sequel {
                    follow(run, tracker, clock, sequel);
                }
            });
            match popped {
                Ok(items) => {
                    want -= items;
                    intakes.queue.bells(*shard).room.notify_all();
                }
                Err(PopError::Closed) => closed += 1,
                Err(PopError::Empty) => {}
            }
        }
        (most - want, delivered, closed == intakes.open.len())
    }

    /// Delivers up to `max` items that wait; returns how many.
    fn deliver(&mut self, max: usize, now: Instant) -> usize {
        let Self { run, tracker, home, timeless, clock, .. } = self;
        let Some(tracker) = tracker else { return 0 };
        let mut delivered = 0;
        while delivered < max && !run.stopped {
            let Some(delivery) = tracker.next(now) else { break };
            delivered += 1;
            if let Some(sequel) = hand(run, home, timeless, clock, delivery) {
                follow(run, tracker, clock, sequel);
            }
        }
        delivered
    }

    fn tell(&mut self) {
        if let Some(tracker) = &self.tracker {
            let ledger = tracker.ledger();
            self.inquiry.tell(&ledger);
            self.run.handled = ledger.acked;
            self.run.figures.retried.set(ledger.redeliveries);
        }
        self.run.tell();
    }

    /// Gives back what is not finished; whether that was all.
    fn hand_back(&mut self) -> bool {
        if let Some(tracker) = &mut self.tracker {
            tracker.hand_back(|envelope| self.intakes.queue.leave(envelope.payload));
        }
        self.intakes.leave_rest()
    }

    fn finish(&mut self, end: End) -> Turn {
        self.tell();
        self.run.hook(|handler| handler.ended(end));
        self.homecoming.close();
        if let Some(tracker) = self.tracker.take() {
            self.inquiry.put_down(tracker);
        }
        self.intakes.retire(end);
        self.run.figures.set_end(end);
        Turn::Ended
    }
}

/// Takes an item in; if `straight`, and nothing waits, it comes out again to be handled.
#[inline(always)]
fn accept<T, E>(
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

/// Does what a tracker's refusal asks for.
#[inline(never)]
fn refuse<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    queue: &Queue<T>,
    refused: Refused<T>,
) {
    match refused {
        Refused::Duplicate(envelope) => run.hook(|handler| handler.duplicate(envelope)),
        // There is room for as many as were taken.
        Refused::Full(envelope) => queue.leave(envelope.payload),
        Refused::Header(_) => {
            run.failure(Box::new(refused.to_string()), 1, Action::Skipped, None);
            run.figures.dropped.add(1);
        }
    }
}

/// What is left to do after a delivery that was not acked at once.
enum Sequel<T> {
    Effect(Effect<T>),
    Panicked(Action),
}

/// Hands one item over, and takes the answer.
#[inline(always)]
fn hand<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    home: &Arc<Home<E>>,
    timeless: &mut Vec<(Lease, Duration)>,
    clock: &AnyClock,
    delivery: OwnedDelivery<'_, T, E>,
) -> Option<Sequel<T>> {
    let mut leased = Leased::new(delivery, home);
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

/// Takes an answer that is no ack; whether it was deferred or not, it is given now.
#[inline(never)]
fn not_acked<T, E: Send>(leased: Leased<'_, T, E>, answer: Answer<E>, clock: &AnyClock) -> Effect<T> {
    leased.delivery.at(clock.now()).answer(answer)
}

/// Takes what came home and is no ack. What comes too late is counted by the tracker.
#[inline(never)]
fn take_home<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    tracker: &mut OwnedTracker<T, E>,
    homecoming: Homecoming<E>,
    now: Instant,
) {
    let effect = match homecoming {
        Homecoming::Answer(lease, answer) => tracker.settle(lease, answer, now).ok(),
        Homecoming::Unanswered(lease) => tracker.release(lease, now).ok(),
        Homecoming::Extend(lease, time) => {
            let _ = tracker.extend(lease, now + time);
            None
        }
    };
    if let Some(effect) = effect {
        show(run, tracker, effect);
    }
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

/// Does what a delivery left to do.
#[cold]
fn follow<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    tracker: &mut OwnedTracker<T, E>,
    clock: &AnyClock,
    sequel: Sequel<T>,
) {
    let action = match sequel {
        Sequel::Effect(effect) => return show(run, tracker, effect),
        Sequel::Panicked(action) => action,
    };
    match action {
        Action::Restarted => run.restart(),
        Action::Stopped => run.stopped = true,
        _ => {}
    }
    while let Some(effect) = tracker.tick(clock.now()) {
        show(run, tracker, effect);
    }
}

/// Shows the handler what followed.
fn show<T: Send + 'static, E: Send + 'static, H: DeliveryHandler<T, E>>(
    run: &mut Supervised<H, T>,
    tracker: &mut OwnedTracker<T, E>,
    effect: Effect<T>,
) {
    if !matches!(effect, Effect::Acked) {
        run.hook(|handler| handler.effect(effect, tracker.dead_letters_mut()));
    }
}

impl<T, E, H, M> Duty for DeliveryDuty<T, E, H, M>
where
    T: Send + 'static,
    E: Send + 'static,
    H: DeliveryHandler<T, E>,
    M: FnMut(T) -> Envelope<T> + Send + 'static,
{
    fn bells(&self, each: &mut dyn FnMut(&Sleepers)) {
        self.intakes.bells(each);
        each(&self.inquiry.bell);
    }

    fn turn(&mut self, limits: &Limits, now: Moment) -> Turn {
        match self.ending {
            None => self.deliver_batch(limits, now),
            Some(end) => {
                // What is acked already is not handed back.
                self.settle(self.clock.now());
                if self.hand_back() { self.finish(end) } else { Turn::Idle }
            }
        }
    }

    fn next_at(&self) -> Option<Moment> {
        let at = self.tracker.as_ref()?.next_at(self.clock.now())?;
        self.clock.alarm(at)
    }

    fn end(&mut self, end: End) {
        self.run.stopped = true;
        self.ending.get_or_insert(end);
        self.intakes.end(end);
    }

    fn give_up(&mut self) {
        self.finish(End::Aborted);
    }

    fn note(&mut self, panic: Box<dyn Any + Send>) {
        self.run.failure(panic, 1, Action::Noted, None);
        // What was taken before the panic left room, of which nobody was told.
        self.intakes.tell_of_room();
        self.tell();
    }

    fn idle(&mut self) {}
}
