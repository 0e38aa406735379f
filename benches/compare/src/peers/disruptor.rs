//! disruptor: one producer, and pollers that their threads drive themselves. A poll hands over all that is there, which
//! is the API: its consumers are bulk consumers in every row.

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, Producer, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};

use crate::harness::queue::{Payload, Push, PushMany, Queue, Shape, Take};

type Poller<T> = EventPoller<T, SingleProducerBarrier>;

/// One producer, one poller.
pub(crate) struct Single;

impl<T: Payload> Queue<T> for Single {
    type Tx = SingleProducer<T, SingleConsumerBarrier>;
    type Rx = Poller<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (poller, builder) = build_single_producer(shape.capacity, T::default, BusySpin).new_event_poller();
        (vec![builder.build()], vec![poller])
    }
}

impl<T: Payload> Push<T> for SingleProducer<T, SingleConsumerBarrier> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_publish(|event| *event = item).map(drop).map_err(|_| item)
    }
}

impl<T: Payload> Take<T> for Poller<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        let Ok(mut events) = self.poll() else { return 0 };
        let mut taken = 0;
        for event in &mut events {
            each(event);
            taken += 1;
        }
        taken
    }
}

/// Batches published at once, up to a batch taken at once.
pub(crate) struct Batches;

/// The end that takes up to a batch.
pub(crate) struct BatchesRx<T> {
    poller: Poller<T>,
    batch: u64,
}

impl<T: Payload> Queue<T> for Batches {
    type Tx = SingleProducer<T, SingleConsumerBarrier>;
    type Rx = BatchesRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (poller, builder) = build_single_producer(shape.capacity, T::default, BusySpin).new_event_poller();
        (vec![builder.build()], vec![BatchesRx { poller, batch: shape.batch as u64 }])
    }
}

impl<T: Payload> PushMany<T> for SingleProducer<T, SingleConsumerBarrier> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        let count = items.len();
        let published = self.try_batch_publish(count, |events| {
            for (event, item) in events.zip(items) {
                *event = item;
            }
        });
        if published.is_ok() { count } else { 0 }
    }
}

impl<T: Payload> Take<T> for BatchesRx<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        let Ok(mut events) = self.poller.take(self.batch) else { return 0 };
        let mut taken = 0;
        for event in &mut events {
            each(event);
            taken += 1;
        }
        taken
    }
}

/// One producer, pollers that each see every event.
pub(crate) struct Broadcast;

impl<T: Payload> Queue<T> for Broadcast {
    type Tx = SingleProducer<T, MultiConsumerBarrier>;
    type Rx = Poller<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let mut builder = build_single_producer(shape.capacity, T::default, BusySpin).with_multi_consumer();
        let mut pollers = Vec::new();
        for _ in 0..shape.consumers {
            let (poller, next) = builder.new_event_poller();
            pollers.push(poller);
            builder = next;
        }
        (vec![builder.build()], pollers)
    }
}

impl<T: Payload> Push<T> for SingleProducer<T, MultiConsumerBarrier> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.try_publish(|event| *event = item).map(drop).map_err(|_| item)
    }
}
