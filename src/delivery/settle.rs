//! How an item in hand ends, or comes again.

use std::{mem, time::Duration};

use crate::time::{Instant, nanos, slab::NONE};

use super::{
    dead_letter::{DeadLetter, WhenFull},
    effect::{Answer, DroppedBy, Effect, ItemId, Lease, Reason, Stale},
    envelope::Envelope,
    retry::Class,
    rules::AtBound,
    slot::{End, Slot, State},
    tracker::Tracker,
};

impl<T, E, C: FnMut(&E) -> Class> Tracker<T, E, C> {
    /// Takes the answer to a deferred delivery.
    ///
    /// An answer that comes after the lease's time, but before the [`tick`](Self::tick) that notices, still counts.
    ///
    /// # Errors
    /// [`Stale`], if the lease was answered before, ran out, or the item is gone; it is counted.
    pub fn settle(&mut self, lease: Lease, answer: Answer<E>, now: Instant) -> Result<Effect<T>, Stale> {
        let index = self.answered_index(lease)?;
        Ok(self.answer(index, answer, now))
    }

    /// [`settle`](Self::settle) with an ack, of which nothing follows.
    #[inline]
    pub(crate) fn settle_ack(&mut self, lease: Lease) -> Result<(), Stale> {
        let index = self.answered_index(lease)?;
        drop(self.acked(index));
        Ok(())
    }

    /// Takes back a lease that nobody will answer, as if the delivery had been dropped: a nack without an error.
    ///
    /// Kafka share group: `release`.
    ///
    /// # Errors
    /// [`Stale`], as of [`settle`](Self::settle).
    pub fn release(&mut self, lease: Lease, now: Instant) -> Result<Effect<T>, Stale> {
        let index = self.answered_index(lease)?;
        Ok(self.fail(index, Reason::Unanswered, None, None, now))
    }

    /// Gives a deferred delivery until then to be answered, which may be less time than it had.
    ///
    /// SQS: `ChangeMessageVisibility`; JetStream: `InProgress`; Kafka share group: `renew`.
    ///
    /// # Errors
    /// [`Stale`], if the lease does not stand any more.
    pub fn extend(&mut self, lease: Lease, until: Instant) -> Result<(), Stale> {
        let index = self.leased_index(lease)?;
        self.timers.arm(index, until);
        Ok(())
    }

    /// Gives a lease its time, if it stands and has none yet.
    pub(crate) fn limit(&mut self, lease: Lease, until: Instant) {
        if let Ok(index) = self.leased_index(lease)
            && !self.timers.is_armed(index)
        {
            self.timers.arm(index, until);
        }
    }

    /// The payload of a leased item.
    ///
    /// # Errors
    /// [`Stale`], if the lease does not stand any more.
    pub fn leased(&self, lease: Lease) -> Result<&T, Stale> {
        let index = self.leased_index(lease)?;
        self.slots.get(index).map(|slot| &slot.payload).ok_or(Stale)
    }

    /// Of a lease that is answered: it is counted if it does not stand.
    #[inline]
    fn answered_index(&mut self, lease: Lease) -> Result<u32, Stale> {
        self.leased_index(lease).inspect_err(|_| self.ledger.stale += 1)
    }

    #[inline]
    fn leased_index(&self, lease: Lease) -> Result<u32, Stale> {
        let index = lease.item.index;
        let slot = self.slots.find(lease.item).ok_or(Stale)?;
        // A delivery that was forgotten has no answer: the next tick tells.
        let is_leased = slot.header.state == State::Leased && slot.header.attempt == lease.attempt;
        let stands = is_leased && self.handed != index;
        if stands { Ok(index) } else { Err(Stale) }
    }

    #[inline]
    pub(super) fn answer(&mut self, index: u32, answer: Answer<E>, now: Instant) -> Effect<T> {
        match answer {
            Answer::Ack => {
                drop(self.acked(index));
                Effect::Acked
            }
            Answer::Nack(error) => self.fail(index, Reason::Failed, Some(error), None, now),
            Answer::NackAfter(error, wait) => {
                self.fail(index, Reason::Failed, Some(error), Some(Class::After(wait)), now)
            }
            Answer::Reject(error) => self.fail(index, Reason::Rejected, Some(error), Some(Class::Reject), now),
        }
    }

