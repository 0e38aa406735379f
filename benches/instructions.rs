//! Instructions an operation takes, counted by callgrind: the one figure that repeats to the digit on a shared machine.
//!
//! `cargo bench --bench instructions` runs itself under `valgrind --tool=callgrind`, twice for each operation with
//! different counts, and prints the difference for one item, so that set-up cancels out. Without valgrind it says so and
//! exits with 2. `-- mpmc` counts the operations whose name holds the text.
//!
//! Counts are held against those in `benches/results/instructions.md`: one that is more than 2 % away is told, and the exit
//! code is 1; `-- --save` writes the file. The program runs valgrind itself: gungraun, which does the same, would have
//! everybody install a runner of its very version.
//!
//! On a single thread nothing is contended: this is the price of the code, not of the cache lines.

#[path = "instructions/committed.rs"]
mod committed;

use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    mem::MaybeUninit,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use ringway::channel::{Receiver, Sender, channel};
use ringway::ring::{Capacity, Consumer, Displace, Producer, broadcast, broadcast_multi, dense, lanes, mpmc, spsc};
use ringway::ring::{Kind, lanes::Lanes, mpmc::Mpmc, spsc::Spsc};
use ringway::wait::Park;
use ringway::{
    Engine,
    delivery::{AtBound, Envelope, Headers, ItemId, Order, Rules, Tracker},
    router::{Held, Order as RingOrder, Queue},
    time::{Instant, Manual, Wheel},
    worker::{Leased, Polled},
};

use committed::{Committed, Counts};

/// Items moved between two measured calls; the rings hold more.
const ROUND: usize = 512;
const ROUNDS: [usize; 2] = [8, 24];
/// Set for the process that is counted: the operation, and the rounds.
const OPERATION: &str = "RINGWAY_COUNTED";

type Large = [u64; 8];

fn main() -> ExitCode {
    if let Ok(counted) = env::var(OPERATION) {
        let (name, rounds) = counted.split_once('@').expect("operation@rounds");
        operations()[name](rounds.parse().expect("a number of rounds"));
        return ExitCode::SUCCESS;
    }
    committed::check();
    let save = env::args().any(|argument| argument == "--save");
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let compared = count_all(&wanted).and_then(|new| compare(&new, save, wanted.is_empty()));
    match compared {
        Ok(wrong) => {
            wrong.iter().for_each(|line| eprintln!("instructions: {line}"));
            ExitCode::from(u8::from(!wrong.is_empty()))
        }
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::from(2)
        }
    }
}

/// Counts the operations whose name holds one of these words, or all, and prints them.
fn count_all(wanted: &[String]) -> Result<Committed, String> {
    println!("| operation | instructions an item |\n|---|---|");
    let mut counts = Counts::new();
    for name in operations().keys().filter(|name| wanted.is_empty() || wanted.iter().any(|text| name.contains(text))) {
        let [few, many] = ROUNDS.map(|rounds| count(name, rounds));
        let items = (ROUNDS[1] - ROUNDS[0]) * ROUND;
        let instructions = (many? - few?) as f64 / items as f64;
        println!("| {name} | {instructions:.2} |");
        counts.insert((*name).to_owned(), instructions);
    }
    Ok(Committed::new(counts))
}

/// Saves new counts, or says what is wrong with them.
fn compare(new: &Committed, save: bool, are_all: bool) -> Result<Vec<String>, String> {
    if save && !are_all {
        return Err("--save writes all counts: leave the names out".into());
    }
    if save {
        fs::write(committed::path(), new.text())
            .map_err(|error| format!("{}: {error}", committed::path().display()))?;
        return Ok(Vec::new());
    }
    Ok(Committed::read()?.compare(new, are_all))
}

/// Instructions inside [`measured`] for so many rounds of an operation.
fn count(name: &str, rounds: usize) -> Result<u64, String> {
    let this = env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(this)
        .env(OPERATION, format!("{name}@{rounds}"))
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind can't be run ({error}): install it to count instructions"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected =
        text.lines().find_map(|line| line.split_once("Collected :")).map(|(_, number)| number.trim().parse());
    match collected {
        Some(Ok(number)) if output.status.success() => Ok(number),
        _ => Err(format!("{name}: callgrind failed with {}:\n{text}", output.status)),
    }
}

/// The only code that is counted.
#[inline(never)]
fn measured(run: impl FnOnce()) {
    run();
}

fn capacity() -> Capacity {
    Capacity::exactly(2 * ROUND)
}

/// Runs `rounds` of pushing and popping, of which `count_push` says which is counted.
fn rounds(rounds: usize, count_push: bool, mut push: impl FnMut(), mut pop: impl FnMut()) {
    for _ in 0..rounds {
        if count_push {
            measured(&mut push);
            pop();
        } else {
            push();
            measured(&mut pop);
        }
    }
}

