//! Queues and topics of any payload, as the engine knows them.

use std::{any::Any, sync::Arc};

use crate::router::{Gone, Name, Published, Queue, Record, Shape, Topic};

/// What the engine closes, counts and describes.
pub(super) trait Source: Send + Sync {
    fn id(&self) -> u64;
    fn name(&self) -> &Name;
    fn close(&self);
    /// Takes what nobody will handle over to what is handed back.
    fn leave_all(&self);
    fn bytes(&self) -> usize;
    fn published(&self) -> Published;
    /// `queue` or `topic`.
    fn kind(&self) -> &'static str;
    /// How it was opened, a line for each setting.
    fn settings(&self) -> &str;
    fn shape(&self) -> ShapeFigures;
    /// Brings the figures up to date. The caller's code may run: hold no lock.
    fn settle(&self);
    /// The numbers of the subscriptions that are kept one by one.
    fn listed(&self) -> Vec<u64>;
    /// The [`Queue`] or [`Topic`] itself.
    fn handle(&self) -> &dyn Any;
}

impl dyn Source {
    /// Whether it is this queue or topic, not only one of its name.
    pub(super) fn is<S: Shape>(&self, other: &S) -> bool {
        self.handle().downcast_ref::<S>().is_some_and(|own| own.is_same(other))
    }
}

/// What the ledger needs besides.
pub(super) enum ShapeFigures {
    Queue {
        /// By shard: items inside, if that can be told from outside.
        depths: Vec<Option<u64>>,
        left: u64,
    },
    Topic {
        /// By shard: the sequence of the next item.
        sequences: Vec<u64>,
        /// Each subscription that is kept one by one, and the items on their way in rings of its own, by shard.
        subscriptions: Vec<(Arc<Record>, Vec<u64>)>,
        /// The others.
        gone: Gone,
    },
}

pub(super) struct QueueSource<T: Send + 'static> {
    pub(super) id: u64,
    pub(super) queue: Queue<T>,
    pub(super) settings: String,
}

impl<T: Send + 'static> Source for QueueSource<T> {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> &Name {
        self.queue.name()
    }

    fn close(&self) {
        self.queue.close();
    }

    fn leave_all(&self) {
        self.queue.leave_all();
    }

    fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    fn published(&self) -> Published {
        self.queue.published()
    }

    fn kind(&self) -> &'static str {
        "queue"
    }

    fn settings(&self) -> &str {
        &self.settings
    }

    fn shape(&self) -> ShapeFigures {
        let depths = (0..self.queue.shards()).map(|shard| self.queue.depth(shard).map(|depth| depth as u64));
        ShapeFigures::Queue { depths: depths.collect(), left: self.queue.left_total() }
    }

    fn settle(&self) {}

    fn listed(&self) -> Vec<u64> {
        Vec::new()
    }

    fn handle(&self) -> &dyn Any {
        &self.queue
    }
}

pub(super) struct TopicSource<T: Send + Sync + 'static> {
    pub(super) id: u64,
    pub(super) topic: Topic<T>,
    pub(super) settings: String,
}

impl<T: Send + Sync + 'static> Source for TopicSource<T> {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> &Name {
        self.topic.name()
    }

    fn close(&self) {
        self.topic.close();
    }

    fn leave_all(&self) {}

    fn bytes(&self) -> usize {
        self.topic.bytes()
    }

    fn published(&self) -> Published {
        self.topic.published()
    }

    fn kind(&self) -> &'static str {
        "topic"
    }

    fn settings(&self) -> &str {
        &self.settings
    }

    fn shape(&self) -> ShapeFigures {
        let sequences = (0..self.topic.shards()).map(|shard| self.topic.sequence(shard)).collect();
        let records = self.topic.records();
        let (gone, kept) = (records.gone, records.kept.into_iter());
        let subscriptions = kept.map(|record| {
            let depths = self.topic.depths_beside(record.id);
            (record, depths)
        });
        ShapeFigures::Topic { sequences, subscriptions: subscriptions.collect(), gone }
    }

    fn settle(&self) {
        self.topic.settle();
    }

    fn listed(&self) -> Vec<u64> {
        self.topic.records().kept.iter().map(|record| record.id).collect()
    }

    fn handle(&self) -> &dyn Any {
        &self.topic
    }
}
