//! Splits Rust source into tokens: enough to tell code from comments and literals, and to find what a file names.
//!
//! Used by `tests/tidy` and by the package in `tests/mutants`. It takes source that compiles for granted.
#![allow(dead_code, reason = "each of the two needs a part of it")]

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword; of a raw name the part behind `r#`.
    Word,
    /// One character of punctuation: `::` is two tokens.
    Mark,
    /// A number, a string or a character.
    Literal,
    /// `'a`.
    Lifetime,
    /// A line of a comment, or a block comment; documentation is comment too.
    Comment,
}

/// A piece of source.
#[derive(Debug, Clone)]
pub(crate) struct Token<'s> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its text.
    pub(crate) text: &'s str,
    /// Where it starts.
    pub(crate) start: usize,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Where it lies in the source.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether it is this name or keyword.
    pub(crate) fn is_word(&self, text: &str) -> bool {
        self.kind == Kind::Word && self.text == text
    }

    /// Whether it is this character of punctuation.
    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }
}

/// All tokens of `source`, in order; white space is left out.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            line += usize::from(first == '\n');
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = token(&source[at..]);
        let text = &source[at..at + length];
        let name = if kind == Kind::Word { text.strip_prefix("r#").unwrap_or(text) } else { text };
        tokens.push(Token { kind, text: name, start: at + length - name.len(), line });
        line += text.matches('\n').count();
        at += length;
    }
    tokens
}

/// The tokens of `source` that are code.
pub(crate) fn code(source: &str) -> Vec<Token<'_>> {
    let mut tokens = tokens(source);
    tokens.retain(|token| token.kind != Kind::Comment);
    tokens
}

/// Position of the token that closes the bracket at `open`, or of the last token.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (nth, token) in tokens.iter().enumerate().skip(open) {
        if token.kind != Kind::Mark {
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return nth;
                }
            }
            _ => {}
        }
    }
    tokens.len() - 1
}

/// Kind and length of the token that `rest` starts with.
fn token(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let second = bytes.get(1).copied().unwrap_or(0);
    match bytes[0] {
        b'/' if second == b'/' => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        b'/' if second == b'*' => (Kind::Comment, block_comment(bytes)),
        b'"' => (Kind::Literal, quoted(bytes, 0, b'"')),
        b'\'' => character_or_lifetime(rest),
        b'0'..=b'9' => (Kind::Literal, number(bytes)),
        b'r' | b'b' | b'c' => prefixed(rest).unwrap_or_else(|| (Kind::Word, word(rest))),
        byte if byte == b'_' || byte >= 0x80 || byte.is_ascii_alphabetic() => (Kind::Word, word(rest)),
        _ => (Kind::Mark, 1),
    }
}

fn word(rest: &str) -> usize {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    // A character that starts no name is taken alone, so that the lexer always gets on.
    rest.find(|c| !is_part(c)).filter(|&length| length > 0).unwrap_or_else(|| {
        if rest.starts_with(is_part) { rest.len() } else { rest.chars().next().map_or(1, char::len_utf8) }
    })
}

/// Block comments nest.
fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// Length of a literal whose opening quote is at `open`.
fn quoted(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    bytes.len().min(at + 1)
}

/// `b"…"`, `b'…'`, `c"…"`, `r"…"`, `r#"…"#`, `br"…"`, `cr"…"` and raw names.
fn prefixed(rest: &str) -> Option<(Kind, usize)> {
    let bytes = rest.as_bytes();
    let prefix = bytes.iter().take(2).take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    match bytes.get(prefix)? {
        b'\'' if &rest[..prefix] == "b" => Some((Kind::Literal, quoted(bytes, prefix, b'\''))),
        b'"' if !rest[..prefix].ends_with('r') => Some((Kind::Literal, quoted(bytes, prefix, b'"'))),
        b'"' | b'#' if rest[..prefix].ends_with('r') => {
            let hashes = bytes[prefix..].iter().take_while(|&&byte| byte == b'#').count();
            let open = prefix + hashes;
            if bytes.get(open) != Some(&b'"') {
                return (hashes == 1).then(|| (Kind::Word, 2 + word(&rest[2..])));
            }
            let end = format!("\"{}", "#".repeat(hashes));
            let length = rest[open + 1..].find(&end).map_or(rest.len(), |found| open + 1 + found + end.len());
            Some((Kind::Literal, length))
        }
        _ => None,
    }
}

fn character_or_lifetime(rest: &str) -> (Kind, usize) {
    let mut after = rest[1..].chars();
    match (after.next(), after.next()) {
        (Some('\\'), _) => (Kind::Literal, quoted(rest.as_bytes(), 0, b'\'')),
        (Some(one), Some('\'')) => (Kind::Literal, 2 + one.len_utf8()),
        (Some(_), _) => (Kind::Lifetime, 1 + word(&rest[1..])),
        (None, _) => (Kind::Mark, 1),
    }
}

/// A number takes its suffix along, and a point only if a digit follows: `0..9` is three tokens and two marks.
fn number(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        let is_point = byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(byte == b'_' || byte.is_ascii_alphanumeric() || is_point) {
            break;
        }
        at += 1;
    }
    at
}
