//! Which shard an item goes to.
//!
//! A key is hashed by XXH3-64 over its bytes, and the hash is spread over the shards by `(hash * shards) >> 64`. Both are
//! frozen: the same key goes to the same shard in every process, on every machine and in every version. Without a key,
//! items go round.
//!
//! # Source
//! XXH3: Y. Collet. The multiplication: D. Lemire, "Fast random integer generation in an interval" (2019).

use std::{borrow::Cow, fmt, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

/// Shards that a queue or a topic may have.
pub const SHARDS_MAX: usize = 1024;

/// What picks the shard: same key, same shard, same order.
///
/// Text and byte strings are hashed as their bytes; an integer as its bytes, the lowest first, at its own width: `7_u32` and
/// `7_u64` are different keys. A `usize` is hashed as a `u64` and an `isize` as an `i64`, so that their shard is the same on
/// every machine. Implement it for a type of your own by handing its identity to one of these.
///
/// # Examples
/// ```
/// use ringway::router::{Key, shard_of};
///
/// assert_eq!("SPY".hash64(), b"SPY".hash64());
/// assert_eq!(shard_of(&"SPY", 16), shard_of("SPY", 16));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key",
    note = "implement `Key` for it by handing its identity to one that is: `self.id.hash64()`, of text, bytes or an integer"
)]
pub trait Key {
    /// The hash that picks the shard. It must not change from run to run.
    fn hash64(&self) -> u64;
}

impl Key for [u8] {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(self)
    }
}

impl<const N: usize> Key for [u8; N] {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(self)
    }
}

impl Key for str {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(self.as_bytes())
    }
}

impl Key for String {
    #[inline]
    fn hash64(&self) -> u64 {
        self.as_str().hash64()
    }
}

impl Key for Vec<u8> {
    #[inline]
    fn hash64(&self) -> u64 {
        self.as_slice().hash64()
    }
}

impl<K: Key + ?Sized> Key for &K {
    #[inline]
    fn hash64(&self) -> u64 {
        (**self).hash64()
    }
}

impl<K: Key + ?Sized> Key for Box<K> {
    #[inline]
    fn hash64(&self) -> u64 {
        (**self).hash64()
    }
}

impl<K: Key + ?Sized> Key for Arc<K> {
    #[inline]
    fn hash64(&self) -> u64 {
        (**self).hash64()
    }
}

impl<K: Key + ToOwned + ?Sized> Key for Cow<'_, K> {
    #[inline]
    fn hash64(&self) -> u64 {
        (**self).hash64()
    }
}

impl Key for u8 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for u16 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for u32 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for u64 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for u128 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for i8 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for i16 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for i32 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for i64 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for i128 {
    #[inline]
    fn hash64(&self) -> u64 {
        xxh3_64(&self.to_le_bytes())
    }
}

impl Key for usize {
    #[inline]
    fn hash64(&self) -> u64 {
        (*self as u64).hash64()
    }
}

impl Key for isize {
    #[inline]
    fn hash64(&self) -> u64 {
        (*self as i64).hash64()
    }
}

/// The shard of `key` among `shards`.
///
/// # Panics
/// If `shards` is 0.
#[inline]
pub fn shard_of<K: Key + ?Sized>(key: &K, shards: usize) -> usize {
    assert!(shards > 0, "no shard to choose from");
    if shards == 1 {
        return 0;
    }
    spread(key.hash64(), shards)
}

/// The shard of a hash: the hash, taken as a fraction of 2^64, times the number of shards.
#[inline]
fn spread(hash: u64, shards: usize) -> usize {
    ((u128::from(hash) * shards as u128) >> 64) as usize
}

/// How evenly items went to the shards of a queue or a topic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// The shard that got the most; the first of several.
    pub hottest: usize,
    /// What it got, as a share of all: 0 to 1.
    pub share: f64,
    /// What it got, as a multiple of what it would have got if all had got the same.
    pub skew: f64,
}

impl Balance {
    /// Of the items that each shard accepted; `None` if there were none.
    pub fn of(accepted: &[u64]) -> Option<Self> {
        let all: u64 = accepted.iter().sum();
        let most = *accepted.iter().max().filter(|_| all > 0)?;
        let share = most as f64 / all as f64;
        let hottest = accepted.iter().position(|&items| items == most)?;
        Some(Self { hottest, share, skew: share * accepted.len() as f64 })
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} got {:.1} %, {:.2} times an even share", self.hottest, self.share * 100.0, self.skew)
    }
}
