//! SIGINT and SIGTERM: asked for, between two batches.

use std::process::ExitCode;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::fault::Fault;

/// The signals that end a run in order.
pub(crate) struct Stop(Signals);

impl Stop {
    /// Takes the two signals over from now on.
    ///
    /// # Errors
    /// A [`Fault`], if the system refuses.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let signals = Signals::new([SIGINT, SIGTERM]);
        signals.map(Self).map_err(|error| Fault::new(format!("no handler for SIGINT and SIGTERM: {error}")))
    }

    /// The signal that arrived since the last call, if any. Does not wait.
    pub(crate) fn asked(&mut self) -> Option<Signal> {
        self.0.pending().next().map(Signal)
    }
}

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signal(i32);

impl Signal {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        if self.0 == SIGINT { "SIGINT" } else { "SIGTERM" }
    }

    /// 128 and its number, as a shell has it.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(128 + self.0 as u8)
    }
}
