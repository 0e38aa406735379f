//! Drives the ends of one ring by a string of decisions and holds every answer against the [`Model`].
//!
//! The contract suite feeds it random strings, the fuzz targets those that libFuzzer finds. Set `RINGWAY_TRACE` to have
//! each call printed.
#![allow(unsafe_code)]

use std::{env, mem::MaybeUninit, sync::OnceLock};

use ringway::ring::{Consumer, DisplaceError, PopError, Producer, PushError};

use super::{
    calls::{Call, Decisions, Ending},
    counted::Ledger,
    hints::{Hint, Hinted},
    kinds::{Subject, ring},
    model::Model,
    payload::Payload,
};

/// Clones of an end that a run keeps at most.
const ENDS: usize = 4;

struct Pushing<P> {
    end: P,
    id: usize,
}

struct Popping<C> {
    end: C,
    id: usize,
    /// The value that this end has peeked at and not popped.
    held: Option<u64>,
}

struct Run<K: Subject<T>, T> {
    producers: Vec<Pushing<K::Producer>>,
    consumers: Vec<Popping<K::Consumer>>,
    model: Model,
    ledger: &'static Ledger,
    producers_born: usize,
    /// Items of a batch or claim, or one less.
    batch: usize,
    leaked: usize,
}

/// Makes the calls that `decisions` says on a fresh ring. One that lasts comes to its end after that; of another what is left
/// is dropped.
pub(crate) fn run<K: Subject<T>, T: Payload>(slots: usize, ledger: &'static Ledger, mut decisions: Decisions<'_>) {
    let (producer, consumer) = ring::<K, T>(slots);
    let mut run = Run::<K, T> {
        producers: vec![Pushing { end: producer, id: 0 }],
        consumers: vec![Popping { end: consumer, id: 0, held: None }],
        model: Model::new(K::FACTS, slots),
        ledger,
        producers_born: 1,
        batch: (slots / 4).clamp(20, 255),
        leaked: 0,
    };
    let lasts = decisions.below(2) == 1;
    while let Some(byte) = decisions.next() {
        let call = Call::choose(byte, lasts);
        trace(call);
        run.make(call, &mut decisions);
        if run.producers.is_empty() && run.consumers.is_empty() {
            break;
        }
    }
    if lasts {
        run.end();
    }
    let leaked = run.leaked;
    drop(run);
    ledger.settle(leaked);
}

fn trace(call: Call) {
    static TRACE: OnceLock<bool> = OnceLock::new();
    if *TRACE.get_or_init(|| env::var_os("RINGWAY_TRACE").is_some()) {
        eprintln!("{call:?}");
    }
}

impl<K: Subject<T>, T: Payload> Run<K, T> {
    fn make(&mut self, call: Call, decisions: &mut Decisions<'_>) {
        let (producers, consumers) = (self.producers.len(), self.consumers.len());
        use Call::*;
        match call {
            Look => self.look(),
            Push
            | PushIter
            | Claim
            | Displace
            | CloneProducer
            | DropProducer
            | ProducerIntoRemaining
            | CloseByProducer
                if producers > 0 =>
            {
                let at = decisions.below(producers);
                if !matches!(call, CloneProducer | Displace | PushIter) {
                    self.model.used(self.producers[at].id);
                }
                self.call_producer(call, at, decisions);
            }
            Pop
            | PopEach
            | PopInto
            | PopSlice
            | Peek
            | CloneConsumer
            | DropConsumer
            | ConsumerIntoRemaining
            | CloseByConsumer
                if consumers > 0 =>
            {
                self.call_consumer(call, decisions.below(consumers), decisions);
            }
            _ => {}
        }
    }

    /// The producers go. The consumers come to the end, but for one, which takes a batch that may come short. They go one by
    /// one, first who has an item in hand, and after each the others look again. The last end gets what is left.
    fn end(&mut self) {
        let none = &mut Decisions(&[]);
        while let Some(producer) = self.producers.first() {
            self.model.used(producer.id);
            let is_last = self.producers.len() + self.consumers.len() == 1;
            self.call_producer(if is_last { Call::ProducerIntoRemaining } else { Call::DropProducer }, 0, none);
        }
        if let Some(Popping { held: None, .. }) = self.consumers.last() {
            self.pop_some(Call::PopEach, self.consumers.len() - 1, self.batch);
        }
        while let Some(others) = self.consumers.len().checked_sub(1) {
            for at in 0..others {
                while self.consumers[at].held.is_none() && self.pop(at) {}
            }
            let at = self.consumers.iter().position(|consumer| consumer.held.is_some()).unwrap_or(0);
            self.call_consumer(if others == 0 { Call::ConsumerIntoRemaining } else { Call::DropConsumer }, at, none);
        }
    }

    fn item(&mut self) -> (u64, T) {
        let value = self.model.next_value();
        (value, T::make(value, self.ledger))
    }

