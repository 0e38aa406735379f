//! How far the run is, on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::harness::schedule;

/// A bar over all cells of all rounds, with what is measured now.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar of a part of the run.
    pub(super) fn new(part: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let shape = "{prefix} {bar:20} {percent:>3} %, {eta} to go  {wide_msg}";
        bar.set_style(ProgressStyle::with_template(shape).expect("a sound template").progress_chars("━━ "));
        bar.set_prefix(part.to_owned());
        Self(bar)
    }
}

impl schedule::Progress for Progress {
    fn step(&mut self, done: usize, all: usize, _round: usize, row: &str, entry: &str) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
        self.0.set_message(format!("{row}: {entry}"));
        self.0.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
