//! What can be said on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ringway::{
    router::{Contract, Key, Name},
    worker::Pin,
};

use crate::{fault::Fault, replay::Row};

/// Keys that a conflating subscription holds for each shard.
const CONFLATED_KEYS_MAX: usize = 1 << 16;
/// Bytes of the name of a subscription; the tables have room for so many.
const NAME_MAX: usize = 16;

const EXIT_CODES: &str = "Exit codes: 0, well; 1, a run does not add up, or files do not agree; 2, a mistake in what was \
                          said or in a file, told in one line; 128 and its number, a signal.";

/// A lock-free, single-node queue engine: run it on real input, and see what this machine lets it reach.
#[derive(Debug, Parser)]
#[command(name = "ringway", version, max_term_width = 80, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Replay(Replay),
    Doctor(Doctor),
    Bench(Bench),
    Report(Report),
}

/// Push recorded rows through a sharded topic to pinned workers.
///
/// Reads CSV, NDJSON or plain lines, gzip too, and guesses which; a line is a row. Rows with the same key go through the
/// same shard, in order, and that is proved on the way. At the end stand throughput, latency, a table of shards and
/// subscriptions, and the ledger, which balances or the exit code is 1.
///
/// Rows go flat out, or open loop: at their recorded times (--time, --speed) or at a rate (--rate). Then latency counts
/// from the time at which a row was due, whatever held it up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringway replay
  ringway replay trades.csv.gz --key symbol
  ringway replay book.csv.gz --key symbol --time recv_ns --speed 100
  ringway replay access.log --key-regex '^\\S+' --sub all=gate --sub top=conflate
  journalctl -f -o json | ringway replay - --key _SYSTEMD_UNIT")]
pub(crate) struct Replay {
    /// File to read; `-` is standard input; without it a tape is made that looks like a market's
    pub(crate) file: Option<PathBuf>,

    /// What the rows are (else guessed)
    #[arg(long, value_name = "FORMAT", help_heading = "Rows")]
    pub(crate) format: Option<Format>,

    /// What separates the columns of CSV (else guessed among , ; tab and |)
    #[arg(long, value_name = "CHAR", value_parser = delimiter, help_heading = "Rows")]
    pub(crate) delimiter: Option<u8>,

    /// Whether the first line of CSV names the columns (else guessed)
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no, help_heading = "Rows")]
    pub(crate) header: Option<bool>,

    /// Key: a column by name or number (from 1), a field (a.b goes inside), a word of a plain line by number
    #[arg(long, value_name = "NAME|N", conflicts_with = "key_regex", help_heading = "Rows")]
    pub(crate) key: Option<String>,

    /// Key: what this expression finds in the line, or its first group
    #[arg(long, value_name = "REGEX", help_heading = "Rows")]
    pub(crate) key_regex: Option<String>,

    /// Stop after so many rows (else all; of the tape 1000000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Rows")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) rows: Option<u64>,

    /// Seed of the tape; the same seed, the same tape
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Rows")]
    pub(crate) seed: u64,

    /// Recorded times: as --key; numbers, RFC 3339 or the stamps of access logs. A row whose time goes back is due at once
    #[arg(long, value_name = "NAME|N", conflicts_with = "time_regex", help_heading = "Pace")]
    pub(crate) time: Option<String>,

    /// Recorded times: as --key-regex
    #[arg(long, value_name = "REGEX", help_heading = "Pace")]
    pub(crate) time_regex: Option<String>,

    /// Unit of times that are numbers (else guessed from the name and the size)
    #[arg(long, value_name = "UNIT", help_heading = "Pace")]
    pub(crate) time_unit: Option<Unit>,

    /// How many times as fast as recorded (else 1, with --time)
    #[arg(long, value_name = "FACTOR", value_parser = factor, help_heading = "Pace")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) speed: Option<f64>,

    /// So many rows a second, evenly
    #[arg(long, value_name = "N", value_parser = factor, help_heading = "Pace")]
    #[arg(allow_negative_numbers = true, conflicts_with_all = ["time", "time_regex", "speed"])]
    pub(crate) rate: Option<f64>,

    /// Shards of the topic
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Engine")]
    #[arg(allow_negative_numbers = true, default_value_t = 4)]
    pub(crate) shards: u16,

    /// Threads that handle rows (else RINGWAY_WORKERS, or the CPUs less one, at least 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Engine")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) workers: Option<u16>,

    /// Rows that a shard holds at the least
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 24), help_heading = "Engine")]
    #[arg(allow_negative_numbers = true, default_value_t = 4096)]
    pub(crate) capacity: u32,

    /// CPUs of the workers: `spread`, `none`, or a list such as 2,3 or 4-7 (else RINGWAY_PIN, or `spread`)
    #[arg(long, value_name = "CPUS", value_parser = pin, help_heading = "Engine")]
    pub(crate) pin: Option<Pin>,

    /// A subscription, as often as wanted: gate, gate-for:TIME, latest, conflate (by key) or sample:N; @TIME makes its
    /// handler take that long for each row, as in board=latest@5us (else all=gate; of the tape also board and risk)
    #[arg(long = "sub", value_name = "NAME=CONTRACT[@TIME]", value_parser = subscription, help_heading = "Engine")]
    pub(crate) subscriptions: Vec<Subscription>,
}

