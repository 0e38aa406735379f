//! The conservation law of items.

/// What became of every item that was accepted, and what was refused.
///
/// Each accepted item ends in exactly one of acked, dead, expired, dropped, handed back, or is still in hand:
/// [`balances`](Self::balances) after any call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Items taken in, redriven ones among them.
    pub accepted: u64,
    /// Ended well.
    pub acked: u64,
    /// Given up, and put among the dead letters.
    pub dead: u64,
    /// Not delivered in time, and dropped for that.
    pub expired: u64,
    /// Dropped by [`AtBound::Drop`](super::AtBound::Drop).
    pub dropped_at_bound: u64,
    /// Dropped by [`WhenFull::DropNewest`](super::WhenFull::DropNewest) of the dead letters.
    pub dropped_dead_letters_full: u64,
    /// Cancelled by the caller.
    pub cancelled: u64,
    /// Taken out by the owner, unfinished, because it ends: [`Tracker::hand_back`](super::Tracker::hand_back).
    pub handed_back: u64,
    /// Accepted and not ended.
    pub in_hand: u64,

    /// Deliveries to a handler.
    pub deliveries: u64,
    /// Those among them with an attempt above 1.
    pub redeliveries: u64,
    /// Leases that ran out.
    pub leases_expired: u64,
    /// Answers to leases that did not stand any more.
    pub stale: u64,
    /// Not accepted: no room.
    pub refused_full: u64,
    /// Not accepted: a duplicate.
    pub refused_duplicate: u64,
    /// Accepted again from among the dead letters.
    pub redriven: u64,
}

impl Ledger {
    /// Every figure, always in this order.
    fn figures(&mut self) -> [&mut u64; Self::WORDS] {
        let Self { accepted, acked, dead, expired, dropped_at_bound, dropped_dead_letters_full, cancelled, .. } = self;
        let Self { handed_back, in_hand, deliveries, redeliveries, leases_expired, stale, .. } = self;
        let Self { refused_full, refused_duplicate, redriven, .. } = self;
        [
            accepted,
            acked,
            dead,
            expired,
            dropped_at_bound,
            dropped_dead_letters_full,
            cancelled,
            handed_back,
            in_hand,
            deliveries,
            redeliveries,
            leases_expired,
            stale,
            refused_full,
            refused_duplicate,
            redriven,
        ]
    }

    /// As plain numbers, to be told one by one.
    pub(crate) fn words(mut self) -> [u64; Self::WORDS] {
        self.figures().map(|figure| *figure)
    }

    /// From [`words`](Self::words).
    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let mut ledger = Self::default();
        ledger.figures().into_iter().zip(words).for_each(|(figure, word)| *figure = word);
        ledger
    }

    pub(crate) const WORDS: usize = 16;

    /// Both trackers as one.
    pub fn and(self, other: Self) -> Self {
        let others = other.words();
        let mut words = self.words();
        words.iter_mut().zip(others).for_each(|(word, other)| *word += other);
        Self::from_words(words)
    }

    /// Items that came from outside, and were taken in or known as duplicates. Each of them is acked, dead and not redriven,
    /// expired, dropped, a duplicate, handed back, or in hand.
    pub fn taken(&self) -> u64 {
        // Figures told at different moments may meet.
        self.accepted.saturating_sub(self.redriven) + self.refused_duplicate
    }

    /// Dropped, by whichever policy.
    pub fn dropped(&self) -> u64 {
        self.dropped_at_bound + self.dropped_dead_letters_full + self.cancelled
    }

    /// Accepted items whose end is known, and those in hand.
    pub(crate) fn accounted(&self) -> u64 {
        self.acked + self.dead + self.expired + self.dropped() + self.handed_back + self.in_hand
    }

    /// Whether every accepted item is accounted for.
    pub fn balances(&self) -> bool {
        self.accepted == self.accounted()
    }
}
