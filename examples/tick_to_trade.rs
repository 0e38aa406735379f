//! From a row of market data to an order: decode, book and strategy on pinned workers, a screen and a risk view beside them.
//!
//! ```text
//! reader ──▶ topic "rows" ── stage: decode ──▶ topic "updates", keyed by symbol
//!                                                ├─ gate      book: best bid and ask of each symbol
//!                                                ├─ gate      strategy ── stage ──▶ queue "orders" ──▶ gateway
//!                                                ├─ conflate  screen: the newest of each symbol; slow, and in nobody's way
//!                                                └─ sample    risk: every 100th
//! ```
//! `cargo run --release --features signals --example tick_to_trade` makes a tape of 500,000 rows by itself. `… -- FILE` reads
//! rows `recv_ns,symbol,kind,exch_ms,side,price,qty`, `… -- -` standard input. Latency is from the reader's hand to the stage
//! named; flat out it is mostly queueing. `--kill panic` makes the strategy panic now and then, `--kill stall` stops the
//! screen until the reader is done; SIGTERM and Ctrl-C drain. At the end every item is accounted for, and allocations of the
//! steady state are counted: none.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env,
    fs::File,
    io::{self, BufRead, BufReader},
    process::ExitCode,
    str,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    engine::signals::Stop,
    router::{Contract, Held, Key, Topic},
    worker::{End, Handler, OnPanic, Pin},
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: the system's allocator does the work; this only counts.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: asks nothing of its caller but what the trait does.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as above.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One row as it came.
#[derive(Clone, Copy)]
struct Row {
    born: u64,
    length: u8,
    bytes: [u8; 95],
}

#[derive(Clone, Copy)]
struct Update {
    born: u64,
    symbol: [u8; 8],
    kind: u8,
    side: u8,
    price: f64,
}

#[derive(Clone, Copy)]
struct Order {
    born: u64,
}

impl Update {
    fn decode(row: &Row) -> Option<Self> {
        let mut columns = str::from_utf8(&row.bytes[..row.length as usize]).ok()?.split(',');
        let (_, name, kind, _) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
        let (side, price) = (columns.next()?, columns.next()?.parse().ok()?);
        let mut symbol = [0; 8];
        let length = name.len().min(8);
        symbol[..length].copy_from_slice(&name.as_bytes()[..length]);
        Some(Self { born: row.born, symbol, kind: *kind.as_bytes().first()?, side: *side.as_bytes().first()?, price })
    }
}

/// Times by their order of magnitude, sixteen steps each: no allocation once it is made.
#[derive(Clone)]
struct Latencies(Box<[u64; 1024]>);

impl Latencies {
    fn new() -> Self {
        Self(Box::new([0; 1024]))
    }

    fn add(&mut self, nanos: u64) {
        let exponent = 63 - (nanos | 16).leading_zeros() as usize;
        self.0[(exponent * 16 + (nanos >> (exponent - 4)) as usize % 16).min(1023)] += 1;
    }

    fn percentile(&self, share: f64) -> Duration {
        let all: u64 = self.0.iter().sum();
        let mut left = (all as f64 * share).ceil() as u64;
        let at = self.0.iter().position(|&count| {
            let found = left <= count;
            left = left.saturating_sub(count);
            found
        });
        let (exponent, step) = at.map_or((4, 0), |at| (at / 16, at % 16));
        Duration::from_nanos((16 + step as u64) << exponent.saturating_sub(4))
    }
}

type Told = Arc<Mutex<Vec<(&'static str, Latencies)>>>;

/// A handler of updates or orders that keeps the latencies of its stage, and tells them at its end.
struct Stage<F> {
    name: &'static str,
    epoch: Instant,
    latencies: Latencies,
    told: Told,
    work: F,
}

impl<F> Stage<F> {
    fn took(&mut self, born: u64) {
        self.latencies.add(self.epoch.elapsed().as_nanos() as u64 - born);
    }

    fn tell(&mut self) {
        self.told.lock().expect("nobody panics here").push((self.name, self.latencies.clone()));
    }
}

impl<F: FnMut(&Update) + Send + 'static> Handler<Topic<Update>> for Stage<F> {
    fn handle(&mut self, update: &Update) {
        (self.work)(update);
        self.took(update.born);
    }

    fn ended(&mut self, _: End) {
        self.tell();
    }
}

