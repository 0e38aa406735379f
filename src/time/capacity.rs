//! Rooms that are made once: how many places, and the answer when that can't be met.

use std::{error::Error, fmt};

/// Why nothing was built: a capacity is checked, and its memory taken, when a thing is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CapacityError {
    /// What has no places can hold nothing.
    Zero,
    /// More places than an index can name.
    TooMany {
        /// The number given.
        asked: usize,
        /// The greatest that is possible.
        max: usize,
    },
    /// The allocator refused, or the bytes exceed one allocation.
    OutOfMemory {
        /// Places asked for.
        places: usize,
        /// Bytes that a place takes.
        place_bytes: usize,
    },
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Zero => write!(f, "a capacity of 0 can hold nothing: pass 1 or more"),
            Self::TooMany { asked, max } => write!(f, "a capacity of {asked} is too large: pass {max} or less"),
            Self::OutOfMemory { places, place_bytes } => {
                write!(f, "no memory for {places} places of {place_bytes} bytes: pass a smaller capacity")
            }
        }
    }
}

impl Error for CapacityError {}

/// The most places: an index has 32 bits, and the topmost indices are taken for other uses, as for the heads of lists.
pub(crate) const PLACES_MAX: usize = u32::MAX as usize - 16 * 1024;

/// Room for `count` values, each made from its index.
pub(crate) fn boxed<T>(count: usize, make: impl FnMut(usize) -> T) -> Result<Box<[T]>, CapacityError> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(|_| CapacityError::OutOfMemory { places: count, place_bytes: size_of::<T>() })?;
    values.extend((0..count).map(make));
    Ok(values.into_boxed_slice())
}

/// Refuses capacities that no index can name.
pub(crate) fn checked(capacity: usize) -> Result<usize, CapacityError> {
    match capacity {
        0 => Err(CapacityError::Zero),
        1..=PLACES_MAX => Ok(capacity),
        asked => Err(CapacityError::TooMany { asked, max: PLACES_MAX }),
    }
}
