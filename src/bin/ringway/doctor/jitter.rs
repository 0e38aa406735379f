//! What interrupts a thread that wants to run: it reads the clock without a pause, and every gap between two readings was
//! taken by somebody else (the kernel, another thread, the host).

use std::{
    thread,
    time::{Duration, Instant},
};

use super::measure::on_cpu;

/// Time that each CPU is watched, all at once.
const TIME: Duration = Duration::from_millis(1500);
/// CPUs that are watched at the most.
const CPUS_MAX: usize = 64;
/// From here on a gap is no reading of the clock any more, in ns.
const GAP_NS: u64 = 2_000;

/// The gaps that one CPU had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jitter {
    pub(crate) cpu: usize,
    pub(crate) time_ns: u64,
    /// Time inside gaps of 2 µs and more.
    pub(crate) lost_ns: u64,
    pub(crate) longest_ns: u64,
    /// Gaps of at least 10 µs, 100 µs, 1 ms.
    pub(crate) from_10us: u64,
    pub(crate) from_100us: u64,
    pub(crate) from_1ms: u64,
}

/// Watches all of these CPUs at once.
pub(crate) fn all(cpus: &[usize]) -> Result<Vec<Jitter>, String> {
    if cpus.is_empty() {
        return Err("no CPU to watch".into());
    }
    thread::scope(|scope| {
        let watches: Vec<_> = cpus.iter().take(CPUS_MAX).map(|&cpu| scope.spawn(move || one(cpu, TIME))).collect();
        watches.into_iter().map(|watch| watch.join().map_err(|_| "a measuring thread died".to_owned())?).collect()
    })
}

/// Watches one CPU for so long.
pub(crate) fn one(cpu: usize, time: Duration) -> Result<Jitter, String> {
    on_cpu(cpu)?;
    let mut seen = Jitter { cpu, time_ns: 0, lost_ns: 0, longest_ns: 0, from_10us: 0, from_100us: 0, from_1ms: 0 };
    let (start, mut readings) = (Instant::now(), 0_u64);
    let mut before = start;
    loop {
        let now = Instant::now();
        seen.note(now.duration_since(before).as_nanos() as u64);
        readings += 1;
        before = now;
        if now.duration_since(start) >= time {
            break;
        }
    }
    if u128::from(seen.time_ns) != before.duration_since(start).as_nanos() {
        return Err(format!("the gaps of CPU {cpu} do not add up to the time"));
    }
    if readings < 100 {
        return Err(format!("CPU {cpu} read the clock {readings} times in {time:?}"));
    }
    Ok(seen)
}

impl Jitter {
    fn note(&mut self, gap_ns: u64) {
        self.time_ns += gap_ns;
        if gap_ns < GAP_NS {
            return;
        }
        self.lost_ns += gap_ns;
        self.longest_ns = self.longest_ns.max(gap_ns);
        self.from_10us += u64::from(gap_ns >= 10_000);
        self.from_100us += u64::from(gap_ns >= 100_000);
        self.from_1ms += u64::from(gap_ns >= 1_000_000);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Jitter, one};
    use ringway::worker::cpus;

    #[test]
    fn gaps_are_counted_by_their_length() {
        let mut seen =
            Jitter { cpu: 0, time_ns: 0, lost_ns: 0, longest_ns: 0, from_10us: 0, from_100us: 0, from_1ms: 0 };
        for gap in [25, 1_999, 2_000, 10_000, 250_000, 3_000_000] {
            seen.note(gap);
        }
        assert_eq!((seen.time_ns, seen.lost_ns, seen.longest_ns), (3_264_024, 3_262_000, 3_000_000));
        assert_eq!((seen.from_10us, seen.from_100us, seen.from_1ms), (3, 2, 1));
    }

    #[test]
    fn a_cpu_is_watched_for_the_time() {
        let time = Duration::from_millis(20);
        // Refused is one in which others had the CPU for nearly all of the time.
        let seen = (0..50).find_map(|_| one(cpus()[0], time).ok()).expect("a CPU of ours");
        assert!(u128::from(seen.time_ns) >= time.as_nanos() && seen.lost_ns <= seen.time_ns, "{seen:?}");
        assert!(one(usize::from(u16::MAX), time).is_err());
    }
}
