//! The workloads, as data.

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
    /// No queue at all: how fast lines move from core to core.
    Stream,
}

/// What an item of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// 8 bytes.
    Word,
    /// 64 bytes.
    Block,
}

impl Width {
    /// As the report writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Word => "u64",
            Self::Block => "64 B",
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
    /// The ringway entry that stands for ringway in the summary: the kind that its docs would send this workload to.
    pub(crate) ours: &'static str,
}

impl Row {
    /// One line for the report.
    pub(crate) fn describe(&self) -> String {
        let Self { producers, consumers, capacity, batch, .. } = self;
        let width = self.width.name();
        match self.topology {
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
                 Tight poll; p50 of one sample, one time stamp a trip (inside every figure, the raw lines' too)."
            ),
            Topology::Stream => format!(
                "No queue: {batch} lines of {width} written, one counter stored, read and checked by the other core. \
                 Ring of {capacity} lines; ns a line."
            ),
            _ => format!(
                "{producers} producing, {consumers} consuming, {width}, capacity {capacity}; ns an item overall."
            ),
        }
    }
}

const SPSC: Row = Row {
    name: "spsc",
    topology: Topology::Spsc,
    producers: 1,
    consumers: 1,
    capacity: 1024,
    width: Width::Word,
    batch: 1,
    ours: "ringway spsc",
};

const MPSC: Row = Row { topology: Topology::Mpsc, ours: "ringway lanes", ..SPSC };
const MPMC: Row = Row { topology: Topology::Mpmc, ours: "ringway mpmc", ..SPSC };
const BULK: Row = Row { topology: Topology::Bulk, batch: 32, ours: "ringway dense runs", ..SPSC };

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
];