impl<F: FnMut(&Order) + Send + 'static> Handler<ringway::router::Queue<Order>> for Stage<F> {
    fn handle(&mut self, order: Held<'_, Order>) {
        (self.work)(&order);
        self.took(order.born);
    }

    fn ended(&mut self, _: End) {
        self.tell();
    }
}

/// What the strategy remembers of a symbol: the best bid and ask, and a slow average of their middle.
#[derive(Clone, Copy, Default)]
struct Quote {
    symbol: [u8; 8],
    bid: f64,
    ask: f64,
    slow: f64,
    above: bool,
}

impl Quote {
    /// The quote of the symbol, brought up to date: a place of a fixed table.
    fn of<'a>(quotes: &'a mut [Self; 64], update: &Update) -> Option<&'a mut Self> {
        let quote = quotes.iter_mut().find(|quote| quote.symbol == update.symbol || quote.symbol == [0; 8])?;
        quote.symbol = update.symbol;
        match (update.kind, update.side) {
            (b'Q', b'B') => quote.bid = update.price,
            (b'Q', _) => quote.ask = update.price,
            _ => {}
        }
        Some(quote)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("tick_to_trade: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (mut file, mut kill) = (None, String::new());
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--kill" => {
                kill =
                    arguments.next().filter(|kill| kill == "panic" || kill == "stall").ok_or("--kill panic or stall")?
            }
            _ => file = Some(argument),
        }
    }
    let mut stop = Stop::listen()?;

    let epoch = Instant::now();
    let engine = Engine::builder().name("tick").workers(4).pin(Pin::Spread).start()?;
    let rows = engine.topic::<Row>("rows").capacity(4096).open()?;
    let updates = engine.topic::<Update>("updates").shards(2).capacity(4096).open()?;
    let orders = engine.queue::<Order>("orders").capacity(1024).open()?;
    let told = Told::default();

    let bad = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bad);
    engine.subscribe(&rows, "decode").on(&[0]).then(&updates, move |_| {
        let counted = Arc::clone(&counted);
        move |row: &Row| {
            let update = Update::decode(row);
            counted.fetch_add(u64::from(update.is_none()), Relaxed);
            update.map(|update| (update.symbol, update))
        }
    })?;
    let tells = Arc::clone(&told);
    engine.subscribe(&updates, "book").on(&[1]).handle(move |_| {
        let (name, latencies, told, mut quotes) =
            ("book", Latencies::new(), Arc::clone(&tells), [Quote::default(); 64]);
        let work = move |update: &Update| _ = Quote::of(&mut quotes, update);
        Stage { name, epoch, latencies, told, work }
    })?;
    let panics = kill == "panic";
    engine.subscribe(&updates, "strategy").on(&[1]).on_panic(OnPanic::Restart).then(&orders, move |_| {
        let (mut quotes, mut seen) = ([Quote::default(); 64], 0_u64);
        move |update: &Update| {
            seen += 1;
            assert!(!(panics && seen.is_multiple_of(50_000)), "asked to, by --kill panic");
            let quote = Quote::of(&mut quotes, update)?;
            let middle = (quote.bid + quote.ask) / 2.0;
            quote.slow += (middle - quote.slow) / 64.0;
            // An order whenever the middle crosses its slow average.
            let was_above = std::mem::replace(&mut quote.above, middle > quote.slow);
            (was_above != quote.above).then_some((update.symbol, Order { born: update.born }))
        }
    })?;
    let tells = Arc::clone(&told);
    engine.consume(&orders).on(&[2]).handle(move |_| {
        let (name, latencies, told) = ("tick to trade", Latencies::new(), Arc::clone(&tells));
        Stage { name, epoch, latencies, told, work: |_: &Order| () }
    })?;
    let released = Arc::new(AtomicBool::new(kill != "stall"));
    let release = Arc::clone(&released);
    engine
        .subscribe(&updates, "screen")
        .contract(Contract::conflate(|update| update.symbol.hash64(), 64))
        .on(&[3])
        .handle(move |_| {
            let release = Arc::clone(&release);
            move |_: &Update| {
                while !release.load(Relaxed) {
                    std::thread::yield_now();
                }
            }
        })?;
    engine.subscribe(&updates, "risk").contract(Contract::sample(100)).on(&[0]).handle(|_| |_: &Update| ())?;

    let mut publisher = rows.publisher();
    let (mut published, mut steady) = (0_u64, 0);
    let mut publish = |line: &[u8]| {
        let mut row = Row { born: epoch.elapsed().as_nanos() as u64, length: line.len().min(95) as u8, bytes: [0; 95] };
        row.bytes[..row.length as usize].copy_from_slice(&line[..row.length as usize]);
        published += 1;
        if published == UNDER_WAY {
            println!("under way; SIGTERM drains");
        }
        if published == WARM {
            steady = ALLOCATIONS.load(Relaxed);
        }
        publisher.publish(&0_u64, row).is_ok() && !(published.is_multiple_of(16) && stop.is_asked())
    };
    let start = Instant::now();
    match file.as_deref() {
        None => made(500_000, &mut publish),
        Some("-") => read(io::stdin().lock(), &mut publish)?,
        Some(path) => {
            read(BufReader::new(File::open(path).map_err(|error| format!("{path}: {error}"))?), &mut publish)?
        }
    }
    let allocated = ALLOCATIONS.load(Relaxed) - steady;
    released.store(true, Relaxed);
    let report = engine.drain(Duration::from_secs(30));
    let took = start.elapsed();

    println!("{published} rows in {took:.2?}: {:.0} a second", published as f64 / took.as_secs_f64());
    println!("\n{:<16} {:>10} {:>10} {:>10}", "until", "p50", "p99", "p99.9");
    let mut told = std::mem::take(&mut *told.lock().expect("nobody panics here"));
    told.retain(|(_, latencies)| latencies.0.iter().any(|&count| count > 0));
    told.sort_by_key(|(name, _)| *name);
    for (name, latencies) in &told {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| latencies.percentile(share));
        println!("{name:<16} {p50:>10.1?} {p99:>10.1?} {p999:>10.1?}");
    }
    println!("\n{report}\n\n{} bad rows, {} panics caught", bad.load(Relaxed), engine_failures(&report));
    if published > WARM {
        println!("{allocated} allocations in {} rows of the steady state", published - WARM);
    }
    let is_right = report.is_drained() && report.ledger.check().is_ok();
    let ended = stop.first().map_or(ExitCode::SUCCESS, |signal| signal.exit_code());
    Ok(if is_right { ended } else { ExitCode::FAILURE })
}

