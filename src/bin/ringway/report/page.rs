//! The page: one HTML file with everything in it.

use crate::{
    harness::measure::{FAR_NS, SPINS, SPINS_TIGHT, TAKEN_MAX},
    results::{Run, statistics},
    show,
};

use super::{
    charts, findings,
    html::{Column, Table, escape},
    tables, words,
};

const STYLE: &str = include_str!("style.css");

/// What no figure of such files tells.
const NOT_SHOWN: [&str; 7] = [
    "Your machine: on others the order may differ. Ratios within one run carry over better than times.",
    "Your handler: the items here are checked and thrown away. Where handling takes a microsecond, no queue here is your limit.",
    "More CPUs than the machine had, or more than one socket: what the sharing of lines costs there is not in these figures.",
    "Neighbours: most rows ran alone. With other work on the same CPUs, waiting and tails change most.",
    "Time: a run takes minutes. What happens once a day is in no percentile.",
    "Rare events beyond the sample counts: a p99.99 of fewer than a million samples is left out as too few.",
    "Undecided is not equal: it means that these rounds could not tell.",
];

/// The whole file.
pub(super) fn html(runs: &[Run]) -> String {
    let mut body = String::new();
    head(runs, &mut body);
    machine(runs, &mut body);
    for section in charts::sections(runs) {
        body += &format!("<h2>{}</h2>\n", escape(section.title));
        if section.charts.is_empty() {
            body += &format!("<p class=\"missing\">{}</p>\n", escape(section.missing));
        }
        for chart in &section.charts {
            let notes: String = chart.notes.iter().map(|note| format!("<p>{}</p>", escape(note))).collect();
            body += &format!(
                "<figure><h3>{}</h3><div class=\"draw\">{}</div><figcaption>{notes}</figcaption></figure>\n",
                escape(&chart.title),
                chart.svg()
            );
        }
    }
    tables::write(runs, &mut body);
    foot(runs, &mut body);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>ringway report: {}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        escape(&names(runs))
    )
}

fn names(runs: &[Run]) -> String {
    runs.iter().map(Run::name).collect::<Vec<_>>().join("; ")
}

/// Verdict, stamp and headlines.
fn head(runs: &[Run], body: &mut String) {
    *body += &format!("<header>\n<h1>ringway report</h1>\n<p class=\"sub\">{}</p>\n", escape(&names(runs)));
    *body += "<div class=\"verdict\">\n";
    for line in findings::verdict(runs) {
        *body += &format!("<p>{}</p>\n", escape(&line));
    }
    *body += "</div>\n";
    let reasons = findings::not_comparable(runs);
    if !reasons.is_empty() {
        let items: String = reasons.iter().map(|reason| format!("<li>{}</li>", escape(reason))).collect();
        *body += &format!(
            "<div class=\"stamp\"><strong>Not comparable with other machines</strong><ul>{items}</ul>\
             <p>Medians and ratios within one run hold.</p></div>\n"
        );
    }
    let headlines = findings::headlines(runs);
    if !headlines.is_empty() {
        *body += "<ul class=\"figures\">\n";
        for headline in headlines {
            let beside = headline
                .beside
                .map_or(String::new(), |beside| format!("<span class=\"beside\">{}</span>", escape(&beside)));
            *body += &format!(
                "<li><b>{}</b><span class=\"value\">{}</span>{}{beside}</li>\n",
                escape(headline.label),
                escape(&headline.value),
                escape(&headline.detail)
            );
        }
        *body += "</ul>\n";
    }
    *body += "</header>\n";
}

