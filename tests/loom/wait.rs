//! Falling asleep against being called. A wake-up that is lost shows as a deadlock: the sleeper is the last to run.

use std::sync::Arc;

use loom::{
    sync::{
        Notify,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{self, Acquire, Relaxed, Release, SeqCst},
            fence,
        },
    },
    thread,
};
use ringway::wait::{Deadline, Park, Signal, Sleepers, Terms, Wait};

use crate::explore::{explore, explore_unbounded, must_fail};

/// Sleeps until the flag is up.
fn wait_for(flag: &AtomicBool, signal: &Sleepers, key: usize) {
    wait_by(Park::default(), flag, signal, key);
}

fn wait_by(mut park: Park, flag: &AtomicBool, signal: &Sleepers, key: usize) {
    let terms = Terms { key, ..Terms::until(Deadline::NEVER) };
    park.wait(signal, terms, || flag.load(Acquire).then_some(()));
}

/// A wait that is long, since the waiter calls itself: the next one has notifiers take the fence.
fn sleep_long(park: &mut Park, signal: &Sleepers) {
    let mut asked = 0;
    park.wait(signal, Terms::until(Deadline::NEVER), || {
        asked += 1;
        if asked == 2 {
            signal.notify(1, 0);
        }
        (asked > 2).then_some(())
    });
}

fn raise(flag: &AtomicBool) {
    flag.store(true, Release);
}

#[test]
fn a_sleeper_is_called() {
    explore_unbounded("wait: raise notify | wait", 20, [()], || {
        let shared = Arc::new((AtomicBool::new(false), Sleepers::default()));
        let other = Arc::clone(&shared);
        let notifier = thread::spawn(move || {
            raise(&other.0);
            other.1.notify(1, 0);
        });
        wait_for(&shared.0, &shared.1, 0);
        notifier.join().unwrap();
        assert_eq!(shared.1.sleepers(), 0);
    });
}

/// Two that wait for one each, and two calls for one each.
#[test]
fn each_call_wakes_one() {
    explore("wait: raise notify × 2 | wait | wait", 100, [()], || {
        let shared = Arc::new((AtomicBool::new(false), AtomicBool::new(false), Sleepers::default()));
        let sleeper = |key: usize| {
            let shared = Arc::clone(&shared);
            move || wait_for(if key == 1 { &shared.0 } else { &shared.1 }, &shared.2, key)
        };
        let (one, two) = (thread::spawn(sleeper(1)), sleeper(2));
        let third = Arc::clone(&shared);
        let notifier = thread::spawn(move || {
            // The key says whose call it is, whoever came first.
            raise(&third.0);
            third.2.notify(1, 1);
            raise(&third.1);
            third.2.notify(1, 2);
        });
        two();
        one.join().unwrap();
        notifier.join().unwrap();
    });
}

#[test]
fn all_are_called() {
    explore("wait: raise notify_all | wait | wait", 100, [()], || {
        let shared = Arc::new((AtomicBool::new(false), Sleepers::default()));
        let (one, two) = (Arc::clone(&shared), Arc::clone(&shared));
        let sleeper = thread::spawn(move || wait_for(&one.0, &one.1, 7));
        let notifier = thread::spawn(move || {
            raise(&two.0);
            two.1.notify_all();
        });
        wait_for(&shared.0, &shared.1, 8);
        sleeper.join().unwrap();
        notifier.join().unwrap();
    });
}

/// One that has notifiers take the fence counts on it at once, and takes a full one only.
#[test]
fn a_long_sleeper_is_called() {
    explore("wait: raise notify | wait long", 20, [()], || {
        let shared = Arc::new((AtomicBool::new(false), Sleepers::default()));
        let mut park = Park::default();
        sleep_long(&mut park, &shared.1);
        let other = Arc::clone(&shared);
        let notifier = thread::spawn(move || {
            raise(&other.0);
            other.1.notify(1, 0);
        });
        wait_by(park, &shared.0, &shared.1, 0);
        notifier.join().unwrap();
        assert_eq!(shared.1.sleepers(), 0);
    });
}

/// One has had notifiers take the fence, and has it again if the other has said otherwise meanwhile.
#[test]
fn long_sleepers_and_brief_ones_are_called() {
    explore("wait: raise notify_all | wait | wait long", 100, [()], || {
        let shared = Arc::new((AtomicBool::new(false), Sleepers::default()));
        let mut park = Park::default();
        sleep_long(&mut park, &shared.1);
        sleep_long(&mut park, &shared.1);
        let (one, two) = (Arc::clone(&shared), Arc::clone(&shared));
        let sleeper = thread::spawn(move || wait_for(&one.0, &one.1, 7));
        let notifier = thread::spawn(move || {
            raise(&two.0);
            two.1.notify_all();
        });
        wait_by(park, &shared.0, &shared.1, 8);
        sleeper.join().unwrap();
        notifier.join().unwrap();
    });
}

/// The protocol of the sleepers' word by itself, to be broken: the real one is broken by `tests/mutants`.
#[derive(Clone, Copy)]
struct Protocol {
    /// The sleeper's fence between the word and its last look.
    sleepers_fence: Option<Ordering>,
    /// The notifier's fence between what it made ready and its look at the word.
    notifiers_fence: Option<Ordering>,
    looks_again: bool,
}

const RIGHT: Protocol = Protocol { sleepers_fence: Some(SeqCst), notifiers_fence: Some(SeqCst), looks_again: true };

fn sleep_and_wake(how: Protocol) {
    let shared = Arc::new((AtomicBool::new(false), AtomicUsize::new(0), Notify::new()));
    let other = Arc::clone(&shared);
    let notifier = thread::spawn(move || {
        other.0.store(true, Relaxed);
        if let Some(ordering) = how.notifiers_fence {
            fence(ordering);
        }
        if other.1.load(Relaxed) > 0 {
            other.2.notify();
        }
    });
    shared.1.store(1, Relaxed);
    if let Some(ordering) = how.sleepers_fence {
        fence(ordering);
    }
    if !(how.looks_again && shared.0.load(Relaxed)) {
        shared.2.wait();
    }
    notifier.join().unwrap();
}

#[test]
fn the_protocol_itself_is_right() {
    explore_unbounded("seeded: no wake-up is lost", 4, [()], || sleep_and_wake(RIGHT));
}

#[test]
fn a_missing_barrier_is_found() {
    let broken = [
        ("seeded: no fence of the sleeper", Protocol { sleepers_fence: None, ..RIGHT }),
        ("seeded: no fence of the notifier", Protocol { notifiers_fence: None, ..RIGHT }),
        ("seeded: the fences only release and acquire", {
            Protocol { sleepers_fence: Some(Ordering::AcqRel), notifiers_fence: Some(Ordering::AcqRel), ..RIGHT }
        }),
        ("seeded: sleeps without looking again", Protocol { looks_again: false, ..RIGHT }),
    ];
    for (name, how) in broken {
        must_fail(name, "deadlock", move || sleep_and_wake(how));
    }
}
