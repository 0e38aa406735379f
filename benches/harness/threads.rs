//! Threads, as the kernel sees them: how long they ran and waited, whether they sleep.

use std::{
    fs::{self, File},
    num::NonZeroU64,
    os::unix::fs::FileExt,
    time::Duration,
};

/// CPU time that the calling thread has had so far.
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The calling thread, as /proc knows it.
pub(crate) fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// Time that a thread of this process has had a CPU, and time that it had to wait for one; `None` where the kernel does not
/// say.
pub(crate) fn run_and_wait(thread: u32) -> Option<(Duration, Duration)> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut times = text.split_whitespace().map(|time| time.parse().map(Duration::from_nanos));
    Some((times.next()?.ok()?, times.next()?.ok()?))
}

/// Lets the calling thread's sleeps end when they should, not up to 50 µs later.
pub(crate) fn sleep_exactly() {
    // Where that can't be set, sleeps are longer, for every contender.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// A thread of this process, seen from another.
#[derive(Debug)]
pub(crate) struct Task(Option<File>);

impl Task {
    /// Looks it up; one that is not found never sleeps.
    pub(crate) fn open(thread: u32) -> Self {
        Self(File::open(format!("/proc/self/task/{thread}/stat")).ok())
    }

    /// Whether it sleeps, and can be woken.
    pub(crate) fn is_asleep(&self) -> bool {
        let mut text = [0; 128];
        let Some(Ok(length)) = self.0.as_ref().map(|file| file.read_at(&mut text, 0)) else { return false };
        // The state follows the name, which is in parentheses and may hold some.
        let state = text[..length].iter().rposition(|&byte| byte == b')').and_then(|at| text.get(at + 2));
        state == Some(&b'S')
    }
}

#[cfg(test)]
mod tests {
    use super::{Task, run_and_wait, thread_id};
    use std::{sync::mpsc, thread};

    #[test]
    fn a_sleeper_is_told_from_a_runner() {
        assert!(!Task::open(thread_id()).is_asleep());
        // The kernel adds up what a thread runs at its next tick.
        while run_and_wait(thread_id()).is_some_and(|(run, _)| run.is_zero()) {}
        let (wake, woken) = mpsc::channel::<()>();
        let (said, id) = mpsc::channel();
        let sleeper = thread::spawn(move || {
            said.send(thread_id()).expect("the test listens");
            woken.recv()
        });
        let task = Task::open(id.recv().expect("the thread says its id"));
        while !task.is_asleep() {
            thread::yield_now();
        }
        drop(wake);
        assert!(sleeper.join().expect("the thread ends").is_err());
    }
}
