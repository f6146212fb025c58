//! A bounded table of the access keys that addresses have proved to possess. Entries expire.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a proof is valid.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The maximum number of proofs: some hundred kilobytes. Only the holder of a valid key can add one.
const MAX_PROOFS: usize = 10_000;

/// The keyed hash of an address and the access key that it claims to possess. After a collision, two claims share a quota, which
/// is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Claim(u64);

#[derive(Debug, Default)]
pub(super) struct VerifiedKeys {
    secret: RandomState,
    proofs: Mutex<HashMap<Claim, Instant>>,
}

impl VerifiedKeys {
    pub(super) fn claim(&self, network: IpAddr, access_key_id: &str) -> Claim {
        Claim(self.secret.hash_one((network, access_key_id)))
    }

    pub(super) fn contains(&self, claim: Claim) -> bool {
        self.proofs.lock().get(&claim).is_some_and(|proved| proved.elapsed() < LIFETIME)
    }

    pub(super) fn insert(&self, claim: Claim) {
        let now = Instant::now();
        let mut proofs = self.proofs.lock();
        if proofs.len() >= MAX_PROOFS && !proofs.contains_key(&claim) {
            proofs.retain(|_, proved| now.duration_since(*proved) < LIFETIME);
            if proofs.len() >= MAX_PROOFS {
                proofs.clear();
            }
        }
        proofs.insert(claim, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_valid_for_its_address_and_key_and_their_number_is_bounded() {
        let (keys, network) = (VerifiedKeys::default(), IpAddr::from([192, 0, 2, 1]));
        keys.insert(keys.claim(network, "AKIA"));
        let contains = |network: IpAddr, key: &str| keys.contains(keys.claim(network, key));
        assert!(contains(network, "AKIA") && !contains(network, "AKIB") && !contains(IpAddr::from([192, 0, 2, 2]), "AKIA"));
        (0..2 * MAX_PROOFS).for_each(|number| keys.insert(keys.claim(network, &number.to_string())));
        assert!(keys.proofs.lock().len() <= MAX_PROOFS);
    }
}
