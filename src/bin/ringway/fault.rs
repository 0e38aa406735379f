//! What ends the program with exit code 2: a mistake that its user can mend.

use std::fmt;

/// One line that names the place, says what was found there, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl Fault {
    /// The line; breaks and runs of white space in it become single spaces.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
