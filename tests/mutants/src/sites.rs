//! The places that can be broken: orderings, fences, and the snippets of `logic.txt`.

use std::{ops::Range, path::Path};

use crate::{
    cfg,
    lexer::{self, Kind, Token, closing},
    logic,
    tree::Source,
};

/// Folders whose code is broken, and a file that only the models have.
const FOLDERS: &[&str] = &["src/sync/", "src/ring/", "src/wait/", "src/channel/", "src/router/"];
const MODEL_ONLY: &str = "src/sync/model.rs";

/// Functions that are a fence to whoever calls them.
const FENCES: &[&str] = &["full_fence", "light_fence", "heavy_fence"];

/// One place in the source, and how it can be broken.
pub(crate) struct Site {
    pub(crate) number: usize,
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The function around it.
    pub(crate) function: String,
    /// What is broken: `load Acquire`, `light_fence`, or the name of a logic mutant.
    pub(crate) what: String,
    /// Its first line of source, without the indentation.
    pub(crate) code: String,
    pub(crate) range: Range<usize>,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) mutants: Vec<Mutant>,
}

/// One way to break a site.
pub(crate) struct Mutant {
    /// What it becomes: an ordering, `drop`, or `on`.
    pub(crate) to: &'static str,
}

/// All sites of the crate, numbered from 0.
pub(crate) fn all(root: &Path, files: &[Source]) -> Result<Vec<Site>, String> {
    let mut sites = Vec::new();
    let snippets = logic::load(root)?;
    for source in files {
        if !FOLDERS.iter().any(|folder| source.name.starts_with(folder)) || source.name == MODEL_ONLY {
            continue;
        }
        let code = lexer::code(&source.text);
        let finder = Finder { source, out: cfg::left_out(&code), functions: functions(&code), code };
        finder.orderings_and_fences(&mut sites);
        for snippet in snippets.iter().filter(|snippet| snippet.file == source.name) {
            finder.logic(snippet, &mut sites)?;
        }
    }
    for snippet in &snippets {
        if !files.iter().any(|source| source.name == snippet.file) {
            return Err(format!("logic.txt: {:?}: {} is not compiled", snippet.name, snippet.file));
        }
    }
    sites.sort_by(|a, b| (&a.file, a.range.start, &a.what).cmp(&(&b.file, b.range.start, &b.what)));
    for (number, site) in sites.iter_mut().enumerate() {
        site.number = number;
        site.before = site.before.replace("NUMBER", &number.to_string());
    }
    Ok(sites)
}

/// Every function: its name, and the tokens of its body.
fn functions<'s>(code: &[Token<'s>]) -> Vec<(&'s str, Range<usize>)> {
    let mut functions = Vec::new();
    for at in 0..code.len().saturating_sub(1) {
        if !code[at].is_word("fn") || code[at + 1].kind != Kind::Word {
            continue;
        }
        let body = (at..code.len()).find(|&nth| code[nth].is_mark("{") || code[nth].is_mark(";"));
        if let Some(open) = body.filter(|&open| code[open].is_mark("{")) {
            functions.push((code[at + 1].text, open..closing(code, open)));
        }
    }
    functions
}

struct Finder<'a> {
    source: &'a Source,
    code: Vec<Token<'a>>,
    out: Vec<Range<usize>>,
    functions: Vec<(&'a str, Range<usize>)>,
}

