//! The caller's code, and what it may be told besides items.

use std::{fmt, time::Instant};

use super::Failure;
use crate::router::{Held, Missed, Queue, Shape, Topic};

/// What handles the items of a shard: a closure, or a type of your own that also wants to know of batches, of idleness and
/// of failures.
///
/// `S` says what it is for: a [`Queue`], whose items come as [`Held`], or a [`Topic`], whose items come by reference.
///
/// A closure names the type of its item, `|job: Held<'_, Job>|` or `|event: &Event|`: without it the compiler says that it is
/// "not general enough". What the closures of several shards share, each of them clones first:
/// `move |_shard| { let total = Arc::clone(&total); move |event: &Event| … }`.
///
/// # Examples
/// ```
/// use ringway::{router::Topic, worker::Handler};
///
/// #[derive(Default)]
/// struct Volume {
///     traded: u64,
///     shown: u64,
/// }
///
/// impl Handler<Topic<u64>> for Volume {
///     fn handle(&mut self, size: &u64) {
///         self.traded += size;
///     }
///
///     fn batch(&mut self) {
///         self.shown = self.traded; // once a batch, not once an item
///     }
/// }
/// ```
pub trait Handler<S: Shape>: Send + 'static {
    /// Handles one item. A panic is caught, and the handler's [`OnPanic`](super::OnPanic) runs.
    fn handle(&mut self, item: S::Item<'_>);

    /// Whether it can take more now: asked before each run of up to 128 items. As long as it says no, items stay where they
    /// are, and their publishers wait or displace, as was agreed. A panic here means yes, unless the handler's
    /// [`OnPanic`](super::OnPanic) ends the shard or makes the handler anew first.
    fn is_ready(&mut self) -> bool {
        true
    }

    /// What a subscription missed, right before the item that follows.
    fn missed(&mut self, _missed: Missed) {}

    /// The end of a batch: of what was there, up to the limits of a turn.
    fn batch(&mut self) {}

    /// Called in each turn, after the batch: does what time asks for, and tells when it wants its next turn although nothing
    /// comes. A worker sleeps no longer than that. `now` is when its cycle began.
    fn due(&mut self, _now: Instant) -> Option<Instant> {
        None
    }

    /// There was nothing for it, for the first time after there was something, whatever other handlers of its worker have.
    fn idle(&mut self) {}

    /// An attempt panicked. The item is shown, unless the handler had taken it.
    fn failed(&mut self, _item: Option<&S::Payload>, _failure: &Failure) {}

    /// Nothing will come any more.
    fn ended(&mut self, _end: End) {}
}

impl<T, F> Handler<Topic<T>> for F
where
    T: Send + Sync + 'static,
    F: FnMut(&T) + Send + 'static,
{
    #[inline(always)]
    fn handle(&mut self, item: &T) {
        self(item);
    }
}

impl<T, F> Handler<Queue<T>> for F
where
    T: Send + 'static,
    F: FnMut(Held<'_, T>) + Send + 'static,
{
    #[inline(always)]
    fn handle(&mut self, item: Held<'_, T>) {
        self(item);
    }
}

/// Why nothing will come any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Closed and drained: everything accepted was handled.
    Closed,
    /// A publisher ended the subscription, because it was in the way for longer than its contract allows.
    Evicted,
    /// The handler panicked, and [`OnPanic::Stop`](super::OnPanic::Stop) was its policy.
    Stopped,
    /// It was detached.
    Detached,
    /// The engine was aborted.
    Aborted,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Evicted => "evicted",
            Self::Stopped => "stopped",
            Self::Detached => "detached",
            Self::Aborted => "aborted",
        })
    }
}
