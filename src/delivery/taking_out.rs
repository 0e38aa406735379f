//! Items that leave a tracker unfinished: cancelled, or handed back when their owner ends.

use super::{
    columns::GivenUp,
    effect::{CancelError, ItemId},
    envelope::{Envelope, Id},
    retry::Class,
    slot::{End, Header, Slot, State},
    tracker::Tracker,
};

impl<T, E, C: FnMut(&E) -> Class> Tracker<T, E, C> {
    /// The item in hand that has this id; of several the one accepted first.
    ///
    /// SQS, JetStream, RabbitMQ: none; Sidekiq: `find_job`.
    ///
    /// # Cost
    /// Looks at every place: to cancel, not for each item.
    pub fn find(&self, id: impl Into<Id>) -> Option<ItemId> {
        let id = Some(id.into());
        let has_id =
            |&index: &u32| self.slots.get(index).is_some_and(|slot| self.columns.id(index, &slot.header) == id);
        let handles = (0..self.slots.capacity() as u32).filter(has_id).map(|index| self.slots.handle(index));
        handles.min_by_key(|handle| handle.serial).map(ItemId)
    }

    /// Takes an item out that is in no handler's hands.
    ///
    /// # Errors
    /// [`CancelError`], if it is settled or leased.
    #[inline]
    pub fn cancel(&mut self, item: ItemId) -> Result<Envelope<T>, CancelError> {
        let index = item.0.index;
        let _given_up = match self.slots.find(item.0).ok_or(CancelError::Gone)?.header.state {
            // It is in no list, and nobody waits for it.
            State::Delayed => None,
            State::Leased | State::Doomed(End::Unanswered) => return Err(CancelError::Leased),
            _ => self.unlink(index),
        };
        self.ledger.cancelled += 1;
        self.timers.disarm(index);
        self.ahead.leaves(index, &self.slots, &mut self.timers);
        let Slot { payload, header } = self.take_out(index);
        Ok(self.columns.envelope(index, payload, &header))
    }

    /// Takes an item out of whichever list it is in, and not its timer. What is returned is dropped last: a drop may panic.
    #[inline(never)]
    fn unlink(&mut self, index: u32) -> Option<GivenUp<E>> {
        let &Header { priority, state, .. } = &self.slots.get(index)?.header;
        let mut given_up = None;
        match state {
            State::Leased => self.unlease(index),
            State::Fresh => self.lanes.unlink(&mut self.slots, index, priority, true),
            State::Again => self.lanes.unlink(&mut self.slots, index, priority, false),
            State::Parked => self.unpark(index),
            State::Held => {
                self.held.unlink(&mut self.slots, index);
                given_up = self.columns.held[index as usize].take();
            }
            State::Doomed(end) => {
                if end == End::Unanswered {
                    self.unlease(index);
                }
                self.doomed.unlink(&mut self.slots, index);
            }
            State::Delayed | State::Waiting => {}
        }
        self.unstick();
        given_up
    }

    /// A delivery is over without its answer.
    fn unlease(&mut self, index: u32) {
        self.leased -= 1;
        if let Some(breaker) = &mut self.breaker {
            breaker.on_hand_back(index);
        }
    }

    /// Gives every item in hand back, in the order of acceptance, in whatever state it is; leases stand no more. Dead
    /// letters stay. For an owner that ends: what is not finished goes where it came from.
    ///
    /// # Cost
    /// Looks at every place, sorts, and allocates for that.
    pub fn hand_back(&mut self, mut each: impl FnMut(Envelope<T>)) {
        self.leave_unanswered();
        let places = (0..self.slots.capacity() as u32).filter(|&index| self.slots.get(index).is_some());
        let mut handles: Vec<_> = places.map(|index| self.slots.handle(index)).collect();
        handles.sort_unstable_by_key(|handle| handle.serial);
        for handle in handles {
            let _given_up = self.unlink(handle.index);
            self.ledger.handed_back += 1;
            each(self.take_envelope(handle.index));
        }
    }
}
