//! What stops the server: signals, and the end of the standard input.

use super::failure::Failure;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The name of the signal of service managers, unlike that of a person at a terminal.
pub(super) const TERMINATE: &str = "SIGTERM";

/// What stops this process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Until the end of the standard input, if that stops this process.
    input: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Installs handlers. From here on, the signals only complete [`Self::next`], as does the end of the standard input `with_input`.
    pub(super) fn listen(with_input: bool) -> Result<Self, Failure> {
        let (terminate, interrupt) = (install(SignalKind::terminate())?, install(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, input: with_input.then(follow_input).transpose()? })
    }

    /// Waits for a signal, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => TERMINATE,
            _ = self.interrupt.recv() => "SIGINT",
            () = end_of(&mut self.input) => "end of the standard input",
        }
    }
}

/// Reads the standard input to its end, on a thread of its own, because such a read cannot be cancelled.
fn follow_input() -> Result<oneshot::Receiver<()>, Failure> {
    let (sender, receiver) = oneshot::channel();
    let read = move || {
        // Whatever it says, and why it ends, does not matter.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(sender);
    };
    let thread = std::thread::Builder::new().name("standard-input".to_owned()).spawn(read);
    thread.map_err(|error| Failure::Failed(format!("cannot read the standard input: {error}")))?;
    Ok(receiver)
}

/// Waits for the end of the standard input, once.
async fn end_of(input: &mut Option<oneshot::Receiver<()>>) {
    match input {
        None => std::future::pending().await,
        Some(end) => {
            let _ = end.await;
            *input = None;
        }
    }
}

/// Installs a handler of a signal, which then no longer ends the process.
pub(super) fn install(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::Failed(format!("cannot install signal handlers: {error}")))
}
