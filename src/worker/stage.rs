//! A handler that publishes what it makes of each item, and never waits for room.

use std::{collections::VecDeque, sync::Arc};

use super::{Action, End, Failure, Handler};
use crate::router::{Key, PublishError, Shape, Topic};

/// Makes at most one item of each that it sees, and publishes that.
///
/// Where there is no room downstream it keeps what it has made, at most a run, and takes nothing more until that is
/// published: its own publishers wait then, and the worker goes on with other handlers.
pub(crate) struct Stage<S: Shape, K, F> {
    function: F,
    make: Option<Arc<dyn Fn() -> F + Send + Sync>>,
    publisher: S::Publisher,
    /// Made, and not published yet.
    made: VecDeque<(K, S::Payload)>,
}

impl<S: Shape, K: Key, F> Stage<S, K, F> {
    /// `make` makes the function anew after each panic, if it is given.
    pub(crate) fn new(destination: &S, function: F, make: Option<Arc<dyn Fn() -> F + Send + Sync>>) -> Self {
        Self { function, make, publisher: destination.publisher(), made: VecDeque::with_capacity(super::duty::RUN_MAX) }
    }

    #[inline]
    fn publish(&mut self, key: K, item: S::Payload) {
        if !self.made.is_empty() {
            return self.made.push_back((key, item));
        }
        // A closed destination refuses, and counts, what can't be helped.
        if let Err(PublishError::Full(item)) = S::try_publish(&mut self.publisher, &key, item) {
            self.made.push_back((key, item));
        }
    }
}

impl<T, S, K, F> Handler<Topic<T>> for Stage<S, K, F>
where
    T: Send + Sync + 'static,
    S: Shape,
    K: Key + Send + 'static,
    F: FnMut(&T) -> Option<(K, S::Payload)> + Send + 'static,
{
    #[inline]
    fn handle(&mut self, item: &T) {
        if let Some((key, made)) = (self.function)(item) {
            self.publish(key, made);
        }
    }

    fn is_ready(&mut self) -> bool {
        while let Some((key, item)) = self.made.pop_front() {
            if let Err(PublishError::Full(item)) = S::try_publish(&mut self.publisher, &key, item) {
                self.made.push_front((key, item));
                return false;
            }
        }
        true
    }

    fn failed(&mut self, _item: Option<&T>, failure: &Failure) {
        if let (Some(make), Action::Skipped) = (&self.make, failure.action) {
            self.function = make();
        }
    }

    fn ended(&mut self, _end: End) {
        // Nobody else knows of these: what can't go on now is refused, and counted as that.
        for (key, item) in self.made.drain(..) {
            let _ = S::try_publish(&mut self.publisher, &key, item);
        }
    }
}
