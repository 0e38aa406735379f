//! The copy of the crate that is broken: which files it has, and how it is built.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{cfg, lexer, rewrite, sites::Site};

/// Where the hook goes, and where its module is declared.
const HOOK: &str = "src/sync/mutant.rs";
const HOOK_PARENT: &str = "src/sync/mod.rs";

/// A source file of the crate.
pub(crate) struct Source {
    /// Relative to the crate, with `/`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The files that the models compile, found as the compiler does: from `lib.rs` along the modules.
pub(crate) fn live_files(root: &Path) -> Result<Vec<Source>, String> {
    let mut files = Vec::new();
    let mut pending = vec![("src/lib.rs".to_owned(), "src".to_owned())];
    while let Some((name, folder)) = pending.pop() {
        let text = fs::read_to_string(root.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        for module in cfg::modules(&lexer::code(&text)) {
            let inside = format!("{folder}/{module}");
            let [file, index] = [format!("{inside}.rs"), format!("{inside}/mod.rs")];
            pending.push((if root.join(&file).exists() { file } else { index }, inside));
        }
        files.push(Source { name, text });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Copies the crate with a hook at every site, and builds its models; returns the binary.
pub(crate) fn build(root: &Path, sites: &[Site]) -> Result<PathBuf, String> {
    let tree = root.join("target/mutants/tree");
    copy(&root.join("src"), &tree.join("src"), true)?;
    copy(&root.join("tests/loom"), &tree.join("tests/loom"), false)?;
    if root.join("README.md").exists() {
        let text = fs::read(root.join("README.md")).map_err(|error| error.to_string())?;
        write(&tree.join("README.md"), &text)?;
    }
    for source in live_files(root)? {
        let here: Vec<_> = sites.iter().filter(|site| site.file == source.name).collect();
        let mut text = rewrite::wrap(&source, &here)?;
        if source.name == HOOK_PARENT {
            text.push_str("\npub(crate) mod mutant;\n");
        }
        write(&tree.join(&source.name), text.as_bytes())?;
    }
    let hook = format!("{}\nconst SITES: usize = {};\n", include_str!("../hook.rs"), sites.len());
    write(&tree.join(HOOK), hook.as_bytes())?;
    write(&tree.join("Cargo.toml"), manifest(root)?.as_bytes())?;
    if let (Ok(lock), false) = (fs::read(root.join("Cargo.lock")), tree.join("Cargo.lock").exists()) {
        write(&tree.join("Cargo.lock"), &lock)?;
    }
    compile(root, &tree)
}

/// The manifest under which `.ci/loom` runs the models, without lints: broken code need not be pretty.
fn manifest(root: &Path) -> Result<String, String> {
    let output = Command::new(root.join(".ci/loom")).arg("--manifest").output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!(".ci/loom --manifest:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    let mut keep = true;
    let kept = text.lines().filter(|line| {
        if line.starts_with('[') {
            keep = !line.starts_with("[lints");
        }
        keep
    });
    Ok(kept.fold(String::new(), |text, line| text + line + "\n"))
}

/// Shares what `.ci/loom` has built of the dependencies.
fn compile(root: &Path, tree: &Path) -> Result<PathBuf, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "test",
            "--no-run",
            "--quiet",
            "--profile",
            "loom",
            "--test",
            "loom",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(tree)
        .env("RUSTFLAGS", "--cfg ringway_loom")
        .env("CARGO_TARGET_DIR", root.join("target/loom"))
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let errors: String = said.split("\n\n").filter(|part| part.contains("error")).collect::<Vec<_>>().join("\n\n");
        return Err(format!("the mutated tree does not build:\n{errors}"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut binaries = messages.lines().filter(|line| line.contains("\"kind\":[\"test\"]"));
    let path = binaries
        .next()
        .and_then(|line| line.split_once("\"executable\":\""))
        .and_then(|(_, rest)| rest.split_once('"'));
    path.map(|(path, _)| PathBuf::from(path)).ok_or("cargo named no test binary".into())
}

/// Copies a folder; without its Rust files, if `but_rust`.
fn copy(from: &Path, to: &Path, but_rust: bool) -> Result<(), String> {
    let describe = |error: std::io::Error| format!("{}: {error}", from.display());
    for entry in fs::read_dir(from).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target, but_rust)?;
        } else if !but_rust || entry.path().extension().is_none_or(|extension| extension != "rs") {
            write(&target, &fs::read(entry.path()).map_err(describe)?)?;
        }
    }
    Ok(())
}

/// Writes a file if it changes, so that cargo sees what did.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let write = || {
        fs::create_dir_all(path.parent().expect("below the tree"))?;
        fs::write(path, bytes)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))
}
