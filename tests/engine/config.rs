//! Settings: code over environment over file over default, and a wrong one is refused with its place.

use std::time::Duration;

use ringway::{
    Engine,
    delivery::{Retry, Rules},
    engine::{AttachError, Builder, Settings},
    router::{Contract, Policy},
    time::Manual,
    worker::Leased,
};

use super::poll_all;

fn variables(pairs: &[(&str, &str)]) -> Settings {
    Settings::from_variables(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())))
}

fn by_hand() -> Builder {
    Engine::builder().by_hand()
}

#[test]
fn the_environment_speaks_where_code_does_not() {
    let settings = variables(&[
        ("RINGWAY_WORKERS", "3"),
        ("RINGWAY_PIN", "spread"),
        ("RINGWAY_BATCH_TIME_US", "250"),
        ("RINGWAY_TOPIC_ORDERS_EU_SHARDS", "4"),
        ("RINGWAY_QUEUE_JOBS_FULL", "drop-oldest"),
        ("OTHER_WORKERS", "99"),
    ]);
    let engine = by_hand().settings(settings.clone()).start().unwrap();
    assert_eq!(engine.take_workers().len(), 3);
    let orders = engine.topic::<u64>("orders.eu").capacity(16).open().unwrap();
    assert_eq!((orders.shards(), orders.plan().capacity), (4, 16));
    assert_eq!(engine.queue::<u64>("jobs").open().unwrap().plan().full, Policy::DropOldest);
    let text = engine.effective_config();
    for line in [
        "workers = 3 # RINGWAY_WORKERS",
        "pin = \"spread\" # RINGWAY_PIN",
        "batch_items = 256 # default",
        "batch_time_us = 250 # RINGWAY_BATCH_TIME_US",
        "shards = 4 # RINGWAY_TOPIC_ORDERS_EU_SHARDS",
        "capacity = 16 # code",
        "full = \"drop-oldest\" # RINGWAY_QUEUE_JOBS_FULL",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    let engine = by_hand().workers(1).settings(settings).start().unwrap();
    assert_eq!(engine.take_workers().len(), 1);
    assert_eq!(engine.queue::<u64>("jobs").full(Policy::Reject).open().unwrap().plan().full, Policy::Reject);
}

#[test]
fn what_nothing_asked_for_is_told() {
    let settings =
        variables(&[("RINGWAY_WORKRES", "3"), ("RINGWAY_BATCH_ITEMS", "7"), ("RINGWAY_TOPIC_A_SHARDS", "2")]);
    let engine = by_hand().workers(1).settings(settings).start().unwrap();
    assert!(engine.effective_config().contains("# without effect: RINGWAY_TOPIC_A_SHARDS, RINGWAY_WORKRES: nothing"));
    engine.topic::<u64>("a").open().unwrap();
    assert!(engine.effective_config().contains("# without effect: RINGWAY_WORKRES: nothing"));
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    let start = |key, value| by_hand().settings(variables(&[(key, value)])).start().unwrap_err().to_string();
    assert_eq!(start("RINGWAY_WORKERS", "0"), "RINGWAY_WORKERS: workers is \"0\": allowed is 1 to 1024");
    assert_eq!(start("RINGWAY_PIN", "x"), "RINGWAY_PIN: pin is \"x\": allowed is none, spread, or CPUs: 0,2");
    assert!(start("RINGWAY_BATCH_ITEMS", "many").contains("allowed is 1 and more"));
    let engine = by_hand()
        .workers(1)
        .settings(variables(&[("RINGWAY_TOPIC_A_SHARDS", "1025"), ("RINGWAY_QUEUE_B_ORDER", "none")]));
    let engine = engine.start().unwrap();
    let error = engine.topic::<u64>("a").open().unwrap_err().to_string();
    assert_eq!(error, "RINGWAY_TOPIC_A_SHARDS: topic.a.shards is \"1025\": allowed is 1 to 1024");
    let error = engine.queue::<u64>("b").open().unwrap_err().to_string();
    assert_eq!(error, "RINGWAY_QUEUE_B_ORDER: queue.b.order is \"none\": allowed is total, per-publisher");
    assert!(by_hand().batch_time(Duration::ZERO).start().is_err());
}

#[cfg(feature = "config")]
#[test]
fn a_file_speaks_where_neither_code_nor_environment_do() {
    let text = "workers = 2\npin = [0, 1]\n\n[topic.\"orders.eu\"]\nshards = 8\ncapacity = 64\n\n[queue.jobs]\nsharing = \"shared\"\n";
    let settings = variables(&[("RINGWAY_TOPIC_ORDERS_EU_CAPACITY", "32")]).file(text, "ringway.toml").unwrap();
    let engine = by_hand().settings(settings).start().unwrap();
    let orders = engine.topic::<u64>("orders.eu").open().unwrap();
    assert_eq!((orders.shards(), orders.plan().capacity), (8, 32));
    engine.queue::<u64>("jobs").open().unwrap();
    let text = engine.effective_config();
    for line in
        ["pin = \"0,1\" # ringway.toml:2", "shards = 8 # ringway.toml:5", "sharing = \"shared\" # ringway.toml:9"]
    {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    // What it printed can be read again.
    assert!(Settings::default().file(&text, "again").is_ok(), "{text}");
}

#[cfg(feature = "config")]
#[test]
fn a_wrong_file_is_refused_with_its_line() {
    let read = |text: &str| Settings::default().file(text, "f.toml").unwrap_err().to_string();
    assert!(read("workers = 2\nwrokers = 3\n").starts_with("f.toml:2: key is \"wrokers\": allowed is workers, pin"));
    assert!(
        read("[topic.a]\nshards = 1\nfull = \"block\"\n")
            .starts_with("f.toml:3: topic.a is \"full\": allowed is shards")
    );
    for text in ["true", "0.5"] {
        let refused = read(&format!("workers = {text}\n"));
        assert_eq!(refused, format!("f.toml:1: workers is \"{text}\": allowed is a text or a whole number"));
    }
    assert!(read("\nworkers = \n").starts_with("f.toml:2: TOML"));
    let settings = Settings::default().file("\n[queue.q]\nfull = \"wait\"\n", "f.toml").unwrap();
    let engine = by_hand().workers(1).settings(settings).start().unwrap();
    let error = engine.queue::<u64>("q").open().unwrap_err().to_string();
    assert_eq!(
        error,
        "f.toml:3: queue.q.full is \"wait\": allowed is block, block:5ms, reject, drop-newest, drop-oldest"
    );
}

/// Publishes one job that always fails to an engine by these settings; what it is told to be set to, and how often it tried.
fn fail(settings: Settings, rules: Rules) -> Result<(String, u64), AttachError> {
    let clock = Manual::new();
    let engine = by_hand().workers(1).clock(clock.clone()).settings(settings).start().unwrap();
    let jobs = engine.queue::<u64>("jobs").open()?;
    let deliveries = engine.consume(&jobs).deliver(rules).handle(|_| |_: &mut Leased<'_, u64, ()>| Err(()))?;
    jobs.publisher().publish(&0_u64, 7).unwrap();
    let mut workers = engine.take_workers();
    while deliveries.ledger().dead == 0 {
        clock.advance(Duration::from_millis(10));
        poll_all(&mut workers);
    }
    Ok((engine.effective_config(), deliveries.ledger().deliveries))
}

/// What code leaves as by default is set outside, and each rule is told with its place.
#[test]
fn rules_of_delivery_are_set_from_outside_where_code_leaves_them() {
    let settings = variables(&[
        ("RINGWAY_QUEUE_JOBS_DELIVERY_ATTEMPTS_MAX", "2"),
        ("RINGWAY_QUEUE_JOBS_DELIVERY_BACKOFF", "fixed:0s"),
        ("RINGWAY_QUEUE_JOBS_DELIVERY_DEDUP", "120s:50"),
        ("RINGWAY_QUEUE_OTHERS_DELIVERY_LEASE", "1s"),
    ]);
    for (attempts_max, attempts, line) in
        [(10, 2, "attempts_max = 2 # RINGWAY_QUEUE_JOBS_DELIVERY_ATTEMPTS_MAX\n"), (1, 1, "attempts_max = 1 # code\n")]
    {
        let rules = Rules { retry: Retry { attempts_max, ..Retry::default() }, in_flight_max: 7, ..Rules::default() };
        let (text, made) = fail(settings.clone(), rules).unwrap();
        assert_eq!(made, attempts as u64);
        for line in [
            line,
            "\n[queue.\"jobs\".delivery]\ncapacity = 4096 # default\n",
            "in_flight_max = 7 # code\n",
            "lease = \"30s\" # default\n",
            "backoff = \"fixed:0s\" # RINGWAY_QUEUE_JOBS_DELIVERY_BACKOFF\n",
            "jitter = \"full\" # default\n",
            "total_max = \"none\" # default\n",
            "dead_letters = 1024 # default\n",
            "dedup = \"120s:50\" # RINGWAY_QUEUE_JOBS_DELIVERY_DEDUP\n",
        ] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
        let mut unused = vec!["RINGWAY_QUEUE_JOBS_DELIVERY_ATTEMPTS_MAX", "RINGWAY_QUEUE_OTHERS_DELIVERY_LEASE"];
        unused.drain(..attempts - 1);
        assert!(text.contains(&format!("# without effect: {}: nothing", unused.join(", "))), "{text}");
    }
}

#[test]
fn a_wrong_rule_of_delivery_is_refused_with_its_place() {
    for (key, value, allowed) in [
        ("CAPACITY", "0", "capacity is \"0\": allowed is 1 to 4294950911"),
        ("LEASE", "5m", "lease is \"5m\": allowed is 30s (ns, us, ms, s), none"),
        ("BACKOFF", "fixed", "backoff is \"fixed\": allowed is fixed:1s, linear:1s:60s, exponential:10ms:10s, sidekiq"),
        ("JITTER", "some", "jitter is \"some\": allowed is none, full, equal, decorrelated"),
        ("ATTEMPTS_MAX", "0", "attempts_max is \"0\": allowed is 1 to 4294967295"),
        ("DEDUP", "120s", "dedup is \"120s\": allowed is none, or a time and a count: 120s:10000"),
    ] {
        let variable = format!("RINGWAY_QUEUE_JOBS_DELIVERY_{key}");
        let refused = fail(variables(&[(&variable, value)]), Rules::default()).unwrap_err().to_string();
        assert_eq!(refused, format!("{variable}: queue.jobs.delivery.{allowed}"));
    }
}

#[cfg(feature = "config")]
#[test]
fn a_file_sets_rules_of_delivery() {
    let text = "[queue.jobs]\ncapacity = 64\n\n[queue.jobs.delivery]\nattempts_max = 3\nbackoff = \"fixed:0s\"\n";
    let settings = variables(&[("RINGWAY_QUEUE_JOBS_DELIVERY_JITTER", "none")]).file(text, "f.toml").unwrap();
    let (text, made) = fail(settings, Rules::default()).unwrap();
    assert_eq!(made, 3);
    for line in [
        "capacity = 64 # f.toml:2",
        "attempts_max = 3 # f.toml:5\nto",
        "backoff = \"fixed:0s\" # f.toml:6\njitter = \"none\" # RINGWAY_QUEUE",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    // What it printed can be read again.
    assert!(Settings::default().file(&text, "again").is_ok(), "{text}");

    let read = |text: &str| Settings::default().file(text, "f.toml").unwrap_err().to_string();
    let refused = read("[queue.a.delivery]\nattempts = 1\n");
    assert!(refused.starts_with("f.toml:2: queue.a.delivery is \"attempts\": allowed is capacity, in_flight_max, "));
    assert!(
        read("[queue.a]\ndelivery = 1\n")
            .ends_with("allowed is shards, capacity, full, order, sharing, [queue.a.delivery]")
    );
    assert!(
        read("[topic.a.delivery]\ncapacity = 1\n").starts_with("f.toml:1: topic.a is \"delivery\": allowed is shards")
    );
}

/// A slip in a key of the application's own was never told.
#[test]
fn a_default_of_the_application_with_a_wrong_key_is_refused() {
    let start = |key: &[&str]| by_hand().settings(Settings::default().fallback(key, 1)).start().map(drop);
    for key in
        [&["workers"][..], &["topic", "a.b", "shards"], &["queue", "a", "full"], &["queue", "a", "delivery", "dedup"]]
    {
        start(key).unwrap();
    }
    for (key, refused) in [
        (
            &["wrokers"][..],
            "key is \"wrokers\": allowed is workers, pin, batch_items, batch_time_us, [topic.NAME], [queue.NAME]",
        ),
        (&["topics", "a", "shards"], "key is \"topics.a.shards\": allowed is workers, "),
        (&["topic", "a", "shrads"], "topic.a is \"shrads\": allowed is shards, capacity"),
        (
            &["queue", "a", "delivery"],
            "queue.a is \"delivery\": allowed is shards, capacity, full, order, sharing, [queue.a.delivery]",
        ),
        (
            &["queue", "a", "delivery", "lesae"],
            "queue.a.delivery is \"lesae\": allowed is capacity, in_flight_max, lease, ",
        ),
        (&[], "key is \"\": allowed is workers, "),
    ] {
        let told = start(key).unwrap_err().to_string();
        assert!(told.starts_with(&format!("default of the application: {refused}")), "{told}");
    }
}

/// Of many queues and topics one has the wrong capacity: which?
#[test]
fn a_wrong_capacity_is_refused_with_its_name() {
    let settings = variables(&[("RINGWAY_QUEUE_JOBS_CAPACITY", "4294967297")]);
    let engine = by_hand().workers(1).settings(settings).start().unwrap();
    let error = engine.queue::<u64>("jobs").open().unwrap_err().to_string();
    assert_eq!(error, "RINGWAY_QUEUE_JOBS_CAPACITY: queue.jobs.capacity is \"4294967297\": allowed is 1 to 4294967296");
    let error = engine.queue::<u64>("mails").capacity(0).open().unwrap_err().to_string();
    assert!(error.starts_with("mails: "), "{error}");
    let error = engine.topic::<u64>("trades").capacity(0).open().unwrap_err().to_string();
    assert!(error.starts_with("trades: "), "{error}");
    let trades = engine.topic::<u64>("trades").open().unwrap();
    let screen = engine.subscribe(&trades, "screen").contract(Contract::latest().capacity(usize::MAX));
    let error = screen.handle(|_| |_: &u64| ()).unwrap_err().to_string();
    assert!(error.starts_with("screen: "), "{error}");
}

/// A name that no thread can have is refused, not a panic.
#[test]
fn a_name_with_a_nul_is_refused() {
    let refused = Engine::builder().workers(1).name("a\0b").start();
    assert_eq!(refused.unwrap_err().to_string(), "no thread can be named \"a\\0b\": leave the NUL out");
}
