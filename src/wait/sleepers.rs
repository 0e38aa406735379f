//! Who is asleep, and how to call them.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    task::Waker,
    thread::panicking,
};

use super::{Signal, sealed::Sealed};
use crate::sync::{
    Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Padded, Thread, current_thread, fence_point, full_fence,
    heavy_fence, light_fence_is_free, prepare_fences, usable_cpus,
};

/// The sleepers on one side of a channel: threads and tasks, first come, first woken.
pub struct Sleepers {
    /// What a notifier looks at: `sleepers << 2 | LONG | FENCED`. Written under the lock only; on a line of its own, so that
    /// the look costs nothing as long as nobody falls asleep.
    ///
    /// | bit | set | cleared |
    /// |---|---|---|
    /// | `FENCED` | when membarrier is missing; by the first task that sleeps | never |
    /// | `LONG` | by a thread whose sleeps are long | by one whose sleeps are not |
    word: Padded<AtomicUsize>,
    /// Guards the list while somebody falls asleep, is called or leaves. None of that happens while items flow, so a lock may
    /// be here. No code of a user's runs under it: wakers are cloned before, and woken or dropped after.
    list: Mutex<VecDeque<Sleeper>>,
}

/// With either bit notifiers take a full fence before they look at the word.
const FENCED: usize = 1;
const LONG: usize = 2;
const BITS: u32 = 2;

struct Sleeper {
    key: usize,
    place: Arc<Place>,
    caller: Caller,
}

/// Where one end sleeps. An end has one place, however often it sleeps, and so the list is no longer than there are ends.
#[derive(Default)]
pub(crate) struct Place {
    /// Whether the sleeper was called.
    called: AtomicBool,
}

/// What a sleeper owes between being on the list and its last look: whatever was made ready by somebody who did not see it
/// there is visible after the fence.
///
/// A notifier that sees `FENCED` takes its half of the pair itself; for the others the sleeper takes it along.
#[must_use]
pub struct Fence {
    heavy: bool,
}

impl Fence {
    pub(crate) const NONE: Self = Self { heavy: false };

    /// One fence for two lists.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { heavy: self.heavy || other.heavy }
    }

    pub(crate) fn take(self) {
        if self.heavy { heavy_fence() } else { full_fence() }
    }
}

/// How to wake a sleeper.
pub enum Caller {
    Thread(Thread),
    Task(Waker),
    /// A task whose waker may panic, which is no concern of who calls.
    QuietTask(Waker),
}

impl Caller {
    pub(crate) fn this_thread() -> Self {
        Self::Thread(current_thread())
    }

    fn call(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
            Self::QuietTask(waker) => {
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
        }
    }

    fn waker(&self) -> Option<&Waker> {
        match self {
            Self::Thread(_) => None,
            Self::Task(waker) | Self::QuietTask(waker) => Some(waker),
        }
    }
}

impl Place {
    /// Forgets an earlier call. The owner does that before it goes to any list.
    pub(crate) fn reset(&self) {
        // ORDER: Relaxed; the list's lock, taken next, orders it before any call.
        self.called.store(false, Ordering::Relaxed);
    }

    /// Whether the sleeper was called since.
    pub(crate) fn was_called(&self) -> bool {
        // ORDER: Acquire; what the notifier made ready is visible. Partner: the Release in `call`.
        self.called.load(Ordering::Acquire)
    }

    fn call(&self) {
        // ORDER: Release; what was made ready before is visible to who sees it. Partner: the Acquire in `was_called`.
        self.called.store(true, Ordering::Release);
    }
}

impl Sleepers {
    /// Puts a sleeper on the list. One that is on it already changes its caller and keeps its turn.
    ///
    /// The sleeper takes the fence, looks once more, and may sleep if there is nothing.
    pub(crate) fn enlist(&self, place: &Arc<Place>, key: usize, caller: Caller) -> Fence {
        let is_task = caller.waker().is_some();
        let sleeper = Sleeper { key, place: Arc::clone(place), caller };
        let mut list = self.list.lock();
        let before = match list.iter_mut().find(|sleeper| is_at(sleeper, place)) {
            Some(listed) => Some(std::mem::replace(listed, sleeper)),
            None => {
                list.push_back(sleeper);
                None
            }
        };
        self.write(list.len(), if is_task { self.bits() | FENCED } else { self.bits() });
        let is_fenced = self.bits() != 0;
        drop(list);
        drop(before);
        Fence { heavy: !is_fenced }
    }

    /// Says whether this thread expects its sleeps to be long: then notifiers take the fence, since it would interrupt every CPU
    /// at each of them.
    pub(crate) fn expect_long(&self, long: bool) {
        // Without the lock: another thread of this side that has just said otherwise is not overruled until the next wait.
        if self.expects_long() != long {
            let list = self.list.lock();
            self.write(list.len(), if long { self.bits() | LONG } else { self.bits() & !LONG });
        }
    }

