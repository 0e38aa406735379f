//! What a machine says of itself. What can't be read is `None`, never a guess.

use std::collections::BTreeMap;

pub(crate) mod tree;

use tree::Tree;

/// The facts that bear on latency.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) model: Option<String>,
    pub(crate) kernel: Option<String>,
    /// Whether a hypervisor is below.
    pub(crate) is_virtual: Option<bool>,
    /// CPUs that run.
    pub(crate) online: Option<Vec<usize>>,
    /// CPUs that this process may use.
    pub(crate) allowed: Option<Vec<usize>>,
    /// CPUs that are the threads of one core, for each core.
    pub(crate) cores: Vec<Vec<usize>>,
    /// The caches of the first CPU that may be used.
    pub(crate) caches: Vec<Cache>,
    /// CPUs that share a last-level cache.
    pub(crate) groups: Vec<Vec<usize>>,
    /// CPUs of each memory node.
    pub(crate) nodes: Vec<Vec<usize>>,
    /// CPUs under each frequency governor.
    pub(crate) governors: BTreeMap<String, usize>,
    /// Idle states of the first CPU: name, time to leave it in µs.
    pub(crate) idle_states: Vec<(String, u64)>,
    pub(crate) quota: Quota,
    /// CPU time since the start, in ticks.
    pub(crate) times: Option<Times>,
    pub(crate) isolated: Option<Vec<usize>>,
    pub(crate) without_ticks: Option<Vec<usize>>,
    /// The clock in use, and those that could be.
    pub(crate) clock: Option<(String, Vec<String>)>,
    pub(crate) timer_slack_ns: Option<u64>,
    pub(crate) transparent_huge_pages: Option<String>,
    /// Huge pages that are set aside.
    pub(crate) huge_pages: Option<u64>,
    /// Threads that ran or wanted to, over the last minute.
    pub(crate) load: Option<f64>,
}

/// One cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(crate) level: u64,
    pub(crate) kind: String,
    pub(crate) size: String,
}

/// CPU time that a control group may use.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Quota {
    /// Whether the control groups could be read.
    pub(crate) is_known: bool,
    /// CPUs' worth of time, if there is a bound.
    pub(crate) cpus: Option<f64>,
    /// How often its processes were stopped for having used it up.
    pub(crate) throttled: Option<u64>,
}

/// CPU time of the whole machine, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) steal: u64,
    pub(crate) total: u64,
}

const CPU: &str = "sys/devices/system/cpu";

impl Machine {
    /// Reads what there is.
    pub(crate) fn read(tree: &Tree) -> Self {
        let online = tree.cpus(&format!("{CPU}/online"));
        let allowed = tree.field("proc/self/status", "Cpus_allowed_list").and_then(|list| tree::parse_cpus(&list));
        let cpus = online.clone().unwrap_or_else(|| tree.numbered(CPU, "cpu"));
        let first = allowed.iter().flatten().chain(&cpus).next().copied().unwrap_or(0);
        let per_cpu = |file: &str| {
            let mut lists: Vec<_> =
                cpus.iter().filter_map(|cpu| tree.cpus(&format!("{CPU}/cpu{cpu}/{file}"))).collect();
            lists.sort();
            lists.dedup();
            lists
        };
        let caches = Cache::all(tree, first);
        let groups = caches.iter().max_by_key(|(_, cache)| cache.level);
        let groups =
            groups.map(|(index, _)| per_cpu(&format!("cache/index{index}/shared_cpu_list"))).unwrap_or_default();
        let node_cpus = |node| tree.cpus(&format!("sys/devices/system/node/node{node}/cpulist"));
        Self {
            model: tree.field("proc/cpuinfo", "model name").filter(|name| !name.is_empty()),
            kernel: tree.line("proc/sys/kernel/osrelease").and_then(|release| version(&release)),
            is_virtual: tree.text("proc/cpuinfo").map(|info| is_virtual(tree, &info)),
            cores: per_cpu("topology/thread_siblings_list"),
            groups,
            caches: caches.into_iter().map(|(_, cache)| cache).collect(),
            nodes: tree.numbered("sys/devices/system/node", "node").into_iter().filter_map(node_cpus).collect(),
            governors: governors(tree, &cpus),
            idle_states: idle_states(tree, first),
            quota: Quota::read(tree),
            times: Times::read(tree),
            isolated: tree.cpus(&format!("{CPU}/isolated")),
            without_ticks: tree.cpus(&format!("{CPU}/nohz_full")),
            clock: clock(tree),
            timer_slack_ns: tree.number("proc/self/timerslack_ns"),
            transparent_huge_pages: tree
                .line("sys/kernel/mm/transparent_hugepage/enabled")
                .and_then(|line| chosen(&line)),
            huge_pages: tree.field("proc/meminfo", "HugePages_Total").and_then(|pages| pages.parse().ok()),
            load: tree.line("proc/loadavg").and_then(|line| line.split(' ').next()?.parse().ok()),
            online,
            allowed,
        }
    }

