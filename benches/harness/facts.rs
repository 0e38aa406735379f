//! The machine and the build, which are part of every result, and what disturbed a run.

use std::{
    process::Command,
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use core_affinity::CoreId;
use serde_json::{Value, json};

use crate::machine::{Machine, Times, tree::Tree};

/// Steal, as a share of all CPU time, from which on a run is not comparable.
const STEAL_MAX: f64 = 0.01;

/// The program that measures, as its build knows it.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    /// The compiler.
    pub(crate) rustc: String,
    /// How it was told to compile.
    pub(crate) flags: String,
    /// What spoils its figures, if anything.
    pub(crate) unfit: Option<String>,
}

/// What does not change during a run.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The CPUs that this process may use.
    pub(crate) cores: Vec<CoreId>,
    /// Name and value, in the order of the report.
    pub(crate) named: Vec<(&'static str, String)>,
    /// Minutes, in UTC.
    pub(crate) date: String,
    /// Of the tree that was built, as far as git knows it.
    pub(crate) commit: String,
    /// Why these results can't stand beside those of another machine.
    pub(crate) unfit: Vec<String>,
}

/// Counters of the whole machine.
#[derive(Debug, Clone, Copy)]
struct Counters {
    switches: u64,
    times: Times,
}

/// A run, from its start.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Instant,
    counters: Option<Counters>,
}

/// What the machine did during a run.
#[derive(Debug, Clone)]
pub(crate) struct Disturbance {
    /// For people.
    pub(crate) line: String,
    /// For programs.
    pub(crate) json: Value,
    /// Whether it spoils the run.
    pub(crate) unfit: Option<String>,
}

impl Facts {
    /// Looks around. The error is one line that says what is missing.
    pub(crate) fn look(build: Build) -> Result<Self, String> {
        let cores: Vec<CoreId> = ringway::worker::cpus().iter().map(|&id| CoreId { id }).collect();
        if cores.len() < 2 {
            return Err("at least two CPUs are needed, and allowed to this process, to measure queues".into());
        }
        let tree = Tree::new("/");
        let machine = Machine::read(&tree);
        let ids = cores.iter().map(|core| core.id.to_string()).collect::<Vec<_>>().join(" ");
        let available = thread::available_parallelism().map_or(0, usize::from);
        let (commit, date) = (commit(), date(SystemTime::now()));
        let mut named = vec![
            ("CPU", model(&machine, &tree)),
            ("CPUs", format!("{} allowed ({ids}), available parallelism {available}", cores.len())),
            ("caches of CPU 0", caches(&machine)),
            ("kernel", machine.kernel.clone().unwrap_or_else(|| "not shown".into())),
            ("governor", machine.governors.keys().next().cloned().unwrap_or_else(|| "not shown".into())),
            ("CPU quota", quota(&machine)),
            ("rustc", build.rustc),
            ("flags", build.flags),
            ("commit", commit.clone()),
            ("date", date.clone()),
        ];
        if machine.is_virtual == Some(true) {
            named.insert(1, ("virtual machine", "yes: the distance between CPUs may change during the run".into()));
        }
        let quota = machine.quota.cpus.map(|_| format!("a CPU quota is set ({})", quota(&machine)));
        Ok(Self { cores, named, date, commit, unfit: quota.into_iter().chain(build.unfit).collect() })
    }
}

impl Watch {
    /// Starts to watch.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), counters: Counters::read() }
    }

    /// Seconds since.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// What the machine did meanwhile.
    pub(crate) fn stop(&self) -> Disturbance {
        let (Some(before), Some(after)) = (self.counters, Counters::read()) else {
            return Disturbance { line: "unknown".into(), json: Value::Null, unfit: None };
        };
        let switches = after.switches - before.switches;
        let steal = after.times.stolen_since(before.times).unwrap_or_default();
        Disturbance {
            line: format!("{switches} context switches on the whole machine, steal {:.2} %", steal * 100.0),
            json: json!({ "context_switches": switches, "steal_share": steal }),
            unfit: (steal > STEAL_MAX).then(|| format!("{:.1} % of the CPU time was stolen", steal * 100.0)),
        }
    }
}

impl Counters {
    fn read() -> Option<Self> {
        let tree = Tree::new("/");
        let switches = tree.field("proc/stat", "ctxt")?.parse().ok()?;
        Some(Self { switches, times: Times::read(&tree)? })
    }
}

fn model(machine: &Machine, tree: &Tree) -> String {
    let model = machine.model.clone().unwrap_or_else(|| std::env::consts::ARCH.into());
    let number = |name: &str| tree.field("proc/cpuinfo", name).filter(|text| text.parse::<u32>().is_ok());
    match (number("cpu family"), number("model")) {
        (Some(family), Some(number)) => format!("{model} (family {family}, model {number})"),
        _ => model,
    }
}

fn caches(machine: &Machine) -> String {
    let caches: Vec<String> =
        machine.caches.iter().map(|cache| format!("L{} {} {}", cache.level, cache.kind, cache.size)).collect();
    if caches.is_empty() { "not shown".into() } else { caches.join(", ") }
}

fn quota(machine: &Machine) -> String {
    match (machine.quota.cpus, machine.quota.is_known) {
        (Some(cpus), _) => format!("the time of {} CPUs", (cpus * 100.0).round() / 100.0),
        (None, true) => "none".into(),
        (None, false) => "unknown".into(),
    }
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
    use super::date;
    use std::time::{Duration, UNIX_EPOCH};

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
}
