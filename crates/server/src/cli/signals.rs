//! Signal handlers.

use super::failure::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The name of the signal of service managers, unlike that of a person at a terminal.
pub(super) const TERMINATE: &str = "SIGTERM";

/// The signals that stop this process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs handlers. From here on, the signals only complete [`Self::next`].
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self { terminate: install(SignalKind::terminate())?, interrupt: install(SignalKind::interrupt())? })
    }

    /// Waits for a signal, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => TERMINATE,
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Installs a handler of a signal, which then no longer ends the process.
pub(super) fn install(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Failed(format!("cannot install signal handlers: {error}")))
}
