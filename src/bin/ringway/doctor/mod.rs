//! `ringway doctor`: what this machine is, what that means for latency, and what to change.
//!
//! Facts come from `/proc` and `/sys` ([`crate::machine`]), figures from a few seconds of measuring ([`measure`]); [`facts`]
//! and [`figures`] turn them into lines that say what to do.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    args,
    fault::Fault,
    machine::{self, Machine, tree::Tree},
    show::{self, Lean, Table},
};

mod facts;
mod figures;
mod finding;
mod jitter;
mod measure;
mod trips;

use finding::{Finding, State};
use measure::Measured;
use trips::Trips;

/// CPUs that a matrix has room for.
const MATRIX_MAX: usize = 10;

/// Looks, measures, and prints the verdict.
pub(crate) fn run(told: &args::Doctor) -> Result<ExitCode, Fault> {
    if !told.root.is_dir() {
        return Err(Fault::new(format!("--root: {} is no directory", told.root.display())));
    }
    let tree = Tree::new(&told.root);
    let machine = Machine::read(&tree);
    let measured = tree.is_here().then(|| Measured::take(&tree, ringway::worker::cpus(), &machine.groups));
    let findings = findings(&machine, measured.as_ref());
    let text = if told.json {
        format!("{:#}\n", document(&machine, measured.as_ref(), &findings))
    } else {
        text(&machine, measured.as_ref(), &findings)
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Round trips between CPUs as a square of medians in ns, with null where there is none; nothing if there is but one CPU.
pub(crate) fn hops(cpus: &[usize]) -> Option<Value> {
    let groups = Machine::read(&Tree::new("/")).groups;
    let trips = trips::matrix(&trips::chosen(cpus, &groups)).ok()?;
    let cell = |one, other| trips.between(one, other).map(|pair| pair.median_ns.round());
    let row = |&one: &usize| trips.cpus.iter().map(|&other| cell(one, other)).collect::<Vec<_>>();
    Some(json!({ "cpus": trips.cpus, "ns": trips.cpus.iter().map(row).collect::<Vec<_>>() }))
}

/// Everything there is to say about a machine.
fn findings(machine: &Machine, measured: Option<&Measured>) -> Vec<Finding> {
    let figures = measured.map(|measured| figures::findings(machine, measured));
    facts::findings(machine, measured).into_iter().chain(figures.into_iter().flatten()).collect()
}

/// Why figures of this machine can't stand beside those of another.
fn unfit(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().filter(|finding| finding.state == State::Warn).map(|finding| finding.subject).collect()
}

/// Whether figures of this machine can stand beside those of another; `None` where nothing that is good could be seen.
fn is_fit(findings: &[Finding]) -> Option<bool> {
    let is_any = |state| findings.iter().any(|finding| finding.state == state);
    if is_any(State::Warn) { Some(false) } else { is_any(State::Good).then_some(true) }
}

fn verdict(findings: &[Finding]) -> String {
    match is_fit(findings) {
        Some(true) => "fit to be compared with other machines, as far as can be seen".into(),
        Some(false) => format!(
            "not comparable with other machines ({}); medians and ratios within one run hold",
            unfit(findings).join(", ")
        ),
        None => "it can't be told whether this machine is fit to be compared with others".into(),
    }
}

fn text(machine: &Machine, measured: Option<&Measured>, findings: &[Finding]) -> String {
    const INDENT: usize = 16;
    let mut text = String::new();
    let kernel = machine.kernel.as_deref().unwrap_or("kernel not shown");
    let when = match measured {
        Some(measured) => format!("measured for {}", show::time(measured.time.as_nanos() as f64)),
        None => "facts only, nothing measured".into(),
    };
    text += &format!("ringway doctor: {kernel}, {when}\n\n");
    for Finding { subject, state, found, means, change } in findings {
        let mark = match state {
            State::Good => "ok",
            State::Unknown => "?",
            State::Note => "note",
            State::Warn => "WARN",
        };
        text += &show::beside(&format!("{mark:<5}{subject}"), INDENT, found);
        text += &show::beside("", INDENT, means);
        if let Some(change) = change {
            text += &show::beside(&format!("{:INDENT$}→ ", ""), INDENT + 2, change);
        }
    }
    if let Some(Ok(trips)) = measured.map(|measured| &measured.trips)
        && (3..=MATRIX_MAX).contains(&trips.cpus.len())
    {
        text += &format!("\nround trips between CPUs, median, in ns\n{}", matrix(trips));
    }
    text += &format!("\n{}", show::beside("verdict:", 9, &verdict(findings)));
    text
}

fn matrix(trips: &Trips) -> String {
    let names: Vec<String> = trips.cpus.iter().map(usize::to_string).collect();
    let mut header = vec![("CPU", Lean::Right)];
    header.extend(names.iter().map(|name| (name.as_str(), Lean::Right)));
    let mut table = Table::new(&header);
    for (&one, name) in trips.cpus.iter().zip(&names) {
        let cell = |&other| trips.between(one, other).map_or("-".into(), |pair| format!("{:.0}", pair.median_ns));
        table.row(std::iter::once(name.clone()).chain(trips.cpus.iter().map(cell)));
    }
    table.text(2)
}

/// The same for programs. Times are in ns, shares from 0 to 1; what is not known is null.
fn document(machine: &Machine, measured: Option<&Measured>, findings: &[Finding]) -> Value {
    let finding = |finding: &Finding| {
        let state = match finding.state {
            State::Good => "ok",
            State::Unknown => "unknown",
            State::Note => "note",
            State::Warn => "warn",
        };
        let Finding { subject, found, means, change, .. } = finding;
        json!({ "subject": subject, "state": state, "found": found, "means": means, "change": change })
    };
    json!({
        "ringway": env!("CARGO_PKG_VERSION"),
        "verdict": verdict(findings),
        "comparable": is_fit(findings),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
        "machine": facts_json(machine),
        "measured": measured.map(figures_json),
    })
}

fn facts_json(machine: &Machine) -> Value {
    let cache = |cache: &machine::Cache| json!({ "level": cache.level, "kind": cache.kind, "size": cache.size });
    json!({
        "model": machine.model,
        "kernel": machine.kernel,
        "virtual": machine.is_virtual,
        "cpus_online": machine.online,
        "cpus_allowed": machine.allowed,
        "cores": machine.cores,
        "caches": machine.caches.iter().map(cache).collect::<Vec<_>>(),
        "last_level_groups": machine.groups,
        "memory_nodes": machine.nodes,
        "governors": machine.governors,
        "idle_states_us": machine.idle_states,
        "quota_cpus": machine.quota.cpus,
        "quota_known": machine.quota.is_known,
        "throttled": machine.quota.throttled,
        "cpus_isolated": machine.isolated,
        "cpus_without_ticks": machine.without_ticks,
        "clock_source": machine.clock.as_ref().map(|(name, _)| name),
        "timer_slack_ns": machine.timer_slack_ns,
        "transparent_huge_pages": machine.transparent_huge_pages,
        "huge_pages": machine.huge_pages,
        "load": machine.load,
    })
}

fn figures_json(measured: &Measured) -> Value {
    let or_reason = |figures: Result<Value, &String>| figures.unwrap_or_else(|reason| json!({ "failed": reason }));
    let pair = |pair: &trips::Pair| {
        let trips::Pair { first, second, median_ns, low_ns, high_ns } = pair;
        json!({ "cpus": [first, second], "median_ns": median_ns, "low_ns": low_ns, "high_ns": high_ns })
    };
    let pauses = |seen: &jitter::Jitter| {
        let jitter::Jitter { cpu, time_ns, lost_ns, longest_ns, from_10us, from_100us, from_1ms } = seen;
        json!({
            "cpu": cpu, "time_ns": time_ns, "lost_ns": lost_ns, "longest_ns": longest_ns,
            "from_10us": from_10us, "from_100us": from_100us, "from_1ms": from_1ms,
        })
    };
    let clock = measured.clock.as_ref();
    let timer = measured.timer.as_ref();
    let trips = measured.trips.as_ref();
    let jitter = measured.jitter.as_ref();
    json!({
        "time_ns": measured.time.as_nanos() as u64,
        "steal": measured.stolen,
        "clock": or_reason(clock.map(|clock| json!({ "reading_ns": clock.reading_ns, "step_ns": clock.step_ns }))),
        "timer": or_reason(timer.map(|timer| {
            json!({ "asked_ns": timer.asked_ns, "late_ns": timer.late_ns, "late_p99_ns": timer.late_p99_ns })
        })),
        "round_trips": or_reason(trips.map(|trips| json!(trips.pairs.iter().map(pair).collect::<Vec<_>>()))),
        "pauses": or_reason(jitter.map(|jitter| json!(jitter.iter().map(pauses).collect::<Vec<_>>()))),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Finding, Machine, Measured, State, document, findings,
        jitter::Jitter,
        measure::{Clock, Timer},
        text,
        trips::{Pair, Trips},
    };

    /// Four CPUs, two by two near each other.
    fn trips(high_ns: f64) -> Trips {
        let pair = |first, second| {
            let median_ns = if first / 2 == second / 2 { 90.0 } else { 310.0 };
            Pair { first, second, median_ns, low_ns: median_ns * 0.9, high_ns: high_ns.max(median_ns) }
        };
        Trips {
            cpus: vec![0, 1, 2, 3],
            pairs: vec![pair(0, 1), pair(0, 2), pair(0, 3), pair(1, 2), pair(1, 3), pair(2, 3)],
        }
    }

    fn pauses(cpu: usize, longest_ns: u64) -> Jitter {
        let lost_ns = longest_ns + 5000;
        Jitter { cpu, time_ns: 1_000_000_000, lost_ns, longest_ns, from_10us: 3, from_100us: 2, from_1ms: 1 }
    }

    fn calm() -> Measured {
        Measured {
            clock: Ok(Clock { reading_ns: 21.0, step_ns: 10 }),
            timer: Ok(Timer { asked_ns: 100_000, late_ns: 55_000, late_p99_ns: 90_000 }),
            trips: Ok(trips(0.0)),
            jitter: Ok(vec![pauses(0, 9_000), pauses(1, 41_000)]),
            stolen: Some(0.0),
            time: Duration::from_secs(3),
        }
    }

    /// The finding on `subject` of a machine of which nothing is known but what was measured.
    fn finding(measured: &Measured, subject: &str) -> Finding {
        let findings = findings(&Machine::default(), Some(measured));
        findings.into_iter().find(|finding| finding.subject == subject).expect("it is there")
    }

    #[test]
    fn figures_are_judged() {
        let calm = calm();
        let busy = Measured {
            clock: Ok(Clock { reading_ns: 900.0, step_ns: 100 }),
            timer: Ok(Timer { asked_ns: 100_000, late_ns: 55_000, late_p99_ns: 4_000_000 }),
            trips: Ok(trips(900.0)),
            jitter: Ok(vec![pauses(0, 9_000), pauses(1, 3_100_000)]),
            ..self::calm()
        };
        let broken = Measured {
            clock: Err("the clock ran backwards".into()),
            timer: Err("no sleep".into()),
            trips: Err("a CPU did not answer".into()),
            jitter: Err("a measuring thread died".into()),
            ..self::calm()
        };
        for (measured, subject, state, words) in [
            (&calm, "clock", State::Good, "21 ns a reading, steps of 10 ns"),
            (&busy, "clock", State::Warn, "900 ns a reading"),
            (&broken, "clock", State::Warn, "the clock ran backwards"),
            (&calm, "timer", State::Good, "a sleep of 100 µs ends 55.0 µs late, p99 90.0 µs"),
            (&busy, "timer", State::Note, "p99 4.00 ms"),
            (&broken, "timer", State::Warn, "no sleep"),
            (&calm, "hops", State::Good, "Expect 45 ns for a hop between CPUs 0 and 1, up to 155 ns between others"),
            (&busy, "hops", State::Warn, "The distance changed while it was measured"),
            (&broken, "hops", State::Note, "a CPU did not answer"),
            (&calm, "pauses", State::Good, "longest 41.0 µs (CPU 1); 6 over 10 µs, 4 over 100 µs, 2 over 1 ms"),
            (&busy, "pauses", State::Warn, "up to 3.10 ms late"),
            (&broken, "pauses", State::Note, "a measuring thread died"),
        ] {
            let finding = finding(measured, subject);
            let said = format!("{} | {}", finding.found, finding.means);
            assert!(finding.state == state && said.contains(words), "{words:?}: {:?}: {said}", finding.state);
        }
    }

    #[test]
    fn the_matrix_is_printed_where_it_fits() {
        let (machine, mut measured) = (Machine::default(), calm());
        let print = |measured: &Measured| text(&machine, Some(measured), &findings(&machine, Some(measured)));
        let said = print(&measured);
        assert!(
            said.contains("  CPU    0    1    2    3\n    0    -   90  310  310\n    1   90    -  310  310\n"),
            "{said}"
        );
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
        measured.trips.as_mut().expect("trips").cpus.truncate(2);
        assert!(!print(&measured).contains("round trips between CPUs, median"), "two CPUs have one distance");
    }

    #[test]
    fn programs_get_the_figures_and_what_failed() {
        let machine = Machine::default();
        let mut measured = calm();
        measured.timer = Err("no sleep".into());
        let document = document(&machine, Some(&measured), &findings(&machine, Some(&measured)));
        let figures = &document["measured"];
        assert_eq!(figures["clock"]["reading_ns"], 21.0);
        assert_eq!(figures["timer"]["failed"], "no sleep");
        assert_eq!(figures["round_trips"][1]["cpus"], serde_json::json!([0, 2]));
        assert_eq!(figures["pauses"][1]["longest_ns"], 41_000);
        assert_eq!(document["comparable"], false);
    }
}
