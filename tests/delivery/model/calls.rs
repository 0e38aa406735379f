//! The calls, and what each must answer.

use super::*;

impl Harness {
    pub(super) fn call(&mut self, choices: &mut Choices<'_>) {
        match choices.below(16) {
            0..3 => self.accept(choices),
            3 => self.accept_next(choices),
            4..9 => self.next(choices),
            9 | 10 => self.advance(choices),
            11 | 12 => self.settle(choices),
            13 => self.extend(choices),
            14 => self.cancel(choices),
            _ => self.dead_letters(choices),
        }
    }

    fn envelope(&mut self, choices: &mut Choices<'_>) -> Envelope<usize> {
        let mut envelope = Envelope::new(self.items.len());
        envelope.key = (!choices.one_in(4)).then(|| choices.below(3) as u64);
        envelope.priority = if choices.one_in(3) { choices.byte() % 5 } else { 0 };
        if choices.one_in(4) {
            envelope.not_before = self.now + choices.time();
        }
        if choices.one_in(4) {
            envelope.expires_at = self.now + choices.time();
        }
        if choices.one_in(4) {
            envelope.origin = Origin { shard: 7, sequence: self.turns };
        }
        if choices.one_in(2) {
            envelope.id = Some(Id::from(u64::from(choices.byte() % 8)));
        }
        envelope
    }

    /// What an item is refused with, if it must be.
    fn refusal(&self, envelope: Envelope<usize>) -> Option<Refused<usize>> {
        if self.tracker.room() == 0 {
            Some(Refused::Full(envelope))
        } else if !self.is_kept(envelope) {
            Some(Refused::Header(envelope))
        } else if self.is_duplicate(envelope.id) {
            Some(Refused::Duplicate(envelope))
        } else {
            None
        }
    }

    /// Whether the rules have a place for what a header says.
    fn is_kept(&self, says: Envelope<usize>) -> bool {
        let Headers { id, expires_at, origin } = self.rules.headers;
        (id || says.id.is_none() || self.rules.dedup.is_some())
            && (expires_at || says.expires_at == Instant::FAR)
            && (origin || says.origin == Origin::default())
    }

    fn accept(&mut self, choices: &mut Choices<'_>) {
        let envelope = self.envelope(choices);
        let refusal = self.refusal(envelope);
        let answer = self.tracker.accept(envelope, self.now);
        self.trace(|| format!("accept {envelope:?}: {answer:?}"));
        assert_eq!(answer.err(), refusal);
        if let Ok(id) = answer {
            self.saw(envelope);
            self.took_in(envelope);
            self.named(envelope.payload, id);
        }
    }

    fn saw(&mut self, envelope: Envelope<usize>) {
        if let Some(id) = envelope.id {
            self.seen.push((id, self.now));
        }
    }

    fn next(&mut self, choices: &mut Choices<'_>) {
        self.hand_out(None, choices);
    }

    /// Must be what the two calls are, one after the other.
    fn accept_next(&mut self, choices: &mut Choices<'_>) {
        let envelope = self.envelope(choices);
        if let Some(refusal) = self.refusal(envelope) {
            let answer = self.tracker.accept_next(envelope, self.now);
            return assert_eq!(answer.map(|_| ()), Err(refusal));
        }
        self.saw(envelope);
        self.took_in(envelope);
        self.hand_out(Some(envelope), choices);
    }

