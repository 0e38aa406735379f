//! Every ring kind by payload and batch: on one thread, and from one thread to another.
//!
//! `cargo bench --bench ring` runs all rows; `cargo bench --bench ring -- spsc/64B` those whose name holds the text. A row
//! is `threads/kind/payload/batch`; its figure is the time for one item. Before a row is measured it is run once and
//! checked, and every measured run counts and orders what it gets.
//!
//! Rows of `rows/…` are those of the same names in `benches/compare` and `ringway bench`, by the same definition.
//!
//! The comparison with other libraries, where rounds are interleaved and the distance between the CPUs is watched, is in
//! `benches/compare`.

use std::{
    hint,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use core_affinity::CoreId;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use ringway::ring::{
    Capacity, Consumer, Kind, Producer, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense,
    lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
};

#[allow(dead_code, reason = "other programs run rows of other kinds")]
#[path = "harness/rows.rs"]
mod rows;

use rows::{Calls, ROWS, Row, Topology, Width};

const CAPACITY: usize = 1024;
const BATCHES: [usize; 4] = [1, 8, 32, 128];

/// `WORDS` words, of which the first is the item's number.
type Payload<const WORDS: usize> = [u64; WORDS];

fn rings(criterion: &mut Criterion) {
    kind::<Spsc>(criterion, "spsc");
    kind::<Dense>(criterion, "dense");
    kind::<Lanes>(criterion, "lanes");
    kind::<Mpmc>(criterion, "mpmc");
    kind::<Broadcast>(criterion, "broadcast");
    kind::<BroadcastMulti>(criterion, "broadcast_multi");
    shared(criterion);
}

/// The rows of one producer and one consumer that every program here runs, by the ring `spsc`.
fn shared(criterion: &mut Criterion) {
    let is_ours = |row: &&Row| matches!(row.topology, Topology::Pair | Topology::Spsc | Topology::Bulk);
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(1));
    for row in ROWS.iter().filter(is_ours).filter(|row| row.calls == Calls::Try) {
        let run: Run = match (row.topology, row.width) {
            (Topology::Pair, _) => one_thread::<Spsc, 1>,
            (_, Width::Word) => two_threads::<Spsc, 1>,
            _ => two_threads::<Spsc, 8>,
        };
        run(3 * CAPACITY as u64, row.batch, row.capacity);
        group.bench_function(BenchmarkId::new(row.name, "spsc"), |bencher| {
            bencher.iter_custom(|items| run(items, row.batch, row.capacity));
        });
    }
    group.finish();
}

/// Moves so many items in such batches through a ring of that capacity; how long that took.
type Run = fn(items: u64, batch: usize, capacity: usize) -> Duration;

/// A kind that carries all payloads.
trait AnyPayload: Kind<Payload<1>> + Kind<Payload<8>> + Kind<Payload<32>> {}
impl<K: Kind<Payload<1>> + Kind<Payload<8>> + Kind<Payload<32>>> AnyPayload for K {}

fn kind<K: AnyPayload>(criterion: &mut Criterion, name: &str) {
    payload::<K, 1>(criterion, name);
    payload::<K, 8>(criterion, name);
    payload::<K, 32>(criterion, name);
}

fn payload<K: Kind<Payload<WORDS>>, const WORDS: usize>(criterion: &mut Criterion, name: &str) {
    let bytes = WORDS * 8;
    let mut group = criterion.benchmark_group(format!("1 thread/{name}/{bytes}B"));
    rows(&mut group, one_thread::<K, WORDS>);
    group.finish();
    let mut group = criterion.benchmark_group(format!("2 threads/{name}/{bytes}B"));
    rows(&mut group, two_threads::<K, WORDS>);
    group.finish();
}

/// One row a batch size.
fn rows(group: &mut BenchmarkGroup<'_, WallTime>, run: Run) {
    group.throughput(Throughput::Elements(1));
    for batch in BATCHES {
        run(3 * CAPACITY as u64, batch, CAPACITY);
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter_custom(|items| run(items, batch, CAPACITY));
        });
    }
}

