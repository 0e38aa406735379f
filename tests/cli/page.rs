//! The page of `ringway report` in a browser: that charts have data, and that no text is cut off, lies on another or overflows.
//!
//! Chromium runs without a window; [`page.js`](page.js) looks at the page from inside. Where there is no Chromium the tests
//! say so and pass, unless `RINGWAY_NEEDS_CHROMIUM` is set, as it is in `.ci/run`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    program::{file, folder, run},
    results::{bench, compare},
};

const CHECK: &str = include_str!("page.js");
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results/compare.json");
/// A browser that dies is started again; what a page is does not change by that.
const TRIES: usize = 3;

/// The browser makes no window narrower than this.
const WINDOW_MIN: u32 = 500;
/// What is seen of a page in a picture.
const FRAME_HEIGHT: u32 = 9000;

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    let folders = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = folders.iter().flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file());
    assert!(
        found.is_some() || env::var_os("RINGWAY_NEEDS_CHROMIUM").is_none(),
        "no {} in PATH: install Chromium",
        names.join(", ")
    );
    if found.is_none() {
        eprintln!("skipped: there is no Chromium here to open the page in");
    }
    found
}

/// Runs the browser on a page until it has done what it was to, as far as what it printed and its files show; gives what it
/// printed.
fn open(browser: &Path, page: &Path, arguments: &[&str], is_done: impl Fn(&str) -> bool) -> String {
    let profile = page.with_extension("profile");
    for _ in 0..TRIES {
        let _ = fs::remove_dir_all(&profile);
        let mut command = Command::new(browser);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--timeout=60000",
        ]);
        command.arg(format!("--user-data-dir={}", profile.display())).args(arguments);
        let output =
            command.arg(format!("file://{}", page.display())).stderr(Stdio::null()).output().expect("it starts");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() && is_done(&printed) {
            let _ = fs::remove_dir_all(&profile);
            return printed;
        }
    }
    panic!("{} failed {TRIES} times on {}", browser.display(), page.display());
}

/// Opens the page of these files in both widths and themes; keeps a picture of each beside it.
fn assert_laid_out(test: &str, files: &[String]) {
    let Some(browser) = browser() else { return };
    let folder = folder(test);
    let page = folder.join("report.html");
    let out = page.to_str().expect("UTF-8");
    let mut arguments = vec!["report", "--out", out];
    arguments.extend(files.iter().map(String::as_str));
    run(&arguments).well();
    let html = fs::read_to_string(&page).expect("a page");
    let checked = html.replace("</body>", &format!("<script>{CHECK}</script></body>"));
    for (width, theme, scheme) in [(1280, "light", 1), (1280, "dark", 0), (400, "light", 1), (400, "dark", 0)] {
        let name = format!("{width}-{theme}");
        let checked = PathBuf::from(file(&folder, &format!("{name}-checked.html"), framed(&checked, width)));
        let size = format!("--window-size={},1600", width.max(WINDOW_MIN));
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let dump = open(&browser, &checked, &[&size, &scheme, "--dump-dom"], |dump| found(dump).is_some());
        let found = found(&dump).expect("it was there");
        let (first, wrong) = found.split_once('\n').unwrap_or((found, ""));
        assert!(wrong.is_empty(), "{first}:\n{wrong}");
        let expected = format!("{width} px, {theme}, ");
        let charts = first
            .strip_prefix(&expected)
            .and_then(|rest| rest.strip_suffix(" charts"))
            .unwrap_or_else(|| panic!("wanted {expected}, got {first}"));
        assert_eq!(charts.parse(), Ok(html.matches("<figure>").count()), "every chart is shown, once");
        let framed = PathBuf::from(file(&folder, &format!("{name}.html"), framed(&html, width)));
        let picture = folder.join(format!("{name}.png"));
        let size = format!("--window-size={},{FRAME_HEIGHT}", width.max(WINDOW_MIN));
        // An empty one is smaller.
        let is_shown =
            |_: &str| fs::read(&picture).is_ok_and(|bytes| bytes.starts_with(b"\x89PNG") && bytes.len() > 50_000);
        open(&browser, &framed, &[&size, &scheme, &format!("--screenshot={}", picture.display())], is_shown);
    }
}

/// What [`page.js`](page.js) found, if it has run.
fn found(dump: &str) -> Option<&str> {
    let (_, found) = dump.split_once("<pre id=\"found\">")?;
    Some(found.split_once("</pre>")?.0)
}

/// A page that shows the other in a frame of that width: a window can't be as narrow.
fn framed(html: &str, width: u32) -> String {
    let html = html.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"><style>body {{ margin: 0 }} iframe \
         {{ border: 0; display: block; width: {width}px; height: {FRAME_HEIGHT}px }}</style><body><iframe scrolling=\"no\" \
         srcdoc=\"{html}\"></iframe></body>"
    )
}

fn written(test: &str, results: &[Value]) -> Vec<String> {
    let folder = folder(&format!("{test}-results"));
    let name = |nth: usize| format!("{nth}.json");
    results.iter().enumerate().map(|(nth, results)| file(&folder, &name(nth), results.to_string())).collect()
}

#[test]
fn the_page_of_all_charts_is_laid_out() {
    let files = written("page-all", &[compare("0f09ede"), bench("0f09ede")]);
    assert_laid_out("page-all", &files);
}

#[test]
fn the_page_of_two_runs_is_laid_out() {
    let files = written("page-two", &[compare("before1"), compare("after12"), bench("before1"), bench("after12")]);
    assert_laid_out("page-two", &files);
}

#[test]
fn the_page_of_the_results_is_laid_out() {
    assert_laid_out("page-results", &[RESULTS.to_owned()]);
}
