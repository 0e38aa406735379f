//! What the mutated tree calls at every site: it does as written, unless the environment names the site.
//!
//! `RINGWAY_MUTANT=17:Relaxed` weakens site 17; `17:drop` leaves a fence out; `17:on` takes the other branch of a logic
//! mutant. `RINGWAY_MUTANT_TRACE=file` appends the number of every site that is reached to that file.
#![allow(dead_code)]

use std::{
    env, fs,
    io::Write as _,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

static REACHED: [AtomicBool; SITES] = [const { AtomicBool::new(false) }; SITES];

enum To {
    Order(Ordering),
    Drop,
    On,
}

/// What becomes of `site`, if it is the one.
fn to(site: usize) -> Option<&'static To> {
    static CHOICE: OnceLock<Option<(usize, To)>> = OnceLock::new();
    static TRACE: OnceLock<Option<String>> = OnceLock::new();
    if let Some(file) = TRACE.get_or_init(|| env::var("RINGWAY_MUTANT_TRACE").ok()) {
        if !REACHED[site].swap(true, Ordering::SeqCst) {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(file).expect("a trace file");
            writeln!(file, "{site}").expect("a line in the trace file");
        }
    }
    let choice = CHOICE.get_or_init(|| {
        let asked = env::var("RINGWAY_MUTANT").ok()?;
        let (site, to) = asked.split_once(':').expect("RINGWAY_MUTANT is site:change");
        let to = match to {
            "drop" => To::Drop,
            "on" => To::On,
            "Relaxed" => To::Order(Ordering::Relaxed),
            "Acquire" => To::Order(Ordering::Acquire),
            "Release" => To::Order(Ordering::Release),
            "AcqRel" => To::Order(Ordering::AcqRel),
            other => panic!("RINGWAY_MUTANT: no change is called {other}"),
        };
        Some((site.parse().expect("RINGWAY_MUTANT starts with a number"), to))
    });
    choice.as_ref().filter(|(chosen, _)| *chosen == site).map(|(_, to)| to)
}

/// An ordering that is passed to an atomic operation.
pub(crate) fn order(site: usize, written: Ordering) -> Ordering {
    match to(site) {
        Some(To::Order(weaker)) => *weaker,
        _ => written,
    }
}

/// A fence.
pub(crate) fn fence(site: usize, written: impl FnOnce()) {
    match to(site) {
        None | Some(To::On) => written(),
        Some(To::Drop) => {}
        Some(To::Order(weaker)) => loom::sync::atomic::fence(*weaker),
    }
}

/// Whether a logic mutant is on.
pub(crate) fn logic(site: usize) -> bool {
    matches!(to(site), Some(To::On))
}
