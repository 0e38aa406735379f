//! Requests and their replies: each caller gets a result, an error, a timeout, or hears that its job is gone.

use std::{sync::mpsc, time::Duration};

use ringway::{
    Engine,
    delivery::{
        AtBound, CallError, DedupWindow, DroppedBy, Envelope, Expired, Joined, Order, Progress, Reason, Reply, Retry,
        Rules,
    },
    engine::{Call, CallRefused, Caller},
    router::{Policy, Queue},
    time::Manual,
    worker::{Leased, Worker},
};

use super::{BOOM, poll_all, quiet_booms, until};

type Job = Call<u64, u64, &'static str>;

const MS: Duration = Duration::from_millis(1);

struct Bench {
    engine: Engine,
    workers: Vec<Worker>,
    clock: Manual,
    queue: Queue<Job>,
    caller: Caller<u64, u64, &'static str>,
}

/// Squares small numbers; refuses 13, fails at 1 once, panics at 2, reports at 3.
fn square(job: &mut Leased<'_, Job, &'static str>) -> Result<u64, &'static str> {
    match (*job.job(), job.attempt()) {
        (13, _) => Err("unlucky"),
        (1, 1) => Err("busy"),
        (2, _) => std::panic::panic_any(BOOM),
        (3, _) => {
            job.progress(Progress { done: 1, total: 3 });
            job.progress(Progress { done: 2, total: 3 });
            Ok(9)
        }
        (number, _) => Ok(number * number),
    }
}

fn rules() -> Rules {
    let retry = Retry { attempts_max: 2, ..Retry::default() };
    Rules { retry, expired: Expired::Drop, ..Rules::default() }
}

impl Bench {
    fn new(calls: usize) -> Self {
        quiet_booms();
        let clock = Manual::new();
        let engine = Engine::builder().workers(1).by_hand().clock(clock.clone()).start().unwrap();
        let queue = engine.queue::<Job>("squares").capacity(4).full(Policy::Reject).open().unwrap();
        engine.consume(&queue).deliver(rules()).reply(|_| square).unwrap();
        let (workers, caller) = (engine.take_workers(), engine.caller(&queue, calls).unwrap());
        Self { engine, workers, clock, queue, caller }
    }

    fn poll(&mut self) {
        poll_all(&mut self.workers);
        self.clock.advance(Duration::from_secs(3600));
        poll_all(&mut self.workers);
        self.engine.audit().check().unwrap();
    }

    fn reply(&mut self, job: u64) -> Reply<u64, &'static str> {
        let ticket = self.caller.open(&0_u32, job, None, Duration::MAX).unwrap();
        assert_eq!(self.caller.look(ticket), Reply::Pending(Progress::default()));
        self.poll();
        let reply = self.caller.look(ticket);
        assert_eq!(self.caller.look(ticket), Reply::Gone, "a reply comes out once");
        reply
    }
}

#[test]
fn each_end_of_a_job_is_a_reply() {
    let mut bench = Bench::new(4);
    assert_eq!(bench.reply(7), Reply::Ready(Ok(49)));
    assert_eq!(bench.reply(1), Reply::Ready(Ok(1)), "tried again");
    assert_eq!(bench.reply(13), Reply::Ready(Err(CallError::Failed("unlucky"))));
    assert_eq!(bench.reply(2), Reply::Ready(Err(CallError::GivenUp(Reason::Unanswered))));
    let told = CallError::<String>::GivenUp(Reason::Unanswered).to_string();
    assert_eq!(told, "the job was given up: its handler panicked, or gave no answer");
    assert_eq!((bench.caller.depth(), bench.caller.stale()), (0, 0));
}

