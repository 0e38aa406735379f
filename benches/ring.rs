//! Every ring kind by payload and batch, on one thread.
//!
//! `cargo bench --bench ring` runs all rows; `cargo bench --bench ring -- spsc/64B` those whose name holds the text. A row
//! is `kind/payload/batch`; its figure is the time for one item. Before a row is measured it is run once and
//! checked, and every measured run counts and orders what it gets.
//!
//! From one thread to another, where the distance between the CPUs has to be watched: `rows`, and `ringway bench`; beside other
//! libraries: `benches/compare`.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringway::ring::{
    Capacity, Consumer, Kind, Producer, broadcast::Broadcast, broadcast_multi::BroadcastMulti, dense::Dense,
    lanes::Lanes, mpmc::Mpmc, spsc::Spsc,
};

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
}

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
    let mut group = criterion.benchmark_group(format!("{name}/{bytes}B"));
    group.throughput(Throughput::Elements(1));
    for batch in BATCHES {
        one_thread::<K, WORDS>(3 * CAPACITY as u64, batch);
        group.bench_function(BenchmarkId::from_parameter(batch), |bencher| {
            bencher.iter_custom(|items| one_thread::<K, WORDS>(items, batch));
        });
    }
    group.finish();
}

fn ring<K: Kind<Payload<WORDS>>, const WORDS: usize>() -> (K::Producer, K::Consumer) {
    K::ring(Capacity::exactly(CAPACITY)).expect("a ring of so many slots")
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

fn one_thread<K: Kind<Payload<WORDS>>, const WORDS: usize>(count: u64, batch: usize) -> Duration {
    let (mut tx, mut rx) = ring::<K, WORDS>();
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

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
}

criterion_group! { name = benches; config = short(); targets = rings }
criterion_main!(benches);
