//! Limits on pulls, as Amazon ECR Public has them and off unless asked for: how often an address or an account may pull an
//! image, and how much an address may download without a login in a month (ECR Public user guide, "Service quotas").

use super::volume::{self, Downloads};
use super::{Rate, Throttle, TooFast};
use crate::http::network_of;
use crate::principal::Principal;
use roadstead_model::{RegistryId, Timestamp};
use roadstead_registry::Pull;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many children may be pulled for each image: as many as an index of sixteen platforms has, with an attestation for each.
const CHILDREN: u32 = 32;

/// What is allowed, and what has been used of it.
#[derive(Debug)]
pub struct PullLimits {
    anonymous: Option<Pulls<IpAddr>>,
    accounts: Option<Pulls<RegistryId>>,
    downloads: Option<Arc<Downloads>>,
}

/// What somebody is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// A manifest. Only these count against a rate: an image has one or a few, and any number of blobs.
    Manifest(Pull),
    /// A blob.
    Blob,
}

/// The rate of images, and beside it the one of children. Whoever pulls an image of several platforms has to get the index and
/// then a child, at any rate; and as no request remembers another, children are counted by themselves.
#[derive(Debug)]
struct Pulls<K> {
    images: Throttle<K>,
    children: Throttle<K>,
}

impl<K: Eq + Hash + Clone> Pulls<K> {
    fn new(rate: Rate) -> Self {
        Self { images: Throttle::new(rate), children: Throttle::new(rate.times(CHILDREN)) }
    }

    fn take(&self, caller: &K, pulled: Pulled) -> Result<(), TooFast> {
        match pulled {
            Pulled::Manifest(Pull::Image) => self.images.take(caller, Instant::now()),
            Pulled::Manifest(Pull::Child) => self.children.take(caller, Instant::now()),
            Pulled::Blob => Ok(()),
        }
    }
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
    /// Limits of which nothing is used: manifests for each address, manifests for each account, and bytes for each address in a month.
    pub fn new(anonymous: Option<Rate>, accounts: Option<Rate>, volume: Option<u64>) -> Self {
        Self {
            anonymous: anonymous.map(Pulls::new),
            accounts: accounts.map(Pulls::new),
            downloads: volume.map(|limit| Arc::new(Downloads::new(limit))),
        }
    }

    /// Counts what is pulled, and says where its bytes are to be counted.
    pub(crate) fn admit(
        &self,
        principal: Option<&Principal>,
        client: IpAddr,
        pulled: Pulled,
        now: Timestamp,
    ) -> Result<Option<Charge>, Refusal> {
        if let Some(Principal::Known(known)) = principal {
            if let Some(pulls) = &self.accounts {
                pulls.take(&known.identity.registry, pulled)?;
            }
            return Ok(None);
        }
        let address = network_of(client);
        let charge = self.downloads.as_ref().map(|downloads| Charge { downloads: downloads.clone(), address, month: volume::month(now) });
        if charge.as_ref().is_some_and(|charge| charge.downloads.is_spent(address, charge.month)) {
            return Err(Refusal::Spent);
        }
        if let Some(pulls) = &self.anonymous {
            pulls.take(&address, pulled)?;
        }
        Ok(charge)
    }
}
