//! Mutants that no model can notice, because they break nothing: `justified.txt`.
//!
//! ```text
//! # a comment
//! src/ring/end.rs | reached | load Acquire -> Relaxed | let mut end = self.word.load(Ordering::Acquire);
//!     Why this is equivalent, on as many indented lines as it takes.
//! ```
//! The line number is no part of the key, so that code may move; the line of code is, so that it may not change unseen.

use std::{fs, path::Path};

/// One entry.
pub(crate) struct Justified {
    pub(crate) key: String,
    pub(crate) why: String,
}

/// The table.
pub(crate) fn load(root: &Path) -> Result<Vec<Justified>, String> {
    let path = root.join("tests/mutants/justified.txt");
    let text = fs::read_to_string(path).map_err(|error| format!("justified.txt: {error}"))?;
    let mut entries: Vec<Justified> = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.starts_with(char::is_whitespace), entries.last_mut()) {
            (false, _) => entries.push(Justified { key: line.trim_end().to_owned(), why: String::new() }),
            (true, Some(entry)) => {
                entry.why += if entry.why.is_empty() { "" } else { " " };
                entry.why += line.trim();
            }
            (true, None) => return Err(format!("justified.txt:{}: a reason without a mutant", nth + 1)),
        }
    }
    match entries.iter().find(|entry| entry.why.is_empty() || entry.key.matches(" | ").count() < 3) {
        Some(entry) => {
            Err(format!("justified.txt: {:?}: file | function | change | code, and then a reason", entry.key))
        }
        None => Ok(entries),
    }
}
