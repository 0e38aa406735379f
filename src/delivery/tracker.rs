//! The state machine: items in, deliveries and effects out.

use std::{fmt, time::Duration};

use crate::time::{
    CapacityError, Instant,
    ahead::Ahead,
    nanos,
    slab::{Handle, List, NONE, Slab},
    timers::Timers,
};

use super::{
    breaker::{Breaker, BreakerState},
    columns::{Columns, Headers},
    dead_letter::{DeadLetters, WhenFull},
    dedup::Recent,
    effect::{ItemId, Refused},
    envelope::{Envelope, Id},
    guard::Delivery,
    keys::Keys,
    lanes::{Lanes, Priorities, Waited},
    ledger::Ledger,
    random::Random,
    rate::{Bucket, KeyRates, Rate},
    redrive::Redrive,
    retry::{Class, Retry},
    rules::{AtBound, Expired, Order, Rules},
    slot::{End, Flags, Header, Slot, State},
};

/// How an item is refused.
type Refusal<T> = fn(Envelope<T>) -> Refused<T>;

/// Keeps the items that one worker has in hand until each has ended.
///
/// One owner drives it, turn by turn, with the time of the turn: [`accept`](Self::accept) what the ring gave (as much as
/// there is [`room`](Self::room) for), [`settle`](Self::settle) the answers that came home, [`tick`](Self::tick) until there
/// is no effect left, handle each [`next`](Self::next) delivery, and sleep until [`next_at`](Self::next_at).
///
/// `T` is the payload, `E` the error of handlers, and `C` tells the [`Class`] of an error.
///
/// | | called |
/// |---|---|
/// | SQS | a queue's receive loop: receive, delete, change visibility |
/// | JetStream | consumer with explicit acks |
/// | Kafka | share group (KIP-932) |
/// | RabbitMQ | channel with manual acks |
/// | Sidekiq | processor with super-fetch |
///
/// # Cost
/// No allocation after [`new`](Self::new), no lock, no atomic. Each call is constant time, but for a tick that deals out
/// timers; see [`Wheel`](crate::time::Wheel). An item takes 64 bytes beside its payload, of
/// which 16 are its timer, and what [`Rules::headers`] adds: 40 for all of it. What other rules need comes on top; see
/// [`bytes`](Self::bytes). Where only a time is to be waited for, a wheel does with 40.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use ringway::{delivery::{Effect, Envelope, Rules, Tracker}, time::Instant};
///
/// let mut now = Instant::START;
/// let mut tracker = Tracker::<&str, String>::new(Rules::default(), now)?;
/// tracker.accept(Envelope::new("resize"), now)?;
///
/// let delivery = tracker.next(now).expect("it is there");
/// assert_eq!((*delivery.payload(), delivery.attempt()), ("resize", 1));
/// let Effect::Retry { at, .. } = delivery.nack("disk full".to_owned()) else { panic!("attempts are left") };
///
/// now = at + Duration::from_millis(1);
/// while let Some(effect) = tracker.tick(now) {
///     println!("{effect:?}");
/// }
/// let delivery = tracker.next(now).expect("it is due");
/// assert_eq!(delivery.attempt(), 2);
/// delivery.ack();
/// assert!(tracker.ledger().balances() && tracker.ledger().acked == 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tracker<T, E = (), C = fn(&E) -> Class> {
    pub(super) slots: Slab<Slot<T>>,
    pub(super) columns: Columns<E>,
    pub(super) timers: Timers,
    /// Of items that are delayed, and cancelled.
    pub(super) ahead: Ahead,
    pub(super) lanes: Lanes,
    pub(super) keys: Option<Keys>,
    pub(super) dead: DeadLetters<T, E>,
    pub(super) redrive: Option<Redrive>,
    dedup: Option<Recent<()>>,
    pub(super) breaker: Option<Breaker>,
    pub(super) rate: Option<(Rate, Bucket)>,
    key_rates: Option<KeyRates>,
    /// Items that end at the next tick, and items given up that wait for room.
    pub(super) doomed: List,
    pub(super) held: List,
    pub(super) leased: usize,
    /// The delivery that a handler has in hand, if one has.
    pub(super) handed: u32,
    pub(super) in_flight_max: usize,
    /// Whether an item's turn is told by lanes, keys and credit alone: no rate, breaker or weight has a say.
    is_plain: bool,
    pub(super) lease: Duration,
    pub(super) retry: Retry,
    pub(super) expired: Expired,
    pub(super) classify: C,
    pub(super) random: Random,
    pub(super) ledger: Ledger,
}

