//! `ringway doctor`, on this machine and on the files of others.

use std::fs;

use serde_json::Value;

use crate::{
    machines::{self, Machine, text},
    program::{file, folder, run},
};

/// What it makes of a machine's files.
fn document(machine: &Machine, name: &str) -> Value {
    let root = machine.write(name);
    serde_json::from_str(&run(&["doctor", "--json", "--root", text(&root)]).well()).expect("JSON")
}

/// A finding's state, and all that it says.
fn finding<'d>(document: &'d Value, subject: &str) -> (&'d str, String) {
    let findings = document["findings"].as_array().expect("a list");
    let finding = findings.iter().find(|finding| finding["subject"] == subject).expect(subject);
    let words = ["found", "means", "change"].map(|part| finding[part].as_str().unwrap_or(""));
    (finding["state"].as_str().expect("a state"), words.join(" | "))
}

#[track_caller]
fn assert_found(document: &Value, expected: &[(&str, &str, &str)]) {
    for &(subject, state, words) in expected {
        let (found, text) = finding(document, subject);
        assert!(
            found == state && text.contains(words),
            "{subject}: wanted {state} with {words:?}, got {found}: {text}"
        );
    }
}

#[test]
fn a_big_server_is_read() {
    let document = document(&machines::server(), "doctor-server");
    assert_found(
        &document,
        &[
            ("CPUs", "ok", "128 (0-127): AMD EPYC 7543 32-Core Processor"),
            ("SMT", "note", "64 cores with 2 threads; CPUs 0,64 are one core"),
            ("SMT", "note", "--pin 0-63"),
            ("caches", "note", "L1d 48K, L1i 32K, L2 1024K, L3 32768K; 8 L3"),
            ("caches", "note", "CPUs 0-7,64-71 / 8-15,72-79"),
            ("caches", "note", "--pin 0-7,64-71"),
            ("memory", "note", "2 nodes: CPUs 0-63 / 64-127"),
            ("host", "ok", "no hypervisor"),
            ("frequency", "ok", "performance on 128 CPUs"),
            ("idle", "note", "C2, 400 µs"),
            ("quota", "ok", "none"),
            ("steal", "ok", "0.00 %"),
            ("isolation", "ok", "--pin 8-15"),
            ("clock", "ok", "tsc"),
            ("pages", "ok", "madvise, 512 set aside"),
            ("load", "ok", "0.52"),
        ],
    );
    assert_eq!(document["comparable"], true, "{}", document["verdict"]);
    assert_eq!(document["measured"], Value::Null, "another machine is not measured");
    assert_eq!(document["machine"]["last_level_groups"].as_array().map(Vec::len), Some(8));
    assert_eq!(document["machine"]["kernel"], "Linux 6.8.0");
}

#[test]
fn a_laptop_is_told_what_to_change() {
    let document = document(&machines::laptop(), "doctor-laptop");
    assert_found(
        &document,
        &[
            ("SMT", "note", "4 cores with 2 threads; CPUs 0,4 are one core"),
            ("caches", "ok", "CPUs 0-7 share the L3"),
            ("frequency", "warn", "cpupower frequency-set -g performance"),
            ("idle", "note", "C10, 890 µs"),
            ("isolation", "note", "no CPU is isolated"),
            ("clock", "warn", "echo tsc"),
            ("pages", "note", "always"),
            ("load", "warn", "6.10"),
        ],
    );
    assert_eq!(document["comparable"], false);
}

#[test]
fn a_container_learns_of_its_quota() {
    let document = document(&machines::container(), "doctor-container");
    assert_found(
        &document,
        &[
            ("CPUs", "note", "4 of 16 allowed (2-5)"),
            ("caches", "note", "No two CPUs share an L3"),
            ("host", "warn", "a virtual machine"),
            ("frequency", "unknown", "The host sets the frequency"),
            ("quota", "warn", "the time of 1.5 CPUs, on 4; stopped 1,234 times"),
            ("quota", "warn", "at most 1 busy threads"),
            ("steal", "warn", "2.00 % since the start"),
            ("clock", "ok", "kvm-clock"),
        ],
    );
    let verdict = document["verdict"].as_str().expect("text");
    assert!(verdict.contains("host, quota, steal"), "{verdict}");
}

