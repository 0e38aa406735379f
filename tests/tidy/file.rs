//! One file, taken apart into names, comments and the tokens between them.

use crate::{
    layers::BESIDE_THE_LAYERS,
    lexer::{self, Kind, Token, closing},
};

/// One file, taken apart.
pub(crate) struct File<'s> {
    pub(crate) path: &'s str,
    pub(crate) text: &'s str,
    pub(crate) code: Vec<Token<'s>>,
    /// Comments, and the line of each.
    pub(crate) comments: Vec<Token<'s>>,
    pub(crate) names: Vec<Name<'s>>,
    /// For each token of code, whether it belongs to a `use` declaration.
    pub(crate) imported: Vec<bool>,
}

/// A path in code: `a::b::c`, or one of those that a `use` brings in.
pub(crate) struct Name<'s> {
    pub(crate) line: usize,
    /// Modules around it, counted from the root of the crate.
    pub(crate) depth: usize,
    pub(crate) segments: Vec<&'s str>,
}

impl<'s> File<'s> {
    pub(crate) fn new(path: &'s str, text: &'s str) -> Self {
        let (comments, code) = lexer::tokens(text).into_iter().partition(|token| token.kind == Kind::Comment);
        let mut file = Self { path, text, code, comments, names: Vec::new(), imported: Vec::new() };
        file.find_names();
        file
    }

    /// The part of the path below `src`, if the file is there: `["ring", "spsc.rs"]`.
    pub(crate) fn below_src(&self) -> Option<Vec<&'s str>> {
        Some(self.path.strip_prefix("src/")?.split('/').collect())
    }

    pub(crate) fn layer(&self) -> Option<&'s str> {
        let parts = self.below_src()?;
        (parts.len() > 1 && !BESIDE_THE_LAYERS.contains(&parts[0])).then(|| parts[0])
    }

    /// Modules between the root of the crate and the file's own.
    fn depth(&self) -> usize {
        let parts = self.below_src().unwrap_or_default();
        let last = parts.last().copied().unwrap_or("lib.rs");
        parts.len() - usize::from(matches!(last, "mod.rs" | "lib.rs") && !parts.is_empty())
    }

    fn find_names(&mut self) {
        self.imported = vec![false; self.code.len()];
        let mut names = Vec::new();
        // Where the inline modules around the current token end.
        let mut modules: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < self.code.len() {
            modules.retain(|&end| end > at);
            let depth = self.depth() + modules.len();
            let token = &self.code[at];
            let follows = |ahead: usize, mark: &str| self.code.get(at + ahead).is_some_and(|token| token.is_mark(mark));
            if token.is_word("mod") && follows(2, "{") {
                modules.push(closing(&self.code, at + 2));
                at += 2;
            } else if token.is_word("pub") && follows(1, "(") {
                at = closing(&self.code, at + 1);
            } else if token.is_word("use") && !follows(1, "<") {
                let end = (at..self.code.len()).find(|&nth| self.code[nth].is_mark(";")).unwrap_or(self.code.len());
                self.imported[at..end].fill(true);
                use_tree(&self.code[at + 1..end], &[], depth, &mut names);
                at = end;
            } else if token.kind == Kind::Word {
                let (segments, length) = path(&self.code[at..]);
                names.push(Name { line: token.line, depth, segments });
                at += length - 1;
            }
            at += 1;
        }
        self.names = names;
    }

    /// Whether a comment with `mark` starts on `line` or on one of the `above` lines before it.
    pub(crate) fn has_reason(&self, line: usize, above: usize, mark: &str) -> bool {
        self.comments
            .iter()
            .any(|comment| comment.line <= line && comment.line + above >= line && comment.text.contains(mark))
    }

    pub(crate) fn at(&self, line: usize, what: impl AsRef<str>) -> String {
        format!("{}:{line}: {}", self.path, what.as_ref())
    }
}

/// The path that `tokens` start with, and how many tokens it has.
fn path<'s>(tokens: &[Token<'s>]) -> (Vec<&'s str>, usize) {
    let mut segments = vec![tokens[0].text];
    let mut at = 1;
    while let [first, second, word, ..] = &tokens[at..] {
        if !(first.is_mark(":") && second.is_mark(":") && word.kind == Kind::Word) {
            break;
        }
        segments.push(word.text);
        at += 3;
    }
    (segments, at)
}

/// Takes the tree of a `use` apart into whole paths.
fn use_tree<'s>(tokens: &[Token<'s>], prefix: &[&'s str], depth: usize, names: &mut Vec<Name<'s>>) {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    for (at, token) in tokens.iter().enumerate() {
        line = token.line;
        match token.kind {
            Kind::Word if token.text == "as" => break,
            Kind::Word => segments.push(token.text),
            Kind::Mark if token.text == "*" => segments.push("*"),
            Kind::Mark if token.text == "{" => {
                let inside = &tokens[at + 1..closing(tokens, at)];
                let mut start = 0;
                while start < inside.len() {
                    let mut end = start;
                    while end < inside.len() && !inside[end].is_mark(",") {
                        end = if inside[end].is_mark("{") { closing(inside, end) + 1 } else { end + 1 };
                    }
                    use_tree(&inside[start..end.min(inside.len())], &segments, depth, names);
                    start = end + 1;
                }
                return;
            }
            _ => {}
        }
    }
    if !segments.is_empty() {
        names.push(Name { line, depth, segments });
    }
}