    fn hand_out(&mut self, accepted: Option<Envelope<usize>>, choices: &mut Choices<'_>) {
        let candidates: Vec<usize> = (0..self.items.len()).filter(|&number| self.may_come(number)).collect();
        let in_flight = self.items.iter().filter(|item| matches!(item.is, Is::Leased(_))).count();
        let has_credit = in_flight < self.rules.in_flight_max;
        let is_throttled = self.is_throttled();
        let Self { tracker, ids, numbers, now, .. } = self;
        let Some(delivery) = accepted_next(tracker, accepted, ids, numbers, *now) else {
            let may_be_none = candidates.is_empty() || !has_credit || is_throttled;
            assert!(may_be_none, "{candidates:?} may come, and none does");
            return;
        };
        let number = *delivery.payload();
        if self.is_traced {
            eprintln!("{:?}: next is {number}, {candidates:?} may be", self.now);
        }
        assert!(has_credit && candidates.contains(&number), "item {number} comes, but {candidates:?} may");
        assert!(self.fuse.lets_through(self.now), "item {number} comes, but the breaker is open");
        self.fuse.delivered(number, self.now);
        if self.rules.priorities == Priorities::Strict(3) && !is_throttled {
            let lane = |number: usize| self.items[number].says.priority.min(2);
            let bound = matches!(self.rules.order, Order::Keyed { .. });
            // A key's order may hold an urgent item back.
            assert!(bound || candidates.iter().all(|&other| lane(number) <= lane(other)), "not the most urgent");
        }
        let item = &mut self.items[number];
        item.attempts += 1;
        if item.attempts == 1 {
            item.first = self.now;
        }
        assert_eq!((delivery.attempt(), delivery.first()), (item.attempts, item.first));
        let Envelope { payload, key, id, not_before, expires_at, origin, priority, redrives } = delivery.envelope();
        let header = Envelope { payload: *payload, key, id, not_before, expires_at, origin, priority, redrives };
        assert_eq!(header, item.says);
        assert!(item.attempts <= self.rules.retry.attempts_max, "too many attempts");
        item.is = Is::Leased(None);
        let error = choices.byte();
        match choices.below(8) {
            0..2 => {
                assert_eq!(delivery.take(), item.says);
                self.acked(number);
            }
            2 => {
                // The next tick tells.
                if error == 0 { std::mem::forget(delivery) } else { drop(delivery) }
            }
            3 => {
                let effect = delivery.nack(error);
                self.failed(number, Reason::Failed, class(&error), effect);
            }
            4 => {
                let wait = choices.time();
                let effect = delivery.nack_after(error, wait);
                self.failed(number, Reason::Failed, Class::After(wait), effect);
            }
            5 => {
                let effect = delivery.reject(error);
                self.failed(number, Reason::Rejected, Class::Reject, effect);
            }
            _ => {
                let until = self.now + self.rules.lease;
                let lease = delivery.defer();
                assert_eq!((lease.item(), lease.attempt()), (self.ids[number], self.items[number].attempts));
                self.items[number].is = Is::Leased(Some(until));
                self.leases.push((lease, number));
            }
        }
    }

    fn advance(&mut self, choices: &mut Choices<'_>) {
        self.now = match choices.below(8) {
            // The clock jumps: a day, or back.
            7 => self.now + Duration::from_secs(86_400),
            6 => {
                let past = Instant::from_nanos(self.now.as_nanos().saturating_sub(u64::from(choices.byte())));
                if let Some(effect) = self.tracker.tick(past) {
                    panic!("{effect:?} of a time that was before");
                }
                self.now
            }
            _ => {
                let soon = self.now + Duration::from_nanos(1 + u64::from(choices.byte() % 16));
                self.nothing_comes_before(soon);
                soon
            }
        };
    }

    fn settle(&mut self, choices: &mut Choices<'_>) {
        if self.leases.is_empty() {
            return;
        }
        let (lease, number) = self.leases[choices.below(self.leases.len())];
        let item = &self.items[number];
        let stands = matches!(item.is, Is::Leased(Some(_)))
            && item.attempts == lease.attempt()
            && self.ids[number] == lease.item();
        let error = choices.byte();
        let (answer, reason, class) = match choices.below(5) {
            0 | 1 => (Some(Answer::Ack), Reason::Failed, Class::Retry),
            2 => (Some(Answer::Nack(error)), Reason::Failed, class(&error)),
            3 => (Some(Answer::Reject(error)), Reason::Rejected, Class::Reject),
            _ => (None, Reason::Unanswered, Class::Retry),
        };
        let settled = match answer {
            Some(answer) => self.tracker.settle(lease, answer, self.now),
            None => self.tracker.release(lease, self.now),
        };
        match settled {
            Err(_) => {
                assert!(!stands, "a lease was lost");
                self.stale += 1;
            }
            Ok(effect) => {
                assert!(stands, "a lease was answered twice, or late");
                match effect {
                    Effect::Acked => self.acked(number),
                    effect => self.failed(number, reason, class, effect),
                }
            }
        }
    }

