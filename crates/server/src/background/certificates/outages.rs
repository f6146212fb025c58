//! What is known of an authority that answers no orders of a domain.

use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// How often an outage is logged again while its reason stays the same.
const REMINDER: Duration = Duration::from_secs(6 * 60 * 60);

/// The outages by domain, because one authority may answer for one domain and not for another.
#[derive(Debug, Default)]
pub(super) struct Outages(HashMap<String, Outage>);

/// Attempts of one domain that failed one after the other.
#[derive(Debug)]
struct Outage {
    count: u32,
    /// The reason that was logged last, and when.
    logged: Option<(String, Instant)>,
}

impl Outages {
    /// Counts a failed attempt, and returns how many there were in a row.
    pub(super) fn count(&mut self, domain: &str) -> u32 {
        let outage = self.0.entry(domain.to_owned()).or_insert(Outage { count: 0, logged: None });
        outage.count = outage.count.saturating_add(1);
        outage.count
    }

    /// Whether to log this reason now: at first, when it has changed, and from time to time.
    pub(super) fn is_news(&mut self, domain: &str, reason: &str, now: Instant) -> bool {
        let Some(outage) = self.0.get_mut(domain) else { return true };
        let is_known = |(known, since): &(String, Instant)| known == reason && now.duration_since(*since) < REMINDER;
        if outage.logged.as_ref().is_some_and(is_known) {
            return false;
        }
        outage.logged = Some((reason.to_owned(), now));
        true
    }

    /// Forgets the outage of a domain, for which the authority has answered.
    pub(super) fn end(&mut self, domain: &str) {
        self.0.remove(domain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_counted_and_logged_by_domain_at_first_on_change_and_every_few_hours() {
        let (mut outages, begin) = (Outages::default(), Instant::now());
        for (domain, reason, hours, count, is_news) in [
            ("a.example", "refused", 0, 1, true),
            ("b.example", "refused", 0, 1, true),
            ("a.example", "refused", 1, 2, false),
            ("a.example", "timed out", 2, 3, true),
            ("b.example", "refused", 5, 2, false),
            ("b.example", "refused", 6, 3, true),
            ("a.example", "timed out", 7, 4, false),
            ("a.example", "timed out", 8, 5, true),
        ] {
            assert_eq!(outages.count(domain), count, "{domain} at {hours} h");
            assert_eq!(outages.is_news(domain, reason, begin + hours * Duration::from_secs(3600)), is_news, "{domain} at {hours} h");
        }
        outages.end("a.example");
        assert_eq!(outages.count("a.example"), 1);
        assert!(outages.is_news("a.example", "timed out", begin));
        assert_eq!(outages.count("b.example"), 4, "another domain is as it was");
    }
}
