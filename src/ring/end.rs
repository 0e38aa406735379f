//! Where a stream with one producer ends: an exact close without a read-modify-write on the item path.
//!
//! Anybody may ask for the end; only the stream's own producer, or its reader once it has drained everything, settles at
//! which sequence it is. `docs::ordering` tells the whole protocol ("The end of a stream").

use crate::sync::{AtomicBool, AtomicU64, Ordering, Padded, fence_point, full_fence, heavy_fence, light_fence_is_free};

/// The end of one stream.
///
/// | word | means | left by |
/// |---|---|---|
/// | `OPEN` | no end yet | anybody, to `CLOSING`; the producer, to a sequence |
/// | `OPEN_FENCED` | the same, where the light fence is not free | as `OPEN` |
/// | `CLOSING` | somebody asked for the end | the producer, to its tail; the reader, drained, to its head |
/// | a sequence | items below it were accepted, all others refused | nobody |
pub(super) struct End {
    word: Padded<AtomicU64>,
    /// Whether the producer holds a claim: the reader must not settle then. Written by the producer only, with each batch,
    /// so not on the line that both look at.
    claiming: Padded<AtomicBool>,
}

const OPEN: u64 = u64::MAX;
const OPEN_FENCED: u64 = u64::MAX - 1;
const CLOSING: u64 = u64::MAX - 2;

/// What the reader learns of the end when it finds nothing more.
pub(super) enum Reached {
    /// The stream goes on, or its end is not settled.
    NotYet,
    /// There are items before the end, visible now.
    More,
    /// Everything accepted has been read.
    End,
}

impl End {
    pub(super) fn new() -> Self {
        let open = if light_fence_is_free() { OPEN } else { OPEN_FENCED };
        Self { word: Padded::new(AtomicU64::new(open)), claiming: Padded::new(AtomicBool::new(false)) }
    }

    /// Whether nobody has asked for the end. One load of a line that is written once.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        // ORDER: Relaxed; nothing is read on the strength of it. Where it matters a fence stands before it.
        self.word.load(Ordering::Relaxed) >= OPEN_FENCED
    }

    /// Producer: whether nobody had asked for the end when what it did before this call took effect. The light fence in it
    /// pairs with the reader's `heavy_fence` in [`reached`](Self::reached); the word itself says whether that is free, so
    /// that the common case is one load and one comparison.
    #[inline(always)]
    pub(super) fn was_open(&self) -> bool {
        fence_point();
        // ORDER: Relaxed; the fences order it after the publication.
        self.word.load(Ordering::Relaxed) == OPEN || self.was_open_fenced()
    }

    #[cold]
    fn was_open_fenced(&self) -> bool {
        full_fence();
        // ORDER: Relaxed; as above.
        self.word.load(Ordering::Relaxed) == OPEN_FENCED
    }

    /// Asks for the end, from any thread.
    pub(super) fn ask(&self) {
        for open in [OPEN, OPEN_FENCED] {
            // ORDER: Relaxed both ways; the word alone counts, and the reader's `heavy_fence` carries it to the producer.
            let _ = self.word.compare_exchange(open, CLOSING, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Producer: ends the stream at `tail`, which it has published, unless the reader was first. Returns where it ends.
    #[cold]
    pub(super) fn settle(&self, tail: u64) -> u64 {
        let mut seen = CLOSING;
        loop {
            // ORDER: Release publishes the items below `tail` to the Acquire in `reached`; a failure only tells the
            // number that the reader settled.
            match self.word.compare_exchange(seen, tail, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return tail,
                Err(settled) if settled < CLOSING => return settled,
                Err(unsettled) => seen = unsettled,
            }
        }
    }

    /// Producer: says that a claim is about to be open. Returns whether the stream is open; if so, the reader will not
    /// settle before [`end_claim`](Self::end_claim).
    #[inline]
    pub(super) fn begin_claim(&self) -> bool {
        // ORDER: Relaxed; the fence in `was_open` puts it before the load, with `heavy_fence` in `reached` as partner: either
        // this sees the question, or the reader sees the claim.
        self.claiming.store(true, Ordering::Relaxed);
        self.was_open()
    }

    /// Producer: the claim is over, and its items are published. If somebody asked for the end meanwhile, the reader
    /// settles it, or the producer with its next push.
    #[inline]
    pub(super) fn end_claim(&self) {
        // ORDER: Release puts the items of the claim before it, for the Acquire in `reached`.
        self.claiming.store(false, Ordering::Release);
    }

    /// Reader: what is to be said after everything visible up to `head` was read. `more` looks for further items.
    #[cold]
    pub(super) fn reached(&self, head: u64, more: impl Fn() -> bool) -> Reached {
        // ORDER: Acquire; the items below a settled end are visible after it. Partner: the Release in `settle`.
        let mut end = self.word.load(Ordering::Acquire);
        if end == CLOSING {
            // ORDER: Relaxed; a claim seen here only puts the answer off.
            if self.claiming.load(Ordering::Relaxed) {
                return Reached::NotYet;
            }
            // Whatever the producer publishes after this, it sees the question; whatever it published before, `more` sees.
            heavy_fence();
            // ORDER: Acquire; if the claim is over its items are visible. Partner: the Release in `end_claim`.
            if self.claiming.load(Ordering::Acquire) {
                return Reached::NotYet;
            }
            if more() {
                return Reached::More;
            }
            // ORDER: Acquire on failure, as for the load above; on success the reader's own number needs none.
            match self.word.compare_exchange(CLOSING, head, Ordering::Relaxed, Ordering::Acquire) {
                Ok(_) => return Reached::End,
                Err(settled) => end = settled,
            }
        }
        match end {
            OPEN | OPEN_FENCED => Reached::NotYet,
            end if end == head => Reached::End,
            _ => Reached::More,
        }
    }
}
