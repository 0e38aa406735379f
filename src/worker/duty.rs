//! What a worker does for one handler in one turn.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{End, Handler, intakes::Intakes, supervisor::Supervised};
use crate::router::{Event, Held, PopError, Queue, Reader, Topic, topic::Membership};
use crate::wait::{Signal, Sleepers};

/// How much a handler may do before the next one has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Items of one batch.
    pub batch_items: usize,
    /// Time of one batch: looked at after every few items, and after each that takes long.
    pub batch_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { batch_items: 256, batch_time: Duration::from_micros(500) }
    }
}

/// What a turn brought.
pub(crate) enum Turn {
    /// So many items were handled, or, if none was, taken in to be handled later.
    Handled(usize),
    /// Nothing now.
    Idle,
    /// The handler can't take more now, and nobody calls when it can.
    Held,
    /// Nothing any more.
    Ended,
}

/// One handler's share of a worker.
pub(crate) trait Duty: Send {
    /// Shows who is called when there is something for it.
    fn bells(&self, each: &mut dyn FnMut(&Sleepers));

    /// Handles one batch. `now` is when the turn begins.
    fn turn(&mut self, limits: &Limits, now: Instant) -> Turn;

    /// When it wants a turn although nothing comes; asked before the worker sleeps.
    fn next_at(&self) -> Option<Instant>;

    /// Nothing is to be handled from now on; what is left is counted, and handed back where it can be, in further turns.
    fn end(&mut self, end: End);

    /// It has no further turn, whatever is still on its way: it ends as it is.
    fn give_up(&mut self);

    /// A panic came out of the turn itself: from the drop of an item.
    fn note(&mut self, panic: Box<dyn std::any::Any + Send>);

    /// The first turn without items after one with some.
    fn idle(&mut self);
}

/// Cuts a batch into runs between which the clock is looked at: longer ones while items are cheap.
pub(super) struct Pace {
    run: usize,
}

pub(super) const RUN_MAX: usize = 128;

impl Pace {
    pub(super) fn new() -> Self {
        Self { run: 16 }
    }

    /// Takes runs by `take` until the batch is full, its time over, or nothing is there.
    #[inline(always)]
    pub(super) fn batch(
        &mut self,
        limits: &Limits,
        start: Instant,
        mut take: impl FnMut(usize) -> Result<usize, PopError>,
    ) -> Result<usize, PopError> {
        let (mut done, mut before) = (0, start);
        loop {
            let run = self.run.min(limits.batch_items - done);
            match take(run) {
                Ok(taken) => {
                    done += taken;
                    if taken < run || done >= limits.batch_items {
                        return Ok(done);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
            let now = Instant::now();
            let spent = now.duration_since(before);
            if spent * 16 < limits.batch_time {
                self.run = (self.run * 2).min(RUN_MAX);
            } else if spent * 4 > limits.batch_time {
                self.run = (self.run / 2).max(1);
            }
            if now.duration_since(start) >= limits.batch_time {
                return Ok(done);
            }
            before = now;
        }
    }
}

/// A handler of a queue.
pub(crate) struct QueueDuty<T: Send + 'static, H> {
    intakes: Intakes<T>,
    run: Supervised<H, T>,
    pace: Pace,
    ending: Option<End>,
}

impl<T: Send + 'static, H: Handler<Queue<T>>> QueueDuty<T, H> {
    pub(crate) fn new(intakes: Intakes<T>, run: Supervised<H, T>) -> Self {
        Self { intakes, run, pace: Pace::new(), ending: None }
    }

    fn handle_batch(&mut self, limits: &Limits, now: Instant) -> Turn {
        self.intakes.call_others(1);
        let Self { intakes, run, pace, .. } = self;
        let (mut handled, mut not_handled, mut closed, mut held) = (0, 0, 0, false);
        let queue = &intakes.queue;
        for (shard, intake) in intakes.turns.order(&mut intakes.open) {
            let batch = pace.batch(limits, now, |max| {
                held = !run.is_ready::<Queue<T>>();
                if held {
                    return Err(PopError::Empty);
                }
                intake.pop_each(max, |item| {
                    if run.stopped {
                        not_handled += 1;
                        return queue.leave(item);
                    }
                    let mut place = Some(item);
                    let call = |handler: &mut H, place: &mut Option<T>| handler.handle(Held::new(place));
                    if !run.handle::<Queue<T>, _>(&mut place, call, Option::as_ref) {
                        not_handled += 1;
                    }
                    run.let_go(place);
                })
            });
            queue.bells(*shard).room.notify_all();
            match batch {
                Ok(items) => {
                    handled = items;
                    // Once a batch: a count in memory that waits for the one of the item before is what items waited for.
                    run.handled += items as u64 - not_handled;
                    break;
                }
                Err(PopError::Closed) => closed += 1,
                Err(PopError::Empty) => {}
            }
        }
        if handled > 0 {
            self.run.hook(|handler| handler.batch());
            self.run.tell();
        } else if held {
            self.intakes.call_others(0);
        }
        if self.run.stopped {
            self.end(End::Stopped);
        } else if handled == 0 && closed == self.intakes.open.len() {
            return self.finish(End::Closed);
        } else {
            self.run.due::<Queue<T>>(now);
        }
        match handled {
            0 if held => Turn::Held,
            0 => Turn::Idle,
            handled => Turn::Handled(handled),
        }
    }

    fn finish(&mut self, end: End) -> Turn {
        self.run.tell();
        self.run.hook(|handler| handler.ended(end));
        self.intakes.retire(end);
        self.run.figures.set_end(end);
        Turn::Ended
    }
}

impl<T: Send + 'static, H: Handler<Queue<T>>> Duty for QueueDuty<T, H> {
    fn bells(&self, each: &mut dyn FnMut(&Sleepers)) {
        self.intakes.bells(each);
    }

