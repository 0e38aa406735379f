//! How this program was compiled, as far as it can tell by itself.

use std::{env, fs};

use memchr::memmem;

use crate::harness::facts::Build;

/// What the compiler leaves in every program that it makes, in front of its version.
const MARK: &[u8] = b"rustc version ";

/// This program's build.
pub(super) fn build() -> Build {
    let is_optimised = !cfg!(debug_assertions);
    let how = if is_optimised { "optimised" } else { "with debug assertions" };
    Build {
        rustc: rustc().unwrap_or_else(|| "not shown".into()),
        flags: format!("{} {}, {how}", env::consts::ARCH, env::consts::OS),
        unfit: (!is_optimised).then(|| "built without optimisation".into()),
    }
}

/// The compiler, by the mark in this program's file.
fn rustc() -> Option<String> {
    let program = fs::read(env::current_exe().ok()?).ok()?;
    version(&program).map(|version| format!("rustc {version}"))
}

fn version(program: &[u8]) -> Option<String> {
    let mut places = memmem::find_iter(program, MARK).map(|at| &program[at + MARK.len()..]);
    // This file's own constant is a mark, too, but no number follows it.
    let text = places.find(|text| text.first().is_some_and(u8::is_ascii_digit))?;
    let length = text.iter().position(|byte| !(b' '..=b'~').contains(byte)).unwrap_or(text.len());
    Some(String::from_utf8_lossy(&text[..length.min(64)]).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{rustc, version};

    #[test]
    fn the_mark_with_a_number_is_the_compilers() {
        let program = b"rustc version \0..rustc version 1.95.0 (59807616e 2026-04-14)\0GCC: 12";
        assert_eq!(version(program).as_deref(), Some("1.95.0 (59807616e 2026-04-14)"));
        assert_eq!(version(b"rustc version "), None);
        assert!(rustc().is_none_or(|rustc| rustc.starts_with("rustc 1.")), "{:?}", rustc());
    }
}