/// Where it was measured, and what went on meanwhile.
fn machine(runs: &[Run], body: &mut String) {
    *body += "<h2>Machine</h2>\n<div class=\"pair\">\n";
    for run in runs {
        let mut table = Table::new(&[("what", Column::Words), ("found", Column::Words)]);
        let mut fact = |name: &str, found: String| table.row("", &[name.to_owned(), found]);
        fact("ringway", format!("{} at {}", run.version, run.commit));
        // Date and commit head the table.
        for (name, found) in run.machine.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "commit")) {
            fact(name, found.clone());
        }
        for (name, found) in &run.disturbance {
            let (name, found) = meanwhile(name, found);
            fact(&name, found);
        }
        let [near, far, left_out] = words::rounds_of(run).map(|count| show::count(count as u64));
        fact(
            "samples",
            format!(
                "{near} near (a cache line's round trip below 200 ns), {far} far, {left_out} left out as disturbed"
            ),
        );
        if let Some(probe) = words::probe(run) {
            fact(
                "distance",
                format!(
                    "a cache line's round trip beside the samples: {} ns ({})",
                    words::ns(probe.median),
                    words::range(&probe)
                ),
            );
        }
        if let (Some(rounds), Some(seconds)) = (run.rounds, run.seconds) {
            let quick = if run.is_quick { ", quick: it shows that things work, not how fast they are" } else { "" };
            fact("run", format!("{rounds} rounds in {seconds:.0} s{quick}"));
        }
        let undisturbed = if run.not_comparable.is_empty() {
            "yes; what to think of the machine itself, `ringway doctor` says".to_owned()
        } else {
            format!("no: {}", run.not_comparable.join("; "))
        };
        fact("undisturbed", undisturbed);
        *body += &format!("<section><h3>{}</h3>{}</section>\n", escape(&run.name()), table.finish());
    }
    *body += "</div>\n";
}

/// What went on beside a run, in words: shares as percent, counts grouped.
fn meanwhile(name: &str, found: &str) -> (String, String) {
    let told = match (name.strip_suffix("_share"), found.parse::<f64>(), found.parse::<u64>()) {
        (Some(_), Ok(share), _) => show::percent(share),
        (None, _, Ok(count)) => show::count(count),
        _ => found.to_owned(),
    };
    (format!("{} meanwhile", name.trim_end_matches("_share").replace('_', " ")), told)
}

/// Limits, method, and how to do it again.
fn foot(runs: &[Run], body: &mut String) {
    let items: String = NOT_SHOWN.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
    *body += &format!("<h2>What this does not show</h2>\n<ul>{items}</ul>\n");
    *body += &format!(
        "<h2>How it was measured</h2>\n<p>Rounds are interleaved, and who goes first rotates. Every sample checks itself: count, \
         checksum, order by producer; a cell with one that fails is a fault, not a number. Beside each sample the round trip of a cache line is \
         probed: near is below {FAR_NS:.0} ns, far above, and the two never meet in one median. Whole distributions, and what is told of \
         them (loads, knees), hold both. A figure is the median of its rounds, with the range from p10 to p90; fewer than three \
         rounds are no figure. A ratio is the best peer's time over ringway's in the same \
         round. It is called ahead or behind if a two-sided sign test of the rounds against 1 leaves at most {:.0} % to chance, which \
         takes eight rounds, and the median is {:.0} % or more from 1; where several runs are given, all of them have to say so. The \
         best peer is the one with the best median; in rows of calls that wait, one that really sleeps and hung in none of them.</p>\n\
         <p>One waiting policy for all who are polled: after a failed try a pause, and another try; from the {}th failure in a row on, \
         yield; with more threads than CPUs at once. In closed loops there is no pause, and yielding starts with the {}th. Threads are \
         pinned to the allowed CPUs in turn, producers first. A capacity is that of the whole queue: lanes and shards share it out. A \
         sample in which others had more than {:.0} % of a CPU is left out.</p>\n",
        statistics::CHANCE_MAX * 100.0,
        statistics::MARGIN * 100.0,
        SPINS + 1,
        SPINS_TIGHT + 1,
        TAKEN_MAX * 100.0
    );
    *body += "<h2>To reproduce it</h2>\n";
    for run in runs {
        let commit = if run.commit.is_empty() { String::new() } else { format!("git checkout {}\n", run.commit) };
        *body += &format!("<pre><code>{}{}</code></pre>\n", escape(&commit), escape(&run.command));
    }
    *body += &format!("<p class=\"sub\">Written by ringway {}.</p>\n", env!("CARGO_PKG_VERSION"));
}
