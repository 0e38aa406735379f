//! Whoever comes from another system finds its word: every public name is in the table of `src/delivery/mod.rs`.

const MODULE: &str = include_str!("../../src/delivery/mod.rs");

/// The names of the `pub use`, of which each starts with a capital.
fn public_names() -> Vec<&'static str> {
    let (_, public) = MODULE.split_once("pub use self::{").expect("a list of public names");
    let words = public.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase())).collect()
}

/// The rows of the table: what it is called here, and in five other systems.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = MODULE.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

#[test]
fn every_public_name_has_a_row() {
    let (names, rows) = (public_names(), rows());
    assert!(names.len() > 40 && rows.len() > 20, "{} names, {} rows", names.len(), rows.len());
    let is_told = |name: &str| rows.iter().any(|row| row[0].contains(&format!("[`{name}`]")));
    // The rows of `Order` and `Expired` name what is special about them.
    let missing: Vec<_> = names.into_iter().filter(|name| !is_told(name) && *name != "Order").collect();
    assert!(missing.is_empty(), "what do others call {missing:?}? Tell in the table of src/delivery/mod.rs");
}

#[test]
fn every_row_tells_all_five() {
    assert_eq!(rows()[0], ["here", "SQS", "JetStream", "Kafka", "RabbitMQ", "Sidekiq"]);
    for row in rows() {
        assert!(row.len() == 6 && row.iter().all(|cell| !cell.trim().is_empty()), "{row:?}");
    }
}
