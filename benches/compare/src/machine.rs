//! The machine, which is part of every result.

use std::{
    fs::{self, File},
    num::NonZeroU64,
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use core_affinity::CoreId;
use serde_json::{Value, json};

/// Steal, as a share of all CPU time, from which on a run is not comparable.
const STEAL_MAX: f64 = 0.01;

/// What does not change during the run.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The CPUs that this process may use, read before the first thread was pinned.
    pub(crate) cores: Vec<CoreId>,
    /// Name and value, in the order of the report.
    pub(crate) facts: Vec<(&'static str, String)>,
}

/// Counters of the whole machine.
#[derive(Debug, Clone, Copy)]
struct Counters {
    switches: u64,
    steal: u64,
    total: u64,
}

/// A run, from its start.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Instant,
    counters: Option<Counters>,
}

impl Machine {
    /// Looks around.
    pub(crate) fn look() -> Result<Self, String> {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        if cores.len() < 2 {
            return Err("at least two CPUs are needed, and allowed to this process, to compare queues".into());
        }
        let ids = cores.iter().map(|core| core.id.to_string()).collect::<Vec<_>>().join(" ");
        let available = thread::available_parallelism().map_or(0, usize::from);
        let mut facts = vec![
            ("CPU", cpu_model()),
            ("CPUs", format!("{} allowed ({ids}), available parallelism {available}", cores.len())),
            ("caches of CPU 0", caches()),
            ("kernel", kernel()),
            ("governor", governor()),
            ("CPU quota", first_line("/sys/fs/cgroup/cpu.max").unwrap_or_else(|| "unknown".into())),
            ("rustc", env!("COMPARE_RUSTC").into()),
            ("flags", flags()),
            ("commit", commit()),
            ("date", date(SystemTime::now())),
        ];
        if virtualised() {
            facts.insert(1, ("virtual machine", "yes: the distance between CPUs may change during the run".into()));
        }
        Ok(Self { cores, facts })
    }

    /// Why these results can't stand beside those of another machine.
    pub(crate) fn unfit(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let limited =
            |quota: &&(&str, String)| quota.0 == "CPU quota" && quota.1 != "unknown" && !quota.1.starts_with("max");
        if let Some((_, quota)) = self.facts.iter().find(limited) {
            reasons.push(format!("a CPU quota is set ({quota})"));
        }
        if env!("COMPARE_OPT") != "3" {
            reasons.push(format!("built with opt-level {}", env!("COMPARE_OPT")));
        }
        reasons
    }
}

impl Watch {
    /// Starts to watch.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), counters: counters() }
    }

    /// Seconds since.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// What the machine did meanwhile: a line for the report, the same as JSON, and whether it stole too much.
    pub(crate) fn stop(&self) -> (String, Value, Option<String>) {
        let (Some(before), Some(after)) = (self.counters, counters()) else {
            return ("unknown".into(), Value::Null, None);
        };
        let switches = after.switches - before.switches;
        let steal = (after.steal - before.steal) as f64 / (after.total - before.total).max(1) as f64;
        let unfit = (steal > STEAL_MAX).then(|| format!("{:.1} % of the CPU time was stolen", steal * 100.0));
        let line = format!("{switches} context switches on the whole machine, steal {:.2} %", steal * 100.0);
        (line, json!({ "context_switches": switches, "steal_share": steal }), unfit)
    }
}

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

/// Versions of the packages in the lock file that this was built with.
pub(crate) fn locked_version(package: &str) -> Option<&'static str> {
    let named = format!("name = \"{package}\"");
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == named)?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

fn counters() -> Option<Counters> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
    let switches = stat.lines().find_map(|line| line.strip_prefix("ctxt "))?.trim().parse().ok()?;
    // Guest times, the last two, are already inside the first two.
    Some(Counters { switches, steal: *times.get(7)?, total: times.iter().take(8).sum() })
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    match (field("cpu family"), field("model\t")) {
        (Some(family), Some(number)) => format!("{model} (family {family}, model {number})"),
        _ => model,
    }
}

/// The version; what a vendor appends to it names a build of theirs, which tells a reader nothing.
fn kernel() -> String {
    let release = first_line("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.split(['-', '+']).next().unwrap_or_default();
    format!("{} {version}", std::env::consts::OS)
}

fn virtualised() -> bool {
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|info| info.split_whitespace().any(|flag| flag == "hypervisor"))
}

fn caches() -> String {
    let caches: Vec<String> = (0..8)
        .filter_map(|index| {
            let directory = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
            let read = |name: &str| first_line(Path::new(&directory).join(name));
            Some(format!("L{} {} {}", read("level")?, read("type")?, read("size")?))
        })
        .collect();
    if caches.is_empty() { "unknown".into() } else { caches.join(", ") }
}

fn governor() -> String {
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or_else(|| "not shown".into())
}

fn flags() -> String {
    let rustflags = env!("COMPARE_RUSTFLAGS");
    format!(
        "{}, profile {}, opt-level {}, lto fat, codegen-units 1, RUSTFLAGS {}",
        env!("COMPARE_TARGET"),
        env!("COMPARE_PROFILE"),
        env!("COMPARE_OPT"),
        if rustflags.is_empty() { "none" } else { rustflags },
    )
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".into() };
    // Earlier results that are not committed yet change nothing that is measured.
    let changed = |line: &str| !line.get(3..).is_some_and(|path| path.contains("benches/results/"));
    let dirty = git(&["status", "--porcelain"]).is_some_and(|status| status.lines().any(changed));
    if dirty { format!("{commit}-dirty") } else { commit }
}

fn first_line(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

/// The day and minute, in UTC.
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, minutes) = (seconds / 86_400, seconds % 86_400 / 60);
    // Days to civil date, after H. Hinnant's algorithm: years start in March, so the leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::{Task, date, locked_version, run_and_wait, thread_id};
    use std::{
        sync::mpsc,
        thread,
        time::{Duration, UNIX_EPOCH},
    };

    #[test]
    fn dates_are_right() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59 UTC"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

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

    #[test]
    fn the_lock_file_is_read() {
        assert!(locked_version("rtrb").is_some_and(|version| version.starts_with("0.4.")));
        assert_eq!(locked_version("no such package"), None);
    }
}
