//! `ringway report`: its summary, its page, the tables of a README, and what it refuses.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    program::{file, folder, run},
    results::{bench, compare},
};

/// The results that the README quotes.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/results/compare.json");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// What is said of these files, and the page.
fn report(test: &str, files: &[Value]) -> (String, String) {
    let folder = folder(test);
    let names: Vec<String> =
        files.iter().enumerate().map(|(nth, found)| file(&folder, &format!("{nth}.json"), found.to_string())).collect();
    let out = folder.join("report.html").to_str().expect("UTF-8").to_owned();
    let mut arguments = vec!["report", "--out", &out];
    arguments.extend(names.iter().map(String::as_str));
    let said = run(&arguments).well();
    (said.split_whitespace().collect::<Vec<_>>().join(" "), fs::read_to_string(&out).expect("a page"))
}

#[track_caller]
fn assert_says(text: &str, expected: &[&str]) {
    for words in expected {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

#[test]
fn the_verdict_names_winners_losers_and_the_rest() {
    let (said, page) = report("report-verdict", &[compare("0f09ede")]);
    let expected = [
        "In 12 comparisons with the best peer of a row ringway is ahead in 4, behind in 4; 4 are undecided.",
        "Behind: spmc-2 0.8",
        "mpmc-4x4 0.9",
        "mpsc-2 0.9",
        "2 more have too few rounds: a verdict takes 8 at one distance of the CPUs.",
        "1 fault, 2 hangs, 1 cell left out.",
    ];
    assert_says(&said, &expected);
    assert_says(&page, &expected[..1]);
    assert_says(&said, &["NOT COMPARABLE steal of 3.1 %; 4 threads on 2 CPUs", "one to one 1.0", "Undecided: "]);
    assert_says(
        &page,
        &["FAULT: round 7: item 90 came twice", "hung: round 3", "left out: loses items", "Not comparable with other"],
    );
}

#[test]
fn the_page_stands_alone_and_takes_no_text_for_markup() {
    let (_, page) = report("report-page", &[compare("0f09ede"), bench("0f09ede")]);
    for outside in ["http://", "https://", "<script", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_says(&page, &["omango &lt;mpmc&gt; &amp; &quot;more&quot;", "prefers-color-scheme: dark", "@media print"]);
    assert!(!page.contains("<mpmc>"));
    for (open, close) in
        [("<svg", "</svg>"), ("<figure", "</figure>"), ("<table", "</table>"), ("<section", "</section>")]
    {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
}

#[test]
fn every_chart_is_drawn_where_there_is_data_and_missed_where_there_is_none() {
    let sections = [
        ("ringway beside the best peer", "compare"),
        ("All contenders", "both"),
        ("Throughput by producers × consumers", "compare"),
        ("Latency by percentile", "bench"),
        ("Latency against offered load", "bench"),
        ("p99.9 over time", "bench"),
        ("CPU cost against latency, by wait strategy", "bench"),
        ("From core to core", "bench"),
    ];
    for (name, files) in [("compare", vec![compare("a")]), ("bench", vec![bench("a")])] {
        let (_, page) = report(&format!("report-charts-{name}"), &files);
        for (title, of) in sections {
            let start = page.find(&format!("<h2>{title}</h2>")).unwrap_or_else(|| panic!("{title}"));
            let section = &page[start + 4..];
            let section = &section[..section.find("<h2>").expect("more follows")];
            let is_drawn = section.contains("class=\"mark");
            assert_eq!(is_drawn, of == name || of == "both", "{title} of {name}");
            assert_eq!(section.contains("class=\"missing\">No chart"), !is_drawn, "{title} of {name}");
        }
    }
}

#[test]
fn a_cell_of_two_files_is_shown_twice_and_decided_only_if_both_agree() {
    let (before, mut after) = (compare("before1"), compare("after12"));
    let (said, _) = report("report-agree", &[before.clone(), after.clone()]);
    assert_says(&said, &["ahead in 4, behind in 4; 4 are undecided"]);
    // ringway's entry becomes slow in one of the runs.
    for cell in after["cells"].as_array_mut().expect("cells") {
        if cell["row"] == "spsc" && cell["ours"] == true {
            cell["ns"] = json!(vec![3.0; 15]);
        }
    }
    let (said, page) = report("report-disagree", &[before, after]);
    assert_says(&said, &["ahead in 3, behind in 4; 5 are undecided", "run compare before1", "run compare after12"]);
    assert_says(&page, &["ahead; runs differ", "behind; runs differ", "spsc, before1", "spsc, after12"]);
}

#[test]
fn the_tables_of_all_cells_are_those_of_the_results() {
    let folder = folder("report-cells");
    let told = fs::read_to_string(RESULTS.replace(".json", ".md")).expect("tables");
    let copy = file(&folder, "compare.md", &told);
    run(&["report", RESULTS, "--readme", &copy]).well();
    assert!(
        told == fs::read_to_string(&copy).expect("tables"),
        "{}",
        remedy().replace("README.md", "benches/results/compare.md")
    );
}

#[test]
fn the_page_goes_to_standard_output_alone() {
    let folder = folder("report-to-stdout");
    let one = file(&folder, "one.json", compare("0f09ede").to_string());
    run(&["report", &one, "-o", folder.join("x.html").to_str().expect("UTF-8")]).well();
    let page = fs::read_to_string(folder.join("x.html")).expect("a page");
    let said = run(&["report", &one, "--out", "-"]).well();
    assert!(said == page, "{}", said.chars().take(200).collect::<String>());
}

#[test]
fn files_that_agree_are_told_from_files_that_do_not() {
    let folder = folder("report-agree-files");
    let path = |name: &str, found: &Value| file(&folder, name, found.to_string());
    let before = compare("before1");
    let mut slower = before.clone();
    for cell in slower["cells"].as_array_mut().expect("cells") {
        if cell["row"] == "spsc" && cell["ours"] == true {
            cell["ns"] = json!(vec![3.0; 15]);
        }
    }
    let (one, other) = (path("one.json", &before), path("other.json", &slower));
    let same = run(&["report", "--agree", &one, &one]).well();
    assert_says(&same, &["0 differ", "12 shared: 12 the same"]);
    let differs = run(&["report", "--agree", &one, &other]);
    assert_eq!((differs.code, differs.err.as_str()), (Some(1), ""));
    assert_says(&differs.out, &["1 differ", "1 contradict each other", "DIFFERS"]);
    // Of many figures only those that differ are listed; of none there is no list.
    let many = run(&["report", "--agree", RESULTS, RESULTS]).well();
    assert!(many.contains(" 0 differ") && !many.contains("contender"), "{many}");
    assert_says(&run(&["report", "--agree", &one, "--out", "x.html"]).refused(), &["--out"]);
    assert_says(&run(&["report", "--agree", &one]).refused(), &["name two or more"]);
}

#[test]
fn the_tables_of_the_readme_are_those_of_the_results() {
    let folder = folder("report-readme");
    let told = fs::read_to_string(README).expect("a README");
    let copy = file(&folder, "README.md", &told);
    run(&["report", RESULTS, "--readme", &copy]).well();
    let written = fs::read_to_string(&copy).expect("a README");
    assert!(told == written, "the README's tables are not those of benches/results/compare.json: {}", remedy());
    // A figure that somebody changes by hand is noticed, in every table.
    for row in ["| one to one: `spsc` | spsc | ", "| pair | spsc | ", "| spsc-blocking | spsc | "] {
        let changed = told.replacen(row, &format!("{row}9"), 1);
        assert!(changed != told, "no row {row:?}");
        fs::write(&copy, changed).expect("written");
        run(&["report", RESULTS, "--readme", &copy]).well();
        assert!(told == fs::read_to_string(&copy).expect("a README"), "{row}");
    }
}

/// The lines of a table of the README, without its header.
fn readme_rows(block: &str) -> Vec<String> {
    let told = fs::read_to_string(README).expect("a README");
    let start = format!("<!-- ringway report: {block} -->\n");
    let (_, rest) = told.split_once(&start).unwrap_or_else(|| panic!("the README has no block `{block}`"));
    let (block, _) = rest.split_once("<!-- end -->").expect("an end");
    block.lines().skip(2).map(str::to_owned).collect()
}

#[test]
fn the_readme_tells_of_every_row_and_first_of_some_with_a_loser() {
    let results: Value = serde_json::from_str(&fs::read_to_string(RESULTS).expect("results")).expect("JSON");
    let cells = results["cells"].as_array().expect("cells");
    // A load of a sweep is a share of what each contender takes, and what was measured once has no median.
    let is_compared = |cell: &&Value| {
        let is_load = cell["row"].as_str().is_some_and(|row| row.ends_with(" %"));
        cell["part"] == "peer" && !is_load && cell["ns"].as_array().is_some_and(|ns| ns.len() > 1)
    };
    let with_peers = cells.iter().filter(is_compared);
    let all = [readme_rows("rings"), readme_rows("channels")].concat();
    for row in with_peers.map(|cell| cell["row"].as_str().expect("a name")) {
        let names = [format!("| {row} | "), format!("| {row} p50 | ")];
        let told = all.iter().filter(|line| names.iter().any(|name| line.starts_with(name))).count();
        assert_eq!(told, 1, "{row}");
    }
    let summary = readme_rows("summary");
    assert!((5..=8).contains(&summary.len()), "{summary:?}");
    for line in &summary {
        let (asked, figures) = line.split_once('`').expect("the row's name");
        let (row, figures) = figures.split_once('`').expect("the row's name");
        assert!(all.contains(&format!("| {row}{figures}")), "{asked}: {row} has other figures than below");
    }
    assert!(summary.last().is_some_and(|line| line.starts_with("| most behind: ") && line.contains(" **0.")));
}

fn remedy() -> &'static str {
    "run `cargo run --features cli -- report benches/results/compare.json --readme README.md`"
}

#[test]
fn markers_that_make_no_sense_are_refused() {
    let folder = folder("report-markers");
    for (text, words) in [
        ("no marker", "has no marker such as `<!-- ringway report: run -->`"),
        ("a\n<!-- ringway report: run -->\n", "x.md:2: block `run` has no `<!-- end -->` after it"),
        (
            "<!-- ringway report: wrong -->\n<!-- end -->",
            "x.md:1: no block `wrong`: run, legend, summary, rings, channels, ceilings, ratios, cells, contenders are known",
        ),
        ("<!-- ringway report: run\n<!-- end -->", "x.md:1: the marker has no"),
    ] {
        let path = file(&folder, "x.md", text);
        let said = run(&["report", RESULTS, "--readme", &path]).refused();
        assert!(said.contains(words), "{words:?} is not in {said}");
        assert_eq!(fs::read_to_string(&path).expect("left alone"), text);
    }
    assert_says(&run(&["report", RESULTS, RESULTS, "--readme", README]).refused(), &["from one result file"]);
}

#[test]
fn bad_files_get_one_line_each() {
    let folder = folder("report-bad");
    let good = compare("a").to_string();
    let out = folder.join("report.html").to_str().expect("UTF-8").to_owned();
    for (name, text, words) in [
        ("empty.json", String::new(), "the JSON ends too early"),
        ("cut.json", good[..good.len() / 2].to_owned(), "the JSON ends too early"),
        (
            "schema.json",
            good.replace("\"schema\":1", "\"schema\":99"),
            "schema 99 is not known to this version, which reads 1",
        ),
        ("other.json", "{}".into(), "it has no `schema`"),
        ("text.json", "ns\n1.0\n".into(), "no JSON"),
        ("wrong.json", good.replace("\"regimes\":\"nnn", "\"regimes\":\"nn"), "letters, and ns has 15 figures"),
    ] {
        let path = file(&folder, name, text);
        let said = run(&["report", &path, "--out", &out]).refused();
        assert!(said.contains(words) && said.contains(name), "{words:?} is not in {said}");
        assert!(!Path::new(&out).exists(), "no page of {name}");
    }
    let fine = file(&folder, "fine.json", &good);
    let missing = folder.join("missing.json").to_str().expect("UTF-8").to_owned();
    assert_says(&run(&["report", &fine, &missing]).refused(), &["missing.json: No such file"]);
    assert_says(&run(&["report", folder.to_str().expect("UTF-8")]).refused(), &["Is a directory"]);
    assert_says(&run(&["report"]).refused(), &["<FILE>..."]);
    // A page in its place would cost the results.
    assert_says(&run(&["report", &fine, "--out", &fine]).refused(), &["fine.json is one of the result files"]);
    assert_eq!(fs::read_to_string(&fine).expect("left alone"), good);
    let nowhere = folder.join("no such folder").join("x.html").to_str().expect("UTF-8").to_owned();
    assert_says(&run(&["report", &fine, "--out", &nowhere]).refused(), &["x.html: No such file"]);
}
