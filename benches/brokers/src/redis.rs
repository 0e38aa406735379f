//! Redis Streams with a consumer group, by the protocol RESP2.
//!
//! Produced by `XADD` in pipelines, taken by `XREADGROUP` in batches, acked by `XACK` of each batch's ids, sent along with
//! the next `XREADGROUP`.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use crate::{
    job::{BATCH, Seen, payload},
    wire::{Wire, number},
};

pub(crate) const HOW: &str =
    "no persistence; XADD pipelined by 512, XREADGROUP COUNT 512, one XACK a batch, sent with the next read";

pub(crate) fn version(address: &str) -> Result<String, String> {
    let mut wire = Wire::connect(address)?;
    command(&mut wire, &[b"INFO", b"server"]);
    wire.flush()?;
    let text = String::from_utf8_lossy(bulk(&mut wire)?).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(format!("redis-server {}", version.unwrap_or("of an unknown version")))
}

/// Time from the first item sent to the last ack confirmed.
pub(crate) fn run(address: &str, items: u64) -> Result<Duration, String> {
    let (mut producer, mut consumer) = (Wire::connect(address)?, Wire::connect(address)?);
    command(&mut consumer, &[b"FLUSHALL"]);
    command(&mut consumer, &[b"XGROUP", b"CREATE", b"items", b"workers", b"0", b"MKSTREAM"]);
    consumer.flush()?;
    for _ in 0..2 {
        expect(&mut consumer, b"+OK")?;
    }
    let start = Instant::now();
    thread::scope(|scope| {
        let producing = scope.spawn(|| produce(&mut producer, items));
        let consumed = consume(&mut consumer, items);
        producing.join().expect("it returns its errors").and(consumed)
    })?;
    let took = start.elapsed();
    command(&mut consumer, &[b"XPENDING", b"items", b"workers"]);
    command(&mut consumer, &[b"XLEN", b"items"]);
    command(&mut consumer, &[b"FLUSHALL"]);
    consumer.flush()?;
    // None pending: no range, and no consumers that have any.
    for line in ["*4", ":0", "$-1", "$-1", "*-1", &format!(":{items}"), "+OK"] {
        expect(&mut consumer, line.as_bytes())?;
    }
    Ok(took)
}

fn produce(wire: &mut Wire, items: u64) -> Result<(), String> {
    let (mut sent, mut confirmed) = (0, 0);
    while confirmed < items {
        // Two batches are under way.
        while sent < items && sent - confirmed < 2 * BATCH as u64 {
            for item in sent..items.min(sent + BATCH as u64) {
                command(wire, &[b"XADD", b"items", b"*", b"i", &payload(item)]);
            }
            sent = items.min(sent + BATCH as u64);
            wire.flush()?;
        }
        let batch = (sent - confirmed).min(BATCH as u64);
        for _ in 0..batch {
            bulk(wire)?;
        }
        confirmed += batch;
    }
    Ok(())
}

fn consume(wire: &mut Wire, items: u64) -> Result<(), String> {
    let mut seen = Seen::new(items);
    let (mut ids, mut acked) = (Vec::with_capacity(BATCH), 0);
    while acked < items {
        let acks = ids.len();
        if acks > 0 {
            let named: [&[u8]; 3] = [b"XACK", b"items", b"workers"];
            command(wire, &named.into_iter().chain(ids.iter().map(Vec::as_slice)).collect::<Vec<_>>());
            ids.clear();
        }
        if seen.left() > 0 {
            let count = BATCH.to_string();
            let from: [&[u8]; 6] = [b"XREADGROUP", b"GROUP", b"workers", b"one", b"COUNT", count.as_bytes()];
            command(wire, &[&from[..], &[b"BLOCK", b"30000", b"STREAMS", b"items", b">"]].concat());
        }
        let reads = seen.left() > 0;
        wire.flush()?;
        if acks > 0 {
            let line = wire.line()?;
            let count = line.strip_prefix(b":").ok_or_else(|| unexpected(line))?;
            acked += number(count)? as u64;
        }
        if reads {
            read_batch(wire, &mut seen, &mut ids)?;
        }
    }
    if seen.left() > 0 { Err(format!("{} items never came", seen.left())) } else { Ok(()) }
}

/// Reads what `XREADGROUP` answers: one stream, its name, and entries of an id and a field with its value.
fn read_batch(wire: &mut Wire, seen: &mut Seen, ids: &mut Vec<Vec<u8>>) -> Result<(), String> {
    expect(wire, b"*1")?;
    expect(wire, b"*2")?;
    bulk(wire)?;
    for _ in 0..counted(wire, b'*')? {
        expect(wire, b"*2")?;
        ids.push(bulk(wire)?.to_vec());
        expect(wire, b"*2")?;
        bulk(wire)?;
        seen.note(bulk(wire)?)?;
    }
    Ok(())
}

/// Adds a command to what is to be sent.
fn command(wire: &mut Wire, words: &[&[u8]]) {
    // Writing to memory can't fail.
    let _ = write!(wire.out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(wire.out, "${}\r\n", word.len());
        wire.out.extend_from_slice(word);
        wire.out.extend_from_slice(b"\r\n");
    }
}

/// The next string.
fn bulk(wire: &mut Wire) -> Result<&[u8], String> {
    let count = counted(wire, b'$')?;
    wire.bytes(count)
}

fn counted(wire: &mut Wire, kind: u8) -> Result<usize, String> {
    let line = wire.line()?;
    match line.split_first() {
        Some((&first, digits)) if first == kind => number(digits),
        _ => Err(unexpected(line)),
    }
}

fn expect(wire: &mut Wire, wanted: &[u8]) -> Result<(), String> {
    let line = wire.line()?;
    if line == wanted { Ok(()) } else { Err(unexpected(line)) }
}

fn unexpected(line: &[u8]) -> String {
    format!("an answer that is not understood: {}", String::from_utf8_lossy(line))
}
