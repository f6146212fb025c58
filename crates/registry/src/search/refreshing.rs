//! The indexer: brings entries and postings up to date.

use super::facts::{self, Facts, Posting};
use super::postings;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::pull_statistics::reports::PullTotals;
use crate::{repository_row, stale};
use roadstead_model::RepositoryKey;
use roadstead_model::gallery::{ArtifactKind, RepositoryCard};
use std::collections::{BTreeMap, HashMap};

statements! {
    SELECT_VERSION = "SELECT version FROM search_version";
    DELETE_VERSION = "DELETE FROM search_version";
    INSERT_VERSION = "INSERT INTO search_version (version) VALUES (?1)";
    SELECT_STALE = "SELECT repository_id, changes FROM gallery_stale ORDER BY repository_id LIMIT ?1";
    SELECT_CHANGES = "SELECT changes FROM gallery_stale WHERE repository_id = ?1";
    DELETE_MARK = "DELETE FROM gallery_stale WHERE repository_id = ?1 AND changes = ?2";
    SELECT_LAST_OF_BATCH = "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM repository WHERE id > ?1 ORDER BY id LIMIT ?2) AS batch";
    MARK_BATCH = "INSERT INTO gallery_stale (repository_id, changes) SELECT id, ?3 FROM repository WHERE id > ?1 AND id <= ?2
        ON CONFLICT (repository_id) DO UPDATE SET changes = gallery_stale.changes + 1";
    // Inserts nothing if the repository has been deleted meanwhile.
    UPSERT = "INSERT INTO gallery_entry (repository_id, registry_id, alias, name, listed, verified, display_name, kind, description,
            operating_systems, architectures, signed, deprecated, logo_name, pulls, recent_pulls, pulls_step, recent_pulls_step,
            updated_at, created_at)
        SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20 FROM repository WHERE id = ?1
        ON CONFLICT (repository_id) DO UPDATE SET alias = excluded.alias, listed = excluded.listed, verified = excluded.verified,
            display_name = excluded.display_name, kind = excluded.kind, description = excluded.description,
            operating_systems = excluded.operating_systems, architectures = excluded.architectures, signed = excluded.signed,
            deprecated = excluded.deprecated, logo_name = excluded.logo_name, pulls = excluded.pulls, recent_pulls = excluded.recent_pulls,
            pulls_step = excluded.pulls_step, recent_pulls_step = excluded.recent_pulls_step, updated_at = excluded.updated_at";
}

/// The version of the rules by which the index is built. A new one rebuilds it at the next start.
const VERSION: i64 = 1;
/// The most repositories that one transaction marks.
const MARKED: usize = 5000;
/// A transaction writes no further repository after this many postings, so that pushes need not wait for more.
const WRITTEN: usize = 300;

/// A repository to bring up to date.
struct Stale {
    id: i64,
    /// The changes that have been seen.
    changes: i64,
    /// `None` if the repository does not exist any more.
    facts: Option<Facts>,
    postings: BTreeMap<String, Posting>,
}

impl Installation {
    /// Brings at most `limit` repositories up to date, and returns how many.
    pub async fn refresh_gallery(&self, limit: usize) -> Result<usize> {
        let version: Option<i64> = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query_one(&SELECT_VERSION, params![]).await).await?;
        if version != Some(VERSION) {
            self.reindex_gallery().await?;
        }
        let marks = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query(&SELECT_STALE, params![limit]).await).await?;
        let ids: Vec<i64> = marks.iter().map(|(id, _)| *id).collect();
        let pulls = self.pull_totals_of(&ids).await?;
        let stale = self.0.metadata.scan(async |tx: &mut Tx<'_>| select(tx, &marks, &pulls).await).await?;
        let count = stale.len();
        for group in groups(stale) {
            let store = async move |tx: &mut Tx<'_>| {
                for repository in &group {
                    repository.store(tx).await?;
                }
                Ok(())
            };
            self.0.metadata.content().write_lazily(store).await?;
        }
        Ok(count)
    }

    /// A repository as lists show it, read from where it is stored: whether or not it is listed, and before the indexer has seen it.
    pub async fn card(&self, repository: &RepositoryKey) -> Result<RepositoryCard> {
        let find = async |tx: &mut Tx<'_>| repository_row::require(tx, repository).await;
        let id = self.0.metadata.read(find).await?;
        let pulls = self.pull_totals_of(&[id]).await?.remove(&id).unwrap_or_default();
        let facts = self.0.metadata.read(async |tx: &mut Tx<'_>| facts::read(tx, id, pulls).await).await?;
        facts.map(|facts| facts.card(id)).ok_or_else(|| Error::RepositoryNotFound(repository.clone()))
    }

    /// Marks all repositories, so that the indexer of the server computes every entry and every posting again. Returns their number.
    pub async fn reindex_gallery(&self) -> Result<u64> {
        let (mut marked, mut after) = (0, 0);
        while let Some((last, count)) = self.0.metadata.write_lazily(async move |tx: &mut Tx<'_>| mark_batch(tx, after).await).await? {
            marked += count;
            after = last;
        }
        let confirm = async |tx: &mut Tx<'_>| {
            tx.execute(&DELETE_VERSION, params![]).await?;
            tx.execute(&INSERT_VERSION, params![VERSION]).await.map(drop)
        };
        self.0.metadata.write(confirm).await?;
        Ok(marked)
    }
}

