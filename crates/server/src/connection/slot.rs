//! The slot that an admitted connection occupies.

use crate::admission::Full;
use crate::http::budget::ConnectionShare;
use crate::http::{Activity, Surface, is_proxy, network_of};
use crate::server::Server;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// An admitted connection. Dropping it frees its place for another one.
pub(super) struct Slot {
    pub(super) activity: Arc<Activity>,
    pub(super) surface: Surface,
    /// Whether the peer is a trusted proxy.
    pub(super) is_proxy: bool,
    /// Resolves when the connection is evicted.
    pub(super) evicted: oneshot::Receiver<()>,
    number: u64,
    server: Arc<Server>,
    _memory: ConnectionShare,
}

impl Slot {
    /// Admits a connection from this address.
    pub(super) fn take(server: &Arc<Server>, surface: Surface, address: IpAddr) -> Result<Self, Full> {
        let is_proxy = is_proxy(address, &server.config.trusted_proxies);
        let activity = Arc::new(Activity::new(server.config.idle_timeout, server.config.stall_timeout));
        let network = (!is_proxy).then(|| network_of(address));
        let admitted = server.connections_at(surface).admit(network, activity.clone());
        let (number, evicted, evicted_others) = admitted.inspect_err(|full| server.telemetry.connection_refused(full.limit()))?;
        server.telemetry.connections_made_room(evicted_others);
        Ok(Self { activity, surface, is_proxy, evicted, number, server: server.clone(), _memory: server.budget.connection() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.server.connections_at(self.surface).remove(self.number);
    }
}
