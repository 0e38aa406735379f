//! rtrb: push and pop; chunks written and read in place; a ring for each producer.

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::harness::adapters::hand_over;
use crate::harness::queue::{Payload, Push, PushMany, Queue, Shape, Take};

/// One item a call.
pub(crate) struct Spsc;

impl<T: Payload> Queue<T> for Spsc {
    type Tx = Producer<T>;
    type Rx = Consumer<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = RingBuffer::new(shape.capacity);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Push<T> for Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<(), T> {
        self.push(item).map_err(|PushError::Full(item)| item)
    }
}

impl<T: Payload> Take<T> for Consumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        hand_over(self.pop().ok(), each)
    }
}

/// Chunks of up to a batch.
pub(crate) struct Chunks;

/// The end that writes chunks.
pub(crate) struct ChunkTx<T>(Producer<T>);

/// The end that reads chunks.
pub(crate) struct ChunkRx<T> {
    rx: Consumer<T>,
    batch: usize,
}

impl<T: Payload> Queue<T> for Chunks {
    type Tx = ChunkTx<T>;
    type Rx = ChunkRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (tx, rx) = RingBuffer::new(shape.capacity);
        (vec![ChunkTx(tx)], vec![ChunkRx { rx, batch: shape.batch }])
    }
}

impl<T: Payload> PushMany<T> for ChunkTx<T> {
    #[inline(always)]
    fn try_push_many(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        self.0.write_chunk_uninit(items.len()).map_or(0, |chunk| chunk.fill_from_iter(items))
    }
}

impl<T: Payload> Take<T> for ChunkRx<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(&T)) -> usize {
        // A full batch costs no look at the producer while the last look covers it; else take what there is.
        let batch = self.batch;
        let chunk = match self.rx.read_chunk(batch) {
            Ok(chunk) => chunk,
            Err(rtrb::chunks::ChunkError::TooFewSlots(0)) => return 0,
            Err(rtrb::chunks::ChunkError::TooFewSlots(slots)) => match self.rx.read_chunk(slots) {
                Ok(chunk) => chunk,
                Err(_) => return 0,
            },
        };
        let (left, right) = chunk.as_slices();
        left.iter().for_each(&mut each);
        right.iter().for_each(&mut each);
        let taken = left.len() + right.len();
        chunk.commit_all();
        taken
    }
}

/// A ring for each producer; the consumer stays with one while it yields, then goes on to the next.
pub(crate) struct Lanes;

/// The end that reads all rings.
pub(crate) struct LanesRx<T> {
    lanes: Vec<Consumer<T>>,
    current: usize,
}

impl<T: Payload> Queue<T> for Lanes {
    type Tx = Producer<T>;
    type Rx = LanesRx<T>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let lanes = (0..shape.producers).map(|_| RingBuffer::new(shape.lane_capacity()));
        let (txs, lanes) = lanes.unzip();
        (txs, vec![LanesRx { lanes, current: 0 }])
    }
}

impl<T: Payload> Take<T> for LanesRx<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(&T)) -> usize {
        for _ in 0..self.lanes.len() {
            if let Ok(item) = self.lanes[self.current].pop() {
                return hand_over(Some(item), each);
            }
            self.current += 1;
            if self.current == self.lanes.len() {
                self.current = 0;
            }
        }
        0
    }
}
