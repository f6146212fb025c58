//! SIGTERM, SIGINT and SIGHUP.

use super::failure::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop this process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs handlers: from here on, the signals have no effect but through [`Self::next`].
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self { terminate: take(SignalKind::terminate())?, interrupt: take(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which then no longer ends the process.
pub(super) fn hangups() -> Result<Signal, Failure> {
    take(SignalKind::hangup())
}

fn take(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Failed(format!("cannot install signal handlers: {error}")))
}
