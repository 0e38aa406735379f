//! The whole tracker against a simple model: any rules, any calls, any clock.
//!
//! The model is a list of items, each with what is known about it. It does not predict which item comes next; it tells which
//! ones may, and whether one must. So it knows nothing of lanes, parking or wheels, only of what they promise. The same
//! harness is driven by proptest here, and by libFuzzer in `fuzz`.

mod calls;
mod consequences;
mod fuse;

use std::{collections::HashMap, time::Duration};

use ringway::{
    delivery::{
        Answer, AtBound, Backoff, BreakerRules, BreakerState, CancelError, Class, DeadLetterRules, DedupWindow,
        Delivery, DroppedBy, Effect, Envelope, Expired, Headers, Id, ItemId, Jitter, Lease, LetterId, Order, Origin,
        Priorities, Rate, Reason, RedriveError, Refused, Retry, Rules, Tracker, WhenFull,
    },
    time::Instant,
};

use fuse::{Fuse, half_opened};

/// A byte string as a source of choices; all zero when it is used up.
pub(crate) struct Choices<'b>(pub(crate) &'b [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One time in `n`, and never when there are no more bytes.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// A short time, and now and then a very long one.
    fn time(&mut self) -> Duration {
        match self.below(16) {
            15 => Duration::MAX,
            14 => Duration::from_secs(1_000_000),
            _ => Duration::from_nanos(u64::from(self.byte() % 40)),
        }
    }
}

