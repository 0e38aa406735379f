//! The examples that run until somebody ends them: a SIGTERM in the middle of the stream drains them, their exit code tells
//! of it, and what they print adds up.
#![cfg(unix)]

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

/// What each of them prints when it is in the middle of its stream.
const UNDER_WAY: &str = "under way; SIGTERM drains\n";

/// The example, which cargo has put beside this test.
fn example(name: &str) -> Command {
    let test = env::current_exe().expect("a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path: PathBuf = [profile.as_os_str(), "examples".as_ref(), name.as_ref()].iter().collect();
    assert!(
        path.exists(),
        "{} is not built: `cargo test` builds it, `cargo test --test examples` does not",
        path.display()
    );
    Command::new(path)
}

/// What a child printed, and its exit code, after a SIGTERM as soon as it was under way.
fn terminated(mut child: Child) -> (String, Option<i32>) {
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    while !text.ends_with(UNDER_WAY) {
        assert!(output.read_line(&mut text).expect("a line") > 0, "it ended early: {text}");
    }
    let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().expect("a shell");
    assert!(sent.success());
    output.read_to_string(&mut text).expect("the rest");
    let status = child.wait().expect("it ends");
    (text, status.code())
}

/// Starts it with these arguments, and ends it.
fn run(name: &str, arguments: &[&str]) -> String {
    let child = example(name).args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
    let (text, code) = terminated(child);
    assert_eq!(code, Some(143), "{text}");
    text
}

/// The sums of a printed ledger, left and right of each `=`. A line that starts with `+` goes on with the one before it; what
/// is in brackets is no part of a sum.
fn sums(text: &str) -> Vec<(u64, u64)> {
    let mut sums: Vec<(u64, u64)> = Vec::new();
    for line in text.lines() {
        let number = |word: &str| word.trim_end_matches(',').parse::<u64>().ok();
        let all = |part: &str| part.split('(').next().unwrap_or("").split_whitespace().filter_map(number).sum::<u64>();
        match (line.split_once(" = "), line.trim_start().strip_prefix("+ ")) {
            (Some((left, right)), _) if line.contains("accepted ") || line.contains("offered ") => {
                let left = left.split_whitespace().last().and_then(number).expect("a sum");
                sums.push((left, all(right)));
            }
            (None, Some(more)) => sums.last_mut().expect("it goes on with a sum").1 += all(more),
            _ => {}
        }
    }
    sums
}

/// Every sum of the ledger adds up, and something was handled; returns how many sums there were.
fn balanced(text: &str) -> usize {
    let sums = sums(text);
    assert!(text.lines().any(|line| line == "balanced"), "{text}");
    assert!(sums.iter().all(|(left, right)| left == right), "{sums:?}\n{text}");
    assert!(sums.iter().any(|&(left, _)| left > 0), "{text}");
    sums.len()
}

#[test]
fn a_sum_that_does_not_add_up_is_seen() {
    let text = "queue a: accepted 7 = handled 3 + left 1\n  + dead 2 + in hand 1 (9 deliveries)\n\
                \x20 b (sample:100): offered 5 = handled 4 + waiting 0\n";
    assert_eq!(sums(text), [(7, 7), (5, 4)]);
}

#[test]
fn telemetry_drains() {
    let text = run("telemetry", &["--seconds", "3600"]);
    assert_eq!(balanced(&text), 1);
}

#[test]
fn background_jobs_drain() {
    let text = run("background_jobs", &["0"]);
    assert_eq!(balanced(&text), 1);
    assert!(text.contains("every figure adds up"), "{text}");
}

#[test]
fn the_order_gateway_drains() {
    let text = run("order_gateway", &["0"]);
    assert_eq!(balanced(&text), 1);
    assert!(text.contains("every figure adds up"), "{text}");
}

/// Its rows come as long as it takes them.
#[test]
fn tick_to_trade_drains() {
    let mut child =
        example("tick_to_trade").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let rows = thread::spawn(move || {
        let row =
            |nth: u64| format!("{nth},BTCUSDT,Q,{nth},{},{}.5,1\n", ["B", "S"][nth as usize % 2], 50_000 + nth % 97);
        (0..).take_while(|&nth| input.write_all(row(nth).as_bytes()).is_ok()).count()
    });
    let (text, code) = terminated(child);
    assert_eq!(code, Some(143), "{text}");
    assert_eq!(balanced(&text), 6, "orders, decode, book, strategy, screen and risk: {text}");
    assert!(rows.join().expect("it writes until nobody reads") > 1000);
}
