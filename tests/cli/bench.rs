//! `ringway bench`: what it refuses, and that what it writes is whole. Nothing here depends on how fast anything is.

use std::fs;

use serde_json::Value;

use crate::{
    machines::text,
    program::{file, folder, run},
};

#[test]
fn slips_are_refused_in_a_line_before_anything_is_measured() {
    let root = folder("bench-refused");
    file(&root, "cut.json", "{\"schema\":1,\"head\":{},\"cells\":[{\"row\":\"sp");
    file(&root, "other.json", "{\"verdict\":\"fit\"}");
    file(&root, "plain.txt", "no times here\nnone at all\n");
    file(&root, "still.csv", "at_ms,x\n5,1\n5,2\n5,3\n");
    let path = |name: &str| text(&root.join(name)).to_owned();
    for (arguments, words) in [
        (&["--only", "spcs"][..], "no row is called `spcs`"),
        (&["--only", "spsc,"], "no row is called ``"),
        (&["--rounds", "0"], "'0'"),
        (&["--rounds", "many"], "'many'"),
        (&["--fast"], "unexpected argument '--fast'"),
        (&["--arrivals", &path("still.csv")], "--time"),
        (&["--time", "at_ms"], "--arrivals"),
        (&["--arrivals", &path("absent.csv"), "--time", "1"], "absent.csv"),
        (&["--arrivals", &path("plain.txt"), "--time", "1"], "plain.txt"),
        (&["--arrivals", &path("still.csv"), "--time", "at_ms"], "all came at one time"),
        (&["--baseline", &path("absent.json")], "absent.json"),
        (&["--baseline", &path("cut.json")], "cut.json: the JSON ends too early"),
        (&["--baseline", &path("other.json")], "other.json: no result file"),
        (&["--out", &path("plain.txt/inside")], "can't be written"),
    ] {
        let all: Vec<&str> = ["bench"].iter().chain(arguments).copied().collect();
        let said = run(&all).refused();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn the_list_names_every_row_and_measures_nothing() {
    let said = run(&["bench", "--list"]).well();
    for words in
        ["spsc (throughput)", "delivery (delivery)", "open-poisson (latency)", "paced-1kHz (wait)", "(no queue)"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    let one = run(&["bench", "--list", "--only", "topics"]).well();
    assert!(one.starts_with("topic-1 (topics)") && !one.contains("throughput"), "{one}");
}

/// A small run twice, the second time held against the first.
#[test]
fn a_run_writes_results_that_the_next_one_reads() {
    let root = folder("bench-run");
    let out = text(&root).to_owned();
    let some = ["bench", "--quick", "--rounds", "3", "--only", "clock,idle-then-burst", "--out", &out];
    let first = run(&some);
    if first.err.contains("at least two CPUs") {
        return;
    }
    let said = first.well();
    assert!(said.contains("NOT COMPARABLE") && said.contains("a quick run") && said.contains("No faults"), "{said}");
    let written = root.join("bench.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(&written).expect("results")).expect("JSON");
    assert_eq!((&document["schema"], &document["head"]["rounds"]), (&1.into(), &3.into()));
    let cells = document["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 3 + 4, "three clocks; three ways to wait, and no queue");
    for cell in cells {
        for field in ["row", "group", "entry", "part", "unit", "ns", "probe", "regimes", "faults", "hangs"] {
            assert!(!cell[field].is_null(), "{field}: {cell}");
        }
        assert_eq!(cell["ns"].as_array().map(Vec::len), Some(3), "{cell}");
    }
    for latency in document["latencies"].as_array().expect("latencies") {
        let cell = cells.iter().find(|cell| cell["row"] == latency["cell"] && cell["entry"] == latency["entry"]);
        let letters = cell.expect("the same by round")["regimes"].as_str().expect("letters").chars();
        // Rounds in which others had a CPU are left out.
        let rounds = letters.filter(|letter| !"d-".contains(*letter)).count();
        assert_eq!((&latency["count"], &latency["closed_loop"]), (&(rounds * 3 * 64).into(), &false.into()));
        assert!(latency["percentiles"]["99.99"].is_null(), "too few samples for it");
        let log = fs::read_to_string(root.join(latency["hdr"].as_str().expect("a name"))).expect("a log");
        assert!(log.contains("latencies in ns"), "{log}");
    }
    let mut again = some.to_vec();
    let written = text(&written).to_owned();
    again.extend(["--baseline", &written]);
    let said = run(&again).well();
    assert!(said.contains(&format!("since {written}: ")), "{said}");
}

#[test]
fn recorded_arrivals_are_sent_at_every_load() {
    let root = folder("bench-arrivals");
    let rows: String = (0..500).map(|nth| format!("{},x\n", nth * nth)).collect();
    file(&root, "times.csv", format!("at_us,x\n{rows}"));
    let (out, times) = (text(&root).to_owned(), text(&root.join("times.csv")).to_owned());
    let only = ["bench", "--quick", "--rounds", "1", "--only", "open-recorded", "--out", &out];
    let said = run(&[&only[..], &["--arrivals", &times, "--time", "at_us"]].concat());
    if said.err.contains("at least two CPUs") {
        return;
    }
    said.well();
    let document = fs::read_to_string(root.join("bench.json")).expect("results");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let latencies = document["latencies"].as_array().expect("latencies");
    assert!(latencies.iter().all(|latency| latency["arrivals"] == "recorded"));
    assert!(latencies.iter().any(|latency| latency["load"] == 1.1), "{latencies:?}");
    let command = document["head"]["command"].as_str().expect("a command");
    assert!(command.contains("--arrivals times.csv --time at_us"), "{command}");
}
