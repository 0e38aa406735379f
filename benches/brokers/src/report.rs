//! The table, and what it was measured on.

use std::{fmt::Write, fs, process::Command, thread};

use crate::Contender;

/// What a queue inside the process should have over a broker.
const WANTED: f64 = 20.0;

pub(crate) fn table(contenders: &[Contender], items: u64) -> String {
    let rounds = contenders[0].took.len();
    let mut text = format!(
        "# Beside brokers\n\nWritten by `benches/brokers/run --save`: {items} items of 64 bytes, sent by one producer, taken \
         and acked by one consumer, each checked to come whole and once; {rounds} rounds, interleaved. Medians, with the least \
         and the most.\n\n\
         The brokers are processes of their own, reached through a socket on the loopback device, and serve many machines and \
         survive this one; ringway is a library inside the process. This is not who has the better queue, but what a job \
         costs that never leaves the process and goes by a broker all the same.\n\n{}\n\n\
         | | items/s | range | ringway by lease is | ringway at once is |\n|---|---:|---:|---:|---:|\n",
        machine()
    );
    let [by_lease, at_once] = [&contenders[2], &contenders[3]];
    for contender in contenders {
        let rates: Vec<f64> = contender.took.iter().map(|took| items as f64 / took).collect();
        let ratios = [by_lease, at_once].map(|ours| ratio(contender, ours));
        let (least, median, most) = spread(rates);
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} .. {} | {} | {} |",
            contender.name,
            thousands(median),
            thousands(least),
            thousands(most),
            ratios[0],
            ratios[1]
        );
    }
    let _ = writeln!(text);
    for Contender { name, how, .. } in contenders {
        let _ = writeln!(text, "* {name}: {how}.");
    }
    let least = contenders[..2].iter().map(|broker| spread(times_faster(broker, by_lease)).1).fold(f64::MAX, f64::min);
    let verdict = if least >= WANTED { "reached" } else { "not reached" };
    let _ = writeln!(text, "\nAt least {WANTED}x either broker, by lease: {verdict} ({least:.0}x).");
    text
}

/// How many times faster `ours` was in each round.
fn times_faster(other: &Contender, ours: &Contender) -> Vec<f64> {
    other.took.iter().zip(&ours.took).map(|(other, ours)| other / ours).collect()
}

fn ratio(contender: &Contender, ours: &Contender) -> String {
    let (least, median, most) = spread(times_faster(contender, ours));
    if contender.name.starts_with("ringway") {
        "-".into()
    } else {
        format!("**{median:.0}x** ({least:.0} .. {most:.0})")
    }
}

/// The least, the middle and the greatest.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let (last, middle) = (values.len() - 1, values.len() / 2);
    let median = if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
    (values[0], median, values[last])
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}; {cpus} CPUs; Linux {}; {}; commit {}.",
        model.unwrap_or("An unknown CPU"),
        read("/proc/sys/kernel/osrelease").trim(),
        output("rustc", &["--version"]),
        output("git", &["rev-parse", "--short", "HEAD"]),
    )
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{spread, thousands};

    #[test]
    fn medians_and_digits() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0]), (1.0, 2.0, 3.0));
        assert_eq!(spread(vec![4.0, 1.0, 2.0, 3.0]), (1.0, 2.5, 4.0));
        assert_eq!([0.0, 999.0, 1_000.4, 12_345_678.0].map(thousands), ["0", "999", "1,000", "12,345,678"]);
    }
}
