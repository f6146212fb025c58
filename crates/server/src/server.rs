//! The state of a running server: what the doors share.

use crate::admission::Connections;
use crate::audit::Audit;
use crate::auth::Keys;
use crate::config::Config;
use crate::http::{Budget, Listings, SharedContent, Surface};
use crate::rates::{ActionRates, FailedLogins, PullLimits};
use crate::telemetry::Telemetry;
use crate::tls::Tls;
use roadstead_registry::Installation;

/// Everything that answering a request needs.
pub struct Server {
    /// The operations and their storage.
    pub installation: Installation,
    /// The settings of this process.
    pub config: Config,
    /// The keys of tokens.
    pub keys: Keys,
    /// Rate limits of actions.
    pub(crate) rates: ActionRates,
    /// The metrics.
    pub telemetry: Telemetry,
    /// Limits on pulls.
    pub(crate) pulls: PullLimits,
    /// Failed attempts to authenticate, by address and by key.
    pub(crate) failed_logins: FailedLogins,
    /// The audit log.
    pub audit: Audit,
    /// The memory that requests and responses may hold.
    pub budget: Budget,
    /// Large responses that are being sent, each in memory once.
    pub(crate) shared_content: SharedContent,
    /// Limits how many pages are composed for anonymous clients at once.
    pub(crate) listings: Listings,
    /// The certificate; without one, connections are plain.
    pub(crate) tls: Option<Tls>,
    /// The connections that are open.
    pub(crate) connections: Connections,
    /// Those at the operator's address.
    pub(crate) admin_connections: Connections,
}

impl Server {
    /// A server over an open installation, whose connections are plain.
    pub fn new(installation: Installation, config: Config) -> Self {
        Self {
            keys: Keys::derive(&installation, config.emulator),
            rates: ActionRates::new(&config.rates),
            pulls: PullLimits::new(config.pull_rate_anonymous, config.pull_rate_authenticated, config.pull_volume),
            connections: Connections::new(&config),
            admin_connections: Connections::of_admin(),
            failed_logins: FailedLogins::new(config.failed_login_rate),
            audit: Audit::default(),
            budget: Budget::new(config.memory_budget),
            shared_content: SharedContent::default(),
            listings: Listings::new(),
            installation,
            config,
            telemetry: Telemetry::new(),
            tls: None,
        }
    }

    /// The scheme of its public address, unless a proxy in front changes it.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The connections at an address.
    pub(crate) fn connections_at(&self, surface: Surface) -> &Connections {
        if surface == Surface::Admin { &self.admin_connections } else { &self.connections }
    }
}
