//! Who waits at a shard, and where nobody must wait.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::PublishError;
use crate::wait::{Deadline, Park, Signal, Sleepers, Terms, Wait, Waiting};

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

/// Puts `item` by `put` as soon as there is room; `Full`, if the time is over or this thread must not wait. `ends` are the
/// threads that may want a CPU for the same work.
///
/// `put` also says whether there is room that nobody calls for, such as that of a subscription whose time is over.
pub(super) fn put_when_room<T>(
    park: &mut Park,
    bells: &Bells,
    until: Option<Instant>,
    ends: usize,
    item: T,
    mut put: impl FnMut(T) -> (Result<(), PublishError<T>>, bool),
) -> Result<(), PublishError<T>> {
    if IN_HANDLERS.get() {
        return Err(PublishError::Full(item));
    }
    let until = until.map_or(Deadline::NEVER, Deadline::at);
    let (mut item, mut looks_again) = (Some(item), false);
    loop {
        let (slept_well, slice) = (!looks_again, if looks_again { until.min(Deadline::after(LOOK)) } else { until });
        let waiting = Waiting(park, &bells.room);
        let answer = waiting.0.wait(waiting.1, Terms { ends, ..Terms::until(slice) }, || {
            let (answer, again) = put(item.take()?);
            looks_again = again;
            match answer {
                Err(PublishError::Full(refused)) => {
                    item = Some(refused);
                    // Not to sleep on where nobody calls.
                    (again && slept_well).then_some(None)
                }
                answer => Some(Some(answer)),
            }
        });
        drop(waiting);
        match answer {
            Some(Some(answer)) => return answer,
            None if until.is_over() => return Err(PublishError::Full(item.expect("refused last"))),
            _ => {}
        }
    }
}

/// How often to look again where nobody calls.
const LOOK: Duration = Duration::from_micros(200);