/// Of a job that nobody does, the caller hears why.
#[test]
fn a_job_that_is_not_done_says_why() {
    let engine = Engine::builder().workers(1).by_hand().clock(Manual::new()).start().unwrap();
    let queue = engine.queue::<Job>("squares").open().unwrap();
    let rules = Rules {
        order: Order::Keyed { keys_max: 1, parked_per_key_max: 1, at_bound: AtBound::Drop },
        dedup: Some(DedupWindow { time: Duration::from_secs(60), count: 16 }),
        ..rules()
    };
    let envelope = |call: Job| Envelope { key: Some(0), id: Some((*call.job()).into()), ..Envelope::new(call) };
    engine.consume(&queue).deliver(rules).envelope(envelope).reply(|_| square).unwrap();
    let (mut workers, mut caller) = (engine.take_workers(), engine.caller(&queue, 8).unwrap());
    // The first fails and is to be tried again, the second waits behind it, and the third has no place there.
    let tickets = [1, 4, 5, 1].map(|job| caller.open(&0_u32, job, None, Duration::MAX).unwrap());
    poll_all(&mut workers);
    let dropped = |by| Reply::Ready(Err(CallError::Dropped(by)));
    assert_eq!(caller.look(tickets[2]), dropped(DroppedBy::AtBound));
    assert_eq!(caller.look(tickets[3]), Reply::Ready(Err(CallError::Duplicate)));
    drop(workers);
    engine.abort().ledger.check().unwrap();
    let jobs: Vec<u64> = queue.take_left().into_iter().map(Call::cancel).collect();
    assert_eq!(jobs, [1, 4]);
    for ticket in &tickets[..2] {
        assert_eq!(caller.look(*ticket), dropped(DroppedBy::Cancel));
    }
    let told = CallError::<String>::Dropped(DroppedBy::Cancel).to_string();
    assert_eq!(told, "the job was dropped: it was cancelled");
}

/// What a call waits for may lie in a queue that nobody serves any more: whoever takes it out decides, and tells.
#[test]
fn whoever_drops_what_is_left_tells_the_callers() {
    let engine = Engine::builder().workers(1).start().unwrap();
    let jobs = engine.queue::<Call<u64, u64, String>>("jobs").open().unwrap();
    let mut caller = engine.caller(&jobs, 2).unwrap();
    let ticket = caller.open(&0_u32, 7, None, Duration::from_secs(3600)).unwrap();
    engine.abort();
    assert_eq!(caller.look(ticket), Reply::Pending(Progress::default()));
    drop(jobs.take_left());
    assert_eq!(caller.wait(ticket), Some(Err(CallError::WorkerDied)));
}

#[test]
fn a_late_reply_is_stale_and_its_job_counts_until_it_ends() {
    let mut bench = Bench::new(2);
    let tickets = [5, 6].map(|job| bench.caller.open(&0_u32, job, None, 10 * MS).unwrap());
    bench.clock.advance(11 * MS);
    assert_eq!(tickets.map(|ticket| bench.caller.look(ticket)), [Reply::Ready(Err(CallError::TimedOut)); 2]);
    assert_eq!(bench.caller.call(&0_u32, 7).unwrap_err(), CallRefused::TooManyCalls(7), "both jobs are under way");
    bench.poll();
    assert!(bench.caller.call(&0_u32, 7).is_ok());
    assert_eq!(bench.caller.stale(), 2);
    // That one was dropped: nobody waits for it, and its reply is stale, too.
    bench.poll();
    assert_eq!(bench.reply(4), Reply::Ready(Ok(16)));
    assert_eq!(bench.caller.stale(), 3);
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let mut bench = Bench::new(8);
    for job in 0..4 {
        bench.caller.open(&0_u32, job, None, Duration::MAX).unwrap();
    }
    assert_eq!(bench.caller.open(&0_u32, 4, None, Duration::MAX), Err(CallRefused::Full(4)));
    assert_eq!(bench.caller.depth(), 4);
    bench.engine.close();
    let refused = bench.caller.open(&0_u32, 5, None, Duration::MAX).unwrap_err();
    assert_eq!((refused.to_string().as_str(), refused.into_inner()), ("the queue of the jobs is closed", 5));
    bench.poll();
    assert_eq!((bench.caller.depth(), bench.caller.stale()), (4, 0));
}

#[test]
fn a_batch_is_joined_and_its_replies_are_there() {
    let mut bench = Bench::new(4);
    let batch = bench.caller.batch().unwrap();
    let tickets = [3, 4, 13].map(|job| bench.caller.open(&0_u32, job, Some(batch), Duration::MAX).unwrap());
    bench.poll();
    assert_eq!(bench.caller.join(batch), Some(Joined { succeeded: 2, failed: 1 }));
    assert_eq!(bench.caller.join(batch), None, "it is joined once");
    assert_eq!(bench.caller.wait(tickets[1]), Some(Ok(16)));
    assert_eq!(bench.caller.wait(tickets[2]), Some(Err(CallError::Failed("unlucky"))));
    assert_eq!(bench.caller.wait(tickets[2]), None);
}

