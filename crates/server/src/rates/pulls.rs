//! Limits on pulls, as Amazon ECR Public has them and off unless asked for: how often an address or an account may pull a
//! manifest, and how much an address may download without a login in a month (ECR Public user guide, "Service quotas").

use super::volume::{self, Downloads};
use super::{Throttle, TooFast, network_of};
use crate::auth::Principal;
use crate::config::Config;
use roadstead_model::{RegistryId, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is allowed, and what has been used of it.
#[derive(Debug)]
pub struct PullLimits {
    anonymous: Option<Throttle<IpAddr>>,
    accounts: Option<Throttle<RegistryId>>,
    downloads: Option<Arc<Downloads>>,
}

/// Why somebody may not pull now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many pulls in a short time; after this time the next one may come.
    TooFast(Duration),
    /// The volume of this month is spent: no patience helps.
    Spent,
}

/// Where the bytes of an answer are counted once they are sent.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    downloads: Arc<Downloads>,
    address: IpAddr,
    month: i64,
}

impl From<TooFast> for Refusal {
    fn from(TooFast(wait): TooFast) -> Self {
        Self::TooFast(wait)
    }
}

impl Charge {
    /// Counts what was sent.
    pub(crate) fn add(&self, sent: u64) {
        self.downloads.add(self.address, self.month, sent);
    }
}

impl PullLimits {
    /// The limits that the configuration sets, with nothing used of them.
    pub fn new(config: &Config) -> Self {
        Self {
            anonymous: config.pull_rate_anonymous.map(Throttle::new),
            accounts: config.pull_rate_authenticated.map(Throttle::new),
            downloads: config.pull_volume.map(|limit| Arc::new(Downloads::new(limit))),
        }
    }

    /// Counts a pull, of a manifest or of a blob, and says where its bytes are to be counted. Only manifests count against
    /// a rate: an image is one manifest and any number of blobs.
    pub(crate) fn admit(
        &self,
        principal: Option<&Principal>,
        client: IpAddr,
        of_manifest: bool,
        now: Timestamp,
    ) -> Result<Option<Charge>, Refusal> {
        if let Some(Principal::Known(known)) = principal {
            return match &self.accounts {
                Some(throttle) if of_manifest => Ok(throttle.take(&known.identity.registry, Instant::now()).map(|()| None)?),
                _ => Ok(None),
            };
        }
        let address = network_of(client);
        let charge = self.downloads.as_ref().map(|downloads| Charge { downloads: downloads.clone(), address, month: volume::month(now) });
        if charge.as_ref().is_some_and(|charge| charge.downloads.is_spent(address, charge.month)) {
            return Err(Refusal::Spent);
        }
        if let Some(throttle) = self.anonymous.as_ref().filter(|_| of_manifest) {
            throttle.take(&address, Instant::now())?;
        }
        Ok(charge)
    }
}
