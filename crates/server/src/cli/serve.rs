//! `roadstead serve`: opens the data directory, serves until a signal, and shuts down.

use super::banner;
use super::failure::Failure;
use super::signals::{self, Signals};
use super::warnings;
use crate::audit::Audit;
use crate::config::{Config, Flags, LogFormat, Sources};
use crate::connection::serve;
use crate::http::Surface;
use crate::router::{Router, emulator};
use crate::server::Server;
use crate::telemetry::Logs;
use crate::tls::{Files, Tls};
use crate::{background, descriptors, telemetry};
use roadstead_registry::Installation;
use std::fs::Permissions;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long the storage may take to write its caches to disk.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long blocking work may take once the server has stopped.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn run(flags: Flags) -> Result<(), Failure> {
    let begun = Instant::now();
    let sources = Sources::read(flags, std::env::vars_os())?;
    let config = Config::from_sources(&sources)?;
    let on_terminal = config.log_format.is_none() && std::io::stdout().is_terminal();
    let _logs = start_logging(&config, on_terminal)?;
    for variable in &sources.unknown_variables {
        tracing::warn!(variable, "unknown environment variable with the prefix of a setting");
    }
    warnings::warn(&config);
    descriptors::raise();
    let audit = open_audit_log(&config)?;
    let folder = Folder::choose(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("roadstead").build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(answer_until_a_signal(config, audit.clone(), folder.path(), on_terminal, begun));
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    folder.remove_if_temporary();
    audit.finish();
    outcome
}

fn start_logging(config: &Config, on_terminal: bool) -> Result<Logs, Failure> {
    let (filter, format) = (telemetry::log_filter(on_terminal)?, config.log_format.unwrap_or(LogFormat::Text));
    telemetry::start_logging(filter, format, on_terminal).map_err(|error| Failure::Failed(format!("cannot start: {error}")))
}

fn open_audit_log(config: &Config) -> Result<Audit, Failure> {
    let format = config.log_format.unwrap_or(LogFormat::Text);
    let place = || config.audit_log.as_ref().map_or_else(String::new, |path| path.display().to_string());
    Audit::open(config.audit_log.as_deref(), format)
        .map_err(|error| Failure::Failed(format!("cannot open the audit log '{}': {error}", place())))
}

/// Reopens the audit log on SIGHUP, after it was rotated. Without a file, SIGHUP keeps its default action.
fn follow_audit_log(config: &Config, audit: &Audit) -> Result<(), Failure> {
    if config.audit_log.is_none() {
        return Ok(());
    }
    let mut hangups = signals::hangups()?;
    let audit = audit.clone();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            audit.reopen();
        }
    });
    Ok(())
}

async fn answer_until_a_signal(config: Config, audit: Audit, data: PathBuf, on_terminal: bool, begun: Instant) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    follow_audit_log(&config, &audit)?;
    refuse_open_emulator(&config).await?;
    refuse_idle_hsts(&config)?;
    let tls = Files::of(&config)?.map(Tls::load).transpose().map_err(|error| Failure::Failed(error.to_string()))?;
    // First the addresses: a server that cannot listen must not leave a new data directory behind.
    let (listener, address) = listen_on("listen", &config.listen).await?;
    let admin = match &config.admin_listen {
        Some(admin) => Some(listen_on("admin-listen", admin).await?),
        None => None,
    };
    let installation = Installation::open(config.open_options(data.clone())).await?;
    for account in &config.accounts {
        installation.declare(account).await.map_err(|error| Failure::Failed(format!("cannot set up a declared account: {error}")))?;
    }
    let server = Arc::new(Server { tls, audit, ..Server::new(installation.clone(), config) });
    banner::announce(&server, address, admin.as_ref().map(|(_, address)| *address), &data, on_terminal, begun.elapsed()).await?;

    let background = tokio::spawn({
        let server = server.clone();
        async move { background::run(&server).await }
    });
    let (stop, stopping) = watch::channel(false);
    let mut serving = std::pin::pin!(serve_all(listener, admin.map(|(listener, _)| listener), Arc::new(Router::new(server)), stopping));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = &mut serving => "end of listening",
    };
    tracing::info!(signal, "stopping");
    background.abort();
    stop.send_replace(true);
    tokio::select! {
        () = serving => {}
        signal = signals.next() => return Err(Failure::Failed(format!("stopped immediately by a second signal ({signal})"))),
    }
    if tokio::time::timeout(CLOSE_TIMEOUT, installation.close()).await.is_err() {
        tracing::warn!("the storage did not close within {} s", CLOSE_TIMEOUT.as_secs());
    }
    tracing::info!("stopped");
    Ok(())
}

async fn listen_on(flag: &str, place: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot_listen = |error| Failure::Failed(format!("cannot listen on {place}: {error}; use --{flag} to choose another address"));
    let listener = TcpListener::bind(place).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, address))
}

/// Serves the public and the operator's surface, at one address or at two.
async fn serve_all(listener: TcpListener, admin: Option<TcpListener>, router: Arc<Router>, stopping: watch::Receiver<bool>) {
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    match admin {
        None => serve(listener, Surface::Everything, router, stopped(stopping)).await,
        Some(admin) => {
            let public = serve(listener, Surface::Public, router.clone(), stopped(stopping.clone()));
            tokio::join!(public, serve(admin, Surface::Admin, router, stopped(stopping)));
        }
    }
}

/// An emulator accepts everybody who reaches it, so other machines may reach it only with a second switch. This is checked
/// before the port opens.
async fn refuse_open_emulator(config: &Config) -> Result<(), Failure> {
    if !config.emulator || config.emulator_on_network {
        return Ok(());
    }
    if let Some(reason) = emulator::exposure(config) {
        return Err(Failure::Failed(format!("{reason}: remove it, or add --emulator-on-network")));
    }
    let listen = &config.listen;
    let mut addresses =
        tokio::net::lookup_host(listen).await.map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    if addresses.all(|address| address.ip().is_loopback()) {
        return Ok(());
    }
    let reason = format!("--emulator would give everybody who can reach {listen} full access");
    Err(Failure::Failed(format!("{reason}: listen on a loopback address, or add --emulator-on-network")))
}

/// `--hsts` that is never sent would only seem to protect.
fn refuse_idle_hsts(config: &Config) -> Result<(), Failure> {
    if config.hsts.is_none() || config.tls_cert.is_some() || !config.trusted_proxies.is_empty() {
        return Ok(());
    }
    let reason = "--hsts is sent over HTTPS only, and this server has no HTTPS";
    Err(Failure::Failed(format!("{reason}: set --tls-cert, or name the HTTPS proxy with --trusted-proxy")))
}

/// The data directory.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    /// A temporary directory holds an access key and lies where everybody's do, so nobody else may read it.
    fn choose(config: &Config) -> Result<Self, Failure> {
        if !config.ephemeral {
            return Ok(Self::Kept(std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone())));
        }
        let folder = tempfile::Builder::new().prefix("roadstead-").permissions(Permissions::from_mode(0o700)).tempdir();
        folder.map(Self::Temporary).map_err(|error| Failure::Failed(format!("cannot create a temporary directory: {error}")))
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
            tracing::warn!(%error, folder = %path.display(), "the temporary directory could not be removed");
        }
    }
}
