//! Priorities: lanes of items that may be delivered now, and whose turn it is.

use std::time::Duration;

use crate::time::{
    Instant,
    slab::{List, Slab},
};

/// The most lanes.
pub const LANES_MAX: usize = 8;

/// How many lanes there are, and how they take turns. An item's `priority` is its lane; a number beyond the last means the
/// last.
///
/// RabbitMQ: `x-max-priority`, strict; Sidekiq: queues, strict or weighted; SQS, JetStream and Kafka: separate queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priorities {
    /// One lane: first in, first out.
    One,
    /// So many lanes (1 to 8); a lane is served when those before it are empty. Look at [`Waited`] for starvation.
    Strict(usize),
    /// A lane for each weight, up to the last that is not 0; a 0 before it counts as 1. While all have items, each gets its
    /// weight's share of the deliveries.
    Weighted([u8; LANES_MAX]),
}

/// How long items of a lane waited for their first delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    /// First deliveries.
    pub delivered: u64,
    /// The longest wait among them, from acceptance (or `not_before`).
    pub longest: Duration,
    /// All waits together.
    pub total: Duration,
    /// Items that wait now.
    pub depth: usize,
}

/// Items that wait their turn, oldest first; those that were tried before, or waited behind such, come first.
#[derive(Debug, Default)]
struct Lane {
    again: List,
    fresh: List,
    /// First deliveries; nanoseconds of the longest wait, and of all.
    delivered: u64,
    longest: u64,
    total: u64,
}

/// The item whose turn it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) index: u32,
    pub(super) is_fresh: bool,
    lane: usize,
}

#[derive(Debug)]
pub(super) struct Lanes {
    lanes: [Lane; LANES_MAX],
    last: usize,
    weights: Option<[u8; LANES_MAX]>,
    /// While weighted: whose turn it is, and for how many more.
    turn: usize,
    left: u8,
    /// Lanes with items of either list.
    again: u8,
    fresh: u8,
}

impl Lanes {
    pub(super) fn new(priorities: Priorities) -> Self {
        let (last, weights) = match priorities {
            Priorities::One => (0, None),
            Priorities::Strict(count) => (count.clamp(1, LANES_MAX) - 1, None),
            Priorities::Weighted(weights) => {
                let last = weights.iter().rposition(|&weight| weight > 0).unwrap_or(0);
                (last, Some(weights.map(|weight| weight.max(1))))
            }
        };
        let left = weights.map_or(0, |weights| weights[0]);
        Self { lanes: Default::default(), last, weights, turn: 0, left, again: 0, fresh: 0 }
    }

    #[inline]
    fn lane(&self, priority: u8) -> usize {
        usize::from(priority).min(self.last)
    }

    #[inline]
    pub(super) fn push_fresh<V>(&mut self, slab: &mut Slab<V>, index: u32, priority: u8) {
        let lane = self.lane(priority);
        self.lanes[lane].fresh.push_back(slab, index);
        self.fresh |= 1 << lane;
    }

    #[inline]
    pub(super) fn push_again<V>(&mut self, slab: &mut Slab<V>, index: u32, priority: u8) {
        let lane = self.lane(priority);
        self.lanes[lane].again.push_back(slab, index);
        self.again |= 1 << lane;
    }

    /// Whether anything waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.again | self.fresh == 0
    }

    /// Whether anything but fresh items waits.
    pub(super) fn has_again(&self) -> bool {
        self.again != 0
    }

    /// Whose turn it is; `with_fresh` tells whether fresh items count.
    #[inline]
    pub(super) fn front(&mut self, with_fresh: bool) -> Option<Turn> {
        let lanes = self.again | if with_fresh { self.fresh } else { 0 };
        if lanes == 0 {
            return None;
        }
        let lane = match self.weights {
            None => lanes.trailing_zeros() as usize,
            Some(weights) => self.weighted(lanes, weights),
        };
        match self.lanes[lane].again.front() {
            Some(index) => Some(Turn { index, is_fresh: false, lane }),
            None => self.lanes[lane].fresh.front().map(|index| Turn { index, is_fresh: true, lane }),
        }
    }

    /// Takes out what [`front`](Self::front) told.
    #[inline]
    pub(super) fn pop<V>(&mut self, slab: &mut Slab<V>, turn: Turn) {
        let Lane { again, fresh, .. } = &mut self.lanes[turn.lane];
        let (list, bits) = if turn.is_fresh { (fresh, &mut self.fresh) } else { (again, &mut self.again) };
        list.pop_front(slab);
        if list.depth() == 0 {
            *bits &= !(1 << turn.lane);
        }
    }

    /// The lane whose turn it is, if it has items, else the next one that has.
    fn weighted(&mut self, lanes: u8, weights: [u8; LANES_MAX]) -> usize {
        while self.left == 0 || lanes & (1 << self.turn) == 0 {
            self.turn = if self.turn == self.last { 0 } else { self.turn + 1 };
            self.left = weights[self.turn];
        }
        self.turn
    }

    /// One of a lane was delivered.
    #[inline]
    pub(super) fn served(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    #[inline]
    pub(super) fn unlink<V>(&mut self, slab: &mut Slab<V>, index: u32, priority: u8, is_fresh: bool) {
        let lane = self.lane(priority);
        let bit = 1 << lane;
        let Lane { again, fresh, .. } = &mut self.lanes[lane];
        let (list, bits) = if is_fresh { (fresh, &mut self.fresh) } else { (again, &mut self.again) };
        list.unlink(slab, index);
        if list.depth() == 0 {
            *bits &= !bit;
        }
    }

    /// Notes how long an item waited for its first delivery.
    #[inline]
    pub(super) fn waited(&mut self, priority: u8, since: Instant, now: Instant) {
        let lane = self.lane(priority);
        let (lane, wait) = (&mut self.lanes[lane], now.as_nanos().saturating_sub(since.as_nanos()));
        lane.delivered += 1;
        lane.longest = lane.longest.max(wait);
        lane.total = lane.total.saturating_add(wait);
    }

    pub(super) fn report(&self, priority: u8) -> Waited {
        let lane = &self.lanes[self.lane(priority)];
        Waited {
            delivered: lane.delivered,
            longest: Duration::from_nanos(lane.longest),
            total: Duration::from_nanos(lane.total),
            depth: lane.again.depth() + lane.fresh.depth(),
        }
    }
}
