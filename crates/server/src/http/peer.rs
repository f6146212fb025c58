//! The two ends of a connection.

use super::activity::{Activity, InFlight};
use super::stream;
use http::Version;
use std::net::SocketAddr;
use std::sync::Arc;

/// The server address that a connection was accepted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// The only address, without `--admin-listen`.
    Everything,
    /// The public address, if `--admin-listen` sets another one for probes and metrics.
    Public,
    /// `--admin-listen`, always plain HTTP.
    Admin,
}

/// The two ends of a connection, and its activity.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The other end: a client or a proxy.
    pub(crate) address: SocketAddr,
    /// The local end.
    pub(crate) local: SocketAddr,
    pub(crate) surface: Surface,
    /// Whether the other end is a trusted proxy.
    pub(crate) is_proxy: bool,
    /// The scheme of the connection itself.
    pub(crate) scheme: &'static str,
    pub(crate) activity: Arc<Activity>,
}

impl Peer {
    /// Counts a request as in flight until the result is dropped.
    pub(crate) fn begin_request(&self, version: Version) -> InFlight {
        if version == Version::HTTP_2 {
            stream::runs_on(&self.activity);
        }
        self.activity.begin_request(version)
    }
}
