//! The workloads, as data.

use std::time::Duration;

/// What a row does with its queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One thread: push, then pop.
    Pair,
    /// One producer, one consumer.
    Spsc,
    /// As `Spsc`, by the peer's bulk calls.
    Bulk,
    /// Many producers, one consumer.
    Mpsc,
    /// One producer, many consumers; an item goes to one of them.
    Spmc,
    /// Many producers, many consumers; an item goes to one of them.
    Mpmc,
    /// One producer, many consumers; each sees every item.
    Broadcast,
    /// Two queues, one item that goes to and fro.
    RoundTrip,
    /// One item at a time, sent when the receiver is asleep: from before the send to after the receive.
    Wake,
    /// An item a millisecond beside threads that always run: from when it was to be sent to after the receive.
    Paced,
    /// Nothing comes for a while: the receiver's CPU time.
    Idle,
    /// One thread: batches of sends, timed, each taken out again, untimed.
    Send,
    /// No queue at all: how fast lines move from core to core.
    Stream,
    /// As `Spsc`, with items of 256 bytes and more.
    WideItems,
    /// Nothing comes for a while: the receiver's CPU time, by each way to wait.
    IdleWait,
    /// One thread: bursts published to a queue, or pushed, and handled, or popped.
    QueueInline,
    /// The same from thread to thread.
    QueueAcross,
    /// As `QueueInline`, of a topic.
    TopicInline,
    /// As `QueueAcross`, of a topic.
    TopicAcross,
    /// Many producers, a queue of four shards by key: a thread a shard, or two workers for all.
    QueueKeyed,
    /// One thread publishes to a topic; another serves so many gating subscriptions of it.
    TopicGates,
    /// One thread: bursts published, timed, to a topic with so many subscriptions, which handle them, untimed.
    Subscriptions,
    /// One thread: items accepted, handed out and answered.
    Delivery,
    /// One thread: handlers that panic; from a panic to the next item.
    Recovery,
    /// One thread: a clock is read.
    Stamp,
    /// As `Pair`, without a queue.
    LoopAlone,
    /// As `Spsc`, the same contender twice.
    Twice,
}

impl Topology {
    /// Whether who sends also receives.
    pub(crate) fn is_on_one_thread(self) -> bool {
        use Topology::{Delivery, LoopAlone, Pair, QueueInline, Recovery, Send, Stamp, Subscriptions, TopicInline};
        matches!(
            self,
            Pair | Send | QueueInline | TopicInline | Subscriptions | Delivery | Recovery | Stamp | LoopAlone
        )
    }
}

/// By which of its calls a contender is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Those that never wait; the harness tries again, the same way for all.
    Try,
    /// Those that wait, each contender in its own way.
    Blocking,
    /// Futures, all of them tasks of one runtime thread.
    Async,
}

impl Calls {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Try, Self::Blocking, Self::Async];

    /// As results write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Try => "try",
            Self::Blocking => "blocking",
            Self::Async => "async",
        }
    }
}

/// What an item of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// 8 bytes.
    Word,
    /// 64 bytes.
    Block,
    /// 256 bytes.
    Quarter,
    /// 1024 bytes.
    Kilo,
}

impl Width {
    /// As the report writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Word => "u64",
            Self::Block => "64 B",
            Self::Quarter => "256 B",
            Self::Kilo => "1 KiB",
        }
    }
}

/// One workload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// What `--only` matches.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) topology: Topology,
    /// By which calls.
    pub(crate) calls: Calls,
    /// Threads that push.
    pub(crate) producers: usize,
    /// Threads that take.
    pub(crate) consumers: usize,
    /// Items that the queue holds.
    pub(crate) capacity: usize,
    /// What an item is.
    pub(crate) width: Width,
    /// Items that one call moves.
    pub(crate) batch: usize,
    /// How long a burst should take: long beside a preemption's cost, short beside the time between two changes of regime.
    pub(crate) burst: Duration,
    /// It is measured in the first of so many rounds, then in the first of the next so many.
    pub(crate) every: usize,
    /// The ringway entry that stands for ringway in the summary: the kind that its docs would send this workload to.
    pub(crate) ours: &'static str,
}

impl Row {
    /// Whether `--only` means it: by a part of its name, or by its group.
    pub(crate) fn is_called(&self, part: &str) -> bool {
        self.name.contains(part) || self.group() == part
    }

