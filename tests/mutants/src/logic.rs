//! Mutants that change what is done, not how it is ordered: `logic.txt`.
//!
//! ```text
//! # a comment
//! name: publish before write
//! file: src/ring/packed.rs
//! ---
//! the source, token by token; white space and comments do not count
//! ---
//! what stands there instead
//! ---
//! ```

use std::{fs, path::Path};

/// One entry.
pub(crate) struct Snippet {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) written: String,
    pub(crate) instead: String,
}

/// The table.
pub(crate) fn load(root: &Path) -> Result<Vec<Snippet>, String> {
    let path = root.join("tests/mutants/logic.txt");
    let text = fs::read_to_string(path).map_err(|error| format!("logic.txt: {error}"))?;
    let mut lines = text.lines().enumerate();
    let mut snippets: Vec<Snippet> = Vec::new();
    while let Some((nth, line)) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!("logic.txt:{}: {what}", nth + 1);
        let name = line.strip_prefix("name: ").ok_or(wrong("an entry begins with name:"))?.to_owned();
        let file = lines.next().and_then(|(_, line)| line.strip_prefix("file: ")).ok_or(wrong("no file: follows"))?;
        let bar = lines.next().is_some_and(|(_, line)| line == "---");
        let mut part =
            || -> Vec<&str> { lines.by_ref().map(|(_, line)| line).take_while(|&line| line != "---").collect() };
        let [written, instead] = [part().join("\n"), part().join("\n")];
        if !bar || written.trim().is_empty() || snippets.iter().any(|other| other.name == name) {
            return Err(wrong("--- source --- replacement --- must follow, under a name of its own"));
        }
        snippets.push(Snippet { name, file: file.to_owned(), written, instead });
    }
    Ok(snippets)
}
