//! The rate of pages per address (`--gallery-rate`).

use super::caller::Callers;
use super::throttle::{Scope, Throttle, TooFast};
use crate::config::Rate;
use crate::http::Call;
use std::time::Instant;

/// The configured rate, and the state of each address.
#[derive(Debug)]
pub(crate) struct PageRate {
    callers: Callers,
    rate: Option<Throttle>,
}

impl PageRate {
    pub(super) fn new(rate: Option<Rate>, callers: Callers, is_shared: bool) -> Self {
        Self { callers, rate: rate.map(|rate| Throttle::new(rate, is_shared)) }
    }

    /// Counts a page. Fails if the client's address exceeds the rate.
    pub(crate) fn admit(&self, call: &Call) -> Result<(), TooFast> {
        self.rate.as_ref().map_or(Ok(()), |throttle| throttle.take(self.callers.network(call.client()), Instant::now()))
    }

    pub(super) fn throttles(&self) -> impl Iterator<Item = Scope<'_>> {
        self.rate.iter().map(|throttle| ("page", throttle))
    }
}
