//! The ends as tasks: of one runtime thread, or of two, as a row of the engine has them.

use std::mem;

use ringway::router::shard_of;
use tokio::runtime::{Builder, Runtime};

use crate::harness::{
    measure::{
        Check, Exact, Growing, Job, OfOneShard, Outcome, PRODUCERS_MAX, Phase, Role, SHARDS, Tally, key_of, quota,
        run_items, shape, words,
    },
    queue::{AsyncPush, AsyncTake, Ended, Payload, Queue, Shape, open_elsewhere},
    rows::{Row, Topology},
};

/// Producers and consumers, each a task of the one thread of a runtime.
pub(crate) fn tasks<Q, T: Payload>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<T, Tx: AsyncPush<T>, Rx: AsyncTake<T>>,
{
    assert!(row.producers <= PRODUCERS_MAX, "the check tells {PRODUCERS_MAX} producers apart");
    let runtime = runtime();
    let (txs, rxs) = open_elsewhere::<Q, T>(&shape(row));
    let mut ends = Some((txs, rxs));
    let each_sees_all = row.topology == Topology::Broadcast;
    let roles: Vec<Role> = vec![Box::new(move |phase| {
        let Some((txs, rxs)) = ends.take() else { return Tally::default() };
        let (tally, kept) = runtime.block_on(async {
            match each_sees_all {
                true => run::<Q, T, Exact>(txs, rxs, phase).await,
                false => run::<Q, T, Growing>(txs, rxs, phase).await,
            }
        });
        ends = kept;
        tally
    })];
    run_items(roles, row, job)
}

/// The ends that tasks bring back.
type Kept<Q, T> = Option<(Vec<<Q as Queue<T>>::Tx>, Vec<<Q as Queue<T>>::Rx>)>;

/// A phase: what its consumers saw, and the ends, unless one of them has ended.
async fn run<Q, T: Payload, K: Check + Send + 'static>(
    txs: Vec<Q::Tx>,
    rxs: Vec<Q::Rx>,
    phase: &Phase<'_>,
) -> (Tally, Kept<Q, T>)
where
    Q: Queue<T, Tx: AsyncPush<T>, Rx: AsyncTake<T>>,
{
    let (first, items) = (phase.first, phase.items);
    let quota = items * txs.len() as u64;
    let consumers: Vec<_> = rxs.into_iter().map(|rx| tokio::spawn(consume::<T, _, K>(rx, first, quota))).collect();
    let txs = txs.into_iter().enumerate();
    let producers: Vec<_> = txs.map(|(nth, tx)| tokio::spawn(produce::<T, _>(tx, nth, first, items))).collect();
    let txs = all(producers).await;
    let (rxs, tallies): (Vec<_>, Vec<_>) = all(consumers).await.into_iter().unzip();
    let kept = txs.into_iter().collect::<Option<Vec<_>>>().zip(rxs.into_iter().collect());
    (together(tallies), kept)
}

/// A producer's end of each shard.
struct Sharded<P>(Vec<P>);

impl<P: AsyncPush<u64>> AsyncPush<u64> for Sharded<P> {
    async fn push_async(&mut self, word: u64) -> Result<(), Ended> {
        let shard = shard_of(&key_of(word), self.0.len());
        self.0[shard].push_async(word).await
    }
}

/// A channel a shard; producers and shards, a task each, are dealt out to two threads.
pub(crate) fn keyed<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<u64, Tx: AsyncPush<u64>, Rx: AsyncTake<u64>>,
{
    const THREADS: usize = 2;
    let of_one = Shape { consumers: 1, ..shape(row) };
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..SHARDS).map(|_| open_elsewhere::<Q, u64>(&of_one)).unzip();
    let mut shards: Vec<_> = txs.into_iter().map(Vec::into_iter).collect();
    let mut producers: [Vec<_>; THREADS] = Default::default();
    for producer in 0..row.producers {
        let tx = Sharded(shards.iter_mut().filter_map(Iterator::next).collect());
        producers[producer % THREADS].push((producer, tx));
    }
    let mut consumers: [Vec<_>; THREADS] = Default::default();
    for (shard, rx) in rxs.into_iter().flatten().enumerate() {
        consumers[shard % THREADS].push((shard, rx));
    }
    let all_producers = row.producers as u64;
    let roles = producers.into_iter().zip(consumers).map(|(mut txs, mut rxs)| -> Role {
        let runtime = runtime();
        Box::new(move |phase| {
            let (first, items) = (phase.first, phase.items);
            runtime.block_on(async {
                let sends = mem::take(&mut txs).into_iter().map(|(producer, tx)| {
                    tokio::spawn(async move { (producer, produce::<u64, _>(tx, producer, first, items).await) })
                });
                let takes = mem::take(&mut rxs).into_iter().map(|(shard, rx)| {
                    let quota = quota(shard, all_producers, first, items);
                    tokio::spawn(async move { (shard, consume::<u64, _, OfOneShard>(rx, first, quota).await) })
                });
                let (sends, takes): (Vec<_>, Vec<_>) = (sends.collect(), takes.collect());
                txs = all(sends).await.into_iter().filter_map(|(producer, tx)| Some((producer, tx?))).collect();
                let mut seen = Tally::default();
                for (shard, (rx, tally)) in all(takes).await {
                    rxs.extend(rx.map(|rx| (shard, rx)));
                    seen.count += tally.count;
                    seen.sum = seen.sum.wrapping_add(tally.sum);
                    seen.disorder |= tally.disorder;
                }
                seen
            })
        })
    });
    run_items(roles.collect(), row, job)
}