/// Of a folder that is no copy of a machine nothing is known: no figures are spoiled, and none are vouched for.
#[test]
fn a_machine_that_shows_nothing_gets_no_verdict() {
    let root = folder("doctor-nothing");
    let document: Value =
        serde_json::from_str(&run(&["doctor", "--json", "--root", text(&root)]).well()).expect("JSON");
    assert_eq!(document["comparable"], Value::Null, "{}", document["verdict"]);
    assert!(document["verdict"].as_str().is_some_and(|verdict| verdict.contains("can't be told")), "{document:#}");
}

#[test]
fn older_control_groups_are_read() {
    let document = document(&machines::older_container(), "doctor-older");
    assert_found(&document, &[("quota", "warn", "the time of 4 CPUs, on 16"), ("host", "unknown", "can't be read")]);
}

#[test]
fn where_nothing_can_be_read_nothing_is_claimed() {
    let root = folder("doctor-nothing");
    let said = run(&["doctor", "--root", text(&root)]).well();
    assert!(said.contains("facts only, nothing measured"), "{said}");
    let document: Value =
        serde_json::from_str(&run(&["doctor", "--json", "--root", text(&root)]).well()).expect("JSON");
    for finding in document["findings"].as_array().expect("a list") {
        let state = finding["state"].as_str().expect("a state");
        assert!(state == "unknown" || finding["subject"] == "isolation", "{finding}");
    }
}

#[test]
fn garbled_files_do_no_harm() {
    let root = machines::server().write("doctor-garbled");
    for path in
        ["sys/devices/system/cpu/online", "proc/stat", "proc/self/status", "proc/loadavg", "sys/fs/cgroup/cpu.max"]
    {
        for garbage in ["", "\n", "-", "0-99999999999999999999", "cpu", "cpu  1 2", "max", "9 0", "\u{0}\u{1}"] {
            file(&root, path, garbage);
            run(&["doctor", "--root", text(&root)]).well();
        }
        fs::write(root.join(path), [0xff, 0xfe, b'\n']).expect("written");
        run(&["doctor", "--root", text(&root)]).well();
    }
}

#[test]
fn it_fits_a_terminal() {
    for (machine, name) in [(machines::server(), "doctor-wide-1"), (machines::container(), "doctor-wide-2")] {
        let said = run(&["doctor", "--root", text(&machine.write(name))]).well();
        let widest = said.lines().max_by_key(|line| line.chars().count()).expect("lines");
        assert!(widest.chars().count() <= 80, "{widest}");
        assert!(said.contains("verdict:"), "{said}");
    }
}

#[test]
fn this_machine_is_measured() {
    let said = run(&["doctor", "--json"]).well();
    let document: Value = serde_json::from_str(&said).expect("JSON");
    let measured = &document["measured"];
    let reading = measured["clock"]["reading_ns"].as_f64().expect("the clock was measured");
    assert!((1.0..100_000.0).contains(&reading), "{reading} ns a reading");
    assert!(measured["timer"]["late_ns"].is_u64(), "{measured}");
    let cpus = document["machine"]["cpus_allowed"].as_array().map_or(0, Vec::len);
    let pairs = measured["round_trips"].as_array().map_or(0, Vec::len);
    assert!(cpus < 2 || pairs > 0, "{cpus} CPUs, {pairs} pairs: {measured}");
    for pauses in measured["pauses"].as_array().expect("pauses were measured") {
        assert!(pauses["lost_ns"].as_u64() <= pauses["time_ns"].as_u64(), "{pauses}");
    }
}

#[test]
fn mistakes_are_answered_in_a_line() {
    let said = run(&["doctor", "--root", "/no/such/folder"]).refused();
    assert!(said.contains("--root: /no/such/folder is no directory"), "{said}");
    assert!(run(&["doctor", "--jsn"]).refused().contains("--json"), "the tip names the right one");
}