async fn mark_batch(tx: &mut Tx<'_>, after: i64) -> Result<Option<(i64, u64)>> {
    let batch: Option<(Option<i64>, u64)> = tx.query_one(&SELECT_LAST_OF_BATCH, params![after, MARKED]).await?;
    let Some((Some(last), count)) = batch else { return Ok(None) };
    tx.execute(&MARK_BATCH, params![after, last, stale::first_change()?]).await?;
    Ok(Some((last, count)))
}

async fn select(tx: &mut Tx<'_>, marks: &[(i64, i64)], pulls: &HashMap<i64, PullTotals>) -> Result<Vec<Stale>> {
    let mut stale = Vec::with_capacity(marks.len());
    for (id, changes) in marks {
        let facts = facts::read(tx, *id, pulls.get(id).copied().unwrap_or_default()).await?;
        let postings = facts.as_ref().map(Facts::postings).unwrap_or_default();
        stale.push(Stale { id: *id, changes: *changes, facts, postings });
    }
    Ok(stale)
}

/// Divides repositories among transactions.
fn groups(stale: Vec<Stale>) -> Vec<Vec<Stale>> {
    let (mut groups, mut group, mut written) = (Vec::new(), Vec::new(), 0);
    for repository in stale {
        written += repository.postings.len();
        group.push(repository);
        if written >= WRITTEN {
            groups.push(std::mem::take(&mut group));
            written = 0;
        }
    }
    groups.push(group);
    groups
}

impl Stale {
    /// Writes what differs, and removes the mark unless there are changes that have not been seen. Does nothing if another indexer has
    /// removed the mark since, because what it wrote is newer.
    async fn store(&self, tx: &mut Tx<'_>) -> Result<()> {
        if tx.execute(&DELETE_MARK, params![self.id, self.changes]).await? == 0 {
            let changes: Option<i64> = tx.query_one(&SELECT_CHANGES, params![self.id]).await?;
            if !changes.is_some_and(|changes| stale::are_of_one_mark(changes, self.changes)) {
                return Ok(());
            }
        }
        postings::replace(tx, self.id, &self.postings).await?;
        if let Some(facts) = &self.facts {
            put_entry(tx, self.id, facts).await?;
        }
        Ok(())
    }
}

async fn put_entry(tx: &mut Tx<'_>, id: i64, facts: &Facts) -> Result<()> {
    let card = facts.card(id);
    let (systems, architectures) = (list(&card.operating_systems)?, list(&card.architectures)?);
    let (is_listed, kind) = (!facts.settings.is_unlisted, card.kind.map(ArtifactKind::name));
    let (pulls_step, recent_pulls_step) = (facts.pulls_step(), facts.recent_pulls_step());
    let parameters = params![
        id,
        card.key.registry,
        card.alias,
        card.key.name,
        is_listed,
        card.verified,
        card.display_name,
        kind,
        card.description,
        systems,
        architectures,
        card.signed,
        card.deprecated,
        card.logo_name,
        card.pulls,
        card.recent_pulls,
        pulls_step,
        recent_pulls_step,
        card.updated_at,
        card.created_at,
    ];
    tx.execute(&UPSERT, parameters).await.map(drop)
}

fn list(words: &[String]) -> Result<String> {
    serde_json::to_string(words).map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Metadata, migrations};

    const ID: i64 = 7;

    #[tokio::test]
    async fn an_indexer_that_was_interrupted_while_another_one_took_over_writes_nothing_older() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = Metadata::open_sqlite(&folder.path().join("test.db"), migrations::METADATA).expect("a database");
        metadata.migrate().await.expect("its schema");
        let mark = async || metadata.write(async move |tx: &mut Tx<'_>| stale::mark(tx, ID).await).await.expect("a mark");
        let marks = async || -> Vec<(i64, i64)> {
            metadata.read(async |tx: &mut Tx<'_>| tx.query(&SELECT_STALE, params![10_u64]).await).await.expect("marks")
        };
        let store = async |term: &str, changes: i64| {
            let postings = BTreeMap::from([(term.to_owned(), Posting { score: 1, weight: 1 })]);
            let seen = Stale { id: ID, changes, facts: None, postings };
            metadata.write(async move |tx: &mut Tx<'_>| seen.store(tx).await).await.expect("stored");
            let there = metadata.read(async |tx: &mut Tx<'_>| postings::select(tx, ID).await).await.expect("postings");
            there.into_iter().map(|(term, _)| term).collect::<Vec<_>>()
        };
        mark().await;
        let [(_, seen)] = marks().await[..] else { panic!("not one mark") };
        assert_eq!((store("new", seen).await, marks().await.len()), (vec!["new".to_owned()], 0));
        assert_eq!(store("old", seen).await, ["new"], "what is there is newer");
        mark().await;
        assert_eq!((store("old", seen).await, marks().await.len()), (vec!["new".to_owned()], 1), "the new mark is another one");

        // A change since it was read keeps the mark, but what was read is newer than what is there.
        let [(_, seen)] = marks().await[..] else { panic!("not one mark") };
        mark().await;
        assert_eq!((store("newer", seen).await, marks().await.len()), (vec!["newer".to_owned()], 1));
    }
}
