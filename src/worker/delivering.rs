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
    time::Instant as Moment,
};

use super::{
    Action, DeliveryHandler, End, Limits,
    duty::{Duty, Pace, Turn},
    handing::Handing,
    intakes::Intakes,
    leased::{Home, Homecoming},
    supervisor::Supervised,
    tracking::{Inquiry, Look, OwnedTracker},
};
use crate::channel::{Mpmc, Receiver};
use crate::delivery::{Answer, Envelope, Origin};
use crate::router::PopError;
use crate::time::{AnyClock, Instant};
use crate::wait::{Signal, Sleepers};

pub(crate) struct DeliveryDuty<T: Send + 'static, E: Send + 'static, H, M> {
    intakes: Intakes<T>,
    handing: Handing<T, E, H>,
    /// Makes an item's header.
    envelope: M,
    /// Put down where others find it when the handler has ended.
    tracker: Option<OwnedTracker<T, E>>,
    /// Whether items are taken in as far as there is room, so that the urgent ones are found among them.
    takes_all: bool,
    taken: u64,
    homecoming: Receiver<Homecoming<E>, Mpmc>,
    inquiry: Arc<Inquiry<T, E>>,
    asks: u64,
    pace: Pace,
    ending: Option<End>,
}

/// What a run brought.
struct Brought {
    /// Items taken in.
    taken: usize,
    /// Items handed over, of those that were taken in or of others.
    delivered: usize,
    /// Whether all shards are closed and empty.
    is_over: bool,
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
            handing: Handing::new(run, home, clock),
            envelope,
            tracker: Some(tracker),
            takes_all,
            taken: 0,
            homecoming,
            inquiry,
            asks: 0,
            pace: Pace::new(),
            ending: None,
        }
    }

    fn deliver_batch(&mut self, limits: &Limits, start: Moment) -> Turn {
        let asks = self.inquiry.asks();
        if asks != self.asks {
            self.asks = asks;
            self.answer(self.handing.clock.at(start));
        }
        // One that is full takes nothing, and would call itself again and again.
        if self.tracker.as_ref().is_some_and(|tracker| tracker.room() > 0) {
            self.intakes.call_others(1);
        }
        let mut pace = std::mem::replace(&mut self.pace, Pace::new());
        let mut is_over = false;
        let batch = pace.batch(limits, start, |max| {
            let now = self.handing.clock.now();
            self.settle(now);
            let brought = self.take_in_and_deliver(max, now);
            is_over = brought.is_over;
            // More may be behind what is only taken in, to be dropped or delivered later.
            match if brought.delivered > 0 { brought.delivered } else { brought.taken } {
                0 => Err(PopError::Empty),
                items => Ok(items),
            }
        });
        self.pace = pace;
        if !self.handing.timeless.is_empty() {
            self.settle(self.handing.clock.now());
        }
        self.tell();
        if self.handing.run.stopped {
            self.end(End::Stopped);
        } else if is_over && self.tracker.as_ref().is_none_or(|tracker| tracker.depth() == 0) {
            return self.finish(End::Closed);
        }
        batch.map_or(Turn::Idle, Turn::Handled)
    }

    /// Takes items in, and delivers up to `max`: of all that there is room for, or those that wait before those that come.
    #[inline(always)]
    fn take_in_and_deliver(&mut self, max: usize, now: Instant) -> Brought {
        if self.takes_all {
            let brought = self.take_in(usize::MAX, now, false);
            Brought { delivered: self.deliver(max, now), ..brought }
        } else {
            let waited = self.deliver(max, now);
            let brought = self.take_in(max - waited, now, true);
            Brought { delivered: waited + brought.delivered, ..brought }
        }
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
                match self.take_in(left, now, false).taken {
                    0 => break,
                    taken => left -= taken,
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
        let Self { tracker: Some(tracker), handing, homecoming, inquiry, .. } = self else { return };
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
                        handing.take_home(tracker, homecoming, now);
                    }
                })
            }));
            let Err(panic) = taken else { break };
            handing.run.failure(panic, attempt, Action::Noted, None);
        }
        for (lease, time) in handing.timeless.drain(..) {
            tracker.limit(lease, now + time);
        }
        while let Some(effect) = tracker.tick(now) {
            changed = true;
            handing.show(tracker, effect);
        }
        if changed {
            inquiry.tell(&tracker.ledger());
        }
    }

    /// Takes up to `max` items in, as far as there is room, and if `straight` hands those over for which nothing waits.
    fn take_in(&mut self, max: usize, now: Instant, straight: bool) -> Brought {
        let Self { intakes, handing, envelope, tracker, taken, .. } = self;
        let Some(tracker) = tracker else { return Brought { taken: 0, delivered: 0, is_over: true } };
        let most = tracker.room().min(max);
        let (mut left, mut delivered, mut closed) = (most, 0, 0);
        for (shard, intake) in intakes.turns.order(&mut intakes.open) {
            if left == 0 {
                break;
            }
            let popped = intake.pop_each(left, |item| {
                let Some(mut envelope) = handing.envelop(item, envelope) else { return };
                if tracker.keeps_origin() {
                    envelope.origin = Origin { shard: *shard as u32, sequence: *taken };
                }
                *taken += 1;
                match handing.accept(tracker, envelope, straight, now) {
                    Ok(is_delivered) => delivered += usize::from(is_delivered),
                    Err(refused) => handing.refuse(&intakes.queue, refused),
                }
            });
            match popped {
                Ok(items) => {
                    left -= items;
                    intakes.queue.bells(*shard).room.notify_all();
                }
                Err(PopError::Closed) => closed += 1,
                Err(PopError::Empty) => {}
            }
        }
        Brought { taken: most - left, delivered, is_over: closed == intakes.open.len() }
    }

    /// Delivers up to `max` items that wait; returns how many.
    fn deliver(&mut self, max: usize, now: Instant) -> usize {
        let Self { handing, tracker: Some(tracker), .. } = self else { return 0 };
        let mut delivered = 0;
        while delivered < max && !handing.run.stopped && handing.next(tracker, now) {
            delivered += 1;
        }
        delivered
    }

    fn tell(&mut self) {
        if let Some(tracker) = &self.tracker {
            let ledger = tracker.ledger();
            self.inquiry.tell(&ledger);
            self.handing.run.handled = ledger.acked;
            self.handing.run.figures.retried.set(ledger.redeliveries);
        }
        self.handing.run.tell();
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
        self.handing.run.hook(|handler| handler.ended(end));
        self.homecoming.close();
        if let Some(tracker) = self.tracker.take() {
            self.inquiry.put_down(tracker);
        }
        self.intakes.retire(end);
        self.handing.run.figures.set_end(end);
        Turn::Ended
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
                self.settle(self.handing.clock.now());
                if self.hand_back() { self.finish(end) } else { Turn::Idle }
            }
        }
    }

    fn next_at(&self) -> Option<Moment> {
        let at = self.tracker.as_ref()?.next_at(self.handing.clock.now())?;
        self.handing.clock.alarm(at)
    }

    fn end(&mut self, end: End) {
        self.handing.run.stopped = true;
        self.ending.get_or_insert(end);
        self.intakes.end(end);
    }

    fn give_up(&mut self) {
        self.finish(End::Aborted);
    }

    fn note(&mut self, panic: Box<dyn Any + Send>) {
        self.handing.run.failure(panic, 1, Action::Noted, None);
        // What was taken before the panic left room, of which nobody was told.
        self.intakes.tell_of_room();
        self.tell();
    }

    fn idle(&mut self) {}
}
