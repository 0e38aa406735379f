//! A map of bounded depth that allocates once: open addressing, linear probing.

use crate::time::{CapacityError, boxed};

use super::envelope::Id;

/// What can be looked up.
pub(super) trait Word: Copy + Eq {
    fn hash(self) -> u64;
}

/// A folded multiplication: the middle bits of the product depend on all bits.
#[inline]
fn fold(word: u64) -> u64 {
    let product = u128::from(word ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    (product >> 64) as u64 ^ product as u64
}

impl Word for u64 {
    #[inline]
    fn hash(self) -> u64 {
        fold(self)
    }
}

impl Word for Id {
    #[inline]
    fn hash(self) -> u64 {
        let [high, low] = self.words();
        fold(fold(high) ^ low)
    }
}

/// At most half of the places are taken, so probes are short. What is removed leaves no tombstone: what follows moves up.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    places: Box<[Option<(K, V)>]>,
    depth: usize,
    capacity: usize,
}

impl<K: Word, V> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Result<Self, CapacityError> {
        let count = capacity.checked_mul(2).and_then(usize::checked_next_power_of_two).unwrap_or(usize::MAX);
        let places = boxed(count, |_| None)?;
        Ok(Self { places, depth: 0, capacity })
    }

    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn is_full(&self) -> bool {
        self.depth == self.capacity
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// What lies at a place.
    pub(super) fn at(&self, place: usize) -> Option<&(K, V)> {
        self.places[place].as_ref()
    }

    #[inline]
    fn home(&self, key: K) -> usize {
        key.hash() as usize & (self.places.len() - 1)
    }

    /// The place of `key`, or the vacant one where it belongs.
    #[inline]
    fn find(&self, key: K) -> Result<usize, usize> {
        let mut place = self.home(key);
        loop {
            match &self.places[place] {
                None => return Err(place),
                Some((other, _)) if *other == key => return Ok(place),
                Some(_) => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }

    #[inline]
    pub(super) fn get(&self, key: K) -> Option<&V> {
        let place = self.find(key).ok()?;
        self.places[place].as_ref().map(|(_, value)| value)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let place = self.find(key).ok()?;
        self.places[place].as_mut().map(|(_, value)| value)
    }

    /// Puts in a key that is not there yet; the table is not full.
    #[inline]
    pub(super) fn insert(&mut self, key: K, value: V) {
        assert!(!self.is_full(), "its owner keeps to the capacity");
        if let Err(place) = self.find(key) {
            self.places[place] = Some((key, value));
            self.depth += 1;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let mut hole = self.find(key).ok()?;
        let (_, value) = self.places[hole].take()?;
        self.depth -= 1;
        let mask = self.places.len() - 1;
        let mut place = (hole + 1) & mask;
        while let Some((other, _)) = &self.places[place] {
            // It may move into the hole if that lies between its home and its place.
            let (from_home, from_hole) =
                (place.wrapping_sub(self.home(*other)) & mask, place.wrapping_sub(hole) & mask);
            if from_home >= from_hole {
                self.places[hole] = self.places[place].take();
                hole = place;
            }
            place = (place + 1) & mask;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{super::random::Random, Table};

    #[test]
    fn it_answers_like_a_hash_map() {
        let mut random = Random::new(3);
        for capacity in [1, 2, 3, 7, 8, 40] {
            let mut table = Table::new(capacity).expect("a table");
            let mut model = HashMap::new();
            for step in 0..20_000_u64 {
                let key = random.between(0, 2 * capacity as u64);
                if random.between(0, 1) == 0 {
                    assert_eq!(table.remove(key), model.remove(&key));
                } else if let Some(value) = model.get_mut(&key) {
                    *table.get_mut(key).expect("it is there") = step;
                    *value = step;
                } else if !table.is_full() {
                    table.insert(key, step);
                    model.insert(key, step);
                }
                assert_eq!((table.depth(), table.is_full()), (model.len(), model.len() == capacity));
                assert!((0..=2 * capacity as u64).all(|key| table.get(key) == model.get(&key)));
            }
        }
    }
}
