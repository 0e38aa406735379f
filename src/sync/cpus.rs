//! How many CPUs the process may use at once.
//!
//! A thread that is pinned sees its own CPU only, and a channel is often made, or waited for, on such a thread. So the count
//! is of the CPUs that any of the process's threads may use; it grows when there is a thread that may use more. A quota counts
//! where it is seen: by a thread that may use more CPUs than it grants.
#![allow(unsafe_code)]

use std::thread::available_parallelism;

use super::{AtomicU64, AtomicUsize, Ordering};

/// The last count; 0 before the first. It shrinks only where a quota is seen.
static CPUS: AtomicUsize = AtomicUsize::new(0);

/// CPUs that this process may use at once, as counted last.
#[inline]
pub(crate) fn usable_cpus() -> usize {
    // ORDER: Relaxed; a number that advises, and publishes nothing.
    match CPUS.load(Ordering::Relaxed) {
        0 => count_cpus(),
        cpus => cpus,
    }
}

/// The same for an end that has more company than that: counts again now and then, less and less often in a process's life,
/// for where there are no more CPUs there will hardly be later.
#[cold]
pub(crate) fn cpus_for_crowd() -> usize {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    // ORDER: Relaxed; a number that publishes nothing.
    let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
    if asked.is_power_of_two() { count_cpus() } else { usable_cpus() }
}

/// Counts, which takes some system calls for every thread of the process.
#[cold]
fn count_cpus() -> usize {
    /// The least that a quota was seen to leave. A thread that is pinned to fewer does not see it.
    static QUOTA: AtomicUsize = AtomicUsize::new(usize::MAX);

    let granted = available_parallelism().map_or(1, usize::from);
    let (own, all) = threads_cpus().unwrap_or((granted, granted));
    if granted < own {
        // ORDER: Relaxed; as above.
        QUOTA.fetch_min(granted, Ordering::Relaxed);
    }
    // ORDER: Relaxed; as above.
    let (before, quota) = (CPUS.load(Ordering::Relaxed), QUOTA.load(Ordering::Relaxed));
    let cpus = before.max(all).max(granted).min(quota);
    // ORDER: Relaxed; as above.
    CPUS.store(cpus, Ordering::Relaxed);
    cpus
}

#[cfg(not(target_os = "linux"))]
fn threads_cpus() -> Option<(usize, usize)> {
    None
}

/// CPUs that the calling thread may use, and those that any thread of the process may.
#[cfg(target_os = "linux")]
fn threads_cpus() -> Option<(usize, usize)> {
    const WORDS: usize = size_of::<libc::cpu_set_t>() / size_of::<u64>();
    type Set = [u64; WORDS];

    fn allowed(thread: libc::pid_t) -> Option<Set> {
        let mut set: Set = [0; WORDS];
        // SAFETY: the call writes as many bytes as it is told that there are at `set`, at the most.
        let written = unsafe { libc::sched_getaffinity(thread, size_of::<Set>(), (&raw mut set).cast()) };
        (written == 0).then_some(set)
    }

    let count = |set: &Set| set.iter().map(|word| word.count_ones() as usize).sum();
    let own = allowed(0)?;
    let mut all = own;
    for entry in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let thread = entry.file_name().to_str().and_then(|id| id.parse().ok());
        // A thread that has ended meanwhile has no CPUs.
        let set = thread.and_then(allowed).unwrap_or([0; WORDS]);
        all.iter_mut().zip(set).for_each(|(all, word)| *all |= word);
    }
    Some((count(&own), count(&all)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Once all channels of a process took it for as small as the thread was pinned that made the first.
    #[test]
    fn a_pinned_thread_counts_the_cpus_of_the_others() {
        let everything = count_cpus();
        let pinned = std::thread::spawn(|| {
            let core = core_affinity::get_core_ids().expect("there are CPUs")[0];
            assert!(core_affinity::set_for_current(core));
            (available_parallelism().map_or(1, usize::from), threads_cpus().expect("Linux"))
        });
        let (granted, (own, all)) = pinned.join().expect("no panic");
        assert_eq!((granted, own), (1, 1));
        assert!(all >= everything);
    }
}
