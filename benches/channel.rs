//! Channels beside the bare rings that they are built on: item by item, in batches, blocking, and a round trip.
//!
//! `cargo bench --bench channel` runs all rows; `-- spsc` those whose name holds the text. A row's figure is the time for one
//! item (of a round trip: for one trip). `bare` rows push and pop the ring without a channel, under the same loop: the price of
//! ends that can be woken is the difference.

use std::{
    hint,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use core_affinity::CoreId;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringway::{
    channel::{Receiver, Sender, channel},
    ring::{Capacity, Consumer, Kind, Producer, lanes::Lanes, mpmc::Mpmc, spsc::Spsc},
    wait::{Park, Spin, Wait},
};

const CAPACITY: Capacity = Capacity::exactly(1024);
const ROUND: u64 = 512;

/// A row's name, and what moves so many items and says how long that took.
type Row = (&'static str, fn(u64) -> Duration);

fn channels(criterion: &mut Criterion) {
    kind::<Spsc>(criterion, "spsc");
    kind::<Lanes>(criterion, "lanes");
    kind::<Mpmc>(criterion, "mpmc");
}

fn kind<K>(criterion: &mut Criterion, name: &str)
where
    K: Kind<u64, Producer: 'static, Consumer: 'static> + 'static,
{
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(1));
    let rows: [Row; 9] = [
        ("1 thread/bare", bare_one_thread::<K>),
        ("1 thread/park", one_thread::<K, Park>),
        ("2 threads/bare", bare_stream::<K>),
        ("2 threads/park", stream::<K, Park>),
        ("2 threads/spin", stream::<K, Spin>),
        ("2 threads/park, batches of 32", batches::<K, Park>),
        ("round trip/park", round_trip::<K, Park>),
        ("round trip/spin", round_trip::<K, Spin>),
        ("wake a sleeper", wake::<K>),
    ];
    for (row, run) in rows {
        run(1000);
        group.bench_function(row, |bencher| bencher.iter_custom(run));
    }
    group.finish();
}

fn ends<K: Kind<u64>, W: Wait>() -> (Sender<u64, K, W>, Receiver<u64, K, W>) {
    channel(CAPACITY).expect("1024 slots")
}

fn bare_one_thread<K: Kind<u64>>(items: u64) -> Duration {
    let (mut tx, mut rx) = K::ring(CAPACITY).expect("1024 slots");
    let start = Instant::now();
    for _ in 0..items.div_ceil(ROUND) {
        (0..ROUND).for_each(|number| assert!(tx.try_push(hint::black_box(number)).is_ok()));
        (0..ROUND).for_each(|_| assert!(hint::black_box(rx.try_pop()).is_ok()));
    }
    start.elapsed()
}

fn one_thread<K: Kind<u64>, W: Wait>(items: u64) -> Duration {
    let (mut tx, mut rx) = ends::<K, W>();
    let start = Instant::now();
    for _ in 0..items.div_ceil(ROUND) {
        (0..ROUND).for_each(|number| assert!(tx.send(hint::black_box(number)).is_ok()));
        (0..ROUND).for_each(|_| assert!(hint::black_box(rx.recv()).is_ok()));
    }
    start.elapsed()
}

fn bare_stream<K: Kind<u64, Producer: 'static>>(items: u64) -> Duration {
    let (mut tx, mut rx) = K::ring(CAPACITY).expect("1024 slots");
    let sender = thread::spawn(move || {
        pin(0);
        for number in 0..items {
            while tx.try_push(number).is_err() {
                hint::spin_loop();
            }
        }
    });
    pin(1);
    let start = Instant::now();
    for number in 0..items {
        loop {
            match rx.try_pop() {
                Ok(item) => break assert_eq!(item, number),
                Err(_) => hint::spin_loop(),
            }
        }
    }
    let time = start.elapsed();
    sender.join().expect("sent");
    time
}

fn stream<K: Kind<u64, Producer: 'static> + 'static, W: Wait>(items: u64) -> Duration {
    let (mut tx, mut rx) = ends::<K, W>();
    let sender = thread::spawn(move || {
        pin(0);
        (0..items).try_for_each(|number| tx.send(number)).expect("open");
    });
    pin(1);
    let start = Instant::now();
    for number in 0..items {
        assert_eq!(rx.recv(), Ok(number));
    }
    let time = start.elapsed();
    sender.join().expect("sent");
    time
}

fn batches<K: Kind<u64, Producer: 'static> + 'static, W: Wait>(items: u64) -> Duration {
    let (mut tx, mut rx) = ends::<K, W>();
    let sender = thread::spawn(move || {
        pin(0);
        for start in (0..items).step_by(32) {
            tx.send_many(&mut (start..items.min(start + 32))).expect("open");
        }
    });
    pin(1);
    let start = Instant::now();
    let mut next = 0;
    while next < items {
        rx.recv_each(32, |item| {
            assert_eq!(item, next);
            next += 1;
        })
        .expect("open");
    }
    let time = start.elapsed();
    sender.join().expect("sent");
    time
}

fn round_trip<K, W: Wait>(trips: u64) -> Duration
where
    K: Kind<u64, Producer: 'static, Consumer: 'static> + 'static,
{
    let (mut there, mut ping) = ends::<K, W>();
    let (mut back, mut pong) = ends::<K, W>();
    let other = thread::spawn(move || {
        pin(0);
        while let Ok(number) = ping.recv() {
            back.send(number).expect("open");
        }
    });
    pin(1);
    let start = Instant::now();
    for number in 0..trips {
        there.send(number).expect("open");
        assert_eq!(pong.recv(), Ok(number));
    }
    let time = start.elapsed();
    drop(there);
    other.join().expect("it ended");
    time
}

/// From the send to the receiver's return, with the receiver known to be asleep.
fn wake<K: Kind<u64, Consumer: 'static> + 'static>(times: u64) -> Duration {
    let (mut tx, mut rx) = ends::<K, Park>();
    let (mut report, mut reports) = channel::<Instant, Spsc, Park>(CAPACITY).expect("1024 slots");
    let receiver = thread::spawn(move || {
        pin(0);
        while rx.recv().is_ok() {
            report.send(Instant::now()).expect("open");
        }
    });
    pin(1);
    let mut time = Duration::ZERO;
    for number in 0..times {
        while tx.sleeping_receivers() == 0 {
            thread::yield_now();
        }
        // It is on the list; give it the time to be off the CPU, too.
        let asleep = Instant::now() + Duration::from_micros(20);
        while Instant::now() < asleep {
            hint::spin_loop();
        }
        let start = Instant::now();
        tx.send(number).expect("open");
        time += reports.recv().expect("open").saturating_duration_since(start);
    }
    drop(tx);
    receiver.join().expect("it ended");
    time
}

/// Pins this thread to the `nth` CPU of two, where there are two and that is allowed. How many there are is asked before the
/// first pin: a pinned thread sees one.
fn pin(nth: usize) {
    static CPUS: OnceLock<usize> = OnceLock::new();
    if *CPUS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from)) >= 2 {
        core_affinity::set_for_current(CoreId { id: nth });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
}

criterion_group! { name = benches; config = short(); targets = channels }
criterion_main!(benches);
