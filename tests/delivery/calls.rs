//! Calls, batches and ticks.

use std::time::Duration;

use ringway::{
    delivery::{CallError, Calls, Every, Joined, Missed, Progress, Reply, TooManyCalls},
    time::Instant,
};

use super::SECOND;

const NOW: Instant = Instant::START;

fn calls(capacity: usize) -> Calls<u32, &'static str> {
    Calls::new(capacity, NOW).expect("room")
}

#[test]
fn a_reply_comes_out_once() {
    let mut calls = calls(2);
    let ticket = calls.open(None, NOW, SECOND).expect("room");
    assert_eq!(calls.take(ticket), Reply::Pending(Progress::default()));
    calls.progress(ticket, Progress { done: 3, total: 10 });
    assert_eq!(calls.take(ticket), Reply::Pending(Progress { done: 3, total: 10 }));
    assert!(calls.answer(ticket, Err("no")) && !calls.answer(ticket, Ok(1)));
    assert_eq!(calls.take(ticket), Reply::Ready(Err(CallError::Failed("no"))));
    assert_eq!((calls.take(ticket), calls.depth(), calls.stale()), (Reply::Gone, 0, 1));
    assert_eq!(calls.tick(NOW + 9 * SECOND), None);
}

#[test]
fn a_ticket_does_not_reach_the_next_call_in_its_place() {
    let mut calls = calls(1);
    let first = calls.open(None, NOW, SECOND).expect("room");
    assert_eq!(calls.open(None, NOW, SECOND), Err(TooManyCalls));
    assert_eq!(calls.tick(NOW + 2 * SECOND), Some(first));
    assert_eq!(calls.take(first), Reply::Ready(Err(CallError::TimedOut)));
    let second = calls.open(None, NOW + 2 * SECOND, SECOND).expect("room");
    assert!(!calls.answer(first, Ok(1)));
    calls.progress(first, Progress { done: 1, total: 1 });
    assert_eq!(calls.take(second), Reply::Pending(Progress::default()));
}

#[test]
fn the_end_of_a_worker_ends_its_calls_only() {
    let mut calls = calls(4);
    let tickets: Vec<_> = (0..4).map(|_| calls.open(None, NOW, SECOND).expect("room")).collect();
    calls.taken_by(tickets[0], 7);
    calls.taken_by(tickets[1], 7);
    calls.taken_by(tickets[2], 8);
    assert!(calls.answer(tickets[1], Ok(5)));
    assert_eq!(calls.worker_died(7), 1);
    let replies: Vec<_> = tickets.iter().map(|&ticket| calls.take(ticket)).collect();
    let pending = Reply::Pending(Progress::default());
    assert_eq!(replies, [Reply::Ready(Err(CallError::WorkerDied)), Reply::Ready(Ok(5)), pending, pending]);
}

#[test]
fn a_batch_is_joined_when_its_last_call_ends_however() {
    let mut calls = calls(4);
    let batch = calls.batch().expect("room");
    let tickets: Vec<_> = (0..3).map(|_| calls.open(Some(batch), NOW, SECOND).expect("room")).collect();
    let other = calls.open(None, NOW, 10 * SECOND).expect("room");
    assert!(calls.answer(tickets[0], Ok(1)) && calls.answer(tickets[1], Err("no")));
    assert_eq!(calls.join(batch), None);
    // A reply that was taken counts as before.
    assert_eq!(calls.take(tickets[0]), Reply::Ready(Ok(1)));
    assert_eq!((calls.tick(NOW + 2 * SECOND), calls.tick(NOW + 2 * SECOND)), (Some(tickets[2]), None));
    assert_eq!(calls.join(batch), Some(Joined { succeeded: 1, failed: 2 }));
    assert_eq!(calls.join(batch), None);
    assert!(calls.answer(other, Ok(1)));
}

#[test]
fn a_far_timeout_never_comes() {
    let mut calls = calls(1);
    let ticket = calls.open(None, NOW, Duration::MAX).expect("room");
    assert_eq!(calls.tick(NOW + 1_000_000_000 * SECOND), None);
    assert!(calls.answer(ticket, Ok(1)));
}

#[test]
fn ticks_that_were_missed_are_skipped_or_caught_up() {
    let at = |secs| NOW + secs * SECOND;
    let ticks = |missed| {
        let mut every = Every::new(at(10), 10 * SECOND, missed);
        let ticks: Vec<_> = [9, 10, 45, 45, 45, 45, 50].iter().map(|&now| every.due(at(now))).collect();
        ticks.into_iter().map(|tick| tick.map(|tick| ((tick.at - NOW).as_secs(), tick.missed))).collect::<Vec<_>>()
    };
    assert_eq!(ticks(Missed::Skip), [None, Some((10, 0)), Some((40, 2)), None, None, None, Some((50, 0))]);
    let caught_up = [None, Some((10, 0)), Some((20, 0)), Some((30, 0)), Some((40, 0)), None, Some((50, 0))];
    assert_eq!(ticks(Missed::CatchUp), caught_up);
    let mut never = Every::new(Instant::FAR, SECOND, Missed::Skip);
    assert_eq!(never.due(Instant::FAR), None);
    let mut always = Every::new(NOW, Duration::ZERO, Missed::Skip);
    assert_eq!(always.due(at(1)).map(|tick| tick.missed), Some(1_000_000_000));
}

/// A handler's error may be mere text: `?` takes the call's error all the same.
#[test]
fn what_a_call_fails_with_is_an_error() {
    fn ask() -> Result<(), Box<dyn std::error::Error>> {
        Err(CallError::Failed("out of stock".to_owned()))?
    }
    assert_eq!(ask().unwrap_err().to_string(), "the handler failed: out of stock");
}
