//! The HTTP vocabulary of all doors: requests, responses, and the memory that they may hold.

mod activity;
mod body;
pub(crate) mod budget;
mod call;
pub(crate) mod entity_tags;
pub(crate) mod forwarded;
pub(crate) mod held_response;
mod listing_permits;
pub(crate) mod logo_path;
mod network;
mod operation_class;
mod peer;
pub(crate) mod query;
pub(crate) mod request_body;
pub(crate) mod request_host;
mod response;
mod stream;
mod trace;

pub(crate) use activity::{Activity, DRAIN_TIMEOUT, InFlight};
pub(crate) use body::{BlobAccess, BlobFuture, Body};
pub(crate) use budget::{Budget, Share};
pub(crate) use call::{Call, MAX_HEADERS};
pub(crate) use held_response::SharedContent;
pub(crate) use listing_permits::ListingPermits;
pub(crate) use network::{is_proxy, network_of};
pub(crate) use operation_class::OperationClass;
pub(crate) use peer::{Peer, Surface};
pub(crate) use query::Query;
pub(crate) use response::{Reply, Response};
pub(crate) use stream::{Stream, data_moved};
pub(crate) use trace::{Act, LONGEST_TEXT, Trace};
