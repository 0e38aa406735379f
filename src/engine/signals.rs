//! SIGTERM and SIGINT for applications that end in order: stop publishing, drain, report. The library listens to no signal by
//! itself; a program does, when it calls [`Stop::listen`] in its `main`.
//!
//! # Examples
//! ```no_run
//! use std::{process::ExitCode, time::Duration};
//! use ringway::{Engine, engine::signals::Stop};
//!
//! fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
//!     let mut stop = Stop::listen()?;
//!     let engine = Engine::builder().start()?;
//!     // … open queues, attach handlers, publish from other threads …
//!     let signal = stop.wait();
//!     let report = engine.drain(Duration::from_secs(10));
//!     println!("{}: {report}", signal.name());
//!     Ok(signal.exit_code())
//! }
//! ```

use std::{fmt, io, process::ExitCode};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

/// Listens to SIGTERM and SIGINT, which end the process no more.
#[derive(Debug)]
pub struct Stop {
    signals: Signals,
    first: Option<Signal>,
}

impl Stop {
    /// Takes the two signals over from now on.
    ///
    /// # Errors
    /// What the system says, if it refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { signals: Signals::new([SIGINT, SIGTERM])?, first: None })
    }

    /// The signal that has arrived since the last call, if one has. Does not wait. A second one means: at once, please.
    pub fn arrived(&mut self) -> Option<Signal> {
        let arrived = self.signals.pending().next().map(Signal);
        self.first = self.first.or(arrived);
        arrived
    }

    /// The first signal that has arrived so far, if one has. Does not wait.
    ///
    /// # Cost
    /// One system call: ask once a batch.
    pub fn first(&mut self) -> Option<Signal> {
        if self.first.is_none() {
            self.arrived();
        }
        self.first
    }

    /// Whether it is time to end. Does not wait; costs what [`first`](Self::first) does.
    pub fn is_asked(&mut self) -> bool {
        self.first().is_some()
    }

    /// Waits for a signal, unless one has arrived before.
    pub fn wait(&mut self) -> Signal {
        loop {
            if let Some(first) = self.first {
                return first;
            }
            self.first = self.signals.wait().next().map(Signal);
        }
    }
}

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// Its name.
    pub fn name(self) -> &'static str {
        if self.0 == SIGINT { "SIGINT" } else { "SIGTERM" }
    }

    /// 128 and its number, as a shell has it. systemd takes that for a failure, unless the unit says `SuccessExitStatus=143`; a
    /// service that has drained may as well return [`ExitCode::SUCCESS`].
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(128 + self.0 as u8)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
