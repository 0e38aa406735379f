//! What the facts of a machine mean.

use crate::{machine::Machine, show};

use super::{
    finding::{Finding, State},
    measure::Measured,
};

/// A finding on each of the facts; where something was measured, too, on that.
pub(super) fn findings(machine: &Machine, measured: Option<&Measured>) -> Vec<Finding> {
    vec![
        cpus(machine),
        threads(machine),
        caches(machine),
        nodes(machine),
        host(machine),
        governor(machine),
        idle(machine),
        quota(machine),
        steal(machine, measured),
        isolation(machine),
        clock(machine, measured),
        huge_pages(machine),
        load(machine),
    ]
}

fn cpus(machine: &Machine) -> Finding {
    let usable = machine.usable();
    let model = machine.model.as_deref().unwrap_or("model not shown");
    match (&machine.online, &machine.allowed) {
        (None, None) => Finding::unknown(
            "CPUs",
            "/sys/devices/system/cpu and /proc/self/status",
            "Nothing can be pinned by number.",
        )
        .change("mount /proc and /sys into the container"),
        _ if usable.len() == 1 => Finding::new(
            "CPUs",
            State::Warn,
            format!("1 CPU: {model}"),
            "Producers and consumers take turns on it: a hop costs a switch of threads, and spinning wastes it.",
        )
        .change("give the process two CPUs or more; wait by parking, not by spinning"),
        (Some(online), Some(allowed)) if allowed.len() < online.len() => Finding::new(
            "CPUs",
            State::Note,
            format!("{} of {} allowed ({}): {model}", allowed.len(), online.len(), show::cpus(allowed)),
            "Workers are pinned to these only.",
        ),
        _ => Finding::new(
            "CPUs",
            State::Good,
            format!("{} ({}): {model}", usable.len(), show::cpus(usable)),
            "All of them can be pinned to.",
        ),
    }
}

fn threads(machine: &Machine) -> Finding {
    let widest = machine.cores.iter().rev().max_by_key(|core| core.len());
    match widest {
        None => Finding::unknown(
            "SMT",
            "the topology of the CPUs",
            "Two CPUs may be the threads of one core, which halves both.",
        ),
        Some(core) if core.len() == 1 => {
            Finding::new("SMT", State::Good, "each CPU is a core of its own", "A spinning thread slows no other one.")
        }
        Some(core) => {
            let firsts: Vec<usize> = machine.cores.iter().filter_map(|core| core.first().copied()).collect();
            Finding::new(
                "SMT",
                State::Note,
                format!("{} cores with {} threads; CPUs {} are one core", machine.cores.len(), core.len(), show::cpus(core)),
                "Two busy threads of one core share its units: each gets about half, and one that spins takes from the other. As partners of one ring they are the nearest there are.",
            )
            .change(format!("pin busy workers to one thread of a core: --pin {}", show::cpus(&firsts)))
        }
    }
}

fn caches(machine: &Machine) -> Finding {
    if machine.caches.is_empty() {
        return Finding::unknown(
            "caches",
            "the caches",
            "Distances between CPUs can't be told beforehand; measure them.",
        );
    }
    let caches: Vec<String> = machine
        .caches
        .iter()
        .map(|cache| {
            let kind = if cache.kind == "unified" { "" } else { &cache.kind[..1] };
            format!("L{}{kind} {}", cache.level, cache.size)
        })
        .collect();
    let level = machine.caches.iter().map(|cache| cache.level).max().unwrap_or(0);
    let shared: Vec<String> = machine.groups.iter().map(|group| show::cpus(group)).collect();
    let found = format!("{}; {} L{level}", caches.join(", "), machine.groups.len());
    match machine.groups.as_slice() {
        [] => Finding::new("caches", State::Unknown, found, "Which CPUs share the last one is not shown."),
        [group] => Finding::new(
            "caches",
            State::Good,
            found,
            format!("CPUs {} share the L{level}: expect a hop of some 20 to 60 ns between any two.", show::cpus(group)),
        ),
        groups if groups.iter().all(|group| group.len() == 1) => Finding::new(
            "caches",
            State::Note,
            found,
            format!("No two CPUs share an L{level}, or the host does not show it: a hop may cost 100 ns and more."),
        ),
        _ => Finding::new(
            "caches",
            State::Note,
            found,
            format!(
                "CPUs {} each share one: expect a hop of some 20 to 60 ns inside, and two to five times that between.",
                few(&shared)
            ),
        )
        .change(format!("keep the publisher and the workers of a queue in one group: --pin {}", shared[0])),
    }
}

