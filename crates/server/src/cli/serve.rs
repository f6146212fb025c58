//! `roadstead serve`: opens the data directory, serves until a signal, and shuts down.

use super::ephemeral::EphemeralDirectory;
use super::failure::Failure;
use super::ready_file::{Readiness, ReadyFile};
use super::signals::{self, Signals};
use super::{banner, checks, runtime};
use crate::audit::Audit;
use crate::config::{Config, Flags, Sources};
use crate::connection::serve;
use crate::http::Surface;
use crate::router::Router;
use crate::server::Server;
use crate::telemetry::{Logs, Traces};
use crate::tls::Tls;
use crate::{background, descriptors, telemetry};
use roadstead_registry::Installation;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::SignalKind;
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
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(config.worker_threads()).thread_name("roadstead");
    let runtime = runtime::build(runtime)?;
    let traces = Traces::start(&config.traces, runtime.handle().clone()).map_err(Failure::cannot_start)?;
    let _logs = start_logging(&config, on_terminal, traces.as_ref())?;
    for variable in &sources.unknown_variables {
        tracing::warn!(variable, "unknown environment variable with the prefix of a setting");
    }
    for (setting, needed) in sources.idle_settings(&config) {
        tracing::warn!(%setting, "this setting has no effect without {needed}");
    }
    checks::warn(&config);
    descriptors::raise();
    let audit = open_audit_log(&config)?;
    let data = Data::choose(&config)?;
    let outcome = runtime.block_on(answer_until_a_signal(config, audit.clone(), data.path(), on_terminal, begun));
    // The last spans are sent on the runtime.
    drop(traces);
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    data.remove_if_ephemeral();
    audit.finish();
    outcome
}

fn start_logging(config: &Config, on_terminal: bool, traces: Option<&Traces>) -> Result<Logs, Failure> {
    let filter = telemetry::log_filter(config.log.as_deref(), on_terminal)?;
    telemetry::start_logging(filter, config.log_format.unwrap_or_default(), on_terminal, traces).map_err(Failure::cannot_start)
}

fn open_audit_log(config: &Config) -> Result<Audit, Failure> {
    let path = config.audit_log.as_deref();
    let audit = Audit::open(path, config.log_format.unwrap_or_default());
    audit.map_err(|error| Failure::Failed(format!("cannot open the audit log '{}': {error}", path.unwrap_or("".as_ref()).display())))
}

/// Reopens the audit log on SIGHUP, which log rotation sends. Without a file, SIGHUP keeps its default action.
fn follow_audit_log(config: &Config, audit: &Audit) -> Result<(), Failure> {
    if config.audit_log.is_none() {
        return Ok(());
    }
    let mut hangups = signals::install(SignalKind::hangup())?;
    let audit = audit.clone();
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            audit.reopen();
        }
    });
    Ok(())
}

async fn answer_until_a_signal(config: Config, audit: Audit, data: PathBuf, on_terminal: bool, begun: Instant) -> Result<(), Failure> {
    let mut signals = Signals::listen(config.stop_with_stdin)?;
    follow_audit_log(&config, &audit)?;
    checks::refuse_open_emulator(&config).await?;
    checks::refuse_idle_hsts(&config)?;
    checks::refuse_redirects_nowhere(&config)?;
    checks::refuse_ephemeral_places(&config)?;
    config.refuse_half_certificates()?;
    background::check_certificate_authority(&config.acme).map_err(Failure::Failed)?;
    let tls = Tls::of(&config).map_err(|error| Failure::Failed(error.to_string()))?;
    // Bind before opening: a server that cannot listen must not leave a new data directory behind.
    let (listener, address) = listen_on("listen", &config.listen).await?;
    let admin = match &config.admin_listen {
        Some(admin) => Some(listen_on("admin-listen", admin).await?),
        None => None,
    };
    let ready_file = config.ready_file.clone().map(ReadyFile::prepare).transpose()?;
    let installation = tokio::select! {
        opened = Installation::open(config.open_options(data.clone())) => opened?,
        signal = signals.next() => return Err(Failure::Failed(format!("stopped by a signal ({signal}) before it was ready"))),
    };
    for account in &config.accounts {
        installation.declare(account).await.map_err(|error| Failure::Failed(format!("cannot set up a declared account: {error}")))?;
    }
    let server = Arc::new(Server { tls, audit, ..Server::new(installation.clone(), config) });
    if let Err(error) = server.limiters.restore(&installation).await {
        tracing::error!(%error, "the volumes of this month cannot be read: they are counted anew");
    }
    background::load_certificates(&server).await;
    checks::warn_of_port(&server.config, address);
    let used = Some(data.as_path()).filter(|_| server.config.places.need_directory());
    let readiness = Readiness {
        url: banner::origin(&server, address),
        address,
        admin_address: admin.as_ref().map(|(_, address)| *address),
        registry_id: server.installation.account_id().clone(),
        alias: server.installation.primary_alias(server.installation.account_id()).await?,
        data: used,
    };
    if let Some(file) = &ready_file {
        file.write(&readiness)?;
    }
    banner::announce(&server, &readiness, on_terminal, begun.elapsed());

    let background = tokio::spawn({
        let server = server.clone();
        async move { background::run(&server).await }
    });
    let (stop, stopping) = watch::channel(false);
    let mut serving =
        std::pin::pin!(serve_all(listener, admin.map(|(listener, _)| listener), Arc::new(Router::new(server.clone())), stopping));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = &mut serving => "end of listening",
    };
    let drain = server.config.places.drain();
    if signal == signals::TERMINATE && !drain.is_zero() {
        tracing::info!(signal, seconds = drain.as_secs(), "draining");
        server.drain();
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = signals.next() => {}
            () = &mut serving => {}
        }
    }
    tracing::info!(signal, "stopping");
    background.abort();
    stop.send_replace(true);
    tokio::select! {
        () = serving => {}
        signal = signals.next() => return Err(Failure::Failed(format!("stopped immediately by a second signal ({signal})"))),
    }
    let close = async {
        server.limiters.save_all(&installation).await;
        // What it holds is released.
        let _ = background.await;
        installation.close().await;
    };
    if tokio::time::timeout(CLOSE_TIMEOUT, close).await.is_err() {
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

/// Serves the public surface and that of operators, at one address or at two.
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

/// Where this server keeps its data.
enum Data {
    Kept(PathBuf),
    Ephemeral(EphemeralDirectory),
}

impl Data {
    fn choose(config: &Config) -> Result<Self, Failure> {
        if config.ephemeral {
            return EphemeralDirectory::create().map(Self::Ephemeral);
        }
        let path = &config.places.data;
        Ok(Self::Kept(std::path::absolute(path).unwrap_or_else(|_| path.clone())))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.clone(),
            Self::Ephemeral(directory) => directory.path().to_owned(),
        }
    }

    fn remove_if_ephemeral(self) {
        if let Self::Ephemeral(directory) = self {
            directory.remove();
        }
    }
}
