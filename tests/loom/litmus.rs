//! What this loom can and cannot produce: the ground that the models stand on.
//!
//! The first group fails on loom as the registry has it: it shows that the patches are in. The second shows that the checker
//! knows the difference between the orderings that the rings rely on and the next weaker ones.

use loom::{
    sync::{
        Arc,
        atomic::{
            AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
            fence, fence_everywhere, fence_point,
        },
    },
    thread,
};

use crate::explore::explore_unbounded;

/// Two words, both 0.
#[derive(Default)]
struct Words {
    x: AtomicUsize,
    y: AtomicUsize,
}

/// Runs `left` in a thread of its own and `right` in the model's, on the same two words.
fn side_by_side<L: Send + 'static, R>(left: fn(&Words) -> L, right: fn(&Words) -> R) -> (L, R) {
    let words = Arc::new(Words::default());
    let thread = {
        let words = Arc::clone(&words);
        thread::spawn(move || left(&words))
    };
    let right = right(&words);
    (thread.join().unwrap(), right)
}

// That the patches are in.

/// A thread's own load does not hide the other thread's from its store: stock loom explores one of the two orders only.
#[test]
fn patch_a_load_does_not_mask_the_store_after_it() {
    explore_unbounded("litmus: own load, then store", 2, [0, 1], || {
        let load_then_store = |words: &Words| {
            let _ = words.x.load(Relaxed);
            words.x.store(1, Relaxed);
        };
        side_by_side(load_then_store, |words| words.x.load(Relaxed)).1
    });
}

/// A compare-exchange that fails is a load, and may read an old value: stock loom lets it read the newest only.
#[test]
fn patch_a_failing_compare_exchange_may_be_stale() {
    let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
    explore_unbounded("litmus: stale failing compare-exchange", 4, all, || {
        let publish = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Relaxed);
        };
        let look = |words: &Words| {
            let flag = words.y.load(Relaxed);
            let seen = words.x.compare_exchange(7, 8, Relaxed, Relaxed).expect_err("x never is 7");
            (flag, seen)
        };
        side_by_side(publish, look).1
    });
}

/// A weak compare-exchange may fail on the value that it expects.
#[test]
fn patch_a_weak_compare_exchange_may_fail_spuriously() {
    explore_unbounded("litmus: spurious failure", 2, [false, true], || {
        AtomicUsize::new(0).compare_exchange_weak(0, 1, Relaxed, Relaxed).is_ok()
    });
}

/// Another thread may run between a store and the fence after it, and find the store without what came before it.
#[test]
fn patch_a_fence_may_come_late() {
    explore_unbounded("litmus: late fence", 4, [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Relaxed);
            fence(SeqCst);
        };
        let receive = |words: &Words| {
            let flag = words.y.load(Relaxed);
            fence(SeqCst);
            (flag, words.x.load(Relaxed))
        };
        side_by_side(send, receive).1
    });
}

/// The asymmetric pair: the machine sees no fence on the light side, and the heavy side fences both.
#[test]
fn patch_a_fence_everywhere_pairs_with_none() {
    explore_unbounded("litmus: store buffering, asymmetric", 3, [(0, 1), (1, 0), (1, 1)], || {
        let light = |words: &Words| {
            words.x.store(1, Relaxed);
            fence_point();
            words.y.load(Relaxed)
        };
        let heavy = |words: &Words| {
            words.y.store(1, Relaxed);
            fence_everywhere();
            words.x.load(Relaxed)
        };
        side_by_side(light, heavy)
    });
}

/// … and the light side alone publishes nothing.
#[test]
fn patch_a_fence_point_is_no_fence() {
    explore_unbounded("litmus: message passing, fence point", 4, [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            fence_point();
            words.y.store(1, Relaxed);
        };
        let receive = |words: &Words| (words.y.load(Acquire), words.x.load(Relaxed));
        side_by_side(send, receive).1
    });
}

// That orderings make the difference.

/// Each side stores, then loads the other's word: both may miss the other's store.
#[test]
fn store_buffering_without_a_fence_loses_both_stores() {
    explore_unbounded("litmus: store buffering", 4, [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let left = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.load(Relaxed)
        };
        let right = |words: &Words| {
            words.y.store(1, Relaxed);
            words.x.load(Relaxed)
        };
        side_by_side(left, right)
    });
}

/// A fence that orders no store before a load changes nothing of that.
#[test]
fn store_buffering_with_a_weak_fence_loses_both_stores() {
    explore_unbounded("litmus: store buffering, AcqRel fences", 4, [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let left = |words: &Words| {
            words.x.store(1, Relaxed);
            fence(AcqRel);
            words.y.load(Relaxed)
        };
        let right = |words: &Words| {
            words.y.store(1, Relaxed);
            fence(AcqRel);
            words.x.load(Relaxed)
        };
        side_by_side(left, right)
    });
}

/// With the full fence on both sides, at least one side sees the other.
#[test]
fn store_buffering_with_full_fences_loses_at_most_one_store() {
    explore_unbounded("litmus: store buffering, full fences", 3, [(0, 1), (1, 0), (1, 1)], || {
        let left = |words: &Words| {
            words.x.store(1, Relaxed);
            fence(SeqCst);
            words.y.load(Relaxed)
        };
        let right = |words: &Words| {
            words.y.store(1, Relaxed);
            fence(SeqCst);
            words.x.load(Relaxed)
        };
        side_by_side(left, right)
    });
}

/// The full fence on one side only is none.
#[test]
fn store_buffering_with_one_full_fence_loses_both_stores() {
    explore_unbounded("litmus: store buffering, one fence", 4, [(0, 0), (0, 1), (1, 0), (1, 1)], || {
        let left = |words: &Words| {
            words.x.store(1, Relaxed);
            fence(SeqCst);
            words.y.load(Relaxed)
        };
        let right = |words: &Words| {
            words.y.store(1, Relaxed);
            words.x.load(Relaxed)
        };
        side_by_side(left, right)
    });
}

/// Message passing: the flag (first) without the message (second) is out of the question with Release and Acquire…
#[test]
fn message_passing_delivers_the_message_with_the_flag() {
    explore_unbounded("litmus: message passing", 3, [(0, 0), (0, 1), (1, 1)], || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Release);
        };
        let receive = |words: &Words| (words.y.load(Acquire), words.x.load(Relaxed));
        side_by_side(send, receive).1
    });
}

/// … and possible as soon as either is Relaxed.
#[test]
fn message_passing_with_a_relaxed_side_does_not() {
    let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
    explore_unbounded("litmus: message passing, Relaxed store", 4, all, || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Relaxed);
        };
        let receive = |words: &Words| (words.y.load(Acquire), words.x.load(Relaxed));
        side_by_side(send, receive).1
    });
    explore_unbounded("litmus: message passing, Relaxed load", 4, all, || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Release);
        };
        let receive = |words: &Words| (words.y.load(Relaxed), words.x.load(Relaxed));
        side_by_side(send, receive).1
    });
}

/// A later plain store by the publisher itself does not carry what the earlier Release store published.
#[test]
fn a_relaxed_store_ends_the_release_sequence() {
    let all = [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)];
    explore_unbounded("litmus: release sequence, broken", 5, all, || {
        let send = |words: &Words| {
            words.x.store(1, Relaxed);
            words.y.store(1, Release);
            words.y.store(2, Relaxed);
        };
        let receive = |words: &Words| (words.y.load(Acquire), words.x.load(Relaxed));
        side_by_side(send, receive).1
    });
}
