//! Drives the ends of one channel by a string of decisions and holds every answer against a model.
//!
//! What is inside, in which order and for whom, is known to the model of the rings (`support::model`). Known here is what
//! channels add: policies and their losses, gaps, weak senders, who died, and which task sleeps and must be woken. Random
//! strings come from `random_calls`, those that libFuzzer finds from `fuzz`. Everything runs on one thread, so a call
//! waits only where its answer is certain. Set `RINGWAY_TRACE` to have each call printed.

mod calls;
mod kinds;
mod receiving;
mod sending;
mod tasks;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, OnceLock},
};

use ringway::{
    channel::{Losses, Receiver, Sender, WeakSender, channel},
    ring::Capacity,
};

use crate::support::{calls::Decisions, counted::Ledger, model::Model, payload::Payload, wakes::Wakes};

use calls::Call;
pub(crate) use kinds::{Ends, Strategy};

/// Ends of a side that a run keeps at most.
const ENDS: usize = 4;

struct Sending<T: Payload, K: Ends<T>, W: Strategy> {
    end: Sender<T, K, W>,
    id: usize,
}

struct Receiving<T: Payload, K: Ends<T>, W: Strategy> {
    end: Receiver<T, K, W>,
    id: usize,
    /// The value that this end has peeked at and not received.
    held: Option<u64>,
    /// The value that it was lent, until its next call.
    lent: Option<u64>,
    /// Losses that it was told of.
    told: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Senders,
    Receivers,
}

/// What is known of a side.
#[derive(Debug, Default)]
struct Known {
    /// Ends that are in the hands of futures.
    away: usize,
    /// Whether one was dropped by a panic.
    died: bool,
    /// Whether a future was forgotten: its end stays on the list, and may get the calls of others.
    forgot: bool,
}

/// A task that sleeps while calls are made on other ends.
struct Sleeper {
    side: Side,
    wakes: Arc<Wakes>,
    /// Wakes that it had when it fell asleep.
    had: usize,
}

impl Sleeper {
    fn was_woken(&self) -> bool {
        self.wakes.get() > self.had
    }
}

struct Run<T: Payload, K: Ends<T>, W: Strategy> {
    senders: Vec<Sending<T, K, W>>,
    receivers: Vec<Receiving<T, K, W>>,
    weak: Vec<WeakSender<T, K, W>>,
    of_senders: Known,
    of_receivers: Known,
    sleepers: Vec<Sleeper>,
    model: Model,
    losses: Losses,
    ledger: &'static Ledger,
    senders_born: usize,
    /// Items of a batch or claim, or one less.
    batch: usize,
    leaked: usize,
    lasts: bool,
}

/// Makes the calls that `decisions` says on a fresh channel. One that lasts comes to its end after that; of another what is
/// left is dropped.
pub(crate) fn run<T: Payload, K: Ends<T>, W: Strategy>(
    slots: usize,
    ledger: &'static Ledger,
    mut decisions: Decisions<'_>,
) {
    let (sender, receiver) = channel::<T, K, W>(Capacity::exactly(slots)).expect("a power of two of slots");
    let mut run = Run {
        senders: vec![Sending { end: sender, id: 0 }],
        receivers: vec![Receiving { end: receiver, id: 0, held: None, lent: None, told: 0 }],
        weak: Vec::new(),
        of_senders: Known::default(),
        of_receivers: Known::default(),
        sleepers: Vec::new(),
        model: Model::new(K::FACTS, slots),
        losses: Losses::default(),
        ledger,
        senders_born: 1,
        batch: (slots / 4).clamp(20, 255),
        leaked: 0,
        lasts: decisions.below(2) == 1,
    };
    while run.next_call(&mut decisions) && !run.is_deserted() {}
    if run.lasts {
        run.end();
    }
    let leaked = run.leaked;
    drop(run);
    ledger.settle(leaked);
}

fn is_traced() -> bool {
    static TRACE: OnceLock<bool> = OnceLock::new();
    *TRACE.get_or_init(|| env::var_os("RINGWAY_TRACE").is_some())
}

/// Drops an end, by a panic if it is to die.
fn end<E>(end: E, dies: bool) {
    if !dies {
        return drop(end);
    }
    let death = catch_unwind(AssertUnwindSafe(|| {
        let _end = end;
        resume_unwind(Box::new("meant to die"));
    }));
    assert!(death.is_err());
}

