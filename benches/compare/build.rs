//! Hands the compiler's version and flags to the report: they belong to every figure, and the run itself can't see them.

use std::{env, process::Command};

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=COMPARE_RUSTC={}", version.trim());

    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\u{1f}', " ");
    println!("cargo::rustc-env=COMPARE_RUSTFLAGS={flags}");
    for (name, from) in [("COMPARE_TARGET", "TARGET"), ("COMPARE_PROFILE", "PROFILE"), ("COMPARE_OPT", "OPT_LEVEL")] {
        println!("cargo::rustc-env={name}={}", env::var(from).unwrap_or_default());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
}
