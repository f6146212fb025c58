//! The tag that is featured: of the command that a page shows first.

use super::tag_row::TagRow;
use crate::digest::Digest;
use crate::timestamp::Timestamp;
use std::collections::BTreeMap;

/// By how much `latest` may be older than the highest stable version and still be current.
const CURRENT_SECONDS: i64 = 24 * 60 * 60;

/// Why a tag is a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Candidacy {
    /// The owner names it: see [`super::owner_settings::FEATURED_TAG`].
    Owner,
    /// It is `latest`.
    Latest,
    /// It is the highest stable version.
    HighestStable,
    /// It is the newest listed tag.
    Newest,
}

/// A tag that could be featured. None is attached to another image, and only the owner's choice may be hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub candidacy: Candidacy,
    pub digest: Digest,
    /// When the tag was pointed at its image.
    pub moved_at: Timestamp,
}

/// The featured tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeaturedTag {
    pub row: TagRow,
    pub candidacy: Candidacy,
    /// When the image was built.
    pub created: Option<Timestamp>,
    /// The well-known annotations of the image: see [`super::summary`].
    pub annotations: BTreeMap<String, String>,
}

/// Chooses the owner's tag; else `latest`, if it is current; else the highest stable version; else the newest tag. `latest` is current
/// if it is the highest stable version, or is not older by more than a day.
pub fn choose(candidates: &[Candidate]) -> Option<Candidacy> {
    let find = |candidacy| candidates.iter().find(|candidate| candidate.candidacy == candidacy);
    let stable = find(Candidacy::HighestStable);
    let is_current = |latest: &&Candidate| {
        stable.is_none_or(|stable| latest.digest == stable.digest || latest.moved_at.plus_seconds(CURRENT_SECONDS) >= stable.moved_at)
    };
    let latest = find(Candidacy::Latest).filter(is_current);
    let chosen = find(Candidacy::Owner).or(latest).or(stable).or_else(|| find(Candidacy::Newest));
    chosen.map(|candidate| candidate.candidacy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn candidate(candidacy: Candidacy, image: &str, hours: i64) -> Candidate {
        let digest = Digest::of(Algorithm::Sha256, image.as_bytes());
        Candidate { candidacy, digest, moved_at: Timestamp::from_seconds(hours * 3600) }
    }

    #[test]
    fn the_featured_tag_is_the_one_that_people_should_pull() {
        use Candidacy::{HighestStable, Latest, Newest, Owner};
        for (expected, candidates) in [
            (None, &[][..]),
            (Some(Newest), &[(Newest, "a", 9)]),
            (Some(HighestStable), &[(Newest, "a", 9), (HighestStable, "b", 0)]),
            (Some(Latest), &[(Newest, "a", 9), (Latest, "b", 0)]),
            (Some(Latest), &[(Latest, "a", 0), (HighestStable, "b", 24)]),
            (Some(HighestStable), &[(Latest, "a", 0), (HighestStable, "b", 25)]),
            (Some(Latest), &[(Latest, "a", 0), (HighestStable, "a", 99)]),
            (Some(Owner), &[(Owner, "c", 0), (Latest, "a", 9), (HighestStable, "a", 9), (Newest, "a", 9)]),
        ] {
            let candidates: Vec<_> = candidates.iter().map(|(candidacy, image, hours)| candidate(*candidacy, image, *hours)).collect();
            assert_eq!(choose(&candidates), expected, "{candidates:?}");
        }
    }
}
