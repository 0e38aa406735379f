//! Other machines: what their `/proc` and `/sys` hold, as far as `ringway doctor` reads them.

use std::path::{Path, PathBuf};

use crate::program::{file, folder};

const CPU: &str = "sys/devices/system/cpu";

/// A machine by its shape; the rest is files.
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    /// Threads of a core; siblings are half the CPUs apart, as servers number them.
    pub(crate) threads: usize,
    /// CPUs that share a last-level cache, with their siblings.
    pub(crate) groups: usize,
    pub(crate) nodes: usize,
    pub(crate) governor: Option<&'static str>,
    /// Name, and µs to leave.
    pub(crate) idle: Option<(&'static str, u64)>,
    /// Any other files: path and content.
    pub(crate) files: Vec<(&'static str, &'static str)>,
}

impl Machine {
    /// Writes its files; returns the root above them.
    pub(crate) fn write(&self, name: &str) -> PathBuf {
        let root = folder(name);
        let cores = self.cpus / self.threads;
        for cpu in 0..self.cpus {
            let core = cpu % cores;
            let siblings = |first: usize, last: usize| {
                let runs = (0..self.threads).map(|thread| match (first + thread * cores, last + thread * cores) {
                    (first, last) if first == last => first.to_string(),
                    (first, last) => format!("{first}-{last}"),
                });
                runs.collect::<Vec<_>>().join(",")
            };
            let of_group = cores / self.groups;
            let group = core / of_group;
            let own = format!("{CPU}/cpu{cpu}");
            file(&root, &format!("{own}/topology/thread_siblings_list"), siblings(core, core));
            for (index, level, kind, size, shared) in [
                (0, 1, "Data", "48K", siblings(core, core)),
                (1, 1, "Instruction", "32K", siblings(core, core)),
                (2, 2, "Unified", "1024K", siblings(core, core)),
                (3, 3, "Unified", "32768K", siblings(group * of_group, (group + 1) * of_group - 1)),
            ] {
                let cache = format!("{own}/cache/index{index}");
                file(&root, &format!("{cache}/level"), format!("{level}\n"));
                file(&root, &format!("{cache}/type"), kind);
                file(&root, &format!("{cache}/size"), size);
                file(&root, &format!("{cache}/shared_cpu_list"), shared);
            }
            if let Some(governor) = self.governor {
                file(&root, &format!("{own}/cpufreq/scaling_governor"), governor);
            }
            if let Some((state, micros)) = self.idle {
                file(&root, &format!("{own}/cpuidle/state0/name"), "POLL");
                file(&root, &format!("{own}/cpuidle/state0/latency"), "0");
                file(&root, &format!("{own}/cpuidle/state1/name"), state);
                file(&root, &format!("{own}/cpuidle/state1/latency"), micros.to_string());
                file(&root, &format!("{own}/cpuidle/state2/name"), "DISABLED");
                file(&root, &format!("{own}/cpuidle/state2/latency"), "9999");
                file(&root, &format!("{own}/cpuidle/state2/disable"), "1");
            }
        }
        let of_node = self.cpus / self.nodes;
        for node in 0..self.nodes {
            let list = format!("{}-{}", node * of_node, (node + 1) * of_node - 1);
            file(&root, &format!("sys/devices/system/node/node{node}/cpulist"), list);
        }
        file(&root, &format!("{CPU}/online"), format!("0-{}\n", self.cpus - 1));
        for (path, text) in &self.files {
            file(&root, path, text);
        }
        root
    }
}

/// Two sockets, 64 cores, 128 threads, eight last-level caches, tuned for latency.
pub(crate) fn server() -> Machine {
    Machine {
        cpus: 128,
        threads: 2,
        groups: 8,
        nodes: 2,
        governor: Some("performance"),
        idle: Some(("C2", 400)),
        files: vec![
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC 7543 32-Core Processor\nflags\t\t: fpu tsc\n"),
            ("proc/sys/kernel/osrelease", "6.8.0-45-generic\n"),
            ("proc/self/status", "Name:\tringway\nCpus_allowed:\tffff\nCpus_allowed_list:\t0-127\n"),
            ("proc/self/cgroup", "0::/user.slice/session-3.scope\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\nnr_throttled 0\n"),
            ("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
            ("proc/stat", "cpu  1000 0 1000 98000 0 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"),
            ("sys/devices/system/cpu/isolated", "8-15\n"),
            ("sys/devices/system/cpu/nohz_full", "8-15\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
            ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm \n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("proc/meminfo", "MemTotal: 1 kB\nHugePages_Total:     512\nHugepagesize: 2048 kB\n"),
            ("proc/loadavg", "0.52 0.60 0.70 1/999 12345\n"),
        ],
    }
}

/// Four cores with two threads each, saving power, on a slow clock.
pub(crate) fn laptop() -> Machine {
    Machine {
        cpus: 8,
        threads: 2,
        groups: 1,
        nodes: 1,
        governor: Some("powersave"),
        idle: Some(("C10", 890)),
        files: vec![
            ("proc/cpuinfo", "model name\t: 11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz\nflags\t: fpu tsc\n"),
            ("proc/self/status", "Cpus_allowed_list:\t0-7\n"),
            ("proc/self/cgroup", "0::/user.slice\n"),
            ("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
            ("proc/stat", "cpu  5 0 5 90 0 0 0 0 0 0\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
            ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
            ("proc/loadavg", "6.10 4.00 3.00 3/999 12345\n"),
        ],
    }
}

/// A container with a quota on a virtual machine, which sees only the outermost folder of its control group.
pub(crate) fn container() -> Machine {
    Machine {
        cpus: 16,
        threads: 1,
        groups: 16,
        nodes: 1,
        governor: None,
        idle: None,
        files: vec![
            ("proc/cpuinfo", "model name\t: Intel Xeon Processor\nflags\t: fpu tsc hypervisor\n"),
            ("proc/self/status", "Cpus_allowed_list:\t2-5\n"),
            ("proc/self/cgroup", "0::/kubepods/pod1/ringway\n"),
            ("sys/fs/cgroup/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 99\nnr_periods 5000\nnr_throttled 1234\nthrottled_usec 7\n"),
            ("proc/stat", "cpu  500 0 500 8800 0 0 0 200 0 0\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n"),
            ("proc/loadavg", "0.10 0.00 0.00 1/99 1\n"),
        ],
    }
}

/// The same with the older control groups, where the quota lies in a file of its own.
pub(crate) fn older_container() -> Machine {
    let files = vec![
        ("proc/self/status", "Cpus_allowed_list:\t0-15\n"),
        ("proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"),
        ("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "400000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n"),
    ];
    Machine { files, ..container() }
}

/// Where a path ends, as text.
pub(crate) fn text(root: &Path) -> &str {
    root.to_str().expect("UTF-8")
}
