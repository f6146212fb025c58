//! `roadstead serve`: opens the registry, answers until a signal, and leaves everything as it should be.

use super::Failure;
use super::signals::Signals;
use super::warnings;
use crate::config::{Config, Flags, Layers};
use crate::tls::{Files, Tls};
use crate::{Server, banner, serve, telemetry};
use roadstead_registry::Registry;
use std::fs::Permissions;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long the storage gets to write down what it holds in memory.
const CLOSING: Duration = Duration::from_secs(10);
/// How long work on other threads gets to end once the server has stopped.
const LEAVING: Duration = Duration::from_secs(1);

pub(super) fn run(flags: Flags) -> Result<(), Failure> {
    let begun = Instant::now();
    let layers = Layers::read(flags, std::env::vars_os())?;
    let config = Config::from_layers(&layers)?;
    let on_terminal = config.log_format.is_none() && std::io::stdout().is_terminal();
    let _logs = telemetry::start_logging(config.log_format, on_terminal)?;
    for variable in &layers.unknown_variables {
        tracing::warn!(variable, "this environment variable starts like a setting, but is none");
    }
    warnings::warn(&config);
    let folder = Folder::choose(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("roadstead").build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(answer_until_a_signal(config, folder.path(), on_terminal, begun));
    runtime.shutdown_timeout(LEAVING);
    folder.remove_if_temporary();
    outcome
}

async fn answer_until_a_signal(config: Config, data: PathBuf, on_terminal: bool, begun: Instant) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::Failed(format!("cannot take signals: {error}")))?;
    refuse_open_emulator(&config).await?;
    let tls = Files::of(&config)?.map(Tls::load).transpose().map_err(|error| Failure::Failed(error.to_string()))?;
    // The address first: a server that cannot listen must not leave a new data folder behind.
    let cannot_listen = |error| Failure::Failed(format!("cannot listen on {}: {error}", config.listen));
    let listener = TcpListener::bind(&config.listen).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let registry = Registry::open(config.open_options(data.clone())).await?;
    for account in &config.accounts {
        registry.declare(account).await.map_err(|error| Failure::Failed(format!("a declared account cannot be set up: {error}")))?;
    }
    let server = Arc::new(Server { tls, ..Server::new(registry.clone(), config) });
    banner::announce(&server, address, &data, on_terminal, begun.elapsed()).await?;

    let background = tokio::spawn({
        let server = server.clone();
        async move { server.work_in_background().await }
    });
    let (stop, stopping) = oneshot::channel::<()>();
    let mut serving = std::pin::pin!(serve(listener, server, async {
        let _ = stopping.await;
    }));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = &mut serving => "end of listening",
    };
    tracing::info!(signal, "stopping");
    background.abort();
    let _ = stop.send(());
    tokio::select! {
        () = serving => {}
        signal = signals.next() => return Err(Failure::Failed(format!("stopped at once by a second signal ({signal})"))),
    }
    if tokio::time::timeout(CLOSING, registry.close()).await.is_err() {
        tracing::warn!("the storage did not close in {} s", CLOSING.as_secs());
    }
    tracing::info!("stopped");
    Ok(())
}

/// An emulator lets everybody in who reaches it, so it has to be told twice before other machines can. The port is not
/// opened before that is known.
async fn refuse_open_emulator(config: &Config) -> Result<(), Failure> {
    if !config.emulator || config.emulator_on_network {
        return Ok(());
    }
    let listen = &config.listen;
    let mut addresses =
        tokio::net::lookup_host(listen).await.map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    if addresses.all(|address| address.ip().is_loopback()) {
        return Ok(());
    }
    let reason = format!("--emulator would give everybody who reaches {listen} every right");
    Err(Failure::Failed(format!("{reason}: listen on a loopback address, or add --emulator-on-network")))
}

/// Where the data goes.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    /// Nobody else may look into a temporary folder: it stands where everybody's do, and holds an access key.
    fn choose(config: &Config) -> Result<Self, Failure> {
        if !config.ephemeral {
            return Ok(Self::Kept(std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone())));
        }
        let folder = tempfile::Builder::new().prefix("roadstead-").permissions(Permissions::from_mode(0o700)).tempdir();
        folder.map(Self::Temporary).map_err(|error| Failure::Failed(format!("cannot make a temporary folder: {error}")))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.clone(),
            Self::Temporary(folder) => Path::to_owned(folder.path()),
        }
    }

    fn remove_if_temporary(self) {
        let Self::Temporary(folder) = self else { return };
        let path = folder.path().to_owned();
        if let Err(error) = folder.close() {
            tracing::warn!(%error, folder = %path.display(), "the temporary folder could not be removed");
        }
    }
}
