//! Figures as every form of the report writes them.

use crate::{
    results::{Cell, Comparison, Ratio, Run, Spread, rows::Figure},
    show,
};

/// What stands where there is no figure.
pub(super) const NO_FIGURE: &str = "no figure";

/// Three digits.
pub(super) fn ns(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => show::count(value.round() as u64),
    }
}

/// `0.96x`.
pub(super) fn times(ratio: f64) -> String {
    if ratio < 9.995 { format!("{ratio:.2}x") } else { format!("{ratio:.1}x") }
}

/// The range of most rounds: `1.05 .. 1.10`.
pub(super) fn range(spread: &Spread) -> String {
    format!("{} .. {}", ns(spread.p10), ns(spread.p90))
}

/// The range of a ratio.
pub(super) fn ratio_range(ratio: &Ratio) -> String {
    format!("{:.2} .. {:.2}", ratio.spread.p10, ratio.spread.p90)
}

/// The ratio of a comparison, if there are rounds enough for one.
pub(super) fn ratio(comparison: &Comparison<'_>) -> String {
    comparison.ratio.map_or("-".into(), |ratio| times(ratio.spread.median))
}

/// What [`compared`] tells.
pub(super) const COMPARED: [&str; 11] =
    ["row", "", "ringway", "ns", "best peer", "ns", "ratio", "range", "rounds", "chance", "verdict"];

/// Everything that a table tells of a comparison.
pub(super) fn compared(comparison: &Comparison<'_>) -> [String; COMPARED.len()] {
    let of_ratio = |told: fn(&Ratio) -> String| comparison.ratio.as_ref().map_or("-".into(), told);
    [
        comparison.title.clone(),
        comparison.regime.name().into(),
        short(&comparison.ours.entry).into(),
        our_figure(comparison),
        comparison.peer.entry.clone(),
        ns(comparison.peer_ns.median),
        ratio(comparison),
        of_ratio(ratio_range),
        of_ratio(|ratio| ratio.spread.count.to_string()),
        of_ratio(|ratio| format!("{:.4}", ratio.chance)),
        comparison.verdict().name().into(),
    ]
}

/// Items a second of a time for each.
pub(super) fn rate(ns: f64) -> String {
    show::rate(1e9 / ns.max(1e-9), "items")
}

/// Items a second on an axis or in a table: `2.50 M`.
pub(super) fn items(each_second: f64) -> String {
    show::rate(each_second, "").trim_end_matches("/s").trim_end().to_owned()
}

/// A contender of ours by its short name.
pub(super) fn short(entry: &str) -> &str {
    entry.strip_prefix("ringway ").unwrap_or(entry)
}

/// `1.05 .. 1.10 ns in 15 rounds`.
pub(super) fn rounds(spread: &Spread) -> String {
    let range = match spread.p90 < 1000.0 {
        true => format!("{} ns", range(spread)),
        false => format!("{} .. {}", show::time(spread.p10), show::time(spread.p90)),
    };
    format!("{range} in {} rounds", spread.count)
}

/// What became of a cell that has no figure.
pub(super) fn missing(cell: &Cell) -> &'static str {
    match (cell.faults.is_empty(), cell.hangs.is_empty()) {
        (false, _) => "FAULT",
        (true, false) => "hung",
        (true, true) if cell.ns.iter().any(Option::is_some) => "too few rounds",
        (true, true) => NO_FIGURE,
    }
}

/// ringway's figure of a comparison.
pub(super) fn our_figure(comparison: &Comparison<'_>) -> String {
    comparison.our_ns.map_or_else(|| missing(comparison.ours).into(), |spread| ns(spread.median))
}

/// `open-poisson`, or `steady, fixed arrivals` where the name does not say it.
pub(super) fn arriving(family: &str, arrivals: &str) -> String {
    if family.contains(arrivals.trim_end_matches('s')) {
        family.to_owned()
    } else {
        format!("{family}, {arrivals} arrivals")
    }
}

/// `1 fault`, `2 faults`, `no faults`.
pub(super) fn several(count: usize, one: &str) -> String {
    match count {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

/// Rounds of a run by what became of them: near, far, left out.
pub(super) fn rounds_of(run: &Run) -> [usize; 3] {
    let mut counts = [0; 3];
    for cell in &run.cells {
        for (letter, ns) in cell.regimes.iter().zip(&cell.ns) {
            match letter {
                'n' if ns.is_some() => counts[0] += 1,
                'f' if ns.is_some() => counts[1] += 1,
                'c' | 'd' => counts[2] += 1,
                _ => {}
            }
        }
    }
    counts
}

/// The median round trip of a cache line beside the samples of a run, in ns.
pub(super) fn probe(run: &Run) -> Option<Spread> {
    Spread::of(run.cells.iter().flat_map(|cell| cell.probe_ns.iter().flatten().copied()).collect())
}

/// What a figure of a cell is, after a time with its unit: `an item`, `a round trip, p50`.
pub(super) fn each(cell: &Cell, figure: Figure) -> String {
    let of = cell.unit.strip_prefix("ns ").unwrap_or(&cell.unit).trim_end_matches(", p50");
    match (figure, cell.has_p99()) {
        (Figure::P99, _) => format!("{of}, p99"),
        (Figure::Main, true) => format!("{of}, p50"),
        (Figure::Main, false) => of.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{items, ns, several, times};

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in [(0.123, "0.12"), (9.996, "10.0"), (99.96, "100"), (1_282_687.4, "1,282,687")] {
            assert_eq!(ns(value), text);
        }
        assert_eq!((times(0.956), times(12.34)), ("0.96x".into(), "12.3x".into()));
        assert_eq!((items(2.5e6), items(999.0)), ("2.50 M".into(), "999".into()));
        assert_eq!([0, 1, 2].map(|count| several(count, "hang")), ["no hangs", "1 hang", "2 hangs"]);
    }
}
