//! What is printed.

use std::collections::BTreeSet;

use crate::{
    Outcome,
    justified::Justified,
    models::{Model, Verdict},
    sites::{Mutant, Site},
};

/// A mutant in one line: where, and what becomes what.
pub(crate) fn label(site: &Site, mutant: &Mutant) -> String {
    format!("{:34} {:18} {}", format!("{}:{}", site.file, site.line), site.function, change(site, mutant))
}

/// What becomes what.
fn change(site: &Site, mutant: &Mutant) -> String {
    if mutant.to == "on" { site.what.clone() } else { format!("{} -> {}", site.what, mutant.to) }
}

/// The mutant's name in `justified.txt`.
pub(crate) fn key(site: &Site, mutant: &Mutant) -> String {
    format!("{} | {} | {} | {}", site.file, site.function, change(site, mutant), site.code)
}

/// Prints the table and the sums; whether nothing is left unexplained. `whole`: no mutant was left out.
pub(crate) fn print(
    outcomes: &[Outcome<'_>],
    models: &[Model],
    justified: &[Justified],
    all: bool,
    whole: bool,
) -> bool {
    let (mut killed, mut hung, mut explained, mut unexplained) = (0, 0, 0, 0);
    let mut stale: BTreeSet<&str> = justified.iter().map(|entry| entry.key.as_str()).collect();
    for outcome in outcomes {
        let key = key(outcome.site, outcome.mutant);
        let reason = justified.iter().find(|entry| entry.key == key);
        let says = if let Some((first, verdict)) = outcome.killers.first() {
            killed += 1;
            hung += usize::from(*verdict == Verdict::Hung);
            if reason.is_some() {
                println!("note: no longer needed in justified.txt: {key}");
                stale.remove(key.as_str());
            }
            let others = outcome.killers.len() - 1;
            let more = if all { format!(" and {others} of {} others", outcome.reaching - 1) } else { String::new() };
            let why = if let Verdict::Failed(why) = verdict { why } else { "hang" };
            format!("killed by {first} ({why}){more}")
        } else if let Some(entry) = reason {
            explained += 1;
            stale.remove(entry.key.as_str());
            format!("justified: {}", entry.why)
        } else if outcome.reaching == 0 {
            unexplained += 1;
            "SURVIVED: no model comes here".to_owned()
        } else {
            unexplained += 1;
            format!("SURVIVED {} models\n    {key}", outcome.reaching)
        };
        println!("{:96} {says}", label(outcome.site, outcome.mutant));
    }
    if all {
        let useful: BTreeSet<&str> =
            outcomes.iter().flat_map(|outcome| &outcome.killers).map(|(name, _)| name.as_str()).collect();
        for model in models.iter().filter(|model| !model.reaches.is_empty() && !useful.contains(model.title().as_str()))
        {
            println!("note: {} notices none of them", model.title());
        }
    }
    println!(
        "{} mutants, {killed} killed ({hung} by hanging), {explained} justified, {unexplained} unexplained",
        outcomes.len()
    );
    if whole {
        for key in &stale {
            println!("stale: justified.txt explains what is not there: {key}");
        }
    }
    unexplained == 0 && (stale.is_empty() || !whole)
}
