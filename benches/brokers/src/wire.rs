//! A socket with a buffer each way: both protocols send lines, and bytes whose count was told.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A server that says nothing for so long has a fault.
const PATIENCE: Duration = Duration::from_secs(60);
const BUFFER: usize = 1 << 18;

pub(crate) struct Wire {
    stream: TcpStream,
    /// What is to be sent with the next flush.
    pub(crate) out: Vec<u8>,
    read: Vec<u8>,
    /// What was read and not looked at lies from `at` to `end`.
    at: usize,
    end: usize,
}

impl Wire {
    pub(crate) fn connect(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(PATIENCE)));
        set.map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { stream, out: Vec::with_capacity(BUFFER), read: vec![0; BUFFER], at: 0, end: 0 })
    }

    /// Sends all that `out` holds.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        let sent = self.stream.write_all(&self.out).map_err(|error| format!("sending: {error}"));
        self.out.clear();
        sent
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> Result<&[u8], String> {
        let mut looked = 0;
        let length = loop {
            let unread = &self.read[self.at..self.end];
            if let Some(length) = unread[looked..].iter().position(|&byte| byte == b'\n') {
                break looked + length;
            }
            looked = unread.len();
            self.fill()?;
        };
        let start = self.at;
        self.at += length + 1;
        Ok(self.read[start..start + length].trim_ascii_end())
    }

    /// The next `count` bytes, which a line end follows.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&[u8], String> {
        while self.end - self.at < count + 2 {
            self.fill()?;
        }
        let start = self.at;
        self.at += count + 2;
        Ok(&self.read[start..start + count])
    }

    /// Whether there is more without asking the machine.
    pub(crate) fn has_more(&self) -> bool {
        self.at < self.end
    }

    fn fill(&mut self) -> Result<(), String> {
        self.read.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        if self.end == self.read.len() {
            self.read.resize(2 * self.end, 0);
        }
        match self.stream.read(&mut self.read[self.end..]) {
            Ok(0) => Err("the server hung up".into()),
            Ok(count) => {
                self.end += count;
                Ok(())
            }
            Err(error) => Err(format!("receiving: {error}")),
        }
    }
}

/// A number in digits.
pub(crate) fn number(digits: &[u8]) -> Result<usize, String> {
    let text = str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    text.ok_or_else(|| format!("{:?} is no number", String::from_utf8_lossy(digits)))
}
