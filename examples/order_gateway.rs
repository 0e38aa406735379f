//! An order gateway: clients send orders, a risk check refuses some, an exchange that fails in every way fills the others.
//!
//! ```sh
//! cargo run --release --features signals --example order_gateway            # 20,000 orders of 50 accounts
//! cargo run --release --features signals --example order_gateway -- 0       # until SIGTERM or SIGINT, or five million
//! ```
//!
//! What must hold, and is checked in the end: the orders of an account reach the exchange in the order in which they were
//! sent, although some are tried again; a client that sends an order twice gets the fill of the first; no order is filled
//! twice; whoever waits for an answer gets one. The exchange refuses some orders at first, answers some not at all (the lease
//! runs out), and some too late (the answer is stale).

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    error::Error,
    process::ExitCode,
    sync::Mutex,
    thread,
    time::Duration,
};

use ringway::{
    Engine,
    channel::{self, Receiver, Sender},
    delivery::{
        Answer, AtBound, Backoff, CallError, Class, DeadLetterRules, DeadLetters, DedupWindow, Effect, Envelope, Id,
        Jitter, Order as Ordering, Retry, Rules, Ticket,
    },
    engine::{Call, Caller, ReplyTo, signals::Stop},
    ring::lanes::Lanes,
    worker::{Deferred, DeliveryHandler, Leased},
};

const ACCOUNTS: u64 = 50;
/// The greatest order that the risk check lets through.
const QUANTITY_MAX: u64 = 950;
/// Orders without an answer at once.
const OPEN_MAX: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Order {
    account: u64,
    /// The client's own number of the order; the same again is the same order.
    client_order: u64,
    quantity: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OrderError {
    TooLarge,
    ExchangeBusy,
}

type Fill = u64;
type OrderCall = Call<Order, Fill, OrderError>;
type Reply = ReplyTo<Fill, OrderError>;

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
        lease: Duration::from_millis(50),
        retry: Retry {
            backoff: Backoff::Exponential { base: Duration::from_micros(200), cap: Duration::from_millis(5) },
            jitter: Jitter::Equal,
            attempts_max: 1000,
            ..Retry::default()
        },
        order: Ordering::Keyed { keys_max: 64, parked_per_key_max: 64, at_bound: AtBound::Stall },
        dedup: Some(DedupWindow { time: Duration::from_secs(300), count: 65_536 }),
        dead_letters: DeadLetterRules { capacity: 65_536, ..DeadLetterRules::default() },
        resolution: Duration::from_micros(100),
        ..Rules::default()
    }
}

/// What goes to the exchange.
enum Request {
    /// An attempt at an order, and those who wait for its fill since the last attempt.
    Order(Order, Deferred<OrderError>, Vec<Reply>),
    /// Somebody else waits for the fill of an order that was sent before.
    Again(Order, Reply),
}

/// One shard of the gateway, which has the orders of some of the accounts.
struct Gateway {
    exchange: Sender<Request, Lanes>,
    /// Whether an order was refused, or went to the exchange.
    refused: HashMap<u64, bool>,
    /// Those who ask again for an order whose turn has not come.
    waiting: HashMap<u64, Vec<Reply>>,
}

impl DeliveryHandler<OrderCall, OrderError> for Gateway {
    fn handle(&mut self, call: &mut Leased<'_, OrderCall, OrderError>) -> Answer<OrderError> {
        let order = *call.job();
        if order.quantity > QUANTITY_MAX {
            return Answer::Reject(OrderError::TooLarge);
        }
        self.refused.insert(order.client_order, false);
        let mut replies = self.waiting.remove(&order.client_order).unwrap_or_default();
        replies.extend(call.take_reply());
        self.exchange.send(Request::Order(order, call.defer(), replies)).expect("the exchange is there");
        Answer::Ack
    }

