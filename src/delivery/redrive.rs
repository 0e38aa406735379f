//! Dead letters that come back: one, or all at a rate.

use std::{error::Error, fmt};

use crate::time::Instant;

use super::{
    dead_letter::{DeadLetter, DeadLetters, LetterId},
    effect::{Effect, ItemId},
    envelope::Envelope,
    rate::{Bucket, Rate},
    retry::Class,
    tracker::Tracker,
};

/// Dead letters on their way back.
#[derive(Debug)]
pub(super) struct Redrive {
    /// The last one that was there when it began: what dies meanwhile stays.
    last: LetterId,
    rate: Option<Rate>,
    bucket: Bucket,
}

impl Redrive {
    pub(super) fn next_at(&self) -> Instant {
        self.rate.map_or(Instant::START, |rate| self.bucket.next_at(rate))
    }
}

impl<T, E, C: FnMut(&E) -> Class> Tracker<T, E, C> {
    /// The dead letters: to list, to look at.
    pub fn dead_letters(&self) -> &DeadLetters<T, E> {
        &self.dead
    }

    /// The dead letters: to remove one, to purge.
    pub fn dead_letters_mut(&mut self) -> &mut DeadLetters<T, E> {
        &mut self.dead
    }

    /// Accepts a dead letter again: with all its attempts anew, without its delay and its expiry, and whatever the window
    /// of duplicates says. What its header was given meanwhile and [`Rules::headers`](super::Rules::headers) does not keep is
    /// left out.
    ///
    /// SQS: `StartMessageMoveTask`; RabbitMQ: shovel; Sidekiq: retry of a dead job.
    ///
    /// # Errors
    /// [`RedriveError`], if it is not there or there is no room.
    pub fn redrive(&mut self, letter: LetterId, now: Instant) -> Result<ItemId, RedriveError> {
        if self.room() == 0 {
            return Err(RedriveError::Full);
        }
        let DeadLetter { envelope, .. } = self.dead.take(letter).ok_or(RedriveError::Gone)?;
        let redrives = envelope.redrives.saturating_add(1);
        let mut envelope = Envelope { not_before: Instant::START, expires_at: Instant::FAR, redrives, ..envelope };
        self.columns.strip(&mut envelope);
        self.ledger.redriven += 1;
        Ok(self.take_in(envelope, now))
    }

    /// Accepts all dead letters again that are there now, oldest first, at a rate or as fast as there is room: one a
    /// [`tick`](Self::tick) that returns [`Effect::Redriven`]. Returns how many those are.
    ///
    /// To redrive some, [list](DeadLetters::list) them and [`redrive`](Self::redrive) each.
    pub fn redrive_all(&mut self, rate: Option<Rate>) -> usize {
        self.redrive = self.dead.newest().map(|last| Redrive { last, rate, bucket: Bucket::FULL });
        self.dead.depth()
    }

    pub(super) fn redrive_next(&mut self, now: Instant) -> Option<Effect<T>> {
        let redrive = self.redrive.as_mut()?;
        let Some(letter) = self.dead.oldest_until(redrive.last) else {
            self.redrive = None;
            return None;
        };
        if self.slots.depth() == self.slots.capacity() || redrive.next_at() > now {
            return None;
        }
        if let Some(rate) = redrive.rate {
            redrive.bucket.take(rate, now);
        }
        self.redrive(letter, now).ok().map(|item| Effect::Redriven { letter, item })
    }
}

/// Why a dead letter was not accepted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveError {
    /// It was redriven, removed or displaced.
    Gone,
    /// As many items are in hand as fit.
    Full,
    /// Its handler has ended, and nobody delivers it any more. Of an engine only.
    Ended,
}

impl fmt::Display for RedriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the dead letter is not there any more: list what is",
            Self::Full => "as many items are in hand as fit: settle some first, or use redrive_all",
            Self::Ended => {
                "its handler has ended: remove the dead letter, and publish what is in it to a queue that is served"
            }
        })
    }
}

impl Error for RedriveError {}
