//! `ringway replay`: what it handles, what it counts, and what it says to mistakes.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};

use crate::program::{Said, file, folder, ringway, run, run_with};

/// Trades of three symbols, time-ordered, the row number as the size.
fn trades(rows: usize) -> String {
    let mut text = String::from("ts_ms,symbol,price,size\n");
    for row in 0..rows {
        let symbol = ["SPY", "SPY", "BAC", "IBM"][row * 7 % 4];
        text += &format!("{},{symbol},100,{row}\n", 1_381_219_217_000 + row / 3);
    }
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// That a report holds all of these.
#[track_caller]
fn assert_says(report: &str, words: &[&str]) {
    for words in words {
        assert!(report.contains(words), "no {words:?} in:\n{report}");
    }
    let widest = report.lines().max_by_key(|line| line.chars().count()).expect("lines");
    assert!(widest.chars().count() <= 80 || widest.contains("/target/"), "too wide for a terminal: {widest}");
}

/// A line of the ledger: name, contract, and the five counts.
fn ledger(report: &str, name: &str) -> Vec<u64> {
    let (_, ledger) = report.split_once("\nledger").expect("a ledger");
    let line = ledger.lines().find(|line| line.split_whitespace().next() == Some(name)).expect(name);
    line.split_whitespace().skip(2).map(|count| count.replace(',', "").parse().expect("a count")).collect()
}

const BALANCED: &str = "every row is accounted for";

#[test]
fn the_first_command_works_without_anything() {
    let report = run(&["replay"]).well();
    let rows = "1,000,001 lines = 1,000,000 rows + 0 bad + 0 blank + 1 header";
    assert_says(&report, &["built-in tape, seed 1: CSV, 5 columns, header", "key symbol; flat out", rows, BALANCED]);
    assert_eq!(ledger(&report, "all"), [1_000_000, 0, 0, 0, 0]);
    let board = ledger(&report, "board");
    assert_eq!(board[0] + board[2], 1_000_000, "handled and merged: {board:?}");
    let risk = ledger(&report, "risk");
    assert_eq!((risk[0] + risk[3], risk[0] / 100), (1_000_000, 100), "every hundredth: {risk:?}");
}

#[test]
fn csv_is_read_plain_and_packed_and_from_a_pipe() {
    let (folder, text) = (folder("replay-csv"), trades(20_000));
    let (plain, packed) = (file(&folder, "trades.csv", &text), file(&folder, "trades", gzip(text.as_bytes())));
    let arguments = |file| ["replay", file, "--key", "symbol", "--shards", "2", "--workers", "2"];
    for (report, shape) in [
        (run(&arguments(&plain)).well(), "CSV, 4 columns,"),
        (run(&arguments(&packed)).well(), "gzip"),
        (run_with(&arguments("-"), text.as_bytes()).well(), "standard input: CSV, 4 columns, header"),
        (run_with(&arguments("-"), &gzip(text.as_bytes())).well(), "standard input: CSV, 4 columns, header, gzip"),
    ] {
        let rows = "20,001 lines = 20,000 rows + 0 bad + 0 blank + 1 header";
        let order = "line numbers rise within each of 3 keys (20,000 rows checked)";
        assert_says(&report, &[shape, rows, order, "hot keys  SPY 50.0 %, BAC 25.0 %, IBM 25.0 %", BALANCED]);
        assert_eq!(ledger(&report, "all"), [20_000, 0, 0, 0, 0]);
    }
}

#[test]
fn gzip_of_several_members_is_read_to_the_end() {
    let text = trades(4000);
    let (first, second) = text.as_bytes().split_at(31_415);
    let report = run_with(&["replay", "-", "--key", "2"], &[gzip(first), gzip(second)].concat()).well();
    assert_says(&report, &["4,000 rows + 0 bad", BALANCED]);
}

#[test]
fn ndjson_is_keyed_by_a_field_inside() {
    let mut text: String = (0..3000).map(|row| format!("{{\"who\":{{\"id\":{}}},\"n\":{row}}}\n", row % 7)).collect();
    text += "{\"who\":5,\"n\":1}\n{\"n\":\nnot json\n{\"who\":{\"id\":\"é\\u0041\"}}\n";
    let report = run_with(&["replay", "-", "--key", "who.id"], text.as_bytes()).well();
    assert_says(
        &report,
        &[
            "standard input: NDJSON",
            "key who.id",
            "3,004 lines = 3,001 rows + 3 bad",
            "line 3,001: no field with the key: {\"who\":5,\"n\":1}",
            "line 3,003: not JSON from byte 2: not json",
            "each of 8 keys",
            BALANCED,
        ],
    );
}

#[test]
fn plain_lines_are_keyed_by_word_and_expression() {
    let text: String = (0..2000).map(|row| format!("10.0.0.{} - - GET /{row} twice\n", row % 50)).collect();
    for arguments in [
        &["replay", "-", "--key", "1"][..],
        &["replay", "-", "--key-regex", r"^\S+"],
        &["replay", "-", "--key-regex", r"^10\.0\.0\.(\d+)", "--format", "lines"],
    ] {
        let report = run_with(arguments, text.as_bytes()).well();
        assert_says(&report, &["plain lines", "2,000 rows + 0 bad", "each of 50 keys (2,000 rows checked)", BALANCED]);
    }
    let report = run_with(&["replay", "-", "--key-regex", r"/(\d*00) "], text.as_bytes()).well();
    assert_says(&report, &["19 rows + 1,981 bad", "no match for --key-regex", BALANCED]);
}

#[test]
fn bad_rows_are_counted_and_shown_and_stop_nothing() {
    let mut text = trades(1000);
    text += "short,SPY\n\n1,\"open,2,3\nno\u{1b}[2Jcontrol,a\n1,2,3,4,5\n1,SPY,3,\n";
    text += &format!("{}\n1,BAC,3,4", "x".repeat(2_000_000));
    let report = run_with(&["replay", "-", "--key", "symbol"], text.as_bytes()).well();
    assert_says(
        &report,
        &[
            "1,009 lines = 1,002 rows + 5 bad + 1 blank + 1 header",
            "line 1,002: 2 columns instead of 4: short,SPY",
            "line 1,004: a quote is not closed: 1,\"open,2,3",
            "line 1,005: 2 columns instead of 4: no\u{fffd}[2Jcontrol,a",
            "line 1,006: 5 columns instead of 4: 1,2,3,4,5",
            "line 1,008: longer than 1.05 MB",
            BALANCED,
        ],
    );
    assert!(!report.contains('\u{1b}'), "a row must not reach for the terminal");
}

/// A key that no line has is a slip: the report shows what is wrong with the lines, and a script must not take it for a
/// success.
#[test]
fn an_input_of_which_no_line_is_a_row_is_refused() {
    for (arguments, input, words) in [
        (&["replay", "-", "--key-regex", "zzz"][..], trades(3), "none of the 4 lines is a row"),
        (&["replay", "-", "--format", "ndjson", "--key", "symbol"], trades(3), "none of the 4 lines is a row"),
        (&["replay", "-", "--header", "yes"], "ts_ms,symbol\n".to_owned(), "holds no rows"),
    ] {
        let said = run_with(arguments, input.as_bytes());
        assert_says(&said.out, &[BALANCED]);
        assert!(said.refused().contains(words), "{arguments:?}");
    }
}

#[test]
fn every_contract_adds_up_beside_a_slow_handler() {
    let folder = folder("replay-contracts");
    let path = file(&folder, "trades.csv", trades(60_000));
    let subscriptions =
        ["all=gate", "slow=latest@200us", "board=conflate@200us", "risk=sample:10", "held=gate-for:5ms"];
    let mut arguments = vec!["replay", &path, "--key", "symbol", "--capacity", "256", "--workers", "2"];
    subscriptions.iter().for_each(|subscription| arguments.extend(["--sub", subscription]));
    let report = run(&arguments).well();
    assert_says(&report, &["60,000 published", BALANCED]);
    for name in ["all", "slow", "board", "risk"] {
        let counts = ledger(&report, name);
        assert_eq!(counts.iter().sum::<u64>(), 60_000, "{name}: {counts:?}");
    }
    assert_eq!(ledger(&report, "all")[0], 60_000, "the gate misses nothing, however slow the others are");
    let held = ledger(&report, "held");
    assert!(held[0] == 60_000 || report.contains("held was evicted, as agreed"), "{report}");
    let slow = ledger(&report, "slow");
    assert!(slow[1] > 0, "a slow `latest` loses rows, and they are counted: {slow:?}");
}

#[test]
fn recorded_gaps_are_kept_at_the_speed_asked_for() {
    // 3,000 rows in 1 s; at 5x in 0.2 s.
    let report =
        run_with(&["replay", "-", "--key", "symbol", "--time", "ts_ms", "--speed", "5x"], trades(3000).as_bytes());
    let report = report.well();
    assert_says(&report, &["open loop at 5x the recorded ts_ms in ms", "until its handler had it", BALANCED]);
    let line = report.lines().find(|line| line.starts_with("rows ")).expect("totals");
    let time = line.split(" in ").nth(1).and_then(|rest| rest.split(':').next()).expect("a time");
    let time_ms: f64 = match time.split_once(' ').expect("a unit") {
        (number, "ms") => number.parse().expect("a number"),
        (number, "s") => number.parse::<f64>().expect("a number") * 1000.0,
        other => panic!("{other:?}"),
    };
    assert!(time_ms >= 199.0, "no row goes before it is due: {line}");
}

#[test]
fn a_stalled_handler_shows_in_the_latency_of_an_open_loop() {
    // 200 rows in 0.2 s, 2 ms for each: the last one waits for some 0.2 s. A closed loop would show 2 ms.
    let text = "a\n".repeat(200);
    let arguments = ["replay", "-", "--rate", "1000", "--sub", "all=gate@2ms", "--workers", "1", "--capacity", "1024"];
    let report = run_with(&arguments, text.as_bytes());
    let report = report.well();
    assert_says(&report, &["open loop at 1.00 k rows/s", BALANCED]);
    let (_, latency) = report.split_once("latency").expect("latencies");
    let max = latency.lines().find(|line| line.trim_start().starts_with("all")).expect("all").split_whitespace().rev();
    let max: Vec<&str> = max.take(2).collect();
    let max_ms: f64 = max[1].parse::<f64>().expect("a number") * if max[0] == "s" { 1000.0 } else { 1.0 };
    assert!(max[0] != "µs" && max_ms >= 190.0, "the wait of the rows behind is part of their latency: {latency}");
}

#[test]
fn what_can_not_be_read_is_answered_in_a_line() {
    let folder = folder("replay-refused");
    let good = file(&folder, "good.csv", trades(100));
    let empty = file(&folder, "empty", "\n\n");
    let zeros = file(&folder, "zeros", [0; 100]);
    let zstd = file(&folder, "zstd", b"\x28\xb5\x2f\xfd....");
    let json = file(&folder, "json", "{\"a\":1,\"b\":2}\n");
    let path = folder.to_str().expect("UTF-8");
    for (arguments, words) in [
        (&["replay", "/no/such/file"][..], "no such file"),
        (&["replay", path], "is a directory"),
        (&["replay", &empty], "holds no rows"),
        (&["replay", &zeros], "no text"),
        (&["replay", &zstd], "zstdcat FILE | ringway replay -"),
        (&["replay", &good, "--key", "price_1e4"], "there are ts_ms, symbol, price, size, or say a number from 1 to 4"),
        (&["replay", &good, "--key", "5"], "from 1 to 4"),
        (&["replay", &good, "--key-regex", "(["], "--key-regex `([`"),
        (&["replay", &good, "--key", "symbol", "--time", "symbol"], "`SPY` is no time"),
        (&["replay", &good, "--speed", "2"], "--time"),
        (&["replay", &good, "--format", "ndjson", "--header", "yes"], "need --format csv"),
        (&["replay", &json, "--key", "c"], "the first one has a, b"),
        (&["replay", &good, "--sub", "a=conflate"], "needs keys"),
        (&["replay", &good, "--sub", "a=gate", "--sub", "a=latest"], "two are called a"),
        (&["replay", &good, "--sub", "a=later"], "use gate, gate-for:5ms, latest, conflate or sample:10"),
        (&["replay", &good, "--shards", "1025"], "1..=1024"),
        (&["replay", &good, "--shards", "1024", "--capacity", "16777216"], "--shards 1024 with --capacity 16777216"),
        (&["replay", &good, "--speed", "fast", "--time", "ts_ms"], "a number is allowed"),
        (&["replay", &good, "--rate", "5", "--speed", "2"], "cannot be used with"),
        (&["replay", &good, "--rate", "-1"], "from 0.000001 to 1e12 is allowed"),
        (&["replay", &good, "--time", "ts_ms", "--speed", "-0.5"], "from 0.000001 to 1e12 is allowed"),
        (&["replay", &good, "--rows", "-1"], "'-1' for '--rows <N>'"),
        (&["replay", &good, "--rows", "0"], "0 is not in 1.."),
        (&["play"], "unrecognized"),
    ] {
        let said = run(arguments);
        assert_eq!(said.out, "", "{arguments:?} starts nothing");
        let line = said.refused();
        assert!(line.contains(words), "{arguments:?}: {line}");
    }
}

#[test]
fn what_came_before_a_break_is_handled_and_the_break_is_told() {
    let folder = folder("replay-broken");
    let packed = gzip(trades(50_000).as_bytes());
    let cut = file(&folder, "cut.gz", &packed[..packed.len() / 2]);
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 2000].iter_mut().for_each(|byte| *byte ^= 0x55);
    let damaged = file(&folder, "damaged.gz", damaged);
    for (path, words) in [(cut, "end too early"), (damaged, "damaged")] {
        let said = run(&["replay", &path, "--key", "symbol"]);
        assert_says(&said.out, &[BALANCED]);
        assert!(ledger(&said.out, "all")[0] > 0, "{}", said.out);
        assert!(said.refused().contains(words));
    }
    let short = file(&folder, "short.gz", &packed[..8]);
    assert!(run(&["replay", &short]).refused().contains("end too early"));
}