    /// What it tells about.
    pub(crate) fn group(&self) -> &'static str {
        match self.topology {
            Topology::RoundTrip => "round trip",
            Topology::Wake => "latency",
            Topology::Paced | Topology::Idle => "paced",
            Topology::IdleWait => "wait",
            Topology::QueueInline
            | Topology::QueueAcross
            | Topology::QueueKeyed
            | Topology::TopicInline
            | Topology::TopicAcross
            | Topology::TopicGates => "engine",
            Topology::Subscriptions => "topics",
            Topology::Delivery => "delivery",
            Topology::Recovery => "recovery",
            Topology::Stamp | Topology::LoopAlone | Topology::Twice => "harness",
            _ => "throughput",
        }
    }

    /// What one figure of it is.
    pub(crate) fn unit(&self) -> &'static str {
        match self.topology {
            Topology::Pair | Topology::LoopAlone => "ns a pair",
            Topology::RoundTrip => "ns a round trip, p50",
            Topology::Wake | Topology::Paced => "ns a hop, p50",
            Topology::Idle | Topology::IdleWait => "ns of CPU time",
            Topology::Send => "ns a send",
            Topology::Subscriptions => "ns a publish",
            Topology::Recovery => "ns from a panic to the next item, p50",
            Topology::Stamp => "ns a reading",
            Topology::Stream => "ns a line",
            _ => "ns an item",
        }
    }

    /// How long its burst should take in such a run.
    pub(crate) fn burst(&self, quick: bool) -> Duration {
        if quick { (self.burst / 4).min(BURST_QUICK_MAX) } else { self.burst }
    }

    /// Whether it is measured in that round; round 0 only learns how long a burst is.
    pub(crate) fn has_round(&self, round: usize, quick: bool) -> bool {
        match round {
            0 => self.learns(),
            _ if quick && self.every != ONCE => true,
            _ => (round - 1).is_multiple_of(self.every),
        }
    }

    /// Whether the length of its burst depends on how fast a contender is.
    pub(crate) fn learns(&self) -> bool {
        !matches!(self.topology, Topology::Paced | Topology::Idle | Topology::IdleWait)
    }

    /// Whether a thread of it may sleep.
    pub(crate) fn sleeps(&self) -> bool {
        self.calls != Calls::Try
    }

    /// One line for the report.
    pub(crate) fn describe(&self, quick: bool) -> String {
        let Self { producers, consumers, capacity, batch, .. } = self;
        let width = self.width.name();
        let burst_ms = self.burst(quick).as_millis();
        let what = match self.topology {
            Topology::Pair => format!("One thread pushes one {width} and pops it; ns a pair. Capacity {capacity}."),
            Topology::Bulk => {
                format!("{width}, capacity {capacity}, up to {batch} items a call, in place where the API can.")
            }
            Topology::Broadcast => {
                format!(
                    "1 producing, {consumers} consuming, each sees every {width}; ns an item sent. Capacity {capacity}."
                )
            }
            Topology::RoundTrip => format!(
                "A {width} goes to and fro over two queues of capacity {capacity}, one in flight: a closed loop. \
                 p50 of one sample, one time stamp a trip (inside every figure, the raw lines' too).{}",
                if self.calls == Calls::Try { " Tight poll." } else { "" }
            ),
            Topology::Wake => format!(
                "A {width} is sent to a receiver that sleeps: the kernel has said so (state S in /proc), and {} µs have \
                 passed since. ns from before the send to after the receive, on two CPUs. p50 and p99 of one sample.",
                WAKE_PAUSE.as_micros()
            ),
            Topology::Paced => format!(
                "A {width} is to be sent every {} µs, by a plan made beforehand, while one thread that never sleeps runs on \
                 each CPU. ns from the planned time to after the receive: an open loop. p50 and p99 of one sample of \
                 {burst_ms} ms.",
                PACE.as_micros()
            ),
            Topology::Idle | Topology::IdleWait => format!(
                "Nothing is sent for {burst_ms} ms, then one {width}. CPU time that the receiver had for it, by its thread's \
                 clock; once in a run.{}",
                if quick { " **Shortened by --quick.**" } else { "" }
            ),
            Topology::Send => format!(
                "One thread sends {batch} {width} in a row, and takes them out again; ns a send, of the median batch. \
                 Capacity {capacity}; nobody waits or sleeps."
            ),
            Topology::Stream => format!(
                "No queue: {batch} lines of {width} written, one counter stored, read and checked by the other core. \
                 Ring of {capacity} lines; ns a line."
            ),
            Topology::QueueInline | Topology::TopicInline => format!(
                "One thread: bursts of 64 {width}, published and handled, or pushed and popped. Capacity {capacity}; ns an item."
            ),
            Topology::QueueAcross | Topology::TopicAcross => format!(
                "One thread publishes {width}, or pushes; the other polls a worker, or pops all there is. Capacity \
                 {capacity}; ns an item."
            ),
            Topology::QueueKeyed => format!(
                "{producers} threads send {width} to one of 4 shards, picked by the XXH3 of a key (64 keys, by turns), each of \
                 capacity {capacity}. A thread a shard takes them, or two workers for all: the form says; ns an item overall."
            ),
            Topology::TopicGates => format!(
                "One thread sends {width}, which {consumers} subscribers on another thread each see; nothing is lost. Capacity \
                 {capacity}; ns an item sent."
            ),
            Topology::Subscriptions => format!(
                "One thread publishes {batch} {width} in a row to a topic with {consumers} gating subscriptions, which handle \
                 them before the next; ns a publish, of the median burst. Capacity {capacity}."
            ),
            Topology::Delivery => {
                "One thread: batches of 32 accepted, handed out and answered; ns an item.".to_owned()
            }
            Topology::Recovery => "One thread: every 16th item makes the handler panic, once; ns from there to the next item in \
                                   the handler's hands. The ledger balances, or it is a fault. p50 and p99 of one sample."
                .to_owned(),
            Topology::Stamp => "One thread reads a clock over and over; ns a reading. Subtracted from nothing.".to_owned(),
            Topology::LoopAlone => "The loop of row pair with no queue in it; ns a turn. Subtracted from nothing.".to_owned(),
            Topology::Twice => "The noise floor: the very same contender twice, as if it were two; ns an item.".to_owned(),
            _ => format!(
                "{producers} producing, {consumers} consuming, {width}, capacity {capacity}; ns an item overall."
            ),
        };
        match self.calls {
            Calls::Try => what,
            Calls::Blocking => format!("{what} By the calls that wait."),
            Calls::Async => format!("{what} By futures, a task an end, on one runtime thread (tokio current_thread)."),
        }
    }
}

