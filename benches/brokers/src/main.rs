//! The same job on Redis Streams, on NATS JetStream and on ringway, in rounds that are interleaved; prints a table.
//!
//! `job` says what is to be done and checks that it was; `redis`, `nats` and `local` do it, the first two over `wire`; `report`
//! writes down what came of it. `benches/brokers/run` starts the servers and then this.
//!
//! The clients are written here, on bare sockets, and ask for no more than the job needs: everything is in batches and under
//! way at once, as the servers' documentations recommend. What they cost is less than what a general client does.

mod job;
mod local;
mod nats;
mod redis;
mod report;
mod wire;

use std::{env, process::ExitCode, time::Duration};

use local::Acks;

/// One way to do the job.
struct Contender {
    name: &'static str,
    how: String,
    run: Box<dyn Fn(u64) -> Result<Duration, String>>,
    /// Of each round, seconds.
    took: Vec<f64>,
}

fn main() -> ExitCode {
    match run() {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("brokers: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [redis, nats, items, rounds] = &arguments[..] else {
        return Err("usage: brokers REDIS-ADDRESS NATS-ADDRESS ITEMS ROUNDS; `run` starts the servers".into());
    };
    let number = |text: &str| match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!("{text:?} is no number of items or rounds: pass 1 or more")),
    };
    let (items, rounds) = (number(items)?, number(rounds)?);
    let (redis_version, nats_version) = (redis::version(redis)?, nats::version(nats)?);
    let (redis, nats) = (redis.clone(), nats.clone());
    let mut contenders = [
        contender("Redis Streams", format!("{redis_version}: {}", redis::HOW), move |items| redis::run(&redis, items)),
        contender("NATS JetStream", format!("{nats_version}: {}", nats::HOW), move |items| nats::run(&nats, items)),
        contender("ringway, acked by lease", local::HOW_BY_LEASE.into(), |items| local::run(items, Acks::ByLease)),
        contender("ringway, acked at once", local::HOW_AT_ONCE.into(), |items| local::run(items, Acks::AtOnce)),
    ];
    // The first round warms up, and does not count.
    for round in 0..=rounds as usize {
        for nth in 0..contenders.len() {
            let nth = (nth + round) % contenders.len();
            let Contender { name, run, took, .. } = &mut contenders[nth];
            let spent = run(items).map_err(|why| format!("{name}: {why}"))?;
            eprintln!("round {round}: {name}: {:.0} items/s", items as f64 / spent.as_secs_f64());
            if round > 0 {
                took.push(spent.as_secs_f64());
            }
        }
    }
    Ok(report::table(&contenders, items))
}

fn contender(name: &'static str, how: String, run: impl Fn(u64) -> Result<Duration, String> + 'static) -> Contender {
    Contender { name, how, run: Box::new(run), took: Vec::new() }
}
