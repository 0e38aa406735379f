//! An item that is dangerous to drop.

/// Panics when it is dropped, if it is armed; a clone is not.
pub(crate) struct Bomb {
    pub(crate) armed: bool,
}

impl Clone for Bomb {
    fn clone(&self) -> Self {
        Self { armed: false }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.armed, "a drop that was told to panic");
    }
}
