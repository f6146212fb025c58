//! Which address has proved to have which access key: a bounded table, which forgets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a proof counts after the last one.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How many proofs are kept at most: about a megabyte. Only who has a key can add one.
const MAXIMUM: usize = 10_000;

#[derive(Debug)]
pub(super) struct Proven(Mutex<HashMap<(IpAddr, String), Instant>>);

impl Proven {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(super) fn holds(&self, claim: &(IpAddr, String)) -> bool {
        let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.get(claim).is_some_and(|proved| proved.elapsed() < KEPT)
    }

    pub(super) fn note(&self, network: IpAddr, access_key_id: &str) {
        let now = Instant::now();
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= MAXIMUM {
            proven.retain(|_, proved| now.duration_since(*proved) < KEPT);
            if proven.len() >= MAXIMUM {
                proven.clear();
            }
        }
        proven.insert((network, access_key_id.to_owned()), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_good_for_its_address_and_key_and_there_is_an_end_to_how_many_are_kept() {
        let (proven, network) = (Proven::new(), IpAddr::from([192, 0, 2, 1]));
        proven.note(network, "AKIA");
        let holds = |network: IpAddr, key: &str| proven.holds(&(network, key.to_owned()));
        assert!(holds(network, "AKIA") && !holds(network, "AKIB") && !holds(IpAddr::from([192, 0, 2, 2]), "AKIA"));
        (0..2 * MAXIMUM).for_each(|number| proven.note(network, &number.to_string()));
        assert!(proven.0.lock().unwrap().len() <= MAXIMUM);
    }
}
