//! NATS JetStream with a durable pull consumer and explicit acks, by the protocol of NATS clients.
//!
//! Produced with up to 4096 publishes that wait for their acks, which is what the official clients allow; pulled in batches,
//! two of which are asked for at a time; each item acked by a message of its own, as the protocol wants it.

use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

use crate::{
    job::{BATCH, Seen, payload},
    wire::{Wire, number},
};

pub(crate) const HOW: &str = "memory storage; 4096 publishes under way, a durable pull consumer with two fetches of 512 \
                               under way, an explicit ack each";

/// Publishes whose acks are awaited.
const UNDER_WAY: u64 = 4096;

pub(crate) fn version(address: &str) -> Result<String, String> {
    let mut wire = Wire::connect(address)?;
    let info = String::from_utf8_lossy(wire.line()?).into_owned();
    let version = info.split_once("\"version\":\"").and_then(|(_, rest)| rest.split('"').next());
    Ok(format!("nats-server {}", version.unwrap_or("of an unknown version")))
}

/// Time from the first item sent to when the server says that nothing waits for an ack.
pub(crate) fn run(address: &str, items: u64) -> Result<Duration, String> {
    let (mut producer, mut consumer, mut control) = (open(address, 1)?, open(address, 2)?, open(address, 3)?);
    request(&mut control, "STREAM.CREATE.items", r#"{"name":"items","subjects":["items"],"storage":"memory"}"#)?;
    let config = r#"{"durable_name":"workers","ack_policy":"explicit","max_ack_pending":65536}"#;
    let durable = format!(r#"{{"stream_name":"items","config":{config}}}"#);
    request(&mut control, "CONSUMER.DURABLE.CREATE.items.workers", &durable)?;
    let start = Instant::now();
    thread::scope(|scope| {
        let producing = scope.spawn(|| produce(&mut producer, items));
        let consumed = consume(&mut consumer, items);
        producing.join().expect("it returns its errors").and(consumed)
    })?;
    let info = loop {
        let info = request(&mut control, "CONSUMER.INFO.items.workers", "")?;
        if field(&info, "num_ack_pending")? == 0 {
            break info;
        }
    };
    let took = start.elapsed();
    let (pending, redelivered) = (field(&info, "num_pending")?, field(&info, "num_redelivered")?);
    if (pending, redelivered) != (0, 0) {
        return Err(format!("{pending} items were not delivered, {redelivered} twice"));
    }
    let stream = request(&mut control, "STREAM.INFO.items", "")?;
    if field(&stream, "messages")? as u64 != items {
        return Err(format!("the stream does not hold {items} items: {stream}"));
    }
    request(&mut control, "STREAM.DELETE.items", "")?;
    Ok(took)
}

fn produce(wire: &mut Wire, items: u64) -> Result<(), String> {
    let (mut sent, mut confirmed) = (0, 0);
    while confirmed < items {
        while sent < items && sent - confirmed <= UNDER_WAY - BATCH as u64 {
            for item in sent..items.min(sent + BATCH as u64) {
                publish(wire, "items", "inbox.1", &payload(item));
            }
            sent = items.min(sent + BATCH as u64);
            wire.flush()?;
        }
        let ack = message(wire)?.1;
        if !ack.starts_with(br#"{"stream":"items""#) {
            return Err(format!("a publish was not acked: {}", String::from_utf8_lossy(ack)));
        }
        confirmed += 1;
    }
    Ok(())
}

fn consume(wire: &mut Wire, items: u64) -> Result<(), String> {
    let mut seen = Seen::new(items);
    // Asked for, and not come.
    let mut asked = 0;
    while seen.left() > 0 {
        while asked < seen.left() && asked <= BATCH as u64 {
            let batch = (seen.left() - asked).min(BATCH as u64);
            let fetch = format!(r#"{{"batch":{batch},"expires":30000000000}}"#);
            publish(wire, "$JS.API.CONSUMER.MSG.NEXT.items.workers", "inbox.2", fetch.as_bytes());
            asked += batch;
        }
        wire.flush()?;
        loop {
            let (reply, body) = message(wire)?;
            seen.note(body)?;
            asked -= 1;
            publish(wire, &reply, "", b"+ACK");
            if !wire.has_more() || asked <= BATCH as u64 {
                break;
            }
        }
    }
    wire.out.extend_from_slice(b"PING\r\n");
    wire.flush()?;
    if wire.line()? == b"PONG" { Ok(()) } else { Err("more came than was sent".into()) }
}

/// A connection that hears what is sent to `inbox.<number>`.
fn open(address: &str, number: u8) -> Result<Wire, String> {
    let mut wire = Wire::connect(address)?;
    wire.line()?;
    let _ = write!(
        wire.out,
        "CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true}}\r\nSUB inbox.{number} 1\r\nPING\r\n"
    );
    wire.flush()?;
    match wire.line()? {
        b"PONG" => Ok(wire),
        line => Err(format!("no welcome: {}", String::from_utf8_lossy(line))),
    }
}

/// Adds a publication to what is to be sent.
fn publish(wire: &mut Wire, subject: &str, reply: &str, body: &[u8]) {
    // Writing to memory can't fail.
    let _ = write!(wire.out, "PUB {subject} {reply} {}\r\n", body.len());
    wire.out.extend_from_slice(body);
    wire.out.extend_from_slice(b"\r\n");
}

/// Asks JetStream for something.
fn request(wire: &mut Wire, what: &str, body: &str) -> Result<String, String> {
    publish(wire, &format!("$JS.API.{what}"), "inbox.3", body.as_bytes());
    wire.flush()?;
    let answer = String::from_utf8_lossy(message(wire)?.1).into_owned();
    if answer.contains("\"error\":") { Err(format!("{what}: {answer}")) } else { Ok(answer) }
}

/// The next message: where an answer to it goes, and its body.
fn message(wire: &mut Wire) -> Result<(String, &[u8]), String> {
    let (reply, count) = loop {
        let line = wire.line()?;
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
        match words[..] {
            [b"MSG", _, _, count] => break (String::new(), number(count)?),
            [b"MSG", _, _, reply, count] => break (String::from_utf8_lossy(reply).into_owned(), number(count)?),
            [b"PING"] => wire.out.extend_from_slice(b"PONG\r\n"),
            _ => return Err(format!("a line that is not understood: {}", String::from_utf8_lossy(line))),
        }
    };
    Ok((reply, wire.bytes(count)?))
}

/// A number among the fields of an answer.
fn field(json: &str, name: &str) -> Result<usize, String> {
    let rest = json.split_once(&format!("\"{name}\":")).ok_or_else(|| format!("no {name} in {json}"))?.1;
    number(rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default().as_bytes())
}
