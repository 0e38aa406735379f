//! What holds in every file: it is short, and nothing in it is left to do later or to luck.

use crate::{assert_accepted, assert_refused, file::File};

const LINES_MAX: usize = 600;

/// A file is read in one sitting.
pub(crate) fn check_length(file: &File<'_>, found: &mut Vec<String>) {
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        found.push(file.at(LINES_MAX + 1, format!("{lines} lines; a file has at most {LINES_MAX}")));
    }
}

/// Nothing is left to do later, and no test waits for luck.
pub(crate) fn check_left_overs(file: &File<'_>, found: &mut Vec<String>) {
    for tokens in file.code.windows(3) {
        if matches!(tokens[0].text, "todo" | "unimplemented" | "dbg") && tokens[1].is_mark("!") {
            found.push(file.at(tokens[0].line, format!("`{}!` was left behind", tokens[0].text)));
        }
        if tokens[0].is_mark("#") && tokens[1].is_mark("[") && tokens[2].is_word("ignore") {
            found.push(file.at(tokens[0].line, "`#[ignore]`: a test runs or goes"));
        }
    }
    let may_sleep = !file.path.starts_with("src/") && !file.path.starts_with("tests/");
    for name in &file.names {
        if !may_sleep && name.segments.windows(2).any(|pair| pair == ["thread", "sleep"]) {
            found.push(file.at(name.line, "`thread::sleep`: wait for what is to happen, not for a time"));
        }
    }
}

#[test]
fn long_files_are_refused() {
    assert_refused(&[("benches/ring.rs", &"//\n".repeat(601), 601, "at most 600")]);
    assert_accepted(&[("benches/ring.rs", &"//\n".repeat(600))]);
}

#[test]
fn left_overs_are_refused() {
    assert_refused(&[
        ("src/ring/a.rs", "fn f() { todo!() }", 1, "left behind"),
        ("examples/a.rs", "fn f() { unimplemented!(\"x\") }", 1, "left behind"),
        ("tests/a.rs", "fn f() { dbg!(1); }", 1, "left behind"),
        ("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", 2, "runs or goes"),
        ("tests/a.rs", "use std::thread::{self, sleep};", 1, "thread::sleep"),
        ("src/wait/a.rs", "fn f() { std::thread::sleep(d) }", 1, "thread::sleep"),
    ]);
    assert_accepted(&[
        ("tests/a.rs", "// todo!()\nconst A: &str = \"dbg!(1)\";\n/* thread::sleep /* nested */ todo!() */"),
        ("examples/a.rs", "fn f() { std::thread::sleep(d) }"),
    ]);
}
