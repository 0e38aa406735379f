//! How many items a ring holds: the request, and the answer when it can't be met.
#![allow(unsafe_code)]

use std::{alloc::Layout, fmt};

/// A request for slots, checked when a ring is built.
///
/// A ring never refuses an item while fewer than its capacity are inside; on [`mpmc`](mod@super::mpmc) a tombstone counts
/// until a consumer comes by, and an item until the one that takes it has moved it out. The rings that give slots back in
/// batches (all but [`mpmc`](mod@super::mpmc)) have room for half as many again from 4 slots on, because the producer learns
/// of freed slots by the half.
///
/// # Examples
/// ```
/// use ringway::ring::{Capacity, CapacityError, Producer, spsc};
///
/// let (tx, _rx) = spsc::<u64>(Capacity::at_least(1000))?;
/// assert_eq!(tx.capacity(), 1024);
///
/// let refused = spsc::<u64>(Capacity::exactly(1000)).err();
/// assert_eq!(refused, Some(CapacityError::NotPowerOfTwo { asked: 1000 }));
/// # Ok::<(), CapacityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    asked: usize,
    round_up: bool,
}

impl Capacity {
    /// The most slots that a ring can have: 2³², or 2²⁸ where a pointer has 32 bits.
    pub const MAX_SLOTS: usize = 1 << if usize::BITS >= 64 { 32 } else { 28 };

    /// `slots`, rounded up to a power of two.
    pub const fn at_least(slots: usize) -> Self {
        Self { asked: slots, round_up: true }
    }

    /// `slots`, which must be a power of two.
    pub const fn exactly(slots: usize) -> Self {
        Self { asked: slots, round_up: false }
    }

    /// The number of slots that a ring built from this request has.
    ///
    /// # Errors
    /// [`CapacityError`], if the request can't be met for any payload.
    pub const fn slots(self) -> Result<usize, CapacityError> {
        let asked = self.asked;
        if asked == 0 {
            return Err(CapacityError::Zero);
        }
        if asked > Self::MAX_SLOTS {
            return Err(CapacityError::TooManySlots { asked });
        }
        if asked.is_power_of_two() {
            Ok(asked)
        } else if self.round_up {
            Ok(asked.next_power_of_two())
        } else {
            Err(CapacityError::NotPowerOfTwo { asked })
        }
    }
}

/// Why no ring was built. Each message says what to pass instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CapacityError {
    /// A ring without slots can carry nothing.
    Zero,
    /// [`Capacity::exactly`] was given another number.
    NotPowerOfTwo {
        /// The number given.
        asked: usize,
    },
    /// More than [`Capacity::MAX_SLOTS`].
    TooManySlots {
        /// The number given.
        asked: usize,
    },
    /// The slots of this payload need more bytes than one allocation may have.
    TooManyBytes {
        /// Slots asked for, after rounding.
        slots: usize,
        /// Bytes that a slot takes.
        slot_bytes: usize,
    },
    /// The allocator refused.
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Zero => write!(f, "a ring of 0 slots can hold nothing: pass 1 or more"),
            Self::NotPowerOfTwo { asked } => {
                let above = asked.next_power_of_two();
                let below = above / 2;
                write!(f, "{asked} is no power of two: pass {below} or {above}, or Capacity::at_least({asked})")
            }
            Self::TooManySlots { asked } => {
                write!(f, "{asked} slots are too many: pass {} or fewer", Capacity::MAX_SLOTS)
            }
            Self::TooManyBytes { slots, slot_bytes } => write!(
                f,
                "{slots} slots of {slot_bytes} bytes exceed one allocation: pass {} or fewer, or box the payload",
                isize::MAX as usize / slot_bytes.max(1) / 2
            ),
            Self::OutOfMemory { bytes } => {
                write!(f, "no memory for a ring of {bytes} bytes: pass a smaller capacity")
            }
        }
    }
}

impl std::error::Error for CapacityError {}

/// Room for `count` values of `T`, each made where it lies.
///
/// # Safety
/// * `init` makes a value at the place it is given.
pub(super) unsafe fn boxed<T>(count: usize, init: impl Fn(usize, *mut T)) -> Result<Box<[T]>, CapacityError> {
    let too_many = CapacityError::TooManyBytes { slots: count, slot_bytes: size_of::<T>() };
    let bytes = Layout::array::<T>(count).map_err(|_| too_many)?.size();
    let mut values = Vec::<T>::new();
    values.try_reserve_exact(count).map_err(|_| CapacityError::OutOfMemory { bytes })?;
    for (index, place) in values.spare_capacity_mut()[..count].iter_mut().enumerate() {
        init(index, place.as_mut_ptr());
    }
    // SAFETY: so many were reserved, and made by the loop above.
    unsafe { values.set_len(count) };
    Ok(values.into_boxed_slice())
}