fn nodes(machine: &Machine) -> Finding {
    match machine.nodes.as_slice() {
        [] => Finding::unknown("memory", "/sys/devices/system/node", "Memory may be near or far; it can't be told."),
        [_] => Finding::new("memory", State::Good, "one node", "All memory is equally near."),
        nodes => {
            let lists: Vec<String> = nodes.iter().map(|node| show::cpus(node)).collect();
            Finding::new(
                "memory",
                State::Note,
                format!("{} nodes: CPUs {}", nodes.len(), few(&lists)),
                "A ring lies on the node of the thread that built it; from another node each line costs some 100 ns more.",
            )
            .change(format!("keep a queue on one node: numactl --cpunodebind=0 --membind=0, or --pin {}", lists[0]))
        }
    }
}

fn host(machine: &Machine) -> Finding {
    match machine.is_virtual {
        None => Finding::unknown("host", "/proc/cpuinfo", "Whether a hypervisor is below can't be told."),
        Some(false) => Finding::new("host", State::Good, "no hypervisor is seen", "What is measured is this machine's own."),
        Some(true) => Finding::new(
            "host",
            State::Warn,
            "a virtual machine",
            "The host stops and moves its CPUs: latency tails and distances are the host's, and change while one measures.",
        )
        .change("compare within one run only, or measure on bare metal or a host with dedicated CPUs"),
    }
}

fn governor(machine: &Machine) -> Finding {
    let named = |(name, cpus): (&String, &usize)| format!("{name} on {cpus} CPUs");
    let names = machine.governors.iter().map(named).collect::<Vec<_>>().join(", ");
    if machine.governors.is_empty() {
        let why = if machine.is_virtual == Some(true) {
            "The host sets the frequency."
        } else {
            "The firmware may set the frequency."
        };
        return Finding::new("frequency", State::Unknown, "no governor is shown", why);
    }
    if machine.governors.keys().all(|name| name == "performance") {
        return Finding::new("frequency", State::Good, names, "CPUs run at full speed from the first item on.");
    }
    Finding::new(
        "frequency",
        State::Warn,
        names,
        "CPUs slow down when idle: the first items after a pause take longer, and runs differ.",
    )
    .change("sudo cpupower frequency-set -g performance")
}

fn idle(machine: &Machine) -> Finding {
    match machine.idle_states.iter().max_by_key(|(_, latency)| *latency) {
        None => Finding::new(
            "idle",
            State::Unknown,
            "no idle states are shown",
            "How long a sleeping CPU takes to wake can't be told.",
        ),
        Some((name, latency)) if *latency >= 50 => Finding::new(
            "idle",
            State::Note,
            format!("deepest state {name}, {latency} µs to leave"),
            format!("A worker that parks on an idle CPU wakes up to {latency} µs late."),
        )
        .change("spin where that matters, or: sudo cpupower idle-set -D 10 (states over 10 µs off)"),
        Some((name, latency)) => Finding::new(
            "idle",
            State::Good,
            format!("deepest state {name}, {latency} µs to leave"),
            "Sleeping CPUs wake quickly.",
        ),
    }
}

fn quota(machine: &Machine) -> Finding {
    let usable = machine.usable().len();
    match (machine.quota.cpus, machine.quota.is_known) {
        (Some(cpus), _) => {
            let throttled = match machine.quota.throttled {
                Some(times) if times > 0 => format!("; stopped {} times so far", show::count(times)),
                _ => String::new(),
            };
            let state = if cpus < usable.max(1) as f64 { State::Warn } else { State::Note };
            Finding::new(
                "quota",
                state,
                format!("the time of {} CPUs, on {usable}{throttled}", (cpus * 100.0).round() / 100.0),
                "When it is used up, every thread stands still up to the end of the period, 100 ms as a rule; spinning uses it up.",
            )
            .change(format!("raise the limit of the container, or run at most {} busy threads", (cpus.floor() as u64).max(1)))
        }
        (None, true) => Finding::new("quota", State::Good, "none", "No control group stops the threads."),
        (None, false) => {
            Finding::unknown("quota", "the control groups", "A quota would stop all threads for up to 100 ms, unseen.")
                .change("mount /sys/fs/cgroup")
        }
    }
}

fn steal(machine: &Machine, measured: Option<&Measured>) -> Finding {
    let Some(times) = machine.times else {
        return Finding::unknown("steal", "/proc/stat", "Time that the host takes can't be told.");
    };
    let so_far = times.steal as f64 / times.total.max(1) as f64;
    let now = measured.and_then(|measured| measured.stolen);
    let meanwhile = now.map(|share| format!(", {} while measuring", show::percent(share))).unwrap_or_default();
    let found = format!("{} since the start{meanwhile}", show::percent(so_far));
    match now.unwrap_or(so_far) {
        share if share >= 0.01 => {
            Finding::new("steal", State::Warn, found, "The host runs others on these CPUs: results can't be compared.")
                .change("move to a host with dedicated CPUs")
        }
        share if share > 0.0 || so_far >= 0.01 => {
            Finding::new("steal", State::Note, found, "The host takes CPU time now and then; it shows in the tails.")
        }
        _ => Finding::new("steal", State::Good, found, "The host takes no time away."),
    }
}