/// Judge this machine: what it is, what that means for latency, what to change.
///
/// Reads what the system says of itself, then measures for a few seconds: the clock, the round trip between CPUs, and what
/// interrupts a thread that wants to run.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// Read /proc and /sys below this directory, a copy of another machine's; measures nothing
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
}

/// Measure ringway on this machine: throughput, latency at every load, what waiting and each feature cost.
///
/// Rows run in rounds, one after the other and none always first; each sample is checked, and tagged with the distance of its
/// CPUs. Latency counts from the time at which an item was due, whatever held it up. Writes bench.json, and one .hdr file for
/// each distribution; `ringway report` makes a page of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringway bench --quick
  ringway bench --only throughput,wait
  ringway bench --arrivals book.csv.gz --time recv_ns
  ringway bench --baseline before/bench.json")]
pub(crate) struct Bench {
    /// Short samples in few rounds: shows that it works, and about how fast
    #[arg(long)]
    pub(crate) quick: bool,

    /// Rows whose name holds one of these, or of a group of that name; --list shows both
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How often each row is measured (else 21, with --quick 3)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1001), allow_negative_numbers = true)]
    pub(crate) rounds: Option<u16>,

    /// Where the results go
    #[arg(short, long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) out: PathBuf,

    /// Send as a file's rows came, at every load: the arrivals are theirs, the rate is scaled
    #[arg(long, value_name = "FILE", requires = "time")]
    pub(crate) arrivals: Option<PathBuf>,

    /// Where their times stand, as of `ringway replay`
    #[arg(long, value_name = "NAME|N", requires = "arrivals")]
    pub(crate) time: Option<String>,

    /// Show what has changed since an earlier run, and how sure that is
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Print the rows and who runs them; measure nothing
    #[arg(long)]
    pub(crate) list: bool,
}

/// Show result files as one page: verdict, machine, charts, tables.
///
/// Takes any number of the JSON files that benchmarks write; a cell that several of them hold is shown once for each. The page
/// is one HTML file that needs no network. Its headlines are printed, too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringway report benches/results/compare.json --out report.html
  ringway report before.json after.json --agree
  ringway report benches/results/compare.json --readme README.md")]
pub(crate) struct Report {
    /// Result files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Page to write; `-` is standard output, which then gets nothing else
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub(crate) out: PathBuf,

    /// Say whether the files agree, on figures and on verdicts, and write no page; exit code 1 if they don't
    #[arg(long, conflicts_with_all = ["out", "readme"])]
    pub(crate) agree: bool,

    /// Write the tables between the markers of this Markdown file anew, and no page
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub(crate) readme: Option<PathBuf>,
}

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Ndjson,
    Lines,
}

/// Unit of a recorded time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    S,
    Ms,
    Us,
    Ns,
}

/// A named interest in the rows.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) name: Name,
    pub(crate) contract: Contract<Row>,
    /// What its handler takes for each row.
    pub(crate) cost: Duration,
}

/// What clap says over several lines, as one: the error and its tips.
pub(crate) fn in_one_line(error: &clap::Error) -> Fault {
    let text = error.to_string();
    let told = text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim);
    let told: Vec<&str> = told.filter(|line| !line.is_empty() && !line.starts_with("For more information")).collect();
    let told = told.join("; ").replace(":; ", ": ");
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    Fault::new(format!("{told} (--help shows what can be said)"))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if matches!(text, "tab" | "\\t") => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("a single ASCII character is allowed, or `tab`".into()),
    }
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("yes and no are allowed".into()),
    }
}

/// A number above 0; `100x` is 100.
fn factor(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>();
    let number = number.map_err(|_| "a number is allowed, such as 0.5 or 100".to_owned())?;
    if (1e-6..=1e12).contains(&number) { Ok(number) } else { Err("from 0.000001 to 1e12 is allowed".into()) }
}