/// Item by item.
fn single<P, C>((mut tx, mut rx): (P, C), count: usize, count_push: bool)
where
    P: Producer,
    P::Item: Copy + From<Filled>,
    C: Consumer<Item = P::Item>,
{
    let item = P::Item::from(Filled);
    let push = || (0..ROUND).for_each(|_| assert!(tx.try_push(black_box(item)).is_ok()));
    let pop = || (0..ROUND).for_each(|_| assert!(black_box(rx.try_pop()).is_ok()));
    rounds(count, count_push, push, pop);
}

/// In batches of 32.
fn batched<P, C>((mut tx, mut rx): (P, C), count: usize, count_push: bool)
where
    P: Producer<Item = u64>,
    C: Consumer<Item = u64>,
{
    let items = black_box([7; 32]);
    let mut into = [const { MaybeUninit::uninit() }; 32];
    let push = || (0..ROUND / 32).for_each(|_| assert_eq!(tx.push_slice(&items), Ok(32)));
    let pop = || (0..ROUND / 32).for_each(|_| assert_eq!(black_box(rx.pop_slice(&mut into)), Ok(32)));
    rounds(count, count_push, push, pop);
}

/// Item by item through a channel whose ends park, with nobody asleep: to be held against the bare ring's figure.
fn parking<K: Kind<u64>>(count: usize, count_send: bool) {
    let (mut tx, mut rx): (Sender<u64, K, Park>, Receiver<u64, K, Park>) = channel(capacity()).expect("a ring");
    let send = || (0..ROUND).for_each(|_| assert!(tx.send(black_box(7)).is_ok()));
    let recv = || (0..ROUND).for_each(|_| assert!(black_box(rx.recv()).is_ok()));
    rounds(count, count_send, send, recv);
}

/// A payload of any size with something in it.
struct Filled;

impl From<Filled> for u64 {
    fn from(_: Filled) -> Self {
        7
    }
}

impl From<Filled> for Large {
    fn from(_: Filled) -> Self {
        [7; 8]
    }
}

const KEYED: Order = Order::Keyed { keys_max: 64, parked_per_key_max: 64, at_bound: AtBound::Stall };

fn handle(item: u64) {
    black_box(item);
}

/// Items accepted, handled and acked: each at once, or a batch of 32 at a time.
fn track(rules: Rules, at_once: bool, count: usize) {
    let mut tracker = Tracker::<u64>::new(rules, Instant::START).expect("a tracker");
    let now = Instant::START;
    let envelope = |item| Envelope { key: Some(item), ..Envelope::new(item) };
    let one_by_one = |tracker: &mut Tracker<u64>| {
        for item in 0..ROUND as u64 {
            let (_, delivery) = tracker.accept_next(envelope(item), now).expect("room");
            let delivery = delivery.expect("its turn");
            handle(*delivery.payload());
            delivery.ack();
        }
    };
    let batched = |tracker: &mut Tracker<u64>| {
        for batch in 0..ROUND as u64 / 32 {
            for item in batch * 32..(batch + 1) * 32 {
                assert!(tracker.accept(envelope(item), now).is_ok());
            }
            while let Some(delivery) = tracker.next(now) {
                handle(*delivery.payload());
                delivery.ack();
            }
        }
    };
    if at_once {
        rounds(count, true, || one_by_one(&mut tracker), || ());
    } else {
        rounds(count, true, || batched(&mut tracker), || ());
    }
}

/// Timers pending while some are scheduled, cancelled or fired, at random within ten minutes.
const PENDING: usize = 100_000;

/// What is counted of a wheel's work.
enum Timing {
    Schedule,
    Cancel,
    Fire,
}

/// Timers in a wheel with many pending: what is scheduled is cancelled, or so much is scheduled as has fired.
fn timed(counted: &Timing, count: usize) {
    let (mut seed, mut now) = (1_u64, Instant::START);
    let mut ahead = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_nanos((seed >> 24) % 600_000_000_000)
    };
    let mut wheel = Wheel::new(PENDING + ROUND, Duration::from_millis(1), now).expect("a wheel");
    (0..PENDING).for_each(|_| assert!(wheel.schedule(now + ahead(), 7_u64).is_ok()));
    let mut timers = Vec::with_capacity(ROUND);
    for _ in 0..count {
        let times: [Instant; ROUND] = std::array::from_fn(|_| now + ahead());
        let mut schedule = |wheel: &mut Wheel<u64>| {
            timers.extend(times.iter().map(|&at| wheel.schedule(black_box(at), 7).expect("room")));
        };
        if matches!(counted, Timing::Schedule) {
            measured(|| schedule(&mut wheel))
        } else {
            schedule(&mut wheel)
        }
        let mut cancel = || timers.drain(..).for_each(|timer| assert!(black_box(wheel.cancel(timer)).is_some()));
        match counted {
            Timing::Schedule => cancel(),
            Timing::Cancel => measured(cancel),
            Timing::Fire => {
                timers.clear();
                measured(|| {
                    let mut fired = 0;
                    while fired < ROUND {
                        match wheel.fire(now) {
                            Some(item) => fired += usize::from(black_box(item) == 7),
                            None => now = now + Duration::from_millis(1),
                        }
                    }
                });
            }
        }
    }
    assert_eq!(wheel.depth(), PENDING);
}

