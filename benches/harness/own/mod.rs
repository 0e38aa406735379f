//! What only ringway has, as rows: the engine and its topics, delivery, recovery; and the harness itself.

mod delivery;
mod engine;
mod handler;
mod recovery;
mod stamp;
mod threads;

use super::entries::{Entry, by_try, by_waiting_calls, waits, wide};

/// Every entry that needs no peer.
pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = by_try();
    entries.extend(by_waiting_calls());
    entries.extend(engine_entries());
    entries.extend(wide());
    entries.extend(waits());
    entries.extend(delivery::entries());
    entries.extend(recovery::entries());
    entries.extend(stamp::entries());
    entries
}

/// The engine's, and of the rings below it.
pub(crate) fn engine_entries() -> Vec<Entry> {
    let mut entries = engine::entries();
    entries.extend(threads::entries());
    entries
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::entries;
    use crate::harness::{
        measure::{Job, Outcome},
        rows::{OWN_ROWS, ROWS, Row},
    };

    fn job() -> Job {
        let pins = core_affinity::get_core_ids().expect("the CPUs are known");
        let (burst, deadline) = (Duration::from_millis(20), Duration::from_secs(60));
        Job { pins, items: [1024; 2], warm: 256, tight: false, sleeps: false, burst, deadline }
    }

    #[test]
    fn every_row_of_our_own_is_run_and_its_stream_is_whole() {
        let rows = ROWS.iter().filter(|row| row.group() == "engine").chain(OWN_ROWS);
        for row in rows {
            let all = entries();
            let here: Vec<_> = all.iter().filter(|entry| entry.fits(row)).collect();
            assert!(!here.is_empty(), "nobody runs {}", row.name);
            for entry in here {
                let items = if row.learns() { [1024; 2] } else { [1; 2] };
                let warm = if row.learns() { 256 } else { 0 };
                let outcome = (entry.run)(row, &Job { items, warm, sleeps: row.sleeps(), ..job() });
                let is_sound =
                    matches!(&outcome, Outcome::Measured(sample) if sample.ns.is_finite() && sample.ns >= 0.0);
                assert!(is_sound, "{}, {}: {outcome:?}", row.name, entry.name);
            }
        }
    }

    #[test]
    fn no_two_contenders_of_a_row_have_one_name() {
        let all = entries();
        for row in ROWS.iter().chain(OWN_ROWS) {
            let mut names: Vec<_> = all.iter().filter(|entry| entry.fits(row)).map(|entry| entry.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: {names:?}", row.name);
            let is_there = |row: &Row| row.ours.is_empty() || names.contains(&row.ours);
            // Rows of futures are run by another program.
            assert!(names.is_empty() || is_there(row), "{} has no {}", row.name, row.ours);
        }
    }
}
