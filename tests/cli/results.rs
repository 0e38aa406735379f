//! Result files as benchmarks write them, made up: plausible in shape and size, the same on each call.

use serde_json::{Value, json};

const ROUNDS: usize = 15;

/// Numbers that look random, from 0 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }

    /// `ROUNDS` figures about `median`.
    fn about(&mut self, median: f64, spread: f64) -> Vec<f64> {
        (0..ROUNDS).map(|_| median * (1.0 + spread * (self.next() - 0.5))).collect()
    }
}

fn head(tool: &str, commit: &str) -> Value {
    json!({
        "tool": tool, "command": format!("{tool} --rounds {ROUNDS}"), "date": "2026-11-24 11:47 UTC", "commit": commit,
        "version": "0.1.0", "seconds": 131.4, "rounds": ROUNDS, "quick": false,
        "machine": {
            "CPU": "AMD EPYC (family 26, model 2)", "CPUs": "4 allowed (0-3), available parallelism 4",
            "kernel": "linux 6.18.44", "rustc": "rustc 1.95.0 (59807616e 2026-04-14)", "governor": "not shown",
        },
        "disturbance": { "context_switches": 5_807_974, "steal_share": 0.000_343 },
        "not_comparable": [], "excluded": [],
    })
}

/// A cell of single words; near in all rounds but the last, which was disturbed.
fn cell(row: &str, group: &str, entry: &str, part: &str, ns: Vec<f64>) -> Value {
    let regimes = "n".repeat(ROUNDS - 1) + "d";
    json!({
        "row": row, "group": group, "entry": entry, "version": "0.1.0", "part": part, "producers": 1, "consumers": 1,
        "capacity": 1024, "payload": "u64", "batch": 1, "unit": "ns an item", "ns": ns, "probe": vec![108.0; ROUNDS],
        "regimes": regimes, "faults": [], "hangs": [], "calls": "try",
    })
}

fn with(mut cell: Value, fields: Value) -> Value {
    for (name, value) in fields.as_object().expect("an object") {
        cell[name] = value.clone();
    }
    cell
}

/// A file of `benches/compare`: rows that ringway wins, loses and cannot decide, one that hung, one that failed its check.
pub(crate) fn compare(commit: &str) -> Value {
    let mut noise = Noise(commit.len() as u64);
    let mut cells = Vec::new();
    for (row, producers, consumers, ours, peer) in [
        ("spsc", 1, 1, 1.08, 1.32),
        ("mpsc-2", 2, 1, 4.3, 4.31),
        ("mpsc-4", 4, 1, 5.6, 5.1),
        ("spmc-2", 1, 2, 6.3, 5.5),
        ("mpmc-2x2", 2, 2, 6.3, 5.5),
        ("mpmc-4x4", 4, 4, 6.2, 5.8),
    ] {
        let shape = json!({ "producers": producers, "consumers": consumers });
        let mut add = |entry: &str, part: &str, median: f64, more: Value| {
            let made = cell(row, "throughput", entry, part, noise.about(median, 0.08));
            cells.push(with(with(made, shape.clone()), more));
        };
        add("(no queue)", "ceiling", 0.47, json!({}));
        add("ringway mpmc", "ringway", ours * 1.3, json!({}));
        add("ringway lanes", "ringway", ours, json!({ "ours": true }));
        add("nexus-queue", "peer", peer, json!({}));
        add("omango <mpmc> & \"more\"", "peer", peer * 1.6, json!({}));
        add("crossbeam-channel", "peer", peer * 9.0, json!({}));
    }
    for (row, calls, ours, peer) in
        [("spsc-blocking", "blocking", 2.0, 3.4), ("mpmc-2x2-blocking", "blocking", 7.0, 10.0)]
    {
        let two = json!({ "calls": calls, "producers": if row.starts_with("mpmc") { 2 } else { 1 }, "consumers": if row.starts_with("mpmc") { 2 } else { 1 } });
        cells.push(with(cell(row, "throughput", "ringway spsc", "ringway", noise.about(ours, 0.1)), two.clone()));
        cells.push(with(cell(row, "throughput", "omango", "peer", noise.about(peer, 0.5)), two.clone()));
        let hung = json!({ "hangs": ["round 3: 2 threads never came back"], "ns": vec![Value::Null; ROUNDS], "regimes": "-".repeat(ROUNDS) });
        cells.push(with(with(cell(row, "throughput", "stuck-queue", "peer", vec![]), two.clone()), hung));
        cells.push(with(cell(row, "throughput", "gil", "peer that never sleeps", noise.about(ours * 0.8, 0.1)), two));
    }
    let trips = |noise: &mut Noise, entry: &str, part: &str, p50: f64| {
        let p99 = noise.about(p50 * 1.6, 0.3);
        with(
            cell("ping-pong", "round trip", entry, part, noise.about(p50, 0.1)),
            json!({ "unit": "ns a round trip, p50", "p99_ns": p99, "regimes": "nnnnnnnnnfffff-", "faults": [] }),
        )
    };
    cells.push(trips(&mut noise, "ringway dense", "ringway", 93.0));
    cells.push(trips(&mut noise, "ringbuf", "peer", 107.0));
    let broken = json!({ "faults": ["round 7: item 90 came twice"] });
    cells.push(with(trips(&mut noise, "broken-ring", "peer", 60.0), broken));
    let mut file = json!({ "schema": 1, "head": head("compare", commit), "cells": cells });
    file["head"]["not_comparable"] = json!(["steal of 3.1 %", "4 threads on 2 CPUs"]);
    file["head"]["excluded"] = json!([{ "entry": "flume", "row": "mpmc-4x4", "reason": "loses items" }]);
    file
}