impl<T, E> Tracker<T, E> {
    /// A tracker by `rules`, to which every error is worth a retry.
    ///
    /// # Errors
    /// [`CapacityError`], if a capacity among the rules is 0 or too large.
    pub fn new(rules: Rules, now: Instant) -> Result<Self, CapacityError> {
        Self::with_classes(rules, |_| Class::Retry, now)
    }
}

impl<T, E, C: FnMut(&E) -> Class> Tracker<T, E, C> {
    /// A tracker by `rules` that asks `classify` what an error means.
    ///
    /// # Errors
    /// [`CapacityError`], if a capacity among the rules is 0 or too large.
    pub fn with_classes(rules: Rules, classify: C, now: Instant) -> Result<Self, CapacityError> {
        let keys = match rules.order {
            Order::Unordered => None,
            Order::Keyed { keys_max, parked_per_key_max, at_bound } => {
                Some(Keys::new(rules.capacity, keys_max, parked_per_key_max, at_bound)?)
            }
        };
        let headers = Headers { id: rules.headers.id || rules.dedup.is_some(), ..rules.headers };
        let holds = rules.dead_letters.when_full == WhenFull::Hold;
        Ok(Self {
            slots: Slab::new(rules.capacity)?,
            columns: Columns::new(rules.capacity, headers, holds)?,
            timers: Timers::new(rules.capacity, nanos(rules.resolution), now)?,
            ahead: Ahead::default(),
            lanes: Lanes::new(rules.priorities),
            keys,
            dead: DeadLetters::new(rules.dead_letters)?,
            redrive: None,
            dedup: rules.dedup.map(Recent::new).transpose()?,
            breaker: rules.breaker.map(|breaker| Breaker::new(breaker, rules.capacity)).transpose()?,
            rate: rules.rate.map(|rate| (rate, Bucket::FULL)),
            key_rates: rules.key_rate.map(|(rate, keys)| KeyRates::new(rate, keys)).transpose()?,
            doomed: List::default(),
            held: List::default(),
            leased: 0,
            handed: NONE,
            in_flight_max: rules.in_flight_max.max(1),
            is_plain: rules.rate.is_none()
                && rules.key_rate.is_none()
                && rules.breaker.is_none()
                && !matches!(rules.priorities, Priorities::Weighted(_)),
            lease: rules.lease,
            retry: rules.retry,
            expired: rules.expired,
            classify,
            random: Random::new(rules.seed),
            ledger: Ledger::default(),
        })
    }

    /// Takes an item in. It will be delivered, or end otherwise; see [`Ledger`].
    ///
    /// # Errors
    /// [`Refused`] gives it back: there is no room, its id was accepted before, or it says more than is
    /// kept.
    #[inline(always)]
    pub fn accept(&mut self, envelope: Envelope<T>, now: Instant) -> Result<ItemId, Refused<T>> {
        match self.admit(Flags::beside(&envelope), envelope.id, now) {
            Ok(()) => Ok(self.take_in(envelope, now)),
            Err(refused) => Err(refused(envelope)),
        }
    }

    /// [`accept`](Self::accept), then [`next`](Self::next), in one call.
    ///
    /// An item that nothing goes before is handed out straight away: it enters no lane and starts no timer, and an ack is
    /// then little more than counting. A nack, a lease or no answer finds it where they find every other item.
    ///
    /// # Errors
    /// As [`accept`](Self::accept); nothing is handed out then.
    #[inline(always)]
    #[expect(clippy::type_complexity, reason = "the results of the two calls, as they are")]
    pub fn accept_next(
        &mut self,
        envelope: Envelope<T>,
        now: Instant,
    ) -> Result<(ItemId, Option<Delivery<'_, T, E, C>>), Refused<T>> {
        if let Err(refused) = self.admit(Flags::beside(&envelope), envelope.id, now) {
            return Err(refused(envelope));
        }
        if !self.goes_first(&envelope, now) {
            return Ok(self.take_in_next(envelope, now));
        }
        self.ledger.accepted += 1;
        self.lanes.waited(envelope.priority, now, now);
        let handle = self.put(envelope, State::Leased, now);
        Ok((ItemId(handle), Some(self.hand_out(handle.index, now))))
    }

    /// [`take_in`](Self::take_in), then [`next`](Self::next).
    #[inline(never)]
    fn take_in_next(&mut self, envelope: Envelope<T>, now: Instant) -> (ItemId, Option<Delivery<'_, T, E, C>>) {
        (self.take_in(envelope, now), self.next(now))
    }

