//! Many producers and a stream a shard, which the item's key picks: who makes a sharded queue of plain channels writes this.
//!
//! Every contender picks the shard by ringway's hash of the key, so that none is measured by its user's choice of another.

use std::array;

use ringway::router::shard_of;

use super::{
    check::{Check, Growing, Tally},
    drive::Put,
    gate::Retry,
};
use crate::harness::queue::Payload;

/// Shards.
pub(crate) const SHARDS: usize = 4;
/// Keys, which each producer uses by turns: a power of two, so that who produces a word plays no part in its key.
const KEYS: usize = 64;

/// The key of a word.
#[inline(always)]
pub(crate) fn key_of(word: u64) -> u64 {
    word % KEYS as u64
}

/// Words of `items` from place `first` on, of each of `producers`, that go to a shard.
pub(crate) fn quota(shard: usize, producers: u64, first: u64, items: u64) -> u64 {
    let shards = shards_of_keys();
    let is_here = |word: &u64| shards[key_of(*word) as usize] == shard;
    let (turns, rest) = (items / KEYS as u64, items % KEYS as u64);
    let of_turn = (0..KEYS as u64).filter(is_here).count() as u64;
    producers * (turns * of_turn + (first..first + rest).filter(is_here).count() as u64)
}

fn shards_of_keys() -> [usize; KEYS] {
    array::from_fn(|key| shard_of(&(key as u64), SHARDS))
}

/// A producer's end of each shard.
pub(crate) struct Sharded<P>(pub(crate) Vec<P>);

impl<P: Put<u64>> Put<u64> for Sharded<P> {
    #[inline(always)]
    fn put(&mut self, word: u64, retry: &Retry<'_>) -> bool {
        let shard = shard_of(&key_of(word), self.0.len());
        self.0[shard].put(word, retry)
    }
}

/// For the consumer of one shard: its words are of that shard, and those of each producer grow, and so those of each key.
#[derive(Debug, Clone)]
pub(crate) struct OfOneShard {
    growing: Growing,
    shards: [usize; KEYS],
    /// That of its first word.
    shard: Option<usize>,
    stray: bool,
}

impl Check for OfOneShard {
    fn new(first: u64) -> Self {
        Self { growing: Growing::new(first), shards: shards_of_keys(), shard: None, stray: false }
    }

    #[inline(always)]
    fn see<T: Payload>(&mut self, item: &T) {
        let shard = self.shards[key_of(item.word()) as usize];
        self.stray |= *self.shard.get_or_insert(shard) != shard;
        self.growing.see(item);
    }

    fn tally(self, count: u64) -> Tally {
        let mut tally = self.growing.tally(count);
        tally.disorder |= u64::from(self.stray);
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::{super::check::words, Check, OfOneShard, SHARDS, key_of, quota, shards_of_keys};

    #[test]
    fn quotas_add_up_to_all_and_every_shard_has_some() {
        let quotas: Vec<u64> = (0..SHARDS).map(|shard| quota(shard, 4, 7, 1000)).collect();
        assert!(quotas.iter().all(|&quota| quota > 0), "{quotas:?}");
        assert_eq!(quotas.iter().sum::<u64>(), 4 * 1000);
        let shards = shards_of_keys();
        let counted = (7..1007).filter(|&word| shards[key_of(word) as usize] == 2).count() as u64;
        assert_eq!(quotas[2], 4 * counted);
    }

    #[test]
    fn a_word_of_another_shard_is_seen_and_so_is_one_out_of_order() {
        let shards = shards_of_keys();
        let of_shard = |shard: usize| words(2, 1, 200).filter(move |&word| shards[key_of(word) as usize] == shard);
        let disorder = |stream: &[u64]| {
            let mut check = OfOneShard::new(1);
            stream.iter().for_each(|word| check.see(word));
            check.tally(stream.len() as u64).disorder
        };
        let whole: Vec<u64> = of_shard(0).collect();
        assert_eq!(disorder(&whole), 0);
        let mut swapped = whole.clone();
        swapped.swap(3, 4);
        assert_ne!(disorder(&swapped), 0);
        let last = *whole.last().expect("some");
        let stray = of_shard(1).find(|&word| word > last).expect("a later one");
        assert_ne!(disorder(&[whole, vec![stray]].concat()), 0);
    }
}
