//! What receivers are asked.

use std::time::Duration;

use ringway::{
    channel::{
        ItemOrGap::{Gap, Item},
        RecvError, RecvUntilError, TryRecvError,
    },
    ring::PopError,
    wait::Deadline,
};

use crate::support::{calls::Decisions, payload::Payload};

use super::{ENDS, Ends, Receiving, Run, Strategy, calls::Call, end, values};

pub(super) fn ended(error: RecvError) -> TryRecvError {
    match error {
        RecvError::Closed => TryRecvError::Closed,
        RecvError::PeerDied => TryRecvError::PeerDied,
    }
}

fn in_time(error: RecvUntilError) -> TryRecvError {
    match error {
        RecvUntilError::Timeout => TryRecvError::Empty,
        RecvUntilError::Closed => TryRecvError::Closed,
        RecvUntilError::PeerDied => TryRecvError::PeerDied,
    }
}

impl<T: Payload, K: Ends<T>, W: Strategy> Run<T, K, W> {
    pub(super) fn call_receiver(&mut self, call: Call, at: usize, decisions: &mut Decisions<'_>) {
        if !matches!(call, Call::CloneReceiver | Call::CloseByReceiver | Call::Drain) {
            self.returns_lent(at);
        }
        match call {
            Call::Recv => self.recv(at, decisions),
            Call::RecvMany => self.recv_many(at, decisions),
            Call::RecvAsync if W::FOR_TASKS => self.recv_async(at, decisions),
            Call::RecvOrGap if self.is_ready(at) => self.recv_or_gap(at),
            Call::RecvAsync | Call::RecvOrGap => self.recv(at, decisions),
            Call::RecvRef => self.recv_ref(at),
            Call::Peek => self.peek(at),
            Call::CloneReceiver if self.receivers_in() < ENDS && self.receivers[at].lent.is_none() => {
                let Receiving { end, id, told, .. } = &self.receivers[at];
                if let Some(end) = K::clone_receiver(end) {
                    let clone = Receiving { end, id: self.model.clones(*id), held: None, lent: None, told: *told };
                    self.receivers.push(clone);
                }
            }
            Call::DropReceiver => self.drop_receiver(at, decisions),
            Call::CloseByReceiver => self.model.closed |= K::close_receiver(&mut self.receivers[at].end),
            Call::Drain => self.drain(at),
            _ => {}
        }
    }

    /// What a receiver was lent goes back by its next call.
    fn returns_lent(&mut self, at: usize) {
        let Receiving { id, lent, .. } = &mut self.receivers[at];
        lent.take().into_iter().for_each(|value| self.model.releases(*id, value));
    }

    /// Whether a call that waits would have its answer at once.
    fn is_ready(&mut self, at: usize) -> bool {
        let Receiving { id, held, .. } = self.receivers[at];
        held.is_some() || self.model.must_answer(id)
    }

    fn recv(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (form, is_ready) = (decisions.below(5), self.is_ready(at));
        let receiver = &mut self.receivers[at].end;
        let received = match form {
            0 if is_ready => receiver.recv().map_err(ended),
            1 => receiver.recv_until(Deadline::now()).map_err(in_time),
            2 => receiver.recv_timeout(Duration::ZERO).map_err(in_time),
            3 if is_ready && !self.model.closed => Ok(receiver.iter().next().expect("an item")),
            _ => receiver.try_recv(),
        };
        self.received(at, received.map(|item| vec![item.value()]), 1);
    }

    /// Whether there was an item.
    pub(super) fn try_recv(&mut self, at: usize) -> bool {
        self.returns_lent(at);
        let received = self.receivers[at].end.try_recv().map(|item| vec![item.value()]);
        let is_item = received.is_ok();
        self.received(at, received, 1);
        is_item
    }

    fn recv_many(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (max, form, is_ready) = (1 + decisions.below(self.batch), decisions.below(4), self.is_ready(at));
        let receiver = &mut self.receivers[at].end;
        let mut items = Vec::new();
        let count = match form {
            0 if is_ready => receiver.recv_many(&mut items, max).map_err(ended),
            1 if is_ready => receiver.recv_each(max, |item| items.push(item)).map_err(ended),
            2 => receiver.recv_each_until(Deadline::now(), max, |item| items.push(item)).map_err(in_time),
            _ => receiver.try_recv_each(max, |item| items.push(item)),
        };
        assert_eq!(items.len(), count.unwrap_or(0));
        self.received(at, count.map(|_| items.iter().map(T::value).collect()), max);
    }

