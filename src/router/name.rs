//! Names of queues and topics, checked once, and patterns over them.
//!
//! ```text
//! name     orders.eu.new        segments of letters, digits, `-` and `_`, joined by dots
//! pattern  orders.*.new         `*` stands for one segment
//!          orders.>             `>`, only at the end, for one or more
//! ```
//!
//! # Source
//! NATS subjects and their wildcards.

use std::{error::Error, fmt, str::FromStr, sync::Arc};

/// Bytes that a name or a pattern may have.
pub const NAME_BYTES_MAX: usize = 128;

/// The name of a queue, a topic or a subscription. A clone shares the text.
///
/// # Examples
/// ```
/// use ringway::router::Name;
///
/// let name: Name = "orders.eu".parse()?;
/// assert_eq!(name.as_str(), "orders.eu");
/// let error = "orders eu".parse::<Name>().unwrap_err();
/// assert_eq!(error.to_string(), "\"orders eu\": ' ' at byte 6: use letters, digits, '-', '_', and '.' between segments");
/// # Ok::<(), ringway::router::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`NameError`], with the text, the place and what is allowed there.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text, false)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which names are meant: a name with `*` for any one segment, and `>` at the end for one or more.
///
/// # Examples
/// ```
/// use ringway::router::{Name, Pattern};
///
/// let orders = Pattern::new("orders.>")?;
/// assert!(orders.matches(&Name::new("orders.eu.new")?));
/// assert!(!orders.matches(&Name::new("orders")?));
/// # Ok::<(), ringway::router::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// Checks `text`. A plain name is a pattern, too, which matches itself.
    ///
    /// # Errors
    /// [`NameError`], with the text, the place and what is allowed there.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check(text, true)?;
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `name` is meant.
    pub fn matches(&self, name: &Name) -> bool {
        let mut segments = name.0.split('.');
        for wanted in self.0.split('.') {
            match (wanted, segments.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(segment)) if wanted == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

/// Refuses what is no name, or no pattern.
fn check(text: &str, wildcards: bool) -> Result<(), NameError> {
    let refuse = |fault| Err(NameError { text: text.chars().take(NAME_BYTES_MAX).collect(), fault });
    if text.is_empty() {
        return refuse(Fault::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return refuse(Fault::TooLong { bytes: text.len() });
    }
    let mut start = 0;
    for segment in text.split('.') {
        let end = start + segment.len();
        match segment {
            "" => return refuse(Fault::EmptySegment { at: start }),
            "*" if wildcards => {}
            ">" if wildcards && end == text.len() => {}
            ">" if wildcards => return refuse(Fault::TailInside { at: start }),
            _ => {
                let bad = segment.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
                if let Some((at, found)) = bad {
                    return refuse(Fault::Character { at: start + at, found });
                }
            }
        }
        start = end + 1;
    }
    Ok(())
}

/// Why a text is no name, or no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    text: String,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong { bytes: usize },
    EmptySegment { at: usize },
    TailInside { at: usize },
    Character { at: usize, found: char },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = "use letters, digits, '-', '_', and '.' between segments";
        write!(f, "{:?}: ", self.text)?;
        match self.fault {
            Fault::Empty => write!(f, "a name has one segment at the least: {allowed}"),
            Fault::TooLong { bytes } => write!(f, "{bytes} bytes: a name has at most {NAME_BYTES_MAX}"),
            Fault::EmptySegment { at } => write!(f, "an empty segment at byte {at}: {allowed}"),
            Fault::TailInside { at } => write!(f, "'>' at byte {at}: it stands for the rest, so only at the end"),
            Fault::Character { at, found } => write!(f, "{found:?} at byte {at}: {allowed}"),
        }
    }
}

impl Error for NameError {}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl FromStr for Pattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
