use std::time::Duration;

use proptest::prelude::*;
use ringway::router::{Contract, NAME_BYTES_MAX, Name, Pattern};

#[test]
fn what_is_a_name() {
    for name in ["a", "orders", "orders.eu.new", "A-1_b.0", &"x".repeat(NAME_BYTES_MAX)] {
        assert_eq!(Name::new(name).unwrap().as_str(), name);
    }
    for (text, says) in [
        ("", "one segment at the least"),
        (".", "empty segment at byte 0"),
        ("a..b", "empty segment at byte 2"),
        ("a.", "empty segment at byte 2"),
        ("a.b c", "' ' at byte 3"),
        ("orders.*", "'*' at byte 7"),
        ("ä", "'ä' at byte 0"),
        (&"x".repeat(NAME_BYTES_MAX + 1), "129 bytes"),
    ] {
        let error = Name::new(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text:?}: {error}");
    }
}

#[test]
fn what_a_pattern_means() {
    let name = |text| Name::new(text).unwrap();
    for (pattern, matches, not) in [
        ("orders", &["orders"][..], &["orders.eu", "order"][..]),
        ("orders.*", &["orders.eu", "orders.us"], &["orders", "orders.eu.new"]),
        ("*.eu", &["orders.eu"], &["eu", "orders.us"]),
        ("orders.*.new", &["orders.eu.new"], &["orders.new", "orders.eu.old"]),
        ("orders.>", &["orders.eu", "orders.eu.new"], &["orders", "trades.eu"]),
        (">", &["a", "a.b.c"], &[]),
    ] {
        let pattern = Pattern::new(pattern).unwrap();
        assert!(matches.iter().all(|text| pattern.matches(&name(text))), "{pattern}");
        assert!(!not.iter().any(|text| pattern.matches(&name(text))), "{pattern}");
    }
    for (text, says) in [(">.a", "only at the end"), ("a*", "'*' at byte 1"), ("a.>b", "'>' at byte 2")] {
        let error = Pattern::new(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text:?}: {error}");
    }
}

/// The plainest way to say what a pattern means.
fn matches_plainly(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([">"], [_, ..]) => true,
        (["*", pattern @ ..], [_, name @ ..]) => matches_plainly(pattern, name),
        ([wanted, pattern @ ..], [found, name @ ..]) => wanted == found && matches_plainly(pattern, name),
        _ => false,
    }
}

proptest! {
    #[test]
    fn patterns_match_as_they_plainly_should(
        pattern in proptest::collection::vec(prop_oneof!["[ab]", Just("*".to_owned())], 1..4),
        tail in any::<bool>(),
        name in proptest::collection::vec("[ab]", 1..5),
    ) {
        let mut pattern = pattern;
        if tail {
            pattern.push(">".to_owned());
        }
        let plainly = matches_plainly(
            &pattern.iter().map(String::as_str).collect::<Vec<_>>(),
            &name.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let (pattern, name) = (Pattern::new(&pattern.join(".")).unwrap(), Name::new(&name.join(".")).unwrap());
        prop_assert_eq!(pattern.matches(&name), plainly);
    }

    /// Any text is a name or is refused; nothing panics.
    #[test]
    fn any_text_has_an_answer(text in ".*") {
        let (name, pattern) = (Name::new(&text), Pattern::new(&text));
        prop_assert!(name.is_err() || pattern.is_ok(), "a name is a pattern");
        if let Ok(name) = name {
            prop_assert!(Pattern::new(&text).unwrap().matches(&name), "and matches itself");
        }
    }
}

/// Contracts are told in ledgers and written in configurations, so what is told can be written; as policies of a queue, and by
/// the same units of time.
#[test]
fn a_contract_can_be_read_back() {
    let parse = |text: &str| Contract::<u64>::parse(text, |item| *item, 10);
    for text in
        ["gate", "latest", "conflate", "sample:10", "gate-for:5ms", "gate-for:1500us", "gate-for:90s", "gate-for:1ns"]
    {
        assert_eq!(parse(text).map(|contract| contract.to_string()), Ok(text.to_owned()));
    }
    let patience = Duration::from_micros(1500);
    assert_eq!(Contract::<u64>::gate_for(patience).to_string(), "gate-for:1500us");
    for text in
        ["", "gates", "gate-for", "gate-for:", "gate-for:5", "gate-for:1.5ms", "gate-for:5m", "sample", "sample:0"]
    {
        assert!(parse(text).is_err_and(|error| error.to_string().contains("gate-for:5ms")), "{text:?}");
    }
}