/// Cancels in a tracker with many items that wait for their time, as many as are then accepted.
fn cancelled(count: usize) {
    let headers = Headers::NONE;
    let rules = Rules { capacity: PENDING, headers, ..Rules::default() };
    let mut tracker = Tracker::<u64>::new(rules, Instant::START).expect("a tracker");
    let mut items: Vec<ItemId> =
        (0..PENDING as u64).map(|nth| tracker.accept(delayed(nth), Instant::START).expect("room")).collect();
    for round in 0..count {
        // Far from each other.
        let mut cancel = |nth: usize| {
            let item = &mut items[(round * ROUND + nth) * 7919 % PENDING];
            assert!(black_box(tracker.cancel(*item)).is_ok());
        };
        measured(|| (0..ROUND).for_each(&mut cancel));
        for nth in 0..ROUND {
            let at = (round * ROUND + nth) * 7919 % PENDING;
            items[at] = tracker.accept(delayed(at as u64), Instant::START).expect("room");
        }
    }
    assert_eq!(tracker.depth(), PENDING);
}

/// An item that waits for its time, at random within ten minutes.
fn delayed(nth: u64) -> Envelope<u64> {
    let bits = nth.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Envelope { not_before: Instant::from_nanos((bits ^ bits >> 31) % 600_000_000_000), ..Envelope::new(nth) }
}

/// Which half of an item's way through the engine is counted.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    Publish,
    Work,
}

/// An engine whose batches don't end by the time that they take, which differs from run to run.
fn timeless() -> Engine {
    let builder = Engine::builder().workers(1).by_hand();
    builder.clock(Manual::new()).batch_time(Duration::from_secs(3600)).start().expect("an engine")
}

/// Items of a queue published, or handled by a worker that is polled and has the handler that `attach` gives it.
fn queued(ring: RingOrder, half: Half, count: usize, attach: impl FnOnce(&Engine, &Queue<u64>)) {
    let engine = timeless();
    let queue = engine.queue::<u64>("items").capacity(ROUND).order(ring).open().expect("a queue");
    attach(&engine, &queue);
    let (mut worker, mut publisher) = (engine.take_workers().remove(0), queue.publisher());
    let publish = || (0..ROUND as u64).for_each(|item| publisher.try_publish(&0_u32, black_box(item)).expect("room"));
    let poll = || while worker.poll() != Polled::Idle {};
    rounds(count, half == Half::Publish, publish, poll);
}

