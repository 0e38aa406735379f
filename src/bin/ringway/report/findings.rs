//! What the files say in a few lines: ringway against its peers, and five headline figures.

use crate::{
    results::{Calls, Cell, Comparison, Figure, Latency, Part, Regime, Row, Run, Verdict, statistics},
    show,
};

use super::words;

/// Headlines that a report leads with.
const HEADLINES: usize = 5;

/// One row in one regime, over all runs that have it.
pub(super) struct Standing<'r> {
    /// The comparison of each run.
    pub(super) comparisons: Vec<(&'r Run, Comparison<'r>)>,
    /// What they say together.
    pub(super) verdict: Verdict,
}

impl Standing<'_> {
    /// `pair 0.77x (takoude)`; several runs give several ratios.
    pub(super) fn told(&self) -> String {
        let first = &self.comparisons[0].1;
        let far = if first.regime == Regime::Far { ", far" } else { "" };
        let ratio = |comparison: &Comparison<'_>| match comparison.ratio {
            Some(ratio) => words::times(ratio.spread.median),
            None => words::our_figure(comparison),
        };
        let ratios: Vec<String> = self.comparisons.iter().map(|(_, comparison)| ratio(comparison)).collect();
        format!("{}{far} {} ({})", first.title, ratios.join(", "), first.peer.entry)
    }

    /// Whether no run has the rounds that a verdict takes.
    fn is_short(&self) -> bool {
        let rounds = |comparison: &Comparison<'_>| comparison.ratio.map_or(0, |ratio| ratio.spread.count);
        self.comparisons.iter().all(|(_, comparison)| rounds(comparison) < statistics::ROUNDS_TO_DECIDE)
    }

    /// Whether one run says ahead, and another behind.
    pub(super) fn is_contradicted(&self) -> bool {
        let says = |verdict| self.comparisons.iter().any(|(_, comparison)| comparison.verdict() == verdict);
        says(Verdict::Ahead) && says(Verdict::Behind)
    }

    /// Whether all runs say the same.
    pub(super) fn is_of_one_mind(&self) -> bool {
        let first = self.comparisons[0].1.verdict();
        self.comparisons.iter().all(|(_, comparison)| comparison.verdict() == first)
    }

    /// The ratio that orders it among others.
    fn ratio(&self) -> f64 {
        let ratios = self.comparisons.iter().filter_map(|(_, comparison)| Some(comparison.ratio?.spread.median));
        ratios.fold(f64::INFINITY, f64::min)
    }
}

/// Every row and regime in which ringway stands beside a peer, in the order of the files.
pub(super) fn standings(runs: &[Run]) -> Vec<Standing<'_>> {
    let mut standings: Vec<Standing<'_>> = Vec::new();
    for run in runs {
        for comparison in run.comparisons() {
            let is_same = |standing: &&mut Standing<'_>| {
                let first = &standing.comparisons[0].1;
                (&first.title, first.regime) == (&comparison.title, comparison.regime)
            };
            match standings.iter_mut().find(is_same) {
                Some(standing) => standing.comparisons.push((run, comparison)),
                None => standings.push(Standing { comparisons: vec![(run, comparison)], verdict: Verdict::Undecided }),
            }
        }
    }
    for standing in &mut standings {
        standing.verdict = Verdict::together(standing.comparisons.iter().map(|(_, comparison)| comparison.verdict()));
    }
    standings
}

