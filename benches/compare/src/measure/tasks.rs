//! The ends as tasks of one runtime thread.

use tokio::runtime::Builder;

use super::{
    check::{Check, Exact, Growing, PRODUCERS_MAX, Tally, words},
    crew::{self, Job, Phase, Role},
    figure,
    sample::{Outcome, conclude, shape},
};
use crate::{
    queue::{AsyncPush, AsyncTake, Payload, Queue},
    rows::{Row, Topology},
};

/// Producers and consumers, each a task of the one thread of a runtime.
pub(crate) fn tasks<Q, T: Payload>(row: &Row, job: &Job) -> Outcome
where
    Q: Queue<T, Tx: AsyncPush<T>, Rx: AsyncTake<T>>,
{
    assert!(row.producers <= PRODUCERS_MAX, "the check tells {PRODUCERS_MAX} producers apart");
    let runtime = Builder::new_current_thread().build().expect("a runtime of one thread");
    let (txs, rxs) = Q::open(&shape(row));
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
    conclude(row, crew::run(roles, job), figure::per_item)
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
