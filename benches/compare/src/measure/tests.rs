//! The harness against queues that misbehave: a check that was never seen to fail checks nothing.

use std::{
    collections::VecDeque,
    hint,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    crew::Job,
    sample::{self, Outcome},
};
use crate::{
    queue::{Payload, Push, Queue, Shape, Take},
    rows::{ROWS, Row},
};

/// The item at which a queue that misbehaves does so.
const ODD_ONE: u64 = 700;

/// What a queue does with its odd item.
trait Habit: Send + Sync + 'static {
    /// Puts an item in, or refuses it.
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool;
}

struct Good;
struct Loses;
struct Doubles;
struct Overtakes;
struct Refuses;
struct Panics;
struct Stays;

/// Lets the thread that is stuck in [`Stays`] go when its test is over.
static RELEASED: AtomicBool = AtomicBool::new(false);

impl Habit for Good {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        items.push_back(item);
        true
    }
}

impl Habit for Loses {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        if item != ODD_ONE {
            items.push_back(item);
        }
        true
    }
}

impl Habit for Doubles {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        if item == ODD_ONE {
            items.push_back(item);
        }
        Good::put(items, item)
    }
}

impl Habit for Overtakes {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        let place = if item == ODD_ONE { items.len().saturating_sub(1) } else { items.len() };
        // An empty queue has nobody to overtake: refuse until there is somebody.
        if item == ODD_ONE && items.is_empty() {
            items.push_back(item + 1);
        }
        items.insert(place, item);
        true
    }
}

impl Habit for Refuses {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        item != ODD_ONE && Good::put(items, item)
    }
}

impl Habit for Panics {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        assert_ne!(item, ODD_ONE, "the odd one");
        Good::put(items, item)
    }
}

impl Habit for Stays {
    fn put(items: &mut VecDeque<u64>, item: u64) -> bool {
        while item == ODD_ONE && !RELEASED.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
        Good::put(items, item)
    }
}

struct Locked<H>(std::marker::PhantomData<H>);

struct End<H> {
    items: Arc<Mutex<VecDeque<u64>>>,
    habit: std::marker::PhantomData<H>,
}

impl<H: Habit> Queue<u64> for Locked<H> {
    type Tx = End<H>;
    type Rx = End<H>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let items = Arc::new(Mutex::new(VecDeque::new()));
        let end = || End { items: Arc::clone(&items), habit: std::marker::PhantomData };
        ((0..shape.producers).map(|_| end()).collect(), (0..shape.consumers).map(|_| end()).collect())
    }
}

impl<H: Habit> Push<u64> for End<H> {
    fn try_push(&mut self, item: u64) -> Result<(), u64> {
        let mut items = self.items.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if items.len() < 64 && H::put(&mut items, item) { Ok(()) } else { Err(item) }
    }
}

impl<H: Habit> Take<u64> for End<H> {
    fn try_take(&mut self, mut each: impl FnMut(&u64)) -> usize {
        // A producer that stays inside keeps the lock; this side must still be able to leave.
        let Ok(mut items) = self.items.try_lock() else { return 0 };
        match items.pop_front() {
            Some(item) => {
                each(&item);
                1
            }
            None => 0,
        }
    }
}

fn row(name: &str) -> Row {
    *ROWS.iter().find(|row| row.name == name).expect("a row of that name")
}

fn job() -> Job {
    let pins = core_affinity::get_core_ids().expect("the CPUs are known");
    Job { pins, items: [1000; 2], warm: 500, tight: false, deadline: Duration::from_millis(500) }
}

fn stream<H: Habit>(row_name: &str) -> Outcome {
    sample::stream::<Locked<H>, u64>(&row(row_name), &job())
}

#[track_caller]
fn assert_fault(outcome: &Outcome, part: &str) {
    assert!(matches!(outcome, Outcome::Fault(what) if what.contains(part)), "{outcome:?}");
}

#[test]
fn a_good_queue_is_measured_in_every_topology() {
    for name in ["spsc", "mpsc-2", "mpsc-4", "spmc-2", "mpmc-2x2", "mpmc-4x4"] {
        assert!(matches!(stream::<Good>(name), Outcome::Measured(sample) if sample.ns > 0.0), "{name}");
    }
    let pair = sample::pair::<Locked<Good>, u64>(&row("pair"), &job());
    assert!(matches!(pair, Outcome::Measured(_)), "{pair:?}");
    let trips = sample::round_trip::<Locked<Good>, u64>(&row("ping-pong"), &job());
    assert!(matches!(&trips, Outcome::Measured(sample) if sample.p99_ns >= Some(sample.ns)), "{trips:?}");
}

#[test]
fn a_lost_item_is_a_fault_where_order_is_exact_and_a_hang_elsewhere() {
    assert_fault(&stream::<Loses>("spsc"), "never came");
    assert!(matches!(stream::<Loses>("mpmc-2x2"), Outcome::Hung { stuck: 0, .. }));
}

#[test]
fn doubled_and_reordered_items_are_faults() {
    assert_fault(&stream::<Doubles>("spsc"), "out of order");
    assert_fault(&stream::<Doubles>("mpsc-2"), "out of order");
    assert_fault(&stream::<Overtakes>("spsc"), "out of order");
}

#[test]
fn a_queue_that_refuses_for_ever_is_hung_and_everybody_comes_home() {
    let outcome = stream::<Refuses>("spsc");
    assert!(matches!(outcome, Outcome::Hung { stuck: 0, .. }), "{outcome:?}");
}

#[test]
fn a_panic_is_a_fault_with_its_message() {
    assert_fault(&stream::<Panics>("spsc"), "the odd one");
}

#[test]
fn a_call_that_never_returns_is_named_and_left_behind() {
    let outcome = stream::<Stays>("spsc");
    RELEASED.store(true, Ordering::Relaxed);
    assert!(matches!(outcome, Outcome::Hung { stuck: 1.., .. }), "{outcome:?}");
}

#[test]
fn a_payload_that_mixes_two_is_torn() {
    let whole = crate::queue::Block::new(7);
    assert_eq!(whole.torn(), 0);
    let mixed = crate::queue::Block::mixed(7, 8);
    assert_ne!(mixed.torn(), 0);
}