/// After so many rows it says that it is at work.
const UNDER_WAY: u64 = 1000;

/// After so many rows the steady state begins.
const WARM: u64 = 50_000;

fn engine_failures(report: &ringway::engine::Report) -> u64 {
    report.ledger.topics.iter().flat_map(|topic| &topic.subscriptions).map(|subscription| subscription.failures).sum()
}

/// Rows of a made market, always the same ones.
fn made(rows: u64, publish: &mut impl FnMut(&[u8]) -> bool) {
    let (mut seed, mut line) = (0x9E37_79B9_u64, Vec::with_capacity(96));
    for nth in 0..rows {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let symbol = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"][(seed >> 62) as usize];
        let (side, price) = (if seed >> 61 & 1 == 0 { 'B' } else { 'S' }, 50_000 + (seed >> 40) % 1000);
        line.clear();
        let _ = io::Write::write_fmt(&mut line, format_args!("{nth},{symbol},Q,{nth},{side},{price}.5,1"));
        if !publish(&line) {
            return;
        }
    }
}

fn read(mut rows: impl BufRead, publish: &mut impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut line = Vec::with_capacity(256);
    while rows.read_until(b'\n', &mut line)? > 0 {
        if !publish(line.trim_ascii_end()) {
            return Ok(());
        }
        line.clear();
    }
    Ok(())
}
