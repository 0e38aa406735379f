//! Calls a handler so that its panics stay with it.

use std::{
    any::Any,
    collections::VecDeque,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    str::FromStr,
    sync::Arc,
    thread,
    time::Instant,
};

use parking_lot::Mutex;

use super::{End, Handler};
use crate::router::{Missed, Name, Shape};
use crate::sync::{Counter, Tally};

/// What happens when a handler panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPanic {
    /// The item is dropped and counted; the next one follows, with the same handler.
    #[default]
    Skip,
    /// The item is tried again at once, so many times; then as `Skip`. An item that the handler had taken can't be.
    Retry(u32),
    /// The item is dropped and counted, and the handler made anew.
    Restart,
    /// The item is dropped and counted, and the handler's shard ends: a topic goes on without it, a queue's shard closes and
    /// hands back what it holds.
    Stop,
}

impl fmt::Display for OnPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Retry(times) => write!(f, "retry:{times}"),
            Self::Restart => f.write_str("restart"),
            Self::Stop => f.write_str("stop"),
        }
    }
}

impl FromStr for OnPanic {
    type Err = OnPanicError;

    fn from_str(text: &str) -> Result<Self, OnPanicError> {
        match text.split_once(':') {
            None if text == "skip" => Some(Self::Skip),
            None if text == "restart" => Some(Self::Restart),
            None if text == "stop" => Some(Self::Stop),
            Some(("retry", times)) => times.parse().ok().map(Self::Retry),
            _ => None,
        }
        .ok_or_else(|| OnPanicError { found: text.to_owned() })
    }
}

/// The text is no policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnPanicError {
    found: String,
}

impl fmt::Display for OnPanicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no policy: use skip, retry:3, restart or stop", self.found)
    }
}

impl Error for OnPanicError {}

/// One panic of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The queue or topic.
    pub source: Name,
    /// The subscription; of a queue the queue's name again.
    pub subscription: Name,
    /// The shard.
    pub shard: usize,
    /// The name of the thread.
    pub thread: String,
    /// Which attempt at the item it was, from 1.
    pub attempt: u32,
    /// The key of the item, if there is one and somebody said what it is: the
    /// [subscription](crate::engine::Subscribing::key), or the envelope of a delivery.
    pub key: Option<String>,
    /// What the panic said.
    pub message: String,
    /// What was done about it.
    pub action: Action,
}

/// What was done about a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The item was tried again.
    Retried,
    /// The item was dropped.
    Skipped,
    /// The item, if there was one, was dropped (nacked, with rules of delivery) and the handler made anew.
    Restarted,
    /// The item, if there was one, was dropped (handed back, with rules of delivery) and the shard ended.
    Stopped,
    /// The item is not done: it comes again, or is given up, by the rules of its delivery.
    Nacked,
    /// The panic came from no item: from a hook, or from the drop of an item that was handled.
    Noted,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retried => "tried again",
            Self::Skipped => "skipped",
            Self::Restarted => "handler made anew",
            Self::Stopped => "shard ended",
            Self::Nacked => "nacked",
            Self::Noted => "noted",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, subscription, shard, thread, attempt, key, message, action } = self;
        write!(f, "{source} shard {shard}")?;
        if subscription != source {
            write!(f, ", {subscription}")?;
        }
        write!(f, " on {thread}: attempt {attempt}")?;
        if let Some(key) = key {
            write!(f, " at key {key}")?;
        }
        write!(f, " panicked: {message}: {action}")
    }
}

/// The last failures of an engine, and how many there were.
#[derive(Default)]
pub(crate) struct Failures {
    /// Guards the last few; control plane: written when a handler has panicked.
    last: Mutex<VecDeque<Failure>>,
    count: Counter,
}

/// Failures that are kept to be looked at.
const KEPT: usize = 64;

impl Failures {
    fn add(&self, failure: Failure) {
        self.count.add(1);
        let mut last = self.last.lock();
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(failure);
    }

    pub(crate) fn last(&self) -> Vec<Failure> {
        self.last.lock().iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }
}

/// What became of the items of one handler; told by its worker after each batch.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) handled: Tally,
    /// Dropped by [`OnPanic`].
    pub(crate) dropped: Tally,
    /// Further attempts.
    pub(crate) retried: Tally,
    pub(crate) failures: Tally,
    /// Of a topic: not handled when the handler ended.
    pub(crate) left: Tally,
    /// 0 while it goes on; else 1 and more, by [`End`].
    pub(crate) end: Tally,
}

