//! Histories of real threads, recorded and held against one indivisible queue.
//!
//! `spsc` and `dense` promise that every answer is exact. `mpmc` promises that for what goes in and out and for `Closed`;
//! its `Empty` and `Full` may come while another thread stands between claim and commit, so they prove nothing and are left
//! out (`Empty` and `Full` change nothing, so the rest is a history of its own).

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use ringway::ring::{Closes, Consumer, PopError, Producer, PushError, dense::Dense, mpmc::Mpmc, spsc::Spsc};

use crate::{
    Crew,
    linear::{Answer, Bounds, Call, is_linearizable},
    load,
    support::{
        kinds::{Subject, ring},
        random::{Random, SayOnPanic},
    },
};

/// One thread's record.
struct Recorder {
    /// Read and moved on by every thread: its order is the order of time. Never reset.
    clock: &'static AtomicU64,
    calls: Vec<Call>,
}

static CLOCK: AtomicU64 = AtomicU64::new(0);

impl Recorder {
    fn new() -> Self {
        Self { clock: &CLOCK, calls: Vec::new() }
    }

    fn record(&mut self, call: impl FnOnce() -> Answer) {
        let invoked = self.clock.fetch_add(1, SeqCst);
        let answer = call();
        let returned = self.clock.fetch_add(1, SeqCst);
        self.calls.push(Call { invoked, returned, answer });
    }
}

fn pushes<P: Producer<Item = u64>>(tx: &mut P, item: u64) -> Answer {
    match tx.try_push(item) {
        Ok(()) => Answer::Pushed(item),
        Err(PushError::Full(_)) => Answer::Full,
        Err(PushError::Closed(_)) => Answer::PushClosed,
    }
}

fn pops<C: Consumer<Item = u64>>(rx: &mut C) -> Answer {
    match rx.try_pop() {
        Ok(item) => Answer::Popped(item),
        Err(PopError::Empty) => Answer::Empty,
        Err(PopError::Closed) => Answer::PopClosed,
    }
}

/// A producer and a consumer, each of which closes at some point of half of the rounds.
fn every_answer_is_exact<K>()
where
    K: Subject<u64, Producer: 'static, Consumer: 'static + Closes>,
{
    const CALLS: usize = 30;
    for round in 0..load(2000) {
        let _say = SayOnPanic(|| format!("{}, round {round}", K::FACTS.name));
        let slots = 1 << (round % 3);
        let (mut tx, mut rx) = ring::<K, u64>(slots);
        let mut crew = Crew::of(2);
        crew.add(move || {
            let (mut random, mut recorder) = (Random::new(2 * round), Recorder::new());
            let close_at = random.below(2 * CALLS);
            for nth in 0..CALLS {
                if nth == close_at {
                    recorder.record(|| {
                        tx.close();
                        Answer::Closes
                    });
                }
                recorder.record(|| pushes(&mut tx, nth as u64));
            }
            // The end itself leaves the ring only when the history is over.
            (recorder.calls, Some(tx), None)
        });
        crew.add(move || {
            let (mut random, mut recorder) = (Random::new(2 * round + 1), Recorder::new());
            let close_at = random.below(2 * CALLS);
            for nth in 0..CALLS {
                if nth == close_at {
                    recorder.record(|| {
                        rx.close();
                        Answer::Closes
                    });
                }
                recorder.record(|| pops(&mut rx));
            }
            (recorder.calls, None, Some(rx))
        });
        let threads: Vec<Vec<Call>> = crew.finish().into_iter().map(|(calls, ..)| calls).collect();
        let bounds = Bounds { capacity: slots, hold: K::FACTS.hold(slots) };
        assert!(is_linearizable(&threads, bounds), "no order explains {threads:#?}");
    }
}

/// Threads that hold both ends each and do whatever comes.
fn what_goes_in_and_out_is_exact<K>(members: u64)
where
    K: Subject<u64, Producer: 'static + Clone, Consumer: 'static + Clone + Closes>,
{
    const CALLS: u64 = 16;
    for round in 0..load(1500) {
        let _say = SayOnPanic(|| format!("{}, {members} threads, round {round}", K::FACTS.name));
        let slots = 1 << (round % 3);
        let (tx, rx) = ring::<K, u64>(slots);
        let mut crew = Crew::of(members as usize);
        for member in 0..members {
            let (mut tx, mut rx): (K::Producer, K::Consumer) = (tx.clone(), rx.clone());
            crew.add(move || {
                let (mut random, mut recorder) = (Random::new(members * round + member), Recorder::new());
                for nth in 0..CALLS {
                    match random.below(60) {
                        0 => recorder.record(|| {
                            tx.close();
                            Answer::Closes
                        }),
                        1 => recorder.record(|| {
                            rx.close();
                            Answer::Closes
                        }),
                        2..32 => recorder.record(|| pushes(&mut tx, member * CALLS + nth)),
                        _ => recorder.record(|| pops(&mut rx)),
                    }
                }
                recorder.calls
            });
        }
        let mut threads = crew.finish();
        for calls in &mut threads {
            calls.retain(|call| !matches!(call.answer, Answer::Empty | Answer::Full));
        }
        let bounds = Bounds { capacity: slots, hold: K::FACTS.hold(slots) };
        assert!(is_linearizable(&threads, bounds), "no order explains {threads:#?}");
    }
}

#[test]
fn spsc_answers_are_exact() {
    every_answer_is_exact::<Spsc>();
}

#[test]
fn dense_answers_are_exact() {
    every_answer_is_exact::<Dense>();
}

#[test]
fn mpmc_traffic_of_two_is_exact() {
    what_goes_in_and_out_is_exact::<Mpmc>(2);
}

#[test]
fn mpmc_traffic_of_four_is_exact() {
    what_goes_in_and_out_is_exact::<Mpmc>(4);
}
