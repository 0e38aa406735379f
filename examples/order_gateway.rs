//! An order gateway: clients send orders, a risk check refuses some, an exchange that fails in every way fills the others.
//!
//! ```sh
//! cargo run --release --example order_gateway            # 20,000 orders of 50 accounts
//! ```
//!
//! What must hold, and is checked in the end: the orders of an account reach the exchange in the order in which they were
//! sent, although some are tried again; a client that sends an order twice gets the fill of the first; no order is filled
//! twice; whoever waits for an answer gets one. The exchange refuses some orders at first, answers some not at all (the lease
//! runs out), and some too late (the answer is stale).

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    thread,
    time::Duration,
};

use ringway::{
    channel::{self, Receiver, Sender},
    delivery::{
        Answer, AtBound, Backoff, CallError, Calls, Class, DeadLetterRules, DedupWindow, Effect, Envelope, Id,
        Idempotent, Jitter, Lease, Order as Ordering, Reason, Refused, Reply, Retry, Rules, Ticket, Tracker,
    },
    ring::spsc::Spsc,
    time::{Clock, Instant, Monotonic},
};

const ACCOUNTS: u64 = 50;
/// The greatest order that the risk check lets through.
const QUANTITY_MAX: u64 = 950;

#[derive(Debug, Clone, Copy)]
struct Order {
    account: u64,
    /// The client's own number of the order; the same again is the same order.
    client_order: u64,
    quantity: u64,
    ticket: Ticket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OrderError {
    TooLarge,
    ExchangeBusy,
}

type Fill = u64;
type FromClients = Receiver<Order, Spsc>;
type ToClients = Sender<(Ticket, Result<Fill, OrderError>), Spsc>;

fn class(error: &OrderError) -> Class {
    match error {
        OrderError::TooLarge => Class::Reject,
        OrderError::ExchangeBusy => Class::Retry,
    }
}

fn rules() -> Rules {
    Rules {
        capacity: 512,
        in_flight_max: 64,
        lease: Duration::from_millis(20),
        retry: Retry {
            backoff: Backoff::Exponential { base: Duration::from_micros(200), cap: Duration::from_millis(5) },
            jitter: Jitter::Equal,
            attempts_max: 20,
            ..Retry::default()
        },
        order: Ordering::Keyed { keys_max: 64, parked_per_key_max: 64, at_bound: AtBound::Stall },
        dedup: Some(DedupWindow { time: Duration::from_secs(300), count: 65_536 }),
        dead_letters: DeadLetterRules { capacity: 65_536, ..DeadLetterRules::default() },
        resolution: Duration::from_micros(100),
        ..Rules::default()
    }
}

/// The gateway itself: one thread that owns everything.
struct Gateway {
    clock: Monotonic,
    tracker: Tracker<Order, OrderError, fn(&OrderError) -> Class>,
    orders: FromClients,
    replies: ToClients,
    exchange: Sender<(Lease, Order), Spsc>,
    reports: Receiver<(Lease, Order, Answer<OrderError>), Spsc>,
    /// Fills by client order, for those who ask twice; and those who asked before there was one.
    fills: HashMap<u64, Result<Fill, OrderError>>,
    waiting: HashMap<u64, Vec<Ticket>>,
}

impl Gateway {
    fn run(mut self) -> Self {
        let mut is_open = true;
        while is_open || self.tracker.depth() > 0 {
            let now = self.clock.now();
            let before = self.tracker.ledger();
            while is_open && self.tracker.room() > 0 {
                match self.orders.try_recv() {
                    Ok(order) => self.accept(order, now),
                    Err(error) if error.is_empty() => break,
                    Err(_) => is_open = false,
                }
            }
            while let Ok((lease, order, answer)) = self.reports.try_recv() {
                // An answer that comes too late is counted; the order went out again.
                if let Ok(effect) = self.tracker.settle(lease, answer, now) {
                    self.ended(order, effect);
                }
            }
            while let Some(effect) = self.tracker.tick(now) {
                if let Effect::Dead { .. } = effect {
                    unreachable!("twenty attempts are enough for this exchange");
                }
            }
            self.deliver(now);
            if self.tracker.ledger() == before {
                thread::sleep(Duration::from_micros(50));
            }
        }
        self
    }

