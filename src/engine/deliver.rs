//! Queues with rules of delivery: acked, retried, delayed, deduplicated, and dead letters that somebody looks at.

use std::sync::{Arc, mpsc::Receiver};

use super::{AttachError, Attached, Consuming};
use crate::delivery::{
    CancelError, Class, DeadLetter, Envelope, Id, ItemId, Ledger, LetterId, Order, Priorities, Rate, RedriveError,
    Rules, Tracker,
};
use crate::router::Sharing;
use crate::time::Instant;
use crate::worker::{Classes, DeliveryDuty, DeliveryHandler, DeliveryParts, Home, Inquiry, Look, OwnedTracker, Told};

type Classify<E> = Arc<dyn Fn(&E) -> Class + Send + Sync>;

impl<'e, T: Send + 'static> Consuming<'e, T> {
    /// Serves the queue by rules of delivery: an item stays in its worker's hands until it is acked, is given up, or has not
    /// come in time. It costs nothing where it is not asked for, and little where handlers say `Ok` straight away: such an item
    /// passes the tracker without waiting in it.
    ///
    /// Rules that are as by [default](Rules::default) can be set from outside, like the queue's capacity: `[queue.NAME.delivery]` in
    /// a file, or `RINGWAY_QUEUE_NAME_DELIVERY_ATTEMPTS_MAX` and its like. These are `capacity`, `in_flight_max`, `lease`,
    /// `backoff` (`exponential:10ms:10s`), `jitter`, `attempts_max`, `total_max`, `dead_letters` (how many are kept) and `dedup`
    /// (`120s:10000`). What came of it, [`effective_config`](super::Engine::effective_config) tells.
    ///
    /// SQS: redrive policy, visibility timeout; JetStream: consumer configuration; Kafka: share group; RabbitMQ: manual acks
    /// and queue arguments; Sidekiq: `sidekiq_options`.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// use ringway::{Engine, delivery::{Envelope, Retry, Rules}, worker::Leased};
    ///
    /// struct Mail { to: u64, text: &'static str }
    ///
    /// let engine = Engine::builder().workers(1).start()?;
    /// let mails = engine.queue::<Mail>("mails").open()?;
    /// let rules = Rules { retry: Retry { attempts_max: 3, ..Retry::default() }, ..Rules::default() };
    /// let deliveries = engine
    ///     .consume(&mails)
    ///     .deliver(rules)
    ///     .envelope(|mail: Mail| Envelope { key: Some(mail.to), ..Envelope::new(mail) })
    ///     .handle(|_shard| |mail: &mut Leased<'_, Mail, String>| {
    ///         if mail.text.is_empty() { Err("nothing to say".to_owned()) } else { Ok(()) }
    ///     })?;
    /// mails.publisher().publish(&7_u64, Mail { to: 7, text: "hello" })?;
    /// let report = engine.drain(Duration::from_secs(5));
    /// report.ledger.check()?;
    /// assert_eq!(deliveries.ledger().acked, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deliver<E: Send + 'static>(self, rules: Rules) -> Delivering<'e, T, E> {
        Delivering { consuming: self, rules, envelope: Envelope::new, classify: Arc::new(|_| Class::Retry) }
    }
}

/// A queue about to be served by rules of delivery.
#[must_use = "`handle` attaches it"]
pub struct Delivering<'e, T, E, M = fn(T) -> Envelope<T>> {
    consuming: Consuming<'e, T>,
    rules: Rules,
    envelope: M,
    classify: Classify<E>,
}

impl<'e, T: Send + 'static, E: Send + 'static, M> Delivering<'e, T, E, M> {
    /// Makes the header of an item when it is taken from the queue: key, id, delay, expiry, priority, by the time of
    /// [`Engine::now`](super::Engine::now), which a [`Probe`](super::Probe) tells here, too. Else there is none. Its origin is
    /// set here: the shard, and the nth item that the handler took.
    ///
    /// Of an item at which it panics nothing is left; it is counted as dropped.
    pub fn envelope<N>(self, envelope: N) -> Delivering<'e, T, E, N>
    where
        N: Fn(T) -> Envelope<T> + Clone + Send + 'static,
    {
        let Self { consuming, rules, classify, .. } = self;
        Delivering { consuming, rules, envelope, classify }
    }

