//! The place of a connection among those that are open.

use crate::admission::Full;
use crate::http::budget::OfConnection;
use crate::http::{Activity, Surface, is_proxy, network_of};
use crate::server::Server;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The place of a connection among those that are open.
pub(super) struct Seat {
    pub(super) activity: Arc<Activity>,
    pub(super) surface: Surface,
    /// Whether the other end is a proxy of ours.
    pub(super) is_proxy: bool,
    pub(super) asked_to_leave: oneshot::Receiver<()>,
    number: u64,
    server: Arc<Server>,
    _memory: OfConnection,
}

impl Seat {
    /// Lets a connection from this address in.
    pub(super) fn take(server: &Arc<Server>, surface: Surface, address: IpAddr) -> Result<Self, Full> {
        let is_proxy = is_proxy(address, &server.config.trusted_proxies);
        let activity = Arc::new(Activity::new(server.config.idle_timeout, server.config.stall_timeout));
        let network = (!is_proxy).then(|| network_of(address));
        let admitted = server.connections_at(surface).admit(network, activity.clone());
        let (number, asked_to_leave, leaving) = admitted.inspect_err(|full| server.telemetry.connection_refused(full.bound()))?;
        server.telemetry.connections_made_room(leaving);
        Ok(Self { activity, surface, is_proxy, asked_to_leave, number, server: server.clone(), _memory: server.budget.connection() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.server.connections_at(self.surface).remove(self.number);
    }
}