/// The verdict, a sentence a line. Rows that ringway loses are all named.
pub(super) fn verdict(runs: &[Run]) -> Vec<String> {
    let standings = standings(runs);
    let of = |verdict| standings.iter().filter(move |standing| standing.verdict == verdict);
    let mut lines = Vec::new();
    if standings.is_empty() {
        lines.push("These files hold no peers: nothing is said here of ringway against others.".to_owned());
    } else {
        let [ahead, behind, undecided] =
            [Verdict::Ahead, Verdict::Behind, Verdict::Undecided].map(|verdict| of(verdict).count());
        lines.push(format!(
            "In {} comparisons with the best peer of a row ringway is ahead in {ahead}, behind in {behind}; {undecided} are \
             undecided.",
            standings.len()
        ));
        let told = |name: &str, which: &dyn Fn(&Standing<'_>) -> bool| {
            let mut named: Vec<_> = standings.iter().filter(|standing| which(standing)).collect();
            named.sort_by(|left, right| left.ratio().total_cmp(&right.ratio()));
            let named: Vec<String> = named.into_iter().map(Standing::told).collect();
            (!named.is_empty()).then(|| format!("{name}: {}.", named.join("; ")))
        };
        let is_undecided = |standing: &Standing<'_>| standing.verdict == Verdict::Undecided;
        lines.extend(told("Behind", &|standing| standing.verdict == Verdict::Behind));
        lines.extend(told("Runs contradict each other", &|standing| standing.is_contradicted()));
        lines.extend(told("Undecided", &|standing| {
            is_undecided(standing) && !standing.is_short() && !standing.is_contradicted()
        }));
        let short = standings.iter().filter(|standing| is_undecided(standing) && standing.is_short()).count();
        if short > 0 {
            let rounds = statistics::ROUNDS_TO_DECIDE;
            lines.push(format!(
                "{short} more have too few rounds: a verdict takes {rounds} at one distance of the CPUs."
            ));
        }
    }
    let cells = || runs.iter().flat_map(|run| &run.cells);
    let [faults, hangs] =
        [cells().map(|cell| cell.faults.len()).sum(), cells().map(|cell| cell.hangs.len()).sum::<usize>()];
    let excluded = runs.iter().map(|run| run.excluded.len()).sum();
    let counted = [words::several(faults, "fault"), words::several(hangs, "hang"), words::several(excluded, "cell")];
    let [first, hangs, excluded] = counted;
    let first = first[..1].to_uppercase() + &first[1..];
    lines.push(format!("{first}, {hangs}, {excluded} left out."));
    lines
}

/// Why the figures can't stand beside those of other machines, each reason with the runs' names where there are several.
pub(super) fn not_comparable(runs: &[Run]) -> Vec<String> {
    let named = |run: &Run, reason: &String| match runs.len() {
        1 => reason.clone(),
        _ => format!("{}: {reason}", run.name()),
    };
    runs.iter().flat_map(|run| run.not_comparable.iter().map(move |reason| named(run, reason))).collect()
}

/// One figure to remember.
pub(super) struct Headline {
    pub(super) label: &'static str,
    /// With its unit.
    pub(super) value: String,
    /// The row, the range, the samples.
    pub(super) detail: String,
    /// The best peer beside it, if there is one.
    pub(super) beside: Option<String>,
}

/// At most five; each is the first of its kind that the files have.
pub(super) fn headlines(runs: &[Run]) -> Vec<Headline> {
    let calls = |calls| move |cell: &Cell| cell.calls == calls && is_plain(cell);
    let one_to_one = |cell: &Cell| (cell.producers, cell.consumers) == (1, 1);
    let many_to_many = |cell: &Cell| cell.producers > 1 && cell.consumers > 1;
    let of_group = |group: &'static str, unit: &'static str| {
        move |cell: &Cell| cell.group == group && (unit.is_empty() || cell.unit == unit)
    };
    let candidates = [
        of_rows(runs, "one to one", |cell| calls(Calls::Try)(cell) && one_to_one(cell), Figure::Main),
        of_rows(runs, "many to many", |cell| calls(Calls::Try)(cell) && many_to_many(cell), Figure::Main),
        of_rows(runs, "there and back", of_group("round trip", ""), Figure::Main),
        at_half_load(runs),
        knee(runs),
        of_rows(runs, "one to one, waiting", |cell| calls(Calls::Blocking)(cell) && one_to_one(cell), Figure::Main),
        of_rows(runs, "an item a millisecond", of_group("paced", ""), Figure::P99),
        of_rows(runs, "waking a sleeper", of_group("latency", "ns a hop, p50"), Figure::Main),
        of_rows(runs, "a topic", of_group("topics", ""), Figure::Main),
        of_rows(runs, "at least once", of_group("delivery", ""), Figure::Main),
    ];
    candidates.into_iter().flatten().take(HEADLINES).collect()
}