    pub(super) fn expects_long(&self) -> bool {
        self.bits() & LONG != 0
    }

    /// Whether the place is on the list still, with this waker to be woken: then nothing has to be done for it.
    pub(crate) fn has_task(&self, place: &Arc<Place>, waker: &Waker) -> bool {
        let list = self.list.lock();
        list.iter().any(|sleeper| {
            is_at(sleeper, place) && sleeper.caller.waker().is_some_and(|listed| listed.will_wake(waker))
        })
    }

    /// Takes a sleeper off the list; `false`, if somebody has taken it off to call it.
    pub(crate) fn strike(&self, place: &Arc<Place>) -> bool {
        let mut list = self.list.lock();
        let found = list.iter().position(|sleeper| is_at(sleeper, place));
        let sleeper = found.and_then(|at| list.remove(at));
        self.write(list.len(), self.bits());
        drop(list);
        sleeper.is_some()
    }

    fn bits(&self) -> usize {
        // ORDER: Relaxed; written under the lock. Who looks without it only asks whether to write.
        self.word.load(Ordering::Relaxed) & (FENCED | LONG)
    }

    /// Under the lock.
    ///
    /// Who goes on the list and finds a bit set takes the full fence only, and counts on every notifier that does not see it
    /// there to see the bit: so the first bit comes with a heavy fence. A bit is cleared without: those on the list are seen by
    /// their number, and who comes later takes the heavy fence.
    fn write(&self, sleepers: usize, bits: usize) {
        let are_new = bits != 0 && self.bits() == 0;
        // ORDER: Relaxed; the fences here, in `Fence::take` and in `is_anybody_asleep` order it against what is made ready. A
        // sleeper that is gone may be seen for a while, and is looked for in vain.
        self.word.store(sleepers << BITS | bits, Ordering::Relaxed);
        if are_new {
            heavy_fence();
        }
    }

    /// Whether somebody is asleep, as seen after everything that this thread has made ready.
    #[inline(always)]
    fn is_anybody_asleep(&self) -> bool {
        fence_point();
        // ORDER: Relaxed; `fence_point` and the `heavy_fence` of `Fence::take`, for the bits that of `write`, order it after
        // what was made ready.
        let word = self.word.load(Ordering::Relaxed);
        word != 0 && (word >> BITS > 0 || self.is_anybody_asleep_fenced())
    }

    /// The same, where there are bits.
    fn is_anybody_asleep_fenced(&self) -> bool {
        full_fence();
        // ORDER: Relaxed; as above, with the `full_fence` of `Fence::take` as partner.
        self.word.load(Ordering::Relaxed) >> BITS > 0
    }

    /// Takes the next sleeper off the list and calls it, outside the lock; returns whether there was one.
    fn call_next(&self, key: Option<usize>) -> bool {
        let mut list = self.list.lock();
        let at = list.iter().position(|sleeper| key.is_none_or(|key| sleeper.key == key));
        let Some(sleeper) = at.and_then(|at| list.remove(at)) else { return false };
        self.write(list.len(), self.bits());
        drop(list);
        sleeper.place.call();
        sleeper.caller.call();
        true
    }

    #[cold]
    #[inline(never)]
    fn wake(&self, count: usize, key: Option<usize>) {
        let mut calls = Calls { sleepers: self, left: count, key };
        calls.make();
    }
}

fn is_at(sleeper: &Sleeper, place: &Arc<Place>) -> bool {
    ptr::eq(&raw const *sleeper.place, &raw const **place)
}

/// Calls to be made, also if a waker panics in between; a second panic aborts.
struct Calls<'a> {
    sleepers: &'a Sleepers,
    left: usize,
    key: Option<usize>,
}

impl Calls<'_> {
    fn make(&mut self) {
        while self.left > 0 {
            // First, so that a call that panics counts.
            self.left -= 1;
            if !self.sleepers.call_next(self.key) {
                self.left = 0;
            }
        }
    }
}

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.make();
        }
    }
}

impl Signal for Sleepers {
    #[inline(always)]
    fn notify(&self, count: usize, key: usize) {
        if self.is_anybody_asleep() {
            self.wake(count, Some(key));
        }
    }

    #[inline(always)]
    fn notify_all(&self) {
        if self.is_anybody_asleep() {
            // Not those who fall asleep meanwhile.
            let count = self.list.lock().len();
            self.wake(count, None);
        }
    }

    fn sleepers(&self) -> usize {
        // ORDER: Relaxed; a figure.
        self.word.load(Ordering::Relaxed) >> BITS
    }
}

impl Sealed for Sleepers {}

impl Default for Sleepers {
    fn default() -> Self {
        prepare_fences();
        usable_cpus();
        let word = if light_fence_is_free() { 0 } else { FENCED };
        Self { word: Padded::new(AtomicUsize::new(word)), list: Mutex::new(VecDeque::new()) }
    }
}

impl fmt::Debug for Sleepers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleepers").field("asleep", &self.sleepers()).finish_non_exhaustive()
    }
}
