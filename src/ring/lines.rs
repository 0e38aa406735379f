//! Slots packed into cache lines, each line with a header that publishes its items.
//!
//! ```text
//! line:  | header 8 B | item 0 | item 1 | … | item PER_LINE-1 | pad |     64 B, aligned to 64 B
//! header: lap << 6 | count                lap from 1; count: items published in this lap
//! ```
//! The item and the word that publishes it travel in one line, so a consumer that reads behind a producer causes one
//! transfer a line and never touches a line that the producer has yet to come to. Items of more than 56 bytes get a header
//! each, at a stride of header + item without padding: padding to whole lines was measured three times slower.
//!
//! # Source
//! FastForward (Giacomoni, Moseley, Vachharajani, PPoPP 2008) for the forward half: the slot itself says that it is full.
#![allow(unsafe_code)]

use std::{
    alloc::{Layout, alloc, dealloc},
    marker::PhantomData,
    ptr::NonNull,
};

use super::CapacityError;
use crate::sync::{AtomicU64, Cell, LINE_BYTES};

/// The lines of one ring.
pub(super) struct Lines<T> {
    base: NonNull<u8>,
    /// Behind the last line.
    end: *const AtomicU64,
    count: usize,
    items: PhantomData<Cell<T>>,
}

/// Bits of a header that hold the count.
pub(super) const COUNT_BITS: u32 = 6;

impl<T> Lines<T> {
    /// Items of one line.
    pub(super) const PER_LINE: u64 = {
        let fit = LINE_BYTES.saturating_sub(Self::FIRST_ITEM)
            / if size_of::<Cell<T>>() == 0 { 1 } else { size_of::<Cell<T>>() };
        if fit == 0 { 1 } else { fit as u64 }
    };
    /// Whether an item is so large that a reader at the producer's heels disturbs it with each.
    pub(super) const FEW_PER_LINE: bool = Self::PER_LINE <= 3;
    /// Offset of the first item from the header.
    const FIRST_ITEM: usize = {
        let align = align_of::<Cell<T>>();
        if size_of::<AtomicU64>() > align { size_of::<AtomicU64>().next_multiple_of(align) } else { align }
    };
    /// Bytes from line to line.
    const STRIDE: usize = {
        let used = Self::FIRST_ITEM + Self::PER_LINE as usize * size_of::<Cell<T>>();
        if used <= LINE_BYTES { LINE_BYTES } else { used.next_multiple_of(Self::ALIGN_ITEM) }
    };
    const ALIGN_ITEM: usize = {
        let (word, item) = (align_of::<AtomicU64>(), align_of::<Cell<T>>());
        if word > item { word } else { item }
    };
    const ALIGN: usize = if Self::ALIGN_ITEM > 64 { Self::ALIGN_ITEM } else { 64 };

    const COUNT_FITS: () = assert!(Self::PER_LINE < 1 << COUNT_BITS);

    /// Lines for at least `slots` items.
    pub(super) fn for_slots(slots: u64) -> Result<Self, CapacityError> {
        let () = Self::COUNT_FITS;
        let count = slots.div_ceil(Self::PER_LINE) as usize;
        let too_many = CapacityError::TooManyBytes { slots: slots as usize, slot_bytes: Self::STRIDE };
        let layout = Self::layout(count).ok_or(too_many)?;
        // SAFETY: the layout is not empty: there is a line at the least, and each has a header.
        let base = unsafe { alloc(layout) };
        let base = NonNull::new(base).ok_or(CapacityError::OutOfMemory { bytes: layout.size() })?;
        let end = base.as_ptr().wrapping_add(layout.size()).cast();
        let lines = Self { base, end, count, items: PhantomData };
        for line in 0..count {
            let header = lines.header(line).cast_mut();
            // SAFETY: inside the allocation, aligned, and not shared yet.
            unsafe { header.write(AtomicU64::new(0)) };
            for nth in 0..Self::PER_LINE {
                let cell = Self::cell(header, nth).cast_mut();
                // SAFETY: as above.
                unsafe { Cell::init(cell) };
            }
        }
        Ok(lines)
    }