/// A row of single words, an item a call.
fn is_plain(cell: &Cell) -> bool {
    cell.group == "throughput" && cell.unit == "ns an item" && cell.batch == 1 && cell.payload == "u64"
}

/// The first row whose cell of ringway is wanted, preferably of 1024 items' capacity.
fn of_rows(runs: &[Run], label: &'static str, is_wanted: impl Fn(&Cell) -> bool, figure: Figure) -> Option<Headline> {
    let rows: Vec<Row<'_>> = runs.iter().flat_map(Run::rows).collect();
    let ours = rows.iter().filter_map(|row| Some((row, row.ours()?))).filter(|(_, cell)| is_wanted(cell));
    let measured = ours.filter_map(|(row, cell)| Some((row, cell, cell.nearest(figure)?)));
    let (row, cell, (regime, spread)) = measured.min_by_key(|(_, cell, _)| cell.capacity.abs_diff(1024))?;
    let rate = if is_plain(cell) { format!(", {}", words::rate(spread.median)) } else { String::new() };
    let best = row.comparisons().into_iter().find(|found| {
        let wanted = if figure == Figure::P99 { "p99" } else { "p50" };
        found.regime == regime && (!cell.has_p99() || found.title.ends_with(wanted))
    });
    let beside = best.map(|found| {
        let ratio = found.ratio.map_or(String::new(), |ratio| {
            format!(
                ": {} ({}), {}",
                words::times(ratio.spread.median),
                words::ratio_range(&ratio),
                ratio.verdict().name()
            )
        });
        format!("best peer {} {}{ratio}", found.peer.entry, show::time(found.peer_ns.median))
    });
    Some(Headline {
        label,
        value: show::time(spread.median),
        detail: format!(
            "{}{rate}; {} by {}: {}, {}",
            words::each(cell, figure),
            cell.row,
            cell.entry,
            words::rounds(&spread),
            regime.name()
        ),
        beside,
    })
}

/// Random arrivals say more than even ones, and a channel is what most take.
fn preference(found: &Latency) -> (bool, bool) {
    (found.arrivals != "poisson", found.entry.ends_with("ring"))
}

/// p99.9 of ringway's open loop at about half of what it can take.
fn at_half_load(runs: &[Run]) -> Option<Headline> {
    let latencies = || runs.iter().flat_map(|run| &run.latencies).filter(|found| !found.is_closed_loop);
    let ours = latencies().filter(|found| found.part == Part::Ours && !found.is_jitter);
    let loaded = ours.filter_map(|found| Some((found, (found.load? - 0.5).abs(), found.at("99.9")?)));
    let (found, _, ns) = loaded
        .filter(|&(_, off, _)| off < 0.2)
        .min_by(|left, right| preference(left.0).cmp(&preference(right.0)).then(left.1.total_cmp(&right.1)))?;
    let jitter = latencies().find(|other| other.is_jitter && (&other.cell, other.load) == (&found.cell, found.load));
    let beside = jitter
        .and_then(|jitter| jitter.at("99.9"))
        .map(|ns| format!("the same loop without a queue {}", show::time(ns)));
    Some(Headline {
        label: "open loop at half load",
        value: show::time(ns),
        detail: format!(
            "p99.9 from the intended time; {} by {}, {} offered: {} samples",
            words::arriving(&found.cell, &found.arrivals),
            found.entry,
            show::rate(found.offered.unwrap_or_default(), "items"),
            show::count(found.count)
        ),
        beside,
    })
}

/// The highest knee.
fn knee(runs: &[Run]) -> Option<Headline> {
    let ours =
        |run: &Run, entry: &str| run.latencies.iter().any(|found| found.entry == entry && found.part == Part::Ours);
    let knees = runs.iter().flat_map(|run| run.knees.iter().filter(move |knee| ours(run, &knee.entry)));
    let knee = knees.max_by(|left, right| left.offered.total_cmp(&right.offered))?;
    let p99 = knee.p99_ns.map_or(String::new(), |ns| format!("; p99 there {}", show::time(ns)));
    Some(Headline {
        label: "the knee",
        value: show::rate(knee.offered, "items"),
        detail: format!("offered before latency runs away, {} arrivals, {}{p99}", knee.arrivals, knee.entry),
        beside: None,
    })
}
