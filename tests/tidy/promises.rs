//! The tests that `docs/guarantees.md` names for its promises are there.

use std::{fs, path::Path};

use crate::rust_files;

/// A test, its module or its folder, by the name in the docs: `theme::a_test`, with a `*` for any letters.
fn is_there(name: &str, files: &[(String, String)]) -> bool {
    let (module, test) = name.rsplit_once("::").map_or((None, name), |(module, test)| (Some(module), test));
    let module = module.map(|module| module.rsplit("::").next().unwrap_or(module));
    files.iter().any(|(path, text)| {
        let mut places = path.strip_suffix(".rs").unwrap_or(path).split('/');
        let is_place = |wanted: &str| places.clone().any(|place| place == wanted);
        module.is_none_or(is_place)
            && (places.any(|place| place == test) || functions(text).any(|name| fits(test, name)))
    })
}

/// The names of the functions of a file.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split("fn ").skip(1);
    names.filter_map(|rest| rest.split_once(['(', '<'])).map(|(name, _)| name)
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// What the column of tests has between backquotes, row by row.
fn named(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with('|')).skip(2);
    let columns = rows.filter_map(|row| row.split('|').nth(2));
    columns.flat_map(|tests| tests.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn each_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("src/docs/guarantees.md")).expect("the page of promises");
    let mut files = Vec::new();
    for folder in ["tests", "examples"] {
        for path in rust_files(&root.join(folder)) {
            let name = path.strip_prefix(root).expect("found below it").to_string_lossy().replace('\\', "/");
            files.push((name, fs::read_to_string(&path).expect("a file that was listed")));
        }
    }
    let names = named(&page);
    assert!(names.len() > 60, "only {} names: the page is not read right", names.len());
    let is_known = |name: &str| {
        // Programs beside the crate, which a package of it does not have.
        name.starts_with("fuzz") || name.contains(['/', '.']) || is_there(name, &files)
    };
    let missing: Vec<_> = names.into_iter().filter(|name| !is_known(name)).collect();
    assert!(missing.is_empty(), "docs/guarantees.md names tests that there are not: {missing:#?}");
}

#[test]
fn a_name_is_found_where_it_says() {
    let files = [("tests/contract/closing.rs".to_owned(), "fn the_last_drop_closes() {}\nfn twice<K>() {}".to_owned())];
    for there in
        ["contract", "contract::closing", "closing::twice", "the_last_*_closes", "contract::the_last_drop_closes"]
    {
        assert!(is_there(there, &files), "{there}");
    }
    for missing in ["sharing", "sharing::twice", "closing::thrice", "the_first_*", "contract::sharing", "twic"] {
        assert!(!is_there(missing, &files), "{missing}");
    }
}