    /// What an error means; else every error is worth a retry.
    pub fn classes(mut self, classify: impl Fn(&E) -> Class + Send + Sync + 'static) -> Self {
        self.classify = Arc::new(classify);
        self
    }

    /// Attaches handlers made by `make`, as [`Consuming::handle`] does. Each has a tracker by the [rules](Rules), of which only
    /// the seed differs.
    ///
    /// # Errors
    /// [`AttachError`]; it says what to change.
    ///
    /// # Panics
    /// Only if `make` does.
    pub fn handle<H, F>(self, make: F) -> Result<Deliveries<T, E>, AttachError>
    where
        H: DeliveryHandler<T, E>,
        F: Fn(usize) -> H + Send + Sync + 'static,
        M: Fn(T) -> Envelope<T> + Clone + Send + 'static,
    {
        let Self { consuming, rules, envelope, classify } = self;
        let (engine, name) = (consuming.engine, consuming.queue.name().clone());
        let (rules, told_rules) = engine.settings.rules(name.as_str(), rules)?;
        if let (Sharing::Shared, Some(rule)) = (consuming.queue.plan().sharing, of_one_worker(&rules)) {
            return Err(AttachError::Shared { name, rule });
        }
        let clock = &engine.clock;
        let mut parts = Vec::new();
        let mut inquiries = Vec::new();
        for nth in 0..consuming.handlers() {
            let rules = Rules { seed: rules.seed.wrapping_add(nth as u64), ..rules.clone() };
            let inquiry = Arc::new(Inquiry::new(Arc::new(Told::default()), clock.clone()));
            let leases = rules.in_flight_max.clamp(1, rules.capacity.max(1));
            let home = Home::new(leases, rules.lease, inquiry.bell())?;
            let takes_all = rules.priorities != Priorities::One;
            let classify = Arc::clone(&classify);
            let classes: Classes<E> = Box::new(move |error| classify(error));
            let tracker = Tracker::with_classes(rules, classes, clock.now())?;
            let (envelope, clock) = (envelope.clone(), clock.clone());
            inquiries.push(Arc::clone(&inquiry));
            parts.push(DeliveryParts { envelope, tracker, takes_all, home, inquiry, clock });
        }
        let mut parts = parts.into_iter();
        let attached = consuming.serve(make, |intakes, run| {
            let parts = parts.next().expect("one for each handler");
            let told = parts.inquiry.told();
            (Box::new(DeliveryDuty::new(intakes, run, parts)), Some(told))
        })?;
        engine.registry().rules.insert(name, told_rules);
        Ok(Deliveries { attached, inquiries })
    }
}

/// What only a worker can hold to that gets all items of a key.
fn of_one_worker(rules: &Rules) -> Option<&'static str> {
    match rules {
        Rules { order: Order::Keyed { .. }, .. } => Some("order by key"),
        Rules { dedup: Some(_), .. } => Some("the window of duplicates"),
        Rules { key_rate: Some(_), .. } => Some("a rate of each key"),
        _ => None,
    }
}

/// The handlers of a queue with rules of delivery, as seen from outside: what became of the items, and the dead letters.
///
/// What is asked for is answered by the handlers' workers between two batches, or here when they have ended. A call that waits
/// for the answer is not for these handlers themselves: on its own worker it would wait for ever. There
/// [`ask`](Self::ask), and take the answer later.
///
/// SQS, RabbitMQ, Sidekiq: the dead-letter queue in the console; JetStream: advisories.
pub struct Deliveries<T, E> {
    attached: Attached,
    inquiries: Vec<Arc<Inquiry<T, E>>>,
}

impl<T: Send + 'static, E: Send + 'static> Deliveries<T, E> {
    /// The handlers.
    pub fn attached(&self) -> &Attached {
        &self.attached
    }

    /// Handlers, each with a tracker.
    pub fn handlers(&self) -> usize {
        self.inquiries.len()
    }

