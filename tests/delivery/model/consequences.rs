//! What follows from failures and from time, and what must.

use super::*;

impl Harness {
    /// Ticks until nothing follows, and holds each effect against the model.
    pub(super) fn let_time_pass(&mut self) {
        while let Some(effect) = self.tracker.tick(self.now) {
            self.took_effect(effect);
        }
        self.come_due();
    }

    fn come_due(&mut self) {
        let now = self.now;
        let mut due: Vec<_> = self.items.iter_mut().filter(|item| matches!(item.is, Is::Waiting { .. })).collect();
        due.sort_by_key(|item| if let Is::Waiting { due, .. } = item.is { due } else { Instant::FAR });
        for item in due {
            if let Is::Waiting { due, .. } = item.is
                && due <= now
            {
                assert!(item.says.expires_at > now, "an item that expired while it waited is due");
                self.turns += 1;
                item.is = Is::Ready(self.turns);
            }
        }
    }

    fn took_effect(&mut self, effect: Effect<usize>) {
        self.trace(|| format!("tick: {effect:?}"));
        let number = match &effect {
            Effect::Redriven { letter, item } => {
                // Timers come first.
                self.come_due();
                let (oldest, number) = self.letters.remove(0);
                assert_eq!(oldest, *letter);
                self.took_in(self.redriven(number));
                return self.named(number, *item);
            }
            Effect::Retry { item, .. } | Effect::Held { item, .. } => self.numbers[item],
            Effect::Dead { letter, .. } => {
                self.tracker.dead_letters().peek(*letter).expect("it is new").envelope.payload
            }
            Effect::Expired(envelope) | Effect::Dropped { envelope, .. } => envelope.payload,
            other => panic!("{other:?} does not come by itself"),
        };
        match (self.items[number].is, &effect) {
            (Is::Leased(None), _) => self.failed(number, Reason::Unanswered, Class::Retry, effect),
            (Is::Leased(Some(until)), _) => {
                assert!(until <= self.now, "its lease stands until {until:?}, now is {:?}", self.now);
                self.failed(number, Reason::LeaseExpired, Class::Retry, effect);
            }
            (Is::Held(reason), _) => self.given_up(number, reason, effect),
            (
                Is::Ready(_),
                Effect::Dead { reason: Reason::TooMuchParked, .. } | Effect::Held { reason: Reason::TooMuchParked, .. },
            ) => {
                self.is_in_the_way(number, AtBound::DeadLetter);
                self.given_up(number, Reason::TooMuchParked, effect);
            }
            (Is::Ready(_), Effect::Dropped { by: DroppedBy::AtBound, .. }) => {
                self.is_in_the_way(number, AtBound::Drop);
                self.ends(number, Is::Dropped);
            }
            (Is::Ready(_), Effect::Dropped { .. }) if self.items[number].says.expires_at > self.now => {
                self.is_in_the_way(number, AtBound::DeadLetter);
                self.given_up(number, Reason::TooMuchParked, effect);
            }
            _ => self.not_in_time(number, effect),
        }
    }

    /// Only an item with as many of its key before it as may wait can be too many.
    fn is_in_the_way(&self, number: usize, policy: AtBound) {
        let Order::Keyed { parked_per_key_max, at_bound, .. } = self.rules.order else { panic!("no order is kept") };
        let key = self.items[number].says.key;
        let others = self.items.iter().filter(|other| other.says.key == key && !other.has_ended()).count() - 1;
        assert!(key.is_some() && at_bound == policy && !self.items[number].again && others >= parked_per_key_max);
    }

    /// What a failure must lead to: a retry at that time, or the end.
    fn fate(&self, number: usize, class: Class) -> Result<Instant, ()> {
        let (item, retry) = (&self.items[number], self.rules.retry);
        let wait = match class {
            Class::Reject => return Err(()),
            Class::After(wait) => wait,
            _ => match retry.backoff {
                Backoff::Fixed(wait) => wait,
                Backoff::Linear { step, cap } => (step * item.attempts).min(cap),
                Backoff::Exponential { base, cap } => (base * 2_u32.pow(item.attempts - 1)).min(cap),
                _ => unreachable!("not among the rules"),
            },
        };
        let at = self.now + wait;
        let is_over = item.attempts == retry.attempts_max || at - item.first > retry.total_max;
        if is_over { Err(()) } else { Ok(at) }
    }

