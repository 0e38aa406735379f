//! Ends with a lifetime over the rings: they wait, they say by name what "full" means, and a close loses nothing.
//!
//! | constructor | senders | receivers | an item goes to | order |
//! |---|---|---|---|---|
//! | [`spsc`] | 1 | 1 | the receiver | total |
//! | [`dense()`] | 1 | 1 | the receiver; slices, in place | total |
//! | [`mpsc`] | many, a lane each | 1 | the receiver | per sender |
//! | [`mpmc`] | many | many | one receiver | total |
//! | [`broadcast`] | 1 | many, join and leave | every receiver | total |
//! | [`broadcast_multi`] | many | many, join and leave | every receiver | total |
//!
//! [`channel`](channel()) builds any of them, of any [`Kind`] of ring and any [strategy](crate::wait) of waiting.
//!
//! # What every channel keeps
//! * **A send that nobody waits for costs what the ring's push costs**, and one relaxed load; see [`wait`](crate::wait).
//! * **Close is exact.** After a close, by either side, an item is refused and comes back, or it will be received. Receivers
//!   drain what was accepted, then see the end. Dropping the last end of a side closes. (The last receiver of a broadcast
//!   does not: others may [subscribe](Sender::subscribe).)
//! * **Nobody waits for the dead.** An end that is dropped, by a panic too, wakes whoever waits for it; `PeerDied` says that it
//!   was a panic.
//! * **What "full" means is said where it is sent**: [`send`](Sender::send) waits, [`try_send`](Sender::try_send) refuses, and
//!   [`send_with`](Sender::send_with) takes a [policy](Backpressure). What a policy drops is [counted](Sender::losses), comes
//!   back to the sender, and is told to the [receiver](Receiver::recv_or_gap).
//!
//! Coming from the standard library or crossbeam-channel: [`docs::moving`](crate::docs::moving).
//!
//! # Examples
//! ```
//! use ringway::channel;
//!
//! let (tx, mut rx) = channel::mpsc(64)?;
//! let senders: Vec<_> = (0..3)
//!     .map(|id| {
//!         let mut tx = tx.clone();
//!         std::thread::spawn(move || (0..100).try_for_each(|n| tx.send(100 * id + n)))
//!     })
//!     .collect();
//! drop(tx);
//! assert_eq!(rx.iter().sum::<u32>(), (0..300).sum()); // up to the end: all senders are gone
//! # senders.into_iter().for_each(|sender| sender.join().unwrap().unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::ring::{Capacity, CapacityError, Kind};
use crate::sync::Arc;
use crate::wait::{Park, Wait};

mod backpressure;
mod batch;
mod chosen;
mod error;
mod future;
mod link;
mod losses;
mod policy;
mod receiver;
mod runs;
mod select;
mod sender;
mod shown;
#[cfg(feature = "async")]
mod stream;
mod weak;

pub(crate) use self::policy::{parse_time, time_text};
#[cfg(feature = "async")]
pub use self::stream::SendSink;
pub use self::{
    backpressure::{Backpressure, Block, BlockUntil, DropNewest, DropOldest, Reject},
    batch::{Claim, Drained},
    chosen::{Chosen, Receives, Sources},
    error::{
        DropOldestError, End, RecvError, RecvUntilError, SendError, SendManyError, SendUntilError, TryRecvError,
        TrySendError,
    },
    future::{RecvFuture, RecvManyFuture, SendFuture, SendManyFuture},
    losses::{ItemOrGap, Losses, RecvOrGapFuture},
    policy::{ParsePolicyError, Policy, Refusal, Refused, Sent},
    receiver::{IntoIter, Iter, Receiver, TryIter},
    select::{Select, Source, Ticker},
    sender::Sender,
    shown::RecvRefFuture,
    weak::WeakSender,
};

/// The kinds, to name the type of an end: `Receiver<Job, Mpmc>`.
pub use crate::ring::{Broadcast, BroadcastMulti, Dense, Lanes, Mpmc, Spsc};

/// Both ends of a channel of that kind, whose ends park.
type Ends<T, K> = (Sender<T, K, Park>, Receiver<T, K, Park>);

/// A channel over any kind of ring, with any strategy of waiting.
///
/// # Errors
/// [`CapacityError`]; it says what to pass instead.
///
/// # Examples
/// ```
/// use ringway::{channel, ring::{Capacity, dense::Dense}, wait::Spin};
///
/// let (mut tx, mut rx) = channel::channel::<u8, Dense, Spin>(Capacity::exactly(4096))?;
/// tx.send(7)?;
/// assert_eq!(rx.recv(), Ok(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[allow(clippy::type_complexity)]
pub fn channel<T, K: Kind<T>, W: Wait>(
    capacity: Capacity,
) -> Result<(Sender<T, K, W>, Receiver<T, K, W>), CapacityError> {
    let (producer, consumer) = K::ring(capacity)?;
    let link = Arc::new(link::Link::new());
    Ok((Sender::new(producer, Arc::clone(&link)), Receiver::new(consumer, link)))
}

/// A channel from one sender to one receiver, the fastest one. Has room for `at_least` so many items.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
pub fn spsc<T: Send>(at_least: usize) -> Result<Ends<T, Spsc>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

/// A channel from one sender to one receiver, whose items lie side by side: for bytes, samples and whoever works in batches.
/// Has room for `at_least` so many items.
///
/// Beside the calls of every channel it has slices [to write](Claim::slices) and [to read](Receiver::recv_run) in place. Item
/// by item [`spsc`] is faster.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
pub fn dense<T: Send>(at_least: usize) -> Result<Ends<T, Dense>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

/// A channel from many senders to one receiver. Each sender has a lane with room for `at_least` so many items, and its items
/// stay in order. A clone takes over the lane of a sender that is gone, with what that one sent and nobody has received yet.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
pub fn mpsc<T: Send>(at_least: usize) -> Result<Ends<T, Lanes>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

/// A channel from many senders to many receivers, each item to one of them, in one order. Has room for `at_least` so many
/// items.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
///
/// # Examples
/// ```
/// use ringway::channel;
///
/// let (mut jobs, job) = channel::mpmc(64)?;
/// let workers = [job.clone(), job].map(|job| std::thread::spawn(move || job.into_iter().sum::<u32>()));
/// jobs.send_many(1..=100)?;
/// drop(jobs);
/// assert_eq!(workers.map(|worker| worker.join().unwrap()).iter().sum::<u32>(), 5050);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mpmc<T: Send>(at_least: usize) -> Result<Ends<T, Mpmc>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

/// A channel from one sender to many receivers, each of which sees every item, as a clone or
/// [by reference](Receiver::recv_ref). The slowest receiver may lag behind by `at_least` so many items before sends wait.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
pub fn broadcast<T: Clone + Send + Sync>(at_least: usize) -> Result<Ends<T, Broadcast>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

/// As [`broadcast`], from many senders, in one order.
///
/// # Errors
/// [`CapacityError`], for 0 or too many.
pub fn broadcast_multi<T: Clone + Send + Sync>(at_least: usize) -> Result<Ends<T, BroadcastMulti>, CapacityError> {
    channel(Capacity::at_least(at_least))
}

pub(crate) mod sealed {
    pub trait Sealed {}
}
