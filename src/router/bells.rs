//! Who waits at a shard, and where nobody must wait.

use std::{cell::Cell, time::Instant};

use crate::wait::{Deadline, Park, Signal, Sleepers, Terms, Wait};

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

/// Waits until `ready` has an answer; `None`, if the time is over or this thread must not wait. `looks_again` says that
/// there are answers which nobody calls for, such as the end of a patience.
pub(super) fn wait_for_room<R>(
    park: &mut Park,
    bells: &Bells,
    until: Option<Instant>,
    looks_again: bool,
    mut ready: impl FnMut() -> Option<R>,
) -> Option<R> {
    if IN_HANDLERS.get() {
        return None;
    }
    let until = until.map_or(Deadline::NEVER, Deadline::at);
    loop {
        let slice = if looks_again { until.min(Deadline::after(LOOK)) } else { until };
        let answer = park.wait(&bells.room, Terms::until(slice), &mut ready);
        if answer.is_some() || until.is_over() {
            return answer;
        }
    }
}

/// How often to look again where nobody calls.
const LOOK: std::time::Duration = std::time::Duration::from_micros(200);
