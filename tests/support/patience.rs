//! Waiting in tests: yield, look again, and give up only so that a failure is a message instead of a hang.

use std::{
    ptr,
    sync::Mutex,
    thread::{panicking, yield_now},
    time::{Duration, Instant},
};

use ringway::ring::{Consumer, PopError, Producer, PushError};

/// Far beyond what any test needs, sanitizers and a busy machine included.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Yields until `look` has an answer.
#[track_caller]
pub(crate) fn until<R>(what: &str, mut look: impl FnMut() -> Option<R>) -> R {
    let start = Instant::now();
    let mut looks = 0_u32;
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        looks = looks.wrapping_add(1);
        assert!(!looks.is_multiple_of(1024) || start.elapsed() < GIVE_UP, "waited {GIVE_UP:?} in vain for {what}");
        yield_now();
    }
}

/// Pushes; waits while the ring is full; hands the item back if it is closed.
#[track_caller]
pub(crate) fn push<P: Producer>(producer: &mut P, item: P::Item) -> Result<(), P::Item> {
    let mut item = Some(item);
    until("room", || match producer.try_push(item.take()?) {
        Ok(()) => Some(Ok(())),
        Err(PushError::Closed(refused)) => Some(Err(refused)),
        Err(PushError::Full(refused)) => {
            item = Some(refused);
            None
        }
    })
}

/// Pops; waits while there is nothing; `None` at the end of the stream.
#[track_caller]
pub(crate) fn pop<C: Consumer>(consumer: &mut C) -> Option<C::Item> {
    until("an item", || match consumer.try_pop() {
        Ok(item) => Some(Some(item)),
        Err(PopError::Closed) => Some(None),
        Err(PopError::Empty) => None,
    })
}

/// Pops up to the end of the stream.
#[track_caller]
pub(crate) fn drain<C: Consumer>(consumer: &mut C) -> Vec<C::Item> {
    std::iter::from_fn(|| pop(consumer)).collect()
}

/// Forgets a value, but keeps it reachable: a leak checker is meant to find the ring's mistakes, not the test's.
pub(crate) fn leak<T>(value: T) {
    static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let place = ptr::from_mut(Box::leak(Box::new(value)));
    LEAKED.lock().unwrap().push(place.expose_provenance());
}

/// Runs `work`, which panics.
pub(crate) fn dies(work: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    assert!(outcome.is_err(), "this was meant to panic");
    assert!(!panicking());
}