/// A file of `ringway bench`: what `compare` lacks, that is open loops, waiting, knees and the matrix.
pub(crate) fn bench(commit: &str) -> Value {
    let mut noise = Noise(7);
    let mut cells = Vec::new();
    for (entry, cpu, p50, p99) in [
        ("ringway spsc spin", 1.0, 180.0, 420.0),
        ("ringway spsc relax", 0.98, 190.0, 600.0),
        ("ringway spsc park", 0.021, 15_500.0, 21_000.0),
        ("ringway spsc adaptive", 0.11, 900.0, 16_000.0),
        ("ringway spsc task", 0.019, 17_000.0, 30_000.0),
    ] {
        let made = cell("wait-1kHz", "wait", entry, "ringway", noise.about(p50, 0.2));
        let more = json!({ "unit": "ns from the due time, p50", "calls": "blocking", "cpu": noise.about(cpu, 0.05), "p99_ns": noise.about(p99, 0.3) });
        cells.push(with(made, more));
    }
    let mut latencies = Vec::new();
    for arrivals in ["fixed", "poisson", "bursts"] {
        for load in [0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1] {
            for (entry, part, base) in [
                ("ringway spsc", "ringway", 110.0),
                ("crossbeam-channel", "peer", 240.0),
                ("(no queue)", "ceiling", 40.0),
            ] {
                let late = if entry == "(no queue)" { 1.0 } else { 1.0 + 0.2 / (1.12f64 - load).max(0.004).powi(2) };
                latencies.push(latency(&mut noise, arrivals, load, (entry, part), base * late.sqrt()));
            }
        }
    }
    latencies.push(with(
        latency(&mut noise, "fixed", 0.5, ("ringway spsc", "ringway"), 95.0),
        json!({ "cell": "round trip", "closed_loop": true, "offered": null, "load": null, "timeline": [], "arrivals": "" }),
    ));
    let knees: Vec<Value> = ["fixed", "poisson", "bursts"]
        .map(|arrivals| json!({ "entry": "ringway spsc", "arrivals": arrivals, "offered": 3.6e6, "p99_ns": 1900.0 }))
        .into();
    let ns: Vec<Vec<Value>> = (0..4)
        .map(|one: usize| {
            (0..4)
                .map(|two: usize| {
                    if one == two {
                        Value::Null
                    } else if one / 2 == two / 2 {
                        json!(98)
                    } else {
                        json!(312)
                    }
                })
                .collect()
        })
        .collect();
    json!({
        "schema": 1, "head": head("ringway bench", commit), "cells": cells, "latencies": latencies, "knees": knees,
        "matrix": { "cpus": [0, 1, 2, 3], "ns": ns }, "a field of tomorrow": {},
    })
}

fn latency(noise: &mut Noise, arrivals: &str, load: f64, (entry, part): (&str, &str), base: f64) -> Value {
    let at = |share: f64| (base * (1.0 + 0.15 * (1.0 / (1.0 - share)).ln().powi(2))).round();
    let shares = (0..=50).map(|nth| 1.0 - 10f64.powf(-f64::from(nth) / 10.0));
    let curve: Vec<(f64, f64)> = shares.map(|share| (share, at(share))).chain([(1.0, at(0.999_99) * 1.7)]).collect();
    let timeline: Vec<Value> = (0..40)
        .map(|nth| {
            let pause = if noise.next() > 0.95 { 90_000.0 } else { 2000.0 + 3000.0 * noise.next() };
            json!([f64::from(nth) * 0.05, at(0.999) * (0.8 + 0.5 * noise.next()) + pause / 20.0, pause])
        })
        .collect();
    json!({
        "cell": format!("open-{arrivals}"), "entry": entry, "part": part, "arrivals": arrivals, "closed_loop": false,
        "offered": 4e6 * load, "achieved": 4e6 * load.min(1.0), "load": load, "count": 1_000_000 + (load * 1e6) as u64,
        "percentiles": { "50": at(0.5), "90": at(0.9), "99": at(0.99), "99.9": at(0.999), "99.99": if load < 0.2 { Value::Null } else { json!(at(0.9999)) }, "max": at(0.999_99) * 1.7 },
        "curve": curve, "timeline": timeline, "hdr": format!("open-loop-{}-{load}.hdr", entry.replace(' ', "-")),
        "jitter": entry == "(no queue)",
    })
}
