//! Which code the models compile: `#[cfg(…)]` decided as it is for them.

use std::ops::Range;

use crate::lexer::{Kind, Token, closing};

/// Ranges of tokens that are not compiled, in order.
pub(crate) fn left_out(code: &[Token<'_>]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at + 3 < code.len() {
        let is_cfg = code[at].is_mark("#") && code[at + 1].is_mark("[") && code[at + 2].is_word("cfg");
        if is_cfg && !holds(&code[at + 4..closing(code, at + 3)]) {
            let end = item_end(code, at);
            ranges.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    ranges
}

/// Behind the item, statement or field whose first attribute is at `at`.
fn item_end(code: &[Token<'_>], mut at: usize) -> usize {
    while code[at].is_mark("#") {
        at = closing(code, at + 1) + 1;
    }
    let is_item = ["pub", "fn", "mod", "impl", "struct", "enum", "unsafe", "const", "static", "trait", "type", "use"]
        .iter()
        .any(|word| code[at].is_word(word));
    while at < code.len() {
        match code[at].text {
            "{" => {
                let end = closing(code, at) + 1;
                // `use a::{b};` goes on behind its brace.
                return if code.get(end).is_some_and(|next| next.is_mark(";")) { end + 1 } else { end };
            }
            "(" | "[" => at = closing(code, at),
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Whether a condition holds where the models are built.
fn holds(condition: &[Token<'_>]) -> bool {
    let Some(first) = condition.first() else { return true };
    let parts = || split(&condition[2..condition.len() - 1]);
    match first.text {
        "not" => !holds(&condition[2..condition.len() - 1]),
        "all" => parts().iter().all(|part| holds(part)),
        "any" => parts().iter().any(|part| holds(part)),
        "ringway_loom" | "debug_assertions" | "target_has_atomic" => true,
        "unix" => cfg!(unix),
        "target_os" => condition.last().is_some_and(|value| value.text == format!("{:?}", std::env::consts::OS)),
        "target_arch" => condition.last().is_some_and(|value| value.text == format!("{:?}", std::env::consts::ARCH)),
        _ => false,
    }
}

/// The parts between the commas.
fn split<'t, 's>(condition: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < condition.len() {
        match condition[at].text {
            "(" => at = closing(condition, at),
            "," => {
                parts.push(&condition[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if start < condition.len() {
        parts.push(&condition[start..]);
    }
    parts
}

/// Names of the modules that are files of their own and are compiled.
pub(crate) fn modules<'s>(code: &[Token<'s>]) -> Vec<&'s str> {
    let out = left_out(code);
    code.windows(3)
        .enumerate()
        .filter(|(at, window)| {
            let declares = window[0].is_word("mod") && window[1].kind == Kind::Word && window[2].is_mark(";");
            declares && !out.iter().any(|range| range.contains(at))
        })
        .map(|(_, window)| window[1].text)
        .collect()
}
