//! Runs a model and compares what it can come to with what it may come to.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use loom::model::Builder;

/// Preemptions a schedule may have where the environment (`LOOM_MAX_PREEMPTIONS`) says nothing.
const PREEMPTIONS: usize = 2;

/// Runs `body` in every schedule of at most so many preemptions as the environment allows, and asserts that
/// * at least `floor` executions were explored, and
/// * their outcomes are those of `accepted`: each of them reached, and no other.
pub(crate) fn explore<O, F>(name: &str, floor: usize, accepted: impl IntoIterator<Item = O>, body: F)
where
    O: Ord + Debug + Send + Sync + 'static,
    F: Fn() -> O + Send + Sync + 'static,
{
    let builder = Builder::new();
    let bound = builder.preemption_bound.unwrap_or(PREEMPTIONS);
    check(builder, Some(bound), name, floor, accepted, body);
}

/// [`explore`] with one preemption at the most: for three threads under a lock, of which each may sleep.
pub(crate) fn explore_briefly<O, F>(name: &str, floor: usize, accepted: impl IntoIterator<Item = O>, body: F)
where
    O: Ord + Debug + Send + Sync + 'static,
    F: Fn() -> O + Send + Sync + 'static,
{
    check(Builder::new(), Some(1), name, floor, accepted, body);
}

/// [`explore`] without a bound on preemptions: for litmus tests, and the smallest models of two threads.
pub(crate) fn explore_unbounded<O, F>(name: &str, floor: usize, accepted: impl IntoIterator<Item = O>, body: F)
where
    O: Ord + Debug + Send + Sync + 'static,
    F: Fn() -> O + Send + Sync + 'static,
{
    check(Builder::new(), None, name, floor, accepted, body);
}

fn check<O, F>(
    mut builder: Builder,
    bound: Option<usize>,
    name: &str,
    floor: usize,
    accepted: impl IntoIterator<Item = O>,
    body: F,
) where
    O: Ord + Debug + Send + Sync + 'static,
    F: Fn() -> O + Send + Sync + 'static,
{
    builder.preemption_bound = bound;
    let accepted: Arc<BTreeSet<O>> = Arc::new(accepted.into_iter().collect());
    // The bookkeeping is the machine's own, so that loom does not see it.
    let reached = Arc::new(Mutex::new(BTreeSet::new()));
    let executions = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    {
        let (accepted, reached, executions) = (Arc::clone(&accepted), Arc::clone(&reached), Arc::clone(&executions));
        let name = name.to_owned();
        builder.check(move || {
            let nth = executions.fetch_add(1, Ordering::Relaxed) + 1;
            let outcome = body();
            assert!(
                accepted.contains(&outcome),
                "{name}: execution {nth} came to {outcome:?}, which is not accepted; accepted: {accepted:?}"
            );
            reached.lock().unwrap_or_else(PoisonError::into_inner).insert(outcome);
        });
    }
    let executions = executions.load(Ordering::Relaxed);
    let reached = reached.lock().unwrap_or_else(PoisonError::into_inner);
    // Past the test harness's capture: a run shows what it explored also when it passes.
    let _ = writeln!(
        io::stderr(),
        "{name:44} {executions:>8} executions {:>3} outcomes {:>7.2} s",
        reached.len(),
        started.elapsed().as_secs_f64()
    );
    let missing: Vec<_> = accepted.difference(&reached).collect();
    assert!(missing.is_empty(), "{name}: never came to {missing:?}, only to {reached:?}");
    assert!(executions >= floor, "{name}: explored {executions} executions, fewer than {floor}");
}

/// Runs a model that is wrong on purpose, and asserts that it is found out by a panic that says `because`.
pub(crate) fn must_fail(name: &str, because: &str, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(PREEMPTIONS));
    let started = Instant::now();
    let Err(payload) = catch_unwind(AssertUnwindSafe(|| builder.check(body))) else {
        panic!("{name}: the model is wrong, and was not found out");
    };
    let said = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("something without a message");
    assert!(said.contains(because), "{name}: failed as it must, but not because of {because:?}: {said}");
    let _ = writeln!(
        io::stderr(),
        "{name:44} found out: {} ({:.2} s)",
        said.lines().find(|line| line.contains(because)).unwrap_or(because).trim(),
        started.elapsed().as_secs_f64()
    );
}
