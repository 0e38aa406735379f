//! Places for values, made once, each with the links of one list: what timers, trackers and dead letters keep their items in.
//!
//! A vacant place is in the list of vacant ones; an occupied one may be in one [`List`] of its owner. The place freed last
//! is filled first, because it is still in the cache. A [`Handle`] names a value, not a place: serial numbers are never
//! used again, so a handle of a value that is gone finds nothing.

use crate::sync::prefetch_for_write;

use super::{
    CapacityError,
    capacity::{boxed, checked},
};

/// No place.
pub(crate) const NONE: u32 = u32::MAX;

/// Names one value for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle {
    pub(crate) index: u32,
    pub(crate) serial: u64,
}

#[derive(Debug)]
struct Place<V> {
    value: Option<V>,
    serial: u64,
    next: u32,
    prev: u32,
}

#[derive(Debug)]
pub(crate) struct Slab<V> {
    places: Box<[Place<V>]>,
    vacant: u32,
    depth: usize,
    serial: u64,
}

impl<V> Slab<V> {
    pub(crate) fn new(capacity: usize) -> Result<Self, CapacityError> {
        let capacity = checked(capacity)?;
        let next = |index: usize| if index + 1 == capacity { NONE } else { index as u32 + 1 };
        let places = boxed(capacity, |index| Place { value: None, serial: 0, next: next(index), prev: NONE })?;
        Ok(Self { places, vacant: 0, depth: 0, serial: 0 })
    }

    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    /// Puts a value into a vacant place; gives it back if there is none.
    #[inline]
    pub(crate) fn insert(&mut self, value: V) -> Result<Handle, V> {
        if self.vacant == NONE { Err(value) } else { Ok(self.put(value)) }
    }

    /// Puts a value into a vacant place, of which there is one.
    #[inline]
    pub(crate) fn put(&mut self, value: V) -> Handle {
        let index = self.vacant;
        let place = &mut self.places[index as usize];
        self.vacant = place.next;
        self.depth += 1;
        self.serial += 1;
        place.value = Some(value);
        place.serial = self.serial;
        place.next = NONE;
        Handle { index, serial: self.serial }
    }

    /// Takes the value at `index` out; its place must be in no list.
    #[inline]
    pub(crate) fn remove(&mut self, index: u32) -> Option<V> {
        let place = self.places.get_mut(index as usize)?;
        let value = place.value.take()?;
        place.next = self.vacant;
        place.prev = NONE;
        self.vacant = index;
        self.depth -= 1;
        Some(value)
    }

    /// Hints that `index` is needed soon.
    #[inline]
    pub(crate) fn fetch(&self, index: u32) {
        prefetch_for_write(&self.places[index as usize]);
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&V> {
        self.places.get(index as usize)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut V> {
        self.places.get_mut(index as usize)?.value.as_mut()
    }

    /// The value that `handle` names, if it is still here.
    #[inline]
    pub(crate) fn find(&self, handle: Handle) -> Option<&V> {
        let place = self.places.get(handle.index as usize)?;
        if place.serial == handle.serial { place.value.as_ref() } else { None }
    }

    #[inline]
    pub(crate) fn holds(&self, handle: Handle) -> bool {
        self.find(handle).is_some()
    }

    /// The handle of what is at `index`.
    #[inline]
    pub(crate) fn handle(&self, index: u32) -> Handle {
        Handle { index, serial: self.places[index as usize].serial }
    }
}

/// An order of some of a slab's values. A value is in one list at the most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    head: u32,
    tail: u32,
    depth: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NONE, tail: NONE, depth: 0 }
    }
}

impl List {
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        self.depth as usize
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    pub(crate) fn back(&self) -> Option<u32> {
        (self.tail != NONE).then_some(self.tail)
    }

    #[inline]
    pub(crate) fn push_back<V>(&mut self, slab: &mut Slab<V>, index: u32) {
        let place = &mut slab.places[index as usize];
        place.prev = self.tail;
        place.next = NONE;
        match slab.places.get_mut(self.tail as usize) {
            Some(tail) => tail.next = index,
            None => self.head = index,
        }
        self.tail = index;
        self.depth += 1;
    }

    #[inline]
    pub(crate) fn pop_front<V>(&mut self, slab: &mut Slab<V>) -> Option<u32> {
        let index = self.front()?;
        self.head = slab.places[index as usize].next;
        match slab.places.get_mut(self.head as usize) {
            Some(place) => place.prev = NONE,
            None => self.tail = NONE,
        }
        self.depth -= 1;
        Some(index)
    }

    /// Takes `index`, which is in this list, out of it.
    #[inline]
    pub(crate) fn unlink<V>(&mut self, slab: &mut Slab<V>, index: u32) {
        let (next, prev) = (slab.places[index as usize].next, slab.places[index as usize].prev);
        match slab.places.get_mut(prev as usize) {
            Some(place) => place.next = next,
            None => self.head = next,
        }
        match slab.places.get_mut(next as usize) {
            Some(place) => place.prev = prev,
            None => self.tail = prev,
        }
        self.depth -= 1;
    }

    /// The indices from front to back.
    pub(crate) fn iter<'s, V>(&self, slab: &'s Slab<V>) -> impl Iterator<Item = u32> + use<'s, V> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let index = at;
            at = slab.places.get(index as usize)?.next;
            Some(index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_one_value_only() {
        let mut slab = Slab::new(1).expect("a slab");
        let first = slab.insert('a').expect("room");
        assert_eq!(slab.insert('b'), Err('b'));
        assert!(slab.holds(first));
        assert_eq!(slab.remove(first.index), Some('a'));
        assert!(!slab.holds(first));
        let second = slab.insert('c').expect("room");
        assert_eq!(first.index, second.index);
        assert!(!slab.holds(first) && slab.holds(second));
        assert_eq!((slab.depth(), slab.remove(0), slab.remove(0)), (1, Some('c'), None));
    }

    #[test]
    fn a_list_keeps_its_order_when_its_middle_leaves() {
        let mut slab = Slab::new(4).expect("a slab");
        let mut list = List::default();
        for value in 0..4 {
            let handle = slab.insert(value).expect("room");
            list.push_back(&mut slab, handle.index);
        }
        list.unlink(&mut slab, 1);
        assert_eq!(list.iter(&slab).collect::<Vec<_>>(), [0, 2, 3]);
        list.unlink(&mut slab, 3);
        list.unlink(&mut slab, 0);
        assert_eq!((list.depth(), list.front()), (1, Some(2)));
        assert_eq!((list.pop_front(&mut slab), list.pop_front(&mut slab)), (Some(2), None));
    }
}
