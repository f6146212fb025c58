//! Which manifests refer to which (OCI distribution specification, "Listing Referrers").

use super::images::NewManifest;
use super::repositories::find_repository;
use super::transaction::{Row, Sql, Tx, Value, statements};
use super::{Metadata, RepositoryKey};
use crate::error::{Error, Result};
use crate::referrers::Referrer;
use roadstead_model::oci::ReferrerDescriptor;
use roadstead_model::{Digest, Page, PageSize, RegistryId, RepositoryName};
use std::sync::Arc;

statements! {
    SELECT_PAGE = "SELECT f.digest, f.descriptor FROM referrer f
        WHERE f.repository_id = ?1 AND f.subject = ?2 AND f.digest > ?3
        AND (CAST(?4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM manifest m WHERE m.id = f.manifest_id AND m.artifact_media_type = ?4))
        ORDER BY f.digest LIMIT ?5";
    INSERT = "INSERT INTO referrer (repository_id, subject, digest, manifest_id, descriptor) VALUES (?1, ?2, ?3, ?4, ?5)";
}

impl Metadata {
    /// A page of the manifests that refer to `subject`, by digest; an unknown repository or subject has none.
    pub(crate) async fn list_referrers(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: &str,
        size: PageSize,
    ) -> Result<Arc<Page<Referrer>>> {
        let key = RepositoryKey::new(registry, name);
        let work = async |tx: &mut Tx<'_>| {
            let Some(repository) = find_repository(tx, &key).await? else { return Ok(Page { items: Vec::new(), next: None }) };
            let count = size.with_one_more().into();
            let parameters: [Value<'_>; 5] = [repository.into(), subject.as_str().into(), after.into(), artifact_type.into(), count];
            let rows = tx.query(&SELECT_PAGE, &parameters, read).await?;
            Ok(Page::from_rows(rows, size, |referrer| referrer.digest.clone()))
        };
        if artifact_type.is_some() {
            return self.scan(work).await.map(Arc::new);
        }
        let question = [registry.as_str(), name.as_str(), subject.as_str(), &size.get().to_string(), after];
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
    let descriptor = serde_json::to_string(&descriptor).map_err(|error| Error::Internal(error.to_string()))?;
    let parameters: [Value<'_>; 5] =
        [repository.into(), subject.as_str().into(), new.digest.as_str().into(), manifest.into(), descriptor.as_str().into()];
    tx.execute(&INSERT, &parameters).await.map(drop)
}

fn read(row: &Row<'_>) -> Result<Referrer> {
    Ok(Referrer { digest: row.text(0)?, descriptor: row.text(1)? })
}
