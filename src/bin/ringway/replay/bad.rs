//! Why a row is no row.

use std::fmt;

use crate::show;

use super::lines::LINE_MAX;

/// What is wrong with a line. Only the few that are shown are put into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bad {
    TooLong,
    Columns { found: usize, wanted: usize },
    OpenQuote,
    AfterQuote,
    NotJson { column: usize },
    NoField(What),
    NoValue(What),
    NoWord(What),
    NoMatch(What),
    Empty(What),
    NoTime,
}

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Key,
    Time,
}

impl What {
    /// The option that says where it is.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Key => "--key",
            Self::Time => "--time",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Time => "time",
        })
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "longer than {}", show::bytes(LINE_MAX as f64)),
            Self::Columns { found: 1, wanted } => write!(f, "1 column instead of {wanted}"),
            Self::Columns { found, wanted } => write!(f, "{found} columns instead of {wanted}"),
            Self::OpenQuote => f.write_str("a quote is not closed"),
            Self::AfterQuote => f.write_str("text after a closing quote"),
            Self::NotJson { column } => write!(f, "not JSON from byte {column}"),
            Self::NoField(what) => write!(f, "no field with the {what}"),
            Self::NoValue(what) => write!(f, "the {what} is null, a list or an object"),
            Self::NoWord(what) => write!(f, "too few words for the {what}"),
            Self::NoMatch(what) => write!(f, "no match for {}-regex", what.option()),
            Self::Empty(what) => write!(f, "the {what} is empty"),
            Self::NoTime => f.write_str("not a time"),
        }
    }
}
