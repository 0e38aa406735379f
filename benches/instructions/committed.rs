//! The counts that were committed, and how far a new one may be from them.
//!
//! Counts repeat to the digit with one compiler, wherever they are taken; another compiler makes other code, so the file names
//! its own, and nothing is compared with another's.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, process::Command};

/// How far a count may be from the committed one, either way.
const DIFFERENCE_MAX: f64 = 0.02;
/// What a count of two decimals can't tell.
const ROUNDING: f64 = 0.02;
/// The command that commits new counts.
const SAVE: &str = "cargo bench --bench instructions -- --save";

/// Counts of instructions by operation.
pub(crate) type Counts = BTreeMap<String, f64>;

/// The file that holds them.
pub(crate) fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results/instructions.md"))
}

/// Counts, and the compiler whose code they are of.
#[derive(Debug, PartialEq)]
pub(crate) struct Committed {
    compiler: String,
    counts: Counts,
}

impl Committed {
    /// New counts, of this machine's compiler.
    pub(crate) fn new(counts: Counts) -> Self {
        Self { compiler: compiler(), counts }
    }

    /// What was committed.
    ///
    /// # Errors
    /// One line, if the file can't be read or holds something else.
    pub(crate) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(path()).map_err(|error| format!("{}: {error}", path().display()))?;
        Self::parse(&text).ok_or_else(|| format!("{} is not what `{SAVE}` writes", path().display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let compiler = text.lines().find_map(|line| line.strip_prefix("By "))?.trim_end_matches('.').to_owned();
        let rows = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let row = |line: &str| {
            let (name, count) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        Some(Self { compiler, counts: rows.map(row).collect::<Option<_>>()? })
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "# Instructions an operation\n\nWritten by `{SAVE}`; `.ci/run benches` holds new counts against these.\n\nBy {}.\n\n\
             | operation | instructions an item |\n|---|---|\n",
            self.compiler
        );
        for (name, count) in &self.counts {
            // Writing to a string can't fail.
            let _ = writeln!(text, "| {name} | {count:.2} |");
        }
        text
    }

    /// What is wrong with new counts, a line each; `are_all` if no operation was left out on purpose.
    pub(crate) fn compare(&self, new: &Self, are_all: bool) -> Vec<String> {
        if self.compiler != new.compiler {
            println!("\nnot compared: the committed counts are by {}, these by {}", self.compiler, new.compiler);
            return Vec::new();
        }
        let mut wrong = Vec::new();
        for (name, &count) in &new.counts {
            let Some(&before) = self.counts.get(name) else {
                wrong.push(format!("{name}: {count:.2} instructions an item, and none are committed: {SAVE}"));
                continue;
            };
            if (count - before).abs() > (before * DIFFERENCE_MAX).max(ROUNDING) {
                let change = (count / before - 1.0) * 100.0;
                wrong.push(format!(
                    "{name}: {count:.2} instructions an item, {change:+.1} % from the committed {before:.2}; find out why, or \
                     commit the new count and say why: {SAVE}"
                ));
            }
        }
        let gone = self.counts.keys().filter(|name| are_all && !new.counts.contains_key(*name));
        wrong.extend(gone.map(|name| format!("{name}: committed, but not counted any more: {SAVE}")));
        wrong
    }
}

/// The compiler's name and version, and what it compiles for.
fn compiler() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!("{} for {}", version.unwrap_or_else(|_| "an unknown compiler".into()), std::env::consts::ARCH)
}

/// That differences are seen, and nothing else is. A bench target has no test harness, so this runs at each start: it takes
/// no time.
pub(crate) fn check() {
    let of = |counts: &[(&str, f64)]| Committed {
        compiler: "a compiler".into(),
        counts: counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect(),
    };
    let old = of(&[("pop", 100.0), ("push", 1.0), ("swap", 50.0)]);
    assert_eq!(Committed::parse(&old.text()), Some(of(&[("pop", 100.0), ("push", 1.0), ("swap", 50.0)])));
    assert!(old.compare(&of(&[("pop", 101.9), ("push", 1.01), ("swap", 49.1)]), true).is_empty());
    let wrong = old.compare(&of(&[("pop", 102.1), ("push", 0.9), ("new", 1.0)]), true);
    for (line, words) in wrong.iter().zip(["new: 1.00", "pop: 102.10 instructions an item, +2.1 %", "push: ", "swap: "])
    {
        assert!(line.starts_with(words), "{line}");
    }
    assert_eq!(wrong.len(), 4);
    assert_eq!(old.compare(&of(&[("pop", 100.0)]), false), [""; 0]);
}
