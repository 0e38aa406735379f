//! What each feature of delivery costs an item, on one thread: accepted, handed out and answered, a batch at a time.

use std::{hint::black_box, time::Duration};

use ringway::{
    delivery::{Answer, AtBound, DedupWindow, Envelope, Id, Order, Rules, Tracker},
    time::Instant,
};

use crate::harness::{
    entries::{Entry, ceiling, ours},
    measure::{Check, Exact, Job, Outcome, Phase, Tally, run_items, words},
    rows::{Row, Topology::Delivery},
};

/// Items of a batch, as a worker takes them from a ring.
const BATCH: u64 = 32;
/// Keys of the rows that have some.
const KEYS: u64 = 1000;

/// From nothing to all of it.
pub(super) fn entries() -> Vec<Entry> {
    vec![
        ceiling("(handler alone)", "no delivery: the item is looked at", &[Delivery], |row, job| {
            run_items(vec![Box::new(alone)], row, job)
        }),
        ours("tracker, ack", "accept, next, ack", &[Delivery], |row, job| run::<false>(Rules::default(), row, job)),
        ours("tracker, lease", "accept, next, defer, settle by lease", &[Delivery], |row, job| {
            run::<true>(Rules::default(), row, job)
        }),
        ours("tracker, keyed", "as ack, in order of each of 1000 keys", &[Delivery], |row, job| {
            run::<false>(Rules { order: keyed(), ..Rules::default() }, row, job)
        }),
        ours("tracker, dedup", "as ack, ids remembered", &[Delivery], |row, job| {
            run::<false>(Rules { dedup: dedup(), ..Rules::default() }, row, job)
        }),
        ours("tracker, lease, keyed, dedup", "all of that together", &[Delivery], |row, job| {
            run::<true>(Rules { order: keyed(), dedup: dedup(), ..Rules::default() }, row, job)
        }),
    ]
}

fn keyed() -> Order {
    Order::Keyed { keys_max: 1024, parked_per_key_max: 64, at_bound: AtBound::Stall }
}

fn dedup() -> Option<DedupWindow> {
    Some(DedupWindow { time: Duration::from_secs(60), count: 65_536 })
}

#[inline(never)]
fn alone(phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    words(0, phase.first, phase.items).for_each(|word| check.see(&black_box(word)));
    check.tally(phase.items)
}

fn run<const LEASES: bool>(rules: Rules, row: &Row, job: &Job) -> Outcome {
    let has_ids = rules.dedup.is_some();
    let mut tracker = Tracker::<u64>::new(rules, Instant::START).expect("memory");
    let mut now = Instant::START;
    run_items(vec![Box::new(move |phase| track::<LEASES>(&mut tracker, &mut now, has_ids, phase))], row, job)
}

/// All items, accepted in batches; each is answered at once, or by its lease when the batch is through.
#[inline(never)]
fn track<const LEASES: bool>(tracker: &mut Tracker<u64>, now: &mut Instant, has_ids: bool, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut leases = [None; BATCH as usize];
    let (mut left, mut count) = (words(0, phase.first, phase.items), 0);
    while left.start < left.end && !phase.retry.is_aborted() {
        let end = left.end.min(left.start + BATCH);
        *now = *now + Duration::from_micros(1);
        while tracker.tick(*now).is_some() {}
        for word in left.start..end {
            let id = has_ids.then(|| Id::from(word));
            let envelope = Envelope { key: Some(word % KEYS), id, ..Envelope::new(word) };
            assert!(tracker.accept(envelope, *now).is_ok(), "room for a batch");
        }
        let mut leased = 0;
        while let Some(delivery) = tracker.next(*now) {
            check.see(delivery.payload());
            count += 1;
            if LEASES {
                leases[leased] = Some(delivery.defer());
                leased += 1;
            } else {
                delivery.ack();
            }
        }
        for lease in leases[..leased].iter_mut().filter_map(Option::take) {
            assert!(tracker.settle(lease, Answer::Ack, *now).is_ok(), "the lease holds");
        }
        left.start = end;
    }
    assert!(tracker.ledger().balances() && tracker.depth() == 0, "{:?}", tracker.ledger());
    check.tally(count)
}
