//! What senders are asked.

use std::{mem, time::Duration};

use ringway::{
    channel::{Block, BlockUntil, DropNewest, Policy, Refusal, Refused, Reject, Sent, TrySendError},
    ring::PushError,
    wait::Deadline,
};

use crate::support::{
    calls::{Decisions, Ending},
    hints::{Hint, Hinted},
    model::Model,
    payload::Payload,
};

use super::{ENDS, Ends, Known, Receiving, Run, Sending, Strategy, calls::Call, end, kinds::Outcome, values};

/// Forms of a send; those from the second number on can displace.
const FORMS: [usize; 2] = [8, 10];

fn outcome<T, E: Into<Refused<T>>>(sent: Result<(), E>) -> Outcome<T> {
    sent.map(|()| Sent::In).map_err(Into::into)
}

impl<T: Payload, K: Ends<T>, W: Strategy> Run<T, K, W> {
    pub(super) fn call_sender(&mut self, call: Call, at: usize, decisions: &mut Decisions<'_>) {
        let id = self.senders[at].id;
        if !matches!(call, Call::SendMany | Call::CloneSender | Call::Downgrade | Call::Subscribe) {
            self.model.used(id);
        }
        match call {
            Call::SendAsync if W::FOR_TASKS => self.send_async(at, decisions),
            Call::Send | Call::SendAsync => self.send(at, decisions),
            Call::SendMany => self.send_many(at, decisions),
            Call::Claim => self.claim(at, decisions),
            Call::CloneSender if self.senders_in() < ENDS => {
                if let Some(sender) = K::clone_sender(&self.senders[at].end) {
                    self.sender_joins(sender);
                }
            }
            Call::Downgrade if self.weak.len() < ENDS => self.weak.extend(K::downgrade(&self.senders[at].end)),
            Call::Subscribe if self.receivers_in() < ENDS && !self.model.has_open_claims() => {
                if let Some(end) = K::subscribe(&mut self.senders[at].end) {
                    let id = self.model.subscribes();
                    self.receivers.push(Receiving { end, id, held: None, lent: None, told: self.losses.total() });
                }
            }
            Call::DropSender => self.drop_sender(at, decisions),
            Call::CloseBySender => {
                self.senders[at].end.close();
                self.model.closed = true;
            }
            _ => {}
        }
    }

    /// Whether a send of so many items that may wait will not have to. On a broadcast an open claim stops the others a lap
    /// later, whatever the room.
    fn has_room_for(&self, items: usize, at: usize) -> bool {
        let sender = &self.senders[at].end;
        let is_stopped = K::FACTS.broadcast && self.model.has_open_claims();
        sender.is_closed() || sender.room() >= items && !is_stopped
    }

    fn send(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let form = decisions.below(FORMS[usize::from(K::MAKES_ROOM)]);
        let (value, item) = self.item();
        let certain = self.has_room_for(1, at);
        let Sending { end, id } = &mut self.senders[at];
        let mut displaces = form == 8;
        let sent = match form {
            0 => outcome(end.try_send(item)),
            1 if certain => outcome(end.send(item)),
            2 if certain => outcome(end.send_with(Block, item)),
            3 => outcome(end.send_until(item, Deadline::now())),
            4 => outcome(end.send_timeout(item, Duration::ZERO)),
            5 => outcome(end.send_with(BlockUntil(Deadline::now()), item)),
            6 => end
                .send_with(DropNewest, item)
                .map(|lost| lost.map_or(Sent::In, Sent::DroppedNewest))
                .map_err(Into::into),
            8 => K::make_room(end, item, None),
            9 => {
                let policy = match decisions.below(5) {
                    0 if certain => Policy::Block,
                    1 => Policy::BlockFor(Duration::ZERO),
                    2 => Policy::DropNewest,
                    3 => Policy::DropOldest,
                    _ => Policy::Reject,
                };
                let sent = K::make_room(end, item, Some(policy));
                assert!(is_of(policy, &sent), "{policy:?} does not do this");
                displaces = policy == Policy::DropOldest;
                sent
            }
            _ => outcome(end.send_with(Reject, item)),
        };
        let id = *id;
        if displaces { self.displaced(id, value, sent) } else { self.sent(id, value, sent) }
    }

    /// What became of a send that makes room itself.
    fn displaced(&mut self, id: usize, value: u64, sent: Outcome<T>) {
        match sent {
            Err(Refused { item, why: Refusal::Full, displaced: None }) => {
                assert_eq!(item.value(), value, "another item came back");
                self.model.busy();
            }
            sent => self.sent(id, value, sent),
        }
    }

    pub(super) fn sent(&mut self, id: usize, value: u64, sent: Outcome<T>) {
        match sent {
            Ok(Sent::In) => self.model.accepts(id, value),
            Ok(Sent::DroppedNewest(item)) => {
                assert_eq!(item.value(), value, "another item came back");
                self.model.refuses(id, PushError::Full(()));
                self.losses.dropped_newest += 1;
            }
            Ok(Sent::DroppedOldest(oldest)) => {
                self.model.refuses(id, PushError::Full(()));
                self.model.displaces(oldest.value());
                self.model.accepts(id, value);
                self.losses.dropped_oldest += 1;
            }
            Err(Refused { item, why, displaced }) => {
                assert_eq!(item.value(), value, "another item came back");
                assert!(displaced.is_none(), "nobody closes meanwhile");
                refused(&self.model, &self.of_receivers, id, why);
            }
        }
    }

