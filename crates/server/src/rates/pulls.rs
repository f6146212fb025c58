//! Limits on pulls like those of Amazon ECR Public, off unless set: rates of pulled images per address or account, and a monthly
//! volume of anonymous downloads per address (ECR Public user guide, "Service quotas").

use super::volume::{self, Downloads};
use super::{Rate, Throttle, TooFast};
use crate::http::network_of;
use crate::principal::Principal;
use roadstead_model::{RegistryId, Timestamp};
use roadstead_registry::Pull;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Children that may be pulled per image: those of an index of sixteen platforms with an attestation each.
const CHILDREN: u32 = 32;

/// The configured limits, and the state of each caller.
#[derive(Debug)]
pub(crate) struct PullLimits {
    anonymous: Option<Pulls<IpAddr>>,
    accounts: Option<Pulls<RegistryId>>,
    downloads: Option<Arc<Downloads>>,
}

/// The content requested by a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulled {
    /// Counts against rates: an image has one manifest or a few.
    Manifest(Pull),
    /// Counts against no rate, because an image has any number of blobs.
    Blob,
}

/// The rate of images and that of their children. A client that pulls a multi-platform image requests the index, then a child. No
/// request tells which index a child was found in, so children have a rate of their own.
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
            Pulled::Manifest(Pull::Image | Pull::Attached) => self.images.take(caller, Instant::now()),
            Pulled::Manifest(Pull::Child) => self.children.take(caller, Instant::now()),
            Pulled::Blob => Ok(()),
        }
    }
}

/// Why a pull is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooFast(TooFast),
    /// The monthly volume is used up.
    Spent,
}

/// Counts the bytes of a response against the monthly volume of an address.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    downloads: Arc<Downloads>,
    address: IpAddr,
    month: i64,
}

impl Charge {
    /// Adds bytes that were sent.
    pub(crate) fn add(&self, sent: u64) {
        self.downloads.add(self.address, self.month, sent);
    }
}

impl PullLimits {
    /// `anonymous` is the rate per address, `accounts` that per account, and `volume` the bytes per address and month.
    pub(crate) fn new(anonymous: Option<Rate>, accounts: Option<Rate>, volume: Option<u64>) -> Self {
        Self {
            anonymous: anonymous.map(Pulls::new),
            accounts: accounts.map(Pulls::new),
            downloads: volume.map(|limit| Arc::new(Downloads::new(limit))),
        }
    }

    /// Counts a pull. Returns the charge for its bytes if they count against a volume.
    pub(crate) fn admit(
        &self,
        principal: Option<&Principal>,
        client: IpAddr,
        pulled: Pulled,
        now: Timestamp,
    ) -> Result<Option<Charge>, Refusal> {
        if let Some(Principal::Known(known)) = principal {
            if let Some(pulls) = &self.accounts {
                pulls.take(&known.identity.registry, pulled).map_err(Refusal::TooFast)?;
            }
            return Ok(None);
        }
        let address = network_of(client);
        let charge = self.downloads.as_ref().map(|downloads| Charge { downloads: downloads.clone(), address, month: volume::month(now) });
        if charge.as_ref().is_some_and(|charge| charge.downloads.is_spent(address, charge.month)) {
            return Err(Refusal::Spent);
        }
        if let Some(pulls) = &self.anonymous {
            pulls.take(&address, pulled).map_err(Refusal::TooFast)?;
        }
        Ok(charge)
    }
}
