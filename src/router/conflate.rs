//! The newest item of each key, keys in the order in which they changed first: two kinds of ring make it.
//!
//! ```text
//! publisher ── displace ──▶ a ring of one slot for the key's newest item
//!     └─ if that was empty: push the key's number ──▶ ring of changed keys ──▶ reader: pop a number, then that key's item
//! ```
//! A key is in the ring of changed keys once for each time its slot turned from empty to full, and the reader empties the
//! slot once for each time it finds the key there. So there are never more numbers than keys, and that ring is never full.

use std::{collections::HashMap, sync::Arc};

use crate::ring::{Capacity, CapacityError, Closes, Consumer, Displace, DisplaceError, PopError, Producer, mpmc};
use crate::sync::{Backoff, Mutex, MutexGuard};

/// The keys of one shard of one subscription.
struct Table<T> {
    keys_max: usize,
    /// Guards the numbers of the keys and the ends that all others are made from; control plane: taken when a publisher or the
    /// reader meets a key for the first time.
    keys: Mutex<Keys<T>>,
}

struct Keys<T> {
    number: HashMap<u64, u32>,
    ends: Vec<(mpmc::Producer<T>, mpmc::Consumer<T>)>,
}

impl<T: Send> Table<T> {
    fn keys(&self) -> MutexGuard<'_, Keys<T>> {
        self.keys.lock()
    }

    /// The number of `key` and an end to its slot; `None` if there is no room for another key.
    fn producer(&self, key: u64) -> Option<(u32, mpmc::Producer<T>)> {
        let mut keys = self.keys();
        let number = match keys.number.get(&key) {
            Some(&number) => number,
            None if keys.ends.len() == self.keys_max => return None,
            None => {
                let number = keys.ends.len() as u32;
                keys.ends.push(mpmc(Capacity::exactly(1)).ok()?);
                keys.number.insert(key, number);
                number
            }
        };
        Some((number, keys.ends[number as usize].0.clone()))
    }

    fn consumer(&self, number: u32) -> mpmc::Consumer<T> {
        self.keys().ends[number as usize].1.clone()
    }
}

/// Builds the two ends of one shard.
pub(super) fn conflate<T: Send>(key: fn(&T) -> u64, keys_max: usize) -> Result<(Feeder<T>, Reader<T>), CapacityError> {
    let (changed, numbers) = mpmc(Capacity::at_least(keys_max))?;
    let keys = Mutex::new(Keys { number: HashMap::new(), ends: Vec::new() });
    let table = Arc::new(Table { keys_max, keys });
    let feeder = Feeder { key, known: HashMap::new(), changed, table: Arc::clone(&table) };
    Ok((feeder, Reader { slots: Vec::new(), numbers, table }))
}

/// What became of an item. What is to be dropped is the caller's to drop, after it has counted: that may panic.
pub(super) enum Fed<T> {
    /// It is there.
    New,
    /// It took the place of this older one.
    Merged(T),
    /// No room for another key, or nobody reads any more.
    Lost(Option<T>),
}

/// A publisher's end; a clone starts without knowing keys.
pub(super) struct Feeder<T> {
    key: fn(&T) -> u64,
    known: HashMap<u64, (u32, mpmc::Producer<T>)>,
    changed: mpmc::Producer<u32>,
    table: Arc<Table<T>>,
}

/// An item with its key, which the caller's code has told.
pub(super) struct Keyed<T> {
    key: u64,
    item: T,
}

impl<T: Send> Feeder<T> {
    pub(super) fn keyed(&self, item: T) -> Keyed<T> {
        Keyed { key: (self.key)(&item), item }
    }

    pub(super) fn feed(&mut self, Keyed { key, mut item }: Keyed<T>) -> Fed<T> {
        if self.changed.is_closed() {
            return Fed::Lost(Some(item));
        }
        let (number, producer) = match self.known.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => match self.table.producer(key) {
                Some(end) => unknown.insert(end),
                None => return Fed::Lost(Some(item)),
            },
        };
        let backoff = Backoff::new();
        loop {
            item = match producer.displace(item) {
                Ok(Some(older)) => return Fed::Merged(older),
                Ok(None) => break,
                // The reader, or another publisher, is taking the older one out just now; none of the caller's code runs
                // meanwhile.
                Err(DisplaceError::Busy(item)) => item,
                Err(DisplaceError::Closed { item, .. }) => return Fed::Lost(Some(item)),
            };
            backoff.snooze();
        }
        // Never full, see above. If it was closed meanwhile, the item will not be seen, nor those that take its place:
        // of them all one is lost, and the others count as merged.
        match self.changed.try_push(*number) {
            Ok(()) => Fed::New,
            Err(_) => Fed::Lost(None),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.changed.depth()
    }

    pub(super) fn bytes(&self) -> usize {
        let keys = self.table.keys();
        self.changed.bytes() + keys.ends.iter().map(|(producer, _)| producer.bytes()).sum::<usize>()
    }
}

impl<T: Send> Clone for Feeder<T> {
    fn clone(&self) -> Self {
        Self { key: self.key, known: HashMap::new(), changed: self.changed.clone(), table: Arc::clone(&self.table) }
    }
}

/// The reader's end.
pub(crate) struct Reader<T> {
    /// By number: the end of the key's slot, and the sequence that it comes to next.
    slots: Vec<Option<(mpmc::Consumer<T>, u64)>>,
    numbers: mpmc::Consumer<u32>,
    table: Arc<Table<T>>,
}

impl<T: Send> Reader<T> {
    /// The next key's newest item, and how many older ones it replaced.
    pub(super) fn next(&mut self) -> Result<(T, u64), PopError> {
        let number = self.numbers.try_pop()?;
        let at = number as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, || None);
        }
        let (consumer, next) = self.slots[at].get_or_insert_with(|| (self.table.consumer(number), 0));
        let backoff = Backoff::new();
        loop {
            if let Ok((sequence, item)) = consumer.try_pop_sequenced() {
                let merged = sequence - *next;
                *next = sequence + 1;
                return Ok((item, merged));
            }
            // A publisher is replacing it just now.
            backoff.snooze();
        }
    }

    pub(super) fn close(&mut self) {
        self.numbers.close();
    }

    pub(super) fn depth(&self) -> usize {
        self.numbers.depth()
    }
}