impl Figures {
    pub(crate) fn end(&self) -> Option<End> {
        let ends = [End::Closed, End::Evicted, End::Stopped, End::Detached, End::Aborted];
        ends.get((self.end.get() as usize).wrapping_sub(1)).copied()
    }

    pub(crate) fn set_end(&self, end: End) {
        self.end.set(1 + end as u64);
    }
}

/// Makes a shard's handler.
pub(crate) type Make<H> = Arc<dyn Fn(usize) -> H + Send + Sync>;

/// Tells the key of an item; asked when a handler has panicked at it.
pub(crate) type KeyOf<T> = Arc<dyn Fn(&T) -> String + Send + Sync>;

/// A handler of items of `T`, and what to do when it panics.
pub(crate) struct Supervised<H, T> {
    pub(crate) handler: H,
    make: Make<H>,
    on_panic: OnPanic,
    source: Name,
    subscription: Name,
    key_of: Option<KeyOf<T>>,
    shard: usize,
    pub(crate) figures: Arc<Figures>,
    failures: Arc<Failures>,
    pub(crate) handled: u64,
    /// The handler must not be called any more.
    pub(crate) stopped: bool,
    /// When it wants its next turn, whatever comes.
    pub(crate) next_at: Option<Instant>,
}

/// What a handler is made from and named by.
pub(crate) struct Plan<H, T> {
    pub(crate) make: Make<H>,
    pub(crate) on_panic: OnPanic,
    pub(crate) source: Name,
    pub(crate) subscription: Name,
    pub(crate) key_of: Option<KeyOf<T>>,
    pub(crate) failures: Arc<Failures>,
}

impl<H, T> Supervised<H, T> {
    /// Makes the handler of a shard; a panic of its maker is the caller's.
    pub(crate) fn new(plan: &Plan<H, T>, shard: usize) -> Self {
        Self {
            handler: (plan.make)(shard),
            make: Arc::clone(&plan.make),
            on_panic: plan.on_panic,
            source: plan.source.clone(),
            subscription: plan.subscription.clone(),
            key_of: plan.key_of.clone(),
            shard,
            figures: Arc::new(Figures::default()),
            failures: Arc::clone(&plan.failures),
            handled: 0,
            stopped: false,
            next_at: None,
        }
    }

    /// Hands one item over, held in `item`: `call` passes it to the handler, `show` says what is left of it after a panic.
    /// Returns whether it was handled; the caller counts.
    #[inline(always)]
    pub(crate) fn handle<S: Shape<Payload = T>, C>(
        &mut self,
        item: &mut C,
        call: impl Fn(&mut H, &mut C),
        show: impl Fn(&C) -> Option<&S::Payload>,
    ) -> bool
    where
        H: Handler<S>,
    {
        match catch_unwind(AssertUnwindSafe(|| call(&mut self.handler, item))) {
            Ok(()) => true,
            Err(panic) => self.after_panic::<S, C>(panic, item, call, show),
        }
    }

