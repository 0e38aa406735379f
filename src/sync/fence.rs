//! Store-load fences: the full one, and the pair in which one side is free.
//!
//! A store followed by a load of another word may be swapped by the machine. Where two threads each store and then load
//! the other's word, both need a fence. When one of them does so on every item and the other once in a ring's life, the
//! *asymmetric* pair moves the whole price to the rare side: the *light* fence only holds the compiler back, and
//! [`heavy_fence`] has the kernel interrupt every running thread of the process, which fences them all from afar.
//!
//! Linux has that as `membarrier(PRIVATE_EXPEDITED)` (about 0.4 µs, 10 µs with a sibling running in a virtual machine).
//! Elsewhere, or where the kernel refuses it, both are full fences: whoever needs the light one asks
//! [`light_fence_is_free`] once, and then takes [`fence_point`] or [`full_fence`].
#![allow(unsafe_code)]

use super::{Ordering, fence};

/// Orders every access before it against every access after it, stores before loads included.
#[inline]
pub(crate) fn full_fence() {
    // ORDER: SeqCst is the only fence that orders a store before a later load; its partner is the other side's
    // `full_fence`, or a `heavy_fence`.
    #[cfg(not(ringway_tsan))]
    fence(Ordering::SeqCst);
    #[cfg(ringway_tsan)]
    tsan::fence();
}

#[cfg(all(target_os = "linux", not(ringway_loom), not(ringway_tsan)))]
mod asymmetric {
    use std::sync::Once;

    use super::super::{AtomicBool, Ordering, compiler_fence};
    use super::full_fence;

    static PREPARE: Once = Once::new();
    /// Whether the kernel fences the other side for us. Written once, before the first ring has an end.
    static ASYMMETRIC: AtomicBool = AtomicBool::new(false);

    fn membarrier(command: libc::c_int) -> libc::c_long {
        // SAFETY: membarrier takes two integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    pub(crate) fn prepare_fences() {
        PREPARE.call_once(|| {
            let registered = membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0
                && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
            // ORDER: Relaxed; `Once` and the hand-over of a ring's ends to their threads publish it.
            ASYMMETRIC.store(registered, Ordering::Relaxed);
        });
    }

    pub(crate) fn light_fence_is_free() -> bool {
        // ORDER: Relaxed; set before any end existed, so no thread with an end can see the old value.
        ASYMMETRIC.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn fence_point() {
        // ORDER: a compiler barrier; the machine's half comes from the partner's `heavy_fence`.
        compiler_fence(Ordering::SeqCst);
    }

    #[cold]
    pub(crate) fn heavy_fence() {
        full_fence();
        if light_fence_is_free()
            && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0
            && membarrier(libc::MEMBARRIER_CMD_GLOBAL) != 0
        {
            // Going on would let an item be lost without a trace.
            panic!(
                "membarrier worked when the first ring was built and is refused now: \
                 allow it, or install the system call filter before building rings"
            );
        }
    }
}
#[cfg(all(target_os = "linux", not(ringway_loom), not(ringway_tsan)))]
pub(crate) use asymmetric::{fence_point, heavy_fence, light_fence_is_free, prepare_fences};

#[cfg(all(any(not(target_os = "linux"), ringway_tsan), not(ringway_loom)))]
mod symmetric {
    pub(crate) fn prepare_fences() {}

    pub(crate) fn light_fence_is_free() -> bool {
        false
    }

    pub(crate) fn fence_point() {}

    pub(crate) use super::full_fence as heavy_fence;
}
#[cfg(all(any(not(target_os = "linux"), ringway_tsan), not(ringway_loom)))]
pub(crate) use symmetric::{fence_point, heavy_fence, light_fence_is_free, prepare_fences};

/// Either pair, as `fences_are_symmetric` says.
#[cfg(ringway_loom)]
mod modelled {
    use super::super::{fence_everywhere, fences_are_symmetric};
    use super::full_fence;

    /// A compiler fence: to the machine a mere place in the program.
    pub(crate) use super::super::fence_point;

    pub(crate) fn prepare_fences() {}

    pub(crate) fn light_fence_is_free() -> bool {
        !fences_are_symmetric()
    }

    /// With membarrier, every thread is fenced where it stands.
    pub(crate) fn heavy_fence() {
        if fences_are_symmetric() { full_fence() } else { fence_everywhere() }
    }
}
#[cfg(ringway_loom)]
pub(crate) use modelled::{fence_point, heavy_fence, light_fence_is_free, prepare_fences};

/// ThreadSanitizer does not know fences: a read-modify-write on one word orders the same accesses, and it does know that.
#[cfg(ringway_tsan)]
mod tsan {
    use super::super::{AtomicU64, Ordering};

    static WORD: AtomicU64 = AtomicU64::new(0);

    pub(super) fn fence() {
        // ORDER: AcqRel on one word gives every fence a place in one order; partner: itself in other threads.
        WORD.fetch_add(1, Ordering::AcqRel);
    }
}
