//! The part of `/proc` and `/sys` that is read, below any root: this machine's, or a copy of another's.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files below a root.
#[derive(Debug, Clone)]
pub(crate) struct Tree(PathBuf);

impl Tree {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// Whether this is the machine that the program runs on.
    pub(crate) fn is_here(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// A whole file, if it can be read.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path.trim_start_matches('/'))).ok()
    }

    /// The first line of a file, if there is something on it.
    pub(crate) fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let line = text.lines().next()?.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// A file with one number.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        self.line(path)?.parse().ok()
    }

    /// A file with a list of CPUs; an empty list is none.
    pub(crate) fn cpus(&self, path: &str) -> Option<Vec<usize>> {
        parse_cpus(&self.line(path)?)
    }

    /// The value behind `name` and its separator in a file of such lines.
    pub(crate) fn field(&self, path: &str, name: &str) -> Option<String> {
        let text = self.text(path)?;
        let separators = [':', ' ', '\t'];
        let value =
            text.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with(separators)))?;
        Some(value.trim_start_matches(separators).trim_end().to_owned())
    }

    /// Names in a folder that are `prefix` and a number, by that number.
    pub(crate) fn numbered(&self, folder: &str, prefix: &str) -> Vec<usize> {
        let Ok(entries) = fs::read_dir(self.0.join(folder.trim_start_matches('/'))) else { return Vec::new() };
        let number = |name: String| name.strip_prefix(prefix)?.parse().ok();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers: Vec<usize> = names.filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// `0-3,8` as numbers, each once, in order.
pub(crate) fn parse_cpus(list: &str) -> Option<Vec<usize>> {
    // Far more than any machine has: a garbled file must not fill the memory.
    const CPUS_MAX: usize = 1 << 16;
    let mut cpus = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last >= CPUS_MAX {
            return None;
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::parse_cpus;

    #[test]
    fn lists_of_cpus_are_read() {
        for (text, cpus) in [("0", vec![0]), ("0-3,8", vec![0, 1, 2, 3, 8]), ("2-3,0-1\n", vec![0, 1, 2, 3])] {
            assert_eq!(parse_cpus(text), Some(cpus), "{text}");
        }
        for text in ["", "a", "1-", "0-99999999999", "1,,2", "0-70000"] {
            assert_eq!(parse_cpus(text), None, "{text}");
        }
    }
}