    /// Whether an item that is taken in now would be the next one.
    #[inline]
    fn goes_first(&self, envelope: &Envelope<T>, now: Instant) -> bool {
        let is_free = |keys: &Keys| {
            !keys.stalls()
                && (keys.parked.depth() == 0 || envelope.key.is_none_or(|key| keys.parked.get(key).is_none()))
        };
        self.is_plain
            && self.lanes.is_empty()
            && self.handed == NONE
            && self.leased < self.in_flight_max
            && envelope.not_before <= now
            && envelope.expires_at > now
            && self.keys.as_ref().is_none_or(is_free)
    }

    /// Whether an item may be taken in; else what it is refused with.
    #[inline(always)]
    fn admit(&mut self, beside: Flags, id: Option<Id>, now: Instant) -> Result<(), Refusal<T>> {
        if self.room() == 0 {
            self.ledger.refused_full += 1;
            return Err(Refused::Full);
        }
        if !self.columns.fit(beside) {
            return Err(Refused::Header);
        }
        if let Some(id) = id
            && self.dedup.is_some()
            && !self.is_new(id, now)
        {
            self.ledger.refused_duplicate += 1;
            return Err(Refused::Duplicate);
        }
        Ok(())
    }

    /// Whether an id does not lie within the window of duplicates, in which it lies from now on.
    #[inline(never)]
    fn is_new(&mut self, id: Id, now: Instant) -> bool {
        self.dedup.as_mut().is_none_or(|dedup| dedup.insert_new(id, (), now))
    }

    /// Puts an item into its lane, or lets it wait for its time; there is room.
    #[inline(always)]
    pub(super) fn take_in(&mut self, envelope: Envelope<T>, now: Instant) -> ItemId {
        let (not_before, expires_at, priority) = (envelope.not_before, envelope.expires_at, envelope.priority);
        let waits = not_before > now;
        let handle = self.put(envelope, if waits { State::Delayed } else { State::Fresh }, now);
        self.ledger.accepted += 1;
        if waits {
            self.ahead.filled(handle.index, &self.slots, &self.timers);
            self.timers.arm(handle.index, not_before.min(expires_at));
        } else {
            self.unstick();
            self.lanes.push_fresh(&mut self.slots, handle.index, priority);
        }
        ItemId(handle)
    }

    /// Gives an item its place, of which there is one.
    #[inline(always)]
    fn put(&mut self, envelope: Envelope<T>, state: State, now: Instant) -> Handle {
        let header = Header::new(&envelope, state, now);
        let Envelope { payload, id, expires_at, origin, .. } = envelope;
        let handle = self.slots.put(Slot { payload, header });
        self.columns.put(handle.index, &header, id, expires_at, origin);
        handle
    }