    fn layout(count: usize) -> Option<Layout> {
        let bytes = count.checked_mul(Self::STRIDE)?;
        Layout::from_size_align(bytes, Self::ALIGN).ok()
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Items that the lines have room for.
    pub(super) fn slots(&self) -> u64 {
        self.count as u64 * Self::PER_LINE
    }

    pub(super) fn bytes(&self) -> usize {
        self.count * Self::STRIDE
    }

    /// The header of a line. Valid, and initialised, as long as the lines are.
    #[inline(always)]
    pub(super) fn header(&self, line: usize) -> *const AtomicU64 {
        debug_assert!(line < self.count);
        self.base.as_ptr().wrapping_add(line * Self::STRIDE).cast()
    }

    /// The cell of the `nth` item behind `header`.
    #[inline(always)]
    pub(super) fn cell(header: *const AtomicU64, nth: u64) -> *const Cell<T> {
        debug_assert!(nth < Self::PER_LINE);
        header.wrapping_byte_add(Self::FIRST_ITEM).cast::<Cell<T>>().wrapping_add(nth as usize)
    }
}

impl<T> Drop for Lines<T> {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.count) {
            // SAFETY: allocated by `for_slots` with this layout. Items are the ring's to drop; headers and cells need none.
            unsafe { dealloc(self.base.as_ptr(), layout) };
        }
    }
}

// SAFETY: storage; the ring that owns it decides which end touches which cell.
unsafe impl<T: Send> Send for Lines<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Lines<T> {}

/// Where a sequence lies, and how to walk on: one end's own knowledge, never shared.
pub(super) struct Place<T> {
    header: *const AtomicU64,
    /// What the header says once every item before this place is published: `lap << COUNT_BITS | nth`. Moving on by an
    /// item writes this word and no other.
    stamp: u64,
    /// The sequence of this place less its stamp: the same all along the line.
    shift: u64,
    items: PhantomData<fn() -> T>,
}

impl<T> Place<T> {
    /// The place of `sequence`.
    pub(super) fn of(lines: &Lines<T>, sequence: u64) -> Self {
        let (line, nth) = (sequence / Lines::<T>::PER_LINE, sequence % Lines::<T>::PER_LINE);
        let lap = line / lines.count as u64 + 1;
        let line = (line % lines.count as u64) as usize;
        let stamp = lap << COUNT_BITS | nth;
        Self { header: lines.header(line), stamp, shift: sequence.wrapping_sub(stamp), items: PhantomData }
    }

    #[inline(always)]
    pub(super) fn sequence(&self) -> u64 {
        self.shift.wrapping_add(self.stamp)
    }

    /// Position in the line; `PER_LINE` behind its last item.
    #[inline(always)]
    pub(super) fn nth(&self) -> u64 {
        self.stamp & ((1 << COUNT_BITS) - 1)
    }

    #[inline(always)]
    pub(super) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Items of the line from this place on.
    #[inline(always)]
    pub(super) fn left_in_line(&self) -> u64 {
        Lines::<T>::PER_LINE - self.nth()
    }

    #[inline(always)]
    pub(super) fn header(&self) -> *const AtomicU64 {
        self.header
    }

    /// Looks at `header` instead of the line's own from now on.
    pub(super) fn look_elsewhere(&mut self, header: *const AtomicU64) {
        self.header = header;
    }

    /// The cell `ahead` items on, in the same line.
    #[inline(always)]
    pub(super) fn cell(&self, ahead: u64) -> *const Cell<T> {
        // Known without a look, where there is but one.
        let nth = if Lines::<T>::PER_LINE == 1 { 0 } else { self.nth() + ahead };
        Lines::cell(self.header, nth)
    }

    /// Moves on by `items` of the same line.
    #[inline(always)]
    pub(super) fn advance(&mut self, items: u64) {
        debug_assert!(items <= self.left_in_line());
        self.stamp += items;
    }

    /// Moves on to `stamp`, in the same line.
    #[inline(always)]
    pub(super) fn step_to(&mut self, stamp: u64) {
        debug_assert!(stamp >= self.stamp && stamp - self.stamp <= self.left_in_line());
        self.stamp = stamp;
    }

    /// From behind the last item of a line to the first of the next.
    #[inline(always)]
    pub(super) fn next_line(&mut self, lines: &Lines<T>) {
        debug_assert_eq!(self.left_in_line(), 0);
        self.header = self.header.wrapping_byte_add(Lines::<T>::STRIDE);
        self.stamp -= Lines::<T>::PER_LINE;
        self.shift = self.shift.wrapping_add(Lines::<T>::PER_LINE);
        if self.header == lines.end {
            self.header = lines.header(0);
            self.stamp += 1 << COUNT_BITS;
            self.shift = self.shift.wrapping_sub(1 << COUNT_BITS);
        }
    }

    /// The header of the line `ahead` lines on; of this one, if the lines end before.
    #[inline(always)]
    pub(super) fn header_ahead(&self, lines: &Lines<T>, ahead: usize) -> *const AtomicU64 {
        let header = self.header.wrapping_byte_add(ahead * Lines::<T>::STRIDE);
        if header < lines.end { header } else { self.header }
    }
}
