//! Which manifests refer to which (OCI distribution specification, "Listing Referrers").

use super::Metadata;
use super::images::NewManifest;
use super::repositories::find_repository;
use super::transaction::{Row, Sql, Tx, Value, statements};
use crate::error::{Error, Result};
use roadstead_model::manifest::MAXIMUM_ANNOTATIONS;
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::page::Filling;
use roadstead_model::{Digest, Page, PageSize, Referrer, RepositoryKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most bytes of a descriptor that is listed as it is stored: the annotations that a referrer may have, and what stands
/// beside them (two media types, in which JSON may make six bytes of one).
const LONGEST_DESCRIPTOR: i64 = MAXIMUM_ANNOTATIONS as i64 + 4096;

statements! {
    // A descriptor from before there was a bound to them is not even read.
    SELECT_PAGE = "SELECT f.digest, CASE WHEN OCTET_LENGTH(f.descriptor) <= ?6 THEN f.descriptor END, f.manifest_id FROM referrer f
        WHERE f.repository_id = ?1 AND f.subject = ?2 AND f.digest > ?3
        AND (CAST(?4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM manifest m WHERE m.id = f.manifest_id AND m.artifact_media_type = ?4))
        ORDER BY f.digest LIMIT ?5";
    SELECT_MANIFEST = "SELECT media_type, artifact_media_type, manifest_size FROM manifest WHERE id = ?1";
    INSERT = "INSERT INTO referrer (repository_id, subject, digest, manifest_id, descriptor) VALUES (?1, ?2, ?3, ?4, ?5)";
}

impl Metadata {
    /// A page of the manifests that refer to `subject`, by digest; an unknown repository or subject has none.
    pub(crate) async fn list_referrers(
        &self,
        key: &RepositoryKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: &str,
        size: PageSize,
    ) -> Result<Arc<Page<Referrer>>> {
        let work = async |tx: &mut Tx<'_>| {
            let Some(repository) = find_repository(tx, key).await? else { return Ok(Page { items: Vec::new(), next: None }) };
            let (subject, count) = (subject.as_str().into(), size.with_one_more().into());
            let parameters: [Value<'_>; 6] =
                [repository.into(), subject, after.into(), artifact_type.into(), count, LONGEST_DESCRIPTOR.into()];
            let mut stored = Filling::new(size);
            tx.fill(&mut stored, &SELECT_PAGE, &parameters, read).await?;
            complete(tx, stored, size).await
        };
        if artifact_type.is_some() {
            return self.scan(work).await.map(Arc::new);
        }
        let question = [key.registry.as_str(), key.name.as_str(), subject.as_str(), &size.get().to_string(), after];
        self.scan_through(&self.caches.referrers, &question, work).await
    }
}

/// Notes that a new manifest refers to `subject`, which need not exist.
pub(super) async fn insert(tx: &mut Tx<'_>, repository: i64, subject: &Digest, manifest: i64, new: &NewManifest) -> Result<()> {
    let descriptor = ReferrerDescriptor {
        media_type: &new.manifest.media_type,
        digest: new.digest.as_str(),
        size: new.bytes.len() as u64,
        artifact_type: new.manifest.artifact_media_type(),
        annotations: &new.manifest.annotations,
    };
    let descriptor = to_json(&descriptor)?;
    let parameters: [Value<'_>; 5] =
        [repository.into(), subject.as_str().into(), new.digest.as_str().into(), manifest.into(), descriptor.as_str().into()];
    tx.execute(&INSERT, &parameters).await.map(drop)
}

/// A row of the referrers; without its descriptor if that is too long.
struct Stored {
    digest: String,
    descriptor: Option<String>,
    manifest: i64,
}

fn read(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored { digest: row.text(0)?, descriptor: row.optional_text(1)?, manifest: row.integer(2)? })
}

/// Gives those a descriptor that have none: one without annotations. What is read for them counts as well.
async fn complete(tx: &mut Tx<'_>, stored: Filling<Stored>, size: PageSize) -> Result<Page<Referrer>> {
    let stored = stored.finish(|row| row.digest.clone());
    if stored.items.iter().all(|row| row.descriptor.is_some()) {
        let referrer = |row: Stored| Some(Referrer { digest: row.digest, descriptor: row.descriptor? });
        return Ok(Page { items: stored.items.into_iter().filter_map(referrer).collect(), next: stored.next });
    }
    let mut page = Filling::new(size);
    for row in stored.items {
        let (descriptor, bytes) = match row.descriptor {
            Some(descriptor) => {
                let bytes = descriptor.len();
                (descriptor, bytes)
            }
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

/// The descriptor of a referrer without its annotations, and how many bytes were read for it.
async fn plain_descriptor(tx: &mut Tx<'_>, row: &Stored) -> Result<(String, usize)> {
    let read = |manifest: &Row<'_>| {
        let (media_type, artifact_type) = (manifest.media_type(0)?, manifest.optional_media_type(1)?);
        let descriptor = ReferrerDescriptor {
            media_type: &media_type,
            digest: &row.digest,
            size: manifest.unsigned(2)?,
            artifact_type: artifact_type.as_deref(),
            annotations: &BTreeMap::new(),
        };
        Ok((to_json(&descriptor)?, manifest.text_bytes()))
    };
    let found = tx.query_one(&SELECT_MANIFEST, &[row.manifest.into()], read).await?;
    found.ok_or_else(|| Error::Internal("a referrer without a manifest".to_owned()))
}

fn to_json(descriptor: &ReferrerDescriptor<'_>) -> Result<String> {
    serde_json::to_string(descriptor).map_err(|error| Error::Internal(error.to_string()))
}