    fn call_producer(&mut self, call: Call, at: usize, decisions: &mut Decisions<'_>) {
        match call {
            Call::Push => self.push(at),
            Call::PushIter => self.push_iter(at, decisions),
            Call::Claim => self.claim(at, decisions),
            Call::Displace => self.displace(at),
            Call::CloneProducer if self.producers.len() < ENDS => {
                if let Some(end) = K::clone_producer(&self.producers[at].end) {
                    self.producers.push(Pushing { end, id: self.producers_born });
                    self.model.producer_joins(self.producers_born);
                    self.producers_born += 1;
                }
            }
            Call::DropProducer => {
                let Pushing { end, id } = self.producers.swap_remove(at);
                drop(end);
                self.model.producer_leaves(id);
            }
            Call::ProducerIntoRemaining => {
                let Pushing { end, id } = self.producers.swap_remove(at);
                let left = end.into_remaining().map(values);
                self.model.producer_leaves(id);
                self.remain(left);
            }
            Call::CloseByProducer => {
                self.producers[at].end.close();
                self.model.closed = true;
            }
            _ => {}
        }
    }

    fn push(&mut self, at: usize) {
        let (value, item) = self.item();
        let producer = &mut self.producers[at];
        match producer.end.try_push(item) {
            Ok(()) => self.model.accepts(producer.id, value),
            Err(error) => {
                self.model.refuses(producer.id, without(&error));
                assert_eq!(error.into_inner().value(), value, "another item came back");
            }
        }
    }

    fn push_iter(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (mut count, hint) = (decisions.below(self.batch), Hint::ALL[decisions.below(Hint::ALL.len())]);
        // Whether a push of nothing ends a forgotten claim is nobody's promise.
        count = count.max(usize::from(self.model.has_forgotten(self.producers[at].id)));
        self.model.used(self.producers[at].id);
        let (producer, model, ledger) = (&mut self.producers[at], &mut self.model, self.ledger);
        let mut made = Vec::new();
        let make = || {
            made.push(model.next_value());
            T::make(made[made.len() - 1], ledger)
        };
        let mut items = Hinted { left: count, hint, make };
        let pushed = producer.end.push_iter(&mut items);
        let left = items.left;
        assert_eq!(made.len(), count - left);
        match pushed {
            Ok(pushed) => assert_eq!(pushed, made.len(), "the count is not that of the items taken"),
            Err(error) => {
                assert_eq!(left, count, "items were taken and refused");
                if count > 0 {
                    self.model.refuses(producer.id, error);
                }
            }
        }
        made.iter().for_each(|&value| self.model.accepts(producer.id, value));
        if hint != Hint::Exact {
            self.model.leaves_unwritten(64);
        }
    }

    fn claim(&mut self, at: usize, decisions: &mut Decisions<'_>) {
        let (max, count) = (1 + decisions.below(self.batch), decisions.below(self.batch + 1));
        let (take_back, ending) = (decisions.below(8) == 7, Ending::choose(decisions.next().unwrap_or(0)));
        let (producer, model) = (&mut self.producers[at], &mut self.model);
        let mut claim = match producer.end.try_claim(max) {
            Ok(claim) => claim,
            Err(error) => return model.refuses(producer.id, error),
        };
        let slots = claim.slots();
        assert!(slots <= max);
        model.claims(producer.id, slots);
        let mut written = Vec::new();
        for _ in 0..count {
            let value = model.next_value();
            match claim.push(T::make(value, self.ledger)) {
                Ok(()) => written.push(value),
                Err(item) => assert_eq!((item.value(), written.len()), (value, slots), "a free slot was refused"),
            }
        }
        if take_back {
            assert_eq!(claim.take_back().map(|item| item.value()), written.pop());
        }
        assert_eq!(claim.written(), written.len());
        match ending {
            Ending::Commit => {
                assert_eq!(claim.commit(), written.len());
                written.iter().for_each(|&value| model.accepts(producer.id, value));
                model.leaves_unwritten(slots - written.len());
            }
            Ending::Abandon | Ending::Drop => {
                if matches!(ending, Ending::Abandon) {
                    claim.abandon();
                } else {
                    drop(claim);
                }
                model.leaves_unwritten(slots);
            }
            Ending::Forget => {
                std::mem::forget(claim);
                model.forgets(producer.id, slots);
                self.leaked += if std::mem::needs_drop::<T>() { written.len() } else { 0 };
            }
        }
    }

    fn displace(&mut self, at: usize) {
        let (value, item) = self.item();
        let producer = &mut self.producers[at];
        let Ok(outcome) = K::displace(&mut producer.end, item) else { return };
        self.model.used(producer.id);
        match outcome {
            Ok(displaced) => {
                if let Some(oldest) = displaced {
                    self.model.refuses(producer.id, PushError::Full(()));
                    self.model.displaces(oldest.value());
                }
                self.model.accepts(producer.id, value);
            }
            Err(DisplaceError::Closed { item, displaced }) => {
                assert!(self.model.closed && displaced.is_none());
                assert_eq!(item.value(), value);
            }
            Err(DisplaceError::Busy(item)) => {
                assert_eq!(item.value(), value);
                self.model.busy();
            }
        }
    }