    /// Refused: whoever waits for it is told.
    fn effect(&mut self, effect: Effect<OrderCall>, letters: &mut DeadLetters<OrderCall, OrderError>) {
        if let Effect::Dead { letter, .. } = effect {
            let call = &mut letters.peek_mut(letter).expect("it has just died").envelope.payload;
            self.refused.insert(call.client_order, true);
            let others = self.waiting.remove(&call.client_order).unwrap_or_default();
            call.take_reply().into_iter().chain(others).for_each(|reply| reply.send(Err(OrderError::TooLarge)));
        }
    }

    /// A duplicate is answered like the first of its kind: now, or when that is.
    fn duplicate(&mut self, mut envelope: Envelope<OrderCall>) {
        let (order, reply) = (*envelope.payload, envelope.payload.take_reply().expect("it was never delivered"));
        match self.refused.get(&order.client_order) {
            Some(true) => reply.send(Err(OrderError::TooLarge)),
            Some(false) => self.exchange.send(Request::Again(order, reply)).expect("the exchange is there"),
            None => self.waiting.entry(order.client_order).or_default().push(reply),
        }
    }
}

/// What an order is filled with, as a number that tells it apart.
fn fill(order: Order) -> Fill {
    order.client_order * 1000 + order.quantity
}

/// What the exchange saw.
#[derive(Default)]
struct Exchange {
    /// Client orders of each account, in the order of their first filling.
    filled: BTreeMap<u64, Vec<u64>>,
    fills: HashMap<u64, Fill>,
    /// Those who wait for a fill; and attempts that it has not answered.
    waiting: HashMap<u64, Vec<Reply>>,
    unanswered: HashMap<u64, Deferred<OrderError>>,
    asked_again: u64,
    answered_late: u64,
}

impl Exchange {
    fn run(mut self, mut requests: Receiver<Request, Lanes>) -> Self {
        while let Ok(request) = requests.recv() {
            match request {
                Request::Order(order, deferred, replies) => self.attempt(order, deferred, replies),
                Request::Again(order, reply) => match self.fills.get(&order.client_order) {
                    Some(&fill) if !self.unanswered.contains_key(&order.client_order) => reply.send(Ok(fill)),
                    _ => self.waiting.entry(order.client_order).or_default().push(reply),
                },
            }
        }
        self
    }

    fn attempt(&mut self, order: Order, deferred: Deferred<OrderError>, replies: Vec<Reply>) {
        self.waiting.entry(order.client_order).or_default().extend(replies);
        if let Some(late) = self.unanswered.remove(&order.client_order) {
            // The answer of another life: its lease ran out, and the order came again.
            let _ = late.ack();
            self.answered_late += 1;
        }
        let attempt = deferred.attempt();
        if order.client_order.is_multiple_of(13) && attempt <= 2 {
            let _ = deferred.answer(Answer::Nack(OrderError::ExchangeBusy));
            return;
        }
        if self.fills.insert(order.client_order, fill(order)).is_none() {
            self.filled.entry(order.account).or_default().push(order.client_order);
        } else {
            self.asked_again += 1;
        }
        if order.client_order % 500 == 250 && attempt == 1 {
            // Filled, and not a word until the gateway asks again.
            self.unanswered.insert(order.client_order, deferred);
            return;
        }
        for reply in self.waiting.remove(&order.client_order).unwrap_or_default() {
            reply.send(Ok(fill(order)));
        }
        // Too late, if this machine was slow: then the order comes again, and is known.
        let _ = deferred.ack();
    }
}

#[derive(Debug, Default)]
struct Seen {
    sent: u64,
    repeated: u64,
    filled: u64,
    refused: u64,
    wrong: u64,
}

impl Seen {
    /// Waits for the answer to one order, and compares it.
    fn take(&mut self, caller: &mut Caller<Order, Fill, OrderError>, (ticket, order): (Ticket, Order)) {
        match caller.wait(ticket) {
            Some(Ok(answer)) if answer == fill(order) => self.filled += 1,
            Some(Err(CallError::Failed(OrderError::TooLarge))) if order.quantity > QUANTITY_MAX => self.refused += 1,
            _ => self.wrong += 1,
        }
    }
}

