//! The architecture and the house rules as a test: what a layer may name, and what every file must and must not hold.
//!
//! The rules are those of the function that checks each; `LAYERS` is the map of the crate. A new edge between layers is a
//! decision of its own: one commit, with its reason.

#[path = "support/lexer.rs"]
mod lexer;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use lexer::{Kind, Token, closing};

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
const BESIDE_THE_LAYERS: &[&str] = &["docs", "bin"];

const LINES_MAX: usize = 600;
/// Lines above a use of `unsafe`, and above an ordering, in which its reason must start.
const SAFETY_LINES: usize = 4;
const ORDER_LINES: usize = 5;

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut violations = Vec::new();
    let mut seen = Seen::default();
    for folder in ["src", "tests", "benches", "examples", "fuzz"] {
        for path in rust_files(&root.join(folder)) {
            let name = path.strip_prefix(root).expect("found below it").to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            seen.files += usize::from(folder == "src");
            violations.extend(check(&name, &text, &mut seen));
        }
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    for (nth, line) in manifest.lines().enumerate() {
        if line.contains("cfg(loom)") {
            violations
                .push(format!("Cargo.toml:{}: cfg(loom) leaks into every dependency: use cfg(ringway_loom)", nth + 1));
        }
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
    // A checker that sees nothing finds nothing.
    assert!(seen.files > 12, "only {} files in src", seen.files);
    assert!(seen.edges > 3, "only {} names of other layers", seen.edges);
    assert!(seen.reasons > 20, "only {} places that need a reason", seen.reasons);
}

/// What the checker came across, to show that it looked.
#[derive(Default)]
struct Seen {
    files: usize,
    edges: usize,
    reasons: usize,
}

/// All Rust files below `folder`, without what Cargo builds.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        let is_ours = path.file_name().is_some_and(|name| name != "target" && !name.to_string_lossy().starts_with('.'));
        if path.is_dir() && is_ours {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// One file, taken apart.
struct File<'s> {
    path: &'s str,
    text: &'s str,
    code: Vec<Token<'s>>,
    /// Comments, and the line of each.
    comments: Vec<Token<'s>>,
    names: Vec<Name<'s>>,
    /// For each token of code, whether it belongs to a `use` declaration.
    imported: Vec<bool>,
}

/// A path in code: `a::b::c`, or one of those that a `use` brings in.
struct Name<'s> {
    line: usize,
    /// Modules around it, counted from the root of the crate.
    depth: usize,
    segments: Vec<&'s str>,
}

impl<'s> File<'s> {
    fn new(path: &'s str, text: &'s str) -> Self {
        let (comments, code) = lexer::tokens(text).into_iter().partition(|token| token.kind == Kind::Comment);
        let mut file = Self { path, text, code, comments, names: Vec::new(), imported: Vec::new() };
        file.find_names();
        file
    }

