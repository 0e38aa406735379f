//! The loops of an open loop: items are sent when a plan says so, whatever becomes of those before, and each is noted when it
//! comes. Beside it the same loops with no queue between them, which is what the machine alone does to such a plan.

#![allow(unsafe_code)]

use std::{sync::Arc, time::Duration};

use quanta::Clock;

use super::{
    check::{Check, Exact, Tally, words},
    crew::{self, Job, Phase, Ran, Role},
    drive::{Ends, Get, Put},
    figure::clock,
    sample::{Outcome, Sample, settle, shape},
};
use crate::harness::{queue::Payload, rows::Row};

/// From the start of a phase to the first due time.
const LEAD: Duration = Duration::from_micros(20);
/// A gap between two looks at the clock that is no loop's: somebody else had the CPU.
const GAP: Duration = Duration::from_micros(1);
/// Gaps that are kept; more of them are as many as anybody reads.
const GAPS_MAX: usize = 1 << 14;

/// When each item is due, in clock ticks since the start.
#[derive(Debug, Clone)]
pub(crate) struct Plan(Arc<[u64]>);

/// What one sample of an open loop noted. All times are ns since the first due time could be.
#[derive(Debug)]
pub(crate) struct Noted {
    /// When each item was due.
    pub(crate) due: Vec<u64>,
    /// When it came.
    pub(crate) came: Vec<u64>,
    /// When somebody else had the sender's CPU, and for how long.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// What stood beside it; its figures are filled in by who knows percentiles.
    pub(crate) sample: Sample,
}

impl Plan {
    /// A plan of due times in ns, which don't fall.
    pub(crate) fn new(due_ns: &[u64]) -> Self {
        debug_assert!(due_ns.is_sorted());
        Self(due_ns.iter().map(|&ns| ticks(ns)).collect())
    }

    /// Items.
    pub(crate) fn items(&self) -> u64 {
        self.0.len() as u64
    }
}

/// What is due next.
#[derive(Debug)]
pub(crate) struct Agenda<'p> {
    due: &'p [u64],
    start: u64,
}

impl<'p> Agenda<'p> {
    /// From such times, counted from `start`.
    pub(crate) fn new(due: &'p [u64], start: u64) -> Self {
        Self { due, start }
    }

    /// Whether an item is due, and has not been taken from the agenda yet; each is due once, however late one asks.
    #[inline(always)]
    pub(crate) fn take_due(&mut self, now: u64) -> bool {
        match self.due {
            [first, rest @ ..] if self.start + first <= now => {
                self.due = rest;
                true
            }
            _ => false,
        }
    }
}

/// Gaps between two looks at the clock, and the last look.
struct Gaps {
    last: u64,
    least: u64,
    /// Start and length by turns.
    seen: Vec<u64>,
}

impl Gaps {
    fn new(now: u64) -> Self {
        Self { last: now, least: ticks(GAP.as_nanos() as u64), seen: Vec::with_capacity(2 * GAPS_MAX) }
    }

    #[inline(always)]
    fn look(&mut self, now: u64) {
        let gap = now.saturating_sub(self.last);
        if gap > self.least && self.seen.len() < 2 * GAPS_MAX {
            self.seen.extend([self.last, gap]);
        }
        self.last = now;
    }
}

/// Sends each item when it is due, or as soon after as there is room; notes the start, and what others took of this CPU.
#[inline(never)]
fn send_due<T: Payload, P: Put<T>>(tx: &mut P, due: &[u64], clock: &Clock, phase: &Phase<'_>) -> Tally {
    let start = clock.raw() + ticks(LEAD.as_nanos() as u64);
    let mut agenda = Agenda::new(due, start);
    let mut gaps = Gaps::new(clock.raw());
    for word in words(0, phase.first, phase.items) {
        while !agenda.take_due(gaps.last) {
            gaps.look(clock.raw());
        }
        if phase.retry.is_aborted() || !tx.put(T::new(word), &phase.retry) {
            break;
        }
        // The time inside the call is the queue's, not a gap.
        gaps.last = clock.raw();
    }
    Tally { stamps: vec![start], trips: gaps.seen, ..Tally::default() }
}

/// Receives, and notes when.
#[inline(never)]
fn receive_due<T: Payload, C: Get<T>>(rx: &mut C, clock: &Clock, phase: &Phase<'_>) -> Tally {
    let mut check = Exact::new(phase.first);
    let mut stamps = touched(phase.items);
    while (stamps.len() as u64) < phase.items {
        let mut failed = 0;
        let see = |item: &T| {
            check.see(item);
            stamps.push(stamp(clock));
        };
        if rx.get(see, || phase.retry.again(&mut failed)) == 0 {
            break;
        }
    }
    let count = stamps.len() as u64;
    Tally { stamps, ..check.tally(count) }
}

/// Keeps to the plan alone, with nothing to send and nothing to receive; notes when it saw that each item was due.
#[inline(never)]
fn watch(due: &[u64], clock: &Clock, phase: &Phase<'_>) -> Tally {
    let start = clock.raw() + ticks(LEAD.as_nanos() as u64);
    let mut agenda = Agenda::new(due, start);
    let mut gaps = Gaps::new(clock.raw());
    let mut check = Exact::new(phase.first);
    let mut stamps = touched(phase.items);
    for word in words(0, phase.first, phase.items) {
        while !agenda.take_due(gaps.last) {
            gaps.look(clock.raw());
        }
        check.see(&word);
        gaps.last = clock.raw();
        stamps.push(gaps.last);
    }
    let count = stamps.len() as u64;
    // Where a start is looked for: before the gaps.
    let trips = std::iter::once(start).chain(gaps.seen).collect();
    Tally { stamps, trips, ..check.tally(count) }
}