/// How long the receiver of [`Topology::Wake`] has slept at the least when an item is sent to it.
pub(crate) const WAKE_PAUSE: Duration = Duration::from_micros(50);
/// The time between two items of [`Topology::Paced`].
pub(crate) const PACE: Duration = Duration::from_millis(1);
/// The longest burst of a run that only shows that things work.
const BURST_QUICK_MAX: Duration = Duration::from_millis(50);
/// [`Row::every`] of a row that is measured in one round only.
const ONCE: usize = usize::MAX;

const SPSC: Row = Row {
    name: "spsc",
    topology: Topology::Spsc,
    calls: Calls::Try,
    producers: 1,
    consumers: 1,
    capacity: 1024,
    width: Width::Word,
    batch: 1,
    burst: Duration::from_millis(8),
    every: 1,
    ours: "ringway spsc",
};

const MPSC: Row = Row { topology: Topology::Mpsc, ours: "ringway lanes", ..SPSC };
const MPMC: Row = Row { topology: Topology::Mpmc, ours: "ringway mpmc", ..SPSC };
const BULK: Row = Row { topology: Topology::Bulk, batch: 32, ours: "ringway dense runs", ..SPSC };
const BLOCKING: Row = Row { calls: Calls::Blocking, ..SPSC };

const ENGINE: Row = Row { topology: Topology::QueueInline, ours: "ringway queue", ..SPSC };
const TOPIC: Row = Row { topology: Topology::TopicInline, ours: "ringway topic", ..SPSC };
const SUBSCRIPTIONS: Row = Row { topology: Topology::Subscriptions, batch: 64, ..TOPIC };

/// Rows that only ringway runs, or that a comparison has no room for, in the order of the report.
pub(crate) const OWN_ROWS: &[Row] = &[
    Row { name: "spsc-256B", topology: Topology::WideItems, width: Width::Quarter, ..SPSC },
    Row { name: "spsc-1KiB", topology: Topology::WideItems, width: Width::Kilo, ..SPSC },
    Row { name: "spsc-batch8", batch: 8, ..BULK },
    Row { name: "spsc-batch128", batch: 128, ..BULK },
    Row { name: "mpmc-2x2-cap64", producers: 2, consumers: 2, capacity: 64, ..MPMC },
    Row { name: "mpmc-2x2-cap64Ki", producers: 2, consumers: 2, capacity: 65_536, ..MPMC },
    Row { name: "mpmc-8x8", producers: 8, consumers: 8, ..MPMC },
    Row {
        name: "idle-wait",
        topology: Topology::IdleWait,
        burst: Duration::from_secs(1),
        every: ONCE,
        ours: "ringway spsc, Park",
        ..BLOCKING
    },
    Row { name: "topic-1", ..SUBSCRIPTIONS },
    Row { name: "topic-4", consumers: 4, ..SUBSCRIPTIONS },
    Row { name: "topic-16", consumers: 16, ..SUBSCRIPTIONS },
    Row { name: "delivery", topology: Topology::Delivery, ours: "tracker, ack", ..SPSC },
    Row { name: "recovery", topology: Topology::Recovery, ours: "ringway queue, skip", ..SPSC },
    Row { name: "clock", topology: Topology::Stamp, ours: "", ..SPSC },
    Row { name: "loop-alone", topology: Topology::LoopAlone, ours: "", ..SPSC },
    Row { name: "noise-floor", topology: Topology::Twice, ..SPSC },
];

