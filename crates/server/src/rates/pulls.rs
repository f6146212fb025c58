//! Limits on pulls like those of Amazon ECR Public, off unless set: rates of pulled images per address or account, and a monthly
//! volume of anonymous downloads per address (ECR Public user guide, "Service quotas").

use super::caller::{Caller, Callers};
use super::throttle::{Scope, Throttle, TooFast};
use super::volume::{self, Downloads};
use crate::config::Rate;
use crate::principal::Principal;
use roadstead_model::Timestamp;
use roadstead_registry::Pull;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Children that may be pulled per image: those of an index of sixteen platforms with an attestation each.
const CHILDREN: u32 = 32;

/// The configured limits, and the state of each caller.
#[derive(Debug)]
pub(crate) struct PullLimits {
    callers: Callers,
    anonymous: Option<Pulls>,
    accounts: Option<Pulls>,
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
struct Pulls {
    images: Throttle,
    children: Throttle,
}

impl Pulls {
    fn new(rate: Rate, is_shared: bool) -> Self {
        Self { images: Throttle::new(rate, is_shared), children: Throttle::new(rate.times(CHILDREN), is_shared) }
    }

    fn take(&self, caller: Caller, pulled: Pulled) -> Result<(), TooFast> {
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
    caller: Caller,
    month: i64,
}

impl Charge {
    /// Adds bytes that were sent.
    pub(crate) fn add(&self, sent: u64) {
        self.downloads.add(self.caller, self.month, sent);
    }
}

impl PullLimits {
    /// `anonymous` is the rate per address, `accounts` that per account, and `volume` the bytes per address and month.
    pub(super) fn new(anonymous: Option<Rate>, accounts: Option<Rate>, volume: Option<u64>, callers: Callers, is_shared: bool) -> Self {
        let pulls = |rate: Option<Rate>| rate.map(|rate| Pulls::new(rate, is_shared));
        let (anonymous, accounts) = (pulls(anonymous), pulls(accounts));
        Self { callers, anonymous, accounts, downloads: volume.map(|limit| Arc::new(Downloads::new(limit))) }
    }

    pub(super) fn downloads(&self) -> Option<&Downloads> {
        self.downloads.as_deref()
    }

    pub(super) fn throttles(&self) -> impl Iterator<Item = Scope<'_>> {
        let anonymous = self.anonymous.iter().flat_map(|pulls| [("pull", &pulls.images), ("child", &pulls.children)]);
        let accounts = self.accounts.iter().flat_map(|pulls| [("account_pull", &pulls.images), ("account_child", &pulls.children)]);
        anonymous.chain(accounts)
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
                pulls.take(self.callers.account(&known.identity.registry), pulled).map_err(Refusal::TooFast)?;
            }
            return Ok(None);
        }
        if self.anonymous.is_none() && self.downloads.is_none() {
            return Ok(None);
        }
        let caller = self.callers.network(client);
        let charge = self.downloads.as_ref().map(|downloads| Charge { downloads: downloads.clone(), caller, month: volume::month(now) });
        if charge.as_ref().is_some_and(|charge| charge.downloads.is_spent(caller, charge.month)) {
            return Err(Refusal::Spent);
        }
        if let Some(pulls) = &self.anonymous {
            pulls.take(caller, pulled).map_err(Refusal::TooFast)?;
        }
        Ok(charge)
    }
}
