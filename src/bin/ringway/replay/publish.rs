//! The publisher: takes rows that were read ahead, waits until each is due, and publishes it.

use std::{
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use ringway::engine::signals::{Signal, Stop};

use crate::fault::Fault;

use super::{
    ahead::Ahead,
    progress::Progress,
    row::Row,
    rows::{Arrivals, BadLine, Batch, Tally},
    topic::Running,
};

/// Time between two looks at signals and progress, where nothing else happens.
const LOOK: Duration = Duration::from_millis(20);
/// A sleep ends so much too late, as a rule; what is left of a wait is spun.
const OVERSLEEP: Duration = Duration::from_micros(150);
/// Time between two looks at a topic that drains.
const DRAINING: Duration = Duration::from_micros(100);
/// Time that a stopped run has to handle what was published.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run, as far as the publisher saw it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tally: Tally,
    pub(crate) bad: Vec<BadLine>,
    /// Rows that the engine took, and the bytes of their lines.
    pub(crate) published: u64,
    pub(crate) bytes: u64,
    /// From the start to the last row handled.
    pub(crate) time: Duration,
    /// How late rows were when they were published, in ns; empty flat out.
    pub(crate) late: Histogram<u64>,
    pub(crate) stopped: Option<Signal>,
    /// What broke the input, if it did.
    pub(crate) broken: Option<Fault>,
}

/// Publishes all rows, and waits until they are handled.
pub(crate) struct Publishing<'r> {
    pub(crate) start: Instant,
    pub(crate) arrivals: Arrivals,
    pub(crate) running: &'r mut Running,
    pub(crate) stop: &'r mut Stop,
    pub(crate) progress: Progress,
}

impl Publishing<'_> {
    /// Publishes up to the end of the input or a signal; then closes the topic and waits until it is drained: after a signal
    /// for [`PATIENCE`], or up to the next signal.
    pub(crate) fn run(mut self, ahead: &mut Ahead) -> Run {
        let mut run = Run {
            tally: Tally::default(),
            bad: Vec::new(),
            published: 0,
            bytes: 0,
            time: Duration::ZERO,
            late: Histogram::new(3).expect("the digits are allowed"),
            stopped: None,
            broken: None,
        };
        self.publish(ahead, &mut run);
        self.drain(&mut run);
        run.time = Instant::now().saturating_duration_since(self.start);
        run
    }

    fn publish(&mut self, ahead: &mut Ahead, run: &mut Run) {
        loop {
            if self.is_stopped(run, None) {
                return;
            }
            let Some(mut batch) = ahead.next(LOOK) else { continue };
            run.tally = batch.tally;
            run.bad.append(&mut batch.bad);
            let goes_on = match self.arrivals {
                Arrivals::FlatOut => self.flat_out(&mut batch, run),
                _ => self.paced(&mut batch, run),
            };
            if !goes_on {
                return;
            }
            if let Some(end) = batch.end.take() {
                run.broken = end.err();
                return;
            }
            ahead.give_back(batch);
        }
    }

    /// Publishes a batch at once; its rows are due now. False if it was stopped.
    fn flat_out(&mut self, batch: &mut Batch, run: &mut Run) -> bool {
        let now = Instant::now();
        let due_ns = now.duration_since(self.start).as_nanos() as u64;
        let until = now + LOOK;
        batch.rows.drain(..).all(|mut row| {
            row.due_ns = due_ns;
            self.put(row, until, run)
        })
    }

    /// Publishes each row of a batch when it is due. False if it was stopped.
    fn paced(&mut self, batch: &mut Batch, run: &mut Run) -> bool {
        batch.rows.drain(..).all(|row| {
            let due = self.start + Duration::from_nanos(row.due_ns);
            let Some(now) = self.wait(due, run) else { return false };
            let late = now.saturating_duration_since(due);
            run.late.record(late.as_nanos() as u64).expect("a histogram that resizes itself takes every value");
            self.put(row, now + LOOK, run)
        })
    }

    /// Waits until `due`, and says what time it is then; `None` if it was stopped.
    fn wait(&mut self, due: Instant, run: &mut Run) -> Option<Instant> {
        loop {
            let now = Instant::now();
            let left = due.saturating_duration_since(now);
            if left.is_zero() {
                return Some(now);
            } else if left > OVERSLEEP {
                thread::park_timeout((left - OVERSLEEP).min(LOOK));
                if self.is_stopped(run, None) {
                    return None;
                }
            } else {
                thread::yield_now();
            }
        }
    }

    /// Publishes a row, however long that takes. False if it was stopped before.
    fn put(&mut self, mut row: Row, mut until: Instant, run: &mut Run) -> bool {
        let (due_ns, bytes) = (row.due_ns, row.line().len() as u64);
        while let Some(refused) = self.running.publish(row, until) {
            row = refused;
            if self.is_stopped(run, Some(due_ns)) {
                return false;
            }
            until = Instant::now() + LOOK;
        }
        run.published += 1;
        run.bytes += bytes;
        true
    }

    /// Waits for the handlers.
    fn drain(&mut self, run: &mut Run) {
        self.running.close();
        let mut since = None;
        while !self.running.is_drained() {
            thread::park_timeout(DRAINING);
            match since {
                None if run.stopped.is_some() || self.is_stopped(run, None) => {
                    since = Some(Instant::now());
                    self.progress.stopped(PATIENCE);
                }
                Some(since) if self.stop.arrived().is_some() || since.elapsed() > PATIENCE => return,
                _ => {}
            }
        }
    }

    /// Shows how far it is, and asks for signals. `due_ns` is that of a row that waits for room.
    fn is_stopped(&mut self, run: &mut Run, due_ns: Option<u64>) -> bool {
        let now = Instant::now();
        if self.progress.is_due(now) {
            let waits_since = due_ns.map(|due_ns| self.start + Duration::from_nanos(due_ns));
            self.progress.show(
                now,
                run.published,
                run.tally.bad,
                waits_since.map(|due| now.saturating_duration_since(due)),
            );
        }
        run.stopped = run.stopped.or_else(|| self.stop.arrived());
        run.stopped.is_some()
    }
}