fn plainly(engine: &Engine, queue: &Queue<u64>) {
    drop(engine.consume(queue).handle(|_| |item: Held<'_, u64>| handle(*item)).expect("attached"));
}

/// Handled by rules of delivery; `ack` does the rest for an item.
fn delivered(rules: Rules, count: usize, ack: impl Fn(&mut Leased<'_, u64, ()>) + Copy + Send + Sync + 'static) {
    queued(RingOrder::Total, Half::Work, count, |engine, queue| {
        let delivering = engine.consume(queue).deliver(rules);
        let delivering = delivering.envelope(|item| Envelope { key: Some(item), ..Envelope::new(item) });
        let each = move |item: &mut Leased<'_, u64, ()>| {
            handle(**item);
            ack(item);
        };
        drop(delivering.handle(move |_| each).expect("attached"));
    });
}

fn at_once(_: &mut Leased<'_, u64, ()>) {}

/// By a lease that is answered before the worker looks for answers.
fn by_lease(item: &mut Leased<'_, u64, ()>) {
    item.defer().ack().expect("there is room for as many as are leased");
}

/// Items of a topic published to, or handled for, one gating subscription.
fn told(half: Half, count: usize) {
    let engine = timeless();
    let topic = engine.topic::<u64>("items").capacity(ROUND).open().expect("a topic");
    drop(engine.subscribe(&topic, "one").handle(|_| |item: &u64| handle(*item)).expect("attached"));
    let (mut worker, mut publisher) = (engine.take_workers().remove(0), topic.publisher());
    let publish = || (0..ROUND as u64).for_each(|item| publisher.try_publish(&0_u32, black_box(item)).expect("room"));
    let poll = || while worker.poll() != Polled::Idle {};
    rounds(count, half == Half::Publish, publish, poll);
}

/// Taken as a worker takes them.
fn each<P, C>((mut tx, mut rx): (P, C), count: usize)
where
    P: Producer<Item = u64>,
    C: Consumer<Item = u64>,
{
    let push = || (0..ROUND).for_each(|_| assert!(tx.try_push(black_box(7)).is_ok()));
    let pop = || while rx.pop_each(128, handle).is_ok() {};
    rounds(count, false, push, pop);
}

fn operations() -> BTreeMap<&'static str, fn(usize)> {
    let mut all: BTreeMap<&'static str, fn(usize)> = BTreeMap::new();
    macro_rules! both {
        ($run:ident, $ring:ident, $payload:ty, $push:literal, $pop:literal) => {
            all.insert($push, |n| $run($ring::<$payload>(capacity()).expect("a ring"), n, true));
            all.insert($pop, |n| $run($ring::<$payload>(capacity()).expect("a ring"), n, false));
        };
    }
    both!(single, spsc, u64, "spsc push", "spsc pop");
    both!(single, spsc, Large, "spsc push 64 B", "spsc pop 64 B");
    both!(batched, spsc, u64, "spsc push batch 32", "spsc pop batch 32");
    both!(single, dense, u64, "dense push", "dense pop");
    both!(batched, dense, u64, "dense push batch 32", "dense pop batch 32");
    both!(single, lanes, u64, "lanes push", "lanes pop");
    both!(batched, lanes, u64, "lanes push batch 32", "lanes pop batch 32");
    both!(single, mpmc, u64, "mpmc push", "mpmc pop");
    both!(batched, mpmc, u64, "mpmc push batch 32", "mpmc pop batch 32");
    both!(single, broadcast, u64, "broadcast push", "broadcast pop");
    both!(single, broadcast_multi, u64, "broadcast_multi push", "broadcast_multi pop");
    all.insert("channel spsc send", |n| parking::<Spsc>(n, true));
    all.insert("channel spsc recv", |n| parking::<Spsc>(n, false));
    all.insert("channel lanes send", |n| parking::<Lanes>(n, true));
    all.insert("channel lanes recv", |n| parking::<Lanes>(n, false));
    all.insert("channel mpmc send", |n| parking::<Mpmc>(n, true));
    all.insert("channel mpmc recv", |n| parking::<Mpmc>(n, false));
    all.insert("handler alone", |count| rounds(count, true, || (0..ROUND as u64).for_each(handle), || ()));
    all.insert("tracker ack at once", |count| track(Rules::default(), true, count));
    all.insert("tracker ack at once keyed", |count| track(Rules { order: KEYED, ..Rules::default() }, true, count));
    all.insert("tracker ack in batches", |count| track(Rules::default(), false, count));
    all.insert("tracker cancel", cancelled);
    all.insert("wheel schedule", |count| timed(&Timing::Schedule, count));
    all.insert("wheel cancel", |count| timed(&Timing::Cancel, count));
    all.insert("wheel fire", |count| timed(&Timing::Fire, count));
    all.insert("mpmc pop each 128", |count| each(mpmc(capacity()).expect("a ring"), count));
    all.insert("lanes pop each 128", |count| each(lanes(capacity()).expect("a ring"), count));
    all.insert("publish queue", |count| queued(RingOrder::Total, Half::Publish, count, plainly));
    all.insert("publish queue, lanes", |count| queued(RingOrder::PerPublisher, Half::Publish, count, plainly));
    all.insert("publish topic", |count| told(Half::Publish, count));
    all.insert("worker queue", |count| queued(RingOrder::Total, Half::Work, count, plainly));
    all.insert("worker queue, lanes", |count| queued(RingOrder::PerPublisher, Half::Work, count, plainly));
    all.insert("worker topic", |count| told(Half::Work, count));
    all.insert("worker queue, delivered", |count| delivered(Rules::default(), count, at_once));
    all.insert("worker queue, delivered keyed", |count| {
        delivered(Rules { order: KEYED, ..Rules::default() }, count, at_once)
    });
    all.insert("worker queue, delivered by lease", |count| delivered(Rules::default(), count, by_lease));
    all.insert("mpmc displace", |count| {
        let (mut tx, _rx) = mpmc::<u64>(Capacity::exactly(ROUND)).expect("a ring");
        (0..ROUND).for_each(|_| assert!(tx.try_push(7).is_ok()));
        let displace = || (0..ROUND).for_each(|_| assert_eq!(tx.displace(black_box(7)), Ok(Some(7))));
        rounds(count, true, displace, || ());
    });
    all
}