fn isolation(machine: &Machine) -> Finding {
    let isolated = machine.isolated.as_deref().unwrap_or_default();
    let without_ticks = machine.without_ticks.as_deref().unwrap_or_default();
    if isolated.is_empty() && without_ticks.is_empty() {
        return Finding::new("isolation", State::Note, "no CPU is isolated", "The kernel and other programs run on the workers' CPUs, too: expect pauses of 5 to 50 µs, and rarely of ms.")
            .change("for the lowest tails boot with isolcpus=… nohz_full=… rcu_nocbs=… and pin to those CPUs");
    }
    let pinnable = isolated.iter().any(|cpu| machine.usable().contains(cpu));
    let found = format!("isolated {}; without ticks {}", or_none(isolated), or_none(without_ticks));
    if !isolated.is_empty() && !pinnable && !machine.usable().is_empty() {
        return Finding::new("isolation", State::Note, found, "This process may use none of the isolated CPUs.")
            .change(format!("start it with: taskset -c {}", show::cpus(isolated)));
    }
    Finding::new("isolation", State::Good, found, "Threads pinned there are left alone.")
        .change(format!("--pin {}", show::cpus(isolated)))
}

fn clock(machine: &Machine, measured: Option<&Measured>) -> Finding {
    let name = machine.clock.as_ref().map_or("source not shown", |(name, _)| name);
    let is_fast = matches!(name, "tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter");
    let change = match &machine.clock {
        Some((_, others)) if !is_fast && others.iter().any(|other| other == "tsc") => {
            Some("echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource")
        }
        _ => None,
    };
    let finding = match measured.map(|measured| &measured.clock) {
        None if machine.clock.is_none() => {
            Finding::unknown("clock", "the clock source", "What a reading costs can't be told.")
        }
        None if is_fast => {
            Finding::new("clock", State::Good, name, "It is read without entering the kernel, in some 20 to 50 ns.")
        }
        None => Finding::new(
            "clock",
            State::Warn,
            name,
            "Each reading enters the kernel, some 0.5 to 2 µs: per-item stamps cost more than the queue.",
        ),
        Some(Err(reason)) => Finding::new(
            "clock",
            State::Warn,
            format!("{name}: {reason}"),
            "No time that is measured here can be trusted.",
        ),
        Some(Ok(clock)) => {
            let found = format!(
                "{name}: {} a reading, steps of {}",
                show::time(clock.reading_ns),
                show::time(clock.step_ns as f64)
            );
            let (state, means) = match clock.reading_ns {
                cost if cost < 100.0 => (State::Good, "Stamping every item costs about as much as a hop or less."),
                _ => (State::Warn, "A stamp costs more than the queue: stamp by the batch."),
            };
            Finding::new("clock", state, found, means)
        }
    };
    change.into_iter().fold(finding, Finding::change)
}

fn huge_pages(machine: &Machine) -> Finding {
    let reserved = machine.huge_pages.map(|pages| format!(", {} set aside", show::count(pages))).unwrap_or_default();
    match machine.transparent_huge_pages.as_deref() {
        None => Finding::unknown("pages", "/sys/kernel/mm/transparent_hugepage", "Rings of some MB may miss the TLB; it can't be told."),
        Some("always") => Finding::new("pages", State::Note, format!("transparent huge pages: always{reserved}"), "Big rings get huge pages by themselves; the kernel thread that joins pages can stop a thread for a moment.")
            .change("for the lowest tails: echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"),
        Some(mode) => Finding::new("pages", State::Good, format!("transparent huge pages: {mode}{reserved}"), "Rings lie on 4 KiB pages; those of up to some MB do not feel it."),
    }
}

fn load(machine: &Machine) -> Finding {
    let usable = machine.usable().len().max(1) as f64;
    match machine.load {
        None => Finding::unknown("load", "/proc/loadavg", "Whether others use the CPUs can't be told."),
        Some(load) if load >= 0.5 * usable => Finding::new(
            "load",
            State::Warn,
            format!("{load:.2} over the last minute, on {usable} CPUs"),
            "Others want the CPUs: pauses of a time slice, 1 to 4 ms and more, are to be expected.",
        )
        .change("stop them, or wait, before you measure"),
        Some(load) => {
            Finding::new("load", State::Good, format!("{load:.2} over the last minute"), "The CPUs are free.")
        }
    }
}

/// The first of many lists.
fn few(lists: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = lists.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" / ");
    if lists.len() > SHOWN {
        text += &format!(" / … ({} in all)", lists.len());
    }
    text
}

fn or_none(cpus: &[usize]) -> String {
    if cpus.is_empty() { "none".into() } else { show::cpus(cpus) }
}
