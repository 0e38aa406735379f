//! One line of the verdict: what was found, what that does to latency, and what to change.

/// How a finding bears on what is measured here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Can't be told.
    Unknown,
    /// Worth knowing.
    Note,
    /// Spoils figures.
    Warn,
}

/// One line of the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) subject: &'static str,
    pub(crate) state: State,
    pub(crate) found: String,
    pub(crate) means: String,
    pub(crate) change: Option<String>,
}

impl Finding {
    pub(super) fn new(subject: &'static str, state: State, found: impl Into<String>, means: impl Into<String>) -> Self {
        Self { subject, state, found: found.into(), means: means.into(), change: None }
    }

    pub(super) fn change(mut self, change: impl Into<String>) -> Self {
        self.change = Some(change.into());
        self
    }

    /// Nothing is known, because `what` can't be read.
    pub(super) fn unknown(subject: &'static str, what: &str, means: &str) -> Self {
        Self::new(subject, State::Unknown, format!("{what} can't be read"), means)
    }
}