    /// Ends a leased item well.
    #[inline(always)]
    pub(super) fn acked(&mut self, index: u32) -> Slot<T> {
        self.leased -= 1;
        self.ledger.acked += 1;
        if let Some(breaker) = &mut self.breaker {
            breaker.on_success(index);
        }
        self.take_out(index)
    }

    /// A leased item was not done: it comes again, or is given up. `class` goes before that of the error.
    #[cold]
    pub(super) fn fail(
        &mut self,
        index: u32,
        reason: Reason,
        error: Option<E>,
        class: Option<Class>,
        now: Instant,
    ) -> Effect<T> {
        // The caller's code runs first: nothing has changed if it panics.
        let class = class.or_else(|| error.as_ref().map(|error| (self.classify)(error))).unwrap_or(Class::Retry);
        // From here on it has its answer; what is dropped at the end is the caller's, and may panic.
        if self.handed == index {
            self.handed = NONE;
        }
        self.leased -= 1;
        self.timers.disarm(index);
        if let Some(breaker) = &mut self.breaker {
            // A handler that rejects an item works.
            if class == Class::Reject { breaker.on_success(index) } else { breaker.on_failure(index, now) }
        }
        let Some(Slot { header, .. }) = self.slots.get(index) else { unreachable!("a leased item is in hand") };
        let retry = match class {
            Class::Reject => return self.give_up(index, Reason::Rejected, error, now),
            Class::RetryBy(retry) => retry,
            Class::Retry | Class::After(_) => self.retry,
        };
        let (attempt, expires_at) = (header.attempt, self.columns.expires_at(index, header));
        if attempt >= retry.attempts_max || attempt == u32::MAX {
            return self.give_up(index, reason, error, now);
        }
        let wait = match class {
            Class::After(wait) => nanos(wait),
            _ => retry.wait(attempt, header.waited(), &mut self.random),
        };
        let at = now + Duration::from_nanos(wait);
        if at - header.first > retry.total_max {
            return self.give_up(index, reason, error, now);
        }
        if expires_at <= now {
            return self.expire(index, now);
        }
        if !header.holds_key()
            && header.key().is_some()
            && let Some(keys) = &self.keys
            && keys.at_keys_max()
            && keys.at_bound != AtBound::Stall
        {
            return match keys.at_bound {
                AtBound::DeadLetter => self.give_up(index, Reason::TooMuchParked, error, now),
                AtBound::Stall | AtBound::Drop => self.drop_now(index, DroppedBy::AtBound),
            };
        }
        self.hold_key(index);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.header.waits(wait);
        }
        self.timers.arm(index, at.min(expires_at));
        Effect::Retry { item: ItemId(self.slots.handle(index)), attempt, at, reason }
    }

    /// If a delivery was not answered: dropped, maybe by a panic, or forgotten. As little as possible is done now, and the
    /// rest by the next tick.
    #[inline]
    pub(super) fn leave_unanswered(&mut self) {
        if self.handed != NONE {
            let index = mem::replace(&mut self.handed, NONE);
            self.hold_key(index);
            self.doom(index, End::Unanswered);
        }
    }

    /// Leaves the answer to whoever has the lease, for a while.
    pub(super) fn defer(&mut self, index: u32, until: Instant) -> Lease {
        self.timers.arm(index, until);
        self.leave_leased(index)
    }

    /// Leaves the answer to whoever has the lease; others of the item's key wait for it.
    #[inline(always)]
    pub(super) fn leave_leased(&mut self, index: u32) -> Lease {
        self.hold_key(index);
        self.lease_of(index)
    }

    #[inline]
    pub(super) fn lease_of(&self, index: u32) -> Lease {
        Lease { item: self.slots.handle(index), attempt: self.slots.get(index).map_or(0, |slot| slot.header.attempt) }
    }

    /// Makes a dead letter of an item that is in no list.
    pub(super) fn give_up(&mut self, index: u32, reason: Reason, error: Option<E>, now: Instant) -> Effect<T> {
        if self.dead.is_full() {
            if self.dead.when_full() == WhenFull::DropNewest {
                return self.drop_now(index, DroppedBy::DeadLettersFull);
            }
            self.timers.disarm(index);
            self.release_key(index);
            self.set_state(index, State::Held);
            self.columns.held[index as usize] = Some((reason, error));
            self.held.push_back(&mut self.slots, index);
            return Effect::Held { item: ItemId(self.slots.handle(index)), reason };
        }
        let Slot { payload, header } = self.take_out(index);
        let (envelope, attempts, first) =
            (self.columns.envelope(index, payload, &header), header.attempt, header.first);
        self.ledger.dead += 1;
        let letter = self.dead.push(DeadLetter { envelope, reason, error, attempts, first, last: now });
        Effect::Dead { letter, reason }
    }

    /// Drops an item that is in no list.
    pub(super) fn drop_now(&mut self, index: u32, by: DroppedBy) -> Effect<T> {
        match by {
            DroppedBy::AtBound => self.ledger.dropped_at_bound += 1,
            DroppedBy::DeadLettersFull => self.ledger.dropped_dead_letters_full += 1,
            DroppedBy::Cancel => self.ledger.cancelled += 1,
        }
        Effect::Dropped { envelope: self.take_envelope(index), by }
    }

    /// Takes an item that is in no list out of hand; the next of its key comes to its turn.
    #[inline(always)]
    pub(super) fn take_out(&mut self, index: u32) -> Slot<T> {
        if self.timers.is_armed(index) || self.slots.get(index).is_some_and(|slot| slot.header.holds_key()) {
            self.let_go(index);
        }
        let Some(slot) = self.slots.remove(index) else { unreachable!("the item is in hand") };
        slot
    }

    /// As [`take_out`](Self::take_out); the item as it came.
    #[inline(never)]
    pub(super) fn take_envelope(&mut self, index: u32) -> Envelope<T> {
        let Slot { payload, header } = self.take_out(index);
        self.columns.envelope(index, payload, &header)
    }

    /// Nothing waits for the item any more, nor it for its time.
    #[inline(never)]
    fn let_go(&mut self, index: u32) {
        self.timers.disarm(index);
        self.release_key(index);
    }

    /// From now on the others of the item's key wait for it.
    #[inline]
    pub(super) fn hold_key(&mut self, index: u32) {
        if let Some(keys) = &mut self.keys
            && let Some(Slot { header, .. }) = self.slots.get_mut(index)
            && let Some(key) = header.key()
            && !header.holds_key()
        {
            header.set_holds_key(true);
            keys.parked.insert(key, Default::default());
        }
    }

    /// Lets the next of the item's key have its turn, if others wait for the item.
    pub(super) fn release_key(&mut self, index: u32) {
        if let Some(keys) = &mut self.keys
            && let Some(Slot { header, .. }) = self.slots.get_mut(index)
            && header.holds_key()
            && let Some(key) = header.key()
        {
            header.set_holds_key(false);
            keys.stuck_until = Instant::START;
            let next = keys.parked.get_mut(key).and_then(|parked| parked.pop_front(&mut self.slots));
            let Some(next) = next else {
                keys.parked.remove(key);
                return;
            };
            if let Some(slot) = self.slots.get_mut(next) {
                slot.header.set_holds_key(true);
            }
            self.comes_again(next);
        }
    }

    /// Puts an item before the fresh ones of its lane. Others of its key may wait for it, so it ends when it expires, and not
    /// only when its turn comes.
    pub(super) fn comes_again(&mut self, index: u32) {
        let Some(Slot { header, .. }) = self.slots.get_mut(index) else { return };
        header.state = State::Again;
        let (priority, expires_at) = (header.priority, self.columns.expires_at(index, header));
        self.lanes.push_again(&mut self.slots, index, priority);
        if expires_at == Instant::FAR {
            self.timers.disarm(index);
        } else {
            self.timers.arm(index, expires_at);
        }
    }

    /// Takes a parked item out of its key's list.
    pub(super) fn unpark(&mut self, index: u32) {
        if let Some(keys) = &mut self.keys
            && let Some(key) = self.slots.get(index).and_then(|slot| slot.header.key())
            && let Some(parked) = keys.parked.get_mut(key)
        {
            parked.unlink(&mut self.slots, index);
            keys.stuck_until = Instant::START;
        }
    }
}
