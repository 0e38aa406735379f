//! What a replay prints at its end: totals, latencies, shards, and the ledger.

use std::{cmp::Reverse, fmt::Write};

use ringway::engine::SubscriptionLedger;

use crate::show::{self, Lean, Table};

use super::{
    publish::Run,
    rows::{Arrivals, BadLine, Tally},
    topic::{Outcome, latency},
    witness::Witness,
};

/// Columns of the names before a line.
pub(crate) const INDENT: usize = 10;
/// Lines of the table of shards; more are summed up.
const SHARDS_SHOWN: usize = 16;
/// Keys that are named.
const KEYS_SHOWN: usize = 5;
/// Percentiles, their names, and the samples that they need.
const PERCENTILES: [(f64, &str, u64); 5] =
    [(50.0, "p50", 10), (90.0, "p90", 100), (99.0, "p99", 1000), (99.9, "p99.9", 10_000), (99.99, "p99.99", 1_000_000)];

/// A run and what came of it.
pub(crate) struct Report<'r> {
    pub(crate) run: &'r Run,
    pub(crate) outcome: &'r Outcome,
    pub(crate) arrivals: Arrivals,
    pub(crate) is_keyed: bool,
}

impl Report<'_> {
    /// The whole text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.totals(&mut text);
        text.push('\n');
        self.latencies(&mut text);
        text.push('\n');
        self.shards(&mut text);
        text.push('\n');
        self.ledger(&mut text);
        text
    }

    /// Everything that has to hold at the end, as a list of what does not.
    pub(crate) fn faults(&self) -> Vec<String> {
        // A handler that was given up has rows in its hands that nobody can count; a signal asked for that.
        let is_given_up = self.run.stopped.is_some() && !self.outcome.stuck.is_empty();
        let mut faults = if is_given_up { Vec::new() } else { self.outcome.faults() };
        let Tally { lines, header, blank, bad, rows, .. } = self.run.tally;
        let published = self.run.published;
        if lines != header + blank + bad + rows {
            faults.push(format!("{lines} lines are not {rows} rows + {bad} bad + {blank} blank + {header} header"));
        }
        let accepted = self.outcome.topic().published.total();
        if accepted != published {
            faults.push(format!("the shards took {accepted} rows, but {published} were published"));
        }
        if self.run.stopped.is_none() && published != rows {
            faults.push(format!("{published} of {rows} rows were published"));
        }
        for (ledger, witnesses) in self.outcome.subscriptions() {
            let name = &ledger.name;
            if ledger.offered != published && !ledger.evicted && !is_given_up {
                faults.push(format!("{name} was offered {} of {published} rows", ledger.offered));
            }
            let bytes: u64 = witnesses.iter().map(|witness| witness.bytes).sum();
            if ledger.handled == published && bytes != self.run.bytes {
                faults.push(format!("{name} was handed {bytes} bytes of {}", self.run.bytes));
            }
            let disordered: u64 = witnesses.iter().map(|witness| witness.disordered).sum();
            if let Some(first) = witnesses.iter().find_map(|witness| witness.first_disorder.as_ref()) {
                let (after, before, key) = (first.after, first.before, show::name(&first.key, 30));
                faults.push(format!(
                    "{name}: {disordered} rows out of order; line {after} came after {before} of key `{key}`"
                ));
            }
        }
        faults
    }

    fn totals(&self, text: &mut String) {
        let run = self.run;
        let seconds = run.time.as_secs_f64().max(1e-9);
        let Tally { lines, bad, rows, backwards, .. } = run.tally;
        let rate = show::rate(run.published as f64 / seconds, "rows");
        let bytes = show::bytes(run.bytes as f64 / seconds);
        let time = show::time(run.time.as_nanos() as f64);
        line(text, "rows", &format!("{} in {time}: {rate}, {bytes}/s", show::count(run.published)));
        if let Some(signal) = run.stopped {
            let unpublished = show::count(rows - run.published);
            line(
                text,
                "stopped",
                &format!("by {}; {unpublished} rows that were read are not published", signal.name()),
            );
        }
        if bad > 0 {
            line(text, "bad", &format!("{} of {} lines are no rows; the first:", show::count(bad), show::count(lines)));
            for BadLine { number, why, excerpt } in &run.bad {
                line(text, "", format!("line {}: {why}: {excerpt}", show::count(*number)).trim_end_matches([':', ' ']));
            }
        }
        if self.arrivals != Arrivals::FlatOut && !run.late.is_empty() {
            let [p50, p99] = [50.0, 99.0].map(|percentile| show::time(run.late.value_at_percentile(percentile) as f64));
            let max = show::time(run.late.max() as f64);
            line(text, "pace", &format!("rows left the publisher late by p50 {p50}, p99 {p99}, max {max}"));
        }
        if backwards > 0 {
            let backwards = show::count(backwards);
            line(
                text,
                "times",
                &format!("{backwards} rows are older than one before them; due together with that one"),
            );
        }
    }

    fn latencies(&self, text: &mut String) {
        line(
            text,
            "latency",
            match self.arrivals {
                Arrivals::FlatOut => "from publication to handler; flat out, that is the wait in full rings",
                _ => "from the time when a row was due until its handler had it",
            },
        );
        let mut header = vec![("subscription", Lean::Left)];
        header.extend(PERCENTILES.map(|(_, name, _)| (name, Lean::Right)));
        header.push(("max", Lean::Right));
        let mut table = Table::new(&header);
        for (ledger, witnesses) in self.outcome.subscriptions() {
            let latency = latency(witnesses);
            let at = |(percentile, _, needed): (f64, _, _)| match latency.len() {
                samples if samples < needed => "too few".into(),
                _ => show::time(latency.value_at_percentile(percentile) as f64),
            };
            let max = if latency.is_empty() { "too few".into() } else { show::time(latency.max() as f64) };
            table.row([ledger.name.to_string()].into_iter().chain(PERCENTILES.map(at)).chain([max]));
        }
        text.push_str(&table.text(2));
    }

    fn shards(&self, text: &mut String) {
        // The subscription that saw most saw most keys.
        let whole = self.outcome.subscriptions().max_by_key(|(ledger, _)| ledger.handled);
        let (served, witnesses) =
            whole.map_or((&[][..], &[][..]), |(ledger, witnesses)| (&ledger.shards[..], witnesses));
        let names = ["shard", "rows", "share", "keys"].map(|name| (name, Lean::Right));
        let mut table = Table::new(&[&names[..], &[("worker", Lean::Left)]].concat());
        let accepted = &self.outcome.topic().published.accepted;
        for (shard, &rows) in accepted.iter().enumerate().take(SHARDS_SHOWN) {
            let keys = witnesses.get(shard).filter(|_| self.is_keyed).map(|witness| show::count(witness.keys() as u64));
            let worker = served.iter().find(|served| served.shard == shard).map(|served| served.worker.clone());
            table.row([
                shard.to_string(),
                show::count(rows),
                show::share(rows, self.run.published),
                keys.unwrap_or_else(|| "-".into()),
                worker.unwrap_or_else(|| "-".into()),
            ]);
        }
        text.push_str(&table.text(2));
        if let Some(rest) = accepted.get(SHARDS_SHOWN..).filter(|rest| !rest.is_empty()) {
            let rows = show::count(rest.iter().sum());
            let _ = writeln!(text, "  and {} more with {rows} rows", rest.len());
        }
        if self.is_keyed {
            let mut top: Vec<_> = witnesses.iter().flat_map(|witness| witness.top(KEYS_SHOWN)).collect();
            top.sort_unstable_by_key(|&(key, rows)| (Reverse(rows), key));
            let seen: u64 = witnesses.iter().map(|witness| witness.rows).sum();
            let named = |&(key, rows): &(&[u8], u64)| format!("{} {}", show::name(key, 24), show::share(rows, seen));
            let hot = top.iter().take(KEYS_SHOWN).map(named).collect::<Vec<_>>().join(", ");
            line(text, "hot keys", if top.is_empty() { "none" } else { &hot });
        }
    }

    fn ledger(&self, text: &mut String) {
        let Tally { lines, header, blank, bad, rows, .. } = self.run.tally;
        let [lines, header, blank, bad, rows] = [lines, header, blank, bad, rows].map(show::count);
        line(text, "ledger", &format!("{lines} lines = {rows} rows + {bad} bad + {blank} blank + {header} header"));
        let published = show::count(self.run.published);
        line(text, "", &format!("{published} published = handled + lost + merged + passed over + left"));
        let counts = ["handled", "lost", "merged", "passed", "left"].map(|name| (name, Lean::Right));
        let mut table = Table::new(&[&[("subscription", Lean::Left), ("contract", Lean::Left)], &counts[..]].concat());
        for (ledger, _) in self.outcome.subscriptions() {
            let SubscriptionLedger { name, contract, handled, dropped, lost, merged, passed_over, left, .. } = ledger;
            let counts = [*handled, lost + dropped, *merged, *passed_over, left + ledger.waiting].map(show::count);
            table.row([name.to_string(), contract.clone()].into_iter().chain(counts));
        }
        text.push_str(&table.text(2));
        for (ledger, _) in self.outcome.subscriptions().filter(|(ledger, _)| ledger.evicted) {
            let offered = show::count(ledger.offered);
            line(
                text,
                "evicted",
                &format!("{} was evicted, as agreed, after it had been offered {offered} rows", ledger.name),
            );
        }
        line(text, "order", &self.order());
        let faults = self.faults();
        let stuck = &self.outcome.stuck;
        if !stuck.is_empty() {
            let stuck = stuck.join(", ");
            line(text, "stuck", &format!("a handler on {stuck} did not return; the row in its hands is not counted"));
        } else if faults.is_empty() {
            line(text, "balance", "every row is accounted for");
        }
        for fault in faults {
            line(text, "FAULT", &fault);
        }
    }

    fn order(&self) -> String {
        let witnesses = || self.outcome.subscriptions().flat_map(|(_, witnesses)| witnesses);
        let proved: u64 = witnesses().map(|witness| witness.rows - witness.unproved - witness.disordered).sum();
        let unproved: u64 = witnesses().map(|witness| witness.unproved).sum();
        let keys =
            self.outcome.subscriptions().map(|(_, witnesses)| witnesses.iter().map(Witness::keys).sum::<usize>());
        let within = match keys.max().unwrap_or(0) {
            _ if !self.is_keyed => "each shard".to_owned(),
            1 => "the one key".to_owned(),
            keys => format!("each of {} keys", show::count(keys as u64)),
        };
        let mut text = format!("line numbers rise within {within} ({} rows checked)", show::count(proved));
        if unproved > 0 {
            let _ = write!(text, "; {} of further keys were not followed", show::count(unproved));
        }
        text
    }
}