    /// The part of the path below `src`, if the file is there: `["ring", "spsc.rs"]`.
    fn below_src(&self) -> Option<Vec<&'s str>> {
        Some(self.path.strip_prefix("src/")?.split('/').collect())
    }

    fn layer(&self) -> Option<&'s str> {
        let parts = self.below_src()?;
        (parts.len() > 1 && !BESIDE_THE_LAYERS.contains(&parts[0])).then(|| parts[0])
    }

    /// Modules between the root of the crate and the file's own.
    fn depth(&self) -> usize {
        let parts = self.below_src().unwrap_or_default();
        let last = parts.last().copied().unwrap_or("lib.rs");
        parts.len() - usize::from(matches!(last, "mod.rs" | "lib.rs") && !parts.is_empty())
    }

    fn find_names(&mut self) {
        self.imported = vec![false; self.code.len()];
        let mut names = Vec::new();
        // Where the inline modules around the current token end.
        let mut modules: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < self.code.len() {
            modules.retain(|&end| end > at);
            let depth = self.depth() + modules.len();
            let token = &self.code[at];
            let follows = |ahead: usize, mark: &str| self.code.get(at + ahead).is_some_and(|token| token.is_mark(mark));
            if token.is_word("mod") && follows(2, "{") {
                modules.push(closing(&self.code, at + 2));
                at += 2;
            } else if token.is_word("pub") && follows(1, "(") {
                at = closing(&self.code, at + 1);
            } else if token.is_word("use") && !follows(1, "<") {
                let end = (at..self.code.len()).find(|&nth| self.code[nth].is_mark(";")).unwrap_or(self.code.len());
                self.imported[at..end].fill(true);
                use_tree(&self.code[at + 1..end], &[], depth, &mut names);
                at = end;
            } else if token.kind == Kind::Word {
                let (segments, length) = path(&self.code[at..]);
                names.push(Name { line: token.line, depth, segments });
                at += length - 1;
            }
            at += 1;
        }
        self.names = names;
    }

    /// Whether a comment with `mark` starts on `line` or on one of the `above` lines before it.
    fn has_reason(&self, line: usize, above: usize, mark: &str) -> bool {
        self.comments
            .iter()
            .any(|comment| comment.line <= line && comment.line + above >= line && comment.text.contains(mark))
    }

    fn at(&self, line: usize, what: impl AsRef<str>) -> String {
        format!("{}:{line}: {}", self.path, what.as_ref())
    }
}

/// The path that `tokens` start with, and how many tokens it has.
fn path<'s>(tokens: &[Token<'s>]) -> (Vec<&'s str>, usize) {
    let mut segments = vec![tokens[0].text];
    let mut at = 1;
    while let [first, second, word, ..] = &tokens[at..] {
        if !(first.is_mark(":") && second.is_mark(":") && word.kind == Kind::Word) {
            break;
        }
        segments.push(word.text);
        at += 3;
    }
    (segments, at)
}

/// Takes the tree of a `use` apart into whole paths.
fn use_tree<'s>(tokens: &[Token<'s>], prefix: &[&'s str], depth: usize, names: &mut Vec<Name<'s>>) {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    for (at, token) in tokens.iter().enumerate() {
        line = token.line;
        match token.kind {
            Kind::Word if token.text == "as" => break,
            Kind::Word => segments.push(token.text),
            Kind::Mark if token.text == "*" => segments.push("*"),
            Kind::Mark if token.text == "{" => {
                let inside = &tokens[at + 1..closing(tokens, at)];
                let mut start = 0;
                while start < inside.len() {
                    let mut end = start;
                    while end < inside.len() && !inside[end].is_mark(",") {
                        end = if inside[end].is_mark("{") { closing(inside, end) + 1 } else { end + 1 };
                    }
                    use_tree(&inside[start..end.min(inside.len())], &segments, depth, names);
                    start = end + 1;
                }
                return;
            }
            _ => {}
        }
    }
    if !segments.is_empty() {
        names.push(Name { line, depth, segments });
    }
}

/// All that is wrong with a file.
fn check(path: &str, text: &str, seen: &mut Seen) -> Vec<String> {
    let file = File::new(path, text);
    let mut found = Vec::new();
    check_place(&file, &mut found);
    check_edges(&file, seen, &mut found);
    check_length(&file, &mut found);
    check_unsafe(&file, seen, &mut found);
    check_orderings(&file, seen, &mut found);
    check_machine(&file, &mut found);
    check_left_overs(&file, &mut found);
    found
}