#[test]
fn nothing_at_all_shows_the_help_and_asks_for_help_work() {
    let said = run(&[]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Usage: ringway") && said.err.contains("replay"), "{}", said.err);
    assert!(run(&["replay", "--help"]).well().contains("Examples:"));
    assert!(run(&["--version"]).well().starts_with("ringway "));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = piped(ringway(&["replay", "--rows", "200000"]));
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("input "), "{first}");
    // The reading end is closed by now.
    let said: Said = child.wait_with_output().expect("it ends").into();
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

/// What the program takes by default gives way to the environment, and that to its arguments.
#[test]
fn workers_and_pins_can_be_set_from_outside() {
    let report = |arguments: &[&str]| {
        let all = [&["replay", "--rows", "100"], arguments].concat();
        let mut program = ringway(&all);
        program.env("RINGWAY_WORKERS", "3").env("RINGWAY_PIN", "none");
        Said::from(program.output().expect("it runs")).well()
    };
    assert_says(&report(&[]), &["; 3 workers: not pinned"]);
    assert_says(&report(&["--workers", "1"]), &["; 1 worker: not pinned"]);
}

#[test]
fn a_full_disk_is_told() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let said: Said = ringway(&["replay", "--rows", "10"]).stdout(full).output().expect("it runs").into();
    assert!(said.refused().contains("standard output"));
}

