//! The ends as tasks of one runtime thread.

use tokio::runtime::Builder;

use crate::harness::{
    measure::{Check, Exact, Growing, Job, Outcome, PRODUCERS_MAX, Phase, Role, Tally, run_items, shape, words},
    queue::{AsyncPush, AsyncTake, Payload, Queue, open_elsewhere},
    rows::{Row, Topology},
};

/// Producers and consumers, each a task of the one thread of a runtime.
pub(crate) fn tasks<Q, T: Payload>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<T, Tx: AsyncPush<T>, Rx: AsyncTake<T>>,
{
    assert!(row.producers <= PRODUCERS_MAX, "the check tells {PRODUCERS_MAX} producers apart");
    let runtime = Builder::new_current_thread().build().expect("a runtime of one thread");
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

    let (mut txs, mut rxs, mut tallies) = (Vec::new(), Vec::new(), Vec::new());
    for producer in producers {
        txs.push(joined(producer.await));
    }
    for consumer in consumers {
        let (rx, tally) = joined(consumer.await);
        rxs.push(rx);
        tallies.push(tally);
    }
    let kept = txs.into_iter().collect::<Option<Vec<_>>>().zip(rxs.into_iter().collect());
    (together(tallies), kept)
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

/// What a task returned; its panic goes on.
fn joined<R>(result: Result<R, tokio::task::JoinError>) -> R {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
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
        let (burst, deadline) = (Duration::from_millis(20), Duration::from_secs(20));
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