fn rules(choices: &mut Choices<'_>) -> Rules {
    let capacity = 1 + choices.below(12);
    let step = Duration::from_nanos(u64::from(choices.byte() % 10));
    let cap = Duration::from_nanos(25);
    Rules {
        capacity,
        headers: if choices.one_in(8) {
            let [id, expires_at, origin] = [0; 3].map(|_| choices.one_in(2));
            Headers { id, expires_at, origin }
        } else {
            Headers::ALL
        },
        in_flight_max: 1 + choices.below(4),
        lease: Duration::from_nanos(1 + u64::from(choices.byte() % 20)),
        retry: Retry {
            backoff: match choices.below(3) {
                0 => Backoff::Fixed(step),
                1 => Backoff::Linear { step, cap },
                _ => Backoff::Exponential { base: step, cap },
            },
            jitter: Jitter::None,
            attempts_max: 1 + choices.below(4) as u32,
            total_max: if choices.one_in(4) { Duration::from_nanos(30) } else { Duration::MAX },
        },
        order: match choices.below(4) {
            0 => Order::Unordered,
            bound => Order::Keyed {
                keys_max: 1 + choices.below(4),
                parked_per_key_max: choices.below(4),
                at_bound: [AtBound::Stall, AtBound::DeadLetter, AtBound::Drop][bound - 1],
            },
        },
        expired: if choices.one_in(2) { Expired::DeadLetter } else { Expired::Drop },
        dead_letters: DeadLetterRules {
            capacity: 1 + choices.below(4),
            when_full: [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Hold][choices.below(3)],
        },
        priorities: match choices.below(3) {
            0 => Priorities::One,
            1 => Priorities::Strict(3),
            _ => Priorities::Weighted([1, 3, 0, 2, 0, 0, 0, 0]),
        },
        dedup: choices.one_in(3).then_some(DedupWindow { time: Duration::from_nanos(50), count: 3 }),
        rate: choices.one_in(5).then_some(Rate { interval: Duration::from_nanos(5), burst: 2 }),
        key_rate: choices.one_in(5).then_some((Rate { interval: Duration::from_nanos(7), burst: 1 }, 2)),
        breaker: choices.one_in(5).then_some(BreakerRules {
            failures: 2,
            window: Duration::from_nanos(20),
            open_for: Duration::from_nanos(15),
            probes: 2,
        }),
        // So the tracker's time is exact, and so can the model's be.
        resolution: Duration::from_nanos(1),
        seed: 1,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// Not before then; `again` if it was delivered before.
    Waiting {
        due: Instant,
        again: bool,
    },
    /// Deliverable, as far as only itself counts; since which turn.
    Ready(u64),
    /// In a handler's hands; until then, if deferred.
    Leased(Option<Instant>),
    Held(Reason),
    Acked,
    Dead,
    Expired,
    Dropped,
}

#[derive(Debug, Clone)]
struct Item {
    /// What its header must say when it comes out.
    says: Envelope<usize>,
    attempts: u32,
    first: Instant,
    is: Is,
    again: bool,
}

impl Item {
    fn has_ended(&self) -> bool {
        matches!(self.is, Is::Acked | Is::Dead | Is::Expired | Is::Dropped)
    }
}

type Classify = fn(&u8) -> Class;
type Subject = Tracker<usize, u8, Classify>;

/// What errors mean: by their number.
fn class(error: &u8) -> Class {
    match error % 4 {
        0 | 1 => Class::Retry,
        2 => Class::After(Duration::from_nanos(3)),
        _ => Class::Reject,
    }
}

struct Harness {
    rules: Rules,
    tracker: Subject,
    now: Instant,
    items: Vec<Item>,
    ids: Vec<ItemId>,
    numbers: HashMap<ItemId, usize>,
    leases: Vec<(Lease, usize)>,
    /// The dead letters, oldest first.
    letters: Vec<(LetterId, usize)>,
    dead: u64,
    /// Ids accepted, oldest first.
    seen: Vec<(Id, Instant)>,
    turns: u64,
    accepted: u64,
    stale: u64,
    fuse: Fuse,
    /// Print each call: for a failure that has been shrunk.
    is_traced: bool,
}

/// Runs the calls that the bytes choose, then lets everything end. Panics if a promise is broken.
pub(crate) fn run(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let rules = rules(&mut choices);
    let start = if choices.one_in(8) { u64::MAX / 2 } else { 0 };
    let now = Instant::from_nanos(start);
    let tracker = Subject::with_classes(rules.clone(), class, now).expect("small capacities");
    let mut harness = Harness {
        fuse: Fuse::new(rules.breaker),
        rules,
        tracker,
        now,
        items: Vec::new(),
        ids: Vec::new(),
        numbers: HashMap::new(),
        leases: Vec::new(),
        letters: Vec::new(),
        dead: 0,
        seen: Vec::new(),
        turns: 0,
        accepted: 0,
        stale: 0,
        is_traced: std::env::var_os("RINGWAY_TRACE").is_some(),
    };
    harness.trace(|| format!("{:?}", harness.rules));
    while !choices.0.is_empty() {
        harness.call(&mut choices);
        harness.let_time_pass();
        harness.check();
        harness.nothing_comes_before(harness.now);
    }
    if harness.turns % 4 == 3 { harness.hand_back() } else { harness.finish() }
}

impl Harness {
    fn trace(&self, what: impl FnOnce() -> String) {
        if self.is_traced {
            eprintln!("{:?}: {}", self.now, what());
        }
    }

    fn is_duplicate(&self, id: Option<Id>) -> bool {
        let Some(window) = self.rules.dedup else { return false };
        let latest = self.seen.iter().rev().take(window.count);
        latest.filter(|(_, at)| self.now - *at < window.time).any(|(seen, _)| Some(*seen) == id)
    }

    fn took_in(&mut self, envelope: Envelope<usize>) {
        self.turns += 1;
        self.accepted += 1;
        let due = envelope.not_before;
        let item = Item {
            says: envelope,
            attempts: 0,
            first: self.now,
            is: if due > self.now { Is::Waiting { due, again: false } } else { Is::Ready(self.turns) },
            again: false,
        };
        match self.items.get_mut(envelope.payload) {
            Some(redriven) => {
                assert_eq!(redriven.is, Is::Dead);
                *redriven = item;
            }
            None => self.items.push(item),
        }
    }

    /// Notes the name of an item that was taken in just now.
    fn named(&mut self, number: usize, id: ItemId) {
        match self.ids.get_mut(number) {
            Some(before) => *before = id,
            None => self.ids.push(id),
        }
        assert!(self.numbers.insert(id, number).is_none(), "an item's name was used twice");
    }

    /// What a dead letter's header says when it comes back.
    fn redriven(&self, number: usize) -> Envelope<usize> {
        let says = self.items[number].says;
        Envelope { not_before: Instant::START, expires_at: Instant::FAR, redrives: says.redrives + 1, ..says }
    }

    fn lane(&self, priority: u8) -> u8 {
        match self.rules.priorities {
            Priorities::One => 0,
            Priorities::Strict(count) => priority.min(count as u8 - 1),
            Priorities::Weighted(_) => priority.min(3),
        }
    }

    /// Whether an item may be delivered now, as far as its own state and that of its key tell.
    fn may_come(&self, number: usize) -> bool {
        let item = &self.items[number];
        let Is::Ready(turn) = item.is else { return false };
        if item.says.expires_at <= self.now {
            return false;
        }
        let (Order::Keyed { .. }, Some(key)) = (self.rules.order, item.says.key) else { return true };
        self.items.iter().enumerate().filter(|&(other, of)| other != number && of.says.key == Some(key)).all(
            |(_, other)| match other.is {
                Is::Leased(_) | Is::Waiting { again: true, .. } => false,
                Is::Ready(others) => {
                    let same_lane = self.lane(other.says.priority) == self.lane(item.says.priority);
                    let goes_before = other.again || (same_lane && others < turn);
                    item.again || !goes_before || other.says.expires_at <= self.now
                }
                _ => true,
            },
        )
    }

    /// Whether something other than items decides about deliveries.
    fn is_throttled(&self) -> bool {
        let Rules { rate, key_rate, order, .. } = &self.rules;
        let stalls = matches!(order, Order::Keyed { at_bound: AtBound::Stall, .. });
        rate.is_some() || key_rate.is_some() || stalls || !self.fuse.lets_through(self.now)
    }

    /// What must hold between any two calls.
    fn check(&self) {
        let count = |is: fn(&Is) -> bool| self.items.iter().filter(|item| is(&item.is)).count() as u64;
        let ledger = self.tracker.ledger();
        assert!(ledger.balances(), "{ledger:?}");
        assert_eq!((ledger.accepted, ledger.stale, ledger.dead), (self.accepted, self.stale, self.dead));
        assert_eq!(ledger.acked, count(|is| *is == Is::Acked));
        assert_eq!(ledger.expired, count(|is| *is == Is::Expired));
        assert_eq!(ledger.dropped(), count(|is| *is == Is::Dropped));
        assert_eq!(self.tracker.depth(), self.items.iter().filter(|item| !item.has_ended()).count());
        assert_eq!(self.tracker.in_flight() as u64, count(|is| matches!(is, Is::Leased(_))));
        assert!(self.tracker.dead_letters().list().map(|(id, _)| id).eq(self.letters.iter().map(|&(id, _)| id)));
        let breaker = self.tracker.breaker().map(|(state, opened)| (half_opened(state, self.now), opened));
        assert_eq!(breaker, self.fuse.told(self.now));
        if let Order::Keyed { keys_max, at_bound: AtBound::Stall, .. } = self.rules.order {
            assert!(self.tracker.keys_held() <= keys_max);
        }
    }

    /// Turns the clock on, a nanosecond at a time: until the tracker wants to be looked at there is nothing to see.
    fn nothing_comes_before(&mut self, until: Instant) {
        let next_at = self.tracker.next_at(self.now).unwrap_or(Instant::FAR);
        while self.now < next_at && self.now <= until {
            let comes = self.tracker.next(self.now).map(|delivery| *delivery.payload());
            let follows = self.tracker.tick(self.now);
            assert_eq!((comes, follows), (None, None), "at {:?}, before {next_at:?}", self.now);
            self.now = self.now + Duration::from_nanos(1);
        }
        self.now = self.now.min(until);
    }

    /// The owner ends: what is in hand comes back, oldest first, and nothing else.
    fn hand_back(mut self) {
        let mut back = Vec::new();
        self.tracker.hand_back(|envelope| {
            assert_eq!(envelope, self.items[envelope.payload].says);
            back.push(envelope.payload);
        });
        let mut left: Vec<usize> = (0..self.items.len()).filter(|&number| !self.items[number].has_ended()).collect();
        // A redriven item was accepted again.
        let redriven = back.iter().zip(back.iter().skip(1)).filter(|(before, after)| before > after).count() as u64;
        let ledger = self.tracker.ledger();
        assert!(redriven <= ledger.redriven);
        back.sort_unstable();
        left.sort_unstable();
        assert_eq!(back, left);
        assert!(ledger.balances() && ledger.handed_back == back.len() as u64 && ledger.in_hand == 0, "{ledger:?}");
        assert_eq!((self.tracker.depth(), self.tracker.in_flight(), self.tracker.keys_held()), (0, 0, 0));
        let letters = self.letters.len();
        assert_eq!(self.tracker.dead_letters().depth(), letters);
        while let Some(effect) = self.tracker.tick(Instant::FAR) {
            assert!(matches!(effect, Effect::Redriven { .. }), "{effect:?} of nothing");
        }
        assert!(self.tracker.next(Instant::FAR).is_none() || ledger.redriven < self.tracker.ledger().redriven);
    }

    /// Everything ends, if handlers answer and time passes.
    fn finish(mut self) {
        let soon = self.now + Duration::from_secs(2_000_000);
        for number in 0..self.items.len() {
            match self.items[number].is {
                Is::Waiting { due, .. } if due > soon => {
                    assert!(self.tracker.cancel(self.ids[number]).is_ok());
                    self.items[number].is = Is::Dropped;
                }
                Is::Leased(Some(until)) if until > soon => {
                    let lease = self.leases.iter().rfind(|&&(_, of)| of == number).expect("it was deferred").0;
                    assert_eq!(self.tracker.settle(lease, Answer::Ack, self.now), Ok(Effect::Acked));
                    self.acked(number);
                }
                _ => {}
            }
        }
        let mut turns = 0;
        while self.tracker.depth() > 0 {
            turns += 1;
            assert!(turns < 10_000, "it does not end: {:?}", self.tracker);
            self.let_time_pass();
            self.check();
            if self.rules.dead_letters.when_full == WhenFull::Hold {
                self.purge();
            }
            let acked = self.tracker.next(self.now).map(|delivery| {
                let number = *delivery.payload();
                assert!(!self.items[number].has_ended() && self.items[number].says.expires_at > self.now);
                delivery.ack();
                number
            });
            if let Some(number) = acked {
                self.fuse.delivered(number, self.now);
                self.acked(number);
            } else if let Some(at) = self.tracker.next_at(self.now) {
                self.now = at;
            } else {
                assert_eq!(self.tracker.depth(), 0, "nothing will happen, but items are in hand: {:?}", self.tracker);
            }
        }
        self.check();
        assert_eq!((self.tracker.keys_held(), self.tracker.in_flight()), (0, 0));
    }
}
