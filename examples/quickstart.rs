//! The shortest useful program: threads that work, one that collects, and a clean end.
//!
//! `cargo run --release --example quickstart`

use std::{error::Error, thread};

use ringway::channel;

fn main() -> Result<(), Box<dyn Error>> {
    // Jobs go to whichever worker is free; results come back over a lane of each worker's own.
    let (mut jobs, job) = channel::mpmc::<u64>(64)?;
    let (result, mut results) = channel::mpsc::<(usize, u64)>(64)?;
    let workers: Vec<_> = (0..4)
        .map(|id| {
            let (job, mut result) = (job.clone(), result.clone());
            thread::spawn(move || {
                for number in job {
                    if result.send((id, collatz(number))).is_err() {
                        return; // nobody collects any more
                    }
                }
            })
        })
        .collect();
    // Only the workers' ends are left: the results end when the last worker does.
    drop((job, result));

    let sender = thread::spawn(move || jobs.send_many(1..=10_000)); // waits whenever 64 are under way
    let (mut done, mut longest) = ([0; 4], 0);
    for (id, steps) in &mut results {
        done[id] += 1;
        longest = longest.max(steps);
    }
    assert_eq!(sender.join().expect("the sender does not panic"), Ok(10_000));
    workers.into_iter().for_each(|worker| worker.join().expect("no worker panics"));
    println!("{} jobs, {done:?} by worker; the longest took {longest} steps", done.iter().sum::<u32>());
    assert_eq!((done.iter().sum::<u32>(), longest), (10_000, 261));
    Ok(())
}

/// Steps of Collatz's sequence from a number down to 1.
fn collatz(mut number: u64) -> u64 {
    let mut steps = 0;
    while number != 1 {
        number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}
