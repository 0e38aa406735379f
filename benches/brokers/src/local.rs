//! ringway: a queue with rules of delivery, served by one worker; inside this process.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use ringway::{
    Engine,
    delivery::{Answer, Rules},
    worker::Leased,
};

use crate::job::{Payload, Seen, payload};

pub(crate) const HOW_AT_ONCE: &str = "a queue with `deliver`, leases and retries on; the handler says `Ok`";
pub(crate) const HOW_BY_LEASE: &str =
    "the same; each item is deferred, and its lease acked through the ring that answers come home by";

/// How the handler answers.
#[derive(Clone, Copy)]
pub(crate) enum Acks {
    AtOnce,
    ByLease,
}

/// Time from the first item published to the last one acked.
pub(crate) fn run(items: u64, acks: Acks) -> Result<Duration, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let engine = Engine::builder().workers(1).start().map_err(|error| text(&error))?;
    let queue = engine.queue::<Payload>("items").capacity(8192).open().map_err(|error| text(&error))?;
    let (told, faults) = mpsc::channel();
    let seen = Arc::new(Mutex::new(Some(Seen::new(items))));
    let deliveries = engine.consume(&queue).deliver::<String>(Rules::default()).handle(move |_| {
        let (mut seen, told) = (seen.lock().expect("one handler is made").take(), told.clone());
        move |item: &mut Leased<'_, Payload, String>| {
            let noted = seen.as_mut().ok_or("a second handler".into()).and_then(|seen| seen.note(&**item));
            if let Err(fault) = noted {
                // Whoever hears of the first fault ends the run.
                let _ = told.send(fault.clone());
                return Answer::Reject(fault);
            }
            match acks {
                Acks::AtOnce => Answer::Ack,
                Acks::ByLease => {
                    item.defer().ack().map_or_else(|error| Answer::Reject(error.to_string()), |()| Answer::Ack)
                }
            }
        }
    });
    let deliveries = deliveries.map_err(|error| text(&error))?;
    let mut publisher = queue.publisher();
    let start = Instant::now();
    for item in 0..items {
        publisher.publish(&item, payload(item)).map_err(|error| text(&error))?;
    }
    while deliveries.ledger().acked < items {
        if let Ok(fault) = faults.try_recv() {
            return Err(fault);
        }
        thread::yield_now();
    }
    let took = start.elapsed();
    let report = engine.drain(Duration::from_secs(30));
    report.ledger.check().map_err(|error| text(&error))?;
    let ledger = deliveries.ledger();
    if (ledger.acked, ledger.deliveries) != (items, items) {
        return Err(format!("not each item was acked once: {ledger:?}"));
    }
    Ok(took)
}
