//! Sagas: steps with compensations, undone in reverse when one fails, resumed from what was recorded.

use std::{error::Error, fmt};

use super::envelope::Id;

/// A saga: a list of steps, of which all are done in the end, or none.
///
/// It holds no code and does nothing itself: [`next`](Self::next) tells what to do, and [`record`](Self::record) what came of
/// it. Written to a journal before it is recorded, the events are all that is needed to [`resume`](Self::resume). A crash
/// between an action and its event runs the action again; with [`key`](Self::key) as the id for an
/// [`Idempotent`](super::Idempotent) it takes effect once.
///
/// A compensation does not fail: it is tried until it is done.
///
/// Source: Garcia-Molina and Salem, "Sagas" (1987), backward recovery.
///
/// # Examples
/// ```
/// use ringway::delivery::{Saga, SagaAction::*, SagaEvent::*};
///
/// let mut trip = Saga::new(1_u64, 3); // 0: flight, 1: hotel, 2: car
/// let mut done = Vec::new();
/// loop {
///     let action = trip.next();
///     done.push(action);
///     trip.record(match action {
///         Run(2) => Failed(2), // no car is left
///         Run(step) => Done(step),
///         Compensate(step) => Compensated(step),
///         Completed | RolledBack => break,
///     })?;
/// }
/// assert_eq!(done, [Run(0), Run(1), Run(2), Compensate(1), Compensate(0), RolledBack]);
///
/// let again = Saga::resume(1_u64, 3, &trip.log()[..3])?;
/// assert_eq!(again.next(), Compensate(1));
/// # Ok::<(), ringway::delivery::SagaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saga {
    id: Id,
    steps: u32,
    /// Never more than two events a step; room for so many is taken at the start.
    log: Vec<SagaEvent>,
    /// Steps done and not compensated; these are the first ones.
    standing: u32,
    has_failed: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SagaAction {
    /// The step of this number, from 0.
    Run(u32),
    /// Undo that step.
    Compensate(u32),
    /// Nothing: every step is done.
    Completed,
    /// Nothing: a step failed, and those before it are undone.
    RolledBack,
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SagaEvent {
    /// The step is done.
    Done(u32),
    /// The step failed for good, and left nothing to undo.
    Failed(u32),
    /// The step is undone.
    Compensated(u32),
}

/// An event that does not follow from the action that was next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SagaError {
    /// The event.
    pub event: SagaEvent,
    /// What was to be done.
    pub expected: SagaAction,
}

impl fmt::Display for SagaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} does not follow {:?}: record what came of the action that was next", self.event, self.expected)
    }
}

impl Error for SagaError {}

impl Saga {
    /// A saga of so many steps that has not begun.
    pub fn new(id: impl Into<Id>, steps: u32) -> Self {
        Self { id: id.into(), steps, log: Vec::with_capacity(2 * steps as usize), standing: 0, has_failed: false }
    }

    /// A saga as its log tells.
    ///
    /// # Errors
    /// [`SagaError`] of the first event that can't be; the log is that of another saga, or damaged.
    pub fn resume(id: impl Into<Id>, steps: u32, log: &[SagaEvent]) -> Result<Self, SagaError> {
        let mut saga = Self::new(id, steps);
        log.iter().try_for_each(|&event| saga.record(event))?;
        Ok(saga)
    }

    /// What to do next. The same until something is recorded.
    pub fn next(&self) -> SagaAction {
        match (self.has_failed, self.standing) {
            (false, standing) if standing == self.steps => SagaAction::Completed,
            (false, standing) => SagaAction::Run(standing),
            (true, 0) => SagaAction::RolledBack,
            (true, standing) => SagaAction::Compensate(standing - 1),
        }
    }

    /// Takes what came of the action that was next.
    ///
    /// # Errors
    /// [`SagaError`], if it is the event of another action; nothing changes.
    pub fn record(&mut self, event: SagaEvent) -> Result<(), SagaError> {
        match (self.next(), event) {
            (SagaAction::Run(step), SagaEvent::Done(done)) if step == done => self.standing += 1,
            (SagaAction::Run(step), SagaEvent::Failed(failed)) if step == failed => self.has_failed = true,
            (SagaAction::Compensate(step), SagaEvent::Compensated(undone)) if step == undone => self.standing -= 1,
            (expected, event) => return Err(SagaError { event, expected }),
        }
        self.log.push(event);
        Ok(())
    }

    /// All events, to write down, or to resume from.
    pub fn log(&self) -> &[SagaEvent] {
        &self.log
    }

    /// A name for an action of this saga that no other action has, of this saga or (most probably: 64 bits of it are mixed)
    /// of another one.
    pub fn key(&self, action: SagaAction) -> Id {
        let [high, low] = self.id.words();
        let action = match action {
            SagaAction::Run(step) => 2 * (u64::from(step) + 1),
            SagaAction::Compensate(step) => 2 * (u64::from(step) + 1) + 1,
            SagaAction::Completed => 0,
            SagaAction::RolledBack => 1,
        };
        let high = (high ^ action).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
        Id::from(u128::from(high) << 64 | u128::from(low))
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        matches!(self.next(), SagaAction::Completed | SagaAction::RolledBack)
    }
}
