//! Receiving from whichever of several sources is ready, whatever their types.

use std::convert::Infallible;

use super::{Receiver, RecvError, Select, Source, Ticker, TryRecvError};
use crate::ring::Kind;
use crate::wait::{Deadline, Park};

/// What [`Select::recv`] received, and from which of its sources.
///
/// Of sources that there are not, nothing can come: a `match` needs no arm for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen<A, B, C = Infallible, D = Infallible> {
    /// From the first source.
    First(A),
    /// From the second.
    Second(B),
    /// From the third.
    Third(C),
    /// From the fourth.
    Fourth(D),
}

/// Something that [`Select::recv`] can receive from: of a [`Receiver`] comes an item or the end, of a [`Ticker`] how many ticks
/// have passed. An `Option` that is `None` is left out.
///
/// The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "a `Select` can't receive from `{Self}`",
    note = "it receives from references to receivers whose ends `Park`, from a `Ticker`, and from an `Option` of one of them"
)]
pub trait Receives: Source + takes::Takes {}

impl<T, K: Kind<T>> Receives for Receiver<T, K, Park> {}
impl Receives for Ticker {}
impl<S: Receives> Receives for &mut S {}
impl<S: Receives> Receives for Option<S> {}

/// Sources for [`Select::recv`]: a tuple of two, three or four that each [`Receives`]. What comes from one is a [`Chosen`].
///
/// The trait is sealed.
pub trait Sources: takes::List {}

impl<A: Receives, B: Receives> Sources for (A, B) {}
impl<A: Receives, B: Receives, C: Receives> Sources for (A, B, C) {}
impl<A: Receives, B: Receives, C: Receives, D: Receives> Sources for (A, B, C, D) {}

impl Select {
    /// Waits until a source is ready, and receives from it; `None`, if none is up to the deadline, or all are left out.
    ///
    /// A receiver whose channel has ended is ready, with an error, each time: leave it out from then on, as a `None`.
    ///
    /// # Cost
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use ringway::{channel::{self, Chosen::*, Select, Ticker}, wait::Deadline};
    ///
    /// let (mut orders, from_orders) = channel::spsc::<u64>(8)?;
    /// let (mut prices, mut from_prices) = channel::mpsc::<f64>(8)?;
    /// orders.send(1)?;
    /// prices.send(2.5)?;
    /// drop(orders);
    ///
    /// let (mut count, mut sum, mut ticks) = (0, 0.0, 0);
    /// let (mut select, mut tick) = (Select::fair(), Ticker::every(Duration::from_millis(1)));
    /// let mut from_orders = Some(from_orders);
    /// while ticks < 3 {
    ///     match select.recv((from_orders.as_mut(), &mut from_prices, &mut tick), Deadline::NEVER) {
    ///         Some(First(Ok(order))) => count += order,
    ///         Some(First(Err(_))) => from_orders = None, // has ended
    ///         Some(Second(price)) => sum += price?,
    ///         Some(Third(passed)) => ticks += passed,
    ///         None => unreachable!("there is no deadline"),
    ///     }
    /// }
    /// assert_eq!((count, sum), (1, 2.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv<S: Sources>(&mut self, mut sources: S, until: Deadline) -> Option<S::Chosen> {
        loop {
            let ready = sources.list(|list| self.wait(list, until))?;
            let received = sources.take(ready);
            if received.is_some() {
                return received;
            }
        }
    }
}

pub(crate) mod takes {
    use super::Source;

    /// What a source gives when it is ready.
    pub trait Takes {
        type Taken;
        fn take(&mut self) -> Option<Self::Taken>;
    }

    /// Sources as a list.
    pub trait List {
        /// What came, and from which.
        type Chosen;
        fn list<R>(&mut self, with: impl FnOnce(&mut [&mut dyn Source]) -> R) -> R;
        /// Receives from the `nth` source.
        fn take(&mut self, nth: usize) -> Option<Self::Chosen>;
    }
}

impl<T, K: Kind<T>> takes::Takes for Receiver<T, K, Park> {
    type Taken = Result<T, RecvError>;

    #[inline]
    fn take(&mut self) -> Option<Self::Taken> {
        match self.try_recv() {
            Ok(item) => Some(Ok(item)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
            Err(TryRecvError::PeerDied) => Some(Err(RecvError::PeerDied)),
        }
    }
}

impl takes::Takes for Ticker {
    type Taken = u64;

    fn take(&mut self) -> Option<u64> {
        Some(self.ticks()).filter(|&ticks| ticks > 0)
    }
}

impl<S: Receives> takes::Takes for &mut S {
    type Taken = S::Taken;

    fn take(&mut self) -> Option<S::Taken> {
        (**self).take()
    }
}

impl<S: Receives> takes::Takes for Option<S> {
    type Taken = S::Taken;

    fn take(&mut self) -> Option<S::Taken> {
        self.as_mut()?.take()
    }
}

impl<A: Receives, B: Receives> takes::List for (A, B) {
    type Chosen = Chosen<A::Taken, B::Taken>;

    fn list<R>(&mut self, with: impl FnOnce(&mut [&mut dyn Source]) -> R) -> R {
        with(&mut [&mut self.0, &mut self.1])
    }

    fn take(&mut self, nth: usize) -> Option<Self::Chosen> {
        match nth {
            0 => self.0.take().map(Chosen::First),
            _ => self.1.take().map(Chosen::Second),
        }
    }
}

impl<A: Receives, B: Receives, C: Receives> takes::List for (A, B, C) {
    type Chosen = Chosen<A::Taken, B::Taken, C::Taken>;

    fn list<R>(&mut self, with: impl FnOnce(&mut [&mut dyn Source]) -> R) -> R {
        with(&mut [&mut self.0, &mut self.1, &mut self.2])
    }

    fn take(&mut self, nth: usize) -> Option<Self::Chosen> {
        match nth {
            0 => self.0.take().map(Chosen::First),
            1 => self.1.take().map(Chosen::Second),
            _ => self.2.take().map(Chosen::Third),
        }
    }
}

impl<A: Receives, B: Receives, C: Receives, D: Receives> takes::List for (A, B, C, D) {
    type Chosen = Chosen<A::Taken, B::Taken, C::Taken, D::Taken>;

    fn list<R>(&mut self, with: impl FnOnce(&mut [&mut dyn Source]) -> R) -> R {
        with(&mut [&mut self.0, &mut self.1, &mut self.2, &mut self.3])
    }

    fn take(&mut self, nth: usize) -> Option<Self::Chosen> {
        match nth {
            0 => self.0.take().map(Chosen::First),
            1 => self.1.take().map(Chosen::Second),
            2 => self.2.take().map(Chosen::Third),
            _ => self.3.take().map(Chosen::Fourth),
        }
    }
}
