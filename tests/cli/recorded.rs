//! The recorded data sets of the project's own, where they are at hand: `RINGWAY_DATA` names their folder.

use std::{env, path::PathBuf};

use crate::program::run;

/// Replays a file, and asserts that every row is handled, in order by key.
#[track_caller]
fn assert_replays(file: &str, arguments: &[&str], rows: &str, keys: &str) {
    let Some(folder) = env::var_os("RINGWAY_DATA") else {
        // They are not published with the crate; the other tests make their own.
        return;
    };
    let path = PathBuf::from(folder).join(file);
    let path = path.to_str().expect("UTF-8");
    let report = run(&[&["replay", path], arguments].concat()).well();
    let order = format!("line numbers rise within each of {keys} keys ({rows} rows checked)");
    for words in [&format!("= {rows} rows + 0 bad"), &format!("{rows} published"), &order, "every row is accounted for"]
    {
        assert!(report.contains(words), "no {words:?} in:\n{report}");
    }
}

#[test]
fn trades_by_symbol() {
    assert_replays("us_equity_trades_20131008-09.csv.gz", &["--key", "symbol"], "1,295,699", "4");
}

#[test]
fn an_order_book_at_a_hundred_times_its_pace() {
    let arguments = ["--key", "symbol", "--time", "recv_ns", "--speed", "100x"];
    assert_replays("binance_usdm_20240808_l2.csv.gz", &arguments, "1,147,734", "2");
}

#[test]
fn telemetry_by_series() {
    assert_replays("nab_telemetry.csv.gz", &["--key", "series"], "321,206", "47");
    assert_replays("ms_cloud_monitoring.csv.gz", &["--key", "series"], "225,445", "60");
}

#[test]
fn an_access_log_by_client() {
    assert_replays("apache_access_10k.log.gz", &["--key-regex", r"^\S+"], "10,000", "1,753");
}
