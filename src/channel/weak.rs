//! Senders that do not keep a channel open.

use std::fmt;

use super::{Sender, link::Link};
use crate::ring::Kind;
use crate::sync::Arc;
use crate::wait::{Park, Wait};

/// A sender that does not keep the channel open, and becomes one that does while there are others.
///
/// It keeps the channel's memory, and on `mpsc` a lane more.
pub struct WeakSender<T, K: Kind<T>, W: Wait = Park> {
    link: Arc<Link<K::Producer, W::Signal>>,
}

impl<T, K: Kind<T>, W: Wait> Sender<T, K, W>
where
    K::Producer: Clone,
{
    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// use ringway::channel;
    ///
    /// let (tx, mut rx) = channel::mpsc(8)?;
    /// let weak = tx.downgrade();
    /// weak.upgrade().expect("tx is in").send(1)?;
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn downgrade(&self) -> WeakSender<T, K, W> {
        let mut seed = self.link.seed.lock();
        if seed.is_none() {
            *seed = Some(K::Producer::clone(&self.producer));
        }
        drop(seed);
        WeakSender { link: Arc::clone(&self.link) }
    }
}

impl<T, K: Kind<T>, W: Wait> WeakSender<T, K, W>
where
    K::Producer: Clone,
{
    /// A sender, if there is still another one.
    pub fn upgrade(&self) -> Option<Sender<T, K, W>> {
        let seed = self.link.seed.lock();
        // Under the lock: the last sender takes the seed away after it has counted itself out. Counted only when there is a
        // producer, which may need memory.
        let producer = seed.as_ref()?.clone();
        self.link.senders.rejoin().then(|| Sender::new(producer, Arc::clone(&self.link)))
    }
}

impl<T, K: Kind<T>, W: Wait> Clone for WeakSender<T, K, W> {
    fn clone(&self) -> Self {
        Self { link: Arc::clone(&self.link) }
    }
}

impl<T, K: Kind<T>, W: Wait> fmt::Debug for WeakSender<T, K, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").field("senders", &self.link.senders.ends()).finish_non_exhaustive()
    }
}
