//! Futures of both sides: while one is pending, calls are made on the other ends. Then it is polled, dropped or forgotten.

use std::{
    future::Future,
    mem,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use ringway::{
    channel::{Refused, Sent, TryRecvError},
    ring::PushError,
};

use crate::support::{calls::Decisions, payload::Payload, wakes::Wakes};

use super::{Ends, Run, Side, Sleeper, Strategy, receiving::ended};

/// Futures that are pending at a time.
const SLEEPERS: usize = 3;
/// Calls while a future is pending, or one less.
const CALLS: usize = 8;

impl<T: Payload, K: Ends<T>, W: Strategy> Run<T, K, W> {
    pub(super) fn send_async(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let mut sender = self.senders.swap_remove(at);
        let id = sender.id;
        if let Some(end) = W::parking_sender(&mut sender.end) {
            let (value, item) = self.item();
            let mut future = end.send_async(item);
            let full = |run: &mut Self| {
                run.model.used(id);
                run.model.refuses(id, PushError::Full(()));
            };
            match self.sleep(Side::Senders, &mut future, full, decisions) {
                Some(sent) => {
                    self.model.used(id);
                    self.sent(id, value, sent.map(|()| Sent::In).map_err(Refused::from));
                }
                None => match decisions.below(4) {
                    0 => assert_eq!(future.take_back().map(|item| item.value()), Some(value)),
                    1 => {
                        mem::forget(future);
                        self.of_senders.forgot = true;
                        self.leaked += usize::from(mem::needs_drop::<T>());
                    }
                    _ => {}
                },
            }
        }
        self.senders.push(sender);
    }

    pub(super) fn recv_async(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let mut receiver = self.receivers.swap_remove(at);
        let max = [1, 1 + decisions.below(self.batch)][decisions.below(2)];
        let mut items = Vec::new();
        let (id, held) = (receiver.id, receiver.held);
        let empty = |run: &mut Self| {
            assert!(held.is_none(), "what was peeked at is gone");
            run.nothing(id, TryRecvError::Empty);
        };
        let answer = match W::parking_receiver(&mut receiver.end) {
            Some(end) if max == 1 => {
                let answer = self.await_or_forget(end.recv_async(), empty, decisions);
                answer.map(|item| item.map(|item| items.push(item)))
            }
            Some(end) => {
                let answer = self.await_or_forget(end.recv_many_async(&mut items, max), empty, decisions);
                answer.map(|count| count.map(drop))
            }
            None => None,
        };
        self.receivers.push(receiver);
        if let Some(answer) = answer {
            let values = answer.map(|()| items.iter().map(T::value).collect());
            self.received(self.receivers.len() - 1, values.map_err(ended), max);
        }
    }

    /// A receive to its end, or given up.
    fn await_or_forget<F: Future + Unpin>(
        &mut self,
        mut future: F,
        pending: impl Fn(&mut Self),
        decisions: &mut Decisions<'_>,
    ) -> Option<F::Output> {
        let answer = self.sleep(Side::Receivers, &mut future, pending, decisions);
        if answer.is_none() && decisions.below(4) == 1 {
            mem::forget(future);
            self.of_receivers.forgot = true;
        }
        answer
    }

    /// Polls a future until it is ready, or given up: then `None`. `pending` holds a poll that had no answer against the
    /// model. In between, calls are made on other ends; if they made the future ready, its task was woken.
    fn sleep<F: Future + Unpin>(
        &mut self,
        side: Side,
        future: &mut F,
        pending: impl Fn(&mut Self),
        decisions: &mut Decisions<'_>,
    ) -> Option<F::Output> {
        let (mut wakes, mut waker) = Wakes::waker();
        let mut slept = false;
        let mut was_woken = false;
        self.known(side).away += 1;
        let answer = loop {
            if let Poll::Ready(answer) = pin!(&mut *future).poll(&mut Context::from_waker(&waker)) {
                assert!(!slept || was_woken || self.may_sleep_on(side), "a task sleeps on what is there");
                break Some(answer);
            }
            pending(self);
            if self.sleepers.len() == SLEEPERS {
                break None;
            }
            self.sleepers.push(Sleeper { side, wakes: Arc::clone(&wakes), had: wakes.get() });
            let calls = decisions.below(CALLS);
            let _ = (0..calls).all(|_| self.next_call(decisions));
            was_woken = self.sleepers.pop().is_some_and(|sleeper| sleeper.was_woken());
            slept = true;
            match decisions.below(8) {
                0 | 1 => break None,
                // Another task takes the future over.
                2 => (wakes, waker) = Wakes::waker(),
                _ => {}
            }
        };
        self.known(side).away -= 1;
        answer
    }

    /// Whether another sleeper of that side has been woken for what is there, and will pass the call on.
    fn may_sleep_on(&mut self, side: Side) -> bool {
        let is_shared = match side {
            Side::Senders => !K::FACTS.lanes,
            Side::Receivers => !K::FACTS.broadcast,
        };
        let was_another = self.sleepers.iter().any(|sleeper| sleeper.side == side && sleeper.was_woken());
        self.known(side).forgot || is_shared && was_another
    }
}