    /// What became of the items of all handlers; exact while none of them works.
    pub fn ledger(&self) -> Ledger {
        self.inquiries.iter().map(|inquiry| inquiry.told().get()).fold(Ledger::default(), Ledger::and)
    }

    /// Lets `question` look at the nth handler's tracker, or change something: cancel, redrive, purge. Returns where the answer
    /// comes. A worker [by hand](super::Builder::by_hand) answers when it is polled. When the handler has ended nobody delivers
    /// what is redriven then: [`redrive`](Self::redrive) refuses that.
    ///
    /// # Panics
    /// If there is no such handler. Where `question` panics, no answer comes.
    pub fn ask<R: Send + 'static>(
        &self,
        nth: usize,
        question: impl FnOnce(&mut OwnedTracker<T, E>, Instant) -> R + Send + 'static,
    ) -> Receiver<R> {
        self.inquiries[nth].ask(false, |look| question(look.tracker, look.now))
    }

    /// Asks every handler, and waits for their answers, each with the number of the handler.
    fn ask_all<R: Send + 'static>(
        &self,
        question: impl Fn(Look<'_, T, E>) -> R + Clone + Send + 'static,
    ) -> Vec<(usize, R)> {
        let answers: Vec<_> = self.inquiries.iter().map(|inquiry| inquiry.ask(false, question.clone())).collect();
        answers.into_iter().enumerate().filter_map(|(nth, answer)| Some((nth, answer.recv().ok()?))).collect()
    }

    /// What `look` says of each dead letter, by handler, oldest first. Waits until the workers have answered. Of a handler at
    /// one of whose letters `look` panics nothing is told.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use ringway::{Engine, delivery::{Answer, Rules}, worker::Leased};
    /// # let engine = Engine::builder().workers(1).start()?;
    /// # let jobs = engine.queue::<u64>("jobs").open()?;
    /// # let rejects = |_: &mut Leased<'_, u64, &'static str>| Answer::Reject("no such picture");
    /// # let deliveries = engine.consume(&jobs).deliver(Rules::default()).handle(move |_| rejects)?;
    /// # jobs.publisher().publish(&1_u64, 1)?;
    /// # engine.drain(Duration::from_secs(5));
    /// let letters = deliveries.dead_letters(|id, letter| (id, letter.error, letter.attempts));
    /// let [(handler, (id, error, attempts))] = letters[..] else { panic!("one was rejected") };
    /// assert_eq!((error, attempts), (Some("no such picture"), 1));
    ///
    /// let letter = deliveries.remove(handler, id).expect("nobody took it meanwhile");
    /// assert_eq!(letter.envelope.payload, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dead_letters<R: Send + 'static>(
        &self,
        look: impl Fn(LetterId, &DeadLetter<T, E>) -> R + Clone + Send + 'static,
    ) -> Vec<(usize, R)> {
        let all = self.ask_all(move |Look { tracker, .. }| {
            tracker.dead_letters().list().map(|(id, letter)| look(id, letter)).collect::<Vec<_>>()
        });
        let of_handler = |(nth, looked): (usize, Vec<R>)| looked.into_iter().map(move |looked| (nth, looked));
        all.into_iter().flat_map(of_handler).collect()
    }

    /// Takes a dead letter of the nth handler out for good; `None` if it is gone. Waits until the worker has answered.
    ///
    /// # Panics
    /// If there is no such handler.
    pub fn remove(&self, nth: usize, letter: LetterId) -> Option<DeadLetter<T, E>> {
        self.ask(nth, move |tracker, _| tracker.dead_letters_mut().remove(letter)).recv().ok().flatten()
    }

    /// Accepts a dead letter of the nth handler again; see [`Tracker::redrive`]. Waits until the worker has answered.
    ///
    /// # Errors
    /// [`RedriveError`].
    ///
    /// # Panics
    /// If there is no such handler.
    pub fn redrive(&self, nth: usize, letter: LetterId) -> Result<ItemId, RedriveError> {
        let answer = self.inquiries[nth].ask(false, move |Look { tracker, now, goes_on, .. }| match goes_on {
            true => tracker.redrive(letter, now),
            false => Err(RedriveError::Ended),
        });
        answer.recv().unwrap_or(Err(RedriveError::Gone))
    }

    /// Accepts all dead letters again that are there now, each handler at this rate or as fast as there is room; returns how
    /// many those are; of a handler that has ended none. Those whose turn has not come when their handler ends stay dead letters.
    /// Waits until the workers have answered.
    pub fn redrive_all(&self, rate: Option<Rate>) -> usize {
        let redrive = move |look: Look<'_, T, E>| if look.goes_on { look.tracker.redrive_all(rate) } else { 0 };
        self.ask_all(redrive).into_iter().map(|(_, letters)| letters).sum()
    }

    /// Takes the item of this id out, unless it is in a handler's hands: one that was just published, a delayed one, or one that
    /// waits for its next attempt. Waits until the workers have answered, one after the other.
    ///
    /// A worker looks at what is in hand, and takes in before what its shards hold, as far as [`Rules::capacity`] has room. So an
    /// item whose publish had returned before this call is found, or has ended, or may be [`OutOfReach`](CancelError::OutOfReach).
    ///
    /// # Errors
    /// [`CancelError`].
    ///
    /// # Cost
    /// As [`Tracker::find`], on each worker; and what was taken in passes the tracker the longer way.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use ringway::{Engine, delivery::{CancelError, Envelope, Rules}, worker::Leased};
    /// # let engine = Engine::builder().workers(1).start()?;
    /// # let jobs = engine.queue::<u64>("jobs").open()?;
    /// let in_an_hour = engine.now() + Duration::from_secs(3600);
    /// let deliveries = engine
    ///     .consume(&jobs)
    ///     .deliver(Rules::default())
    ///     .envelope(move |job: u64| Envelope { id: Some(job.into()), not_before: in_an_hour, ..Envelope::new(job) })
    ///     .handle(|_shard| |_: &mut Leased<'_, u64, ()>| ())?;
    /// jobs.publisher().publish(&7_u64, 7)?;
    /// assert_eq!(deliveries.cancel(7_u64)?.payload, 7);
    /// assert_eq!(deliveries.cancel(7_u64).err(), Some(CancelError::Gone));
    /// # engine.drain(Duration::from_secs(5)).ledger.check()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self, id: impl Into<Id>) -> Result<Envelope<T>, CancelError> {
        let (id, mut refused) = (id.into(), CancelError::Gone);
        for nth in 0..self.handlers() {
            match self.ask_to_cancel(nth, id).recv() {
                Ok(Err(CancelError::Gone)) | Err(_) => {}
                // Another one may have it, or have had room for it.
                Ok(Err(CancelError::OutOfReach)) => refused = CancelError::OutOfReach,
                Ok(answer) => return answer,
            }
        }
        Err(refused)
    }

    fn ask_to_cancel(&self, nth: usize, id: Id) -> Receiver<Result<Envelope<T>, CancelError>> {
        self.inquiries[nth].ask(true, move |Look { tracker, is_behind, .. }| match tracker.find(id) {
            Some(item) => tracker.cancel(item),
            None if is_behind => Err(CancelError::OutOfReach),
            None => Err(CancelError::Gone),
        })
    }

    /// Drops all dead letters; returns how many there were. Waits until the workers have answered.
    pub fn purge(&self) -> usize {
        self.ask_all(|look| look.tracker.dead_letters_mut().purge()).into_iter().map(|(_, letters)| letters).sum()
    }
}

