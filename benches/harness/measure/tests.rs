//! The harness against queues that misbehave: a check that was never seen to fail checks nothing.

use std::{
    collections::VecDeque,
    hint,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    crew::Job,
    drive::{polling, waiting},
    sample::{self, Outcome},
};
use crate::harness::{
    queue::{BlockingPush, BlockingTake, Ended, Payload, Push, Queue, Shape, Take},
    rows::{ROWS, Row},
};

/// The item at which a queue that misbehaves does so: soon after the warm-up, so that a busy machine gets there in time, too.
const ODD_ONE: u64 = 12;

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
    let (burst, deadline) = (Duration::from_millis(20), Duration::from_secs(60));
    Job { pins, items: [1000; 2], warm: 8, tight: false, sleeps: false, burst, deadline }
}

/// Runs a queue that may hang, until it ends as asked: where others are busy its threads may not come to the odd item, or
/// home, before a short deadline.
#[track_caller]
fn assert_ends(run: impl Fn(&Job) -> Outcome, as_asked: impl Fn(&Outcome) -> bool) {
    let outcomes = [3, 10, 30].map(Duration::from_secs).into_iter().map(|deadline| run(&Job { deadline, ..job() }));
    let mut others = Vec::new();
    for outcome in outcomes {
        if as_asked(&outcome) {
            return;
        }
        others.push(outcome);
    }
    panic!("{others:?}");
}

fn stream<H: Habit>(row_name: &str) -> impl Fn(&Job) -> Outcome {
    let row = row(row_name);
    move |job| sample::stream(polling::<Locked<H>, u64>, &row, job)
}

#[track_caller]
fn assert_fault(run: impl Fn(&Job) -> Outcome, part: &str) {
    assert_ends(run, |outcome| matches!(outcome, Outcome::Fault(what) if what.contains(part)));
}

/// Everybody comes home.
fn is_hung(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Hung { stuck: 0, .. })
}

#[test]
fn a_good_queue_is_measured_in_every_topology() {
    for name in ["spsc", "mpsc-2", "mpsc-4", "spmc-2", "mpmc-2x2", "mpmc-4x4"] {
        let outcome = sample::stream(polling::<Locked<Good>, u64>, &row(name), &job());
        assert!(matches!(&outcome, Outcome::Measured(sample) if sample.ns > 0.0), "{name}: {outcome:?}");
    }
    let pair = sample::pair(polling::<Locked<Good>, u64>, &row("pair"), &job());
    assert!(matches!(pair, Outcome::Measured(_)), "{pair:?}");
    let trips = sample::round_trip(polling::<Locked<Good>, u64>, &row("ping-pong"), &job());
    assert!(matches!(&trips, Outcome::Measured(sample) if sample.p99_ns >= Some(sample.ns)), "{trips:?}");
}

#[test]
fn a_lost_item_is_a_fault_where_order_is_exact_and_a_hang_elsewhere() {
    assert_fault(stream::<Loses>("spsc"), "never came");
    assert_ends(stream::<Loses>("mpmc-2x2"), is_hung);
}

#[test]
fn doubled_and_reordered_items_are_faults() {
    assert_fault(stream::<Doubles>("spsc"), "out of order");
    assert_fault(stream::<Doubles>("mpsc-2"), "out of order");
    assert_fault(stream::<Overtakes>("spsc"), "out of order");
}

#[test]
fn a_queue_that_refuses_for_ever_is_hung_and_everybody_comes_home() {
    assert_ends(stream::<Refuses>("spsc"), is_hung);
}

#[test]
fn a_panic_is_a_fault_with_its_message() {
    assert_fault(stream::<Panics>("spsc"), "the odd one");
}

#[test]
fn a_call_that_never_returns_is_named_and_left_behind() {
    assert_ends(stream::<Stays>("spsc"), |outcome| matches!(outcome, Outcome::Hung { stuck: 1.., .. }));
    RELEASED.store(true, Ordering::Relaxed);
}

#[test]
fn a_payload_that_mixes_two_is_torn() {
    let whole = crate::harness::queue::Block::new(7);
    assert_eq!(whole.torn(), 0);
    let mixed = crate::harness::queue::Block::mixed(7, 8);
    assert_ne!(mixed.torn(), 0);
}

/// A queue whose ends wait. What it does wrong, it does with its odd item.
struct Condition<const LOSES_WAKE: bool>;

/// Either end of it.
struct WaitingEnd<const LOSES_WAKE: bool>(Arc<Monitor>);

#[derive(Default)]
struct Monitor {
    items: Mutex<VecDeque<u64>>,
    changed: Condvar,
    ended: AtomicBool,
}

