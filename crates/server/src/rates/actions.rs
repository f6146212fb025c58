//! Rates of AWS API actions per account (`[rates]`).

use super::caller::Callers;
use super::throttle::{Scope, Throttle, TooFast};
use crate::config::Rate;
use crate::http::Call;
use crate::principal::KnownPrincipal;
use std::collections::HashMap;
use std::time::Instant;

/// The configured rates by action, and the state of each caller.
#[derive(Debug)]
pub(crate) struct ActionRates {
    callers: Callers,
    rates: HashMap<&'static str, Throttle>,
}

impl ActionRates {
    pub(super) fn new(rates: &[(&'static str, Rate)], callers: Callers, is_shared: bool) -> Self {
        let rates = rates.iter().map(|(action, rate)| (*action, Throttle::new(*rate, is_shared))).collect();
        Self { callers, rates }
    }

    /// Counts a request. Fails if its sender exceeds the action's rate: the account of the principal, or without one the address.
    pub(crate) fn admit(&self, action: &'static str, principal: Option<&KnownPrincipal>, call: &Call) -> Result<(), TooFast> {
        let Some(throttle) = self.rates.get(action) else { return Ok(()) };
        let caller = match principal {
            Some(principal) => self.callers.account(&principal.identity.registry),
            None => self.callers.network(call.client()),
        };
        throttle.take(caller, Instant::now())
    }

    pub(super) fn throttles(&self) -> impl Iterator<Item = Scope<'_>> {
        self.rates.iter().map(|(action, throttle)| (*action, throttle))
    }
}
