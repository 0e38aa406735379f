//! Which layer may name which, and that all code lies in one. A new edge is a decision of its own: one commit, with its reason.

use std::collections::BTreeMap;

use crate::{
    Seen, assert_accepted, assert_refused,
    file::File,
    lexer::{Kind, closing},
    said,
};

/// Every layer, lowest first, and the layers that it may name. No edge points up, and siblings do not know each other.
#[rustfmt::skip]
const LAYERS: &[(&str, &[&str])] = &[
    ("sync",     &[]),
    ("time",     &["sync"]),
    ("ring",     &["sync"]),
    ("wait",     &["sync"]),
    ("journal",  &[]),
    ("channel",  &["sync", "ring", "wait"]),
    ("ipc",      &["sync", "ring", "wait"]),
    ("router",   &["sync", "time", "ring", "wait", "channel"]),
    ("delivery", &["time", "router"]),
    ("worker",   &["sync", "time", "wait", "channel", "router", "delivery", "journal"]),
    ("engine",   &["sync", "time", "ring", "wait", "journal", "channel", "ipc", "router", "delivery", "worker"]),
    ("observe",  &["engine"]),
    ("bridge",   &["engine"]),
    ("ffi",      &["engine", "router", "delivery"]),
];

/// Folders of `src` that are no layers: pages without code, and programs, which name the public API only.
pub(crate) const BESIDE_THE_LAYERS: &[&str] = &["docs", "bin"];

/// Code lies in a layer of the table; the root of the crate declares and re-exports; `docs` holds pages.
pub(crate) fn check_place(file: &File<'_>, found: &mut Vec<String>) {
    let Some(parts) = file.below_src() else { return };
    match parts[..] {
        ["lib.rs"] => check_only(file, &["mod", "use", "compile_error"], found),
        ["docs", ..] => check_only(file, &["mod"], found),
        ["bin", _, ..] => {}
        [layer, _, ..] if LAYERS.iter().any(|&(name, _)| name == layer) => {}
        _ => found.push(file.at(1, "lies in no layer of the table in tests/tidy/layers.rs")),
    }
    for (nth, token) in file.code.iter().enumerate() {
        let is_path =
            token.is_word("path") && nth >= 2 && file.code[nth - 1].is_mark("[") && file.code[nth - 2].is_mark("#");
        let is_extern = token.is_word("crate") && nth > 0 && file.code[nth - 1].is_word("extern");
        let is_include = token.is_word("include") && file.code.get(nth + 1).is_some_and(|next| next.is_mark("!"));
        // A program has no edges: what it includes is other code of a program's.
        let is_program = parts[0] == "bin";
        if (is_path && !is_program) || is_extern || is_include {
            found.push(file.at(token.line, "code from elsewhere (#[path], extern crate, include!) hides an edge"));
        }
    }
}

/// Outside attributes the file has statements of these words only, and modules with nothing else inside.
fn check_only(file: &File<'_>, words: &[&str], found: &mut Vec<String>) {
    let mut at = 0;
    while at < file.code.len() {
        let token = &file.code[at];
        let next_is = |mark: &str| file.code.get(at + 1).is_some_and(|next| next.is_mark(mark));
        if token.is_mark("#") && (next_is("[") || next_is("!")) {
            at = closing(&file.code, at + 1 + usize::from(next_is("!")));
        } else if token.is_word("pub") && next_is("(") {
            at = closing(&file.code, at + 1);
        } else if token.is_word("mod") && words.contains(&"mod") {
            at += 2;
            let name = file.code[at - 1].text;
            let declares = file.code.get(at).is_some_and(|mark| mark.is_mark(";"));
            let is_known = LAYERS.iter().any(|&(layer, _)| layer == name) || BESIDE_THE_LAYERS.contains(&name);
            if file.path == "src/lib.rs" && declares && !is_known {
                found.push(
                    file.at(token.line, format!("module `{name}` is in no layer of the table in tests/tidy/layers.rs")),
                );
            }
        } else if file.path == "src/lib.rs"
            && token.is_word("struct")
            && file.code.get(at + 2).is_some_and(|mark| mark.is_mark(";"))
        {
            // A unit struct carries documentation.
            at += 2;
        } else if token.kind == Kind::Word && words.contains(&token.text) {
            at = (at..file.code.len()).find(|&nth| file.code[nth].is_mark(";")).unwrap_or(file.code.len());
        } else if !(token.is_word("pub") || token.is_mark("}")) {
            found.push(file.at(token.line, format!("`{}`: only {} may stand here", token.text, words.join(", "))));
            return;
        }
        at += 1;
    }
}

