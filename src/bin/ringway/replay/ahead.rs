//! The reader: a thread that unzips, splits and parses ahead of the publisher, so that neither a due time nor a signal
//! waits for the input.

use std::{thread, time::Duration};

use ringway::channel::{self, Receiver, RecvUntilError, Sender};
use ringway::ring::spsc::Spsc;

use crate::fault::Fault;

use super::rows::{Batch, Rows};

/// Batches that are under way: rows that are read ahead, in units of a batch.
const BATCHES: usize = 32;

/// Rows that were read ahead. Batches go round: full ones here, empty ones back to the reader.
pub(crate) struct Ahead {
    full: Receiver<Batch, Spsc>,
    empty: Sender<Batch, Spsc>,
}

impl Ahead {
    /// Starts to read. The thread ends with the input, or when this is dropped; it is not waited for, since a read of
    /// standard input may take for ever.
    ///
    /// # Errors
    /// A [`Fault`], if the system has no thread left.
    pub(crate) fn start(mut rows: Rows) -> Result<Self, Fault> {
        let channel = || channel::spsc::<Batch>(BATCHES).expect("a capacity that is allowed");
        let ((mut fill, full), (mut empty, mut refill)) = (channel(), channel());
        for _ in 0..BATCHES {
            empty.try_send(Batch::default()).expect("there is room for all of them");
        }
        let read = move || {
            for mut batch in refill.iter() {
                rows.fill(&mut batch);
                let is_last = batch.end.is_some();
                if fill.send(batch).is_err() || is_last {
                    return;
                }
            }
        };
        let started = thread::Builder::new().name("ringway-reader".into()).spawn(read);
        started.map_err(|error| Fault::new(format!("no thread to read with: {error}")))?;
        Ok(Self { full, empty })
    }

    /// The next batch; `None` if none arrives within `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Batch> {
        match self.full.recv_timeout(patience) {
            Ok(batch) => Some(batch),
            Err(RecvUntilError::Timeout) => None,
            // Only a reader that panicked leaves without an end.
            Err(_) => {
                let end = Some(Err(Fault::new("the reader of the input died; its message is above")));
                Some(Batch { end, ..Batch::default() })
            }
        }
    }

    /// Takes a batch back, to be filled again.
    pub(crate) fn give_back(&mut self, mut batch: Batch) {
        batch.rows.clear();
        batch.bad.clear();
        // A reader that has ended needs no more.
        let _ = self.empty.try_send(batch);
    }
}
