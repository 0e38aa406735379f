//! The text of policies.

use std::time::Duration;

use ringway::channel::Policy;

#[test]
fn a_policy_is_written_and_read_back() {
    let times = [0, 1, 999, 1_000, 1_500, 5_000_000, 1_000_000_000, 90_000_000_000].map(Duration::from_nanos);
    let all = [Policy::Block, Policy::Reject, Policy::DropNewest, Policy::DropOldest];
    let long = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(u64::MAX)];
    for policy in all.into_iter().chain(times.into_iter().chain(long).map(Policy::BlockFor)) {
        assert_eq!(policy.to_string().parse(), Ok(policy), "{policy}");
    }
    assert_eq!(Policy::BlockFor(Duration::from_millis(5)).to_string(), "block:5ms");
    assert_eq!(Policy::BlockFor(Duration::from_micros(1500)).to_string(), "block:1500us");
    assert_eq!("block:2s".parse(), Ok(Policy::BlockFor(Duration::from_secs(2))));
    assert_eq!("block:18446744073709551615s".parse(), Ok(Policy::BlockFor(Duration::from_secs(u64::MAX))));
}

#[test]
fn a_text_that_names_none_is_told_what_to_write() {
    for text in [
        "",
        "Block",
        "block:",
        "block:5",
        "block:ms",
        "block:-5ms",
        "block:5 ms",
        "block:5m",
        "drop",
        " reject",
        "block:99999999999999999999s",
    ] {
        let refused = text.parse::<Policy>().expect_err(text);
        assert!(refused.to_string().contains("write block, block:5ms, reject"), "{refused}");
    }
}
