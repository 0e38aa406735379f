//! The vacant places that are filled next, where many were left at random: each waits for memory, and tells which one is next.
//! So a vacant place also notes, at its idle timer, the one that is filled so much later, which is fetched meanwhile.

use std::mem;

use super::{slab::Slab, timers::Timers};

/// So many vacant places are known ahead.
const AHEAD: usize = 8;

/// Places, each at the depth that there was with it, modulo their number. They are hints: what is not told does no harm.
#[derive(Debug, Default)]
pub(crate) struct Ahead([u32; AHEAD]);

impl Ahead {
    /// The place at `index` was filled just now, and its timer is idle.
    #[inline]
    pub(crate) fn filled<V>(&mut self, index: u32, slab: &Slab<V>, timers: &Timers) {
        let later = timers.noted(index);
        self.0[slab.depth() % AHEAD] = later;
        slab.fetch(later);
        timers.fetch(later);
    }

    /// The place at `index` is left next, and its timer is idle.
    #[inline]
    pub(crate) fn leaves<V>(&mut self, index: u32, slab: &Slab<V>, timers: &mut Timers) {
        let later = mem::replace(&mut self.0[slab.depth() % AHEAD], index);
        timers.note(index, later);
    }
}
