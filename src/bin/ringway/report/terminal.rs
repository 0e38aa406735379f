//! The summary on the terminal: the same verdict and headlines as in the page.

use crate::{results::Run, show};

use super::{findings, words};

/// Columns of the names before a line.
const INDENT: usize = 24;

/// The whole text.
pub(super) fn text(runs: &[Run]) -> String {
    let mut text = String::new();
    for run in runs {
        let [near, far, left_out] = words::rounds_of(run).map(|count| show::count(count as u64));
        text += &show::beside("run", INDENT, &run.name());
        text += &show::beside("", INDENT, &format!("samples: {near} near, {far} far, {left_out} left out"));
    }
    let reasons = findings::not_comparable(runs);
    if !reasons.is_empty() {
        text += &show::beside("NOT COMPARABLE", INDENT, &reasons.join("; "));
    }
    text.push('\n');
    for headline in findings::headlines(runs) {
        text += &show::beside(headline.label, INDENT, &format!("{} {}", headline.value, headline.detail));
        if let Some(beside) = headline.beside {
            text += &show::beside("", INDENT, &beside);
        }
    }
    text.push('\n');
    for (nth, line) in findings::verdict(runs).iter().enumerate() {
        text += &show::beside(if nth == 0 { "verdict" } else { "" }, INDENT, line);
    }
    text
}
