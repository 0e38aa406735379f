//! Nothing allocates once a ring and its ends, or a tracker, are built: every call of every kind, counted at the allocator.
//! And what was allocated is given back as what it was.
#![cfg(not(ringway_loom))]
#![allow(unsafe_code)]

#[path = "support/mod.rs"]
mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::VecDeque,
    mem::{MaybeUninit, forget},
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ringway::ring::{
    Consumer, Producer, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense, lanes::Lanes, mpmc::Mpmc,
    spsc::Spsc,
};
use ringway::{
    Engine,
    delivery::{
        Answer, AtBound, Backoff, BreakerRules, CallError, DeadLetterRules, DedupWindow, Envelope, Id, Order,
        Priorities, Progress, Rate, Reply, Retry, Rules, Tracker, WhenFull,
    },
    engine::Call,
    router::{self, Contract, Held, Policy},
    time::{Instant, Manual},
    worker::{Deferred, Leased, Polled},
};

use support::{
    hints::{Hint, Hinted},
    kinds::{Subject, ring},
};

thread_local! {
    /// Calls of this thread: the test harness allocates in others meanwhile.
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that is going away has no cell any more, and is none of these tests.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

/// Blocks that were given back with another layout than they were asked for with.
static MISMATCHES: AtomicUsize = AtomicUsize::new(0);

/// In front of each block lies the layout that it was asked for with; so far in front, to keep the block's alignment.
fn ahead(layout: Layout) -> usize {
    layout.align().max(size_of::<Layout>().next_power_of_two())
}

/// The layout of a block with its own in front of it.
fn with_note(layout: Layout) -> Option<Layout> {
    Layout::from_size_align(layout.size().checked_add(ahead(layout))?, layout.align().max(align_of::<Layout>())).ok()
}

// SAFETY: the system's allocator does the work; blocks are moved up behind their notes, whole alignments at a time.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: asks nothing of its caller but what the trait does.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        let Some(whole) = with_note(layout) else { return ptr::null_mut() };
        // SAFETY: not of no size, because there is room for the note.
        let base = unsafe { System.alloc(whole) };
        if base.is_null() {
            return base;
        }
        let block = base.wrapping_add(ahead(layout));
        // SAFETY: inside the allocation, aligned for a layout, and in front of the block.
        unsafe { block.cast::<Layout>().wrapping_sub(1).write(layout) };
        block
    }

    // SAFETY: as above.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        // SAFETY: written by `alloc`.
        let noted = unsafe { block.cast::<Layout>().wrapping_sub(1).read() };
        if noted != layout {
            MISMATCHES.fetch_add(1, Relaxed);
        }
        let whole = with_note(noted).expect("it was allocated");
        // SAFETY: what `alloc` got, by the layout that it got it with.
        unsafe { System.dealloc(block.wrapping_sub(ahead(noted)), whole) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work`, which must neither allocate nor free.
#[track_caller]
fn silently(what: &str, work: impl FnOnce()) {
    let before = CALLS.get();
    work();
    assert_eq!(CALLS.get() - before, 0, "calls of the allocator by {what}");
}

#[test]
fn the_counter_counts() {
    let before = CALLS.get();
    drop(Box::new(1));
    assert_eq!(CALLS.get() - before, 2);
}

const SLOTS: usize = 64;
/// Enough for several laps of whatever the calls below use.
const ROUNDS: u64 = 200;

fn a_steady_state_is_silent<K: Subject<u64>>() {
    let (mut tx, mut rx) = ring::<K, u64>(SLOTS);
    let items: [u64; 40] = std::array::from_fn(|nth| nth as u64);
    let mut vector = Vec::with_capacity(2 * SLOTS);
    let mut drain = |rx: &mut K::Consumer| {
        vector.clear();
        while rx.pop_into(&mut vector, SLOTS).is_ok() {}
    };
    silently("push, peek and pop", || {
        for item in 0..ROUNDS {
            tx.try_push(item).unwrap();
            assert_eq!(rx.peek(), Ok(&item));
            assert_eq!(rx.try_pop(), Ok(item));
            assert!(rx.try_pop().is_err());
        }
    });
    silently("batches", || {
        for _ in 0..ROUNDS {
            tx.push_iter(&mut items.iter().copied()).unwrap();
            rx.pop_each(7, |_| ()).unwrap();
            let mut places = [MaybeUninit::uninit(); 20];
            rx.pop_slice(&mut places).unwrap();
            drain(&mut rx);
            tx.push_slice(&items).unwrap();
            drain(&mut rx);
            for hint in Hint::ALL {
                tx.push_iter(&mut Hinted { left: 5, hint, make: || 1 }).unwrap();
                drain(&mut rx);
            }
        }
    });
    silently("claims", || {
        for round in 0..ROUNDS {
            let mut claim = tx.try_claim(1 + round as usize % 20).unwrap();
            claim.push(round).unwrap();
            match round % 4 {
                0 => claim.abandon(),
                1 => forget(claim),
                _ => _ = claim.commit(),
            }
            tx.try_push(round).unwrap();
            drain(&mut rx);
        }
    });
    silently("a full ring, and looking", || {
        for item in 0..ROUNDS {
            _ = tx.try_push(item);
            _ = tx.try_claim(1).map(|claim| claim.commit());
        }
        assert!(tx.depth() + tx.room() + tx.capacity() + tx.bytes() > rx.depth());
        drain(&mut rx);
    });
    silently("displacing", || {
        for item in 0..ROUNDS {
            _ = K::displace(&mut tx, item);
        }
        drain(&mut rx);
    });
    silently("close, and the walk to the end", || {
        tx.try_push(1).unwrap();
        tx.close();
        K::close_consumer(&mut rx);
        assert!(tx.try_push(2).is_err());
        drain(&mut rx);
        assert!(rx.is_closed() && rx.try_pop().is_err());
    });
}

#[test]
fn spsc_is_silent() {
    a_steady_state_is_silent::<Spsc>();
}

#[test]
fn dense_is_silent() {
    a_steady_state_is_silent::<Dense>();
}

#[test]
fn lanes_are_silent() {
    a_steady_state_is_silent::<Lanes>();
}

#[test]
fn mpmc_is_silent() {
    a_steady_state_is_silent::<Mpmc>();
}

#[test]
fn broadcast_is_silent() {
    a_steady_state_is_silent::<Broadcast>();
}

#[test]
fn broadcast_multi_is_silent() {
    a_steady_state_is_silent::<BroadcastMulti>();
}

/// An end that comes back takes over the lane, or the gate, of one that is gone.
#[test]
fn ends_that_come_and_go_take_over_what_is_there() {
    fn rounds<K: Subject<u64>>() {
        let (tx, rx) = ring::<K, u64>(SLOTS);
        drop((K::clone_producer(&tx), K::clone_consumer(&rx)));
        let before = CALLS.get();
        for _ in 0..ROUNDS {
            drop((K::clone_producer(&tx), K::clone_consumer(&rx)));
        }
        let calls = CALLS.get() - before;
        // A consumer that takes runs into its own hands brings them along: one box.
        let allowed = if K::FACTS.hands { 2 * ROUNDS as usize } else { 0 };
        assert!(calls <= allowed, "{} made {calls} calls of the allocator in {ROUNDS} rounds", K::FACTS.name);
    }
    rounds::<Lanes>();
    rounds::<Mpmc>();
    rounds::<Broadcast>();
    rounds::<BroadcastMulti>();
}

/// A block that goes back with another size or alignment than it came with is undefined, and allocators tell nobody (T3).
#[test]
fn blocks_go_back_as_they_came() {
    #[derive(Clone)]
    #[repr(align(64))]
    struct Line;

    fn rings<K>()
    where
        K: Subject<u8> + Subject<u64> + Subject<()> + Subject<[u64; 9]> + Subject<[u8; 57]> + Subject<Line>,
    {
        fn build<K: Subject<T>, T: Clone>(item: T) {
            for slots in [1, 2, 16, 64] {
                let (mut tx, rx) = ring::<K, T>(slots);
                assert!(tx.try_push(item.clone()).is_ok());
                let others = (K::clone_producer(&tx), K::clone_consumer(&rx));
                drop(rx);
                drop(others);
                drop(tx.into_remaining());
            }
        }
        build::<K, u8>(1);
        build::<K, u64>(1);
        build::<K, ()>(());
        build::<K, [u64; 9]>([1; 9]);
        build::<K, [u8; 57]>([1; 57]);
        build::<K, Line>(Line);
    }
    rings::<Spsc>();
    rings::<Dense>();
    rings::<Lanes>();
    rings::<Mpmc>();
    rings::<Broadcast>();
    rings::<BroadcastMulti>();
    assert_eq!(MISMATCHES.load(Relaxed), 0);
}

/// Publish → handle through every kind of shard and contract, by keys that have been seen before.
#[test]
fn an_engine_is_silent() {
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let mut workers = engine.take_workers();
    let total = engine.queue::<u64>("total").shards(2).open().unwrap();
    let lanes = engine.queue::<u64>("lanes").order(router::Order::PerPublisher).open().unwrap();
    let oldest = engine.queue::<u64>("oldest").capacity(8).full(Policy::DropOldest).open().unwrap();
    for queue in [&total, &lanes, &oldest] {
        engine.consume(queue).handle(|_| |item: Held<'_, u64>| assert!(*item < ROUNDS)).unwrap();
    }
    let topic = engine.topic::<u64>("topic").shards(2).open().unwrap();
    for (nth, contract) in [
        Contract::gate(),
        Contract::gate_for(Duration::from_secs(3600)),
        Contract::latest().capacity(8),
        Contract::conflate(|item| item % 8, 8),
        Contract::sample(3).capacity(8),
    ]
    .into_iter()
    .enumerate()
    {
        let subscribing = engine.subscribe(&topic, &format!("s{nth}")).contract(contract);
        subscribing.handle(|_| |item: &u64| assert!(*item < ROUNDS)).unwrap();
    }
    let next = engine.topic::<u64>("next").open().unwrap();
    engine.subscribe(&topic, "stage").then(&next, |_| |item: &u64| Some((0_u64, *item))).unwrap();
    engine.subscribe(&next, "end").handle(|_| |_: &u64| ()).unwrap();

    let mut queues = [total.publisher(), lanes.publisher(), oldest.publisher()];
    let mut events = topic.publisher();
    let mut batch: VecDeque<u64> = (0..32).collect();
    let mut round = |item: u64| {
        for publisher in &mut queues {
            publisher.publish(&item, item).unwrap();
            publisher.try_publish_unkeyed(item).unwrap();
        }
        events.publish(&(item % 8), item).unwrap();
        batch.push_back(item % 32);
        queues[0].try_publish_batch(&item, &mut batch).unwrap();
        if item % 16 == 15 {
            while workers[0].poll() != Polled::Idle {}
        }
    };
    // Keys are met, and rings and runs reach their size.
    (0..ROUNDS).for_each(&mut round);
    silently("an engine", || (0..ROUNDS).for_each(&mut round));
    engine.audit().check().unwrap();
}

/// Everything that a tracker can do, for longer than anything in it lasts.
#[test]
fn a_tracker_is_silent() {
    let order = Order::Keyed { keys_max: 8, parked_per_key_max: 4, at_bound: AtBound::DeadLetter };
    let rules = Rules {
        capacity: 64,
        in_flight_max: 16,
        order,
        retry: Retry { backoff: Backoff::Fixed(Duration::from_micros(200)), attempts_max: 3, ..Retry::default() },
        dedup: Some(DedupWindow { time: Duration::from_secs(1), count: 32 }),
        priorities: Priorities::Strict(3),
        rate: Some(Rate { interval: Duration::from_micros(1), burst: 1000 }),
        key_rate: Some((Rate { interval: Duration::from_micros(2), burst: 10 }, 16)),
        breaker: Some(BreakerRules {
            failures: 50,
            window: Duration::MAX,
            open_for: Duration::from_millis(1),
            probes: 2,
        }),
        dead_letters: DeadLetterRules { capacity: 8, when_full: WhenFull::DropOldest },
        ..Rules::default()
    };
    let mut tracker = Tracker::<u64, u8>::new(rules, Instant::START).expect("a tracker");
    let mut leases = Vec::with_capacity(64);
    let mut now = Instant::START;
    silently("a tracker", || {
        for number in 0..20_000_u64 {
            now = now + Duration::from_micros(50);
            while tracker.tick(now).is_some() {}
            let (key, id) = (Some(number % 7), Some(Id::from(number / 2)));
            let expires_at = if number % 5 == 0 { now + Duration::from_millis(2) } else { Instant::FAR };
            let not_before = if number % 3 == 0 { now + Duration::from_millis(1) } else { now };
            let envelope =
                Envelope { key, id, expires_at, not_before, priority: (number % 4) as u8, ..Envelope::new(number) };
            let _ = tracker.accept(envelope, now);
            while let Some(delivery) = tracker.next(now) {
                match *delivery.payload() % 11 {
                    0 => drop(delivery.nack(1)),
                    1 => drop(delivery.reject(2)),
                    2 => drop(delivery),
                    3 if leases.len() < 64 => leases.push(delivery.defer()),
                    _ => delivery.ack(),
                }
            }
            if number % 8 == 0 {
                leases.drain(..).for_each(|lease| drop(tracker.settle(lease, Answer::Ack, now)));
            }
            if number % 1000 == 0 {
                tracker.redrive_all(None);
            }
        }
    });
    let ledger = tracker.ledger();
    let (redeliveries, redriven, dead) = (ledger.redeliveries, ledger.redriven, ledger.dead);
    assert!(
        ledger.balances() && ledger.acked > 1000 && redeliveries > 100 && redriven > 10 && dead > 100,
        "{ledger:?}"
    );
    assert!(ledger.expired > 10 && ledger.refused_duplicate > 1000, "{ledger:?}");
}

/// What a worker does with a tracker of its own: leases that are answered through the ring home, dedup, order by key, retries,
/// leases that run out, and dead letters that displace older ones.
#[test]
fn an_engine_that_delivers_is_silent() {
    let clock = Manual::new();
    let engine = Engine::builder().workers(1).by_hand().clock(clock.clone()).start().unwrap();
    let mut worker = engine.take_workers().remove(0);
    let queue = engine.queue::<u64>("jobs").shards(2).open().unwrap();
    let deferred = Arc::new(Mutex::new(Vec::<Deferred<u8>>::with_capacity(256)));
    let kept = Arc::clone(&deferred);
    let rules = Rules {
        lease: Duration::from_millis(5),
        retry: Retry { backoff: Backoff::Fixed(Duration::from_millis(1)), attempts_max: 3, ..Retry::default() },
        order: Order::Keyed { keys_max: 64, parked_per_key_max: 64, at_bound: AtBound::Stall },
        dedup: Some(DedupWindow { time: Duration::from_secs(1), count: 64 }),
        dead_letters: DeadLetterRules { capacity: 8, when_full: WhenFull::DropOldest },
        ..Rules::default()
    };
    let header = |item| Envelope { key: Some(item % 7), id: Some(Id::from(item / 2)), ..Envelope::new(item) };
    let deliveries = engine.consume(&queue).deliver(rules).envelope(header).handle(move |_| {
        let kept = Arc::clone(&kept);
        move |item: &mut Leased<'_, u64, u8>| match (**item % 11, item.attempt()) {
            (0, 1..3) => Answer::Nack(1),
            (1, _) => Answer::Reject(2),
            (2 | 3, 1) => {
                kept.lock().unwrap().push(item.defer());
                Answer::Ack
            }
            _ => Answer::Ack,
        }
    });
    let (deliveries, mut publisher) = (deliveries.unwrap(), queue.publisher());
    let mut round = |item: u64| {
        publisher.publish(&item, item).unwrap();
        if item % 16 == 15 {
            clock.advance(Duration::from_millis(1));
            while worker.poll() != Polled::Idle {}
            let mut deferred = deferred.lock().unwrap();
            // Some are answered, some extended and let run out, some dropped.
            for (nth, mut deferred) in deferred.drain(..).enumerate() {
                match nth % 3 {
                    0 => deferred.ack().unwrap(),
                    1 => {
                        deferred.extend(Duration::from_millis(2)).unwrap();
                        forget(deferred);
                    }
                    _ => drop(deferred),
                }
            }
        }
    };
    let warm = 16 * ROUNDS;
    (0..warm).for_each(&mut round);
    let before = deliveries.ledger();
    silently("an engine that delivers", || (warm..3 * warm).for_each(&mut round));
    let ledger = deliveries.ledger();
    for (what, figure) in [
        ("acked", ledger.acked - before.acked),
        ("redelivered", ledger.redeliveries - before.redeliveries),
        ("run out", ledger.leases_expired - before.leases_expired),
        ("duplicates", ledger.refused_duplicate - before.refused_duplicate),
        ("dead", ledger.dead - before.dead),
    ] {
        assert!(figure > 100, "{what}: {ledger:?}");
    }
    engine.audit().check().unwrap();
}

/// A call, its progress and its reply.
#[test]
fn calls_are_silent() {
    let engine = Engine::builder().workers(1).by_hand().start().unwrap();
    let mut worker = engine.take_workers().remove(0);
    let queue = engine.queue::<Call<u64, u64, u8>>("squares").open().unwrap();
    let reply = |job: &mut Leased<'_, Call<u64, u64, u8>, u8>| {
        job.progress(Progress { done: 1, total: 2 });
        if job.job().is_multiple_of(5) { Err(1) } else { Ok(job.job() * job.job()) }
    };
    let retry = Retry { attempts_max: 1, ..Retry::default() };
    let dead_letters = DeadLetterRules { capacity: 8, when_full: WhenFull::DropOldest };
    engine.consume(&queue).deliver(Rules { retry, dead_letters, ..Rules::default() }).reply(move |_| reply).unwrap();
    let mut caller = engine.caller(&queue, 8).unwrap();
    let mut round = |job: u64| {
        let batch = caller.batch().unwrap();
        let ticket = caller.open(&0_u64, job, Some(batch), Duration::MAX).unwrap();
        while worker.poll() != Polled::Idle {}
        assert_eq!(caller.join(batch).map(|joined| joined.succeeded + joined.failed), Some(1));
        let reply = if job.is_multiple_of(5) { Err(CallError::Failed(1)) } else { Ok(job * job) };
        assert_eq!(caller.look(ticket), Reply::Ready(reply));
    };
    (0..ROUNDS).for_each(&mut round);
    silently("calls", || (0..ROUNDS).for_each(&mut round));
}