    /// Drops what the handler has left of an item; a panic of that is noted.
    #[inline(always)]
    pub(crate) fn let_go(&mut self, item: Option<T>) {
        if std::mem::needs_drop::<T>()
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(item)))
        {
            self.failure(panic, 1, Action::Noted, None);
        }
    }

    #[cold]
    fn after_panic<S: Shape<Payload = T>, C>(
        &mut self,
        mut panic: Box<dyn Any + Send>,
        item: &mut C,
        call: impl Fn(&mut H, &mut C),
        show: impl Fn(&C) -> Option<&S::Payload>,
    ) -> bool
    where
        H: Handler<S>,
    {
        let mut attempt = 1;
        loop {
            let action = match self.on_panic {
                OnPanic::Retry(times) if attempt <= times && show(item).is_some() => Action::Retried,
                OnPanic::Retry(_) | OnPanic::Skip => Action::Skipped,
                OnPanic::Restart => Action::Restarted,
                OnPanic::Stop => Action::Stopped,
            };
            let key = show(item).and_then(|item| self.key_of(item));
            let failure = self.failure(panic, attempt, action, key);
            self.hook(|handler| handler.failed(show(item), &failure));
            match action {
                Action::Retried => {
                    attempt += 1;
                    self.figures.retried.add(1);
                    match catch_unwind(AssertUnwindSafe(|| call(&mut self.handler, item))) {
                        Ok(()) => return true,
                        Err(again) => panic = again,
                    }
                    continue;
                }
                Action::Restarted => self.restart(),
                Action::Stopped => self.stopped = true,
                Action::Skipped | Action::Nacked | Action::Noted => {}
            }
            self.figures.dropped.add(1);
            return false;
        }
    }

    /// The key of an item, if somebody tells, and does not panic in turn.
    fn key_of(&self, item: &T) -> Option<String> {
        let key_of = self.key_of.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| key_of(item))).ok()
    }

    /// What is done about a panic at a delivery, whose item is nacked in any case.
    pub(crate) fn after_delivery(&mut self) -> Action {
        match self.on_panic {
            OnPanic::Skip | OnPanic::Retry(_) => Action::Nacked,
            OnPanic::Restart => Action::Restarted,
            OnPanic::Stop => Action::Stopped,
        }
    }

    /// Makes the handler anew; one that can't be made is stopped.
    pub(crate) fn restart(&mut self) {
        let (make, shard) = (Arc::clone(&self.make), self.shard);
        match catch_unwind(AssertUnwindSafe(|| make(shard))) {
            // The old one goes here, and may panic as it does.
            Ok(handler) => {
                let old = std::mem::replace(&mut self.handler, handler);
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(old))) {
                    self.failure(panic, 1, Action::Noted, None);
                }
            }
            Err(panic) => {
                self.stopped = true;
                self.failure(panic, 1, Action::Stopped, None);
            }
        }
    }

    /// Whether the handler can take more now.
    #[inline(always)]
    pub(crate) fn is_ready<S: Shape>(&mut self) -> bool
    where
        H: Handler<S>,
    {
        match catch_unwind(AssertUnwindSafe(|| self.handler.is_ready())) {
            Ok(ready) => ready,
            Err(panic) => self.after_no_answer(panic),
        }
    }

    /// The handler panicked when it was asked whether it can take more. There is no item to drop; but for `Stop` the stream
    /// goes on, since nobody could tell when it would.
    #[cold]
    fn after_no_answer(&mut self, panic: Box<dyn Any + Send>) -> bool {
        let action = match self.on_panic {
            OnPanic::Skip | OnPanic::Retry(_) => Action::Noted,
            OnPanic::Restart => Action::Restarted,
            OnPanic::Stop => Action::Stopped,
        };
        self.failure(panic, 1, action, None);
        match action {
            Action::Restarted => self.restart(),
            Action::Stopped => self.stopped = true,
            _ => {}
        }
        !self.stopped
    }

    /// Calls a hook, whose panics are noted.
    pub(crate) fn hook(&mut self, call: impl FnOnce(&mut H)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| call(&mut self.handler))) {
            self.failure(panic, 1, Action::Noted, None);
        }
    }

    /// Lets the handler do what is due.
    #[inline(always)]
    pub(crate) fn due<S: Shape>(&mut self, now: Instant)
    where
        H: Handler<S>,
    {
        let mut next_at = None;
        self.hook(|handler| next_at = handler.due(now));
        self.next_at = next_at;
    }

    #[cold]
    pub(crate) fn missed<S: Shape>(&mut self, missed: Missed)
    where
        H: Handler<S>,
    {
        self.hook(|handler| handler.missed(missed));
    }

    /// Writes a panic down.
    pub(crate) fn failure(
        &self,
        panic: Box<dyn Any + Send>,
        attempt: u32,
        action: Action,
        key: Option<String>,
    ) -> Failure {
        let failure = Failure {
            source: self.source.clone(),
            subscription: self.subscription.clone(),
            shard: self.shard,
            thread: thread::current().name().unwrap_or("unnamed").to_owned(),
            attempt,
            key,
            message: message(panic),
            action,
        };
        self.figures.failures.add(1);
        self.failures.add(failure.clone());
        failure
    }

    /// Tells the figures after a batch.
    #[inline]
    pub(crate) fn tell(&self) {
        self.figures.handled.set(self.handled);
    }
}

/// What a panic said. Its payload is dropped here, and must not panic in turn.
fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a value that is no text".to_owned(),
    };
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    text
}
