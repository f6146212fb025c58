//! Rates of AWS API actions per account (`[rates]`).

use super::{Rate, Throttle, TooFast};
use crate::http::{Call, network_of};
use crate::principal::KnownPrincipal;
use roadstead_model::RegistryId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

/// The subject of a rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// All principals of an account.
    Account(RegistryId),
    /// Anonymous clients at an address (IPv6: in a /64).
    Address(IpAddr),
}

impl Client {
    /// The sender of a request.
    pub(crate) fn of(principal: Option<&KnownPrincipal>, call: &Call) -> Self {
        match principal {
            Some(principal) => Self::Account(principal.identity.registry.clone()),
            None => Self::Address(network_of(call.client())),
        }
    }
}

/// The configured rates by action, and the state of each client.
#[derive(Debug)]
pub(crate) struct ActionRates(HashMap<&'static str, Throttle<Client>>);

impl ActionRates {
    pub(crate) fn new(rates: &[(&'static str, Rate)]) -> Self {
        Self(rates.iter().map(|(action, rate)| (*action, Throttle::new(*rate))).collect())
    }

    /// Counts a request. Fails if the client exceeds the action's rate. `client` is called only if the action has a rate.
    pub(crate) fn admit(&self, action: &'static str, client: impl FnOnce() -> Client) -> Result<(), TooFast> {
        self.0.get(action).map_or(Ok(()), |throttle| throttle.take(&client(), Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_without_a_rate_is_never_refused_and_nobody_uses_up_anothers() {
        let rates = ActionRates::new(&[("PutImage", Rate::per_second(0.001))]);
        let account = |digits: &str| Client::Account(RegistryId::parse(digits).expect("twelve digits"));
        let address = Client::Address(IpAddr::from([127, 0, 0, 1]));
        for client in [account("000000000001"), account("000000000002"), address] {
            assert!((0..100).all(|_| rates.admit("DescribeImages", || client.clone()).is_ok()));
            assert!(rates.admit("PutImage", || client.clone()).is_ok(), "{client:?}");
            assert!(rates.admit("PutImage", || client.clone()).is_err(), "{client:?}");
        }
    }
}