    fn send_many(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (mut count, hint) = (decisions.below(self.batch), Hint::ALL[decisions.below(Hint::ALL.len())]);
        let id = self.senders[at].id;
        // Whether a batch of nothing ends a forgotten claim is nobody's promise.
        count = count.max(usize::from(self.model.has_forgotten(id)));
        self.model.used(id);
        // It must know from the iterator that nothing is left.
        let waits = decisions.below(2) == 1 && hint == Hint::Exact && self.has_room_for(count, at);
        let (sender, model, ledger) = (&mut self.senders[at].end, &mut self.model, self.ledger);
        let mut made = Vec::new();
        let make = || {
            made.push(model.next_value());
            T::make(made[made.len() - 1], ledger)
        };
        let mut items = Hinted { left: count, hint, make };
        let sent = if waits {
            sender.send_many(&mut items).map_err(|error| {
                assert_eq!(error.sent, 0, "nobody closes meanwhile");
                Refusal::from(error.end)
            })
        } else {
            sender.try_send_many(&mut items).map_err(|error: TrySendError<()>| Refused::from(error).why)
        };
        let left = items.left;
        assert_eq!(made.len(), count - left);
        match sent {
            Ok(sent) => assert_eq!(sent, made.len(), "the count is not that of the items taken"),
            Err(why) => {
                assert_eq!(left, count, "items were taken and refused");
                if count > 0 {
                    refused(&self.model, &self.of_receivers, id, why);
                }
            }
        }
        assert!(!waits || sent.is_err() || left == 0, "it did not wait for room");
        made.iter().for_each(|&value| self.model.accepts(id, value));
        if hint != Hint::Exact {
            self.model.leaves_unwritten(64);
        }
    }

    fn claim(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (max, count) = (1 + decisions.below(self.batch), decisions.below(self.batch + 1));
        let (form, ending) = (decisions.below(16), Ending::choose(decisions.next().unwrap_or(0)));
        let certain = self.has_room_for(1, at);
        let Sending { end, id } = &mut self.senders[at];
        let id = *id;
        let claim = if form % 2 == 1 && certain {
            end.claim(max).map_err(|error| Refused::from(error).why)
        } else {
            end.try_claim(max).map_err(|error| Refused::from(error).why)
        };
        let mut claim = match claim {
            Ok(claim) => claim,
            Err(why) => return refused(&self.model, &self.of_receivers, id, why),
        };
        let (slots, model) = (claim.slots(), &mut self.model);
        assert!(slots <= max);
        model.claims(id, slots);
        let mut written = Vec::new();
        for _ in 0..count.min(slots) {
            let value = model.next_value();
            assert!(claim.push(T::make(value, self.ledger)).is_ok(), "a free slot was refused");
            written.push(value);
        }
        if form >= 14 {
            assert_eq!(claim.take_back().map(|item| item.value()), written.pop());
        }
        assert_eq!(claim.written(), written.len());
        match ending {
            Ending::Commit => {
                assert_eq!(claim.commit(), written.len());
                written.iter().for_each(|&value| model.accepts(id, value));
                model.leaves_unwritten(slots - written.len());
            }
            Ending::Abandon | Ending::Drop => {
                claim.abandon();
                model.leaves_unwritten(slots);
            }
            Ending::Forget => {
                mem::forget(claim);
                model.forgets(id, slots);
                self.leaked += if mem::needs_drop::<T>() { written.len() } else { 0 };
            }
        }
    }

    fn drop_sender(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let Sending { end: sender, id } = self.senders.swap_remove(at);
        match decisions.below(4) {
            0 => {
                let left = sender.into_remaining().map(values);
                self.model.producer_leaves(id);
                self.remain(left);
            }
            form => {
                end(sender, form == 1);
                self.of_senders.died |= form == 1;
                self.model.producer_leaves(id);
            }
        }
    }
}

fn refused(model: &Model, receivers: &Known, id: usize, why: Refusal) {
    match why {
        Refusal::Full | Refusal::Timeout => model.refuses(id, PushError::Full(())),
        Refusal::Closed | Refusal::PeerDied => {
            model.refuses(id, PushError::Closed(()));
            assert_eq!(why == Refusal::PeerDied, receivers.died);
        }
    }
}

/// Whether a policy by name may do that.
fn is_of<T>(policy: Policy, sent: &Outcome<T>) -> bool {
    match sent {
        Ok(Sent::In) => true,
        Ok(Sent::DroppedNewest(_)) => policy == Policy::DropNewest,
        Ok(Sent::DroppedOldest(_)) => policy == Policy::DropOldest,
        Err(refused) => match refused.why {
            Refusal::Full => matches!(policy, Policy::Reject | Policy::DropOldest),
            Refusal::Timeout => matches!(policy, Policy::BlockFor(_)),
            Refusal::Closed | Refusal::PeerDied => true,
        },
    }
}
