//! The state of a running server, shared by the doors.

use crate::admission::Connections;
use crate::audit::Audit;
use crate::auth::Keys;
use crate::config::Config;
use crate::http::{Budget, ListingPermits, SharedContent, Surface};
use crate::rates::Limiters;
use crate::telemetry::Telemetry;
use crate::tls::Tls;
use roadstead_model::gallery::robot::Robots;
use roadstead_registry::Installation;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Server {
    pub installation: Installation,
    pub config: Config,
    /// The keys of tokens.
    pub keys: Keys,
    pub telemetry: Telemetry,
    pub(crate) limiters: Limiters,
    /// Whose pulls are counted apart.
    pub(crate) robots: Robots,
    pub audit: Audit,
    pub budget: Budget,
    pub(crate) shared_content: SharedContent,
    pub(crate) listing_permits: ListingPermits,
    /// The certificate. Without one, connections are plain.
    pub(crate) tls: Option<Tls>,
    /// Open connections, except those to `--admin-listen`.
    pub(crate) connections: Connections,
    pub(crate) admin_connections: Connections,
    /// Whether load balancers are to send no more requests, because the server will stop.
    pub(crate) draining: AtomicBool,
}

impl Server {
    /// Creates a server whose connections are plain, and whose audit log is off.
    pub fn new(installation: Installation, config: Config) -> Self {
        Self {
            keys: Keys::derive(&installation, config.emulator),
            limiters: Limiters::new(&config, &installation),
            robots: Robots::new(config.robots.iter().map(String::as_str)),
            connections: Connections::new(&config),
            admin_connections: Connections::of_admin(),
            audit: Audit::default(),
            budget: Budget::new(config.memory_budget),
            shared_content: SharedContent::default(),
            listing_permits: ListingPermits::new(),
            telemetry: Telemetry::new(Some(&installation)),
            installation,
            config,
            tls: None,
            draining: AtomicBool::new(false),
        }
    }

    /// Is no longer ready from now on, but serves.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The scheme of the public address, unless a proxy terminates TLS.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The certificate at an address: `--admin-listen` is always plain HTTP.
    pub(crate) fn tls_at(&self, surface: Surface) -> Option<&Tls> {
        self.tls.as_ref().filter(|_| surface != Surface::Admin)
    }

    /// The connections to an address of the server.
    pub(crate) fn connections_at(&self, surface: Surface) -> &Connections {
        if surface == Surface::Admin { &self.admin_connections } else { &self.connections }
    }
}
