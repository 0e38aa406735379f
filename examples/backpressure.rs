//! A reader that is too slow, under each policy: what the sender learns, what is lost, and that the figures add up.
//!
//! `cargo run --release --example backpressure`

use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

use ringway::channel::{self, ItemOrGap, Policy, Refusal, Sent};

const ITEMS: u64 = 20_000;
const SLOTS: usize = 256;

/// What became of the items, as the sender saw it.
#[derive(Default)]
struct Ledger {
    accepted: u64,
    refused: u64,
    timed_out: u64,
    dropped_newest: u64,
    dropped_oldest: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<12} {:>8} {:>8} {:>9} {:>11} {:>11} {:>8} {:>9} {:>6}",
        "policy", "accepted", "refused", "timed out", "lost newest", "lost oldest", "received", "told lost", "ms"
    );
    for policy in ["block", "block:20us", "reject", "drop-newest", "drop-oldest"] {
        run(policy.parse()?)?;
    }
    Ok(())
}

fn run(policy: Policy) -> Result<(), Box<dyn Error>> {
    let (mut tx, mut rx) = channel::mpmc::<u64>(SLOTS)?;
    let reader = thread::spawn(move || {
        let (mut received, mut told) = (0_u64, 0_u64);
        let mut last = None;
        while let Ok(next) = rx.recv_or_gap() {
            match next {
                ItemOrGap::Item(item) => {
                    assert!(last < Some(item), "items come in order, whatever is missing between them");
                    last = Some(item);
                    received += 1;
                    work();
                }
                ItemOrGap::Gap(lost) => told += lost,
            }
        }
        (received, told, rx.losses())
    });
    let start = Instant::now();
    let mut ledger = Ledger::default();
    for item in 0..ITEMS {
        match tx.send_with(policy, item) {
            Ok(Sent::In) => ledger.accepted += 1,
            Ok(Sent::DroppedNewest(own)) => {
                assert_eq!(own, item);
                ledger.dropped_newest += 1;
            }
            Ok(Sent::DroppedOldest(_)) => {
                ledger.accepted += 1;
                ledger.dropped_oldest += 1;
            }
            Err(refused) if refused.why == Refusal::Full => ledger.refused += 1,
            Err(refused) if refused.why == Refusal::Timeout => ledger.timed_out += 1,
            Err(refused) => return Err(refused.into()),
        }
    }
    let time = start.elapsed();
    drop(tx);
    let (received, told, losses) = reader.join().expect("the reader does not panic");
    println!(
        "{:<12} {:>8} {:>8} {:>9} {:>11} {:>11} {received:>8} {told:>9} {:>6}",
        policy.to_string(),
        ledger.accepted,
        ledger.refused,
        ledger.timed_out,
        ledger.dropped_newest,
        ledger.dropped_oldest,
        time.as_millis()
    );
    assert_eq!(ledger.accepted, received + ledger.dropped_oldest, "accepted = received + displaced");
    assert_eq!(ledger.accepted + ledger.refused + ledger.timed_out + ledger.dropped_newest, ITEMS);
    assert_eq!(told, losses.total());
    assert_eq!((losses.dropped_newest, losses.dropped_oldest), (ledger.dropped_newest, ledger.dropped_oldest));
    Ok(())
}

/// A few microseconds of it: the sender is ten times as fast.
fn work() {
    let until = Instant::now() + Duration::from_micros(3);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
