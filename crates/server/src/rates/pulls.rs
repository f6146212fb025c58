//! Limits on pulls, as Amazon ECR Public has them, off unless set: how often an address or an account may pull an image, and
//! how much an address may download anonymously in a month (ECR Public user guide, "Service quotas").

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

/// How many children may be pulled for each image: those of an index of sixteen platforms with an attestation each.
const CHILDREN: u32 = 32;

/// The limits, and how much of them is used.
#[derive(Debug)]
pub struct PullLimits {
    anonymous: Option<Pulls<IpAddr>>,
    accounts: Option<Pulls<RegistryId>>,
    downloads: Option<Arc<Downloads>>,
}

/// What is about to be pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// A manifest. Only these count against rates: an image has one or a few, but any number of blobs.
    Manifest(Pull),
    /// A blob.
    Blob,
}

/// The rate of images, and a separate one of children. Pulling an image of several platforms takes the index and then a child;
/// as requests are not related to each other, children are counted by themselves.
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

/// Why a pull is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many pulls; the next one may come after this time.
    TooFast(Duration),
    /// The volume of the month is used up.
    Spent,
}

/// Where the bytes of a response are counted once they are sent.
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
    /// Counts bytes that were sent.
    pub(crate) fn add(&self, sent: u64) {
        self.downloads.add(self.address, self.month, sent);
    }
}

impl PullLimits {
    /// Limits of which nothing is used: manifests by address, manifests by account, and bytes by address in a month.
    pub fn new(anonymous: Option<Rate>, accounts: Option<Rate>, volume: Option<u64>) -> Self {
        Self {
            anonymous: anonymous.map(Pulls::new),
            accounts: accounts.map(Pulls::new),
            downloads: volume.map(|limit| Arc::new(Downloads::new(limit))),
        }
    }

    /// Counts a pull, and says where its bytes are to be counted.
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
