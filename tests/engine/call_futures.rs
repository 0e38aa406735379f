//! Calls that tasks send: they wait for room without their thread, and one that is not sent leaves no trace.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use pollster::block_on;
use ringway::{
    Engine,
    delivery::{Joined, Rules},
    engine::{Call, CallRefused, Caller},
    router::Queue,
    worker::{Leased, Worker},
};

use super::{by_hand, poll_all};

type Job = Call<u64, u64, ()>;

const KEY: &u32 = &0;
const HOUR: Duration = Duration::from_secs(3600);

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn double(call: &mut Leased<'_, Job, ()>) -> Result<u64, ()> {
    Ok(2 * call.job())
}

struct Bench {
    engine: Engine,
    workers: Vec<Worker>,
    queue: Queue<Job>,
    caller: Caller<u64, u64, ()>,
}

impl Bench {
    /// With a queue that is full of jobs, whose calls are given up.
    fn full(calls: usize) -> Self {
        let (engine, workers) = by_hand(1);
        let queue = engine.queue::<Job>("jobs").capacity(2).open().unwrap();
        engine.consume(&queue).deliver(Rules::default()).reply(|_| double).unwrap();
        let mut other = engine.caller(&queue, 2).unwrap();
        (0..2).for_each(|job| drop(other.call(KEY, job).unwrap()));
        let caller = engine.caller(&queue, calls).unwrap();
        Self { engine, workers, queue, caller }
    }
}

#[test]
fn a_call_waits_for_room_and_then_for_its_reply() {
    let Bench { engine, mut workers, queue, mut caller } = Bench::full(4);
    let mut call = caller.call_async(KEY, 7);
    assert!(poll_once(&mut call).is_pending());
    poll_all(&mut workers);
    let Poll::Ready(Ok(pending)) = poll_once(&mut call) else { panic!("there is room") };
    poll_all(&mut workers);
    assert_eq!(block_on(pending), Ok(14));
    drop(call);
    let batch = caller.batch().unwrap();
    let tickets = [8, 9].map(|job| block_on(caller.open_async(KEY, job, Some(batch), HOUR)).unwrap());
    poll_all(&mut workers);
    assert_eq!(block_on(caller.join_async(batch)), Some(Joined { succeeded: 2, failed: 0 }));
    assert_eq!(tickets.map(|ticket| caller.wait(ticket)), [Some(Ok(16)), Some(Ok(18))]);
    assert_eq!((caller.depth(), queue.published().total()), (0, 5));
    engine.audit().check().unwrap();
}

/// As many calls fit as before, however often one was not sent.
#[test]
fn a_call_that_is_not_sent_is_forgotten() {
    let Bench { engine, mut workers, queue, mut caller } = Bench::full(1);
    for _ in 0..3 {
        let mut call = caller.call_async(KEY, 7);
        assert!(poll_once(&mut call).is_pending());
        assert_eq!((call.take_back(), call.take_back()), (Some(7), None));
        drop(call);
        assert_eq!(caller.depth(), 0);
        let mut open = caller.open_async(KEY, 7, None, HOUR);
        assert!(poll_once(&mut open).is_pending());
        drop(open);
        assert_eq!(caller.depth(), 0);
        // Never polled.
        drop(caller.call_async(KEY, 7));
    }
    poll_all(&mut workers);
    assert_eq!((queue.published().total(), caller.stale()), (2, 0));
    let ticket = block_on(caller.open_async(KEY, 7, None, HOUR)).unwrap();
    let mut second = caller.open_async(KEY, 8, None, HOUR);
    assert_eq!(poll_once(&mut second), Poll::Ready(Err(CallRefused::TooManyCalls(8))));
    assert_eq!(second.take_back(), None, "it is in the error");
    drop(second);
    assert_eq!(caller.open_async(KEY, 9, None, HOUR).take_back(), Some(9));
    poll_all(&mut workers);
    assert_eq!(caller.wait(ticket), Some(Ok(14)));
    engine.close();
    assert_eq!(block_on(caller.call_for_async(KEY, 7, HOUR)).unwrap_err(), CallRefused::Closed(7));
    assert_eq!(caller.depth(), 0);
    engine.audit().check().unwrap();
}

/// Tasks call as fast as they can by a queue with room for two.
#[test]
fn calls_go_through_a_narrow_queue() {
    let engine = Engine::builder().workers(1).start().unwrap();
    let queue = engine.queue::<Job>("jobs").capacity(2).open().unwrap();
    engine.consume(&queue).deliver(Rules::default()).reply(|_| double).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let mut caller = engine.caller(&queue, 64).unwrap();
            scope.spawn(move || {
                block_on(async {
                    for first in (0..1024).step_by(64) {
                        let mut tickets = Vec::new();
                        for job in first..first + 64 {
                            tickets.push((job, caller.open_async(&thread, job, None, HOUR).await.unwrap()));
                        }
                        for (job, ticket) in tickets {
                            assert_eq!(caller.wait_async(ticket).await, Some(Ok(2 * job)));
                        }
                    }
                });
            });
        }
    });
    let report = engine.drain(HOUR);
    report.ledger.check().unwrap();
    assert_eq!(report.ledger.queue("jobs").unwrap().handled, 3 * 1024);
}
