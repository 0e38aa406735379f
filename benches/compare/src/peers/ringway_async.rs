//! ringway's channels by their futures.

use ringway::{
    channel::{self, Receiver, Sender},
    ring::{Kind, broadcast::Broadcast as BroadcastRing},
};

use crate::harness::queue::{AsyncPush, AsyncTake, Ended, Payload, Queue, Shape};

/// `channel::broadcast`.
pub(crate) struct Broadcast;

impl<T: Payload> Queue<T> for Broadcast {
    type Tx = Sender<T, BroadcastRing>;
    type Rx = Receiver<T, BroadcastRing>;

    fn open(shape: &Shape) -> (Vec<Self::Tx>, Vec<Self::Rx>) {
        let (mut tx, rx) = channel::broadcast(shape.capacity).expect("the row's capacity is allowed");
        let others: Vec<_> = (1..shape.consumers).map(|_| tx.subscribe()).collect();
        (vec![tx], others.into_iter().chain([rx]).collect())
    }
}

impl<T: Payload, K: Kind<T, Producer: 'static, Consumer: 'static> + 'static> AsyncPush<T> for Sender<T, K> {
    async fn push_async(&mut self, item: T) -> Result<(), Ended> {
        self.send_async(item).await.map_err(|_| Ended)
    }
}

impl<T: Payload, K: Kind<T, Producer: 'static, Consumer: 'static> + 'static> AsyncTake<T> for Receiver<T, K> {
    async fn take_async(&mut self) -> Result<T, Ended> {
        self.recv_async().await.map_err(|_| Ended)
    }
}
