//! When certificates are ordered. An authority limits orders and failures (Let's Encrypt: five failures of a domain per hour), and
//! refuses everything for a while once a limit is reached.

use crate::tls::Certificate;
use roadstead_model::Timestamp;
use sha2::{Digest, Sha256};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// The seconds until the next order, after one, two… that have begun since a certificate was issued. At most five begin in any hour.
const PAUSES: [i64; 6] = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR];
/// The seconds until the next order after the authority has refused one because of a limit.
pub(super) const AFTER_RATE_LIMIT: i64 = HOUR;
/// The most seconds until an authority that cannot be reached is tried again.
const LONGEST_OUTAGE: i64 = 10 * MINUTE;

/// When a certificate is renewed: after two thirds of its lifetime, or up to a twentieth of it earlier, so that not all servers in the
/// world order at once.
pub(super) fn renewal(certificate: &Certificate) -> Timestamp {
    let leaf = certificate.key.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
    Timestamp::from_seconds(renewal_between(certificate.not_before, certificate.not_after, leaf))
}

fn renewal_between(not_before: i64, not_after: i64, leaf: &[u8]) -> i64 {
    let lifetime = (not_after - not_before).max(0);
    not_before + lifetime / 3 * 2 - share_of(lifetime / 20, leaf)
}

/// The seconds until the next order may begin, after as many orders, a tenth more or less.
pub(super) fn after_attempts(attempts: u64, installation: &str, domain: &str) -> i64 {
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    PAUSES[at] + share_of(PAUSES[at] / 10, format!("{installation} {domain} {attempts}").as_bytes())
}

/// The seconds until an authority is tried again that could not be reached as many times in a row.
pub(super) fn after_outages(outages: u32) -> i64 {
    (10_i64 << outages.saturating_sub(1).min(10)).min(LONGEST_OUTAGE)
}

/// A share of `all` that depends on `of` alone, so that a restart does not change it.
fn share_of(all: i64, of: &[u8]) -> i64 {
    let digest = Sha256::digest(of);
    all * i64::from(digest[0]) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_five_orders_of_a_domain_begin_in_any_hour() {
        let mut begun = vec![0];
        for attempts in 1..12 {
            let pause = after_attempts(attempts, "an installation", "registry.example");
            assert!(pause >= PAUSES[(attempts as usize - 1).min(5)] && pause <= PAUSES[(attempts as usize - 1).min(5)] * 11 / 10);
            begun.push(begun[begun.len() - 1] + pause);
        }
        for start in &begun {
            let in_hour = begun.iter().filter(|time| (*start..start + HOUR).contains(*time)).count();
            assert!(in_hour <= 5, "{in_hour} orders begin in the hour after {start}");
        }
        assert!(after_attempts(u64::MAX, "", "") >= 6 * HOUR);
    }

    #[test]
    fn certificates_are_renewed_after_about_two_thirds_of_their_lifetime_but_not_all_at_once() {
        let day = 24 * HOUR;
        let mut renewals: Vec<i64> = (0..200_u8).map(|leaf| renewal_between(1000 * day, 1090 * day, &[leaf])).collect();
        renewals.sort_unstable();
        let (first, last) = (renewals[0], renewals[renewals.len() - 1]);
        assert!(first >= 1055 * day && last <= 1060 * day && last - first > 4 * day, "{first} {last}");
        renewals.dedup();
        assert!(renewals.len() > 100);
        assert_eq!(renewal_between(5, 3, &[]), 5, "a certificate without a lifetime");
    }

    #[test]
    fn an_authority_that_is_down_is_tried_soon_and_then_every_ten_minutes() {
        assert_eq!([1, 2, 3, 6, 7, 8, u32::MAX].map(after_outages), [10, 20, 40, 320, 600, 600, 600]);
    }
}