#[test]
fn signals_end_the_intake_and_everything_published_is_handled() {
    for (signal, name, code) in [("-INT", "SIGINT", 130), ("-TERM", "SIGTERM", 143)] {
        let mut child = piped(ringway(&["replay", "-", "--key", "2"]));
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(trades(5000).as_bytes()).expect("it reads");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        // The intro ends with an empty line; the run has begun then, and waits for more input.
        let mut intro = String::new();
        while !intro.ends_with("\n\n") {
            assert!(output.read_line(&mut intro).expect("a line") > 0, "it ended early: {intro}");
        }
        kill(signal, &child);
        let mut report = String::new();
        output.read_to_string(&mut report).expect("a report");
        let said: Said = child.wait_with_output().expect("it ends").into();
        assert_eq!((said.code, said.err.as_str()), (Some(code), ""), "{report}");
        assert_says(&report, &[&format!("stopped   by {name}"), BALANCED]);
        drop(input);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_a_slow_handler() {
    let arguments = ["replay", "-", "--shards", "1", "--capacity", "1000000", "--sub", "all=gate@3600s"];
    let mut child = piped(ringway(&arguments));
    let mut input = child.stdin.take().expect("a pipe");
    // More than the pipe and the reader hold, so when all of it is written some of it is published.
    input.write_all("a\n".repeat(500_000).as_bytes()).expect("it reads");
    // Signals of one kind merge; of two kinds, one comes after the other.
    kill("-TERM", &child);
    kill("-INT", &child);
    let said: Said = child.wait_with_output().expect("it ends").into();
    assert!(matches!(said.code, Some(130 | 143)), "{:?}: {}", said.code, said.out);
    assert!(said.out.contains("stopped   by SIG") && !said.out.contains("FAULT"), "{}", said.out);
    let counts = ledger(&said.out, "all");
    assert!(counts[0] <= 1 && counts[4] > 1000, "what was not handled is counted: {counts:?}");
}

fn piped(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn kill(signal: &str, child: &Child) {
    // A shell has it built in; a program of that name is not everywhere.
    let sent = Command::new("sh").args(["-c", &format!("kill {signal} {}", child.id())]).status().expect("a shell");
    assert!(sent.success());
}

/// A setting that is no text is refused as any other wrong one, not passed over.
#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;

    let mut command = ringway(&["replay", "--rows", "10"]);
    command.env("RINGWAY_BATCH_ITEMS", std::ffi::OsStr::from_bytes(b"\xff"));
    let said = Said::from(command.output().expect("it runs")).refused();
    assert!(said.contains("RINGWAY_BATCH_ITEMS: batch_items is"), "{said}");
}