    fn turn(&mut self, limits: &Limits, now: Instant) -> Turn {
        match self.ending {
            None => self.handle_batch(limits, now),
            Some(end) if self.intakes.leave_rest() => self.finish(end),
            Some(_) => Turn::Idle,
        }
    }

    fn next_at(&self) -> Option<Instant> {
        self.run.next_at
    }

    fn end(&mut self, end: End) {
        self.run.stopped = true;
        self.run.next_at = None;
        self.ending.get_or_insert(end);
        self.intakes.end(end);
    }

    fn give_up(&mut self) {
        self.finish(End::Aborted);
    }

    fn note(&mut self, panic: Box<dyn std::any::Any + Send>) {
        self.run.failure(panic, 1, super::Action::Noted, None);
        self.run.tell();
    }

    fn idle(&mut self) {
        self.run.hook(|handler| handler.idle());
    }
}

/// A handler of one shard of a topic.
pub(crate) struct TopicDuty<T: Send + Sync + 'static, H> {
    reader: Option<Reader<T>>,
    shard: usize,
    run: Supervised<H, T>,
    pace: Pace,
    ending: Option<End>,
    /// Last, so that the topic forgets the subscription when its last reader is gone.
    membership: Arc<Membership<T>>,
}

impl<T: Send + Sync + 'static, H: Handler<Topic<T>>> TopicDuty<T, H> {
    pub(crate) fn new(reader: Reader<T>, shard: usize, run: Supervised<H, T>, membership: Arc<Membership<T>>) -> Self {
        Self { reader: Some(reader), shard, run, pace: Pace::new(), ending: None, membership }
    }

    fn tell(&self) {
        if let Some(reader) = &self.reader {
            reader.tell(&self.membership.record().shards[self.shard].position);
        }
        self.run.tell();
    }

    /// Counts what is left.
    fn count_rest(&mut self, end: End) -> Turn {
        let left = &self.run.figures.left;
        let just_goes = end != End::Aborted;
        let over = self.reader.as_mut().is_none_or(|reader| reader.count_rest(just_goes, |items| left.add(items)));
        if over { self.finish(end) } else { Turn::Idle }
    }

    fn finish(&mut self, end: End) -> Turn {
        self.tell();
        self.membership.record().shards[self.shard].ended.set(1);
        self.reader = None;
        self.membership.bells(self.shard).room.notify_all();
        self.run.hook(|handler| handler.ended(end));
        self.run.figures.set_end(end);
        Turn::Ended
    }
}

impl<T: Send + Sync + 'static, H: Handler<Topic<T>>> Duty for TopicDuty<T, H> {
    fn bells(&self, each: &mut dyn FnMut(&Sleepers)) {
        each(&self.membership.bells(self.shard).items);
    }

    fn turn(&mut self, limits: &Limits, now: Instant) -> Turn {
        if let Some(end) = self.ending {
            return self.count_rest(end);
        }
        let Self { reader, shard, run, pace, membership, .. } = self;
        let Some(reader) = reader else { return Turn::Ended };
        let mut held = false;
        let batch = pace.batch(limits, now, |max| {
            held = !run.is_ready::<Topic<T>>();
            if held {
                return Err(PopError::Empty);
            }
            membership.next_each(*shard, reader, max, |event| match event {
                _ if run.stopped => run.figures.left.add(u64::from(matches!(event, Event::Item(_)))),
                Event::Item(mut item) => {
                    let call = |handler: &mut H, item: &mut &T| handler.handle(*item);
                    run.handled += u64::from(run.handle::<Topic<T>, _>(&mut item, call, |item| Some(*item)));
                }
                Event::Missed(missed) => run.missed::<Topic<T>>(missed),
            })
        });
        match batch {
            Ok(_) => {
                self.run.hook(|handler| handler.batch());
                self.tell();
            }
            Err(PopError::Closed) if !self.run.stopped => {
                let end = if reader.is_evicted() { End::Evicted } else { End::Closed };
                return self.finish(end);
            }
            Err(_) => self.tell(),
        }
        if self.run.stopped {
            self.end(End::Stopped);
        } else {
            self.run.due::<Topic<T>>(now);
        }
        self.membership.bells(self.shard).room.notify_all();
        match batch {
            Ok(handled) => Turn::Handled(handled),
            Err(_) if held => Turn::Held,
            Err(_) => Turn::Idle,
        }
    }

    fn next_at(&self) -> Option<Instant> {
        self.run.next_at
    }

    fn end(&mut self, end: End) {
        self.run.stopped = true;
        self.run.next_at = None;
        self.ending.get_or_insert(end);
        if let Some(reader) = &mut self.reader {
            reader.close();
        }
    }

    fn give_up(&mut self) {
        // What its reader does not show any more is told as waiting.
        self.run.hook(|handler| handler.ended(End::Aborted));
        self.run.figures.set_end(End::Aborted);
    }

    fn note(&mut self, panic: Box<dyn std::any::Any + Send>) {
        self.run.failure(panic, 1, super::Action::Noted, None);
        self.tell();
    }

    fn idle(&mut self) {
        self.run.hook(|handler| handler.idle());
    }
}