/// What every open loop runs on; when its items come is not the row's to say.
pub(crate) const OPEN: Row = Row { name: "open", ..SPSC };

/// Every workload, in the order of the report.
pub(crate) const ROWS: &[Row] = &[
    Row { name: "pair", topology: Topology::Pair, ..SPSC },
    SPSC,
    Row { name: "spsc-cap64", capacity: 64, ..SPSC },
    Row { name: "spsc-cap64Ki", capacity: 65_536, ..SPSC },
    Row { name: "spsc-64B", width: Width::Block, ..SPSC },
    Row { name: "spsc-batch32", ..BULK },
    Row { name: "spsc-batch32-64B", width: Width::Block, ..BULK },
    Row { name: "mpsc-2", producers: 2, ..MPSC },
    Row { name: "mpsc-4", producers: 4, ..MPSC },
    Row { name: "spmc-2", topology: Topology::Spmc, consumers: 2, ..MPMC },
    Row { name: "mpmc-2x2", producers: 2, consumers: 2, ..MPMC },
    Row { name: "mpmc-4x4", producers: 4, consumers: 4, ..MPMC },
    Row { name: "mpmc-2x2-64B", producers: 2, consumers: 2, width: Width::Block, ..MPMC },
    Row { name: "broadcast-2", topology: Topology::Broadcast, consumers: 2, ours: "ringway broadcast each", ..SPSC },
    Row { name: "ping-pong", topology: Topology::RoundTrip, ours: "ringway dense", ..SPSC },
    Row { name: "ceiling-stream", topology: Topology::Stream, width: Width::Block, batch: 64, ours: "", ..SPSC },
    Row { name: "spsc-blocking", ..BLOCKING },
    Row { name: "spsc-64B-blocking", width: Width::Block, ..BLOCKING },
    Row { name: "mpsc-2-blocking", producers: 2, calls: Calls::Blocking, ..MPSC },
    Row { name: "mpsc-4-blocking", producers: 4, calls: Calls::Blocking, ..MPSC },
    Row { name: "mpmc-2x2-blocking", producers: 2, consumers: 2, calls: Calls::Blocking, ..MPMC },
    Row { name: "mpmc-4x4-blocking", producers: 4, consumers: 4, calls: Calls::Blocking, ..MPMC },
    Row { name: "ping-pong-blocking", topology: Topology::RoundTrip, burst: Duration::from_millis(16), ..BLOCKING },
    Row { name: "wake-blocking", topology: Topology::Wake, burst: Duration::from_millis(16), ..BLOCKING },
    Row {
        name: "paced-1kHz-blocking",
        topology: Topology::Paced,
        burst: Duration::from_millis(400),
        every: 2,
        ..BLOCKING
    },
    Row { name: "idle-blocking", topology: Topology::Idle, burst: Duration::from_secs(5), every: ONCE, ..BLOCKING },
    Row { name: "send-cost-blocking", topology: Topology::Send, batch: 512, ..BLOCKING },
    Row { name: "mpsc-4-async", producers: 4, calls: Calls::Async, ..MPSC },
    Row {
        name: "broadcast-2-async",
        topology: Topology::Broadcast,
        consumers: 2,
        calls: Calls::Async,
        ours: "ringway broadcast",
        ..SPSC
    },
    Row { name: "engine-queue-inline", ..ENGINE },
    Row { name: "engine-queue", topology: Topology::QueueAcross, ..ENGINE },
    Row { name: "engine-topic-inline", ..TOPIC },
    Row { name: "engine-topic", topology: Topology::TopicAcross, ..TOPIC },
    Row {
        name: "engine-queue-keyed",
        topology: Topology::QueueKeyed,
        calls: Calls::Blocking,
        producers: 4,
        consumers: 4,
        burst: Duration::from_millis(16),
        // Many to one a shard, as where its channels have lanes.
        ours: "ringway queue, lanes",
        ..ENGINE
    },
    Row { name: "engine-topic-4", topology: Topology::TopicGates, calls: Calls::Blocking, consumers: 4, ..TOPIC },
];