fn line(text: &mut String, name: &str, rest: &str) {
    text.push_str(&show::beside(name, INDENT, rest));
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use clap::Parser;
    use hdrhistogram::Histogram;

    use super::{Arrivals, Report, Run, Tally};
    use crate::{
        args::{Arguments, Command},
        replay::{Row, topic::Running},
    };

    /// What a report finds wrong after rows of these numbers, all of one key.
    fn faults(numbers: &[u64], tally: Tally) -> Vec<String> {
        let arguments = ["ringway", "replay", "--pin", "none", "--capacity", "64", "--sub", "all=gate"];
        let Command::Replay(told) = Arguments::try_parse_from(arguments).expect("sound").command else {
            panic!("replay")
        };
        let start = Instant::now();
        let mut running = Running::start(&told, told.subscriptions.clone(), true, start).expect("an engine");
        for &number in numbers {
            let until = start + Duration::from_secs(60);
            assert!(running.publish(Row::new(number, 0, b"SPY", b"row"), until).is_none(), "there is room");
        }
        running.close();
        while !running.is_drained() {
            std::thread::yield_now();
        }
        let outcome = running.finish();
        let run = Run {
            tally,
            bad: Vec::new(),
            published: numbers.len() as u64,
            bytes: 3 * numbers.len() as u64,
            time: start.elapsed(),
            late: Histogram::new(3).expect("the digits are allowed"),
            stopped: None,
            broken: None,
        };
        let report = Report { run: &run, outcome: &outcome, arrivals: Arrivals::FlatOut, is_keyed: true };
        assert_eq!(report.text().contains("FAULT"), !report.faults().is_empty());
        report.faults()
    }

    #[test]
    fn what_does_not_add_up_is_a_fault() {
        let rows = |rows| Tally { lines: rows, rows, ..Tally::default() };
        assert_eq!(faults(&[1, 2, 3], rows(3)), [""; 0]);
        assert_eq!(
            faults(&[1, 3, 2, 4], rows(4)),
            ["all: 1 rows out of order; line 2 came after 3 of key `SPY`"],
            "an overtaken row is seen"
        );
        assert_eq!(faults(&[1, 2], rows(3)), ["2 of 3 rows were published"]);
        let missing = Tally { lines: 4, rows: 3, ..Tally::default() };
        assert_eq!(faults(&[1, 2, 3], missing), ["4 lines are not 3 rows + 0 bad + 0 blank + 0 header"]);
    }
}