    pub(super) fn acked(&mut self, number: usize) {
        self.items[number].is = Is::Acked;
        self.fuse.answered(number, true, self.now);
    }

    pub(super) fn failed(&mut self, number: usize, reason: Reason, class: Class, effect: Effect<usize>) {
        self.trace(|| format!("{number} failed, {reason:?}: {effect:?}"));
        // A handler that rejects an item works.
        self.fuse.answered(number, class == Class::Reject, self.now);
        let fate = self.fate(number, class);
        let is_expired = self.items[number].says.expires_at <= self.now;
        let at_bound = match self.rules.order {
            Order::Keyed { keys_max, at_bound, .. } if self.items[number].says.key.is_some() => {
                (self.tracker.keys_held() >= keys_max).then_some(at_bound)
            }
            _ => None,
        };
        if let Effect::Retry { item, attempt, at, reason: why } = effect {
            assert_eq!((item, attempt, why), (self.ids[number], self.items[number].attempts, reason));
            assert!(fate == Ok(at) && !is_expired);
            self.items[number].is = Is::Waiting { due: at, again: true };
            self.items[number].again = true;
            self.items[number].says.not_before = Instant::START;
            return;
        }
        match (fate, is_expired, at_bound) {
            (Err(()), ..) => {
                self.given_up(number, if class == Class::Reject { Reason::Rejected } else { reason }, effect)
            }
            (Ok(_), true, _) => self.not_in_time(number, effect),
            (Ok(_), false, Some(AtBound::DeadLetter)) => self.given_up(number, Reason::TooMuchParked, effect),
            (Ok(_), false, Some(AtBound::Drop)) => {
                assert!(
                    matches!(effect, Effect::Dropped { envelope, by: DroppedBy::AtBound } if envelope == self.items[number].says)
                );
                self.ends(number, Is::Dropped);
            }
            _ => panic!("item {number} must be tried again, but {effect:?}"),
        }
    }

    fn not_in_time(&mut self, number: usize, effect: Effect<usize>) {
        assert!(self.items[number].says.expires_at <= self.now, "item {number} has time left, but {effect:?}");
        match self.rules.expired {
            Expired::DeadLetter => self.given_up(number, Reason::Expired, effect),
            Expired::Drop => {
                assert!(
                    matches!(effect, Effect::Expired(envelope) if envelope == self.items[number].says),
                    "{effect:?}"
                );
                self.ends(number, Is::Expired);
            }
        }
    }

    /// An item without hope: a dead letter, or what the rules say if there is no room for one.
    fn given_up(&mut self, number: usize, reason: Reason, effect: Effect<usize>) {
        let DeadLetterRules { capacity, when_full } = self.rules.dead_letters;
        let is_full = self.letters.len() == capacity;
        match effect {
            Effect::Dead { letter, reason: why } => {
                assert!(!is_full || when_full == WhenFull::DropOldest);
                if is_full {
                    self.letters.remove(0);
                }
                self.letters.push((letter, number));
                self.dead += 1;
                let (item, found) = (&self.items[number], self.tracker.dead_letters().peek(letter).expect("it is new"));
                assert_eq!((why, found.reason, found.envelope), (reason, reason, item.says));
                assert_eq!((found.attempts, found.last), (item.attempts, self.now));
                self.ends(number, Is::Dead);
            }
            Effect::Held { item, reason: why } => {
                assert!(is_full && when_full == WhenFull::Hold && item == self.ids[number] && why == reason);
                self.items[number].is = Is::Held(reason);
            }
            Effect::Dropped { envelope, by: DroppedBy::DeadLettersFull } => {
                assert!(is_full && when_full == WhenFull::DropNewest && envelope == self.items[number].says);
                self.ends(number, Is::Dropped);
            }
            other => panic!("item {number} is given up for {reason:?}, but {other:?}"),
        }
    }

    fn ends(&mut self, number: usize, is: Is) {
        assert!(!self.items[number].has_ended(), "item {number} ended twice");
        self.items[number].is = is;
    }
}