/// The job is done elsewhere: its progress is seen, and its reply comes from there.
#[test]
fn progress_and_a_reply_from_another_thread() {
    let mut bench = Bench::new(2);
    let held = bench.engine.queue::<Job>("held").open().unwrap();
    let (told, jobs) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    bench
        .engine
        .consume(&held)
        .deliver(rules())
        .handle(move |_| {
            let told = told.lock().unwrap().clone();
            move |job: &mut Leased<'_, Job, &'static str>| {
                let reply = job.take_reply().unwrap();
                told.send((job.defer(), reply)).map_err(|_| "nobody takes it")
            }
        })
        .unwrap();
    let mut caller = bench.engine.caller(&held, 2).unwrap();
    let mut pending = caller.call(&0_u32, 1).unwrap();
    poll_all(&mut bench.workers);
    let (deferred, mut reply) = jobs.try_recv().unwrap();
    reply.progress(Progress { done: 1, total: 2 });
    assert_eq!(pending.progress(), Progress { done: 1, total: 2 });
    std::thread::spawn(move || (reply.send(Ok(1)), deferred.ack())).join().unwrap().1.unwrap();
    assert_eq!(pending.wait(), Ok(1));
    poll_all(&mut bench.workers);
    assert_eq!(bench.engine.audit().queue("held").unwrap().handled, 1);
    assert!(bench.queue.depth(0) == Some(0));
}

#[test]
fn a_worker_that_goes_takes_nobody_along() {
    let Bench { engine, workers, queue, mut caller, .. } = Bench::new(2);
    let pending = caller.call(&0_u32, 7).unwrap();
    drop(workers);
    drop(engine.abort());
    assert_eq!(queue.take_left().len(), 1, "the job is handed back, and dropped here");
    assert_eq!(pending.wait(), Err(CallError::WorkerDied));
}

/// A caller that waits hears that its time is over by the clock that the engine goes by, whoever turns it.
#[test]
fn a_wait_ends_when_a_clock_by_hand_has_been_turned() {
    let Bench { engine: _engine, workers: _workers, clock, mut caller, .. } = Bench::new(1);
    let hour = Duration::from_secs(3600);
    let waiting = std::thread::spawn(move || caller.call_for(&0_u32, 7, hour).unwrap().wait());
    until("the hour is over", || {
        clock.advance(Duration::from_secs(1));
        waiting.is_finished()
    });
    assert_eq!(waiting.join().unwrap(), Err(CallError::TimedOut));
}

#[test]
fn callers_wait_on_threads_of_their_own() {
    let engine = Engine::builder().workers(2).start().unwrap();
    let queue = engine.queue::<Job>("squares").shards(2).open().unwrap();
    engine.consume(&queue).deliver(rules()).reply(|_| square).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let mut caller = engine.caller(&queue, 8).unwrap();
            scope.spawn(move || {
                for job in 0..100 {
                    let job = 100 + thread * 1000 + job;
                    assert_eq!(caller.call(&job, job).unwrap().wait(), Ok(job * job));
                }
            });
        }
    });
    // Nobody answers: the time is over, and the caller is told.
    let silent = engine.queue::<Job>("silent").open().unwrap();
    let mut caller = engine.caller(&silent, 1).unwrap();
    assert_eq!(caller.call_for(&0_u32, 1, 20 * MS).unwrap().wait(), Err(CallError::TimedOut));
    let report = engine.drain(Duration::from_secs(30));
    report.ledger.check().unwrap();
    assert_eq!(report.ledger.queue("squares").unwrap().handled, 300);
}

#[cfg(feature = "async")]
#[test]
fn tasks_wait_for_replies_for_batches_and_for_a_time_that_is_over() {
    let engine = Engine::builder().workers(2).start().unwrap();
    let queue = engine.queue::<Job>("squares").shards(2).open().unwrap();
    engine.consume(&queue).deliver(rules()).reply(|_| square).unwrap();
    let silent = engine.queue::<Job>("silent").open().unwrap();
    let (mut caller, mut unheard) = (engine.caller(&queue, 8).unwrap(), engine.caller(&silent, 2).unwrap());
    pollster::block_on(async {
        for job in 100..200 {
            assert_eq!(caller.call(&job, job).unwrap().await, Ok(job * job));
        }
        let batch = caller.batch().unwrap();
        let tickets = [3, 4, 13].map(|job| caller.open(&job, job, Some(batch), Duration::from_secs(30)).unwrap());
        assert_eq!(caller.join_async(batch).await, Some(Joined { succeeded: 2, failed: 1 }));
        assert_eq!(caller.wait_async(tickets[1]).await, Some(Ok(16)));
        assert_eq!(caller.wait_async(tickets[1]).await, None);
        assert_eq!(unheard.call_for(&0_u32, 1, 20 * MS).unwrap().await, Err(CallError::TimedOut));
    });
    engine.drain(Duration::from_secs(30)).ledger.check().unwrap();
}