    fn extend(&mut self, choices: &mut Choices<'_>) {
        if self.leases.is_empty() {
            return;
        }
        let (lease, number) = self.leases[choices.below(self.leases.len())];
        let until = self.now + choices.time();
        let item = &mut self.items[number];
        let stands = matches!(item.is, Is::Leased(Some(_)))
            && item.attempts == lease.attempt()
            && self.ids[number] == lease.item();
        assert_eq!(self.tracker.extend(lease, until).is_ok(), stands);
        if stands {
            item.is = Is::Leased(Some(until));
        }
    }

    fn cancel(&mut self, choices: &mut Choices<'_>) {
        if self.items.is_empty() {
            return;
        }
        let number = choices.below(self.items.len());
        let answer = self.tracker.cancel(self.ids[number]);
        self.trace(|| format!("cancel {number}: {answer:?}"));
        match answer {
            Ok(envelope) => {
                assert!(envelope == self.items[number].says && !self.items[number].has_ended());
                assert!(!matches!(self.items[number].is, Is::Leased(_)));
                self.items[number].is = Is::Dropped;
            }
            Err(CancelError::Gone) => assert!(self.items[number].has_ended()),
            Err(CancelError::Leased) => assert!(matches!(self.items[number].is, Is::Leased(_))),
            Err(CancelError::OutOfReach) => panic!("a tracker reaches whatever is in hand"),
        }
    }

    fn dead_letters(&mut self, choices: &mut Choices<'_>) {
        match choices.below(4) {
            0 if !self.letters.is_empty() => {
                let nth = choices.below(self.letters.len());
                let (letter, number) = self.letters[nth];
                let is_full = self.tracker.room() == 0;
                match self.tracker.redrive(letter, self.now) {
                    Ok(item) => {
                        self.letters.remove(nth);
                        self.took_in(self.redriven(number));
                        self.named(number, item);
                        assert_eq!(
                            self.tracker.redrive(letter, self.now),
                            Err(if self.tracker.room() == 0 { RedriveError::Full } else { RedriveError::Gone })
                        );
                    }
                    Err(error) => assert!(is_full && error == RedriveError::Full),
                }
            }
            1 => {
                let rate = choices.one_in(2).then_some(Rate { interval: Duration::from_nanos(10), burst: 1 });
                assert_eq!(self.tracker.redrive_all(rate), self.letters.len());
            }
            2 => self.purge(),
            _ => {}
        }
    }

    pub(super) fn purge(&mut self) {
        assert_eq!(self.tracker.dead_letters_mut().purge(), self.letters.len());
        self.letters.clear();
    }
}

/// The next delivery, after an item is accepted, if one is; its name is noted.
fn accepted_next<'t>(
    tracker: &'t mut Subject,
    accepted: Option<Envelope<usize>>,
    ids: &mut Vec<ItemId>,
    numbers: &mut HashMap<ItemId, usize>,
    now: Instant,
) -> Option<Delivery<'t, usize, u8, Classify>> {
    let Some(envelope) = accepted else { return tracker.next(now) };
    let (id, delivery) = tracker.accept_next(envelope, now).expect("there is room, and it is no duplicate");
    ids.push(id);
    assert!(numbers.insert(id, envelope.payload).is_none(), "an item's name was used twice");
    delivery
}
