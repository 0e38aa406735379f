//! What time brings: leases that run out, items that expire or become due, and when to look again.

use crate::time::{Instant, slab::NONE};

use super::{
    breaker::Breaker,
    effect::{DroppedBy, Effect, Reason},
    keys::Keys,
    retry::Class,
    rules::Expired,
    slot::{End, State},
    tracker::Tracker,
};

impl<T, E, C: FnMut(&E) -> Class> Tracker<T, E, C> {
    /// Lets time pass: hands out one effect of it. Call until there is none.
    ///
    /// Leases that ran out count as failures, items that expired end, and what is due becomes deliverable. Time does not go
    /// back: an earlier `now` than one given before does nothing new.
    pub fn tick(&mut self, now: Instant) -> Option<Effect<T>> {
        self.leave_unanswered();
        if let Some(index) = self.doomed.pop_front(&mut self.slots) {
            return self.end_doomed(index, now);
        }
        if !self.dead.is_full()
            && let Some(index) = self.held.pop_front(&mut self.slots)
            && let Some((reason, error)) = self.columns.held[index as usize].take()
        {
            return Some(self.give_up(index, reason, error, now));
        }
        while let Some(index) = self.timers.fire(now, |index| self.slots.fetch(index)) {
            let header = &mut self.slots.get_mut(index)?.header;
            let (priority, is_expired) = (header.priority, self.columns.expires_at(index, header) <= now);
            match header.state {
                State::Leased => {
                    self.ledger.leases_expired += 1;
                    return Some(self.fail(index, Reason::LeaseExpired, None, None, now));
                }
                State::Delayed | State::Waiting if is_expired => return Some(self.expire(index, now)),
                State::Waiting => self.comes_again(index),
                State::Delayed => {
                    header.state = State::Fresh;
                    self.unstick();
                    self.lanes.push_fresh(&mut self.slots, index, priority);
                }
                State::Parked => {
                    self.unpark(index);
                    return Some(self.expire(index, now));
                }
                State::Again => {
                    self.lanes.unlink(&mut self.slots, index, priority, false);
                    return Some(self.expire(index, now));
                }
                State::Fresh | State::Held | State::Doomed(_) => {}
            }
        }
        self.redrive_next(now)
    }

    fn end_doomed(&mut self, index: u32, now: Instant) -> Option<Effect<T>> {
        let State::Doomed(end) = self.slots.get(index)?.header.state else { return None };
        Some(match end {
            End::Expired => self.expire(index, now),
            End::TooMuchParked => self.give_up(index, Reason::TooMuchParked, None, now),
            End::AtBound => self.drop_now(index, DroppedBy::AtBound),
            End::Unanswered => self.fail(index, Reason::Unanswered, None, None, now),
        })
    }

    /// Ends an item that was not delivered in time; it is in no list.
    pub(super) fn expire(&mut self, index: u32, now: Instant) -> Effect<T> {
        match self.expired {
            Expired::DeadLetter => self.give_up(index, Reason::Expired, None, now),
            Expired::Drop => {
                self.ledger.expired += 1;
                Effect::Expired(self.take_envelope(index))
            }
        }
    }

    /// Lets the next tick end an item that is in no list.
    pub(super) fn doom(&mut self, index: u32, end: End) {
        self.set_state(index, State::Doomed(end));
        self.doomed.push_back(&mut self.slots, index);
    }

    /// The time at which something can happen without an event from outside; `now` if it can at once, `None` if never.
    pub fn next_at(&self, now: Instant) -> Option<Instant> {
        let has_room = !self.dead.is_full() && self.held.depth() > 0;
        if self.doomed.depth() > 0 || self.handed != NONE || has_room {
            return Some(now);
        }
        let mut next_at = self.timers.next_at();
        let mut sooner = |at: Instant| next_at = Some(next_at.map_or(at, |other| other.min(at)).max(now));
        if let Some(turn_at) = self.turn_at(now)
            && self.leased < self.in_flight_max
            && let Some(open_at) = self.breaker.as_ref().map_or(Some(now), Breaker::opens_at)
        {
            let token_at = self.rate.map_or(now, |(rate, bucket)| bucket.next_at(rate));
            sooner(turn_at.max(open_at).max(token_at));
        }
        if let Some(redrive) = &self.redrive
            && self.room() > 0
        {
            sooner(redrive.next_at());
        }
        next_at.map(|at| at.max(now))
    }

    /// When an item that waits has its turn, as far as only lanes and keys have a say; `None` if somebody else has to end first.
    fn turn_at(&self, now: Instant) -> Option<Instant> {
        if self.lanes.has_again() {
            return Some(now);
        }
        let fresh_at = self.keys.as_ref().map_or(Some(now), Keys::fresh_at);
        fresh_at.filter(|_| !self.lanes.is_empty())
    }
}
