//! Items that a run can tell apart.

use super::counted::{Counted, Ledger};

/// What goes through the ring.
pub(crate) trait Payload: Clone + Send + Sync + 'static {
    fn make(value: u64, ledger: &'static Ledger) -> Self;
    fn value(&self) -> u64;
}

impl Payload for u64 {
    fn make(value: u64, _: &'static Ledger) -> Self {
        value
    }
    fn value(&self) -> u64 {
        *self
    }
}

/// More than a line of a packed ring.
impl Payload for [u64; 9] {
    fn make(value: u64, _: &'static Ledger) -> Self {
        [value; 9]
    }
    fn value(&self) -> u64 {
        assert_eq!(*self, [self[0]; 9], "a torn item");
        self[0]
    }
}

impl Payload for Counted {
    fn make(value: u64, ledger: &'static Ledger) -> Self {
        ledger.make(value)
    }
    fn value(&self) -> u64 {
        self.value
    }
}
