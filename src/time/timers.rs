//! A hierarchical timing wheel over the indices of somebody's places: at most one timer a place, 16 bytes each.
//!
//! Time is counted in ticks. A timer lies on the level of the highest digit (base 256) in which its tick differs from the
//! tick that the wheel has reached, in the slot of that digit. Slots of a lower level therefore come before those of a
//! higher one, and within a level they come in order, so the next slot is found by counting zeros in two bitmaps. When the
//! wheel reaches a slot of level 0 its timers are due; those of a higher slot are dealt out to the levels below. A timer
//! is dealt out once a level at the most. All timers of one tick are always in one slot, so they fire first in, first out.
//!
//! Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6; the level by exclusive or is that
//! of the wheels of tokio and Kafka's purgatory. Eight levels hold every tick of 64 bits: there is no overflow list.

use super::{
    CapacityError, Instant,
    capacity::{boxed, checked},
};

const DIGIT_BITS: u32 = 8;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
const WORDS: usize = LEVELS * SLOTS / 64;

/// A place's timer, or the head of a slot's list; the lists are circular. An idle timer is linked to itself.
#[derive(Debug, Clone, Copy)]
struct Node {
    tick: u64,
    next: u32,
    prev: u32,
}

const _: () = assert!(size_of::<Node>() == 16);

#[derive(Debug)]
pub(crate) struct Timers {
    /// The places' nodes, then the heads of all slots, level by level.
    nodes: Box<[Node]>,
    places: usize,
    /// Which slots hold timers, and which of these words have a bit.
    occupied: [u64; WORDS],
    words: u32,
    /// The tick that the wheel has reached: what was due before has fired.
    reached: u64,
    tick_bits: u32,
}

impl Timers {
    /// A wheel for `places` timers, at whose ticks of at most `resolution` nanoseconds timers fire.
    pub(crate) fn new(places: usize, resolution: u64, now: Instant) -> Result<Self, CapacityError> {
        let places = checked(places)?;
        let nodes = boxed(places + LEVELS * SLOTS, |index| Node { tick: 0, next: index as u32, prev: index as u32 })?;
        let tick_bits = resolution.max(1).ilog2();
        let reached = now.as_nanos() >> tick_bits;
        Ok(Self { nodes, places, occupied: [0; WORDS], words: 0, reached, tick_bits })
    }