/// A layer names only the layers that the table allows it, one `use crate::layer` each.
pub(crate) fn check_edges(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
    let Some(own) = file.layer() else { return };
    let allowed = LAYERS.iter().find(|&&(name, _)| name == own).map_or(&[][..], |&(_, allowed)| allowed);
    for name in &file.names {
        let supers = name.segments.iter().take_while(|&&segment| segment == "super").count();
        let rest = match name.segments[..] {
            ["crate", ref rest @ ..] => rest,
            ["ringway", ..] => {
                found.push(file.at(name.line, "names the crate from outside: say crate::"));
                continue;
            }
            _ if supers > 0 && supers == name.depth => &name.segments[supers..],
            _ => continue,
        };
        match rest.first() {
            Some(&layer) if layer == own => {}
            Some(layer) if allowed.contains(layer) => seen.edges += 1,
            Some(layer) if LAYERS.iter().any(|(name, _)| name == layer) => {
                found.push(file.at(name.line, format!("layer `{own}` may not name layer `{layer}`")));
            }
            Some(other) => {
                found.push(file.at(name.line, format!("names `{other}` of the crate's root, which is no layer")))
            }
            None => found.push(file.at(name.line, "names the crate's root, which hides the edge")),
        }
    }
    for tokens in file.code.windows(4) {
        if tokens[0].is_word("crate") && tokens[1].is_mark(":") && tokens[2].is_mark(":") && tokens[3].is_mark("{") {
            found.push(file.at(tokens[0].line, "`use crate::{…}`: one `use crate::layer` for each layer"));
        }
    }
}

#[test]
fn the_table_points_down_only() {
    let mut lower: BTreeMap<&str, &[&str]> = BTreeMap::new();
    for &(layer, allowed) in LAYERS {
        for name in allowed {
            assert!(lower.contains_key(name), "{layer} names {name}, which is not below it");
        }
        assert!(lower.insert(layer, allowed).is_none(), "{layer} twice");
    }
}

#[test]
fn edges_that_the_table_lacks_are_refused() {
    let (up, root) = ("may not name layer", "crate's root");
    assert_refused(&[
        ("src/sync/a.rs", "use crate::ring::spsc;", 1, up),
        ("src/ring/a.rs", "\nfn f() { crate::channel::g() }", 2, up),
        ("src/ring/a.rs", "use super::super::wait::Wait;", 1, up),
        ("src/ring/mod.rs", "use super::journal::*;", 1, up),
        ("src/ring/mod.rs", "mod tests { use super::super::wait::Park; }", 1, up),
        ("src/ring/a.rs", "pub(crate) use crate::{sync::Arc};", 1, "one `use crate::layer`"),
        ("src/ring/a.rs", "use {std::fmt, crate::delivery::{a as b}};", 1, up),
        ("src/ring/a.rs", "macro_rules! m { () => { $crate::engine::X } }", 1, up),
        ("src/ring/a.rs", "use super::super as root;", 1, root),
        ("src/ring/a.rs", "use crate::Producer;", 1, root),
        ("src/ring/a.rs", "use ringway::wait::Park;", 1, "from outside"),
        ("src/ring/a.rs", "#[path = \"../wait/park.rs\"] mod park;", 1, "hides an edge"),
        ("src/ring/a.rs", "use crate::docs::ordering;", 1, root),
    ]);
    // Several layers at once are refused as such, and for each edge that is not there.
    assert_eq!(said("src/ring/a.rs", "use crate::{sync::Arc, wait::Wait};").len(), 2);
    assert_accepted(&[
        ("src/ring/a.rs", "use crate::sync::{Arc, Cell};\nuse super::{Producer, mpmc};\npub(in crate::ring) fn f() {}"),
        (
            "src/ring/a/b.rs",
            "use super::super::Capacity; fn f<'a>(x: &'a u8) -> impl Sized + use<'a> { crate::ring::g(x) }",
        ),
        ("src/ring/a.rs", "mod tests { use super::super::wait; }"),
        ("src/ring/a.rs", "/// [`crate::wait`]\n// use crate::engine;\nconst A: &str = \"use crate::engine;\";"),
        ("src/engine/mod.rs", "use crate::worker::Worker;\nuse super::journal::Writer;"),
        ("tests/contract/main.rs", "use crate::{a, b}; use ringway::ring::spsc;"),
    ]);
}

#[test]
fn code_outside_the_layers_is_refused() {
    assert_refused(&[
        ("src/helpers/mod.rs", "fn f() {}", 1, "no layer"),
        ("src/helpers.rs", "fn f() {}", 1, "no layer"),
        ("src/lib.rs", "pub mod ring;\nmod helpers;", 2, "no layer"),
        ("src/lib.rs", "mod sync;\npub fn f() {}", 2, "only mod, use"),
        ("src/lib.rs", "mod a { fn f() {} }", 1, "only mod, use"),
        ("src/lib.rs", "pub struct S { a: u8 }", 1, "only mod, use"),
        ("src/docs/mod.rs", "pub mod a {}\nstruct S;", 2, "only mod"),
    ]);
    assert_accepted(&[
        (
            "src/lib.rs",
            "#![doc = include_str!(\"../README.md\")]\n#[cfg(not(target_has_atomic = \"64\"))]\ncompile_error!(\"no\");\npub mod docs;\npub(crate) mod sync;\npub use ring::{a, b};",
        ),
        ("src/docs/mod.rs", "//! Pages.\n#[doc = include_str!(\"ordering.md\")]\npub mod ordering {}"),
        ("src/bin/ringway/main.rs", "#[path = \"../a.rs\"] mod a; use crate::args; fn main() {}"),
    ]);
}
