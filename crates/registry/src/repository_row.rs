//! Rows of repositories, which operations look up first.

use crate::error::{Error, Result};
use crate::metadata::{Tx, params, statements};
use crate::stale;
use roadstead_model::gallery::Visibility;
use roadstead_model::{RegistryId, RepositoryKey, Timestamp};

statements! {
    SELECT_ID = "SELECT id FROM repository WHERE registry_id = ?1 AND name = ?2";
    INSERT = "INSERT INTO repository (id, registry_id, name, image_count, created_at) VALUES (?1, ?2, ?3, 0, ?4)
        ON CONFLICT (registry_id, name) DO NOTHING";
    ADD_TO_COUNTS = "UPDATE repository SET image_count = image_count + ?2, listed_tags = listed_tags + ?3, hidden_tags = hidden_tags + ?4
        WHERE id = ?1";
    COUNT_IN_REGISTRY = "UPDATE registry SET repository_count = repository_count + ?2 WHERE id = ?1 RETURNING repository_count";
}

/// Whether a write creates a missing repository.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IfMissing {
    Fail,
    /// Create it, unless the registry has `limit` repositories.
    Create {
        limit: u64,
    },
}

/// The row id of a repository, if it exists.
pub(crate) async fn find(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<Option<i64>> {
    tx.query_one(&SELECT_ID, params![key.registry, key.name]).await
}

/// The row id of a repository. Fails if it does not exist.
pub(crate) async fn require(tx: &mut Tx<'_>, key: &RepositoryKey) -> Result<i64> {
    find(tx, key).await?.ok_or_else(|| Error::RepositoryNotFound(key.clone()))
}

/// Returns `found`. If it is `None`, fails if the repository does not exist: only a miss pays for that query.
pub(crate) async fn require_on_miss<T>(tx: &mut Tx<'_>, key: &RepositoryKey, found: Option<T>) -> Result<Option<T>> {
    if found.is_none() {
        require(tx, key).await?;
    }
    Ok(found)
}

/// The row id of a repository. If allowed, a missing one is created.
pub(crate) async fn require_or_insert(tx: &mut Tx<'_>, key: &RepositoryKey, missing: IfMissing, now: Timestamp) -> Result<i64> {
    match find(tx, key).await? {
        Some(found) => Ok(found),
        None => insert_missing(tx, key, missing, now).await,
    }
}

/// Creates a repository that does not exist, if that is allowed.
pub(crate) async fn insert_missing(tx: &mut Tx<'_>, key: &RepositoryKey, missing: IfMissing, now: Timestamp) -> Result<i64> {
    let IfMissing::Create { limit } = missing else { return Err(Error::RepositoryNotFound(key.clone())) };
    let new = tx.next_id(now);
    if insert(tx, key, new, limit, now).await? {
        return Ok(new);
    }
    // Another server's transaction created it before this one began to insert, and the engine let this one see it.
    require(tx, key).await
}

/// Inserts a repository. Returns `false` if it exists. Fails if the registry then has more than `limit`.
pub(crate) async fn insert(tx: &mut Tx<'_>, key: &RepositoryKey, id: i64, limit: u64, now: Timestamp) -> Result<bool> {
    if tx.execute(&INSERT, params![id, key.registry, key.name, now]).await? == 0 {
        return Ok(false);
    }
    stale::mark(tx, id).await?;
    if add_to_count(tx, &key.registry, 1).await? > limit {
        return Err(Error::LimitExceeded(format!(
            "The registry with id '{}' already has the maximum allowed number of repositories which is '{limit}'",
            key.registry
        )));
    }
    Ok(true)
}

/// Changes of the numbers that a repository's row has, because counting takes time linear in the repository.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    images: i64,
    listed_tags: i64,
    hidden_tags: i64,
}

impl Counts {
    pub(crate) fn add_images(&mut self, change: i64) {
        self.images += change;
    }

    pub(crate) fn images(&self) -> i64 {
        self.images
    }

    /// Adds to the number of tags of a visibility. Those that are attached to other images are not counted.
    pub(crate) fn add_tag(&mut self, visibility: Visibility, change: i64) {
        match visibility {
            Visibility::Listed => self.listed_tags += change,
            Visibility::Hidden => self.hidden_tags += change,
            Visibility::Attached => {}
        }
    }
}

/// Adds to the numbers of a repository.
pub(crate) async fn add_to_counts(tx: &mut Tx<'_>, repository: i64, counts: Counts) -> Result<()> {
    let Counts { images, listed_tags, hidden_tags } = counts;
    tx.send(&ADD_TO_COUNTS, params![repository, images, listed_tags, hidden_tags]).await
}

/// Adds to the number of repositories in a registry and returns the new number.
pub(crate) async fn add_to_count(tx: &mut Tx<'_>, registry: &RegistryId, change: i64) -> Result<u64> {
    let count = tx.query_one(&COUNT_IN_REGISTRY, params![registry, change]).await?;
    count.ok_or_else(|| Error::RegistryNotFound(registry.to_string()))
}
