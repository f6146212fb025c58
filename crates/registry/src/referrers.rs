//! Referrers: manifests whose subject is another manifest (OCI distribution specification, "Listing Referrers").

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_row;
use roadstead_model::manifest::MAXIMUM_ANNOTATIONS;
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::page::Filling;
use roadstead_model::{Digest, Page, PageSize, Referrer, RepositoryKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The maximum size in bytes of a descriptor that is listed as stored: annotations, and other members with two media types (JSON escapes
/// up to six bytes per byte).
const LONGEST_DESCRIPTOR: i64 = MAXIMUM_ANNOTATIONS as i64 + 4096;

statements! {
    // Descriptors stored before their size was limited may be too long and are not read.
    SELECT_PAGE = "SELECT f.digest, CASE WHEN OCTET_LENGTH(f.descriptor) <= ?6 THEN f.descriptor END, f.manifest_id FROM referrer f
        WHERE f.repository_id = ?1 AND f.subject = ?2 AND f.digest > ?3
        AND (CAST(?4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM manifest m WHERE m.id = f.manifest_id AND m.artifact_media_type = ?4))
        ORDER BY f.digest LIMIT ?5";
    SELECT_MANIFEST = "SELECT media_type, artifact_media_type, manifest_size FROM manifest WHERE id = ?1";
    INSERT = "INSERT INTO referrer (repository_id, subject, digest, manifest_id, descriptor) VALUES (?1, ?2, ?3, ?4, ?5)";
}

impl Installation {
    /// A page of the referrers of `subject`, ordered by digest. Empty if the repository or subject does not exist.
    pub async fn list_referrers(
        &self,
        repository: &RepositoryKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Arc<Page<Referrer>>> {
        let after = after.unwrap_or_default();
        let select = async |tx: &mut Tx<'_>| {
            let Some(id) = repository_row::find(tx, repository).await? else { return Ok(Page { items: Vec::new(), next: None }) };
            let (mut stored, count) = (Filling::new(size), size.with_one_more());
            tx.fill(&mut stored, &SELECT_PAGE, params![id, subject, after, artifact_type, count, LONGEST_DESCRIPTOR]).await?;
            complete(tx, stored, size).await
        };
        if artifact_type.is_some() {
            return self.0.metadata.scan(select).await.map(Arc::new);
        }
        let question = [repository.registry.as_str(), repository.name.as_str(), subject.as_str(), &size.get().to_string(), after];
        self.0.metadata.scan_through(self.arrived(), &self.0.caches.referrers, &question, select).await
    }
}

/// Inserts a referrer, the manifest with the row id `manifest`. The subject need not exist.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    repository: i64,
    subject: &Digest,
    manifest: i64,
    descriptor: &ReferrerDescriptor<'_>,
) -> Result<()> {
    tx.send(&INSERT, params![repository, subject, descriptor.digest, manifest, to_json(descriptor)?]).await
}

/// A stored referrer, without its descriptor if that is too long.
struct Stored {
    digest: String,
    descriptor: Option<String>,
    manifest: i64,
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { digest: row.read()?, descriptor: row.read()?, manifest: row.read()? })
    }
}

/// Composes missing descriptors, without annotations. The page is limited also by the bytes read for them.
async fn complete(tx: &mut Tx<'_>, stored: Filling<Stored>, size: PageSize) -> Result<Page<Referrer>> {
    let stored = stored.finish(|row| row.digest.clone());
    if stored.items.iter().all(|row| row.descriptor.is_some()) {
        let referrer = |row: Stored| Some(Referrer { digest: row.digest, descriptor: row.descriptor? });
        return Ok(Page { items: stored.items.into_iter().filter_map(referrer).collect(), next: stored.next });
    }
    let mut page = Filling::new(size);
    for row in stored.items {
        let (bytes, descriptor) = match row.descriptor {
            Some(descriptor) => (descriptor.len(), descriptor),
            None => plain_descriptor(tx, &row).await?,
        };
        let bytes = row.digest.len() + bytes;
        if !page.take(Referrer { digest: row.digest, descriptor }, bytes) {
            break;
        }
    }
    let page = page.finish(|referrer| referrer.digest.clone());
    Ok(Page { next: page.next.or(stored.next), ..page })
}

/// The members of a descriptor other than its annotations.
struct Described {
    media_type: String,
    artifact_type: Option<String>,
    size: u64,
    /// The number of bytes of text read.
    text_bytes: usize,
}

impl FromRow for Described {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (media_type, artifact_type) = (row.read_media_type()?, row.read_optional_media_type()?);
        Ok(Self { media_type, artifact_type, size: row.read()?, text_bytes: row.text_bytes() })
    }
}

/// Composes the descriptor of a referrer without annotations. Returns it after the number of bytes of text read.
async fn plain_descriptor(tx: &mut Tx<'_>, row: &Stored) -> Result<(usize, String)> {
    let found: Option<Described> = tx.query_one(&SELECT_MANIFEST, params![row.manifest]).await?;
    let found = found.ok_or_else(|| Error::Internal("a referrer without a manifest".to_owned()))?;
    let descriptor = ReferrerDescriptor {
        media_type: &found.media_type,
        digest: &row.digest,
        size: found.size,
        artifact_type: found.artifact_type.as_deref(),
        annotations: &BTreeMap::new(),
    };
    Ok((found.text_bytes, to_json(&descriptor)?))
}

fn to_json(descriptor: &ReferrerDescriptor<'_>) -> Result<String> {
    serde_json::to_string(descriptor).map_err(|error| Error::Internal(error.to_string()))
}
