//! A tape of trades made for the purpose, in the shape of recorded ones: most trades in few symbols, quiet spells, bursts
//! that sweep one symbol within milliseconds, prices that wander by the tick.
//!
//! The same seed gives the same bytes on every machine: it is integers throughout.

use std::io::{self, Read};

/// Symbols; the first has two fifths of the trades, the others as Zipf has it.
const SYMBOLS: usize = 60;
/// The opening of a trading day, in ms.
const OPENING_MS: u64 = 1_709_562_600_000;
/// Bytes that are made at a time, about.
const BLOCK: usize = 64 * 1024;

/// CSV with a header: `ts_ms,symbol,price_1e4,size,exch`.
pub(crate) struct Tape {
    rows_left: u64,
    random: Random,
    millis: u64,
    burst: Burst,
    /// Running sums of the shares of the symbols but the first.
    shares: Vec<u64>,
    names: Vec<[u8; 3]>,
    prices: Vec<u64>,
    text: Vec<u8>,
    /// What of the text was read.
    read: usize,
}

/// A symbol that is swept.
#[derive(Default)]
struct Burst {
    symbol: usize,
    rows_left: u64,
}

/// SplitMix64, after G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`, near enough to evenly.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// At least 1, half as often for each doubling, at most `2^doublings`.
    fn long_tailed(&mut self, doublings: u32) -> u64 {
        let scale = 1 << self.next().trailing_zeros().min(doublings - 1);
        1 + self.below(scale * 2 - 1)
    }
}

impl Tape {
    pub(crate) fn new(seed: u64, rows: u64) -> Self {
        let mut total = 0;
        let shares = (2..=SYMBOLS as u64).map(|rank| {
            total += 1_000_000 / rank;
            total
        });
        let mut tape = Self {
            rows_left: rows,
            random: Random(seed),
            millis: OPENING_MS,
            burst: Burst::default(),
            shares: shares.collect(),
            names: (0..SYMBOLS).map(name).collect(),
            prices: Vec::new(),
            text: b"ts_ms,symbol,price_1e4,size,exch\n".to_vec(),
            read: 0,
        };
        tape.prices = (0..SYMBOLS).map(|_| 50_000 + tape.random.below(20_000) * 100).collect();
        tape
    }

    fn symbol(&mut self) -> usize {
        if self.random.below(5) < 2 {
            return 0;
        }
        let drawn = self.random.below(self.shares.last().copied().unwrap_or(1));
        1 + self.shares.partition_point(|&share| share <= drawn)
    }

    fn row(&mut self) {
        let symbol = if self.burst.rows_left > 0 {
            self.burst.rows_left -= 1;
            self.millis += u64::from(self.random.below(8) == 0);
            self.burst.symbol
        } else {
            self.millis += self.random.long_tailed(9) * 8 - self.random.below(8);
            let symbol = self.symbol();
            if self.random.below(12) == 0 {
                self.burst = Burst { symbol, rows_left: self.random.long_tailed(8) };
            }
            symbol
        };
        let price = &mut self.prices[symbol];
        *price = (*price + self.random.below(3) * 100).saturating_sub(100).max(100);
        let price = *price;
        let lots = if self.random.below(3) == 0 { self.random.long_tailed(10) * 10 } else { 100 };
        number(&mut self.text, self.millis);
        self.text.push(b',');
        self.text.extend(self.names[symbol]);
        self.text.push(b',');
        number(&mut self.text, price);
        self.text.push(b',');
        number(&mut self.text, lots);
        self.text.extend([b',', b"QPZTBNY"[self.random.below(7) as usize], b'\n']);
    }
}

impl Read for Tape {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() {
            self.text.clear();
            self.read = 0;
            while self.text.len() < BLOCK && self.rows_left > 0 {
                self.rows_left -= 1;
                self.row();
            }
        }
        let length = into.len().min(self.text.len() - self.read);
        into[..length].copy_from_slice(&self.text[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

/// A name that nobody trades under, hopefully; different for each of the first sixty.
fn name(nth: usize) -> [u8; 3] {
    const OUTER: &[u8; 12] = b"ZXVQKJWYHFGB";
    [OUTER[nth % 12], b"OUIEA"[nth / 12 % 5], OUTER[(nth * 7 + 3) % 12]]
}

/// Appends a number in decimal.
fn number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::Tape;

    fn text(seed: u64, rows: u64) -> String {
        let mut text = String::new();
        Tape::new(seed, rows).read_to_string(&mut text).expect("it can't fail");
        text
    }

    #[test]
    fn a_seed_gives_the_same_tape_everywhere() {
        let made = text(1, 3);
        assert_eq!(made, text(1, 3));
        assert_ne!(made, text(2, 3));
        assert!(text(1, 1000).starts_with(&made));
        let first = "ts_ms,symbol,price_1e4,size,exch\n1709562600002,FUW,212700,10,P\n1709562600005,HOB,621100,100,Q\n";
        assert!(made.starts_with(first), "{made}");
    }

    #[test]
    fn it_has_the_shape_of_a_market() {
        let text = text(7, 200_000);
        let mut rows = text.lines();
        assert_eq!(rows.next(), Some("ts_ms,symbol,price_1e4,size,exch"));
        let (mut symbols, mut millis) = (BTreeMap::<&str, u64>::new(), BTreeMap::<u64, u64>::new());
        let mut last = 0;
        for row in rows {
            let cells: Vec<&str> = row.split(',').collect();
            let &[time, symbol, price, size, exchange] = &cells[..] else { panic!("{row}") };
            let time: u64 = time.parse().expect("a time");
            assert!(time >= last, "time runs backwards at {row}");
            last = time;
            *symbols.entry(symbol).or_default() += 1;
            *millis.entry(time).or_default() += 1;
            assert!(price.parse::<u64>().is_ok_and(|price| price >= 100 && price % 100 == 0), "{row}");
            assert!(size.parse::<u64>().is_ok_and(|size| size > 0) && exchange.len() == 1, "{row}");
        }
        assert_eq!(symbols.values().sum::<u64>(), 200_000);
        assert_eq!(symbols.len(), 60, "every symbol trades");
        let most = symbols.values().max().expect("some");
        assert!((70_000..100_000).contains(most), "the first symbol has {most} of 200,000");
        let peak = millis.values().max().expect("some");
        assert!((10..200).contains(peak), "{peak} trades in the busiest millisecond");
        let rate = 200_000_000 / (last - super::OPENING_MS);
        assert!((15..60).contains(&rate), "{rate} trades a second");
    }

    #[test]
    fn small_reads_make_the_same_bytes() {
        let (mut tape, mut bytes, mut part) = (Tape::new(1, 5000), Vec::<u8>::new(), [0; 7]);
        loop {
            let read = tape.read(&mut part).expect("it can't fail");
            if read == 0 {
                break;
            }
            bytes.extend(&part[..read]);
        }
        assert_eq!(bytes, text(1, 5000).into_bytes());
    }
}
