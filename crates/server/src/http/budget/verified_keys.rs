//! Which address has proved to have which access key: a bounded table, which forgets.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a proof counts after the last one.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How many proofs are kept at most: some hundred kilobytes. Only who has a key can add one.
const MAXIMUM: usize = 10_000;

/// An address and an access key that somebody there says to have, as a hash that nobody outside can work out. Two that have the
/// same share a bound, which does no harm.
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

    pub(super) fn holds(&self, claim: Claim) -> bool {
        let proofs = self.proofs.lock();
        proofs.get(&claim).is_some_and(|proved| proved.elapsed() < KEPT)
    }

    pub(super) fn note(&self, claim: Claim) {
        let now = Instant::now();
        let mut proofs = self.proofs.lock();
        if proofs.len() >= MAXIMUM && !proofs.contains_key(&claim) {
            proofs.retain(|_, proved| now.duration_since(*proved) < KEPT);
            if proofs.len() >= MAXIMUM {
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
    fn a_proof_is_good_for_its_address_and_key_and_there_is_an_end_to_how_many_are_kept() {
        let (proven, network) = (VerifiedKeys::default(), IpAddr::from([192, 0, 2, 1]));
        proven.note(proven.claim(network, "AKIA"));
        let holds = |network: IpAddr, key: &str| proven.holds(proven.claim(network, key));
        assert!(holds(network, "AKIA") && !holds(network, "AKIB") && !holds(IpAddr::from([192, 0, 2, 2]), "AKIA"));
        (0..2 * MAXIMUM).for_each(|number| proven.note(proven.claim(network, &number.to_string())));
        assert!(proven.proofs.lock().len() <= MAXIMUM);
    }
}