fn ring<K: Kind<Payload<WORDS>>, const WORDS: usize>(capacity: usize) -> (K::Producer, K::Consumer) {
    K::ring(Capacity::exactly(capacity)).expect("a ring of so many slots")
}

/// The items `from..until` that one batch has room for.
fn items<const WORDS: usize>(from: u64, until: u64, batch: usize) -> impl Iterator<Item = Payload<WORDS>> {
    (from..until).take(batch).map(|number| [number; WORDS])
}

/// Pushes the next batch; returns how many went in.
fn push<P: Producer<Item = Payload<WORDS>>, const WORDS: usize>(
    tx: &mut P,
    from: u64,
    until: u64,
    batch: usize,
) -> u64 {
    if batch == 1 {
        return u64::from(from < until && tx.try_push([from; WORDS]).is_ok());
    }
    tx.push_iter(&mut items(from, until, batch)).unwrap_or(0) as u64
}

/// Pops the next batch, and checks that it goes on where the last one ended; returns how many came out.
fn pop<C: Consumer<Item = Payload<WORDS>>, const WORDS: usize>(rx: &mut C, mut next: u64, batch: usize) -> u64 {
    let mut check = |item: Payload<WORDS>| {
        assert_eq!(item[0], next, "items come in order");
        next += 1;
    };
    if batch == 1 {
        return rx.try_pop().map(check).is_ok().into();
    }
    rx.pop_each(batch, &mut check).unwrap_or(0) as u64
}

fn one_thread<K: Kind<Payload<WORDS>>, const WORDS: usize>(count: u64, batch: usize, capacity: usize) -> Duration {
    let (mut tx, mut rx) = ring::<K, WORDS>(capacity);
    let start = Instant::now();
    let (mut pushed, mut popped) = (0, 0);
    while popped < count {
        pushed += push(&mut tx, pushed, count, batch);
        popped += pop(&mut rx, popped, batch);
    }
    let time = start.elapsed();
    assert!(rx.try_pop().is_err(), "nothing is left");
    time
}

fn two_threads<K: Kind<Payload<WORDS>>, const WORDS: usize>(count: u64, batch: usize, capacity: usize) -> Duration {
    let (mut tx, mut rx) = ring::<K, WORDS>(capacity);
    let (start, failed) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        let producer = scope.spawn(|| {
            pin(0);
            start.wait();
            let started = Instant::now();
            let (mut pushed, mut retry) = (0, Retry::default());
            // ORDER: Relaxed; a flag to stop by.
            while pushed < count && !failed.load(Ordering::Relaxed) {
                let now = push(&mut tx, pushed, count, batch);
                pushed += now;
                retry.after(now > 0);
            }
            started
        });
        let consumer = scope.spawn(|| {
            /// Lets the producer go when the check fails.
            struct Tell<'a>(&'a AtomicBool);
            impl Drop for Tell<'_> {
                fn drop(&mut self) {
                    // ORDER: Relaxed; as above.
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _tell = Tell(&failed);
            pin(1);
            start.wait();
            let (mut popped, mut retry) = (0, Retry::default());
            while popped < count {
                let now = pop(&mut rx, popped, batch);
                popped += now;
                retry.after(now > 0);
            }
            Instant::now()
        });
        let started = producer.join().expect("the producer pushed everything");
        consumer.join().expect("the consumer got everything, in order").duration_since(started)
    })
}

/// Pauses after a failure, and yields after 64 in a row.
#[derive(Default)]
struct Retry(u32);

impl Retry {
    fn after(&mut self, success: bool) {
        if success {
            self.0 = 0;
        } else if self.0 < 64 {
            self.0 += 1;
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

/// Pins this thread to the `nth` CPU of two, where there are two and that is allowed.
fn pin(nth: usize) {
    if thread::available_parallelism().is_ok_and(|cpus| cpus.get() >= 2) {
        core_affinity::set_for_current(CoreId { id: nth });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
}

criterion_group! { name = benches; config = short(); targets = rings }
criterion_main!(benches);