    fn call_consumer(&mut self, call: Call, at: usize, decisions: &mut Decisions<'_>) {
        match call {
            Call::Pop => {
                self.pop(at);
            }
            Call::PopEach | Call::PopInto | Call::PopSlice => self.pop_some(call, at, 1 + decisions.below(self.batch)),
            Call::Peek => self.peek(at),
            Call::CloneConsumer if self.consumers.len() < ENDS => {
                if let Some(end) = K::clone_consumer(&self.consumers[at].end) {
                    let id = self.model.clones(self.consumers[at].id);
                    self.consumers.push(Popping { end, id, held: None });
                }
            }
            Call::DropConsumer => {
                let Popping { end, id, held } = self.consumers.swap_remove(at);
                drop(end);
                match held {
                    Some(held) if K::FACTS.hands => {
                        self.model.leaves(id, held);
                        self.consumer_left(id, None);
                    }
                    held => self.consumer_left(id, held),
                }
            }
            Call::ConsumerIntoRemaining => {
                let Popping { end, id, held } = self.consumers.swap_remove(at);
                let mut left = end.into_remaining().map(values);
                if let (Some(held), true) = (held, K::FACTS.hands) {
                    let left_over = left.as_mut().expect("what was in its hands comes back");
                    assert_eq!(left_over.remove(0), held);
                    left = left.filter(|left| !left.is_empty() || self.is_deserted());
                }
                self.consumer_left(id, held);
                self.remain(left);
            }
            Call::CloseByConsumer => self.model.closed |= K::close_consumer(&mut self.consumers[at].end),
            _ => {}
        }
    }

    fn consumer_left(&mut self, id: usize, held: Option<u64>) {
        self.model.closed |= self.consumers.is_empty() && !K::FACTS.broadcast;
        match held {
            Some(value) if K::FACTS.hands => self.model.releases(id, value),
            Some(value) => self.model.puts_back(id, value),
            None => {}
        }
        self.model.consumer_leaves(id);
    }

    /// Whether there was an item.
    fn pop(&mut self, at: usize) -> bool {
        let popped = self.consumers[at].end.try_pop().map(|item| vec![item.value()]);
        let is_item = popped.is_ok();
        self.popped(at, popped, 1);
        is_item
    }

    fn pop_some(&mut self, call: Call, at: usize, max: usize) {
        let consumer = &mut self.consumers[at].end;
        let mut items = Vec::new();
        let count = match call {
            Call::PopEach => consumer.pop_each(max, |item| items.push(item)),
            Call::PopInto => consumer.pop_into(&mut items, max),
            _ => {
                let mut places: Vec<MaybeUninit<T>> = (0..max).map(|_| MaybeUninit::uninit()).collect();
                let count = consumer.pop_slice(&mut places);
                // SAFETY: `pop_slice` says that it has written so many from the start.
                items.extend(places.into_iter().take(count.unwrap_or(0)).map(|place| unsafe { place.assume_init() }));
                count
            }
        };
        assert_eq!(items.len(), count.unwrap_or(0));
        self.popped(at, count.map(|_| items.iter().map(T::value).collect()), max);
    }

    fn popped(&mut self, at: usize, popped: Result<Vec<u64>, PopError>, max: usize) {
        let consumer = &mut self.consumers[at];
        let values = match popped {
            Ok(values) => values,
            Err(error) => {
                assert!(consumer.held.is_none(), "what was peeked at is gone");
                return self.model.pops_nothing(consumer.id, error);
            }
        };
        assert!((1..=max).contains(&values.len()), "{} items for a call that asked for {max}", values.len());
        for value in values {
            match consumer.held.take() {
                Some(held) => {
                    assert_eq!(value, held, "not the item that was peeked at");
                    self.model.releases(consumer.id, value);
                }
                None => self.model.pops(consumer.id, value),
            }
        }
    }

    fn peek(&mut self, at: usize) {
        let consumer = &mut self.consumers[at];
        match (consumer.end.peek().map(T::value), consumer.held) {
            (Ok(value), Some(held)) => assert_eq!(value, held, "looking twice shows two items"),
            (Ok(value), None) => {
                self.model.peeks(consumer.id, value);
                consumer.held = Some(value);
            }
            (Err(_), Some(_)) => panic!("what was peeked at is gone"),
            (Err(error), None) => self.model.pops_nothing(consumer.id, error),
        }
    }

    fn look(&mut self) {
        for Pushing { end, id } in &self.producers {
            assert_eq!((end.capacity(), end.is_closed()), (self.model.capacity, self.model.closed));
            assert!(end.bytes() >= self.model.capacity * size_of::<T>());
            self.model.depth_of_producer(*id, end.depth(), end.room());
        }
        for Popping { end, id, .. } in &self.consumers {
            assert_eq!((end.capacity(), end.is_closed()), (self.model.capacity, self.model.closed));
            self.model.depth_of_consumer(*id, end.depth());
        }
    }

    fn is_deserted(&self) -> bool {
        self.producers.is_empty() && self.consumers.is_empty()
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

fn without<T>(error: &PushError<T>) -> PushError<()> {
    if error.is_full() { PushError::Full(()) } else { PushError::Closed(()) }
}

fn values<T: Payload>(items: impl Iterator<Item = T>) -> Vec<u64> {
    items.map(|item| item.value()).collect()
}
