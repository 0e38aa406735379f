//! Iterators that tell too much, too little or nothing of their length.

/// What an iterator says of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    Exact,
    Unknown,
    /// More than there is, as from a wrong implementation.
    TooMany,
    /// Less than there is, which is allowed.
    TooFew,
}

impl Hint {
    pub(crate) const ALL: [Self; 4] = [Self::Exact, Self::Unknown, Self::TooMany, Self::TooFew];
}

/// `count` items made by `make`, with a length told as `hint` says.
pub(crate) struct Hinted<F> {
    pub(crate) left: usize,
    pub(crate) hint: Hint,
    pub(crate) make: F,
}

impl<T, F: FnMut() -> T> Iterator for Hinted<F> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        Some((self.make)())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.hint {
            Hint::Exact => (self.left, Some(self.left)),
            Hint::Unknown => (0, None),
            Hint::TooMany => (self.left + 3, None),
            Hint::TooFew => (self.left / 2, None),
        }
    }
}
