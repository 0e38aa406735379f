//! What the measured figures mean.

use crate::{machine::Machine, show};

use super::{
    finding::{Finding, State},
    jitter::Jitter,
    measure::Measured,
    trips::Trips,
};

/// A finding on each of the measurements.
pub(super) fn findings(machine: &Machine, measured: &Measured) -> [Finding; 3] {
    [timer(machine, measured), hops(machine, measured), pauses(measured)]
}

fn timer(machine: &Machine, measured: &Measured) -> Finding {
    let slack =
        machine.timer_slack_ns.map(|slack| format!("; timer slack {}", show::time(slack as f64))).unwrap_or_default();
    match &measured.timer {
        Err(reason) => Finding::new("timer", State::Warn, reason, "Timeouts can't be trusted."),
        Ok(timer) => {
            let [asked, late, p99] =
                [timer.asked_ns, timer.late_ns, timer.late_p99_ns].map(|nanos| show::time(nanos as f64));
            let state = if timer.late_p99_ns < 1_000_000 { State::Good } else { State::Note };
            let means = format!(
                "A timeout comes about so much late, and so does a pace kept by sleeping. Below {} it takes a spin.",
                show::time((timer.late_ns * 2) as f64)
            );
            Finding::new("timer", state, format!("a sleep of {asked} ends {late} late, p99 {p99}{slack}"), means)
        }
    }
}

fn hops(machine: &Machine, measured: &Measured) -> Finding {
    let trips = match &measured.trips {
        Err(reason) => {
            return Finding::new("hops", State::Note, reason, "How far CPUs are from each other was not measured.");
        }
        Ok(trips) => trips,
    };
    let medians = trips.pairs.iter().map(|pair| pair.median_ns);
    let (near, far) = (medians.clone().fold(f64::MAX, f64::min), medians.fold(0.0, f64::max));
    let (low, high) = trips
        .pairs
        .iter()
        .fold((f64::MAX, 0.0_f64), |(low, high), pair| (low.min(pair.low_ns), high.max(pair.high_ns)));
    let found = match trips.pairs.as_slice() {
        [pair] => format!(
            "round trip between CPUs {} and {}: {} ({} to {})",
            pair.first,
            pair.second,
            show::time(pair.median_ns),
            show::time(low),
            show::time(high)
        ),
        _ => format!("round trips of {} to {} between {} CPUs", show::time(near), show::time(far), trips.cpus.len()),
    };
    let moved = trips.pairs.iter().any(|pair| pair.high_ns > pair.low_ns * 2.5);
    let [near_hop, far_hop] = [near, far].map(|trip| show::time(trip / 2.0));
    if moved && machine.is_virtual != Some(false) {
        return Finding::new("hops", State::Warn, found, "The distance changed while it was measured: the host moves its CPUs. A figure without the distance beside it can be off by as much.")
            .change("take medians over many rounds, and compare only within one run");
    }
    let means = match nearest(trips, far) {
        Some((first, second)) => {
            format!("Expect {near_hop} for a hop between CPUs {first} and {second}, up to {far_hop} between others.")
        }
        None => format!("Expect {near_hop} for a hop, when both sides are awake."),
    };
    Finding::new("hops", State::Good, found, means)
}

/// The nearest two CPUs, if others are clearly farther.
fn nearest(trips: &Trips, far: f64) -> Option<(usize, usize)> {
    let pair = trips.pairs.iter().min_by(|one, other| one.median_ns.total_cmp(&other.median_ns))?;
    (pair.median_ns * 1.3 < far).then_some((pair.first, pair.second))
}

fn pauses(measured: &Measured) -> Finding {
    let jitter = match &measured.jitter {
        Err(reason) => return Finding::new("pauses", State::Note, reason, "What interrupts threads was not measured."),
        Ok(jitter) => jitter,
    };
    let longest = jitter.iter().max_by_key(|seen| seen.longest_ns).expect("a CPU was watched");
    let sum = |of: fn(&Jitter) -> u64| jitter.iter().map(of).sum::<u64>();
    let (time, lost) = (sum(|seen| seen.time_ns), sum(|seen| seen.lost_ns));
    let counts = [sum(|seen| seen.from_10us), sum(|seen| seen.from_100us), sum(|seen| seen.from_1ms)].map(show::count);
    let [from_10us, from_100us, from_1ms] = counts;
    let max = show::time(longest.longest_ns as f64);
    let found = format!(
        "longest {max} (CPU {}); {from_10us} over 10 µs, {from_100us} over 100 µs, {from_1ms} over 1 ms in {} of spinning; {} lost",
        longest.cpu,
        show::time(time as f64),
        show::percent(lost as f64 / time.max(1) as f64),
    );
    let means = format!("No queue can be faster than that: a handler here is up to {max} late, now and then.");
    match longest.longest_ns {
        1_000_000.. => Finding::new("pauses", State::Warn, found, means)
            .change("free or isolate the CPUs, then run this again; max and p99.99 below it tell about the machine"),
        100_000.. => Finding::new("pauses", State::Note, found, means),
        _ => Finding::new("pauses", State::Good, found, means),
    }
}
