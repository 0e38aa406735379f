//! Who may know the machine: atomics, and the model checker that stands in for them.

use crate::{assert_accepted, assert_refused, file::File, lexer::closing};

/// Only `sync` knows atomics and loom, and only by the crate's own switch.
pub(crate) fn check_machine(file: &File<'_>, found: &mut Vec<String>) {
    let in_sync = file.path.starts_with("src/sync/");
    for name in &file.names {
        let refused = name.segments[0] == "loom" || name.segments.contains(&"atomic");
        if file.below_src().is_some() && !in_sync && refused && name.segments.len() > 1 {
            found.push(
                file.at(name.line, format!("`{}`: atomics and loom come from crate::sync", name.segments.join("::"))),
            );
        }
    }
    for (nth, token) in file.code.iter().enumerate() {
        let opens = nth + 1 + usize::from(file.code.get(nth + 1).is_some_and(|next| next.is_mark("!")));
        let is_switch =
            matches!(token.text, "cfg" | "cfg_attr") && file.code.get(opens).is_some_and(|next| next.is_mark("("));
        if is_switch && file.code[opens..closing(&file.code, opens)].iter().any(|inside| inside.is_word("loom")) {
            found.push(file.at(token.line, "cfg(loom) leaks into every dependency: use cfg(ringway_loom)"));
        }
        // `#![cfg(not(ringway_loom))]` keeps a binary out of the model checker's sight.
        let keeps_out = nth >= 6 && file.code[nth - 2].is_word("not") && file.code[nth - 6].is_mark("!");
        let may_switch = in_sync || file.path.starts_with("tests/loom/") || (keeps_out && file.below_src().is_none());
        if token.is_word("ringway_loom") && !may_switch {
            found.push(file.at(token.line, "cfg(ringway_loom) belongs to src/sync and tests/loom"));
        }
    }
}

#[test]
fn the_machine_outside_sync_is_refused() {
    let (why, leaks) = ("come from crate::sync", "leaks");
    assert_refused(&[
        ("src/ring/a.rs", "use std::sync::atomic::AtomicU64;", 1, why),
        ("src/ring/a.rs", "use std::{fmt, sync::{Arc, atomic}};", 1, why),
        ("src/ring/a.rs", "fn f() { core::sync::atomic::fence(x) }", 1, why),
        ("src/ring/a.rs", "use loom::thread;", 1, why),
        ("src/sync/a.rs", "#[cfg(loom)] mod a;", 1, leaks),
        ("tests/loom/a.rs", "fn f() { if cfg!(any(test, loom)) {} }", 1, leaks),
        ("src/ring/a.rs", "#[cfg(not(ringway_loom))] mod a;", 1, "belongs to src/sync"),
        ("tests/stress/main.rs", "#[cfg(not(ringway_loom))] mod a;", 1, "belongs to src/sync"),
        ("tests/stress/main.rs", "#![cfg(ringway_loom)]", 1, "belongs to src/sync"),
    ]);
    assert_accepted(&[
        ("src/sync/a.rs", "#[cfg(ringway_loom)] use loom::sync::atomic::AtomicU64;"),
        ("tests/loom/main.rs", "#![cfg(ringway_loom)] use loom::thread;"),
        ("tests/stress/main.rs", "#![cfg(not(ringway_loom))] use std::sync::atomic::AtomicU64;"),
    ]);
}
