//! The timing wheel against a `BTreeMap` of (tick, order of scheduling).

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use ringway::time::{CapacityError, Instant, Timer, Wheel};

#[derive(Debug, Clone)]
enum Call {
    /// So many nanoseconds from now.
    Schedule(u64),
    /// At this point in time, be it past or far.
    ScheduleAt(u64),
    /// The nth of all timers there ever were.
    Cancel(usize),
    Reschedule(usize, u64),
    /// Turn the clock on, and take everything that is due.
    Advance(u64),
    /// Take one that is due.
    FireOne,
    /// Say a time that lies so far back.
    JumpBack(u64),
}

fn distance() -> impl Strategy<Value = u64> {
    // All magnitudes, and the borders of slots and levels.
    prop_oneof![
        (0..64_u32).prop_flat_map(|bits| 0..=u64::MAX >> bits),
        (0..64_u32, 0..3_u64).prop_map(|(bits, off)| (1_u64 << bits).wrapping_add(off).wrapping_sub(1)),
        Just(u64::MAX),
        // Few ticks, so that several timers share one.
        (0..3_u64).prop_map(|off| (70_000 + off) << 20),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => distance().prop_map(Call::Schedule),
        1 => distance().prop_map(Call::ScheduleAt),
        2 => any::<usize>().prop_map(Call::Cancel),
        1 => (any::<usize>(), distance()).prop_map(|(nth, ahead)| Call::Reschedule(nth, ahead)),
        2 => (20..64_u32).prop_flat_map(|bits| (0..=u64::MAX >> bits).prop_map(Call::Advance)),
        1 => Just(Call::FireOne),
        1 => distance().prop_map(Call::JumpBack),
    ]
}

/// The same wheel, slow and plain.
struct Model {
    tick_bits: u32,
    /// By tick, then by when it was scheduled.
    pending: BTreeMap<(u64, u64), usize>,
    /// Of each item, its place in `pending`.
    places: Vec<Option<(u64, u64)>>,
    orders: u64,
    reached: u64,
}

impl Model {
    fn schedule(&mut self, item: usize, at: u64) {
        let tick = u128::from(at).div_ceil(1 << self.tick_bits).min(u128::from(u64::MAX >> self.tick_bits)) as u64;
        self.orders += 1;
        let place = (tick.max(self.reached), self.orders);
        self.pending.insert(place, item);
        self.places[item] = Some(place);
    }

    fn cancel(&mut self, item: usize) -> bool {
        let place = self.places[item].take();
        place.is_some_and(|place| self.pending.remove(&place).is_some())
    }

    fn fire(&mut self, now: u64) -> Option<usize> {
        self.reached = self.reached.max(now >> self.tick_bits);
        let first = self.pending.first_entry()?;
        if first.key().0 > now >> self.tick_bits {
            return None;
        }
        let item = first.remove();
        self.places[item] = None;
        Some(item)
    }
}

fn check(capacity: usize, tick_bits: u32, start: u64, calls: Vec<Call>) {
    let mut now = start;
    let resolution = Duration::from_nanos(1 << tick_bits);
    let mut wheel = Wheel::new(capacity, resolution, Instant::from_nanos(now)).expect("a wheel");
    let reached = now >> tick_bits;
    let mut model = Model { tick_bits, pending: BTreeMap::new(), places: Vec::new(), orders: 0, reached };
    let mut timers: Vec<Timer> = Vec::new();
    for call in calls {
        match call {
            Call::Schedule(_) | Call::ScheduleAt(_) => {
                let at = match call {
                    Call::Schedule(ahead) => now.saturating_add(ahead),
                    Call::ScheduleAt(at) => at,
                    _ => unreachable!(),
                };
                let item = timers.len();
                match wheel.schedule(Instant::from_nanos(at), item) {
                    Ok(timer) => {
                        timers.push(timer);
                        model.places.push(None);
                        model.schedule(item, at);
                    }
                    Err(full) => assert!(full.into_inner() == item && model.pending.len() == capacity),
                }
            }
            Call::Cancel(nth) if !timers.is_empty() => {
                let item = nth % timers.len();
                let expected = model.cancel(item).then_some(item);
                assert_eq!(wheel.cancel(timers[item]), expected);
            }
            Call::Reschedule(nth, ahead) if !timers.is_empty() => {
                let (item, at) = (nth % timers.len(), now.saturating_add(ahead));
                let is_pending = model.cancel(item);
                if is_pending {
                    model.schedule(item, at);
                }
                assert_eq!(wheel.reschedule(timers[item], Instant::from_nanos(at)), is_pending);
            }
            Call::Cancel(_) | Call::Reschedule(..) => {}
            Call::Advance(by) => {
                now = now.saturating_add(by);
                while let Some(item) = model.fire(now) {
                    assert_eq!(wheel.fire(Instant::from_nanos(now)), Some(item));
                }
                assert_eq!(wheel.fire(Instant::from_nanos(now)), None);
            }
            Call::FireOne => assert_eq!(wheel.fire(Instant::from_nanos(now)), model.fire(now)),
            Call::JumpBack(by) => {
                // What is due already may fire; nothing new does.
                let past = now.saturating_sub(by);
                let due = model.pending.first_key_value().is_some_and(|(&(tick, _), _)| tick <= past >> tick_bits);
                assert_eq!(wheel.fire(Instant::from_nanos(past)).is_some(), due && model.fire(past).is_some());
            }
        }
        assert_eq!(wheel.depth(), model.pending.len());
        let first = model.pending.first_key_value().map(|(&(tick, _), _)| tick << tick_bits);
        let said = wheel.next_at().map(Instant::as_nanos);
        assert!(said <= first && said.is_some() == first.is_some(), "next at {said:?}, but {first:?} is the first");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_like_a_sorted_map(
        capacity in 1..20_usize,
        tick_bits in 0..30_u32,
        start in prop_oneof![Just(0), any::<u64>()],
        calls in prop::collection::vec(call(), 0..80),
    ) {
        check(capacity, tick_bits, start, calls);
    }
}

/// So many that a slot has several lists.
const MANY: usize = 70_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_large_one_answers_like_a_sorted_map(
        tick_bits in 0..30_u32,
        start in prop_oneof![Just(0), any::<u64>()],
        calls in prop::collection::vec(call(), 0..200),
    ) {
        check(MANY, tick_bits, start, calls);
    }
}