/// The time after all that was read before. A processor reads its time-stamp counter ahead of a load that is not answered
/// yet, here of the item itself: it would have come before it was sent.
#[inline(always)]
pub(crate) fn stamp(clock: &Clock) -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has this instruction.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    clock.raw()
}

/// Room for so many stamps, written once, so that no page of it is first touched when an item comes.
fn touched(items: u64) -> Vec<u64> {
    let mut stamps = vec![u64::MAX; items as usize];
    stamps.clear();
    stamps
}

/// One producer and one consumer, open loop.
pub(crate) fn open_loop<T: Payload, P: Put<T>, C: Get<T>>(
    open: fn(&crate::harness::queue::Shape) -> Ends<P, C>,
    row: &Row,
    plan: &Plan,
    job: &Job,
) -> Outcome<Noted> {
    let (mut txs, mut rxs) = open(&shape(row));
    let (mut tx, mut rx) = txs.pop().zip(rxs.pop()).expect("a queue has two ends");
    let due = Arc::clone(&plan.0);
    let roles: Vec<Role> = vec![
        Box::new(move |phase| send_due(&mut tx, &due[..phase.items as usize], clock(), phase)),
        Box::new(move |phase| receive_due(&mut rx, clock(), phase)),
    ];
    note(row, plan, job, roles, |tallies| (tallies[0].stamps[0], &tallies[0].trips[..]))
}

/// The same with no queue: each side keeps to the plan by itself.
pub(crate) fn no_queue(row: &Row, plan: &Plan, job: &Job) -> Outcome<Noted> {
    let dues = [Arc::clone(&plan.0), Arc::clone(&plan.0)];
    let roles: Vec<Role> = dues
        .into_iter()
        .map(|due| Box::new(move |phase: &Phase<'_>| watch(&due[..phase.items as usize], clock(), phase)) as Role)
        .collect();
    note(row, plan, job, roles, |tallies| (tallies[1].trips[0], &tallies[1].trips[1..]))
}

/// Runs the roles, and makes ns since the start of what they noted, which `start_and_gaps` finds.
fn note(
    row: &Row,
    plan: &Plan,
    job: &Job,
    roles: Vec<Role>,
    start_and_gaps: for<'t> fn(&[&'t Tally; 2]) -> (u64, &'t [u64]),
) -> Outcome<Noted> {
    let ran = match settle(row, crew::run(roles, job)) {
        Outcome::Measured(ran) => ran,
        Outcome::Fault(what) => return Outcome::Fault(what),
        Outcome::Hung { what, stuck, burning } => return Outcome::Hung { what, stuck, burning },
    };
    let tallies = [&ran.tallies[0][1], &ran.tallies[1][1]];
    let (start, gaps) = start_and_gaps(&tallies);
    let since = |tick: u64| tick.checked_sub(start).map(nanos);
    let came: Option<Vec<u64>> = tallies[1].stamps.iter().map(|&tick| since(tick)).collect();
    let due: Vec<u64> = plan.0[..ran.items[1] as usize].iter().map(|&tick| nanos(tick)).collect();
    let Some(came) = came.filter(|came| came.iter().zip(&due).all(|(came, due)| came >= due)) else {
        return Outcome::Fault("an item came before it was due: the CPUs' clocks differ".into());
    };
    // A gap from before the first due time is nobody's.
    let gaps = gaps.chunks_exact(2).filter_map(|gap| Some((since(gap[0])?, nanos(gap[1])))).collect();
    let sample = Sample { cpu: Some(receivers_share(&ran)), ..Sample::new(f64::NAN, None, &ran) };
    Outcome::Measured(Noted { due, came, gaps, sample })
}

/// CPU seconds a second of the receiver.
fn receivers_share(ran: &Ran) -> f64 {
    ran.busy[1].as_secs_f64() / ran.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn nanos(ticks: u64) -> u64 {
    clock().delta_as_nanos(0, ticks)
}

/// So many ns, in ticks of the clock.
fn ticks(ns: u64) -> u64 {
    /// Long enough that rounding is no matter.
    const LONG: u64 = 1 << 40;
    (u128::from(ns) * u128::from(LONG) / u128::from(nanos(LONG).max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::{Agenda, nanos, ticks};

    #[test]
    fn each_item_is_due_once_and_never_early() {
        let mut agenda = Agenda::new(&[0, 10, 10, 25], 100);
        let mut due_at = |now| std::iter::from_fn(|| agenda.take_due(now).then_some(())).count();
        assert_eq!([due_at(99), due_at(100), due_at(109), due_at(110), due_at(1000), due_at(2000)], [0, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn ticks_and_nanoseconds_are_the_same_time() {
        for ns in [0, 1000, 1_000_000_000, 3_600_000_000_000] {
            assert!(nanos(ticks(ns)).abs_diff(ns) <= 2 + ns / 1_000_000, "{ns}: {}", nanos(ticks(ns)));
        }
    }
}
