//! The architecture and the house rules as a test: what a layer may name, and what every file must and must not hold.
//!
//! The rules are those of the function that checks each, in the file of their concern, with the snippets that show that it
//! does; `layers.rs` holds the map of the crate.

#[path = "../support/lexer.rs"]
mod lexer;

mod file;
mod habits;
mod layers;
mod machine;
mod promises;
mod reasons;

use std::{
    fs,
    path::{Path, PathBuf},
};

use file::File;

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
pub(crate) struct Seen {
    pub(crate) files: usize,
    pub(crate) edges: usize,
    pub(crate) reasons: usize,
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

/// All that is wrong with a file.
fn check(path: &str, text: &str, seen: &mut Seen) -> Vec<String> {
    let file = File::new(path, text);
    let mut found = Vec::new();
    layers::check_place(&file, &mut found);
    layers::check_edges(&file, seen, &mut found);
    habits::check_length(&file, &mut found);
    reasons::check_unsafe(&file, seen, &mut found);
    reasons::check_orderings(&file, seen, &mut found);
    machine::check_machine(&file, &mut found);
    habits::check_left_overs(&file, &mut found);
    found
}

/// What the checker says of `text`, without the path.
pub(crate) fn said(path: &str, text: &str) -> Vec<String> {
    let found = check(path, text, &mut Seen::default());
    found
        .iter()
        .map(|line| line.strip_prefix(path).and_then(|line| line.strip_prefix(':')).expect("path first").to_owned())
        .collect()
}

/// Asserts that each snippet is refused on the given line, with these words.
pub(crate) fn assert_refused(snippets: &[(&str, &str, usize, &str)]) {
    for &(path, text, line, words) in snippets {
        let said = said(path, text);
        let hit = said.iter().any(|said| said.starts_with(&format!("{line}: ")) && said.contains(words));
        assert!(hit && said.len() == 1, "{path}, {text:?}: wanted line {line} with {words:?}, got {said:#?}");
    }
}

pub(crate) fn assert_accepted(snippets: &[(&str, &str)]) {
    for &(path, text) in snippets {
        let said = said(path, text);
        assert!(said.is_empty(), "{path}, {text:?}: {said:#?}");
    }
}
