//! What to do between two attempts at a contended word.

/// Pauses that double with each lost attempt.
///
/// `crossbeam_utils::Backoff` starts at one pause, which was measured too short: a pair of threads that push and pop
/// took 32 ns an item with it, against 12 ns from four pauses on. The longest step stays at its 64.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    step: u32,
}

impl Backoff {
    const FIRST: u32 = 2;
    const LAST: u32 = 6;
    const YIELDS: u32 = 8;

    /// Pauses, longer each time, without giving up the CPU.
    #[inline]
    pub(crate) fn pause(&mut self) {
        super::spin(1 << (Self::FIRST + self.step).min(Self::LAST));
        self.step = self.step.saturating_add(1);
    }

    /// Pauses a few times, then lets another thread run: whoever is in the way may have been preempted.
    #[inline]
    pub(crate) fn snooze(&mut self) {
        if Self::FIRST + self.step <= Self::LAST {
            self.pause();
        } else {
            self.step += 1;
            super::yield_now();
        }
    }

    /// Whether [`snooze`](Self::snooze) has yielded so often that the caller should answer instead of waiting on.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        Self::FIRST + self.step > Self::LAST + Self::YIELDS
    }
}
