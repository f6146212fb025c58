//! The featured tag of a repository, and the other facts that lists of repositories show.

use crate::error::Result;
use crate::gallery::summary;
use crate::gallery::tag_rows::tag_columns;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row;
use roadstead_model::gallery::featured::{Candidacy, Candidate, FeaturedTag, choose};
use roadstead_model::gallery::owner_settings::FEATURED_TAG;
use roadstead_model::{RepositoryKey, Timestamp};

statements! {
    // Each candidate is one entry of an index.
    SELECT_CANDIDATES = concat!("SELECT c.candidacy, s.created, s.annotations, ", tag_columns!(), " FROM (
            SELECT 0 AS candidacy, t.name AS name FROM resource_tag o
                JOIN tag t ON t.repository_id = o.repository_id AND t.name = TRIM(o.tag_value) AND t.visibility <> 1
                WHERE o.repository_id = ?1 AND o.tag_key = ?2
            UNION ALL SELECT 1, name FROM tag WHERE repository_id = ?1 AND name = 'latest' AND visibility = 0
            UNION ALL SELECT * FROM (SELECT 2, name FROM tag WHERE repository_id = ?1 AND visibility = 0 AND is_stable = TRUE
                ORDER BY version_key DESC LIMIT 1) AS highest
            UNION ALL SELECT * FROM (SELECT 3, name FROM tag WHERE repository_id = ?1 AND visibility = 0
                ORDER BY created_at DESC, name DESC LIMIT 1) AS newest
        ) AS c JOIN tag t ON t.repository_id = ?1 AND t.name = c.name
        JOIN manifest m ON m.id = t.manifest_id LEFT JOIN manifest_summary s ON s.manifest_id = m.id
        ORDER BY c.candidacy");
}

/// The featured tag of a repository, and when its newest listed tag was pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Featured {
    /// `None` if no tag is listed.
    pub tag: Option<FeaturedTag>,
    pub updated_at: Option<Timestamp>,
}

impl Installation {
    /// The featured tag of a repository.
    pub async fn featured_tag(&self, repository: &RepositoryKey) -> Result<Featured> {
        let find = async |tx: &mut Tx<'_>| {
            let id = repository_row::require(tx, repository).await?;
            select(tx, id).await
        };
        self.0.metadata.read(find).await
    }
}

/// The featured tag of the repository with this row id.
pub(crate) async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<Featured> {
    let found: Vec<FeaturedTag> = tx.query(&SELECT_CANDIDATES, params![repository, FEATURED_TAG]).await?;
    let candidate = |tag: &FeaturedTag| Candidate { candidacy: tag.candidacy, digest: tag.row.digest.clone(), moved_at: tag.row.moved_at };
    let chosen = choose(&found.iter().map(candidate).collect::<Vec<_>>());
    let updated_at = found.iter().find(|tag| tag.candidacy == Candidacy::Newest).map(|tag| tag.row.moved_at);
    Ok(Featured { tag: found.into_iter().find(|tag| Some(tag.candidacy) == chosen), updated_at })
}

impl FromRow for FeaturedTag {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let candidacy = match row.read::<i64>()? {
            0 => Candidacy::Owner,
            1 => Candidacy::Latest,
            2 => Candidacy::HighestStable,
            _ => Candidacy::Newest,
        };
        let (created, annotations): (_, Option<String>) = row.read()?;
        Ok(Self { candidacy, created, annotations: summary::annotations(annotations.as_deref().unwrap_or_default()), row: row.read()? })
    }
}

#[cfg(test)]
mod tests {
    use super::SELECT_CANDIDATES;
    use crate::metadata::migrations;

    /// A repository can have a million tags of which none is a stable version.
    #[test]
    fn every_candidate_is_one_entry_of_an_index() {
        let plan = migrations::plan(&SELECT_CANDIDATES);
        for step in [
            "SEARCH tag USING COVERING INDEX tag_by_stable_version (repository_id=? AND visibility=? AND is_stable=?)",
            "SEARCH tag USING COVERING INDEX tag_by_time (repository_id=? AND visibility=?)",
        ] {
            assert!(plan.iter().any(|found| found == step), "{plan:#?}");
        }
        assert!(plan.iter().all(|step| !step.starts_with("SCAN tag")), "{plan:#?}");
    }
}