impl<T, E> std::fmt::Debug for Deliveries<T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliveries").field("attached", &self.attached).finish_non_exhaustive()
    }
}

impl<T, E, M> std::fmt::Debug for Delivering<'_, T, E, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivering")
            .field("consuming", &self.consuming)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::ring::Producer;
    use crate::router::{self, Held};
    use crate::worker::{Leased, Polled};

    /// A publisher stands in the middle of a push while a worker goes: whoever asked is answered, and what lies behind that push
    /// is handed back when it is through.
    #[test]
    fn a_worker_that_goes_does_not_take_along_what_it_could_not_reach() {
        let engine = Engine::builder().workers(1).by_hand().start().expect("an engine");
        let (jobs, plain) = (engine.queue("jobs").open(), engine.queue("plain").open());
        let (jobs, plain) = (jobs.expect("a queue"), plain.expect("a queue"));
        let handler = |_: &mut Leased<'_, u64, ()>| ();
        let deliveries = engine.consume(&jobs).deliver(Rules::default()).handle(move |_| handler).expect("handlers");
        let attached = engine.consume(&plain).handle(|_| |_: Held<'_, u64>| ()).expect("handlers");
        let mut ends = [jobs.producer(0), plain.producer(0)];
        let claims = ends.each_mut().map(|end| end.try_claim(1).expect("there is room"));
        jobs.publisher().publish(&0_u64, 7).expect("there is room");
        plain.publisher().publish(&0_u64, 8).expect("there is room");
        let asked = deliveries.ask(0, |tracker, _| tracker.depth());
        drop(engine.take_workers());
        assert_eq!(asked.try_recv(), Ok(0));
        assert!(deliveries.attached().is_over() && attached.is_over());
        drop(claims);
        engine.abort().ledger.check().expect("it balances");
        assert_eq!((jobs.take_left(), plain.take_left()), (vec![7], vec![8]));
    }
    type Cancelled = Result<u64, CancelError>;

    /// Publishes 0 to 5, of which 0 is in a handler's hands then; what becomes of cancels of `ids` that are asked for before the
    /// others are taken from the queue, and what is handled in the end.
    fn cancel(order: router::Order, sharing: Sharing, capacity: usize, ids: &[u64]) -> (Vec<Cancelled>, Vec<u64>) {
        let engine = Engine::builder().workers(2).by_hand().start().expect("an engine");
        let jobs = engine.queue("jobs").order(order).sharing(sharing).open().expect("a queue");
        let (told, tell) = std::sync::mpsc::channel();
        let rules = Rules { capacity, ..Rules::default() };
        let envelope = |job: u64| Envelope { id: Some(job.into()), ..Envelope::new(job) };
        let handler = move |job: &mut Leased<'_, u64, ()>| {
            if **job == 0 {
                std::mem::forget(job.defer())
            } else {
                let _ = told.send(**job);
            }
        };
        let consuming = engine.consume(&jobs).deliver(rules).envelope(envelope);
        let deliveries = consuming.handle(move |_| handler.clone()).expect("handlers");
        let (mut workers, mut publisher) = (engine.take_workers(), jobs.publisher());
        publisher.publish(&0_u64, 0).expect("there is room");
        workers[0].poll();
        (1..=5).for_each(|job| publisher.publish(&0_u64, job).expect("there is room"));
        let asked: Vec<_> = ids.iter().map(|&id| deliveries.ask_to_cancel(0, id.into())).collect();
        while workers.iter_mut().any(|worker| matches!(worker.poll(), Polled::Handled(_))) {}
        let answers = asked.iter().map(|asked| asked.recv().expect("an answer").map(|envelope| envelope.payload));
        let answers = answers.collect();
        engine.abort().ledger.check().expect("it balances");
        (answers, tell.try_iter().collect())
    }

    /// Whoever cancels a job right after publishing it was told that there is none, and the job ran.
    #[test]
    fn what_was_just_published_is_cancelled() {
        use CancelError::{Gone, Leased, OutOfReach};
        for order in [router::Order::Total, router::Order::PerPublisher] {
            for sharing in [Sharing::Keyed, Sharing::Shared] {
                let ids = [2, 5, 5, 0, 7];
                let (answers, handled) = cancel(order, sharing, 6, &ids);
                assert_eq!(answers, [Ok(2), Ok(5), Err(Gone), Err(Leased), Err(Gone)]);
                assert_eq!(handled, [1, 3, 4]);
                // With room for two besides the one in the handler's hands.
                let (answers, handled) = cancel(order, sharing, 3, &[1, 3, 7]);
                assert_eq!(answers, [Ok(1), Err(OutOfReach), Err(OutOfReach)]);
                assert_eq!(handled, [2, 3, 4, 5]);
            }
        }
    }
}
