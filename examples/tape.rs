//! A trade tape through two rings: decode on one thread, then VWAP by symbol and the busiest second, each on its own.
//!
//! ```text
//! reader ── spsc: one line, 64 B ──▶ decoder ── broadcast: Trade ──▶ VWAP by symbol
//!                                                              └──▶ busiest second
//! ```
//! `cargo run --release --example tape` makes a tape of 1,000,000 trades by itself. `… -- FILE` reads a CSV file with the
//! columns `ts_ms,symbol,price_1e4,size,exch`, and `… -- -` reads standard input (`zcat trades.csv.gz | … -- -`). Rows that
//! can't be decoded are counted, the first few shown, and never stop it. At the end the ledger has to balance.

use std::{
    collections::BTreeMap,
    env,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal},
    process::ExitCode,
    str, thread,
    time::Instant,
};

use ringway::ring::{Capacity, Consumer, PopError, Producer, PushError, broadcast, spsc};

/// One row as it came, at the length that keeps a slot of the ring at one cache line.
#[derive(Clone, Copy)]
struct Line {
    length: u8,
    bytes: [u8; 55],
}

#[derive(Clone, Copy)]
struct Trade {
    millis: u64,
    symbol: [u8; 8],
    price_1e4: u64,
    size: u64,
}

fn main() -> ExitCode {
    match env::args().nth(1) {
        None => run(Made::new(1_000_000), "a tape made for the purpose"),
        Some(dash) if dash == "-" => {
            if io::stdin().is_terminal() {
                eprintln!("tape: reading rows from the terminal; end with Ctrl-D");
            }
            run(BufReader::new(io::stdin()).split(b'\n'), "standard input")
        }
        Some(path) => match File::open(&path) {
            Ok(file) => run(BufReader::new(file).split(b'\n'), &path),
            Err(error) => {
                eprintln!("tape: {path}: {error}");
                ExitCode::from(2)
            }
        },
    }
}

fn run(rows: impl Iterator<Item = io::Result<Vec<u8>>> + Send, source: &str) -> ExitCode {
    let (mut lines_in, mut lines_out) = spsc::<Line>(Capacity::at_least(4096)).expect("a ring of 4096 lines");
    let (mut trades_in, mut for_vwap) = broadcast::<Trade>(Capacity::at_least(4096)).expect("a ring of 4096 trades");
    let mut for_seconds = for_vwap.clone();

    let start = Instant::now();
    let (read, decoded, vwap, seconds) = thread::scope(|scope| {
        let reader = scope.spawn(move || -> io::Result<u64> {
            let mut read = 0;
            for row in rows {
                push(&mut lines_in, Line::of(&row?));
                read += 1;
            }
            Ok(read)
        });
        let decoder = scope.spawn(move || {
            let (mut good, mut bad) = (0_u64, 0_u64);
            each(&mut lines_out, |line| match Trade::decode(&line) {
                Some(trade) => {
                    push(&mut trades_in, trade);
                    good += 1;
                }
                None => {
                    bad += 1;
                    if bad <= 3 {
                        let row = good + bad;
                        eprintln!("tape: row {row} is no trade: {}", String::from_utf8_lossy(line.text()));
                    }
                }
            });
            (good, bad)
        });
        let vwap = scope.spawn(move || {
            let mut symbols: BTreeMap<[u8; 8], (u64, u128, u64)> = BTreeMap::new();
            each(&mut for_vwap, |trade| {
                let (trades, value, size) = symbols.entry(trade.symbol).or_default();
                *trades += 1;
                *value += u128::from(trade.price_1e4) * u128::from(trade.size);
                *size += trade.size;
            });
            symbols
        });
        let seconds = scope.spawn(move || {
            let (mut seen, mut second, mut in_second) = (0_u64, 0, 0_u64);
            let mut busiest = (0, 0);
            each(&mut for_seconds, |trade| {
                seen += 1;
                if trade.millis / 1000 != second {
                    (second, in_second) = (trade.millis / 1000, 0);
                }
                in_second += 1;
                busiest = busiest.max((in_second, second));
            });
            (seen, busiest)
        });
        (reader.join().unwrap(), decoder.join().unwrap(), vwap.join().unwrap(), seconds.join().unwrap())
    });
    let time = start.elapsed();

    let read = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("tape: {source}: {error}");
            return ExitCode::from(2);
        }
    };
    let ((good, bad), (seen, (most, second))) = (decoded, seconds);
    println!("{source}: {read} rows in {time:.2?}, {:.2} M rows/s", read as f64 / time.as_secs_f64() / 1e6);
    println!("{:8} {:>9} {:>12} {:>10}", "symbol", "trades", "size", "VWAP");
    for (symbol, (trades, value, size)) in &vwap {
        let price = *value as f64 / (*size).max(1) as f64 / 1e4;
        println!("{:8} {trades:>9} {size:>12} {price:>10.4}", String::from_utf8_lossy(symbol).trim_end_matches('\0'));
    }
    println!("busiest second: {second} with {most} trades");
    let by_symbol: u64 = vwap.values().map(|(trades, ..)| trades).sum();
    println!("ledger: {read} rows = {good} trades + {bad} refused; seen by VWAP {by_symbol}, by seconds {seen}");
    if read == good + bad && by_symbol == good && seen == good {
        ExitCode::SUCCESS
    } else {
        eprintln!("tape: the ledger does not balance");
        ExitCode::FAILURE
    }
}