impl Finder<'_> {
    fn orderings_and_fences(&self, sites: &mut Vec<Site>) {
        let mut at = 0;
        while at < self.code.len() {
            let token = &self.code[at];
            let is_out = self.out.iter().any(|range| range.contains(&at));
            if token.is_word("use") {
                at = (at..self.code.len()).find(|&nth| self.code[nth].is_mark(";")).unwrap_or(self.code.len());
            } else if !is_out && token.kind == Kind::Word {
                if FENCES.contains(&token.text) && self.is_call(at) {
                    let call = self.path_start(at)..closing(&self.code, at + 1) + 1;
                    sites.push(self.fence(at, call, token.text.to_owned(), &["AcqRel", "drop"]));
                } else if matches!(token.text, "Acquire" | "Release" | "AcqRel" | "SeqCst") && self.in_function(at) {
                    sites.extend(self.ordering(at));
                }
            }
            at += 1;
        }
    }

    /// Whether the name at `at` is called, not declared.
    fn is_call(&self, at: usize) -> bool {
        let called = self.code.get(at + 1).is_some_and(|next| next.is_mark("("));
        called && !(at > 0 && self.code[at - 1].is_word("fn"))
    }

    fn in_function(&self, at: usize) -> bool {
        self.functions.iter().any(|(_, body)| body.contains(&at))
    }

    /// Where the path that ends with the name at `at` begins.
    fn path_start(&self, mut at: usize) -> usize {
        while at >= 3
            && self.code[at - 1].is_mark(":")
            && self.code[at - 2].is_mark(":")
            && self.code[at - 3].kind == Kind::Word
        {
            at -= 3;
        }
        at
    }

    /// The ordering at `at`, if it is the argument of a call.
    fn ordering(&self, at: usize) -> Option<Site> {
        let start = self.path_start(at);
        let (open, argument) = self.call_around(start)?;
        let callee = &self.code[open - 1];
        if callee.kind != Kind::Word || callee.text == "compiler_fence" {
            return None;
        }
        let written = self.code[at].text;
        if callee.text == "fence" && !self.code[open - 2].is_mark(".") {
            let weaker: &[_] = match written {
                "SeqCst" => &["AcqRel", "drop"],
                "AcqRel" => &["Acquire", "Release", "drop"],
                _ => &["drop"],
            };
            let call = self.path_start(open - 1)..closing(&self.code, open) + 1;
            return Some(self.fence(at, call, format!("fence {written}"), weaker));
        }
        let part = match (callee.text, argument) {
            ("compare_exchange" | "compare_exchange_weak", 2) | ("fetch_update", 0) => " success",
            ("compare_exchange" | "compare_exchange_weak", 3) | ("fetch_update", 1) => " failure",
            _ => "",
        };
        let weaker: &[_] = match (written, callee.text) {
            ("SeqCst", "load") => &["Acquire", "Relaxed"],
            ("SeqCst", "store") => &["Release", "Relaxed"],
            ("SeqCst" | "AcqRel", _) => &["Acquire", "Release", "Relaxed"],
            _ => &["Relaxed"],
        };
        Some(self.site(at, start..at + 1, format!("{}{part} {written}", callee.text), "order", "", weaker))
    }

    fn fence(&self, at: usize, call: Range<usize>, what: String, weaker: &[&'static str]) -> Site {
        self.site(at, call, what, "fence", "|| ", weaker)
    }

    /// The bracket of the call that the token at `at` is an argument of, and which argument it is.
    fn call_around(&self, at: usize) -> Option<(usize, usize)> {
        let (mut depth, mut commas) = (0, 0);
        for nth in (1..at).rev() {
            match self.code[nth].text {
                ")" | "]" | "}" => depth += 1,
                "(" if depth == 0 => return Some((nth, commas)),
                "(" | "[" | "{" if depth == 0 => return None,
                "(" | "[" | "{" => depth -= 1,
                "," if depth == 0 => commas += 1,
                ";" if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// The one place that is, token by token, the snippet.
    fn logic(&self, snippet: &logic::Snippet, sites: &mut Vec<Site>) -> Result<(), String> {
        let wanted = lexer::code(&snippet.written);
        let same = |start: usize| self.code[start..].iter().zip(&wanted).all(|(here, there)| here.text == there.text);
        let starts: Vec<_> = (0..=self.code.len().saturating_sub(wanted.len())).filter(|&start| same(start)).collect();
        let [start] = starts[..] else {
            let count = starts.len();
            return Err(format!("logic.txt: {:?}: {count} places in {} match, not 1", snippet.name, snippet.file));
        };
        let end = start + wanted.len();
        if self.out.iter().any(|range| range.contains(&start)) {
            return Err(format!("logic.txt: {:?}: not compiled under loom", snippet.name));
        }
        // A statement stays one; an expression is bracketed, so that what is around it still binds to all of it.
        let is_statement = self.code[end - 1].is_mark(";") || self.code[end - 1].is_mark("}");
        let [open, close] = if is_statement { ["", ""] } else { ["(", ")"] };
        let mut site = self.site(start, start..end, format!("logic: {}", snippet.name), "logic", "", &["on"]);
        site.before = format!("{open}if crate::sync::mutant::logic(NUMBER) {{ {} }} else {{ ", snippet.instead);
        site.after = format!(" }}{close}");
        sites.push(site);
        Ok(())
    }

    fn site(
        &self,
        at: usize,
        tokens: Range<usize>,
        what: String,
        hook: &str,
        lambda: &str,
        weaker: &[&'static str],
    ) -> Site {
        let token = &self.code[at];
        // The innermost function is the last to begin.
        let function = self.functions.iter().rev().find(|(_, body)| body.contains(&at)).map_or("", |&(name, _)| name);
        Site {
            number: 0,
            file: self.source.name.clone(),
            line: token.line,
            function: function.to_owned(),
            what,
            code: self.source.text.lines().nth(token.line - 1).unwrap_or_default().trim().to_owned(),
            range: self.code[tokens.start].start..self.code[tokens.end - 1].range().end,
            before: format!("crate::sync::mutant::{hook}(NUMBER, {lambda}"),
            after: ")".to_owned(),
            mutants: weaker.iter().map(|&to| Mutant { to }).collect(),
        }
    }
}