impl<T: Payload, K: Ends<T>, W: Strategy> Run<T, K, W> {
    /// Makes the next call; `false`, if there is none.
    fn next_call(&mut self, decisions: &mut Decisions<'_>) -> bool {
        let Some(byte) = decisions.next() else { return false };
        let call = Call::choose(byte, self.lasts);
        let ends = if call.is_of_senders() { self.senders.len() } else { self.receivers.len() };
        let at = if matches!(call, Call::Look | Call::Upgrade) { 0 } else { decisions.below(ends.max(1)) };
        if is_traced() {
            eprintln!("{:width$}{call:?} of {at}", "", width = 4 * self.sleepers.len());
        }
        match call {
            Call::Look => self.look(),
            Call::Upgrade => self.upgrade(decisions),
            _ if ends == 0 => {}
            _ if call.is_of_senders() => self.call_sender(call, at, decisions),
            _ => self.call_receiver(call, at, decisions),
        }
        true
    }

    /// The senders go. The receivers come to the end, but for one, which takes a batch that may come short. They go one by one,
    /// first who has an item in hand, and after each the others look again. The last end gets what is left.
    fn end(&mut self) {
        let (asks, drops): (&[u8], &[u8]) = (&[0], &[2]);
        while !self.senders.is_empty() {
            let is_last = self.senders.len() + self.receivers.len() == 1;
            self.call_sender(Call::DropSender, 0, &mut Decisions(if is_last { asks } else { drops }));
        }
        if let Some(Receiving { held: None, .. }) = self.receivers.last() {
            self.call_receiver(Call::RecvMany, self.receivers.len() - 1, &mut Decisions(&[u8::MAX]));
        }
        while let Some(others) = self.receivers.len().checked_sub(1) {
            for at in 0..others {
                while self.receivers[at].held.is_none() && self.try_recv(at) {}
            }
            let at = self.receivers.iter().position(|receiver| receiver.held.is_some()).unwrap_or(0);
            self.call_receiver(Call::DropReceiver, at, &mut Decisions(if others == 0 { asks } else { drops }));
        }
    }

    fn item(&mut self) -> (u64, T) {
        let value = self.model.next_value();
        (value, T::make(value, self.ledger))
    }

    fn senders_in(&self) -> usize {
        self.senders.len() + self.of_senders.away
    }

    fn receivers_in(&self) -> usize {
        self.receivers.len() + self.of_receivers.away
    }

    fn is_deserted(&self) -> bool {
        self.senders_in() + self.receivers_in() == 0
    }

    fn known(&mut self, side: Side) -> &mut Known {
        match side {
            Side::Senders => &mut self.of_senders,
            Side::Receivers => &mut self.of_receivers,
        }
    }

    fn sender_joins(&mut self, end: Sender<T, K, W>) {
        self.model.producer_joins(self.senders_born);
        self.senders.push(Sending { end, id: self.senders_born });
        self.senders_born += 1;
    }

    /// A weak sender becomes one as long as there is one.
    fn upgrade(&mut self, decisions: &mut Decisions<'_>) {
        if self.weak.is_empty() || self.senders_in() == ENDS {
            return;
        }
        let at = decisions.below(self.weak.len());
        match K::upgrade(&self.weak[at]) {
            Some(sender) => {
                assert!(self.senders_in() > 0, "a weak sender opened the channel again");
                self.sender_joins(sender);
            }
            None => {
                assert_eq!(self.senders_in(), 0, "a weak sender was refused while others were in");
                self.weak.swap_remove(at);
            }
        }
    }

    /// Everything that an end can be asked without changing anything.
    fn look(&mut self) {
        let (senders, receivers) = (self.senders_in(), self.receivers_in());
        let (capacity, closed) = (self.model.capacity, self.model.closed);
        for Sending { end, id } in &self.senders {
            assert_eq!((end.capacity(), end.is_closed(), end.receivers()), (capacity, closed, receivers));
            assert_eq!(end.losses(), self.losses);
            self.model.depth_of_producer(*id, end.depth(), end.room());
            if !self.of_receivers.forgot {
                assert_eq!(end.sleeping_receivers(), asleep(&self.sleepers, Side::Receivers));
            }
        }
        for Receiving { end, id, .. } in &self.receivers {
            assert_eq!((end.capacity(), end.is_closed(), end.senders()), (capacity, closed, senders));
            assert_eq!(end.losses(), self.losses);
            self.model.depth_of_consumer(*id, end.depth());
            if !self.of_senders.forgot {
                assert_eq!(end.sleeping_senders(), asleep(&self.sleepers, Side::Senders));
            }
        }
    }

    /// Somebody asked for what is left: the last end gets it, and nobody else.
    fn remain(&mut self, left: Option<Vec<u64>>) {
        assert_eq!(
            left.is_some(),
            self.is_deserted(),
            "what remains went to an end that is not the last, or to nobody"
        );
        if let Some(left) = left {
            self.model.remains(left);
        }
    }
}

/// Who is called is off the list.
fn asleep(sleepers: &[Sleeper], side: Side) -> usize {
    sleepers.iter().filter(|sleeper| sleeper.side == side && !sleeper.was_woken()).count()
}

fn values<T: Payload>(items: impl Iterator<Item = T>) -> Vec<u64> {
    items.map(|item| item.value()).collect()
}
