//! Whether what threads saw can be explained by one thread after the other: linearizability, decided by search.
//!
//! # Source
//! J. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993), with a memory of states that led nowhere.

use std::collections::{HashSet, VecDeque};

/// A call and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Pushed(u64),
    Full,
    PushClosed,
    Popped(u64),
    Empty,
    PopClosed,
    Closes,
}

/// One call of one thread, with the time of its beginning and of its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
    pub(crate) answer: Answer,
}

/// A bounded queue that can be closed: the ring, if it were one indivisible thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Queue {
    items: VecDeque<u64>,
    closed: bool,
}

/// What a queue may hold: it may say Full from `capacity` items on, and must from `hold` items on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) capacity: usize,
    pub(crate) hold: usize,
}

impl Queue {
    /// The queue after a call with this answer, if it could have been given here.
    fn after(&self, answer: Answer, bounds: Bounds) -> Option<Self> {
        let mut next = self.clone();
        let possible = match answer {
            Answer::Pushed(item) => {
                next.items.push_back(item);
                !self.closed && self.items.len() < bounds.hold
            }
            Answer::Full => !self.closed && self.items.len() >= bounds.capacity,
            Answer::PushClosed => self.closed,
            Answer::Popped(item) => next.items.pop_front() == Some(item),
            Answer::Empty => self.items.is_empty(),
            Answer::PopClosed => self.closed && self.items.is_empty(),
            Answer::Closes => {
                next.closed = true;
                true
            }
        };
        possible.then_some(next)
    }
}

/// Whether the calls, one list a thread, have an order that respects time and that one queue explains.
pub(crate) fn is_linearizable(threads: &[Vec<Call>], bounds: Bounds) -> bool {
    let mut dead_ends = HashSet::new();
    search(threads, bounds, &mut vec![0; threads.len()], &Queue::default(), &mut dead_ends)
}

/// `done` says how many calls of each thread have their place.
fn search(
    threads: &[Vec<Call>],
    bounds: Bounds,
    done: &mut Vec<usize>,
    queue: &Queue,
    dead_ends: &mut HashSet<(Vec<usize>, Queue)>,
) -> bool {
    let next = |thread: usize, done: &[usize]| threads[thread].get(done[thread]);
    // Whoever began after another had ended can't come before it.
    let Some(deadline) = (0..threads.len()).filter_map(|thread| next(thread, done)).map(|call| call.returned).min()
    else {
        return true;
    };
    if dead_ends.contains(&(done.clone(), queue.clone())) {
        return false;
    }
    for thread in 0..threads.len() {
        let Some(call) = next(thread, done).filter(|call| call.invoked < deadline) else { continue };
        if let Some(queue) = queue.after(call.answer, bounds) {
            done[thread] += 1;
            if search(threads, bounds, done, &queue, dead_ends) {
                return true;
            }
            done[thread] -= 1;
        }
    }
    dead_ends.insert((done.clone(), queue.clone()));
    false
}

/// The checker, checked: histories that have an explanation, and some that have none.
mod tests {
    use super::{Answer::*, *};

    const TWO: Bounds = Bounds { capacity: 2, hold: 2 };

    fn call(invoked: u64, returned: u64, answer: Answer) -> Call {
        Call { invoked, returned, answer }
    }

    #[test]
    fn calls_that_overlap_may_take_either_order() {
        let pushes = vec![call(0, 10, Pushed(1))];
        assert!(is_linearizable(&[pushes.clone(), vec![call(1, 9, Empty), call(11, 12, Popped(1))]], TWO));
        assert!(is_linearizable(&[pushes, vec![call(1, 9, Popped(1)), call(11, 12, Empty)]], TWO));
    }

    #[test]
    fn an_item_that_is_in_is_not_missed() {
        assert!(!is_linearizable(&[vec![call(0, 1, Pushed(1))], vec![call(2, 3, Empty)]], TWO));
    }

    #[test]
    fn no_item_overtakes_comes_twice_or_from_nowhere() {
        let pushes = vec![call(0, 1, Pushed(1)), call(2, 3, Pushed(2))];
        assert!(is_linearizable(&[pushes.clone(), vec![call(4, 5, Popped(1)), call(6, 7, Popped(2))]], TWO));
        assert!(!is_linearizable(&[pushes.clone(), vec![call(4, 5, Popped(2)), call(6, 7, Popped(1))]], TWO));
        assert!(!is_linearizable(&[pushes.clone(), vec![call(4, 5, Popped(1)), call(6, 7, Popped(1))]], TWO));
        assert!(!is_linearizable(&[pushes, vec![call(4, 5, Popped(3))]], TWO));
    }

    #[test]
    fn full_and_closed_have_their_time() {
        assert!(!is_linearizable(&[vec![call(0, 1, Pushed(1)), call(2, 3, Full)]], TWO));
        assert!(!is_linearizable(&[vec![call(0, 1, Closes)], vec![call(2, 3, Pushed(1))]], TWO));
        assert!(!is_linearizable(&[vec![call(0, 1, Pushed(1)), call(2, 3, Closes)], vec![call(4, 5, PopClosed)]], TWO));
        assert!(is_linearizable(&[vec![call(0, 4, Closes)], vec![call(1, 2, Pushed(1)), call(3, 5, PushClosed)]], TWO));
    }
}
