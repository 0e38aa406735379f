//! That an open loop does not forget the items that were held up: by a clock that is turned by hand, and by a real stall.

use std::{
    collections::VecDeque,
    hint,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{
    arrivals::Arrivals,
    distribution::Distribution,
    sweep::{self, Case},
};
use crate::harness::{
    adapters::Ringway,
    entries::{Entry, JITTER, RING, channels, waits},
    measure::{Agenda, open_loop, polling},
    queue::{Queue, Shape, Take},
    schedule::Progress,
};
use ringway::ring::spsc::Spsc;

const STALL: Duration = Duration::from_millis(100);
const RATE: f64 = 10_000.0;
const ITEMS: usize = 20_000;

struct Silent;

impl Progress for Silent {
    fn step(&mut self, _done: usize, _all: usize, _round: usize, _row: &str, _entry: &str) {}
}

fn case(entry: Entry, offered: f64, items: usize) -> Case {
    let (cell, arrivals) = ("test", Arrivals::Fixed);
    Case { cell, group: "latency", entry, arrivals, offered, load: None, items, rounds: 1, has_timeline: true }
}

/// By hand: a queue of 64, an item every 100 µs, and a consumer that does nothing for 100 ms. The sender is held up, too, and
/// a loop that counted from when it sent would see 64 late items at the most.
#[test]
fn a_stall_of_the_consumer_is_in_the_latency_of_every_item_that_it_held_up() {
    const STEP_NS: u64 = 1000;
    let due = Arrivals::Fixed.due(ITEMS, RATE);
    let stall = 500_000_000..500_000_000 + STALL.as_nanos() as u64;
    let (mut agenda, mut queue) = (Agenda::new(&due, 0), VecDeque::new());
    let (mut came, mut sent) = (Vec::new(), Vec::new());
    let mut now = 0;
    while came.len() < ITEMS {
        while queue.len() < 64 && agenda.take_due(now) {
            sent.push(now);
            queue.push_back(());
        }
        if !stall.contains(&now) {
            came.extend(queue.drain(..).map(|()| now));
        }
        now += STEP_NS;
    }
    let ms = |from: &[u64]| Distribution::between(from, &came).percentile(99.9) as f64 / 1e6;
    // Of 1000 items that were held up between 0 and 100 ms, 20 are above the 99.9th percentile of 20000.
    let exact = 100.0 - 20.0 * 0.1;
    assert!((ms(&due) / exact - 1.0).abs() < 0.01, "{} ms", ms(&due));
    assert!((ms(&due) / 100.0 - 1.0).abs() < 0.1, "{} ms", ms(&due));
    // The loop that forgets, for comparison: what it tells is far too good.
    let forgotten = sent.iter().zip(&came).filter(|(sent, came)| **came - **sent > 50_000_000).count();
    assert!(forgotten <= 64, "{forgotten}");
}

/// ns that the consumer below stood still.
static STOOD_NS: AtomicU64 = AtomicU64::new(0);

/// A ring whose consumer stands still once.
struct Stalling;

struct StallingRx {
    rx: <Ringway<Spsc> as Queue<u64>>::Rx,
    taken: u64,
}

impl Queue<u64> for Stalling {
    type Tx = <Ringway<Spsc> as Queue<u64>>::Tx;
    type Rx = StallingRx;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (txs, rxs) = <Ringway<Spsc> as Queue<u64>>::open(shape);
        (txs, rxs.into_iter().map(|rx| StallingRx { rx, taken: 0 }).collect())
    }
}

impl Take<u64> for StallingRx {
    fn try_take(&mut self, each: impl FnMut(&u64)) -> usize {
        if self.taken == 10_000 {
            let start = Instant::now();
            while start.elapsed() < STALL {
                hint::spin_loop();
            }
            // ORDER: Relaxed; read when the thread was joined.
            STOOD_NS.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        let taken = self.rx.try_take(each) as u64;
        self.taken += taken;
        taken as usize
    }
}

#[test]
fn a_real_stall_is_reported_from_one_end_to_the_other() {
    let entry = Entry {
        name: "stalling",
        open: Some(|row, plan, job| open_loop(polling::<Stalling, u64>, row, plan, job)),
        ..RING
    };
    let pins = core_affinity::get_core_ids().expect("the CPUs are known");
    let courses = sweep::run(vec![case(entry, RATE, ITEMS)], &pins, &mut Silent);
    let course = &courses[0];
    assert!(course.faults.is_empty() && course.hangs.is_empty(), "{course:?}");
    // ORDER: Relaxed, as above.
    let stood_ms = STOOD_NS.load(Ordering::Relaxed) as f64 / 1e6;
    let p999_ms = course.latencies.percentile(99.9) as f64 / 1e6;
    // What else the machine did can only add to it.
    assert!(stood_ms >= 100.0 && p999_ms >= 0.9 * STALL.as_secs_f64() * 1e3, "{p999_ms} of {stood_ms} ms");
    assert!(course.timeline.iter().any(|&(_, p999, _)| p999 as f64 >= 0.9e6 * 100.0), "{:?}", course.timeline);
    let json = course.latency(Some(course.file()));
    assert_eq!((&json["count"], &json["hdr"]), (&ITEMS.into(), &"test-stalling.hdr".into()));
}

#[test]
fn every_entry_runs_and_the_baseline_is_marked() {
    let pins = core_affinity::get_core_ids().expect("the CPUs are known");
    let entries = [JITTER, RING].into_iter().chain(channels()).chain(waits());
    let courses = sweep::run(entries.map(|entry| case(entry, 20_000.0, 400)).collect(), &pins, &mut Silent);
    for course in &courses {
        assert!(course.faults.is_empty() && course.hangs.is_empty(), "{course:?}");
        assert_eq!(course.latencies.count(), 400);
        assert_eq!(course.latency(None)["jitter"].as_bool(), course.is_jitter().then_some(true));
        let figures = course.figures().json(|_| None);
        assert!(figures["cpu"][0].as_f64().is_some_and(|share| share >= 0.0), "{figures}");
    }
    assert!(sweep::capacity(&RING, &pins, 1).is_ok_and(|rate| rate > 1000.0));
}
