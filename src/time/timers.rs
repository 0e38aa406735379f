//! A hierarchical timing wheel over the indices of somebody's places: at most one timer a place, 16 bytes each.
//!
//! Time is counted in ticks. A timer lies on the level of the highest digit (base 256) in which its tick differs from the
//! tick that the wheel has reached, in the slot of that digit. Slots of a lower level therefore come before those of a
//! higher one, and within a level they come in order, so the next slot is found by counting zeros in two bitmaps. When the
//! wheel reaches a slot of level 0 its timers are due; those of a higher slot are dealt out to the levels below. A timer
//! is dealt out once a level at the most. All timers of one tick are always in one list, so they fire first in, first out.
//!
//! Each step along a list waits for memory, if there are many timers. Then a slot has several lists, and a timer goes to that
//! of its tick's lowest bits: when the slot is dealt out, all its lists are walked in turn, and fetch their next timers
//! meanwhile.
//!
//! Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6; the level by exclusive or is that
//! of the wheels of tokio and Kafka's purgatory. Eight levels hold every tick of 64 bits: there is no overflow list.

use crate::sync::prefetch_for_write;

use super::{
    CapacityError, Instant,
    capacity::{PLACES_MAX, boxed, checked},
};

const DIGIT_BITS: u32 = 8;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;
const WORDS: usize = LEVELS * SLOTS / 64;

/// Lists of a slot, as a power of two, where the timers may not all lie in a near cache.
const STRIPE_BITS: u32 = 3;
const NEAR_PLACES: usize = 64 * 1024;

// Heads have indices, too.
const _: () = assert!(PLACES_MAX + ((LEVELS * SLOTS) << STRIPE_BITS) <= u32::MAX as usize);

/// A place's timer, or the head of a list; the lists are circular. An idle timer is linked to itself.
#[derive(Debug, Clone, Copy)]
struct Node {
    tick: u64,
    next: u32,
    prev: u32,
}

const _: () = assert!(size_of::<Node>() == 16);

#[derive(Debug)]
pub(crate) struct Timers {
    /// The places' nodes, then the heads of all slots' lists, level by level.
    nodes: Box<[Node]>,
    places: usize,
    /// Lists of each slot, as a power of two.
    stripe_bits: u32,
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
        let stripe_bits = if places > NEAR_PLACES { STRIPE_BITS } else { 0 };
        let nodes = boxed(places + ((LEVELS * SLOTS) << stripe_bits), |index| Node {
            tick: 0,
            next: index as u32,
            prev: index as u32,
        })?;
        let tick_bits = resolution.max(1).ilog2();
        let reached = now.as_nanos() >> tick_bits;
        Ok(Self { nodes, places, stripe_bits, occupied: [0; WORDS], words: 0, reached, tick_bits })
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
    #[inline(never)]
    pub(crate) fn arm(&mut self, index: u32, at: Instant) {
        self.disarm(index);
        let before = at.as_nanos().saturating_add(self.resolution() - 1);
        self.nodes[index as usize].tick = (before >> self.tick_bits).max(self.reached);
        self.link(index);
    }

    /// What was noted at the place of an idle timer; after a timer, or at the start, the place itself.
    #[inline]
    pub(crate) fn noted(&self, index: u32) -> u32 {
        self.nodes[index as usize].prev
    }

    /// Notes another place at that of an idle timer.
    #[inline]
    pub(crate) fn note(&mut self, index: u32, other: u32) {
        debug_assert!(!self.is_armed(index), "a running timer is linked");
        self.nodes[index as usize].prev = other;
    }

    /// Stops the timer of a place; does nothing if it does not run.
    #[inline]
    pub(crate) fn disarm(&mut self, index: u32) {
        if self.is_armed(index) {
            self.unlink(index);
        }
    }

    #[inline]
    fn unlink(&mut self, index: u32) {
        let node = self.nodes[index as usize];
        self.nodes[node.next as usize].prev = node.prev;
        self.nodes[node.prev as usize].next = node.next;
        if node.next == node.prev {
            // Both neighbours are the head.
            self.emptied(node.next);
        }
        let node = &mut self.nodes[index as usize];
        (node.next, node.prev) = (index, index);
    }

    /// The list of this head holds no timer any more.
    #[inline(never)]
    fn emptied(&mut self, head: u32) {
        let slot = (head as usize - self.places) >> self.stripe_bits;
        if self.is_vacant(slot) {
            self.vacate(slot);
        }
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
                // Of one tick, hence in one list.
                let index = self.nodes[self.head(slot, slot as u64)].next;
                self.unlink(index);
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

    /// The head of a slot's list for a tick.
    #[inline]
    fn head(&self, slot: usize, tick: u64) -> usize {
        self.places + (slot << self.stripe_bits) + (tick as usize & ((1 << self.stripe_bits) - 1))
    }

    /// Puts a timer at the end of the list for its tick.
    #[inline]
    fn link(&mut self, index: u32) {
        let tick = self.nodes[index as usize].tick;
        let slot = self.occupy(tick);
        let head = self.head(slot, tick);
        let last = self.nodes[head].prev;
        self.nodes[index as usize].next = head as u32;
        self.nodes[index as usize].prev = last;
        self.nodes[last as usize].next = index;
        self.nodes[head].prev = index;
    }

    /// Moves the timers of a slot that the wheel has just reached to the levels below, those of each list in order. The
    /// levels below are empty, or another slot would have been reached first.
    fn deal_out(&mut self, slot: usize, soon: &mut impl FnMut(u32)) {
        let first = self.head(slot, 0);
        let mut at = [0; 1 << STRIPE_BITS];
        let at = &mut at[..1 << self.stripe_bits];
        for (head, at) in (first..).zip(&mut *at) {
            let node = &mut self.nodes[head];
            *at = node.next;
            (node.next, node.prev) = (head as u32, head as u32);
            self.fetch(*at);
        }
        self.vacate(slot);
        let is_soon = slot < 2 * SLOTS;
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for at in &mut *at {
                let index = *at;
                // At the end of a list is its head.
                if index as usize >= self.places {
                    continue;
                }
                is_done = false;
                *at = self.nodes[index as usize].next;
                self.fetch(*at);
                if is_soon {
                    soon(index);
                }
                self.link(index);
            }
        }
    }

    /// Hints that the timer of a place is needed soon.
    #[inline]
    pub(crate) fn fetch(&self, index: u32) {
        prefetch_for_write(&self.nodes[index as usize]);
    }

    /// Whether no list of a slot holds a timer, if one of them does not.
    #[inline]
    fn is_vacant(&self, slot: usize) -> bool {
        // A slot of level 0 is one tick, hence one list.
        let first = self.head(slot, 0);
        slot < SLOTS || (first..first + (1 << self.stripe_bits)).all(|head| !self.is_armed(head as u32))
    }

    #[inline]
    fn vacate(&mut self, slot: usize) {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        if self.occupied[slot / 64] == 0 {
            self.words &= !(1 << (slot / 64));
        }
    }
}