/// Pushes one item, and lets others run while the ring is full.
fn push<P: Producer>(tx: &mut P, mut item: P::Item) {
    while let Err(refused) = tx.try_push(item) {
        item = match refused {
            PushError::Full(item) => item,
            PushError::Closed(_) => return,
        };
        thread::yield_now();
    }
}

/// Calls `with` for each item up to the end of the stream.
fn each<C: Consumer>(rx: &mut C, mut with: impl FnMut(C::Item)) {
    loop {
        match rx.pop_each(256, &mut with) {
            Ok(_) => {}
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed) => return,
        }
    }
}

impl Line {
    /// The row, cut where it is longer than a trade can be.
    fn of(row: &[u8]) -> Self {
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        let mut bytes = [0; 55];
        let length = row.len().min(bytes.len());
        bytes[..length].copy_from_slice(&row[..length]);
        Self { length: length as u8, bytes }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Trade {
    fn decode(line: &Line) -> Option<Self> {
        let mut fields = str::from_utf8(line.text()).ok()?.split(',');
        let millis = fields.next()?.parse().ok()?;
        let name = fields.next()?.as_bytes();
        let mut symbol = [0; 8];
        symbol.get_mut(..name.len())?.copy_from_slice(name);
        let (price_1e4, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Self { millis, symbol, price_1e4, size })
    }
}

/// A tape in the shape of a real one: four symbols, one of them with two thirds of the trades, prices that wander.
struct Made {
    left: u64,
    state: u64,
    millis: u64,
    prices: [u64; 4],
}

impl Made {
    fn new(rows: u64) -> Self {
        Self {
            left: rows,
            state: 0x9E37_79B9_7F4A_7C15,
            millis: 1_381_219_200_000,
            prices: [1_674_200, 138_400, 491_500, 1_825_600],
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }
}

impl Iterator for Made {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.millis += self.random(60).saturating_sub(50);
        let which = [0, 0, 0, 0, 1, 3][self.random(6) as usize].max((self.random(40) == 0) as usize * 2);
        self.prices[which] = (self.prices[which] + self.random(3) * 100).saturating_sub(100).max(100);
        let (symbol, size) = (["SPY", "BAC", "AIG", "IBM"][which], (self.random(20) + 1) * 100);
        Some(Ok(format!("{},{symbol},{},{size},Q", self.millis, self.prices[which]).into_bytes()))
    }
}