/// All places are taken, many are vacated and taken again, some timers are moved, and time goes on in small and large steps.
#[test]
fn a_full_one_answers_like_a_sorted_map() {
    let random =
        |nth: u64| nth.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20;
    let mut wheel = Wheel::new(MANY, Duration::from_nanos(1), Instant::START).expect("a wheel");
    let mut model = BTreeMap::new();
    let (mut timers, mut now, mut order) = (Vec::new(), 0_u64, 0_u64);
    for round in 0..4_u64 {
        while wheel.depth() < MANY {
            order += 1;
            let at = now + random(order) % 20_000_000;
            let timer = wheel.schedule(Instant::from_nanos(at), order).expect("room");
            model.insert((at, order), order);
            timers.push((timer, at, order, order));
        }
        assert!(wheel.schedule(Instant::FAR, 0).is_err());
        for nth in 0..2 * MANY as u64 {
            let (timer, at, turn, item) = timers.swap_remove(random(!nth ^ round) as usize % timers.len());
            let is_pending = model.remove(&(at, turn)).is_some();
            if nth % 3 == 0 {
                order += 1;
                let later = now + random(order) % 100_000;
                assert_eq!(wheel.reschedule(timer, Instant::from_nanos(later)), is_pending);
                timers.push((timer, later, order, item));
                if is_pending {
                    model.insert((later, order), item);
                }
            } else {
                assert_eq!(wheel.cancel(timer), is_pending.then_some(item));
            }
            if timers.len() < MANY / 4 {
                break;
            }
        }
        for step in [1, 300, 60_000, 9_000_000] {
            now += step;
            while let Some(first) = model.first_entry().filter(|first| first.key().0 <= now) {
                assert_eq!(wheel.fire(Instant::from_nanos(now)), Some(first.remove()));
            }
            assert_eq!(wheel.fire(Instant::from_nanos(now)), None);
        }
        assert_eq!(wheel.depth(), model.len());
    }
}

/// Many timers of few ticks: what is dealt out from a full slot keeps its order.
#[test]
fn a_tick_fires_first_in_first_out() {
    for (count, capacity) in [1, 2, 3, 4, 5, 8, 9, 1000].into_iter().flat_map(|count| [(count, 1000), (count, MANY)]) {
        for distance in [1_u64, 256, 70_000, 20_000_000] {
            let now = Instant::START;
            let mut wheel = Wheel::new(capacity, Duration::from_nanos(1), now).expect("a wheel");
            let mut model = BTreeMap::new();
            for nth in 0..count {
                let tick = distance + nth * 7919 % 3;
                let timer = wheel.schedule(Instant::from_nanos(tick), nth).expect("room");
                if nth % 5 == 3 {
                    assert_eq!(wheel.cancel(timer), Some(nth));
                } else {
                    model.insert((tick, nth), nth);
                }
            }
            let later = Instant::from_nanos(distance + 3);
            let fired: Vec<u64> = std::iter::from_fn(|| wheel.fire(later)).collect();
            assert_eq!(fired, model.into_values().collect::<Vec<_>>(), "{count} timers in {distance} ticks");
        }
    }
}

#[test]
fn never_does_not_come() {
    let now = Instant::from_nanos(12_345);
    let mut wheel = Wheel::new(2, Duration::from_millis(1), now).expect("a wheel");
    let never = wheel.schedule(now + Duration::MAX, "never").expect("room");
    wheel.schedule(now + Duration::from_secs(86_400 * 365 * 100), "in a century").expect("room");
    let late = now + Duration::from_secs(86_400 * 366 * 100);
    assert_eq!(wheel.fire(late), Some("in a century"));
    assert_eq!(wheel.fire(late), None);
    assert_eq!(wheel.cancel(never), Some("never"));
}

#[test]
fn a_jump_of_the_clock_fires_everything_once() {
    let now = Instant::START;
    let mut wheel = Wheel::new(1000, Duration::from_millis(1), now).expect("a wheel");
    for nth in 0..1000_u64 {
        wheel.schedule(Instant::from_nanos((nth * 7919 % 1000) * 3_600_000_000_000), nth).expect("room");
    }
    let later = Instant::from_nanos(1000 * 3_600_000_000_000);
    let fired: Vec<u64> = std::iter::from_fn(|| wheel.fire(later)).collect();
    let hours: Vec<u64> = fired.iter().map(|nth| nth * 7919 % 1000).collect();
    assert_eq!(hours, (0..1000).collect::<Vec<_>>());
}

#[test]
fn capacities_that_cannot_be_are_refused() {
    let wheel = |capacity| Wheel::<u8>::new(capacity, Duration::from_millis(1), Instant::START).err();
    assert_eq!(wheel(0), Some(CapacityError::Zero));
    assert!(matches!(wheel(usize::MAX), Some(CapacityError::TooMany { asked: usize::MAX, .. })));
}

#[test]
fn an_item_takes_40_bytes_beside_itself() {
    let bytes = |capacity| Wheel::<u64>::new(capacity, Duration::from_millis(1), Instant::START).expect("one").bytes();
    assert_eq!((bytes(2000) - bytes(1000)) / 1000, 8 + 40);
}