    /// Nanoseconds between two ticks.
    pub(crate) fn resolution(&self) -> u64 {
        1 << self.tick_bits
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.nodes)
    }

    #[inline]
    pub(crate) fn is_armed(&self, index: u32) -> bool {
        self.nodes[index as usize].next != index
    }

    /// Sets the timer of a place, which may be running already. It fires not before `at`, and less than a tick later.
    #[inline]
    pub(crate) fn arm(&mut self, index: u32, at: Instant) {
        if self.is_armed(index) {
            self.disarm(index);
        }
        let before = at.as_nanos().saturating_add(self.resolution() - 1);
        self.nodes[index as usize].tick = (before >> self.tick_bits).max(self.reached);
        self.link(index);
    }

    /// Stops the timer of a place; does nothing if it does not run.
    #[inline]
    pub(crate) fn disarm(&mut self, index: u32) {
        let node = self.nodes[index as usize];
        if node.next == index {
            return;
        }
        self.nodes[node.next as usize].prev = node.prev;
        self.nodes[node.prev as usize].next = node.next;
        if node.next == node.prev {
            // Both neighbours are the head: the list is empty now.
            self.vacate(node.next as usize - self.places);
        }
        let node = &mut self.nodes[index as usize];
        (node.next, node.prev) = (index, index);
    }

    /// The place of a timer that is due, which stops. Among those due, the one with the earliest tick comes first.
    ///
    /// Time does not go back: an earlier `now` than one given before finds nothing new. Each place whose timer fires within
    /// the next 256 ticks is first told to `soon`, which may fetch it into the cache.
    #[inline]
    pub(crate) fn fire(&mut self, now: Instant, mut soon: impl FnMut(u32)) -> Option<u32> {
        let now = now.as_nanos() >> self.tick_bits;
        while let Some((slot, start)) = self.first() {
            if start > now {
                break;
            }
            self.reached = self.reached.max(start);
            if slot < SLOTS {
                let index = self.nodes[self.places + slot].next;
                self.disarm(index);
                return Some(index);
            }
            self.deal_out(slot, &mut soon);
        }
        self.reached = self.reached.max(now);
        None
    }

    /// A time before which nothing fires; exact within the next 256 ticks.
    #[inline]
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let (_, start) = self.first()?;
        Some(Instant::from_nanos(start << self.tick_bits))
    }

    /// The first slot that holds timers, and its first tick.
    #[inline]
    fn first(&self) -> Option<(usize, u64)> {
        if self.words == 0 {
            return None;
        }
        let word = self.words.trailing_zeros() as usize;
        let slot = word * 64 + self.occupied[word].trailing_zeros() as usize;
        let (level, digit) = ((slot / SLOTS) as u32, (slot % SLOTS) as u64);
        // Digits above the level are those that the wheel has reached.
        let above = u64::MAX.checked_shl(DIGIT_BITS * (level + 1)).unwrap_or(0);
        Some((slot, (self.reached & above) | digit << (DIGIT_BITS * level)))
    }

    /// The slot for a tick, which from now on holds a timer.
    #[inline]
    fn occupy(&mut self, tick: u64) -> usize {
        // A tick that is reached differs in no digit, and belongs to level 0.
        let level = ((tick ^ self.reached) | 1).ilog2() / DIGIT_BITS;
        let slot = level as usize * SLOTS + (tick >> (DIGIT_BITS * level)) as usize % SLOTS;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
        slot
    }

    /// Puts a timer at the end of the list of the slot for its tick.
    #[inline]
    fn link(&mut self, index: u32) {
        let head = self.places + self.occupy(self.nodes[index as usize].tick);
        let last = self.nodes[head].prev;
        self.nodes[index as usize].next = head as u32;
        self.nodes[index as usize].prev = last;
        self.nodes[last as usize].next = index;
        self.nodes[head].prev = index;
    }

    /// Moves the timers of a slot that the wheel has just reached to the levels below, in order.
    ///
    /// Each step of a walk along a list waits for memory. This one walks from both ends at once, so that two waits overlap:
    /// what comes from the front is put in at the cut of its new slot, before the cut, and what comes from the back
    /// behind it. The levels below are empty, or another slot would have been reached first.
    fn deal_out(&mut self, slot: usize, soon: &mut impl FnMut(u32)) {
        let head = self.places + slot;
        let (mut front, mut back) = (self.nodes[head].next, self.nodes[head].prev);
        (self.nodes[head].next, self.nodes[head].prev) = (head as u32, head as u32);
        self.vacate(slot);
        let is_soon = slot < 2 * SLOTS;
        loop {
            let (after, before) = (self.nodes[front as usize].next, self.nodes[back as usize].prev);
            self.put_in_at_cut(front, true);
            if is_soon {
                soon(front);
            }
            if front == back {
                break;
            }
            self.put_in_at_cut(back, false);
            if is_soon {
                soon(back);
            }
            if after == back {
                break;
            }
            (front, back) = (after, before);
        }
    }

    /// Puts a timer into the list of the slot for its tick, at the cut, and moves the cut behind it if `from_front`. The cut
    /// is noted in the head, whose tick has no other use.
    #[inline]
    fn put_in_at_cut(&mut self, index: u32, from_front: bool) {
        let slot = self.occupy(self.nodes[index as usize].tick);
        let head = self.places + slot;
        let is_first = self.nodes[head].next == head as u32;
        let cut = if is_first { head } else { self.nodes[head].tick as usize };
        let behind = self.nodes[cut].next;
        self.nodes[index as usize].prev = cut as u32;
        self.nodes[index as usize].next = behind;
        self.nodes[cut].next = index;
        self.nodes[behind as usize].prev = index;
        self.nodes[head].tick = if from_front { u64::from(index) } else { cut as u64 };
    }

    #[inline]
    fn vacate(&mut self, slot: usize) {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        if self.occupied[slot / 64] == 0 {
            self.words &= !(1 << (slot / 64));
        }
    }
}