impl<const LOSES_WAKE: bool> Queue<u64> for Condition<LOSES_WAKE> {
    type Tx = WaitingEnd<LOSES_WAKE>;
    type Rx = WaitingEnd<LOSES_WAKE>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let monitor = Arc::<Monitor>::default();
        let end = || WaitingEnd(Arc::clone(&monitor));
        ((0..shape.producers).map(|_| end()).collect(), (0..shape.consumers).map(|_| end()).collect())
    }
}

impl<const LOSES_WAKE: bool> WaitingEnd<LOSES_WAKE> {
    fn wait<R>(&self, ready: impl Fn(&mut VecDeque<u64>) -> Option<R>) -> Result<R, Ended> {
        let mut items = self.0.items.lock().expect("no end panics with it");
        loop {
            if let Some(answer) = ready(&mut items) {
                return Ok(answer);
            }
            if self.0.ended.load(Ordering::Relaxed) && !LOSES_WAKE {
                return Err(Ended);
            }
            items = self.0.changed.wait(items).expect("no end panics with it");
        }
    }
}

impl<const LOSES_WAKE: bool> BlockingPush<u64> for WaitingEnd<LOSES_WAKE> {
    fn push_waiting(&mut self, item: u64) -> Result<(), Ended> {
        let pushed = self.wait(|items| (items.len() < 64).then(|| items.push_back(item)));
        if !LOSES_WAKE || item != ODD_ONE {
            self.0.changed.notify_all();
        }
        pushed
    }
}

impl<const LOSES_WAKE: bool> BlockingTake<u64> for WaitingEnd<LOSES_WAKE> {
    fn take_waiting(&mut self) -> Result<u64, Ended> {
        let item = self.wait(VecDeque::pop_front);
        self.0.changed.notify_all();
        item
    }
}

impl<const LOSES_WAKE: bool> Drop for WaitingEnd<LOSES_WAKE> {
    fn drop(&mut self) {
        let _items = self.0.items.lock();
        self.0.ended.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }
}

fn patient(items: u64) -> Job {
    Job { items: [items; 2], warm: 16, sleeps: true, ..job() }
}

#[test]
fn a_good_queue_that_waits_is_measured_in_every_topology() {
    for name in ["spsc-blocking", "mpsc-2-blocking", "mpmc-2x2-blocking", "mpmc-4x4-blocking"] {
        let outcome = sample::stream(waiting::<Condition<false>, u64>, &row(name), &patient(1000));
        assert!(matches!(&outcome, Outcome::Measured(sample) if sample.ns > 0.0), "{name}: {outcome:?}");
    }
    let trips = sample::round_trip(waiting::<Condition<false>, u64>, &row("ping-pong-blocking"), &patient(100));
    assert!(matches!(&trips, Outcome::Measured(sample) if sample.p99_ns >= Some(sample.ns)), "{trips:?}");
    let paced = sample::paced(waiting::<Condition<false>, u64>, &row("paced-1kHz-blocking"), &patient(10));
    assert!(matches!(&paced, Outcome::Measured(sample) if sample.elapsed_ns >= 10e6), "{paced:?}");
    let cost =
        sample::send_cost(waiting::<Condition<false>, u64>, &Row { batch: 50, ..row("send-cost-blocking") }, &job());
    assert!(matches!(&cost, Outcome::Measured(sample) if sample.ns > 0.0), "{cost:?}");
}

#[test]
fn a_receiver_that_sleeps_uses_no_cpu_and_is_woken_for_each_item() {
    let idle = sample::idle(waiting::<Condition<false>, u64>, &row("idle-blocking"), &Job { warm: 0, ..patient(1) });
    let Outcome::Measured(sample) = &idle else { panic!("{idle:?}") };
    assert!(sample.elapsed_ns >= 20e6 && sample.ns < sample.elapsed_ns / 2.0, "{sample:?}");
    let wake = sample::wake(waiting::<Condition<false>, u64>, &row("wake-blocking"), &patient(20));
    assert!(matches!(&wake, Outcome::Measured(sample) if sample.ns > 0.0), "{wake:?}");
}

#[test]
fn a_receiver_that_never_sleeps_is_not_woken() {
    let wake = |job: &Job| sample::wake(polling::<Locked<Good>, u64>, &row("wake-blocking"), job);
    assert_ends(wake, is_hung);
}

#[test]
fn a_lost_wake_up_is_a_hang_that_burns_nothing() {
    let wake = |job: &Job| {
        sample::wake(waiting::<Condition<true>, u64>, &row("wake-blocking"), &Job { warm: 16, ..job.clone() })
    };
    assert_ends(wake, |outcome| matches!(outcome, Outcome::Hung { stuck: 1, burning: 0, .. }));
}
