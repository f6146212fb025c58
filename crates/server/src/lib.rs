//! Roadstead: a public container registry that speaks Amazon ECR Public and the OCI distribution protocol.
//!
//! This crate holds the doors. A request goes through four rooms: a door here, an operation in `roadstead-registry`,
//! its metadata or blobs, and a driver. [`http`] is the signpost in front of the doors.

pub mod audit;
pub mod auth;
pub mod aws;
mod banner;
pub mod cli;
mod collector;
pub mod config;
mod connection;
mod descriptors;
pub mod http;
pub mod oci;
pub mod rates;
pub mod telemetry;
pub mod tls;

pub use connection::Surface;

use audit::Audit;
use config::Config;
use connection::{Connections, Seat};
use rates::{ActionRates, FailedLogins, PullLimits};
use roadstead_registry::Installation;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use telemetry::Telemetry;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long requests that are under way get to finish once the server stops.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);
/// How long accepting rests when the process has no descriptor or memory left for one more connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Everything that answering a request needs.
pub struct Server {
    /// The operations and what they stand on.
    pub installation: Installation,
    /// How this process was told to run.
    pub config: Config,
    /// What tokens are sealed with.
    pub keys: auth::Keys,
    /// How often an account may do an action.
    pub rates: ActionRates,
    /// What is counted.
    pub telemetry: Telemetry,
    /// How much may be pulled, and how much was.
    pub pulls: PullLimits,
    /// What browsers are told.
    pub(crate) browsers: http::Browsers,
    /// Who failed to prove who he is, and how often.
    pub failed_logins: FailedLogins,
    /// Who did what.
    pub audit: Audit,
    /// The peers that seem to be proxies of ours.
    pub(crate) seeming_proxies: http::SeemingProxies,
    /// What is held in memory for requests and answers.
    pub budget: http::Budget,
    pub(crate) copies: http::leaving::Copies,
    /// Whose turn it is to have a page composed.
    pub(crate) listings: http::Listings,
    /// What connections are secured with; without it they are plain.
    pub tls: Option<Tls>,
    /// The connections that are open.
    pub(crate) connections: Connections,
    /// Those at the operator's own address.
    pub(crate) admin_connections: Connections,
}

impl Server {
    /// A server over an open registry, whose connections are plain.
    pub fn new(installation: Installation, config: Config) -> Self {
        Self {
            keys: auth::Keys::derive(&installation, config.emulator),
            rates: ActionRates::new(&config.rates),
            pulls: PullLimits::new(&config),
            browsers: http::Browsers::new(&config),
            connections: Connections::new(&config),
            admin_connections: Connections::of_admin(),
            failed_logins: FailedLogins::new(config.failed_login_rate),
            audit: Audit::default(),
            seeming_proxies: http::SeemingProxies::default(),
            budget: http::Budget::new(config.memory_budget),
            copies: http::leaving::Copies::default(),
            listings: http::Listings::new(),
            installation,
            config,
            telemetry: Telemetry::new(),
            tls: None,
        }
    }

    /// The scheme by which clients reach it, as far as it can see.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The connections at one of its addresses.
    pub(crate) fn connections_at(&self, surface: Surface) -> &Connections {
        if surface == Surface::Admin { &self.admin_connections } else { &self.connections }
    }

    /// What the server does beside answering, until this is dropped.
    pub(crate) async fn work_in_background(&self) {
        let follow_certificate = async {
            if let Some(tls) = &self.tls {
                tls.follow_files().await;
            }
        };
        tokio::join!(collector::run(self), follow_certificate, self.audit.sum_up_every_minute());
    }
}

/// Accepts and serves connections to one address until `shutdown` is done; then finishes what is under way, for [`SHUTDOWN_GRACE`] at most.
pub async fn serve(listener: TcpListener, surface: Surface, server: Arc<Server>, shutdown: impl Future<Output = ()>) {
    let protocols = Arc::new(connection::Protocols::new(&server.config));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            // Finished connections are let go one by one; a panic in one of them ends with it.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => match Seat::take(&server, surface, address.ip()) {
                    Ok(seat) => {
                        connections.spawn(connection::serve(stream, address, seat, server.clone(), protocols.clone(), stopping.clone()));
                        server.connections_at(surface).settle().await;
                    }
                    Err(_) => connection::turn_away(stream, server.tls.is_some() && surface != Surface::Admin),
                },
                Err(error) => rest_after(&error).await,
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let finished = tokio::time::timeout(SHUTDOWN_GRACE, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(connections = connections.len(), "requests under way were cut off");
        connections.shutdown().await;
    }
}

/// A client that left before it was accepted is nobody's trouble. Anything else will not be better a moment later: without
/// a rest, the loop would only burn the processor until a descriptor is free again.
async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "accepting connections failed");
        tokio::time::sleep(ACCEPT_REST).await;
    }
}
