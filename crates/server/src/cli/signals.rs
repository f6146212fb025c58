//! SIGTERM, SIGINT and SIGHUP.

use super::failure::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask this process to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from the system: from here on they only end the process if somebody asks for [`Self::next`].
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self { terminate: take(SignalKind::terminate())?, interrupt: take(SignalKind::interrupt())? })
    }

    /// The name of the next one to arrive.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which ends the process no longer.
pub(super) fn hangups() -> Result<Signal, Failure> {
    take(SignalKind::hangup())
}

fn take(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Failed(format!("cannot install signal handlers: {error}")))
}
