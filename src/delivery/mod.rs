//! At least once, in order by key: lease, ack, retry, delay, dedup, dead letter, as plain state of the worker that owns it.
//!
//! A [`Tracker`] takes items in, hands them out as deliveries, and keeps each until it has ended. It is driven by events and
//! by `now`, and answers with [`Effect`]s: no thread, no lock, no atomic, no sleep, and no allocation after the start. Whoever
//! needs none of it makes no tracker, and pays nothing.
//!
//! ```text
//!              accept                  next                     ack
//!   envelope ─────────▶ fresh, again ────────▶ leased ───────────────────▶ acked
//!                 │        ▲     ▲                │ nack, no answer, lease ran out
//!      not_before │   due  │     │ key released   ▼
//!                 └──▶ waiting   parked        attempts left? ── no ─────▶ dead letter ── redrive ──▶ accept
//!                          ▲                      │ yes
//!                          └──────────────────────┘
//!                                                 not in time, or a policy ▶ expired, dropped
//! ```
//!
//! In an engine a queue's workers drive trackers by themselves:
//! [`engine.consume(&queue).deliver(rules)`](crate::engine::Consuming::deliver).
//!
//! Beside it: [`Calls`] (request and reply, batches, progress), [`Saga`], [`Idempotent`] handlers, and [`Every`] for ticks.
//!
//! # What it keeps
//! * **Every item ends once**: acked, dead, expired, or dropped by a named policy. [`Tracker::ledger`] balances between any
//!   two calls.
//! * **Attempts are bounded**, and counted when they start: an attempt that crashes is one.
//! * **Order by key**, if asked for ([`Order::Keyed`]): one item of a key at a time, in the order of acceptance, also when
//!   one fails; other keys flow meanwhile.
//! * **Bounded memory**, taken at the start and told by [`Tracker::bytes`]. What does not fit is refused, so that the ring
//!   before it fills up and its backpressure works.
//!
//! # What others call it
//!
//! | here | SQS | JetStream | Kafka | RabbitMQ | Sidekiq |
//! |---|---|---|---|---|---|
//! | [`Tracker`], [`Rules`] | queue and its attributes | consumer, `ConsumerConfig` | share group | queue, channel, arguments | processor, `sidekiq_options` |
//! | [`Envelope`], [`Headers`], [`Origin`] | message, — | message, stream sequence | record, partition and offset | message, routing key | job, queue |
//! | [`Id`], [`DedupWindow`] | deduplication id, interval | `Nats-Msg-Id`, duplicate window | producer sequence | deduplication header (plug-in) | unique jobs |
//! | [`Delivery`], [`Lease`] | received message, receipt handle | message, its reply subject | acquired record, acquisition lock | delivery, delivery tag | fetched job |
//! | [`Tracker::extend`] | `ChangeMessageVisibility` | `InProgress` | renewal of the lock | — | — |
//! | [`Answer`], [`Class`] | delete; none | `Ack`, `Nak`, `Term` | accept, release, reject | `ack`, `nack`, `reject` | return, raise, `discard` |
//! | [`Stale`] | `ReceiptHandleIsInvalid` | ignored | `INVALID_RECORD_STATE` | unknown delivery tag | — |
//! | [`Effect`], [`Reason`], [`DroppedBy`] | — | advisories | — | `x-death` reason | middleware, death handlers |
//! | [`Retry`], [`Backoff`], [`Jitter`] | `maxReceiveCount`; none | `MaxDeliver`, `BackOff`; none | delivery count limit; none | `x-delivery-limit`; none | `retry`, `sidekiq_retry_in` |
//! | [`Order::Keyed`], [`AtBound`] | FIFO message group; it waits | `MaxAckPending` 1 | partition; it waits | single active consumer | — |
//! | [`Rules::in_flight_max`] | in-flight quota | `MaxAckPending` | record lock limit | prefetch | concurrency |
//! | [`DeadLetter`], [`LetterId`] | message of a dead-letter queue | advisory `MAX_DELIVERIES` | record of a dead-letter topic | dead-lettered message, `x-death` | dead job, `jid` |
//! | [`DeadLetters`], [`DeadLetterRules`], [`WhenFull`] | dead-letter queue, retention | — | dead-letter topic | dead-letter exchange, `x-overflow` | dead set, `dead_max_jobs` |
//! | [`Tracker::redrive`], [`Tracker::redrive_all`], [`RedriveError`] | message move task | — | — | shovel | retry of dead jobs |
//! | [`Expired`] | retention | `MaxAge`, per-message TTL | retention | TTL | `expires_in` |
//! | [`Tracker::find`], [`Tracker::cancel`], [`ItemId`], [`CancelError`] | —, message id | delete by sequence | — | — | delete by `jid` |
//! | [`Every`], [`Tick`], [`Missed`] | — | message schedules | — | — | periodic jobs |
//! | [`Priorities`], [`LANES_MAX`], [`Waited`] | — | priority groups | — | `x-max-priority` | weighted or strict queues, latency |
//! | [`Rate`] | — | `RateLimit` | quotas | — | `Limiter` |
//! | [`BreakerRules`], [`BreakerState`] | — | — | — | — | — (Polly, resilience4j: circuit breaker) |
//! | [`Refused`], [`TooManyCalls`] | `OverLimit` | `MaxMsgs` with `DiscardNew` | — | `reject-publish` | — |
//! | [`Calls`], [`Ticket`], [`Reply`], [`CallError`], [`Progress`] | temporary queues | request and reply | — | direct reply-to, correlation id | job status (plug-in) |
//! | [`BatchId`], [`Joined`] | — | — | — | — | `Batch` |
//! | [`Idempotent`] | Lambda Powertools | — | transactions | — | — |
//! | [`Saga`], [`SagaAction`], [`SagaEvent`], [`SagaError`] | Step Functions | — | — | — | batches with callbacks |
//! | [`Ledger`] | CloudWatch counts | consumer info | lag | queue totals | stats |

mod breaker;
mod calls;
mod columns;
mod dead_letter;
mod dedup;
mod effect;
mod envelope;
mod every;
mod guard;
mod keys;
mod lanes;
mod ledger;
mod passing;
mod random;
mod rate;
mod redrive;
mod retry;
mod rules;
mod saga;
mod settle;
mod slot;
mod table;
mod taking_out;
mod tracker;

pub use self::{
    breaker::{BreakerRules, BreakerState},
    calls::{BatchId, CallError, Calls, Joined, Progress, Reply, Ticket, TooManyCalls},
    columns::Headers,
    dead_letter::{DeadLetter, DeadLetterRules, DeadLetters, LetterId, WhenFull},
    dedup::{DedupWindow, Idempotent},
    effect::{Answer, CancelError, DroppedBy, Effect, ItemId, Lease, Reason, Refused, Stale},
    envelope::{Envelope, Id, Origin},
    every::{Every, Missed, Tick},
    guard::Delivery,
    lanes::{LANES_MAX, Priorities, Waited},
    ledger::Ledger,
    rate::Rate,
    redrive::RedriveError,
    retry::{Backoff, Class, Jitter, Retry},
    rules::{AtBound, Expired, Order, Rules},
    saga::{Saga, SagaAction, SagaError, SagaEvent},
    tracker::Tracker,
};
