//! An item of a queue in its handler's hands.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// An item of a [`Queue`](super::Queue), lent to its handler, which may also keep it.
///
/// As long as it is not taken, the item survives a panic of the handler: it can be shown, and tried again.
///
/// # Examples
/// ```
/// use ringway::router::Held;
///
/// let mut done = Vec::new();
/// let mut handler = |job: Held<'_, String>| {
///     if job.starts_with("keep") {
///         done.push(job.take());
///     }
/// };
/// # handler(Held::new(&mut Some("keep me".to_owned())));
/// # handler(Held::new(&mut Some("drop me".to_owned())));
/// # assert_eq!(done, ["keep me"]);
/// ```
pub struct Held<'a, T>(&'a mut Option<T>);

impl<'a, T> Held<'a, T> {
    /// Lends the item in `place` out: for calling a handler by hand, as a test does.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn new(place: &'a mut Option<T>) -> Self {
        assert!(place.is_some(), "an item to lend");
        Self(place)
    }

    /// The item itself. After this, a panic of the handler loses it.
    #[inline]
    pub fn take(self) -> T {
        self.0.take().expect("lent with an item")
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.0.as_ref().expect("lent with an item")
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("lent with an item")
    }
}

impl<T: fmt::Debug> fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&**self).finish()
    }
}