    /// A duplicate is answered like the first of its kind: now, or when that is.
    fn accept(&mut self, order: Order, now: Instant) {
        let id = Some(Id::from(order.client_order));
        let envelope = Envelope { key: Some(order.account), id, ..Envelope::new(order) };
        match self.tracker.accept(envelope, now) {
            Ok(_) => self.waiting.entry(order.client_order).or_default().push(order.ticket),
            Err(Refused::Duplicate(_)) => match self.fills.get(&order.client_order) {
                Some(&result) => self.replies.send((order.ticket, result)).expect("the clients wait for all"),
                None => self.waiting.entry(order.client_order).or_default().push(order.ticket),
            },
            Err(Refused::Full(_)) => unreachable!("there was room"),
        }
    }

    fn deliver(&mut self, now: Instant) {
        loop {
            let Some(delivery) = self.tracker.next(now) else { return };
            let order = *delivery.payload();
            if order.quantity > QUANTITY_MAX {
                let effect = delivery.reject(OrderError::TooLarge);
                self.ended(order, effect);
            } else {
                let lease = delivery.defer();
                self.exchange.send((lease, order)).expect("the exchange is there");
            }
        }
    }

    /// Answers everybody who waits for an order that has ended.
    fn ended(&mut self, order: Order, effect: Effect<Order>) {
        let result = match effect {
            Effect::Acked => Ok(fill(order)),
            Effect::Dead { reason: Reason::Rejected, .. } => Err(OrderError::TooLarge),
            _ => return,
        };
        self.fills.insert(order.client_order, result);
        for ticket in self.waiting.remove(&order.client_order).unwrap_or_default() {
            self.replies.send((ticket, result)).expect("the clients wait for all");
        }
    }
}

/// What an order is filled with, as a number that tells it apart.
fn fill(order: Order) -> Fill {
    order.client_order * 1000 + order.quantity
}

/// What the exchange saw.
struct Exchange {
    /// Client orders of each account, in the order of their first filling.
    filled: BTreeMap<u64, Vec<u64>>,
    asked_again: u64,
    answered_late: u64,
}

fn exchange(
    mut orders: Receiver<(Lease, Order), Spsc>,
    mut reports: Sender<(Lease, Order, Answer<OrderError>), Spsc>,
) -> Exchange {
    let mut book = Exchange { filled: BTreeMap::new(), asked_again: 0, answered_late: 0 };
    let window = DedupWindow { time: Duration::MAX, count: 65_536 };
    let mut known = Idempotent::<Fill>::new(window).expect("memory for the day's orders");
    let mut late = HashMap::new();
    while let Ok((lease, order)) = orders.recv() {
        if let Some(lease) = late.remove(&order.client_order) {
            // The answer of another life: its lease ran out, and the order came again.
            let _ = reports.send((lease, order, Answer::Ack));
            book.answered_late += 1;
        }
        if order.client_order.is_multiple_of(13) && lease.attempt() <= 2 {
            let _ = reports.send((lease, order, Answer::Nack(OrderError::ExchangeBusy)));
            continue;
        }
        let before = known.repeats();
        known.run(order.client_order, Instant::START, || {
            book.filled.entry(order.account).or_default().push(order.client_order);
            fill(order)
        });
        book.asked_again += known.repeats() - before;
        match (order.client_order % 500, lease.attempt()) {
            // Filled, and not a word: the gateway asks again.
            (250, 1) => {}
            // A word, but only when the gateway has asked again.
            (251, 1) => drop(late.insert(order.client_order, lease)),
            _ => drop(reports.send((lease, order, Answer::Ack))),
        }
    }
    book
}

#[derive(Debug, Default)]
struct Seen {
    sent: u64,
    repeated: u64,
    filled: u64,
    refused: u64,
    wrong: u64,
}

/// Sends all orders, each 20th of them twice, and waits for as many answers.
fn clients(
    count: u64,
    clock: Monotonic,
    mut orders: Sender<Order, Spsc>,
    mut replies: Receiver<(Ticket, Result<Fill, OrderError>), Spsc>,
) -> Result<Seen, Box<dyn Error>> {
    let mut calls = Calls::<Fill, OrderError>::new(1024, clock.now())?;
    let mut open = HashMap::with_capacity(1024);
    let mut seen = Seen::default();
    let mut client_order = 0;
    loop {
        while client_order < count && calls.depth() + 2 <= 1024 {
            client_order += 1;
            let (account, quantity) = (client_order * 7 % ACCOUNTS, 1 + client_order * 31 % 1000);
            for repeat in 0..1 + u64::from(client_order.is_multiple_of(20)) {
                let ticket = calls.open(None, clock.now(), Duration::from_secs(60))?;
                let order = Order { account, client_order, quantity, ticket };
                open.insert(ticket, order);
                orders.send(order)?;
                seen.sent += 1;
                seen.repeated += repeat;
            }
        }
        if calls.depth() == 0 {
            return Ok(seen);
        }
        let (ticket, result) = replies.recv()?;
        calls.answer(ticket, result);
        match (calls.take(ticket), open.remove(&ticket)) {
            (Reply::Ready(Ok(filled)), Some(order)) if filled == fill(order) => seen.filled += 1,
            (Reply::Ready(Err(CallError::Failed(OrderError::TooLarge))), Some(order))
                if order.quantity > QUANTITY_MAX =>
            {
                seen.refused += 1;
            }
            _ => seen.wrong += 1,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let clock = Monotonic::new();
    // Whatever is under way fits, so that no two of the threads ever wait for each other.
    let (to_gateway, orders) = channel::spsc(2048)?;
    let (replies, to_clients) = channel::spsc(2048)?;
    let (to_exchange, at_exchange) = channel::spsc(2048)?;
    let (from_exchange, reports) = channel::spsc(2048)?;
    let tracker = Tracker::with_classes(rules(), class as fn(&OrderError) -> Class, clock.now())?;
    println!("the tracker takes {} KiB", tracker.bytes() / 1024);
    let (fills, waiting) = (HashMap::new(), HashMap::new());
    let gateway = Gateway { clock, tracker, orders, replies, exchange: to_exchange, reports, fills, waiting };
    let gateway = thread::spawn(move || gateway.run());
    let exchange = thread::spawn(move || exchange(at_exchange, from_exchange));
    let seen = clients(count, clock, to_gateway, to_clients)?;
    let Gateway { tracker, exchange: to_exchange, .. } = gateway.join().expect("the gateway does not panic");
    drop(to_exchange);
    let book = exchange.join().expect("the exchange does not panic");

    let ledger = tracker.ledger();
    println!("{seen:?}");
    println!("{ledger:?}");
    println!("the exchange was asked {} times for orders that it had filled", book.asked_again);
    assert!(ledger.balances() && ledger.in_hand == 0);
    assert_eq!((seen.wrong, seen.filled + seen.refused), (0, seen.sent));
    assert_eq!((ledger.accepted, ledger.refused_duplicate), (count, seen.repeated));
    assert_eq!(ledger.acked + ledger.dead, count);
    assert_eq!(ledger.stale, book.answered_late);
    let filled: u64 = book.filled.values().map(|orders| orders.len() as u64).sum();
    assert_eq!((filled, tracker.dead_letters().depth() as u64), (ledger.acked, ledger.dead));
    for (account, orders) in &book.filled {
        assert!(orders.is_sorted(), "the orders of account {account} overtook each other: {orders:?}");
    }
    println!(
        "{filled} orders filled once each, those of {} accounts in their order; every figure adds up",
        book.filled.len()
    );
    Ok(())
}
