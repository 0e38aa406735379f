//! Unsafe code and orderings of atomics tell why they are right.

use crate::{Seen, assert_accepted, assert_refused, file::File, lexer::Kind};

/// Lines above a use of `unsafe`, and above an ordering, in which its reason must start.
const SAFETY_LINES: usize = 4;
const ORDER_LINES: usize = 5;

/// Unsafe code tells why it is sound, right above; an unsafe function tells its caller's duties.
pub(crate) fn check_unsafe(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
    for tokens in file.code.windows(3) {
        let [token, next, after] = tokens else { continue };
        let promises = matches!(next.text, "fn" | "trait" | "extern" | "auto");
        // `unsafe fn(…)` is a type.
        let is_type = next.is_word("fn") && after.is_mark("(");
        if !token.is_word("unsafe") || is_type || !(promises || next.is_mark("{") || next.is_word("impl")) {
            continue;
        }
        seen.reasons += 1;
        let above = file.text.lines().take(token.line - 1).collect::<Vec<_>>();
        let is_header = |line: &&&str| ["//", "#[", "#!["].iter().any(|start| line.trim_start().starts_with(start));
        let mut header = above.iter().rev().take_while(is_header);
        let documented = promises && header.any(|line| line.contains("# Safety"));
        if !documented && !file.has_reason(token.line, SAFETY_LINES, "SAFETY:") {
            let section = if promises { " or a `# Safety` section" } else { "" };
            found.push(
                file.at(token.line, format!("`unsafe {}` without a `SAFETY:` reason{section} above it", next.text)),
            );
        }
    }
}

/// An ordering tells what it publishes or sees, and its partner.
pub(crate) fn check_orderings(file: &File<'_>, seen: &mut Seen, found: &mut Vec<String>) {
    if file.below_src().is_none() {
        return;
    }
    for (token, imported) in file.code.iter().zip(&file.imported) {
        let is_ordering = matches!(token.text, "Relaxed" | "Acquire" | "Release" | "AcqRel" | "SeqCst");
        if token.kind != Kind::Word || !is_ordering || *imported {
            continue;
        }
        seen.reasons += 1;
        if !file.has_reason(token.line, ORDER_LINES, "ORDER:") {
            found.push(file.at(token.line, format!("`{}` without an `ORDER:` reason above it", token.text)));
        }
    }
}

#[test]
fn unsafe_without_a_reason_is_refused() {
    let why = "without a `SAFETY:`";
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { unsafe { g() } }", 1, why),
        ("src/ring/a.rs", "// SAFETY: too far away\n\n\n\n\nunsafe impl Send for S {}", 6, why),
        ("src/ring/a.rs", "/// Docs.\npub unsafe fn f() {}", 2, why),
        ("src/ring/a.rs", "/// # Safety\n/// * none\n\nfn f() { unsafe { g() } }", 4, why),
        ("benches/ring.rs", "const A: &str = \"SAFETY: no\"; unsafe impl Sync for S {}", 1, why),
    ]);
    assert_accepted(&[
        ("src/ring/a.rs", "fn f() {\n    // SAFETY: it is.\n    unsafe { g() }\n}"),
        (
            "src/ring/a.rs",
            "/// # Safety\n/// * a\n/// * b\n/// * c\n/// * d\n#[inline]\nunsafe fn f() {}\ntype F = unsafe fn();",
        ),
        ("src/ring/a.rs", "#![allow(unsafe_code)] // unsafe { }\nconst A: &str = r#\"unsafe { \"a\" }\"#;"),
    ]);
}

#[test]
fn orderings_without_a_reason_are_refused() {
    let why = "without an `ORDER:`";
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { a.load(Ordering::Acquire) }", 1, why),
        ("src/ring/a.rs", "// ORDER: too far\n\n\n\n\n\nfn f() { a.store(1, Release) }", 7, why),
        ("src/ring/a.rs", "/* ORDER */ fn f() { fence(SeqCst) }", 1, why),
    ]);
    assert_accepted(&[
        (
            "src/ring/a.rs",
            "use crate::sync::Ordering::{Acquire, Release};\n// ORDER: Relaxed; a count.\nfn f() { a.load(Relaxed) }",
        ),
        ("src/ring/a.rs", "// Acquire\nconst A: &str = \"Release\"; const C: char = '\"'; fn f<'Relaxed>() {}"),
        ("tests/a.rs", "fn f() { a.load(Relaxed) }"),
    ]);
}