fn pin(text: &str) -> Result<Pin, String> {
    match text {
        "spread" => return Ok(Pin::Spread),
        "none" => return Ok(Pin::None),
        _ => {}
    }
    let wrong = || "`spread`, `none` or CPU numbers are allowed, such as 2,3 or 4-7".to_owned();
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
        if first > last {
            return Err(wrong());
        }
        cpus.extend((first..=last).map(usize::from));
    }
    Ok(Pin::Cores(cpus))
}

/// `5us` as a duration.
fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let number: f64 = text[..split].parse().ok()?;
    let seconds = match &text[split..] {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok().filter(|&time| time <= Duration::from_secs(3600))
}

/// A name, a contract and what its handler takes.
pub(crate) fn subscription(text: &str) -> Result<Subscription, String> {
    let Some((name, rest)) = text.split_once('=') else {
        return Err("a name and a contract are needed, such as all=gate".into());
    };
    if name.len() > NAME_MAX {
        return Err(format!("the name has more than {NAME_MAX} bytes"));
    }
    let name = Name::new(name).map_err(|error| error.to_string())?;
    let (contract, cost) = rest.split_once('@').map_or((rest, None), |(contract, cost)| (contract, Some(cost)));
    let key = |row: &Row| row.key().hash64();
    let contract = Contract::parse(contract, key, CONFLATED_KEYS_MAX).map_err(|error| error.to_string())?;
    let time = |text: &str| duration(text).ok_or(format!("`{text}` is no time up to an hour: say 5us, 50ms or 2s"));
    Ok(Subscription { name, contract, cost: cost.map(time).transpose()?.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use super::{Arguments, Pin, delimiter, duration, factor, in_one_line, pin, subscription};

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn subscriptions_are_read() {
        let read = |text| {
            let found = subscription(text).ok()?;
            Some((found.name.to_string(), found.contract.to_string(), found.cost.as_micros()))
        };
        for (text, name, contract, cost_us) in [
            ("all=gate", "all", "gate", 0),
            ("a.b=gate-for:50ms", "a.b", "gate-for:50ms", 0),
            ("l=latest@5us", "l", "latest", 5),
            ("c=conflate@1.5ms", "c", "conflate", 1500),
            ("s=sample:100", "s", "sample:100", 0),
        ] {
            assert_eq!(read(text), Some((name.into(), contract.into(), cost_us)));
        }
        for wrong in
            ["gate", "=gate", "a=", "a=gat", "a=sample:0", "a=gate-for:5", "a=gate@2h", "a b=gate", "a=latest:3"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read("a-name-of-17-bytes=gate"), None);
    }

    #[test]
    fn numbers_and_lists_are_read() {
        assert_eq!(pin("2,4-6"), Ok(Pin::Cores(vec![2, 4, 5, 6])));
        assert_eq!((pin("none"), pin("spread")), (Ok(Pin::None), Ok(Pin::Spread)));
        assert!(["", "a", "3-1", "1,", "70000"].iter().all(|text| pin(text).is_err()));
        assert_eq!((factor("100x"), factor("0.5")), (Ok(100.0), Ok(0.5)));
        assert!(["", "x", "0", "-1", "nan", "inf", "1e13"].iter().all(|text| factor(text).is_err()));
        assert_eq!((delimiter("tab"), delimiter(";")), (Ok(b'\t'), Ok(b';')));
        assert!(["", "ab", "ä", "\""].iter().all(|text| delimiter(text).is_err()));
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert!(["", "s", "5", "5m", "-1s", "9999s", "1..2s"].iter().all(|text| duration(text).is_none()));
    }

    #[test]
    fn errors_fit_on_a_line() {
        for (arguments, words) in [
            (&["replay", "--kee", "x"][..], "unexpected argument '--kee'"),
            (&["replay", "--shards", "0"], "'0'"),
            (&["replay", "--sub", "x"], "such as all=gate"),
            (&["replay", "--format", "xml"], "possible values: csv, ndjson, lines"),
            (&["replay", "--key", "a", "--key-regex", "b"], "cannot be used with"),
            (&["play"], "unrecognized subcommand 'play'"),
        ] {
            let error = Arguments::try_parse_from(["ringway"].iter().chain(arguments)).expect_err("refused");
            let line = in_one_line(&error).to_string();
            assert!(line.contains(words) && !line.contains("Usage"), "{line}");
        }
    }
}