    /// Hands out the item whose turn it is, if one may be delivered now.
    ///
    /// `None` means: nothing is due, the in-flight credit is used up, a rate or the circuit breaker says not yet, or too
    /// many keys are held up. [`next_at`](Self::next_at) tells when to look again.
    ///
    /// The delivery borrows the tracker. Where the tracker is used again after the answer, in a loop, say
    /// `let Some(delivery) = tracker.next(now) else { break };` instead of `while let`.
    #[inline]
    pub fn next(&mut self, now: Instant) -> Option<Delivery<'_, T, E, C>> {
        self.leave_unanswered();
        if self.lanes.is_empty() || self.leased >= self.in_flight_max || !(self.is_plain || self.is_open(now)) {
            return None;
        }
        let index = self.choose(now)?;
        if !self.is_plain {
            self.passes(index, now);
        }
        let header = &mut self.slots.get_mut(index)?.header;
        header.state = State::Leased;
        header.attempt += 1;
        if header.attempt == 1 {
            let since = header.first.max(header.not_before());
            header.first = now;
            self.lanes.waited(header.priority, since, now);
        } else {
            self.ledger.redeliveries += 1;
        }
        Some(self.hand_out(index, now))
    }

    #[inline]
    fn hand_out(&mut self, index: u32, now: Instant) -> Delivery<'_, T, E, C> {
        self.ledger.deliveries += 1;
        self.leased += 1;
        Delivery::new(self, index, now)
    }

    /// Whether breaker and rate let a delivery through.
    #[inline(never)]
    fn is_open(&mut self, now: Instant) -> bool {
        self.breaker.as_mut().is_none_or(|breaker| breaker.allows(now))
            && self.rate.is_none_or(|(rate, bucket)| bucket.next_at(rate) <= now)
    }

    /// Lets weights, rate and breaker know of a delivery.
    #[inline(never)]
    fn passes(&mut self, index: u32, now: Instant) {
        self.lanes.served();
        if let Some((rate, bucket)) = &mut self.rate {
            bucket.take(*rate, now);
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.on_delivery(index);
        }
    }

    /// Takes the item whose turn it is out of its lane; parks and dooms on the way what may not be delivered.
    #[inline]
    fn choose(&mut self, now: Instant) -> Option<u32> {
        let fresh_comes = |keys: &Keys| keys.fresh_at().is_some_and(|at| at <= now);
        let mut with_fresh = self.keys.as_ref().is_none_or(fresh_comes);
        loop {
            let turn = self.lanes.front(with_fresh)?;
            let index = turn.index;
            let header = &self.slots.get(index)?.header;
            let (key, expires_at) = (header.key(), self.columns.expires_at(index, header));
            if expires_at <= now {
                self.lanes.pop(&mut self.slots, turn);
                // Whoever waits for it has waited long enough.
                self.release_key(index);
                self.doom(index, End::Expired);
                continue;
            }
            if turn.is_fresh
                && let Some(keys) = &mut self.keys
                && keys.parked.depth() > 0
                && let Some(parked) = key.and_then(|key| keys.parked.get_mut(key))
            {
                let has_room = parked.depth() < keys.parked_per_key_max;
                if !has_room && keys.at_bound == AtBound::Stall {
                    keys.stuck_until = expires_at;
                    with_fresh = false;
                    continue;
                }
                self.lanes.pop(&mut self.slots, turn);
                if has_room {
                    parked.push_back(&mut self.slots, index);
                    self.set_state(index, State::Parked);
                    if expires_at != Instant::FAR {
                        self.timers.arm(index, expires_at);
                    }
                } else if keys.at_bound == AtBound::DeadLetter {
                    self.doom(index, End::TooMuchParked);
                } else {
                    self.doom(index, End::AtBound);
                }
                continue;
            }
            self.lanes.pop(&mut self.slots, turn);
            if !turn.is_fresh {
                self.timers.disarm(index);
            }
            if let Some(rates) = &mut self.key_rates
                && let Some(key) = key
                && let Err(at) = rates.take(key, now)
            {
                self.hold_key(index);
                self.set_state(index, State::Waiting);
                self.timers.arm(index, at.min(expires_at));
                // Another key may be held now.
                with_fresh = with_fresh && !self.keys.as_ref().is_some_and(Keys::stalls);
                continue;
            }
            return Some(index);
        }
    }

    /// Something changed that may let a fresh item through.
    #[inline]
    pub(super) fn unstick(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.stuck_until = Instant::START;
        }
    }

    #[inline]
    pub(super) fn set_state(&mut self, index: u32, state: State) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.header.state = state;
        }
    }

    /// Items that could be accepted now.
    #[inline]
    pub fn room(&self) -> usize {
        self.slots.capacity() - self.slots.depth()
    }

    /// Items in hand.
    pub fn depth(&self) -> usize {
        self.slots.depth()
    }

    /// Deliveries that are unanswered.
    pub fn in_flight(&self) -> usize {
        self.leased
    }

    /// Keys that are held up.
    pub fn keys_held(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.parked.depth())
    }

    /// What became of all items. It balances between any two calls.
    pub fn ledger(&self) -> Ledger {
        Ledger { in_hand: self.slots.depth() as u64, ..self.ledger }
    }

    /// How long the items of a priority waited.
    pub fn waited(&self, priority: u8) -> Waited {
        self.lanes.report(priority)
    }

    /// Whether the origins of items are kept.
    pub(crate) fn keeps_origin(&self) -> bool {
        self.columns.keeps_origin()
    }

    /// What the circuit breaker lets through, and how often it opened; `None` without one.
    pub fn breaker(&self) -> Option<(BreakerState, u64)> {
        self.breaker.as_ref().map(|breaker| (breaker.state(), breaker.opened()))
    }

    /// Bytes allocated. Payloads may own more.
    pub fn bytes(&self) -> usize {
        self.slots.bytes()
            + self.columns.bytes()
            + self.timers.bytes()
            + self.dead.bytes()
            + self.keys.as_ref().map_or(0, |keys| keys.parked.bytes())
            + self.dedup.as_ref().map_or(0, Recent::bytes)
            + self.breaker.as_ref().map_or(0, Breaker::bytes)
            + self.key_rates.as_ref().map_or(0, KeyRates::bytes)
    }
}

impl<T, E, C> fmt::Debug for Tracker<T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("in_hand", &self.slots.depth())
            .field("capacity", &self.slots.capacity())
            .field("in_flight", &self.leased)
            .field("dead_letters", &self.dead.depth())
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}