/// Code lies in a layer of the table; the root of the crate declares and re-exports; `docs` holds pages.
fn check_place(file: &File<'_>, found: &mut Vec<String>) {
    let Some(parts) = file.below_src() else { return };
    match parts[..] {
        ["lib.rs"] => check_only(file, &["mod", "use", "compile_error"], found),
        ["docs", ..] => check_only(file, &["mod"], found),
        ["bin", _, ..] => {}
        [layer, _, ..] if LAYERS.iter().any(|&(name, _)| name == layer) => {}
        _ => found.push(file.at(1, "lies in no layer of the table in tests/tidy.rs")),
    }
    for (nth, token) in file.code.iter().enumerate() {
        let is_path =
            token.is_word("path") && nth >= 2 && file.code[nth - 1].is_mark("[") && file.code[nth - 2].is_mark("#");
        let is_extern = token.is_word("crate") && nth > 0 && file.code[nth - 1].is_word("extern");
        let is_include = token.is_word("include") && file.code.get(nth + 1).is_some_and(|next| next.is_mark("!"));
        if is_path || is_extern || is_include {
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
                found
                    .push(file.at(token.line, format!("module `{name}` is in no layer of the table in tests/tidy.rs")));
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
fn check_edges(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
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

/// A file is read in one sitting.
fn check_length(file: &File<'_>, found: &mut Vec<String>) {
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        found.push(file.at(LINES_MAX + 1, format!("{lines} lines; a file has at most {LINES_MAX}")));
    }
}

/// Unsafe code tells why it is sound, right above; an unsafe function tells its caller's duties.
fn check_unsafe(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
    for tokens in file.code.windows(3) {
        let [token, next, after] = tokens else { continue };
        let promises = matches!(next.text, "fn" | "trait" | "extern" | "auto");
        // `unsafe fn(…)` is a type.
        let is_type = next.is_word("fn") && after.is_mark("(");
        if !token.is_word("unsafe") || is_type || !(promises || next.is_mark("{") || next.is_word("impl")) {
            continue;
        }
        seen.reasons += 1;
        let above = file.text.lines().take(token.line - 1).collect::<Vec<_>>();
        let is_header = |line: &&&str| ["//", "#[", "#!["].iter().any(|start| line.trim_start().starts_with(start));
        let mut header = above.iter().rev().take_while(is_header);
        let documented = promises && header.any(|line| line.contains("# Safety"));
        if !documented && !file.has_reason(token.line, SAFETY_LINES, "SAFETY:") {
            let section = if promises { " or a `# Safety` section" } else { "" };
            found.push(
                file.at(token.line, format!("`unsafe {}` without a `SAFETY:` reason{section} above it", next.text)),
            );
        }
    }
}

/// An ordering tells what it publishes or sees, and its partner.
fn check_orderings(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
    if file.below_src().is_none() {
        return;
    }
    for (token, imported) in file.code.iter().zip(&file.imported) {
        let is_ordering = matches!(token.text, "Relaxed" | "Acquire" | "Release" | "AcqRel" | "SeqCst");
        if token.kind != Kind::Word || !is_ordering || *imported {
            continue;
        }
        seen.reasons += 1;
        if !file.has_reason(token.line, ORDER_LINES, "ORDER:") {
            found.push(file.at(token.line, format!("`{}` without an `ORDER:` reason above it", token.text)));
        }
    }
}

/// Only `sync` knows atomics and loom, and only by the crate's own switch.
fn check_machine(file: &File<'_>, found: &mut Vec<String>) {
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

/// Nothing is left to do later, and no test waits for luck.
fn check_left_overs(file: &File<'_>, found: &mut Vec<String>) {
    for tokens in file.code.windows(3) {
        if matches!(tokens[0].text, "todo" | "unimplemented" | "dbg") && tokens[1].is_mark("!") {
            found.push(file.at(tokens[0].line, format!("`{}!` was left behind", tokens[0].text)));
        }
        if tokens[0].is_mark("#") && tokens[1].is_mark("[") && tokens[2].is_word("ignore") {
            found.push(file.at(tokens[0].line, "`#[ignore]`: a test runs or goes"));
        }
    }
    let may_sleep = !file.path.starts_with("src/") && !file.path.starts_with("tests/");
    for name in &file.names {
        if !may_sleep && name.segments.windows(2).any(|pair| pair == ["thread", "sleep"]) {
            found.push(file.at(name.line, "`thread::sleep`: wait for what is to happen, not for a time"));
        }
    }
}

/// What the checker says of `text`, without the path.
fn said(path: &str, text: &str) -> Vec<String> {
    let found = check(path, text, &mut Seen::default());
    found
        .iter()
        .map(|line| line.strip_prefix(path).and_then(|line| line.strip_prefix(':')).expect("path first").to_owned())
        .collect()
}

/// Asserts that each snippet is refused on the given line, with these words.
fn assert_refused(snippets: &[(&str, &str, usize, &str)]) {
    for &(path, text, line, words) in snippets {
        let said = said(path, text);
        let hit = said.iter().any(|said| said.starts_with(&format!("{line}: ")) && said.contains(words));
        assert!(hit && said.len() == 1, "{path}, {text:?}: wanted line {line} with {words:?}, got {said:#?}");
    }
}

fn assert_accepted(snippets: &[(&str, &str)]) {
    for &(path, text) in snippets {
        let said = said(path, text);
        assert!(said.is_empty(), "{path}, {text:?}: {said:#?}");
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
        ("src/bin/ringway/main.rs", "use crate::args; fn main() {}"),
    ]);
}

#[test]
fn long_files_are_refused() {
    assert_refused(&[("benches/ring.rs", &"//\n".repeat(601), 601, "at most 600")]);
    assert_accepted(&[("benches/ring.rs", &"//\n".repeat(600))]);
}

#[test]
fn unsafe_without_a_reason_is_refused() {
    let why = "without a `SAFETY:`";
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { unsafe { g() } }", 1, why),
        ("src/ring/a.rs", "// SAFETY: too far away\n\n\n\n\nunsafe impl Send for S {}", 6, why),
        ("src/ring/a.rs", "/// Docs.\npub unsafe fn f() {}", 2, why),
        ("src/ring/a.rs", "/// # Safety\n/// * none\n\nfn f() { unsafe { g() } }", 4, why),
        ("benches/ring.rs", "const A: &str = \"SAFETY: no\"; unsafe impl Sync for S {}", 1, why),
    ]);
    assert_accepted(&[
        ("src/ring/a.rs", "fn f() {\n    // SAFETY: it is.\n    unsafe { g() }\n}"),
        (
            "src/ring/a.rs",
            "/// # Safety\n/// * a\n/// * b\n/// * c\n/// * d\n#[inline]\nunsafe fn f() {}\ntype F = unsafe fn();",
        ),
        ("src/ring/a.rs", "#![allow(unsafe_code)] // unsafe { }\nconst A: &str = r#\"unsafe { \"a\" }\"#;"),
    ]);
}

#[test]
fn orderings_without_a_reason_are_refused() {
    let why = "without an `ORDER:`";
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { a.load(Ordering::Acquire) }", 1, why),
        ("src/ring/a.rs", "// ORDER: too far\n\n\n\n\n\nfn f() { a.store(1, Release) }", 7, why),
        ("src/ring/a.rs", "/* ORDER */ fn f() { fence(SeqCst) }", 1, why),
    ]);
    assert_accepted(&[
        (
            "src/ring/a.rs",
            "use crate::sync::Ordering::{Acquire, Release};\n// ORDER: Relaxed; a count.\nfn f() { a.load(Relaxed) }",
        ),
        ("src/ring/a.rs", "// Acquire\nconst A: &str = \"Release\"; const C: char = '\"'; fn f<'Relaxed>() {}"),
        ("tests/a.rs", "fn f() { a.load(Relaxed) }"),
    ]);
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

#[test]
fn left_overs_are_refused() {
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { todo!() }", 1, "left behind"),
        ("examples/a.rs", "fn f() { unimplemented!(\"x\") }", 1, "left behind"),
        ("tests/a.rs", "fn f() { dbg!(1); }", 1, "left behind"),
        ("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", 2, "runs or goes"),
        ("tests/a.rs", "use std::thread::{self, sleep};", 1, "thread::sleep"),
        ("src/wait/a.rs", "fn f() { std::thread::sleep(d) }", 1, "thread::sleep"),
    ]);
    assert_accepted(&[
        ("tests/a.rs", "// todo!()\nconst A: &str = \"dbg!(1)\";\n/* thread::sleep /* nested */ todo!() */"),
        ("examples/a.rs", "fn f() { std::thread::sleep(d) }"),
    ]);
}
