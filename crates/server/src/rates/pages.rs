//! The rate of pages per address (`--gallery-rate`).

use super::{Rate, Throttle, TooFast};
use crate::http::{Call, network_of};
use std::net::IpAddr;
use std::time::Instant;

/// The configured rate, and the state of each address.
#[derive(Debug)]
pub(crate) struct PageRate(Option<Throttle<IpAddr>>);

impl PageRate {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self(rate.map(Throttle::new))
    }

    /// Counts a page. Fails if the client's address exceeds the rate.
    pub(crate) fn admit(&self, call: &Call) -> Result<(), TooFast> {
        self.0.as_ref().map_or(Ok(()), |throttle| throttle.take(&network_of(call.client()), Instant::now()))
    }
}
