//! Who waits at a shard, and where nobody must wait.

use std::{
    cell::Cell,
    mem,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::PublishError;
use crate::wait::{Alarm, Deadline, Park, Signal, Sleepers, Terms, Wait, Waiting};

/// Of one shard: workers that have nothing to do, and publishers that find no room.
#[derive(Default)]
pub(crate) struct Bells {
    pub(crate) items: Sleepers,
    pub(crate) room: Sleepers,
}

impl Bells {
    /// Tells of items that were published to a topic: workers, and the next publisher. Where nobody gates, nothing stops a
    /// publisher but another's push, which it had caught up with by a whole lap, and nobody else would tell it.
    #[inline(always)]
    pub(super) fn published(&self) {
        self.items.notify_all();
        self.room.notify(1, 0);
    }
}

thread_local! {
    /// Whether this thread runs handlers now.
    static IN_HANDLERS: Cell<bool> = const { Cell::new(false) };
}

/// Until it is dropped, nothing on this thread waits for room: the handlers that would make it may be this thread's.
pub(crate) struct InHandlers {
    before: bool,
}

pub(crate) fn enter_handlers() -> InHandlers {
    InHandlers { before: IN_HANDLERS.replace(true) }
}

impl Drop for InHandlers {
    fn drop(&mut self) {
        IN_HANDLERS.set(self.before);
    }
}

/// How a publisher waits for room, and where it did last: it may be on the list there still, by a future that was forgotten.
#[derive(Default)]
pub(crate) struct Bed {
    park: Park,
    bells: Option<Arc<Bells>>,
}

impl Bed {
    /// What it takes to wait there, and no longer where it was.
    pub(super) fn at(&mut self, bells: &Arc<Bells>) -> (&mut Park, &Bells) {
        if self.bells.as_ref().is_none_or(|before| !Arc::ptr_eq(before, bells)) {
            self.leave();
        }
        (&mut self.park, self.bells.get_or_insert_with(|| Arc::clone(bells)))
    }

    /// Waits no more. A call that came meanwhile goes to another.
    pub(super) fn leave(&mut self) {
        if let Some(bells) = self.bells.take() {
            self.park.leave(&bells.room);
        }
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Puts `item` by `put` as soon as there is room; `Full`, if the time is over or this thread must not wait. `ends` are the
/// threads that may want a CPU for the same work.
///
/// `put` also says whether there is room that nobody calls for, such as that of a subscription whose time is over.
pub(super) fn put_when_room<T>(
    park: &mut Park,
    bells: &Bells,
    until: Deadline,
    ends: usize,
    item: T,
    mut put: impl FnMut(T) -> (Result<(), PublishError<T>>, bool),
) -> Result<(), PublishError<T>> {
    if IN_HANDLERS.get() {
        return Err(PublishError::Full(item));
    }
    let (mut item, mut looks_again) = (Some(item), false);
    loop {
        let (slept_well, slice) = (!looks_again, slice(until, looks_again));
        let waiting = Waiting(park, &bells.room);
        let answer = waiting.0.wait(waiting.1, Terms { ends, ..Terms::until(slice) }, || {
            let answer = put_or_keep(&mut item, &mut looks_again, &mut put);
            // Not to sleep on where nobody calls.
            if answer.is_none() { (looks_again && slept_well).then_some(None) } else { Some(answer) }
        });
        drop(waiting);
        match answer {
            Some(Some(answer)) => return answer,
            None if until.is_over() => return Err(PublishError::Full(item.expect("refused last"))),
            _ => {}
        }
    }
}

/// The same for a task, by one look: if there is no room, the task is woken when it should look again, by a call or by `alarm`.
/// On a thread that runs handlers it is not, since whoever blocks on the task there may be who it waits for.
pub(super) fn poll_for_room<T>(
    park: &mut Park,
    bells: &Bells,
    until: Deadline,
    (alarm, context): (&mut Alarm, &Context<'_>),
    item: &mut Option<T>,
    mut put: impl FnMut(T) -> (Result<(), PublishError<T>>, bool),
) -> Poll<Result<(), PublishError<T>>> {
    let (mut looks_again, may_wait) = (false, !IN_HANDLERS.get() && !until.is_over());
    let waiting = Waiting(park, &bells.room);
    let mut look = || put_or_keep(item, &mut looks_again, &mut put);
    let polled = if may_wait {
        waiting.0.waiter().poll_quietly(waiting.1, context, look)
    } else {
        look().map_or(Poll::Pending, Poll::Ready)
    };
    if may_wait && polled.is_pending() {
        match slice(until, looks_again).instant() {
            Some(at) => alarm.set(at, context.waker()),
            None => *alarm = Alarm::default(),
        }
        // Goes on waiting, unless the caller's code has panicked.
        mem::forget(waiting);
        return Poll::Pending;
    }
    drop(waiting);
    *alarm = Alarm::default();
    Poll::Ready(match polled {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(PublishError::Full(item.take().expect("refused last"))),
    })
}

/// What `put` answers, unless that is `Full`: then the item is in its place again.
fn put_or_keep<T>(
    item: &mut Option<T>,
    looks_again: &mut bool,
    put: &mut impl FnMut(T) -> (Result<(), PublishError<T>>, bool),
) -> Option<Result<(), PublishError<T>>> {
    let answer;
    (answer, *looks_again) = put(item.take()?);
    match answer {
        Err(PublishError::Full(refused)) => {
            *item = Some(refused);
            None
        }
        answer => Some(answer),
    }
}

/// How long to sleep at a time.
fn slice(until: Deadline, looks_again: bool) -> Deadline {
    if looks_again { until.min(Deadline::after(LOOK)) } else { until }
}

/// How often to look again where nobody calls.
const LOOK: Duration = Duration::from_micros(200);