    /// The CPUs that work can go to: those allowed, else those online.
    pub(crate) fn usable(&self) -> &[usize] {
        self.allowed.as_deref().or(self.online.as_deref()).unwrap_or_default()
    }
}

impl Cache {
    /// The caches of a CPU, each with the number of its folder.
    fn all(tree: &Tree, cpu: usize) -> Vec<(usize, Self)> {
        let folder = format!("{CPU}/cpu{cpu}/cache");
        let read = |index: usize| {
            let part = |name: &str| tree.line(&format!("{folder}/index{index}/{name}"));
            let (level, kind) = (part("level")?.parse().ok()?, part("type")?.to_lowercase());
            Some((index, Self { level, kind, size: part("size")? }))
        };
        tree.numbered(&folder, "index").into_iter().filter_map(read).collect()
    }
}

impl Quota {
    /// The tightest bound on the way from this process's group to the outermost one.
    fn read(tree: &Tree) -> Self {
        let mut quota = Self::default();
        for line in tree.text("proc/self/cgroup").unwrap_or_default().lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let mounts: &[&str] = match controllers {
                "" => &["sys/fs/cgroup", "sys/fs/cgroup/unified"],
                _ if controllers.split(',').any(|name| name == "cpu") => {
                    &["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"]
                }
                _ => continue,
            };
            for mount in mounts {
                // Inside a container the path may be the host's; then only the outermost folder is there.
                let mut group = Some(path.trim_end_matches('/'));
                while let Some(inner) = group {
                    quota.tighten(tree, &format!("{mount}{inner}"));
                    group = inner.rfind('/').map(|parent| &inner[..parent]);
                }
            }
        }
        quota
    }

    fn tighten(&mut self, tree: &Tree, folder: &str) {
        let two = tree.line(&format!("{folder}/cpu.max"));
        let one = || {
            let part = |name: &str| tree.line(&format!("{folder}/{name}"));
            Some(format!("{} {}", part("cpu.cfs_quota_us")?, part("cpu.cfs_period_us")?))
        };
        let throttled = tree.field(&format!("{folder}/cpu.stat"), "nr_throttled").and_then(|count| count.parse().ok());
        let Some(line) = two.or_else(one) else {
            // The outermost group has no bound, and no file for one.
            self.is_known |= throttled.is_some() || tree.line(&format!("{folder}/cpu.shares")).is_some();
            return;
        };
        self.is_known = true;
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        if let (Some(Ok(time)), Some(Ok(period))) = (numbers.next(), numbers.next())
            && time > 0.0
            && period > 0.0
        {
            let cpus = time / period;
            self.cpus = Some(self.cpus.map_or(cpus, |tightest| tightest.min(cpus)));
            self.throttled = self.throttled.max(throttled);
        }
    }
}

impl Times {
    pub(crate) fn read(tree: &Tree) -> Option<Self> {
        let line = tree.line("proc/stat")?;
        let times: Vec<u64> =
            line.strip_prefix("cpu ")?.split_whitespace().map_while(|time| time.parse().ok()).collect();
        // Guest times, the last two, are inside the first two already.
        Some(Self { steal: *times.get(7)?, total: times.iter().take(8).sum() })
    }

    /// The part of the time since `before` that the host gave to others.
    pub(crate) fn stolen_since(self, before: Self) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|&total| total > 0)?;
        Some(self.steal.saturating_sub(before.steal) as f64 / total as f64)
    }
}

/// The version; what a vendor appends to it tells a reader nothing.
fn version(release: &str) -> Option<String> {
    let version = release.split(['-', '+']).next()?;
    Some(format!("Linux {version}"))
}

fn is_virtual(tree: &Tree, info: &str) -> bool {
    info.split_whitespace().any(|flag| flag == "hypervisor") || tree.text("sys/hypervisor/type").is_some()
}

/// The word in brackets: `always [madvise] never`.
fn chosen(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn governors(tree: &Tree, cpus: &[usize]) -> BTreeMap<String, usize> {
    let mut governors = BTreeMap::new();
    for governor in cpus.iter().filter_map(|cpu| tree.line(&format!("{CPU}/cpu{cpu}/cpufreq/scaling_governor"))) {
        *governors.entry(governor).or_default() += 1;
    }
    governors
}

fn idle_states(tree: &Tree, cpu: usize) -> Vec<(String, u64)> {
    let folder = format!("{CPU}/cpu{cpu}/cpuidle");
    let state = |nth: usize| {
        let disabled = tree.number(&format!("{folder}/state{nth}/disable")).is_some_and(|disable| disable > 0);
        let name = tree.line(&format!("{folder}/state{nth}/name"))?;
        let latency = tree.number(&format!("{folder}/state{nth}/latency"))?;
        (!disabled).then_some((name, latency))
    };
    tree.numbered(&folder, "state").into_iter().filter_map(state).collect()
}

fn clock(tree: &Tree) -> Option<(String, Vec<String>)> {
    let folder = "sys/devices/system/clocksource/clocksource0";
    let available = tree.line(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let available = available.split_whitespace().map(str::to_owned).collect();
    Some((tree.line(&format!("{folder}/current_clocksource"))?, available))
}
