//! The line that moves while a replay runs. It is drawn on standard error, and only where that is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::show;

use super::input;

/// Time between two looks.
const STEP: Duration = Duration::from_millis(100);

/// A bar, where it is known how much there is to read, and the figures of this moment.
pub(crate) struct Progress {
    bar: ProgressBar,
    file: Option<input::Progress>,
    shown: Instant,
    rows: u64,
}

impl Progress {
    /// Starts with nothing done; `file` tells how far it was read.
    pub(crate) fn new(file: Option<input::Progress>) -> Self {
        let bar = ProgressBar::with_draw_target(file.as_ref().map(|file| file.bytes), ProgressDrawTarget::stderr());
        let shape = if file.is_some() { "{bar:20} {percent:>3} %  {msg}" } else { "{spinner} {msg}" };
        bar.set_style(ProgressStyle::with_template(shape).expect("a sound template").progress_chars("━━ "));
        Self { bar, file, shown: Instant::now(), rows: 0 }
    }

    /// Whether anybody can see it, and the last look is long enough ago.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        !self.bar.is_hidden() && now.duration_since(self.shown) >= STEP
    }

    /// Shows that so many rows were published and how late the last one was.
    pub(crate) fn show(&mut self, now: Instant, rows: u64, bad: u64, behind: Option<Duration>) {
        let seconds = now.duration_since(self.shown).as_secs_f64().max(1e-9);
        let rate = show::rate((rows - self.rows) as f64 / seconds, "rows");
        let mut message = format!("{} rows, {rate}", show::count(rows));
        if let Some(behind) = behind {
            message += &format!(", {} behind", show::time(behind.as_nanos() as f64));
        }
        if bad > 0 {
            message += &format!(", {} bad", show::count(bad));
        }
        if let Some(file) = &mut self.file {
            self.bar.set_position(file.read());
        }
        self.bar.set_message(message);
        self.bar.tick();
        (self.shown, self.rows) = (now, rows);
    }

    /// Shows that the run was stopped, and has so long to handle what was published.
    pub(crate) fn stopped(&self, patience: Duration) {
        let patience = show::time(patience.as_nanos() as f64);
        self.bar.set_message(format!("stopped: {patience} at most for what was published; a second signal ends that"));
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