/// Sends all orders, each 20th of them twice, and waits for as many answers.
fn clients(
    count: u64,
    stop: &mut Stop,
    caller: &mut Caller<Order, Fill, OrderError>,
) -> Result<(Seen, u64), Box<dyn Error>> {
    let (mut seen, mut open) = (Seen::default(), VecDeque::with_capacity(OPEN_MAX));
    let mut client_order = 0;
    while client_order < count && !stop.is_asked() {
        client_order += 1;
        let order = Order { account: client_order % ACCOUNTS, client_order, quantity: 1 + client_order * 7 % 1000 };
        for again in 0..1 + u64::from(client_order.is_multiple_of(20)) {
            if open.len() == OPEN_MAX
                && let Some(oldest) = open.pop_front()
            {
                seen.take(caller, oldest);
            }
            open.push_back((caller.open(&order.account, order, None, Duration::from_secs(60))?, order));
            seen.sent += 1;
            seen.repeated += again;
        }
        if client_order == OPEN_MAX as u64 {
            println!("under way; SIGTERM drains");
        }
    }
    open.into_iter().for_each(|call| seen.take(caller, call));
    Ok((seen, client_order))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let count = if count == 0 { 5_000_000 } else { count };
    let mut stop = Stop::listen()?;
    let engine = Engine::builder().name("gateway").workers(2).start()?;
    let orders = engine.queue::<OrderCall>("orders").shards(2).capacity(512).open()?;
    let (to_exchange, requests) = channel::mpsc(1024)?;
    let exchange = thread::spawn(move || Exchange::default().run(requests));
    // One for each shard, and none that is left over: when the handlers are gone, the exchange closes.
    let senders = Mutex::new(vec![to_exchange.clone(), to_exchange]);
    let deliveries = engine
        .consume(&orders)
        .deliver(rules())
        .envelope(|call: OrderCall| Envelope {
            key: Some(call.account),
            id: Some(Id::from(call.client_order)),
            ..Envelope::new(call)
        })
        .classes(class)
        .handle(move |_shard| Gateway {
            exchange: senders.lock().expect("not poisoned").pop().expect("one for each shard"),
            refused: HashMap::new(),
            waiting: HashMap::new(),
        })?;
    let mut caller = engine.caller(&orders, OPEN_MAX)?;
    let (seen, count) = clients(count, &mut stop, &mut caller)?;
    let report = engine.drain(Duration::from_secs(60));
    // Its senders went with the handlers.
    let book = exchange.join().expect("the exchange does not panic");

    let ledger = deliveries.ledger();
    let depths = (0..deliveries.handlers()).map(|nth| deliveries.ask(nth, |tracker, _| tracker.dead_letters().depth()));
    let dead_letters: u64 = depths.map(|depth| depth.recv().map_or(0, |depth| depth as u64)).sum();
    println!("{seen:?}\n{report}");
    println!("{} leases ran out, {} answers came too late", ledger.leases_expired, ledger.stale);
    println!("the exchange was asked {} times for orders that it had filled", book.asked_again);
    report.ledger.check()?;
    assert!(report.is_drained() && ledger.in_hand == 0, "{ledger:?}");
    assert_eq!((seen.wrong, seen.filled + seen.refused), (0, seen.sent));
    assert_eq!((ledger.accepted, ledger.refused_duplicate), (count, seen.repeated));
    assert_eq!(ledger.acked + ledger.dead, count);
    assert!(ledger.stale >= book.answered_late && ledger.leases_expired >= book.answered_late, "{ledger:?}");
    let filled: u64 = book.filled.values().map(|orders| orders.len() as u64).sum();
    assert_eq!((filled, dead_letters), (ledger.acked, ledger.dead));
    for (account, orders) in &book.filled {
        assert!(orders.is_sorted(), "the orders of account {account} overtook each other: {orders:?}");
    }
    println!(
        "{filled} orders filled once each, those of {} accounts in their order; every figure adds up",
        book.filled.len()
    );
    Ok(stop.first().map_or(ExitCode::SUCCESS, |signal| signal.exit_code()))
}