/// One task that sends, on a thread of its own, and one of each that takes, on another: each sees every item.
pub(crate) fn gates<Q>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<u64, Tx: AsyncPush<u64>, Rx: AsyncTake<u64>>,
{
    let (txs, mut rxs) = open_elsewhere::<Q, u64>(&shape(row));
    let (sender, receivers) = (runtime(), runtime());
    let mut tx = txs.into_iter().next();
    let send: Role = Box::new(move |phase| {
        if let Some(end) = tx.take() {
            tx = sender.block_on(produce::<u64, _>(end, 0, phase.first, phase.items));
        }
        Tally::default()
    });
    let take: Role = Box::new(move |phase| {
        let (first, items) = (phase.first, phase.items);
        receivers.block_on(async {
            let rx = mem::take(&mut rxs).into_iter();
            let (ends, tallies): (Vec<_>, Vec<_>) =
                all(rx.map(|rx| tokio::spawn(consume::<u64, _, Exact>(rx, first, items))).collect())
                    .await
                    .into_iter()
                    .unzip();
            rxs = ends.into_iter().flatten().collect();
            together(tallies)
        })
    });
    run_items(vec![send, take], row, job)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime of one thread")
}

/// What tasks returned; a panic of one goes on.
async fn all<R>(tasks: Vec<tokio::task::JoinHandle<R>>) -> Vec<R> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
    }
    results
}

/// Pushes a producer's words one by one; returns the end, unless the other side is gone.
async fn produce<T: Payload, P: AsyncPush<T>>(mut tx: P, producer: usize, first: u64, items: u64) -> Option<P> {
    for word in words(producer, first, items) {
        tx.push_async(T::new(word)).await.ok()?;
    }
    Some(tx)
}

/// Takes until `quota` items have come.
async fn consume<T: Payload, C: AsyncTake<T>, K: Check>(mut rx: C, first: u64, quota: u64) -> (Option<C>, Tally) {
    let mut check = K::new(first);
    for count in 0..quota {
        match rx.take_async().await {
            Ok(item) => check.see(&item),
            Err(_) => return (None, check.tally(count)),
        }
    }
    (Some(rx), check.tally(quota))
}

/// What several consumers of the same items saw, as one of them: they must agree.
fn together(tallies: Vec<Tally>) -> Tally {
    let mut all = tallies.into_iter();
    let mut one = all.next().unwrap_or_default();
    for other in all {
        one.torn |= other.torn;
        one.disorder |= other.disorder | (one.count ^ other.count) | (one.sum ^ other.sum);
    }
    one
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::tasks;
    use crate::harness::{
        measure::{Job, Outcome},
        queue::{AsyncPush, AsyncTake, Ended, Queue, Shape},
        rows::{ROWS, Row},
    };

    /// The item that comes twice where items do.
    const ODD_ONE: u64 = 700;

    /// A queue of tasks that take turns.
    struct Turns<const DOUBLES: bool>;

    /// Either end of it.
    struct End<const DOUBLES: bool>(Arc<Mutex<VecDeque<u64>>>);

    impl<const DOUBLES: bool> Queue<u64> for Turns<DOUBLES> {
        type Tx = End<DOUBLES>;
        type Rx = End<DOUBLES>;

        fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
            let items = Arc::<Mutex<VecDeque<u64>>>::default();
            let end = || End(Arc::clone(&items));
            ((0..shape.producers).map(|_| end()).collect(), (0..shape.consumers).map(|_| end()).collect())
        }
    }

    impl<const DOUBLES: bool> AsyncPush<u64> for End<DOUBLES> {
        async fn push_async(&mut self, item: u64) -> Result<(), Ended> {
            while self.0.lock().expect("no end panics with it").len() >= 64 {
                tokio::task::yield_now().await;
            }
            self.0.lock().expect("no end panics with it").push_back(item);
            Ok(())
        }
    }

    impl<const DOUBLES: bool> AsyncTake<u64> for End<DOUBLES> {
        async fn take_async(&mut self) -> Result<u64, Ended> {
            loop {
                let item = self.0.lock().expect("no end panics with it").pop_front();
                match item {
                    Some(ODD_ONE) if DOUBLES => return Ok(ODD_ONE - 1),
                    Some(item) => return Ok(item),
                    None => tokio::task::yield_now().await,
                }
            }
        }
    }

    fn outcome<const DOUBLES: bool>() -> Outcome {
        let row: &Row = ROWS.iter().find(|row| row.name == "mpsc-4-async").expect("a row of that name");
        let pins = core_affinity::get_core_ids().expect("the CPUs are known");
        let (burst, deadline) = (Duration::from_millis(20), Duration::from_secs(60));
        let job = Job { pins, items: [1000; 2], warm: 16, tight: false, sleeps: true, burst, deadline };
        tasks::<Turns<DOUBLES>, u64>(row, &job)
    }

    #[test]
    fn tasks_are_measured() {
        assert!(matches!(outcome::<false>(), Outcome::Measured(_)));
    }

    #[test]
    fn a_doubled_item_is_a_fault_among_tasks_too() {
        let outcome = outcome::<true>();
        assert!(matches!(&outcome, Outcome::Fault(what) if what.contains("out of order")), "{outcome:?}");
    }
}