    pub(super) fn received(&mut self, at: usize, received: Result<Vec<u64>, TryRecvError>, max: usize) {
        let values = match received {
            Ok(values) => values,
            Err(error) => return self.received_nothing(at, error),
        };
        assert!((1..=max).contains(&values.len()), "{} items for a call that asked for {max}", values.len());
        let receiver = &mut self.receivers[at];
        for value in values {
            match receiver.held.take() {
                Some(held) => {
                    assert_eq!(value, held, "not the item that was peeked at");
                    self.model.releases(receiver.id, value);
                }
                None => self.model.pops(receiver.id, value),
            }
        }
    }

    fn received_nothing(&mut self, at: usize, error: TryRecvError) {
        let Receiving { id, held, .. } = self.receivers[at];
        assert!(held.is_none(), "what was peeked at is gone");
        self.nothing(id, error);
    }

    pub(super) fn nothing(&mut self, id: usize, error: TryRecvError) {
        let is_end = error != TryRecvError::Empty;
        self.model.pops_nothing(id, if is_end { PopError::Closed } else { PopError::Empty });
        assert!(!is_end || (error == TryRecvError::PeerDied) == self.of_senders.died, "{error:?}");
    }

    /// Of what was lost a receiver is told first.
    fn recv_or_gap(&mut self, at: usize) {
        let receiver = &mut self.receivers[at];
        let lost = self.losses.total() - receiver.told;
        match receiver.end.recv_or_gap() {
            Ok(Gap(items)) => {
                assert_eq!((items, lost > 0), (lost, true), "not what was lost since it was told");
                receiver.told += lost;
                // It has looked at the next item already.
                self.peek(at);
            }
            Ok(Item(item)) => {
                assert_eq!(lost, 0, "it was not told");
                self.received(at, Ok(vec![item.value()]), 1);
            }
            Err(error) => {
                assert_eq!(lost, 0, "it was not told");
                self.received_nothing(at, ended(error));
            }
        }
    }

    /// An item that is lent gates the senders until this end's next call.
    fn recv_ref(&mut self, at: usize) {
        let receiver = &mut self.receivers[at];
        match K::try_recv_ref(&mut receiver.end) {
            None => {}
            Some(Ok(item)) => {
                let value = item.value();
                match receiver.held.take() {
                    Some(held) => assert_eq!(value, held, "not the item that was peeked at"),
                    None => self.model.peeks(receiver.id, value),
                }
                receiver.lent = Some(value);
            }
            Some(Err(error)) => self.received_nothing(at, error),
        }
    }

    fn peek(&mut self, at: usize) {
        let receiver = &mut self.receivers[at];
        match (receiver.end.peek().map(T::value), receiver.held) {
            (Ok(value), Some(held)) => assert_eq!(value, held, "looking twice shows two items"),
            (Ok(value), None) => {
                self.model.peeks(receiver.id, value);
                receiver.held = Some(value);
            }
            (Err(error), _) => self.received_nothing(at, error),
        }
    }

    /// Closes, and takes everything that is inside, if it need not wait for anybody's claim.
    fn drain(&mut self, at: usize) {
        let until = if self.model.has_open_claims() { Deadline::now() } else { Deadline::NEVER };
        let mut received = Vec::new();
        let Some(drained) = K::drain(&mut self.receivers[at].end, until, |item| received.push(item.value())) else {
            return;
        };
        self.model.closed = true;
        assert_eq!(drained.items, received.len());
        if !received.is_empty() {
            self.received(at, Ok(received), usize::MAX);
        }
        if until == Deadline::NEVER {
            assert_eq!(drained.left, 0, "it gave up without a deadline");
            assert!(!self.try_recv(at), "it gave up before the end");
        } else {
            self.model.depth_of_consumer(self.receivers[at].id, drained.left);
            // It may have come to the end, and does not say so.
            self.peek(at);
        }
    }

    fn drop_receiver(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let form = decisions.below(4);
        let Receiving { end: receiver, id, held, .. } = self.receivers.swap_remove(at);
        if form > 0 {
            end(receiver, form == 1);
            self.of_receivers.died |= form == 1;
            return match held {
                Some(held) if K::FACTS.hands => {
                    self.model.leaves(id, held);
                    self.receiver_left(id, None);
                }
                held => self.receiver_left(id, held),
            };
        }
        let mut left = receiver.into_remaining().map(values);
        if let (Some(held), true) = (held, K::FACTS.hands) {
            let left_over = left.as_mut().expect("what was in its hands comes back");
            assert_eq!(left_over.remove(0), held);
            left = left.filter(|left| !left.is_empty() || self.is_deserted());
        }
        self.receiver_left(id, held);
        self.remain(left);
    }

    fn receiver_left(&mut self, id: usize, held: Option<u64>) {
        self.model.closed |= self.receivers_in() == 0 && !K::FACTS.broadcast;
        match held {
            Some(value) if K::FACTS.hands => self.model.releases(id, value),
            Some(value) => self.model.puts_back(id, value),
            None => {}
        }
        self.model.consumer_leaves(id);
    }
}
