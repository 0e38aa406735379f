//! What some items carry beside their slots: columns with a place for each item, of which there are only those that the rules
//! ask for.

use crate::time::{CapacityError, Instant, boxed};

use super::{
    effect::Reason,
    envelope::{Envelope, Id, Origin},
    slot::{Flags, Header},
};

/// What envelopes may say beside key, priority and times of delivery. Each takes memory for as many items as are in hand at
/// once, from the start; an item that says more is [refused](super::Refused::Header).
///
/// # Examples
/// A million delayed items, at 64 bytes each beside the payload:
/// ```
/// use ringway::{delivery::{Headers, Rules, Tracker}, time::Instant};
///
/// let rules = Rules { capacity: 1_000_000, headers: Headers::NONE, ..Rules::default() };
/// let tracker = Tracker::<u64>::new(rules, Instant::START)?;
/// assert!(tracker.bytes() < 1_010_000 * (64 + 8));
/// # Ok::<(), ringway::time::CapacityError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// [`Envelope::id`]: 16 bytes an item. A window of duplicates asks for it, too.
    pub id: bool,
    /// [`Envelope::expires_at`]: 8 bytes an item.
    pub expires_at: bool,
    /// [`Envelope::origin`]: 16 bytes an item. Without it an engine tells none.
    pub origin: bool,
}

impl Headers {
    /// Whatever an envelope says.
    pub const ALL: Self = Self { id: true, expires_at: true, origin: true };
    /// The least.
    pub const NONE: Self = Self { id: false, expires_at: false, origin: false };
}

impl Default for Headers {
    fn default() -> Self {
        Self::ALL
    }
}

/// Why an item was given up, and its last error.
pub(super) type GivenUp<E> = (Reason, Option<E>);

#[derive(Debug)]
pub(super) struct Columns<E> {
    /// Which there are not.
    missing: Flags,
    ids: Box<[Id]>,
    expiries: Box<[Instant]>,
    origins: Box<[Origin]>,
    /// Of items that wait for room among the dead letters.
    pub(super) held: Box<[Option<GivenUp<E>>]>,
}

impl<E> Columns<E> {
    /// For so many items; `holds` tells whether items that are given up may have to wait.
    pub(super) fn new(capacity: usize, headers: Headers, holds: bool) -> Result<Self, CapacityError> {
        let places = |is_kept: bool| if is_kept { capacity } else { 0 };
        let Headers { id, expires_at, origin } = headers;
        Ok(Self {
            missing: Flags::ID.when(!id).or(Flags::EXPIRY.when(!expires_at)).or(Flags::ORIGIN.when(!origin)),
            ids: boxed(places(id), |_| Id::from(0_u64))?,
            expiries: boxed(places(expires_at), |_| Instant::FAR)?,
            origins: boxed(places(origin), |_| Origin::default())?,
            held: boxed(places(holds), |_| None)?,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.ids) + size_of_val(&*self.expiries) + size_of_val(&*self.origins) + size_of_val(&*self.held)
    }

    #[inline]
    pub(super) fn keeps_origin(&self) -> bool {
        !self.missing.any(Flags::ORIGIN)
    }

    /// Whether there is a place for all that an item carries.
    #[inline]
    pub(super) fn fit(&self, beside: Flags) -> bool {
        !beside.any(self.missing)
    }

    /// Leaves out what there is no place for.
    pub(super) fn strip<T>(&self, envelope: &mut Envelope<T>) {
        if self.missing.any(Flags::ID) {
            envelope.id = None;
        }
        if self.missing.any(Flags::ORIGIN) {
            envelope.origin = Origin::default();
        }
    }

    /// Notes what the item at `index` carries; there is a place for it.
    #[inline]
    pub(super) fn put(&mut self, index: u32, header: &Header, id: Option<Id>, expires_at: Instant, origin: Origin) {
        if header.has(Flags::ORIGIN) {
            self.origins[index as usize] = origin;
        }
        if header.has(Flags::ID) || header.has(Flags::EXPIRY) {
            self.put_rare(index as usize, id, expires_at);
        }
    }

    /// Out of the way of items that carry neither.
    #[inline(never)]
    fn put_rare(&mut self, index: usize, id: Option<Id>, expires_at: Instant) {
        if let Some(id) = id {
            self.ids[index] = id;
        }
        if expires_at != Instant::FAR {
            self.expiries[index] = expires_at;
        }
    }

    #[inline]
    pub(super) fn id(&self, index: u32, header: &Header) -> Option<Id> {
        header.has(Flags::ID).then(|| self.ids[index as usize])
    }

    #[inline]
    pub(super) fn expires_at(&self, index: u32, header: &Header) -> Instant {
        if header.has(Flags::EXPIRY) { self.expiries[index as usize] } else { Instant::FAR }
    }

    /// The envelope of the item at `index`, put together.
    #[inline]
    pub(super) fn envelope<P>(&self, index: u32, payload: P, header: &Header) -> Envelope<P> {
        let is_bare = !header.has(Flags::BESIDE);
        let (id, expires_at, origin) =
            if is_bare { (None, Instant::FAR, Origin::default()) } else { self.beside(index, header) };
        Envelope {
            payload,
            key: header.key(),
            id,
            not_before: header.not_before(),
            expires_at,
            origin,
            priority: header.priority,
            redrives: header.redrives,
        }
    }

    /// All that an item carries.
    #[inline(never)]
    fn beside(&self, index: u32, header: &Header) -> (Option<Id>, Instant, Origin) {
        let origin = if header.has(Flags::ORIGIN) { self.origins[index as usize] } else { Origin::default() };
        (self.id(index, header), self.expires_at(index, header), origin)
    }
}
